"""Section ``platforms``: what a thousand waits cost on each of the other three platforms."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.gauge import Gauge
from benchmarks.report import Report
from benchmarks.stages.coviu import CoviuStage
from benchmarks.stages.educates import EducatesStage
from benchmarks.stages.screenleap import ScreenleapStage
from benchmarks.subject import subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report import Say
    from benchmarks.stages.stage import Stage

WAITS = 1_000
INTERVAL = 5.0
WINDOW = 31.0

STAGES: dict[str, tuple[Callable[[], Stage], int]] = {
    "Coviu": (CoviuStage, 5 + 1),
    "Screenleap": (ScreenleapStage, 1),
    "Educates": (EducatesStage, 1),
}
"""A stage with the requests a tick at most: Coviu's list of open sessions has 200 a page and ends with a look at
the next one."""


def run(say: Say, quick: bool) -> Report:
    """Measure each platform."""
    del quick
    report = Report(figures={"waits": WAITS, "interval_s": INTERVAL})
    for name, (make, allowed) in STAGES.items():
        report.figures[name] = row = _measure(make)
        say(f"{WAITS} waits, {name}: " + ", ".join(f"{key} {value}" for key, value in row.items()))
        asked = row["requests_a_tick"]
        report.expect(0 < asked <= allowed, f"{name}: {allowed} requests a tick at most, {asked} were counted")
        report.expect(row["connections"] == 1, f"{name}: one connection, {row['connections']} were opened")
        report.expect(row["ended"] == 0, f"{name}: no wait ends, {row['ended']} did")
        stall = row["stall_s"]
        report.expect(stall < Gauge.LONG, f"{name}: a stall below {Gauge.LONG} s, {stall} s were seen")
    rows = (f"{name} {report.figures[name]['requests_a_tick']}" for name in STAGES)
    report.line = f"requests a tick with {WAITS} waits: {', '.join(rows)}"
    return report


def _measure(make: Callable[[], Stage]) -> dict[str, Any]:
    with make() as stage:
        stage.launch(WAITS, live=WAITS)
        with subject(stage.waits(INTERVAL), stage.environment()) as running:
            stage.wait_for_a_request()
            started = running.go()
            stage.wait_for_ticks(2)
            since = stage.mark()
            running.begin()
            time.sleep(WINDOW)
            measures = running.end()
            stage.wait_for_ticks(1)
            gained = measures["rss_bytes"] - started["base_rss_bytes"]
            return {
                "requests_a_tick": max(map(len, stage.ticks(since)), default=0),
                "connections": len({one.connection for one in stage.requests(since)}),
                "stall_s": round(measures["stall_s"], 4),
                "cpu_s_a_tick": round(measures["cpu_s"] * INTERVAL / measures["seconds"], 4),
                "kib_a_wait": round(gained / 1024 / (WAITS - 1), 1),
                "ended": len(running.events()) + len(running.failed()),
            }
