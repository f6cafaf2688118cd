"""Section ``reaction``: from the end of a session to the event that resumes its task.

What Airflow takes from the event to the running task is its own and not in here; section ``resumption`` has a
whole Airflow.
"""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks.report import Report
from benchmarks.stages.lessonspace import LessonspaceStage
from benchmarks.subject import subject

if TYPE_CHECKING:
    from benchmarks.report import Say

WAITS = 200
INTERVAL = 10.0
SPREAD = 60.0
"""Seconds over which the sessions end."""
ALLOWED = 3.0
"""Seconds beyond one poll interval."""


def run(say: Say, quick: bool) -> Report:
    """End sessions one after the other and see when their events fire."""
    del quick
    report = Report()
    with LessonspaceStage() as stage:
        stage.launch(WAITS, live=WAITS)
        with subject(stage.waits(INTERVAL), stage.environment()) as running:
            stage.wait_for_a_request()
            running.go()
            stage.wait_for_ticks(1)
            ended = _end_one_by_one(stage)
            until = time.monotonic() + 3 * INTERVAL
            while len(running.events()) < WAITS and time.monotonic() < until:
                time.sleep(0.5)
            fired = {one["trigger"]: one["at"] for one in running.events()}
    took = sorted(fired[number] - at for number, at in ended.items() if number in fired)
    median = round(statistics.median(took), 2) if took else float("inf")
    report.figures = {
        "waits": WAITS,
        "interval_s": INTERVAL,
        "events": len(took),
        "median_s": median if took else None,
        "longest_s": round(max(took, default=0.0), 2),
    }
    report.expect(len(took) == WAITS, f"reaction: every end is an event, {WAITS - len(took)} are missing")
    allowed = INTERVAL + ALLOWED
    report.expect(median <= allowed, f"reaction: {allowed} s from end to event, the median is {median} s")
    say(", ".join(f"{name} {value}" for name, value in report.figures.items()))
    report.line = f"end to event {median} s in the median at a poll of {INTERVAL:.0f} s"
    return report


def _end_one_by_one(stage: LessonspaceStage) -> dict[int, float]:
    """End each session at a time of its own; return when, by the number of its trigger."""
    chance = random.Random(4)  # noqa: S311 - when sessions end, nothing secret
    moments = sorted((chance.uniform(0, SPREAD), number) for number in range(WAITS))
    begun, ended = time.monotonic(), {}
    for moment, number in moments:
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        stage.finish([stage.refs[number]])
        ended[number + 1] = time.time()
    return ended
