"""A backfill in parallel: several processes, one key, one of them killed; nothing lost, doubled or asked twice."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from tests.exports.lessonspace_past import Truth, ended, fill, of_row
from tests.exports.reading import digests, rows
from tests.platforms.lessonspace.academy import KEY, ORG, Academy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.sandbox.log import Entry

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)
BEGIN = datetime(2026, 8, 18, tzinfo=UTC)
WORKERS, DAYS = 4, 3
"""Processes at once, and days in the interval of each."""
END = BEGIN + WORKERS * DAYS * DAY
RATE = 30.0
"""Requests a second that all of them may send together."""
ALLOWED = 60
"""What the sandbox lets pass in a second. One budget stays below it even where a busy machine holds requests up
and lets them go at once; a budget for each process would be twice as much."""
PATIENCE = 60.0


@dataclass(frozen=True)
class Worker:
    """A process that exports an interval."""

    process: subprocess.Popen[str]
    since: datetime

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def rest(self) -> list[str]:
        assert self.process.stdout is not None
        told = [line.strip() for line in self.process.stdout]
        assert self.process.wait(PATIENCE) == 0, told
        return told


@contextmanager
def worker(academy: Academy, folder: Path, since: datetime) -> Iterator[Worker]:
    given = {
        "key": KEY,
        "url": academy.sandbox.lessonspace.url,
        "organisation": ORG,
        "rate": RATE,
        "state": str(folder / "state"),
        "folder": str(folder / "home"),
        "since": since.isoformat(),
        "until": (since + DAYS * DAY).isoformat(),
    }
    with subprocess.Popen(  # noqa: S603 - a program of our own
        [sys.executable, "-m", "tests.exports.exporter", json.dumps(given)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Worker(process, since)
        finally:
            process.kill()


def undisturbed(academy: Academy, storage: LocalStorage) -> ExportResult:
    with academy.new_client(conn_id="school") as client:
        chunks = cut(BEGIN, END, Period.DAY)
        return export(LessonspacePlatform(client), ExportPlan(storage, "school"), chunks, say=lambda _: None)


def asked_of(day: datetime) -> str:
    """Return what a day's requests are known by: the list and the rooms are asked from just before it."""
    return re.escape(format_time(day - timedelta(seconds=1))[:19].replace(":", "%3A"))


def rows_requests(entries: list[Entry], day: datetime) -> Counter[str]:
    return Counter(one.path for one in entries if re.search(asked_of(day), one.query))


def wait_until_held(academy: Academy, rule: int) -> None:
    given_up = time.monotonic() + PATIENCE
    while not next(one["struck"] for one in academy.sandbox.faults.listed() if one["number"] == rule):
        assert time.monotonic() < given_up
        time.sleep(0.005)


def test_a_backfill_in_parallel_keeps_to_one_budget_and_goes_on_where_a_killed_process_stopped(
    tmp_path: Path,
) -> None:
    with Academy.open(start=END + 2 * DAY, rate_limit=ALLOWED) as academy, ExitStack() as stack:
        truth: Truth = fill(academy.sandbox, BEGIN - DAY, END, WORKERS * DAYS * 12, rooms=9)
        throttle = academy.sandbox.lessonspace._throttle
        throttle._rate = 0  # what is compared with is not what is measured
        alone = LocalStorage(tmp_path / "alone")
        expected = undisturbed(academy, alone)
        needed = {day: rows_requests(academy.log(), day) for day in (BEGIN + number * DAY for number in range(12))}
        assert all(needed.values())

        throttle._rate = ALLOWED
        mark = academy.mark()
        starts = [BEGIN + number * DAYS * DAY for number in range(WORKERS)]
        workers = [stack.enter_context(worker(academy, tmp_path, since)) for since in starts]
        assert [one.read() for one in workers] == ["ready"] * WORKERS
        victim, *others = workers
        held = academy.sandbox.faults.add("hold_after", path="/spaces/", query=asked_of(victim.since + DAY), nth=3)
        for one in workers:
            one.go()
        assert victim.read().endswith(", home")  # its first day
        wait_until_held(academy, held)  # amid its second
        victim.process.kill()
        victim.process.wait(PATIENCE)
        academy.sandbox.faults.remove(held)
        for one in others:
            assert [line.rpartition(", ")[2] for line in one.rest()] == ["home"] * DAYS
        home = LocalStorage(tmp_path / "home")
        whole = {name for name in home.list() if name.endswith(".manifest.json")}
        left = {name for name in expected.manifests if name not in whole}
        assert left == set(expected.manifests[1:DAYS])  # it was killed with a day home and two to go

        parallel = academy.log(since=mark)
        again = stack.enter_context(worker(academy, tmp_path, victim.since))
        assert again.read() == "ready"
        again.go()
        assert [line.rpartition(", ")[2] for line in again.rest()] == ["home already", "home", "home"]
        rerun = academy.log(since=parallel[-1].number)

        every = parallel + rerun
        assert [one for one in every if one.status != 200] == []
        assert len(every) > 2 * ALLOWED
        # Nothing that was home was asked for again, and what was not, once more: the same requests as undisturbed.
        for number, (day, requests) in enumerate(needed.items()):
            asked_again = number in (1, 2)
            assert asked_again or rows_requests(parallel, day) == requests
            assert rows_requests(rerun, day) == (requests if asked_again else Counter())

        found = {row["session_id"]: of_row(row) for row in rows(home, expected.manifests)}
        assert found == ended(truth, BEGIN, END)
        assert digests(home, expected.manifests) == digests(alone, expected.manifests)
        before = academy.mark()
        assert undisturbed(academy, home).kept == WORKERS * DAYS
        assert academy.mark() == before
