from __future__ import annotations

import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import DIGEST_LENGTH, KeyKind, LaunchKey, fingerprint
from airflow_provider.live_sessions.core.models import Participant, Plan
from tests.core.strategies import moments, plans, some_text

TASKS = st.fixed_dictionaries(
    {
        "conn_id": st.text(max_size=6),
        "dag_id": st.text(max_size=6),
        "run_id": st.text(max_size=6),
        "task_id": st.text(max_size=6),
        "map_index": st.integers(-1, 2000),
    }
)
OCCURRENCES = st.fixed_dictionaries(
    {
        "conn_id": st.text(max_size=6),
        "timetable": st.text(max_size=6),
        "uid": st.text(max_size=6),
        "start": moments(),
    }
)
NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)


def task_key(parts: dict[str, Any]) -> LaunchKey:
    return LaunchKey.for_task(**parts)


def class_key(parts: dict[str, Any]) -> LaunchKey:
    return LaunchKey.for_occurrence(**parts)


@given(TASKS, OCCURRENCES)
def test_equal_identities_have_equal_keys(task: dict[str, Any], occurrence: dict[str, Any]) -> None:
    assert task_key(task) == task_key(dict(task))
    assert class_key(occurrence) == class_key(dict(occurrence))


@given(TASKS, TASKS, st.sampled_from(["conn_id", "dag_id", "run_id", "task_id", "map_index"]))
def test_any_other_part_of_a_task_is_another_key(one: dict[str, Any], other: dict[str, Any], part: str) -> None:
    assume(one[part] != other[part])
    assert task_key(one) != task_key({**one, part: other[part]})


@given(OCCURRENCES, OCCURRENCES, st.sampled_from(["conn_id", "timetable", "uid", "start"]))
def test_any_other_part_of_an_occurrence_is_another_key(
    one: dict[str, Any], other: dict[str, Any], part: str
) -> None:
    assume(one[part] != other[part])
    assert class_key(one) != class_key({**one, part: other[part]})


@given(TASKS, TASKS)
@example(
    {"conn_id": "c", "dag_id": "ab", "run_id": "c", "task_id": "t", "map_index": 1},
    {"conn_id": "c", "dag_id": "a", "run_id": "bc", "task_id": "t", "map_index": 1},
)
@example(
    {"conn_id": "c", "dag_id": 'a","b', "run_id": "c", "task_id": "t", "map_index": 1},
    {"conn_id": "c", "dag_id": "a", "run_id": 'b","c', "task_id": "t", "map_index": 1},
)
def test_keys_are_equal_only_for_equal_identities(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (task_key(one) == task_key(other)) is (one == other)


@given(st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), st.text(max_size=4), moments())
def test_a_task_and_an_occurrence_never_share_a_key(
    conn_id: str, first: str, second: str, third: str, start: datetime
) -> None:
    occurrence = LaunchKey.for_occurrence(conn_id=conn_id, timetable=first, uid=second, start=start)
    task = LaunchKey.for_task(conn_id=conn_id, dag_id=first, run_id=second, task_id=third, map_index=-1)
    assert occurrence.digest != task.digest
    assert (occurrence.kind, task.kind) == (KeyKind.OCCURRENCE, KeyKind.TASK)


def test_the_try_number_is_no_part_of_a_key() -> None:
    for made_of in (LaunchKey.for_task, LaunchKey.for_occurrence):
        assert not [name for name in inspect.signature(made_of).parameters if "try" in name]


@given(OCCURRENCES, st.integers(-720, 720))
def test_one_moment_written_in_two_zones_is_one_occurrence(parts: dict[str, Any], offset: int) -> None:
    there = timezone(timedelta(minutes=offset))
    assert class_key(parts) == class_key({**parts, "start": parts["start"].astimezone(there)})


def test_an_occurrence_with_a_naive_start_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        LaunchKey.for_occurrence(conn_id="c", timetable="t", uid="u", start=datetime(2026, 9, 1, 9))  # noqa: DTZ001 - the point


@given(TASKS, OCCURRENCES, st.integers(0, 50))
def test_every_key_fits_the_fields_of_every_platform(
    task: dict[str, Any], occurrence: dict[str, Any], generation: int
) -> None:
    for key in (task_key(task), class_key(occurrence), task_key(task).successor(generation)):
        assert re.fullmatch(rf"[0-9a-f]{{{DIGEST_LENGTH}}}", key.digest)


def test_keys_stay_the_same_from_release_to_release() -> None:
    # A changed digest would launch every class of every user anew.
    task = LaunchKey.for_task(conn_id="c", dag_id="d", run_id="r", task_id="t", map_index=-1)
    occurrence = LaunchKey.for_occurrence(conn_id="c", timetable="t", uid="u", start=NINE)
    plan = Plan("Algebra", NINE, NINE + timedelta(hours=1), (Participant("ada", "Ada"),))
    assert task.digest == "1a0e738acb020ae3c50b6dc679208d21"
    assert occurrence.digest == "212fb8134371c0bebc45a8a5f572638f"
    assert task.successor(1).digest == "78c654d2bd27dd9a16a7db3e6288a5d2"
    assert fingerprint(plan) == "21489438042f6449074ba17eeeaede8b"


@given(TASKS, st.integers(0, 100), st.integers(0, 100))
def test_a_replacement_has_a_key_of_its_own_that_its_retries_share(
    parts: dict[str, Any], generation: int, other: int
) -> None:
    key = task_key(parts)
    assert key.successor(generation) == key.successor(generation)
    assert key.successor(generation) != key
    assert (key.successor(generation) == key.successor(other)) is (generation == other)
    assert key.successor(generation).kind is key.kind


@settings(max_examples=40)  # large values
@given(plans())
def test_a_fingerprint_is_of_title_times_and_people_and_not_of_options(plan: Plan) -> None:
    assert fingerprint(plan) == fingerprint(replace(plan, options={"transcribe": True}))
    assert fingerprint(plan) == fingerprint(replace(plan, participants=plan.participants[::-1]))
    renamed = tuple(replace(one, name=f"{one.name}!", email="") for one in plan.participants)
    assert fingerprint(plan) == fingerprint(replace(plan, participants=renamed))


@settings(max_examples=40)  # large values
@given(plans(), some_text())
def test_another_title_time_or_person_is_another_fingerprint(plan: Plan, text: str) -> None:
    assume(text not in {plan.title, *(one.id for one in plan.participants)})
    others = [
        replace(plan, title=text),
        replace(plan, start=plan.start - timedelta(seconds=1)),
        replace(plan, end=plan.end + timedelta(seconds=1)),
        replace(plan, participants=(*plan.participants, Participant(text, text))),
    ]
    assert len({fingerprint(one) for one in (plan, *others)}) == 5
