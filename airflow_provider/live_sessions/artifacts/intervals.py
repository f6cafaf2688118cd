"""Times between two moments, and how they add up when they overlap."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.times import aware

if TYPE_CHECKING:
    from collections.abc import Iterable

Interval = tuple[datetime, datetime]


def unite(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Return the same time without overlaps, in order: two tabs of one person are one presence.

    Intervals that touch become one. One that ends before it starts (two clocks disagree) counts as the moment
    of its start. Order and repetition of the input do not matter; applying it twice changes nothing.

    Args:
        intervals: Pairs of aware moments, in any order.

    Raises:
        ConfigurationError: A moment is naive.
    """
    ordered = sorted((aware(start), max(aware(start), aware(end))) for start, end in intervals)
    united: list[Interval] = []
    for start, end in ordered:
        if united and start <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], end))
        else:
            united.append((start, end))
    return tuple(united)


def total(intervals: Iterable[Interval]) -> timedelta:
    """Return how long the intervals last together, time that several cover counted once."""
    return sum((end - start for start, end in unite(intervals)), timedelta())
