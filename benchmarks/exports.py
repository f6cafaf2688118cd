"""An export of many sessions under faults, held against the ground truth row for row, twice; time and memory.

The sandbox's Lessonspace and the export are two processes, so the memory measured is the export's alone. A row is
held against the truth whole, every column of it; of the truth a digest a row is kept. Rooms are not asked for logs
but for the last day, once more: a room a request would measure the sandbox.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from tests.exports.lessonspace_past import hold, of_row, without_attendance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
LAST = END - timedelta(days=1)
"""Since when rooms are asked as well."""


@dataclass
class Truth:
    """What happened, by session: a digest of the row that it has to have, without and with its room's logs.

    Args:
        plain: Of every session.
        logged: Of those since ``LAST``.
    """

    plain: dict[str, bytes] = field(default_factory=dict)
    logged: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, happened: Iterable[dict[str, Any]]) -> Truth:
        """Keep the digests of rows, one row at a time in memory."""
        truth = cls()
        for row in happened:
            ended = datetime.fromisoformat(row["counted_at"])
            if BEGIN <= ended < END:
                truth.plain[row["session_id"]] = _digest(without_attendance(row))
            if LAST <= ended < END:
                truth.logged[row["session_id"]] = _digest(row)
        return truth


def run(say: Say, quick: bool) -> Report:
    """Export twice and compare; 200,000 sessions, the quick slice 10,000."""
    sessions = 10_000 if quick else 200_000
    report = Report()
    chosen = LessonspaceOptions(api_key=KEY, organisation=ORGANISATION, rate_limit=0, page_size=1000)
    with (
        Sandbox(start=END + timedelta(days=2), frozen=True, lessonspace=chosen) as sandbox,
        tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder,
    ):
        truth = Truth.of(hold(sandbox, BEGIN, END - timedelta(hours=21), sessions, rooms=1000))
        say(f"{len(truth.plain)} sessions have been held")
        for seed, kind in enumerate(FAULTS):
            sandbox.faults.add(kind, probability=SHARE, seed=seed)
        runs = []
        for number in range(2):
            home = Path(folder) / str(number)
            told = in_a_process(_export, sandbox.lessonspace.url, str(home), BEGIN, False)
            wrong = _judge(truth.plain, home, told["manifests"], report, say)
            report.expect(told["growth_mib"] < GROWTH_MIB, f"{GROWTH_MIB} MiB of growth; {told['growth_mib']:.0f}")
            say(
                f"exported in {told['seconds']:.1f} s, {told['growth_mib']:.0f} MiB of growth, {wrong} rows differ"
            )
            runs.append(told)
        home = Path(folder) / "logged"
        logged = in_a_process(_export, sandbox.lessonspace.url, str(home), LAST, True)
        wrong = _judge(truth.logged, home, logged["manifests"], report, say)
        say(
            f"the last day's {len(truth.logged)} with their logs in {logged['seconds']:.1f} s, {wrong} rows differ"
        )
        faults = sum(one["struck"] for one in sandbox.faults.listed())
    report.expect(runs[0]["sha256"] == runs[1]["sha256"], "the same bytes twice")
    slowest = max(one["seconds"] for one in runs)
    report.figures = {
        "sessions": len(truth.plain),
        "with_logs": len(truth.logged),
        "faults": faults,
        "pages": runs[0]["counts"]["pages"],
        "sessions_per_second": round(len(truth.plain) / slowest),
        "growth_mib": round(max(one["growth_mib"] for one in runs), 1),
        "growth_mib_with_logs": round(logged["growth_mib"], 1),
        "same_bytes": runs[0]["sha256"] == runs[1]["sha256"],
    }
    report.line = (
        f"{len(truth.plain)} sessions exported twice under {faults} faults: "
        f"{report.figures['sessions_per_second']}/s, {report.figures['growth_mib']} MiB of growth"
    )
    return report


def _export(told: Connection, url: str, folder: str, since: datetime, attendance: bool) -> None:
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
    plan = ExportPlan(storage, "bench", attendance=attendance)
    result = export(platform, plan, cut(since, END, Period.DAY), say=lambda _: None)
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


def _judge(truth: dict[str, bytes], folder: Path, names: list[str], report: Report, say: Say) -> int:
    """Return how many rows are missing, too many, or not as it happened; name the first of them."""
    wrong = list(_differences(truth, LocalStorage(folder), names))
    report.expect(not wrong, f"every row is as it happened; {len(wrong)} are not")
    if wrong:
        say(f"not as it happened: {', '.join(wrong[:5])}")
    return len(wrong)


def _differences(truth: dict[str, bytes], storage: LocalStorage, names: list[str]) -> Iterator[str]:
    """Yield the id of each row that is missing, too many, or has any column that is not as it happened."""
    left = set(truth)
    for name in names:
        for entry in Manifest.from_bytes(storage.get(name)).files:
            for row in decode(storage.read(entry.name), FileFormat.JSONL):
                found = row["session_id"]
                as_it_was = row["conn_id"] == "bench" and truth.get(found) == _digest(of_row(row))
                if not as_it_was or found not in left:
                    yield found
                left.discard(found)
    yield from left


def _digest(row: dict[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(row, sort_keys=True).encode(), digest_size=16).digest()
