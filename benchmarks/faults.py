"""Section ``faults``: a thousand waits while something goes wrong. No wait may fail of it.

Each scenario is a play on a stage of its own. After it the platform is well again, every session ends, and every
wait has to come to its end as if nothing had been.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gauge import Gauge
from benchmarks.peer_server import PeerServer
from benchmarks.peers import DBT, HTTP, installed
from benchmarks.report import Report
from benchmarks.scenarios import SCENARIOS
from benchmarks.scene import Scene
from benchmarks.subject import subject

if TYPE_CHECKING:
    from benchmarks.report import Say
    from benchmarks.scene import Scenario
    from benchmarks.subject import Subject

WAITS = 1_000
QUICK_WAITS = 60
PATIENCE = 400.0
"""Seconds after which a wait that has not come to its end is lost."""


def run(say: Say, quick: bool) -> Report:
    """Play every scenario."""
    report = Report(figures={"waits": QUICK_WAITS if quick else WAITS})
    scenarios = [one for one in SCENARIOS if one.quick or not quick]
    for scenario in scenarios:
        figures = play(scenario, report, quick=quick)
        report.figures[scenario.name] = {"about": scenario.about, **figures}
        say(f"{scenario.name}: {_told(figures)}")
    if not quick and installed():
        report.figures["peers_429"] = figures = peers_against_429()
        say(f"the peers against 429: {_told(figures)}")
    lost = sum(one["lost"] for one in report.figures.values() if isinstance(one, dict) and "lost" in one)
    report.line = f"{len(scenarios)} faults with {report.figures['waits']} waits each: {lost} waits failed or lost"
    return report


def play(scenario: Scenario, report: Report, *, quick: bool) -> dict[str, Any]:
    """Play one scenario to its end and return its figures."""
    count = QUICK_WAITS if quick else WAITS
    live = int(count * scenario.live)
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as name, scenario.stage() as stage:
        folder = Path(name)
        stage.launch(count, live=live)
        with subject(stage.waits(scenario.interval), scenario.environment(stage, folder)) as running:
            stage.wait_for_a_request()
            running.go()
            stage.wait_for_ticks(1)
            running.begin()
            figures = scenario.play(Scene(stage, running, report, quick, folder))
            measures = running.end()
            early = len(running.events())
            stage.sandbox.faults.clear()
            stage.finish(stage.refs[:live])
            figures |= _ended(running, live, scenario.name, report)
            figures["stall_s"] = round(measures["stall_s"], 4)
        report.expect(early == 0, f"{scenario.name}: no wait ends while it lasts, {early} did")
        if not quick:
            report.expect(
                figures["stall_s"] < Gauge.LONG,
                f"{scenario.name}: a stall below {Gauge.LONG} s, {figures['stall_s']} s were seen",
            )
        return figures


def _ended(running: Subject, live: int, name: str, report: Report) -> dict[str, Any]:
    """Wait until every live session's wait has come to its end, and judge how."""
    begun = time.monotonic()
    while len(running.events()) < live and time.monotonic() - begun < PATIENCE:
        time.sleep(0.5)
    seconds = time.monotonic() - begun
    reached = [one for one in running.events() if _conclusion(one["payload"]) == "reached"]
    failed = running.failed()
    lost = live - len(reached) + len(failed)
    report.expect(lost == 0, f"{name}: every wait comes to its end, {lost} did not {failed[:2]}")
    return {"ended": len(reached), "lost": lost, "all_ended_after_s": round(seconds, 1)}


def _conclusion(payload: Any) -> str:
    return str(payload["outcome"]["conclusion"]) if payload.get("kind") == "outcome" else str(payload)


def peers_against_429() -> dict[str, Any]:
    """Let the released providers meet one platform that asks for 30 s of quiet, for ten seconds."""
    figures: dict[str, Any] = {}
    for peer in (HTTP, DBT):
        with PeerServer(retry_after=30) as server:
            with subject(peer.waits(1, 5.0), peer.environment(server.port)) as one:
                while server.counts.requests == 0:
                    time.sleep(0.1)
                server.restart()
                time.sleep(10)
                events, failed = one.events(), one.failed()
            figures[peer.name] = {
                "requests_in_10_s": server.counts.requests,
                "wait_failed": any("error" in str(event["payload"]) for event in events) or bool(failed),
            }
    return figures


def _told(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())
