"""Export records a second, near and 50 ms away, beside sequential peers; and how much of a set rate is used.

All read the same canned pages (100 rows each, as Lessonspace's), each in a process of its own. The peers only
write down what they are given; the export checks each row, drops doubles, puts them in order, counts and hashes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - not at DAG parse
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Manifest
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox
from benchmarks.apart import in_a_process, peak_mib
from benchmarks.export_peers import dlt_version
from benchmarks.exports import KEY, ORGANISATION
from benchmarks.page_server import uuid_of
from benchmarks.report import Report, Say
from tests.exports.lessonspace_past import fill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

BEGIN = datetime(2026, 8, 1, tzinfo=UTC)
DAY = Chunk(BEGIN, BEGIN + timedelta(days=1), "date=2026-08-01")
PAGE = 100
AWAY = 0.05
WANTED = 10_000
"""Records a second, 50 ms away."""
RATE = 10.0
"""Requests a second that the server of the rate's measurement allows; more are refused."""
OWN_RATE = 9.6
"""What the client of that measurement keeps to: requests sent evenly do not arrive evenly, and each refusal costs
half a second of quiet."""
RATE_USED = 0.95


def run(say: Say, quick: bool) -> Report:
    """Measure at 0 and 50 ms, the peers beside it, then with a rate set."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder:
        rows = Path(folder) / "rows.json"
        rows.write_text(json.dumps(_real_rows()), encoding="utf-8")
        for latency in (0.0, AWAY):
            _race(rows, latency, 10_000 if quick else 50_000, report, say, peers=not quick)
        _with_a_rate(rows, 5_000 if quick else 40_000, report, say)
        if not quick:
            _against_the_sandbox(report, say)
    ours = report.figures["at_50_ms"]["export"]["rows_per_second"]
    report.expect(ours >= WANTED, f"{ours} records a second 50 ms away, {WANTED} wanted")
    used = report.figures["with_a_rate"]["used"]
    report.expect(used >= RATE_USED, f"{used:.1%} of the allowed rate was used, {RATE_USED:.0%} wanted")
    report.line = f"export {ours} records/s 50 ms away, {used:.1%} of an allowed rate used"
    return report


def _race(rows: Path, latency: float, sessions: int, report: Report, say: Say, *, peers: bool) -> None:
    name = f"at_{round(latency * 1000)}_ms"
    figures: dict[str, Any] = {"sessions": sessions, "page_rows": PAGE}
    with pages(rows, sessions, latency) as (url, _):
        told = _exported(url)
        figures["export"] = told
        say(f"{name}: the export {told['rows_per_second']} rows/s, {told['growth_mib']} MiB of growth")
        report.expect(
            told["rows"] == sessions and told["whole"], f"{name}: {sessions} rows, {told['rows']} are home"
        )
        for who in ("requests", *(("dlt",) if dlt_version() else ())) if peers else ():
            figures[who] = _peer(who, url)
            say(f"{name}: {who} {figures[who]['rows_per_second']} rows/s")
            report.expect(figures[who]["rows"] == sessions, f"{name}: {who} has {figures[who]['rows']} rows")
    figures["dlt_version"] = dlt_version()
    report.figures[name] = figures


def _with_a_rate(rows: Path, sessions: int, report: Report, say: Say) -> None:
    with pages(rows, sessions, AWAY, RATE) as (url, server):
        told = _exported(url, OWN_RATE)
        counted = _ask(server, "")
    used = (counted["served"] - 1) / counted["seconds"] / RATE
    report.expect(told["rows"] == sessions, f"with a rate {sessions} rows, {told['rows']} are home")
    report.figures["with_a_rate"] = {
        "allowed_per_second": RATE,
        "set_per_second": OWN_RATE,
        "served": counted["served"],
        "refused": counted["refused"],
        "used": round(used, 4),
    }
    say(f"of {RATE:.0f} requests a second {used:.1%} were used, {counted['refused']} refused")


def _against_the_sandbox(report: Report, say: Say) -> None:
    """Show what the sandbox itself bounds: it looks through all its sessions for every page."""
    sessions = 10_000
    chosen = LessonspaceOptions(api_key=KEY, organisation=ORGANISATION, rate_limit=0, page_size=PAGE)
    with Sandbox(start=BEGIN + timedelta(days=3), frozen=True, lessonspace=chosen) as sandbox:
        fill(sandbox, BEGIN, BEGIN + timedelta(hours=3), sessions, rooms=200)
        told = _exported(sandbox.lessonspace.url)
    report.figures["sandbox"] = {"sessions": sessions, "rows_per_second": told["rows_per_second"]}
    say(f"from the sandbox itself {told['rows_per_second']} rows/s")


def _real_rows() -> list[dict[str, Any]]:
    """Return some sessions as the sandbox's list shows them."""
    chosen = LessonspaceOptions(api_key=KEY, organisation=ORGANISATION, rate_limit=0, page_size=1000)
    with Sandbox(start=BEGIN + timedelta(days=3), frozen=True, lessonspace=chosen) as sandbox:
        fill(sandbox, BEGIN, BEGIN + timedelta(hours=3), 1_000, rooms=200)
        answer = requests.get(
            f"{sandbox.lessonspace.url}/organisations/{ORGANISATION}/sessions/?include_single_user=true",
            headers={"Authorization": f"Organisation {KEY}"},
            timeout=60,
        )
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


@contextmanager
def pages(
    rows: Path, sessions: int, latency: float, rate: float = 0.0
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Serve canned pages; give the API's address and the process."""
    orders = {"rows": str(rows), "sessions": sessions, "size": PAGE, "latency": latency, "rate": rate}
    command = [sys.executable, "-m", "benchmarks.page_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own
        try:
            yield f"http://127.0.0.1:{_ask(server, json.dumps(orders))['port']}/v2", server
        finally:
            server.kill()


def _ask(process: subprocess.Popen[str], line: str) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


def _peer(who: str, url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder:
        listed = f"{url}/organisations/{ORGANISATION}/sessions/?include_single_user=true"
        orders = json.dumps({"who": who, "url": listed, "key": KEY, "folder": folder})
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.export_peers"],
            input=f"{orders}\n",
            capture_output=True,
            text=True,
            timeout=1200,
            check=True,
            env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"},
        )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**told, "rows_per_second": round(told["rows"] / told["seconds"])}


def _exported(url: str, rate: float = 1e6) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder:
        return in_a_process(_export, url, folder, rate)


def _export(told: Connection, url: str, folder: str, rate: float) -> None:
    storage = LocalStorage(folder)
    client = LessonspaceClient(
        api_key=SecretStr(KEY), conn_id="bench", base_url=url, organisation=ORGANISATION, requests_per_second=rate
    )
    platform = LessonspacePlatform(client)
    before, begun = peak_mib(), time.monotonic()
    result = export(platform, ExportPlan(storage, "bench", attendance=False), [DAY], say=lambda _: None)
    seconds = time.monotonic() - begun
    growth = peak_mib() - before
    platform.close()
    (entry,) = Manifest.from_bytes(storage.get(result.manifests[0])).files
    ids = {json.loads(line)["session_id"] for line in storage.get(entry.name).splitlines()}
    rows = result.counts["sessions"]
    told.send(
        {
            "rows": rows,
            "whole": len(ids) == rows and uuid_of(rows - 1) in ids,
            "seconds": seconds,
            "rows_per_second": round(rows / seconds),
            "growth_mib": round(growth, 1),
        }
    )
