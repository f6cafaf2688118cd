"""A timetable's words: identity, JSON, doubles, windows, rooms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.schedules.model import Occurrence, Problem, Timetable, digest
from tests.core.strategies import addresses

START = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ADA = Participant(id="ada", name="Ada", email="ada@school.example", role="teacher", leader=True)
BO = Participant(id="bo", name="Bo", role="student")


def a_class(**changes: Any) -> Occurrence:
    start = changes.pop("start", START)
    fields = {"uid": "maths", "title": "Maths", "start": start, "end": start + HOUR, "source": "week.csv:2"}
    return Occurrence(**{**fields, **changes})


def test_a_moved_class_is_the_same_class() -> None:
    moved = a_class(start=START + timedelta(days=1), original_start=START)
    assert moved.occurrence_id == a_class().occurrence_id == "maths@20260907T070000Z"


def test_a_class_that_was_never_moved_is_identified_by_its_start() -> None:
    assert a_class().key_start == START
    assert a_class(start=START + HOUR).occurrence_id != a_class().occurrence_id


def test_a_class_becomes_the_plan_of_a_launch() -> None:
    plan = a_class(participants=(ADA, BO), options={"record_av": True}).plan()
    assert (plan.title, plan.start, plan.end) == ("Maths", START, START + HOUR)
    assert plan.participants == (ADA, BO)
    assert plan.options == {"record_av": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": ""},
        {"title": ""},
        {"end": START},
        {"start": START.replace(tzinfo=None)},
        {"participants": (ADA, ADA)},
    ],
)
def test_what_cannot_be_a_class_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ConfigurationError, TypeError)):
        a_class(**changes)


def moments(first: int, last: int) -> st.SearchStrategy[datetime]:
    span = int((datetime(last, 1, 1, tzinfo=UTC) - datetime(first, 1, 1, tzinfo=UTC)).total_seconds())
    return st.integers(0, span).map(lambda one: datetime(first, 1, 1, tzinfo=UTC) + timedelta(seconds=one))


texts = st.text(max_size=20)
people = st.lists(
    st.builds(
        Participant,
        id=texts.map(str.strip).filter(bool),
        name=texts.map(str.strip).filter(bool),
        email=addresses() | st.just(""),
        role=texts.map(str.strip),
        leader=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda person: person.id,
).map(tuple)
classes = st.builds(
    Occurrence,
    uid=texts.filter(bool),
    title=texts.filter(bool),
    start=moments(2020, 2030),
    end=moments(2031, 2032),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    original_start=st.none() | st.just(START),
    participants=people,
    cancelled=st.booleans(),
    space=texts,
    options=st.dictionaries(
        texts, st.booleans() | st.integers() | texts | st.lists(texts, max_size=2), max_size=3
    ),
    source=texts,
)


@given(one=classes)
def test_json_comes_back_as_it_went(one: Occurrence) -> None:
    back = Occurrence.from_json(one.to_json())
    assert back == one
    assert back.occurrence_id == one.occurrence_id
    assert digest(back) == digest(one)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, "unknown fields: colour"),
        ({"cancelled": "no"}, "'cancelled'"),
        ({"uid": 7}, "'uid'"),
        ({"participants": "Ada"}, "'participants'"),
        ({"participants": [7]}, "participant"),
        ({"participants": [{"id": "a", "options": 7}]}, "participant"),
        ({"options": []}, "'options'"),
        ({"start": "2026-09-07T09:00"}, "no time zone"),
        ({"start": None}, "not an ISO 8601 time"),
        ({"zone": "Europe/Nowhere"}, "no time zone"),
    ],
)
def test_json_that_was_not_written_here_is_refused_with_the_field_named(
    changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Occurrence.from_json({**a_class().to_json(), **changes})


def test_json_without_a_field_that_it_needs_is_refused() -> None:
    data = a_class().to_json()
    del data["end"]
    with pytest.raises(ConfigurationError, match="'end'"):
        Occurrence.from_json(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Algebra"},
        {"end": START + 2 * HOUR},
        {"participants": (ADA,)},
        {"options": {"record_av": False}},
        {"cancelled": True},
        {"space": "room"},
    ],
)
def test_the_digest_changes_with_what_people_notice(changes: dict[str, Any]) -> None:
    one = a_class(participants=(ADA, BO), options={"record_av": True})
    assert digest(replace(one, **changes)) != digest(one)


def test_the_digest_does_not_change_with_the_place_in_the_file_or_the_order_of_people() -> None:
    one = a_class(participants=(ADA, BO))
    assert digest(replace(one, source="other.csv:9", participants=(BO, ADA), zone="Europe/Berlin")) == digest(one)


def test_a_sound_timetable_does_not_raise() -> None:
    table = Timetable.of([a_class()], [])
    table.raise_if_problems()
    assert table.problems == ()


def test_problems_are_told_all_at_once_the_first_fifty_in_full() -> None:
    problems = [Problem("week.csv", line, "is odd") for line in range(60, 0, -1)]
    with pytest.raises(ConfigurationError) as told:
        Timetable.of([], problems).raise_if_problems()
    text = str(told.value)
    assert "60 problems" in text
    assert "week.csv:1: is odd" in text
    assert "week.csv:50: is odd" in text
    assert "week.csv:51:" not in text
    assert "and 10 more" in text


def test_one_problem_is_one_problem() -> None:
    with pytest.raises(ConfigurationError, match=r"1 problem:\nweek.csv: is empty"):
        Timetable.of([], [Problem("week.csv", 0, "is empty")]).raise_if_problems()


def test_a_class_that_is_there_twice_is_kept_once_and_both_lines_are_named() -> None:
    table = Timetable.of([a_class(), a_class(source="week.csv:9", title="Other")], [])
    assert [one.title for one in table.occurrences] == ["Maths"]
    (problem,) = table.problems
    assert (problem.source, problem.line) == ("week.csv", 9)
    assert "week.csv:2" in problem.reason


def test_two_rows_that_meet_every_week_are_told_once() -> None:
    weeks = [START + timedelta(weeks=week) for week in range(10)]
    rows = [a_class(start=start, source=source) for source in ("w.csv:2", "w.csv:3") for start in weeks]
    table = Timetable.of(rows, [])
    assert len(table.occurrences) == 10
    assert len(table.problems) == 1


@given(
    offsets=st.lists(st.integers(0, 500), max_size=30, unique=True),
    cuts=st.lists(st.integers(0, 500), min_size=1, max_size=6, unique=True).map(sorted),
)
def test_adjoining_windows_share_no_class_and_lose_none(offsets: list[int], cuts: list[int]) -> None:
    table = Timetable.of([a_class(start=START + timedelta(minutes=one)) for one in offsets], [])
    edges = [START, *(START + timedelta(minutes=one) for one in cuts), START + timedelta(minutes=501)]
    parts = [table.select(first, last) for first, last in pairwise(edges)]
    assert tuple(one for part in parts for one in part) == table.occurrences
    assert [one.start for one in table.occurrences] == sorted(START + timedelta(minutes=one) for one in offsets)


def test_a_window_without_a_zone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        Timetable().select(START.replace(tzinfo=None), START)


def in_room(minute: int, source: str, **changes: Any) -> Occurrence:
    return a_class(uid=source, start=START + timedelta(minutes=minute), space="room", source=source, **changes)


def test_two_classes_in_one_room_at_once_are_a_problem_naming_both_lines() -> None:
    (problem,) = Timetable.of([in_room(0, "w.csv:2"), in_room(30, "w.csv:3")], []).overlaps()
    assert problem.where == "w.csv:3"
    assert "w.csv:2" in problem.reason


def test_classes_that_touch_do_not_overlap_until_the_room_opens_early_or_closes_late() -> None:
    table = Timetable.of([in_room(0, "w.csv:2"), in_room(60, "w.csv:3")], [])
    assert table.overlaps() == ()
    assert table.overlaps(lead=timedelta(minutes=1))
    assert "closes 5 min after" in table.overlaps(grace=timedelta(minutes=5))[0].reason


def test_a_long_class_is_still_in_the_room_when_a_short_one_has_come_and_gone() -> None:
    long = in_room(0, "w.csv:2", end=START + 5 * HOUR)
    table = Timetable.of([long, in_room(10, "w.csv:3"), in_room(120, "w.csv:4")], [])
    assert [problem.where for problem in table.overlaps()] == ["w.csv:3", "w.csv:4"]


def test_a_cancelled_class_or_one_with_a_room_of_its_own_needs_no_lasting_room() -> None:
    own = a_class(uid="own", source="w.csv:4")
    table = Timetable.of(
        [in_room(0, "w.csv:2"), in_room(0, "w.csv:3", cancelled=True), own, replace(own, uid="b")], []
    )
    assert table.overlaps() == ()


def test_two_rows_that_overlap_every_week_are_told_once() -> None:
    rows = [
        replace(in_room(minute + week * 10080, source), uid=f"{source}{week}")
        for week in range(5)
        for minute, source in ((0, "w.csv:2"), (30, "w.csv:3"))
    ]
    assert len(Timetable.of(rows, []).overlaps()) == 1


def test_checked_adds_the_overlaps_to_the_problems() -> None:
    table = Timetable.of([in_room(0, "w.csv:5"), in_room(30, "w.csv:3")], [Problem("w.csv", 4, "is odd")])
    assert [problem.line for problem in table.checked().problems] == [3, 4]


@pytest.mark.parametrize(("where", "line"), [("w.csv:7", 7), ("w.csv", 0), ("a:b", 0), ("", 0)])
def test_a_problem_stands_where_its_class_stands(where: str, line: int) -> None:
    problem = Problem.at(where, "is odd")
    assert problem.line == line
    assert problem.where == where
