from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.pacing import Pace, Schedule, take_turn

paces = st.builds(Pace, st.floats(0.01, 1000), st.floats(1, 50))
starts = st.floats(0, 1e9)
gaps = st.lists(st.floats(0, 5), min_size=1, max_size=60)
FOREVER = float("inf")


def within(granted: list[float], pace: Pace) -> bool:
    """Tell whether no stretch of time holds more slots than burst and rate allow."""
    return all(
        last - first + 1 <= pace.burst + (granted[last] - granted[first]) * pace.rate + 0.01 * (1 + pace.rate)
        for first in range(len(granted))
        for last in range(first, len(granted))
    )


@given(paces, gaps, starts)
def test_no_stretch_of_time_holds_more_slots_than_burst_and_rate_allow(
    pace: Pace, gaps: list[float], now: float
) -> None:
    schedule, granted = Schedule(), []
    for gap in gaps:
        now += gap
        schedule, slot = schedule.reserve(pace, now)
        assert slot >= now
        granted.append(slot)
    assert granted == sorted(granted)
    assert within(granted, pace)


@given(paces, starts, st.integers(1, 40))
def test_who_keeps_asking_gets_all_that_is_allowed(pace: Pace, now: float, asked: int) -> None:
    schedule, slot = Schedule(), now
    for _ in range(asked):
        schedule, slot = schedule.reserve(pace, now)
    assert slot - now <= max(0.0, asked - math.floor(pace.burst)) * pace.interval + 1e-4


@given(paces, starts, st.floats(0.1, 100), st.lists(st.floats(0, 2), min_size=2, max_size=20))
def test_nothing_is_given_inside_a_pause_and_no_burst_right_after_it(
    pace: Pace, now: float, seconds: float, gaps: list[float]
) -> None:
    schedule = Schedule().pause(now + seconds)
    slots = []
    for _ in gaps:
        schedule, slot = schedule.reserve(pace, now)
        slots.append(slot)
    assert slots[0] == pytest.approx(now + seconds)
    even = [later - earlier for earlier, later in itertools.pairwise(slots)]
    assert even == pytest.approx([pace.interval] * len(even), abs=1e-4)


@given(paces, starts, st.integers(1, 12), st.floats(0, 3))
def test_a_pause_over_reserved_slots_gives_no_slot_twice(
    pace: Pace, now: float, waiting: int, seconds: float
) -> None:
    schedule, held = Schedule(), []
    for _ in range(waiting):
        schedule, slot = schedule.reserve(pace, now)
        held.append(slot)
    schedule = schedule.pause(now + seconds)
    final = []
    for slot in sorted(held):
        schedule, turn = take_turn(schedule, pace, max(now, slot), patience=FOREVER, held=slot)
        assert turn.slot is not None
        final.append(turn.slot)
    assert min(final) >= now + seconds - 1e-6 or seconds == 0
    assert within(sorted(final), pace)


@given(paces, starts, st.floats(1, 1000), st.floats(0, 0.99))
def test_a_pause_longer_than_ones_patience_reserves_nothing(
    pace: Pace, now: float, seconds: float, part: float
) -> None:
    schedule = Schedule().pause(now + seconds)
    after, turn = take_turn(schedule, pace, now, patience=seconds * part)
    assert turn.slot is None
    assert turn.pause == pytest.approx(seconds, abs=1e-4)
    assert after is schedule


@given(paces, starts)
def test_a_slot_that_no_pause_covers_is_kept(pace: Pace, now: float) -> None:
    schedule, turn = take_turn(Schedule(), pace, now, patience=0)
    assert take_turn(schedule, pace, now + 1, patience=0, held=turn.slot) == (schedule, turn)


@given(st.floats(allow_nan=False), st.floats(allow_nan=False), starts, st.floats(1, 3600))
@example(34.0, 33.0, 31.0, 1.00001)
def test_nothing_bounded_lies_further_ahead_than_a_pause_and_a_queue_behind_it(
    arrival: float, paused_until: float, now: float, longest: float
) -> None:
    bounded = Schedule(arrival, paused_until).bounded(now, longest)
    assert bounded.paused_until <= now + longest
    assert bounded.arrival <= (now + longest) + longest  # added one by one, as floats are
    assert bounded.bounded(now, longest) == bounded


def test_clients_of_different_pace_spend_from_one_schedule() -> None:
    schedule, first = Schedule().reserve(Pace(1), 0.0)
    schedule, second = schedule.reserve(Pace(10), 0.0)
    _, third = schedule.reserve(Pace(1), 0.0)
    assert [first, second, third] == pytest.approx([0.0, 1.0, 1.1])


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (5, 0.5), (float("nan"), 1), (1, float("inf"))])
def test_a_rate_that_never_serves_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ConfigurationError):
        Pace(rate, burst)
