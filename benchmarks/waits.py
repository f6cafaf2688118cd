"""Section ``waits``: what 100, 1,000 and 10,000 waits on one connection cost, beside the released providers.

Each subject runs in a process of its own, in Airflow's own trigger runner, against a server in this process, with
the same number of waits and the same poll interval, one after the other. ``idle`` is Airflow with triggers that do
nothing. A tenth of our sessions is live, so that the lists have pages.
"""

from __future__ import annotations

import time
from math import ceil
from typing import TYPE_CHECKING, Any

from benchmarks import idle
from benchmarks.gauge import Gauge
from benchmarks.peer_server import PeerServer
from benchmarks.peers import PEERS, installed
from benchmarks.report import Report
from benchmarks.stages.lessonspace import PAGE, LessonspaceStage
from benchmarks.subject import SubjectDied, subject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers import Peer
    from benchmarks.report import Say

SIZES = (100, 1_000, 10_000)
QUICK_SIZE = 60
INTERVAL = 5.0
WINDOW = 31.0
REQUESTS_A_TICK = 3
"""Sessions in progress, sessions ended, spaces with a cancel mark: for Lessonspace, before further pages."""


def run(say: Say, quick: bool) -> Report:
    """Measure everybody at every size; our own bars count."""
    report = Report()
    peers = {} if quick else installed()
    interval, window = (1.0, 6.0) if quick else (INTERVAL, WINDOW)
    report.figures = {"interval_s": interval, "window_s": window, "peers": peers}
    told = []
    for size in (QUICK_SIZE,) if quick else SIZES:
        rows: dict[str, Any] = {}
        if not quick:
            rows["idle"] = _shown(say, size, "idle Airflow", measure_idle(size))
        rows["live sessions"] = ours = _shown(say, size, "live sessions", measure_ours(size, interval, window))
        for peer in PEERS if peers else ():
            try:
                rows[peer.name] = _shown(say, size, peer.name, measure_peer(peer, size))
            except SubjectDied as death:  # theirs may; ours may not
                rows[peer.name] = {"gave_up": str(death)}
                say(f"{size} waits, {peer.name}: gave up, {death}")
        report.figures[str(size)] = rows
        _judge(report, size, ours, quick=quick)
        told.append(_summary(size, rows))
    report.expect(quick or bool(peers), "the released providers are measured in the same run; they are not there")
    report.line = "; ".join(told)
    return report


def measure_idle(size: int) -> dict[str, Any]:
    """Measure triggers that do nothing."""
    with subject(((idle.PATH, {"number": number}) for number in range(size)), {}) as running:
        started = running.go()
        time.sleep(INTERVAL)
        running.begin()
        time.sleep(WINDOW)
        return _row(size, started, running.end(), interval=INTERVAL)


def measure_ours(size: int, interval: float, window: float) -> dict[str, Any]:
    """Measure the waits of this package; seconds between polls, and seconds to measure."""
    live = size // 10
    with LessonspaceStage() as stage:
        stage.launch(size, live=live)
        with subject(stage.waits(interval), stage.environment()) as running:
            stage.wait_for_a_request()
            started = running.go()
            stage.wait_for_ticks(2)
            since = stage.mark()
            running.begin()
            time.sleep(window)
            measures = running.end()
            stage.wait_for_ticks(1)
            whole = stage.ticks(since)
            row = _row(size, started, measures, interval=interval)
            row["requests_a_tick"] = max(map(len, whole), default=0)
            row["tick_s"] = round(max((one[-1].real - one[0].real for one in whole), default=0.0), 2)
            row["connections"] = len({one.connection for one in stage.requests(since)})
            row["server_answers_in_s"] = _speed_of(stage)
            row["events"], row["failed"] = len(running.events()), len(running.failed())
            row["pages"] = ceil(live / PAGE)
            return row


def measure_peer(peer: Peer, size: int) -> dict[str, Any]:
    """Measure a released provider."""
    with PeerServer() as server, subject(peer.waits(size, INTERVAL), peer.environment(server.port)) as running:
        while server.counts.requests == 0:
            time.sleep(0.1)
        started = running.go()
        time.sleep(INTERVAL)
        running.begin()
        server.restart()
        begun = time.monotonic()
        time.sleep(WINDOW)
        counts, seconds = server.counts, time.monotonic() - begun
        row = _row(size, started, running.end(), interval=INTERVAL)
        row["requests_a_tick"] = round(counts.requests * INTERVAL / seconds, 1)
        row["connections"], row["connections_at_once"] = counts.opened, counts.at_once
        row["events"], row["failed"] = len(running.events()), len(running.failed())
        return row


def _row(size: int, started: Mapping[str, Any], measures: Mapping[str, Any], *, interval: float) -> dict[str, Any]:
    gained = measures["rss_bytes"] - started["base_rss_bytes"]
    return {
        "stall_s": round(measures["stall_s"], 4),
        "stall_with_collector_s": round(measures["stall_process_s"], 4),
        "stall_wall_s": round(measures["stall_wall_s"], 4),
        "stall_while_starting_s": round(started["stall_s"], 4),
        "collector_s": round(measures["collecting_s"], 4),
        "cpu_s_a_tick": round(measures["cpu_s"] * interval / measures["seconds"], 4),
        "kib_a_wait": round(gained / 1024 / max(1, size - 1), 1),
        "started_in_s": round(started["seconds"], 1),
    }


def _speed_of(stage: LessonspaceStage) -> float:
    """Return how fast the sandbox answers a page of sessions, so that it is seen not to be the bottleneck."""
    one = [entry for tick in stage.ticks()[-3:] for entry in tick]
    if len(one) < 2:
        return 0.0
    platform = stage.open()
    try:
        begun = time.monotonic()
        platform.find(stage.key(0), stage.plan(0))
        return round((time.monotonic() - begun) / 2, 4)  # two lists
    finally:
        platform.close()


def _judge(report: Report, size: int, row: Mapping[str, Any], *, quick: bool) -> None:
    allowed = REQUESTS_A_TICK + max(0, row["pages"] - 1)
    report.expect(
        0 < row["requests_a_tick"] <= allowed,
        f"{size} waits: {allowed} requests a tick, {row['requests_a_tick']} were counted",
    )
    report.expect(row["connections"] == 1, f"{size} waits: one connection, {row['connections']} were opened")
    report.expect(
        row["events"] == row["failed"] == 0, f"{size} waits: no wait ends, {row['events'] + row['failed']} did"
    )
    if not quick:
        stall = row["stall_s"]
        report.expect(stall < Gauge.LONG, f"{size} waits: a stall below {Gauge.LONG} s, {stall} s were seen")


def _shown(say: Say, size: int, name: str, row: dict[str, Any]) -> dict[str, Any]:
    asks = "connections" in row
    requests = f"{row['requests_a_tick']} requests a tick, {row['connections']} connections, " if asks else ""
    say(
        f"{size} waits, {name}: {requests}loop stalled {row['stall_s']} s at most, {row['cpu_s_a_tick']} s of "
        f"processor a tick, {row['kib_a_wait']} KiB a wait"
    )
    return row


def _summary(size: int, rows: Mapping[str, Mapping[str, Any]]) -> str:
    shown = " | ".join(
        f"{name} {row['requests_a_tick']} requests/tick, {row['connections']} conn, {row['stall_s']} s stall"
        for name, row in rows.items()
        if "connections" in row
    )
    return f"{size} waits: {shown}"
