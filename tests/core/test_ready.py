"""The memory of a watcher of transcripts: each is asked for a few times, and told once it is there."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, Ability, Readiness, Verdict
from airflow_provider.live_sessions.core.ended import Cursor, EndedSession
from airflow_provider.live_sessions.core.polling import ARTIFACT_CALLS, ARTIFACT_DELAYS
from airflow_provider.live_sessions.core.ready import Awaiting
from airflow_provider.live_sessions.core.status import Held

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
READY, PENDING = Verdict(Readiness.READY, "there"), Verdict(Readiness.PENDING, "not yet")
LAST = timedelta(days=3)


def after(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def ended(number: int, seconds: int, lacks: frozenset[Ability] = frozenset()) -> EndedSession:
    return EndedSession(f"s{number}", after(seconds), after(seconds), Held.YES, f"key{number}", lacks)


def waiting(*sessions: EndedSession) -> Awaiting:
    return Awaiting(Cursor(BEGIN)).with_ended(sessions, Cursor(BEGIN), Ability.TRANSCRIPT, ARTIFACT_DELAYS)


def stored(memory: Awaiting) -> Awaiting:
    read = Awaiting.from_json(json.loads(json.dumps(memory.to_json())))
    assert read is not None
    return read


def asked_until_over(memory: Awaiting, ready: dict[str, datetime]) -> tuple[list[str], list[tuple[str, datetime]]]:
    """Let a watcher look every minute, and be killed after each question; return what was told and asked."""
    told, asked = [], []
    now = BEGIN
    while memory.sessions and now < BEGIN + LAST:
        while (one := memory.next_due(now)) is not None:
            asked.append((one.session_id, now))
            there = ready.get(one.session_id, BEGIN + 2 * LAST) <= now
            wait = DEFAULT_RULES.after(one.ended_at)
            late = Verdict(Readiness.FAILED, "too late") if now >= wait.deadline else PENDING
            memory = stored(memory.answered(one, READY if there else late, now, wait, ARTIFACT_DELAYS))
            told += [one.session_id] if there else []
        now += timedelta(minutes=1)
    assert not memory.sessions, "nobody is waited for for ever"
    return told, asked


@given(st.lists(st.tuples(st.integers(0, 9000), st.none() | st.integers(0, 90_000)), max_size=8))
def test_what_is_ready_before_its_deadline_is_told_once_and_nobody_is_asked_for_too_often(
    plan: list[tuple[int, int | None]],
) -> None:
    sessions = [ended(number, end) for number, (end, _) in enumerate(plan)]
    ready = {f"s{number}": after(end + late) for number, (end, late) in enumerate(plan) if late is not None}
    told, asked = asked_until_over(waiting(*sessions), ready)
    assert len(told) == len(set(told))
    for number, (end, late) in enumerate(plan):
        name = f"s{number}"
        questions = [at for who, at in asked if who == name]
        assert 1 <= len(questions) <= ARTIFACT_CALLS
        assert questions[0] >= after(end + ARTIFACT_DELAYS[0]), "minutes pass before the first question"
        assert all(two - one >= timedelta(minutes=5) for one, two in itertools.pairwise(questions))
        if late is not None and late <= DEFAULT_RULES.give_up_after:
            assert name in told, "the last question waits for the deadline"


def test_who_is_longest_due_is_asked_for_first() -> None:
    memory = waiting(ended(1, 60), ended(2, 0), ended(3, 120))
    order = []
    while (one := memory.next_due(after(9000))) is not None:
        order.append(one.session_id)
        memory = memory.answered(one, READY, after(9000), DEFAULT_RULES.after(one.ended_at), ARTIFACT_DELAYS)
    assert order == ["s2", "s1", "s3"]
    assert memory.next_due(after(9000)) is None


def test_what_lacks_it_for_good_is_not_asked_for() -> None:
    lacking = ended(1, 0, frozenset({Ability.TRANSCRIPT}))
    assert set(waiting(lacking, ended(2, 0, frozenset({Ability.RECORDING}))).sessions) == {"s2"}


def test_a_session_that_is_listed_again_keeps_its_count() -> None:
    memory = waiting(ended(1, 0))
    (one,) = memory.sessions.values()
    memory = memory.answered(one, PENDING, after(400), DEFAULT_RULES.after(one.ended_at), ARTIFACT_DELAYS)
    again = memory.with_ended([ended(1, 0)], Cursor(BEGIN), Ability.TRANSCRIPT, ARTIFACT_DELAYS)
    assert again.sessions["s1"].asked == 1


@given(st.lists(st.integers(0, 5000), max_size=10))
def test_the_memory_survives_the_database(ends: list[int]) -> None:
    memory = waiting(*(ended(number, end) for number, end in enumerate(ends)))
    assert stored(memory) == memory
    assert stored(memory).sessions == memory.sessions


def test_an_event_has_one_id_for_one_happening_of_one_session() -> None:
    one, other = waiting(ended(1, 0), ended(2, 0)).sessions.values()
    ids = {
        one.event_id("transcript-ready"),
        one.event_id("recording-ready"),
        other.event_id("transcript-ready"),
        ended(1, 0).event_id,
    }
    assert len(ids) == 4


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {"ends": {}},
        {"ends": Cursor(BEGIN).to_json()},
        {"ends": Cursor(BEGIN).to_json(), "sessions": [["s"]]},
        {"ends": Cursor(BEGIN).to_json(), "sessions": [["s", 1e300, "k", 0, 0]]},
        {"ends": Cursor(BEGIN).to_json(), "sessions": [["s", 0, "k", None, 0]]},
    ],
)
def test_nonsense_is_no_memory(data: Any) -> None:
    assert Awaiting.from_json(data) is None
