"""One API key used by 1, 4 and 8 processes of a host against a platform that allows 5 requests a second.

Each process is what a task is: an interpreter of its own with the package's own client, its own connection, and
nothing shared but the rate budget. The sandbox is the judge: it counts in a sliding window of one second, as
Django REST framework's throttle does (a refused request does not count). Lessonspace documents "typically 5
requests a second and key" and not how they are counted; a sliding window is the strictest of the usual ways. It
sends no Retry-After, as none is documented.

Beside it, without bars: eight processes with a budget each, as it would be if nothing were shared.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.report import Say

ALLOWED = 5
"""Requests a second that the platform allows."""

PROCESSES = (1, 4, 8)
ORGANISATION = 4711
SESSIONS = r"/sessions/$"

LEAST_USED = 0.90
MOST_REFUSED = 0.02
LEAST_FAIR = 0.5
"""What the process that was served least has to have of what the one served most has."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What some processes did with one key.

    Args:
        processes: How many they were.
        seconds: From the platform's first to its last answer.
        served: Requests answered with success.
        refused: Requests answered with 429.
        used: The part of what is allowed that was used.
        failed: Calls that ended in an error.
        least: Successful calls of the process that had fewest.
        most: Successful calls of the process that had most.
    """

    processes: int
    seconds: float
    served: int
    refused: int
    used: float
    failed: int
    least: int
    most: int

    @property
    def refused_share(self) -> float:
        """The part of all requests that was answered with 429."""
        return self.refused / max(1, self.refused + self.served)

    @property
    def fairness(self) -> float:
        """The least served process's calls over the most served one's."""
        return self.least / max(1, self.most)

    def figures(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        every = {**asdict(self), "refused_share": self.refused_share, "fairness": self.fairness}
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in every.items()}

    def __str__(self) -> str:
        return (
            f"{self.processes} processes: {self.used:.1%} used, {self.refused_share:.2%} refused, "
            f"{self.failed} failed, {self.least} to {self.most} calls a process"
        )


def run(say: Say, quick: bool) -> Report:
    """Measure with 1, 4 and 8 processes.

    Args:
        say: Prints progress.
        quick: For 15 instead of 60 seconds each.
    """
    seconds = 15.0 if quick else 60.0
    report = Report(figures={"allowed_per_second": ALLOWED, "counted_in": "sliding window of 1 s"})
    told = []
    for processes in PROCESSES:
        spent = measure(processes, seconds, shared=True)
        say(str(spent))
        told.append(f"{spent.used:.1%}")
        report.figures[f"processes_{processes}"] = spent.figures()
        judge(spent, report)
    alone = measure(max(PROCESSES), 15.0, shared=False)
    say(f"not shared, {alone}")
    report.figures["not_shared"] = alone.figures()
    report.line = f"rate budget {' / '.join(told)} used by {' / '.join(map(str, PROCESSES))} processes"
    return report


def judge(spent: Spent, report: Report) -> None:
    """Hold what some processes did against the bars."""
    where = f"with {spent.processes} processes"
    used, refused, least, most = spent.used, spent.refused_share, spent.least, spent.most
    report.expect(used >= LEAST_USED, f"{where} {used:.1%} were used, at least {LEAST_USED:.0%} wanted")
    report.expect(refused < MOST_REFUSED, f"{where} {refused:.2%} were refused, below {MOST_REFUSED:.0%} wanted")
    report.expect(spent.failed == 0, f"{where} {spent.failed} calls failed")
    report.expect(spent.fairness >= LEAST_FAIR, f"{where} one process had {least} calls, another {most}")


def measure(processes: int, seconds: float, *, shared: bool) -> Spent:
    """Let processes spend one key's allowance for some time and ask the platform what it saw.

    Args:
        processes: How many.
        seconds: For how long.
        shared: Whether they share their budget.
    """
    key = str(uuid.uuid4())
    with ExitStack() as stack:
        control, url = stack.enter_context(_platform(key))
        state = stack.enter_context(tempfile.TemporaryDirectory(prefix="live-sessions-bench-")) if shared else ""
        orders = {"key": key, "url": url, "organisation": ORGANISATION, "seconds": seconds, "state": state}
        spenders = [stack.enter_context(_process("benchmarks.budget_spender")) for _ in range(processes)]
        for one in spenders:
            _tell(one, json.dumps(orders))
        for one in spenders:
            _hear(one)
        for one in spenders:
            _tell(one, "go")
        counted = [json.loads(_hear(one)) for one in spenders]
        seen = control.log(path=SESSIONS)
    served = sum(one["status"] == 200 for one in seen)
    lasted = seen[-1]["real"] - seen[0]["real"]
    done = [one["done"] for one in counted]
    return Spent(
        processes=processes,
        seconds=lasted,
        served=served,
        refused=sum(one["status"] == 429 for one in seen),
        used=(served - 1) / lasted / ALLOWED,
        failed=sum(one["failed"] for one in counted),
        least=min(done),
        most=max(done),
    )


@contextmanager
def _platform(key: str) -> Iterator[tuple[SandboxControl, str]]:
    options = ("--port", "0", "--api-key", key, "--organisation", str(ORGANISATION), "--rate-limit", str(ALLOWED))
    with _process("airflow_provider.live_sessions.sandbox", *options) as server:
        first, lessonspace, *_ = _hear(server).split(" | ")
        yield SandboxControl(first.removeprefix("Sandbox ")), lessonspace.split()[1]


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(  # noqa: S603 - programs of our own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _tell(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin is not None:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()


def _hear(process: subprocess.Popen[str]) -> str:
    """Return the next line of a process.

    Raises:
        RuntimeError: It ended instead.
    """
    line = "" if process.stdout is None else process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended without a word.")
    return line.strip()
