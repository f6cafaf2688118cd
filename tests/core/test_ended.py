"""The memory of a watcher: whatever is cut off and however late an end appears, each is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.ended import WOBBLE, Cursor, EndedSession
from airflow_provider.live_sessions.core.status import Held

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
OVERLAP = timedelta(seconds=600)


def ended(number: int, seconds: float, late: float = 0.0) -> EndedSession:
    at = BEGIN + timedelta(seconds=seconds)
    return EndedSession(f"s{number}", at, at + timedelta(seconds=late), Held.YES)


def stored(cursor: Cursor) -> Cursor:
    read = Cursor.from_json(json.loads(json.dumps(cursor.to_json())))
    assert read is not None
    return read


ends = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 599)), max_size=20)
ticks = st.lists(st.tuples(st.integers(1, 900), st.booleans()), min_size=1, max_size=20)


@given(ends, ticks)
def test_every_end_is_told_though_the_watcher_is_killed_again_and_again(
    sessions: list[tuple[int, int]], steps: list[tuple[int, bool]]
) -> None:
    """Each session appears in the list up to ten minutes after its end; at some ticks the cursor is not saved."""
    known = [(ended(number, at), at + late) for number, (at, late) in enumerate(sessions)]
    saved = cursor = Cursor(BEGIN)
    told: list[str] = []
    now = 0
    for step, killed in [*steps, (6000, False)]:
        now += step
        cursor = stored(saved) if killed else cursor
        since = cursor.since(OVERLAP)
        listed = [one for one, shown in known if shown <= now and one.ended_at >= since]
        fresh = cursor.fresh(listed, OVERLAP)
        assert [one.ended_at for one in fresh] == sorted(one.ended_at for one in fresh)
        told += [one.event_id for one in fresh]
        if not killed:
            saved = cursor  # what the tick before told; this one's is saved at the next
        cursor = cursor.after(fresh, BEGIN + timedelta(seconds=now), OVERLAP)
    assert set(told) == {one.event_id for one, _ in known}
    if not any(killed for _, killed in steps):
        assert len(told) == len(set(told))


@given(ends, st.integers(1, 5))
def test_what_is_told_in_lots_is_told_once_and_in_order(sessions: list[tuple[int, int]], most: int) -> None:
    found = [ended(number, at) for number, (at, _) in enumerate(sessions)]
    cursor, told, more = Cursor(BEGIN), [], True
    while more:
        cursor, lot, more = stored(cursor).take(found, BEGIN + timedelta(seconds=6000), OVERLAP, most)
        assert len(lot) == most or not more
        told += lot
    assert [one.ended_at for one in told] == sorted(one.ended_at for one in found)
    assert {one.event_id for one in told} == {one.event_id for one in found}
    assert cursor.up_to == BEGIN + timedelta(seconds=6000)


@given(ends)
def test_a_cursor_survives_the_database(sessions: list[tuple[int, int]]) -> None:
    found = [ended(number, at + late / 1000) for number, (at, late) in enumerate(sessions)]
    cursor = Cursor(BEGIN).after(found, BEGIN + timedelta(seconds=700.123456), OVERLAP)
    assert stored(cursor) == cursor
    assert stored(cursor).told == cursor.told


def test_the_memory_holds_only_what_may_be_listed_again() -> None:
    found = [ended(number, number) for number in range(5000)]
    cursor = Cursor(BEGIN).after(found, BEGIN + timedelta(seconds=5000), OVERLAP)
    assert len(cursor.told) == (OVERLAP + WOBBLE).total_seconds()


def test_an_end_that_moves_after_it_was_told_is_not_told_again_when_its_first_telling_is_forgotten() -> None:
    def moved(now: float) -> EndedSession:
        return ended(1, 10 if now < 400 else 350)

    cursor, told = Cursor(BEGIN), []
    for now in range(0, 1500, 60):
        at = BEGIN + timedelta(seconds=now)
        listed = [moved(now)] if moved(now).told_at >= cursor.since(OVERLAP) and now >= 10 else []
        cursor, lot, _ = stored(cursor).take(listed, at, OVERLAP, None)
        told += lot
    assert [one.session_id for one in told] == ["s1"]


@given(st.integers(0, 2000), st.integers(0, 2), st.integers(-3000, 3000))
def test_an_end_was_told_twice_where_the_platform_s_clock_wobbled(at: int, back: int, apart: int) -> None:
    one = ended(1, at / 1000)
    first = BEGIN + OVERLAP + timedelta(seconds=at / 1000, milliseconds=apart)
    cursor, told = Cursor(BEGIN), []
    for moment in (BEGIN + timedelta(seconds=5), first, first - timedelta(seconds=back), first):
        listed = [one] if one.told_at >= cursor.since(OVERLAP) else []
        cursor, lot, _ = stored(cursor).take(listed, moment, OVERLAP, None)
        told += lot
    assert told == [one]


def test_a_clock_that_ran_ahead_costs_no_end() -> None:
    cursor = Cursor(BEGIN).after([], BEGIN + timedelta(days=1), OVERLAP)
    cursor = cursor.after([], BEGIN + timedelta(seconds=30), OVERLAP)
    assert cursor.fresh([ended(1, 60)], OVERLAP)


@pytest.mark.parametrize(
    "data",
    [None, {}, [], "x", 7, {"up_to": "yesterday", "told": {}}, {"up_to": BEGIN.isoformat(), "told": {"a": 1}}],
)
def test_nonsense_is_no_cursor(data: Any) -> None:
    assert Cursor.from_json(data) is None
