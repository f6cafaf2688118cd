"""The measurement of the rate budget measures what it says, and misses no bar in silence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.budget import Spent, judge, measure
from benchmarks.report import Report

GOOD = Spent(processes=4, seconds=60.0, served=285, refused=2, used=0.95, failed=0, least=70, most=72)


def broken(spent: Spent) -> list[str]:
    report = Report()
    judge(spent, report)
    return report.broken


def test_what_meets_every_bar_breaks_none() -> None:
    assert broken(GOOD) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"used": 0.899}, "89.9% were used"),
        ({"refused": 6}, "2.06% were refused"),
        ({"failed": 1}, "1 calls failed"),
        ({"least": 30}, "one process had 30 calls, another 72"),
    ],
)
def test_each_bar_that_is_missed_is_told(change: dict[str, float], told: str) -> None:
    (one,) = broken(replace(GOOD, **change))  # type: ignore[arg-type]  # the fields are numbers
    assert told in one


def test_processes_that_share_a_key_are_counted_by_the_platform_and_by_themselves_alike() -> None:
    spent = measure(2, 1.5, shared=True)
    assert spent.failed == 0
    assert spent.least >= 1
    assert spent.most <= spent.served <= 2 * spent.most
    assert set(spent.figures()) >= {"used", "refused_share", "fairness", "least", "most", "failed"}
