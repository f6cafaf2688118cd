from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.polling import (
    ARTIFACT_CALLS,
    LONGEST_PAUSE,
    Conclusion,
    Goal,
    GoalKind,
    Outcome,
    artifact_delay,
    conclude,
    conclude_unreachable,
    milestone,
    next_delay,
)
from airflow_provider.live_sessions.core.status import Held, Seen, SessionStatus, State
from tests.core.strategies import BEYOND_THE_CALENDAR, moments, read_or_refused, spoiled, statuses

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
DEADLINE = NINE + timedelta(hours=2)
SEEN = Seen(NINE, NINE + timedelta(hours=1), DEADLINE)

FOR_THE_END = Goal(GoalKind.END)
FOR_THE_START = Goal(GoalKind.START)
FOR_THREE = Goal(GoalKind.START, min_people=3)
FOR_ADA_AND_BO = Goal(GoalKind.START, expected=frozenset({"ada", "bo"}))
GOALS = (FOR_THE_END, FOR_THE_START, FOR_THREE, FOR_ADA_AND_BO)

BEFORE, AT, AFTER = (timedelta(seconds=shift) for shift in (-1, 0, 1))


def status(state: State, when: timedelta = BEFORE, **fields: Any) -> SessionStatus:
    return SessionStatus(state, Held.UNKNOWN, f"it is {state}", DEADLINE + when, **{"people": 2, **fields})


ENDS = {
    State.ENDED: Conclusion.REACHED,
    State.CANCELLED: Conclusion.CANCELLED,
    State.NEVER_HELD: Conclusion.NEVER_HELD,
}
"""What is over ends every wait alike, whatever its goal and whatever the time."""


@pytest.mark.parametrize("when", [BEFORE, AT, AFTER])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("goal", GOALS)
def test_every_state_for_every_goal_before_at_and_after_the_deadline(
    goal: Goal, state: State, when: timedelta
) -> None:
    expected = ENDS.get(state)
    if expected is None and state is State.LIVE and goal is FOR_THE_START:
        expected = Conclusion.REACHED  # two are inside; three, or ada and bo, are not
    if expected is None and when >= timedelta(0):
        expected = Conclusion.DEADLINE
    outcome = conclude(goal, status(state, when), SEEN)
    assert (None if outcome is None else outcome.conclusion) == expected
    if outcome is not None:
        assert outcome.status == status(state, when)
        assert f"it is {state}" in outcome.why


@pytest.mark.parametrize(
    ("goal", "people", "present", "reached"),
    [
        (FOR_THE_START, None, (), True),
        (FOR_THE_START, 0, (), False),
        (FOR_THE_START, 1, (), True),
        (FOR_THREE, 2, (), False),
        (FOR_THREE, 3, (), True),
        (FOR_THREE, None, (), True),
        (FOR_ADA_AND_BO, 7, ("ada", "cy"), False),
        (FOR_ADA_AND_BO, None, (), False),
        (FOR_ADA_AND_BO, 2, ("ada", "bo"), True),
        (FOR_ADA_AND_BO, 3, ("cy", "bo", "ada"), True),
    ],
)
def test_a_start_is_reached_when_those_have_come_whom_it_asks_for(
    goal: Goal, people: int | None, present: tuple[str, ...], reached: bool
) -> None:
    outcome = conclude(goal, status(State.LIVE, people=people, present=frozenset(present)), SEEN)
    assert (outcome is not None) is reached


@given(statuses())
def test_a_live_session_never_ends_a_wait_for_the_end_before_its_deadline(told: SessionStatus) -> None:
    live = replace(told, state=State.LIVE)
    seen = replace(SEEN, deadline=live.observed_at + timedelta(microseconds=1))
    assert conclude(FOR_THE_END, live, seen) is None


@given(st.sampled_from(GOALS), statuses(), moments())
def test_a_wait_goes_on_past_its_deadline_for_nobody(goal: Goal, told: SessionStatus, deadline: datetime) -> None:
    outcome = conclude(goal, told, replace(SEEN, deadline=deadline))
    if told.observed_at >= deadline:
        assert outcome is not None
    elif outcome is not None:
        assert outcome.conclusion is not Conclusion.DEADLINE


def test_a_deadline_is_told_with_the_state_it_passed_in() -> None:
    outcome = conclude(FOR_THE_END, status(State.LIVE, AT), SEEN)
    assert outcome is not None
    assert outcome.why == ("The deadline 2026-09-01T11:00:00+00:00 passed while the session was live: it is live")


def test_a_platform_that_cannot_be_asked_makes_a_wait_longer_only_until_its_deadline() -> None:
    assert conclude_unreachable(SEEN, DEADLINE + BEFORE, "it is down") is None
    for when in (AT, AFTER):
        outcome = conclude_unreachable(SEEN, DEADLINE + when, "it is down")
        assert outcome is not None
        assert outcome.conclusion is Conclusion.DEADLINE
        assert outcome.status is None
        assert outcome.why.endswith("while the platform could not be asked: it is down")


