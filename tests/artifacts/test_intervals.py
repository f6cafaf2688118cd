from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.intervals import total, unite
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider.live_sessions.artifacts.intervals import Interval

START = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


seconds = st.integers(0, 120)
pairs = st.tuples(seconds, seconds)
lists = st.lists(pairs, max_size=12)


def intervals(of: list[tuple[int, int]]) -> list[Interval]:
    return [(at(start), at(end)) for start, end in of]


@given(lists)
def test_the_total_is_that_of_counting_every_second(times: list[tuple[int, int]]) -> None:
    covered = {second for start, end in times for second in range(start, end)}
    assert total(intervals(times)).total_seconds() == len(covered)


@given(lists)
def test_the_union_is_never_longer_than_its_window(times: list[tuple[int, int]]) -> None:
    united = unite(intervals(times))
    if not times:
        assert united == ()
        return
    assert united[0][0] == at(min(start for start, _ in times))
    assert united[-1][1] == at(max(max(pair) if pair[1] > pair[0] else pair[0] for pair in times))
    assert total(intervals(times)) <= united[-1][1] - united[0][0]


@given(lists.flatmap(lambda times: st.tuples(st.just(times), st.permutations(times))))
def test_the_order_of_the_input_does_not_matter(
    both: tuple[list[tuple[int, int]], list[tuple[int, int]]],
) -> None:
    assert unite(intervals(both[0])) == unite(intervals(both[1]))


@given(lists)
def test_uniting_twice_or_with_itself_changes_nothing(times: list[tuple[int, int]]) -> None:
    once = unite(intervals(times))
    assert unite(once) == once
    assert unite([*once, *intervals(times)]) == once


@given(lists)
def test_the_union_is_in_order_with_gaps_between(times: list[tuple[int, int]]) -> None:
    united = unite(intervals(times))
    assert all(start <= end for start, end in united)
    assert all(before[1] < after[0] for before, after in pairwise(united))


def test_intervals_that_touch_are_one() -> None:
    assert unite(intervals([(10, 20), (0, 10)])) == ((at(0), at(20)),)


def test_an_end_before_its_start_counts_as_a_moment() -> None:
    assert unite(intervals([(50, 10)])) == ((at(50), at(50)),)


def test_one_time_in_two_zones_is_one_time() -> None:
    here = (at(0), at(60))
    there = (at(0).astimezone(ZoneInfo("Asia/Tokyo")), at(60).astimezone(ZoneInfo("America/Lima")))
    assert unite([here, there]) == (here,)


def test_a_night_with_a_clock_change_has_its_true_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night = (
        datetime(2026, 10, 25, 2, 30, tzinfo=berlin),
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=berlin),
    )
    assert total([night]) == timedelta(hours=1)


def test_a_naive_moment_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        unite([(at(0), datetime(2026, 9, 1, 9, 0))])  # noqa: DTZ001 - that is the point
