"""An export of many sessions under faults, held against the ground truth row for row, twice; time and memory.

The sandbox's Lessonspace and the export are two processes, so the memory measured is the export's alone. Rooms are
not asked for logs: at 4.75 requests a second that would measure the rate limit.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Manifest
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox
from benchmarks.apart import in_a_process, peak_mib
from benchmarks.report import Report, Say
from tests.exports.lessonspace_past import Truth, ended, fill

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

KEY = "5a11ce00-c1a5-4c00-8000-0123456789ab"
ORGANISATION = 4711
DAYS = 5
BEGIN = datetime(2026, 8, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=DAYS)
FAULTS = ("throttle", "reset_before", "reset_after", "truncate", "malformed", "status")
SHARE = 0.03
"""Of the requests, for each kind of fault."""
GROWTH_MIB = 64
"""How much the export may grow over what the process has before it."""
SAME = ("session_id", "counted_at", "launch_key", "room", "title", "started_at", "ended_at", "held", "minutes")


def run(say: Say, quick: bool) -> Report:
    """Export twice and compare; 200,000 sessions, the quick slice 10,000."""
    sessions = 10_000 if quick else 200_000
    report = Report()
    chosen = LessonspaceOptions(api_key=KEY, organisation=ORGANISATION, rate_limit=0, page_size=1000)
    with (
        Sandbox(start=END + timedelta(days=2), frozen=True, lessonspace=chosen) as sandbox,
        tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder,
    ):
        truth = ended(fill(sandbox, BEGIN, END - timedelta(hours=21), sessions, rooms=1000), BEGIN, END)
        say(f"{len(truth)} sessions have been held")
        for seed, kind in enumerate(FAULTS):
            sandbox.faults.add(kind, probability=SHARE, seed=seed)
        runs = []
        for number in range(2):
            told = in_a_process(_export, sandbox.lessonspace.url, str(Path(folder) / str(number)))
            wrong = _differences(truth, Path(folder) / str(number), told["manifests"])
            report.expect(not wrong, f"every row is as it happened; {wrong} are not")
            report.expect(told["growth_mib"] < GROWTH_MIB, f"{GROWTH_MIB} MiB of growth; {told['growth_mib']:.0f}")
            say(
                f"exported in {told['seconds']:.1f} s, {told['growth_mib']:.0f} MiB of growth, {wrong} rows differ"
            )
            runs.append(told)
        faults = sum(one["struck"] for one in sandbox.faults.listed())
    report.expect(runs[0]["sha256"] == runs[1]["sha256"], "the same bytes twice")
    slowest = max(one["seconds"] for one in runs)
    report.figures = {
        "sessions": len(truth),
        "faults": faults,
        "pages": runs[0]["counts"]["pages"],
        "sessions_per_second": round(len(truth) / slowest),
        "growth_mib": round(max(one["growth_mib"] for one in runs), 1),
        "same_bytes": runs[0]["sha256"] == runs[1]["sha256"],
    }
    report.line = (
        f"{len(truth)} sessions exported twice under {faults} faults: "
        f"{report.figures['sessions_per_second']}/s, {report.figures['growth_mib']} MiB of growth"
    )
    return report


def _export(told: Connection, url: str, folder: str) -> None:
    storage = LocalStorage(folder)
    client = LessonspaceClient(
        api_key=SecretStr(KEY),
        conn_id="bench",
        base_url=url,
        organisation=ORGANISATION,
        requests_per_second=100_000.0,
        retry=RetryPolicy(attempts=20, base=0.001, cap=0.01, max_wait=1.0),
    )
    platform = LessonspacePlatform(client)
    before, begun = peak_mib(), time.monotonic()
    plan = ExportPlan(storage, "bench", attendance=False)
    result = export(platform, plan, cut(BEGIN, END, Period.DAY), say=lambda _: None)
    seconds = time.monotonic() - begun
    growth = peak_mib() - before
    platform.close()
    manifests = [Manifest.from_bytes(storage.get(name)) for name in result.manifests]
    told.send(
        {
            "seconds": seconds,
            "growth_mib": growth,
            "manifests": result.manifests,
            "counts": result.counts,
            "sha256": [entry.sha256 for one in manifests for entry in one.files],
        }
    )


def _differences(truth: Truth, folder: Path, names: list[str]) -> int:
    """Return how many rows are missing, too many, or not as it happened."""
    storage = LocalStorage(folder)
    left = set(truth)
    wrong = 0
    for name in names:
        for entry in Manifest.from_bytes(storage.get(name)).files:
            for row in decode(storage.read(entry.name), FileFormat.JSONL):
                expected = truth.get(row["session_id"])
                known = row["session_id"] in left
                left.discard(row["session_id"])
                people = {one["person_id"] for one in row["participants"]}
                same = expected is not None and all(row[column] == expected[column] for column in SAME)
                wrong += not (known and same and expected is not None and people == set(expected["people"]))
    return wrong + len(left)