@pytest.mark.parametrize("keeps_history", [True, False])
@pytest.mark.parametrize("known", [True, False], ids=["seen-live-before", "never-seen-live"])
@pytest.mark.parametrize("state", State)
def test_only_a_first_live_moment_that_nobody_else_keeps_is_a_milestone(
    state: State, known: bool, keeps_history: bool
) -> None:
    before = replace(SEEN, first_live=NINE if known else None)
    after = before.after(status(state))
    stone = milestone(before, after, keeps_history=keeps_history)
    assert (stone is not None) is (state is State.LIVE and not known and not keeps_history)
    if stone is not None:
        assert stone.seen == after
        assert milestone(stone.seen, stone.seen.after(status(State.LIVE)), keeps_history=False) is None


# ---- JSON


@given(
    st.builds(
        Goal,
        kind=st.sampled_from(GoalKind),
        min_people=st.integers(0, 500),
        expected=st.frozensets(st.text(max_size=5), max_size=3),
    )
)
def test_a_goal_crosses_processes_unchanged(goal: Goal) -> None:
    assert Goal.from_json(json.loads(json.dumps(goal.to_json()))) == goal


@given(
    st.builds(
        Outcome,
        conclusion=st.sampled_from(Conclusion),
        why=st.text(max_size=20),
        status=st.none() | statuses(),
    )
)
def test_an_outcome_crosses_processes_unchanged(outcome: Outcome) -> None:
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


@given(spoiled(FOR_ADA_AND_BO.to_json()))
@example({**FOR_THE_END.to_json(), "min_people": float("inf")})
@example({**FOR_THE_END.to_json(), "min_people": float("nan")})
@example({**FOR_THE_END.to_json(), "expected": None})
def test_whatever_is_no_goal_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(Goal.from_json, data), Goal | None)


@given(spoiled(Outcome(Conclusion.REACHED, "over", status(State.ENDED)).to_json()))
@example({"conclusion": "reached", "why": "", "status": {"people": float("inf")}})
@example({"conclusion": "reached", "why": "", "status": {"observed_at": BEYOND_THE_CALENDAR[0]}})
@example({"conclusion": "reached", "why": ""})
def test_whatever_is_no_outcome_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(Outcome.from_json, data), Outcome | None)


# ---- pace

INTERVALS = st.floats(0, 7200)
SEEDS = st.integers(0, 2**32)


@given(INTERVALS, st.integers(0, 10_000), st.floats(0, 86_400), SEEDS)
def test_a_poll_is_never_earlier_than_the_platform_asked_for(
    interval: float, failures: int, retry_after: float, seed: int
) -> None:
    assert next_delay(interval, failures, retry_after, Random(seed)) >= retry_after  # noqa: S311 - jitter


@given(INTERVALS, st.integers(0, 10_000), st.floats(0, 86_400), SEEDS)
def test_a_pause_is_never_negative_and_never_endless(
    interval: float, failures: int, retry_after: float, seed: int
) -> None:
    longest = max(1.1 * max(interval, LONGEST_PAUSE), retry_after)
    assert 0 <= next_delay(interval, failures, retry_after, Random(seed)) <= longest  # noqa: S311 - jitter


@given(INTERVALS, SEEDS)
def test_jitter_is_a_tenth_of_the_interval_at_most(interval: float, seed: int) -> None:
    assert 0.9 * interval <= next_delay(interval, 0, 0.0, Random(seed)) <= 1.1 * interval  # noqa: S311 - jitter


@given(st.floats(0.01, 7200), st.integers(0, 40), SEEDS)
def test_one_more_failure_never_makes_the_pause_shorter(interval: float, failures: int, seed: int) -> None:
    pauses = [next_delay(interval, more, 0.0, Random(seed)) for more in (failures, failures + 1)]  # noqa: S311 - jitter
    assert pauses[0] <= pauses[1]


def test_failures_double_the_pause_up_to_five_minutes() -> None:
    class NoJitter(Random):  # noqa: S311 - jitter
        def uniform(self, a: float, b: float) -> float:
            return (a + b) / 2

    pauses = [next_delay(30.0, failures, 0.0, NoJitter()) for failures in range(6)]
    assert pauses == pytest.approx([30, 60, 120, 240, 300, 300])
    assert next_delay(900.0, 5, 0.0, NoJitter()) == pytest.approx(900)  # an author's slower pace stays


# ---- artifacts


def pauses_of_a_long_wait() -> list[float]:
    told = [artifact_delay(asked) for asked in range(100)]
    return [delay for delay in told if delay is not None]


def test_an_artifact_is_asked_for_fourteen_times_and_no_more() -> None:
    assert len(pauses_of_a_long_wait()) == ARTIFACT_CALLS == 14
    assert artifact_delay(14) is artifact_delay(15) is artifact_delay(1000) is None


def test_an_artifact_is_asked_for_at_once_then_after_5_10_20_and_40_minutes_then_every_hour() -> None:
    assert [pause / 60 for pause in pauses_of_a_long_wait()] == [0, 5, 10, 20, 40, *([60] * 9)]


@given(st.lists(st.floats(0.1, 1e5), min_size=1, max_size=20).map(tuple), st.integers(0, 30))
def test_an_author_s_own_pauses_keep_the_bound_and_repeat_the_last(delays: tuple[float, ...], asked: int) -> None:
    delay = artifact_delay(asked, delays)
    assert delay == (None if asked >= ARTIFACT_CALLS else (0.0, *delays, *([delays[-1]] * 30))[asked])
