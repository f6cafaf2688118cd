"""From times to a state, by property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.status import Absence, Held, SessionStatus, State
from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, gone, judge, with_summary
from airflow_provider.live_sessions.platforms.coviu.models import Summary
from tests.platforms.coviu.clinic import START

END = START + timedelta(minutes=30)
seconds = st.integers(-7200, 14400).map(lambda one: START + timedelta(seconds=one))


def status_at(now: datetime, actual_end: datetime | None = None, *, grace: float = 300) -> SessionStatus:
    return judge(Sighting("s", START, END, actual_end), now, settle=300, grace=grace)


@given(seconds, st.none() | seconds, st.floats(0, 3600))
def test_a_session_is_never_over_before_a_recorded_end_or_its_time(
    now: datetime, left: datetime | None, grace: float
) -> None:
    status = status_at(now, left, grace=grace)
    if status.state is State.ENDED:
        assert left is not None or now >= END + timedelta(seconds=grace)
    if now >= END + timedelta(seconds=grace):
        assert status.state is State.ENDED
    if left is None:
        assert status.held is Held.UNKNOWN
        assert (status.state is State.SCHEDULED) == (now < START)
    assert status.ended_at == (None if status.state is State.SCHEDULED else left)
    assert status.empty == (status.state is State.LIVE and left is not None)
    assert (status.session_ids, status.observed_at) == (("s",), now)
    assert status.state in (State.SCHEDULED, State.LIVE, State.ENDED)


@given(st.lists(st.integers(0, 3600), min_size=2, max_size=6))
def test_as_time_passes_a_state_never_goes_back(steps: list[int]) -> None:
    order = [State.SCHEDULED, State.LIVE, State.ENDED]
    now, reached = START - timedelta(hours=1), 0
    for step in steps:
        now += timedelta(seconds=step)
        at = order.index(status_at(now).state)
        assert at >= reached
        reached = at


@pytest.mark.parametrize(
    ("minutes_in", "later", "state"),
    [(20, 299, State.LIVE), (20, 300, State.ENDED), (30, 0, State.ENDED), (31, 0, State.ENDED)],
)
def test_an_early_recorded_end_counts_after_it_stood_for_five_minutes(
    minutes_in: int, later: int, state: State
) -> None:
    left = START + timedelta(minutes=minutes_in)
    status = status_at(left + timedelta(seconds=later), left)
    assert (status.state, status.held) == (state, Held.YES)


def test_a_session_that_went_is_cancelled_and_held_only_if_it_was_never_open() -> None:
    assert gone("s", START, was_live=False).held is Held.NO
    assert gone("s", START, was_live=True).held is Held.UNKNOWN


# ---- the summary


def summary(*entries: tuple[str, datetime | None, datetime | None], end: datetime | None = None) -> Summary:
    return Summary.model_validate(
        {
            "actual_end_time": end,
            "participants": [
                {"participant_id": who, "role": "GUEST", "entry_time": came, "exit_time": {"left_at": left}}
                for who, came, left in entries
            ],
        }
    )


OVER = judge(Sighting("s", START, END), END + timedelta(hours=1), settle=300, grace=0)
STATES = {"pa": "dr-1", "pb": "p-1"}
TEN = START + timedelta(minutes=10)


def test_no_entry_is_a_no_show() -> None:
    status = with_summary(OVER, summary(), STATES)
    assert (status.state, status.held, status.absence, status.people) == (
        State.NEVER_HELD,
        Held.NO,
        Absence.NOBODY,
        0,
    )
    assert with_summary(OVER, summary(("pa", None, None)), STATES).state is State.NEVER_HELD


def test_no_entry_in_a_session_with_a_recorded_end_is_unknown_and_no_no_show() -> None:
    status = with_summary(OVER, summary(end=TEN), STATES)
    assert (status.state, status.held) == (State.ENDED, Held.UNKNOWN)


def test_no_entry_while_it_is_open_is_no_no_show_yet() -> None:
    assert with_summary(status_at(START), summary(), STATES).state is State.LIVE


def test_one_entry_alone_stays_unknown() -> None:
    status = with_summary(OVER, summary(("pa", START, TEN)), STATES)
    assert (status.state, status.held, status.people, status.present) == (
        State.ENDED,
        Held.UNKNOWN,
        1,
        frozenset({"dr-1"}),
    )
    assert (status.started_at, status.ended_at) == (START, TEN)


def test_two_entries_are_a_session_that_was_held() -> None:
    status = with_summary(OVER, summary(("pa", START, TEN), ("pb", TEN, None), ("px", TEN, TEN)), STATES)
    assert (status.held, status.people, status.present) == (Held.YES, 3, frozenset({"dr-1", "p-1"}))
    assert status.ended_at is None  # somebody's exit is not known
    assert OVER.observed_at.tzinfo is UTC
