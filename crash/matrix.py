"""All runs of a matrix, over a few workers, each a fork with its own sandboxes; and what they add up to."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from crash.play import play
from crash.points import BY_NAME, DEFERRABLE, POINTS, SYNC
from crash.process import die_with_parent
from crash.scene import Combination
from crash.venues import VENUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BROKEN: Final = ("duplicates", "lost", "wrongly_ended", "torn", "unclear")
"""What must not be, as a verdict counts it."""


@dataclass
class Tally:
    """What a matrix adds up to.

    Args:
        runs: How many were played.
        broken: How often each promise was broken.
        allowed: Doubles that a platform's API cannot exclude, by platform and reason.
        cells: Runs, and runs that broke a promise, by point and platform.
        failures: What was said of each run that broke one.
    """

    runs: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    allowed: Counter[tuple[str, str]] = field(default_factory=Counter)
    cells: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    failures: dict[str, list[str]] = field(default_factory=dict)

    def add(self, combination: Combination, told: dict[str, Any]) -> None:
        """Count one run."""
        self.runs += 1
        for what in BROKEN:
            self.broken[what] += told[what]
        for reason, number in told["allowed"].items():
            self.allowed[combination.platform, reason] += number
        cell = self.cells[combination.point, combination.platform]
        cell[0] += 1
        if told["said"]:
            cell[1] += 1
            self.failures[str(combination)] = told["said"]

    @property
    def kept(self) -> bool:
        """Whether every promise was kept in every run."""
        return self.runs > 0 and not self.failures

    def line(self) -> str:
        """Return the figures in one line."""
        allowed = sum(self.allowed.values())
        return (
            f"{self.runs} runs, {self.broken['duplicates']} duplicates, {self.broken['lost']} lost, "
            f"{self.broken['wrongly_ended']} wrongly ended, {self.broken['torn']} torn files, "
            f"{self.broken['unclear']} unclear; allowed by policy: {allowed}"
        )

    def table(self) -> Iterator[str]:
        """Yield the lines of a table, point by platform: runs, and behind a ``!`` those that broke a promise."""
        platforms = [name for name in VENUES if any(name == platform for _, platform in self.cells)]
        yield f"{'':18}" + "".join(f"{name:>14}" for name in platforms)
        for point in POINTS:
            if any((point.name, name) in self.cells for name in platforms):
                cells = (_cell(self.cells.get((point.name, name))) for name in platforms)
                yield f"{point.name:18}" + "".join(f"{cell:>14}" for cell in cells)

    def figures(self) -> dict[str, Any]:
        """Return the figures for the file of results."""
        return {
            "runs": self.runs,
            **{what: self.broken[what] for what in BROKEN},
            "allowed_by_policy": {
                f"{platform}: {reason}": number for (platform, reason), number in sorted(self.allowed.items())
            },
            "points": len({point for point, _ in self.cells}),
        }


def _cell(counts: list[int] | None) -> str:
    if counts is None:
        return "-"
    runs, broken = counts
    return f"{runs} !{broken}" if broken else str(runs)


def combinations(
    platforms: Sequence[str], modes: Sequence[str], points: Sequence[str], seeds: int
) -> list[Combination]:
    """Return every run, seed by seed, so that a matrix that is cut short has seen every cell."""
    return [
        Combination(platform, mode, point, seed)
        for seed in range(seeds)
        for point in points
        for platform in platforms
        for mode in modes
        if BY_NAME[point].lies_on(VENUES[platform]())
    ]


def run_all(
    chosen: Sequence[Combination], *, workers: int, broken: str = "", keep: Path | None = None
) -> Iterator[tuple[Combination, dict[str, Any]]]:
    """Play runs in forks of this process and yield each as it ends.

    Args:
        chosen: The runs.
        workers: How many at a time.
        broken: A sabotage of the provider.
        keep: Where the output of failed runs goes.
    """
    pids: list[int] = []
    with selectors.DefaultSelector() as selector:
        try:
            for number in range(workers):
                mine, theirs = socket.socketpair()
                pids.append(os.fork())
                if pids[-1] == 0:
                    mine.close()
                    _work(chosen[number::workers], theirs, broken, keep)
                theirs.close()
                selector.register(mine.makefile("rb"), selectors.EVENT_READ, mine)
            while selector.get_map():
                for key, _ in selector.select():
                    line = key.fileobj.readline()  # type: ignore[union-attr]  # a file, registered above
                    if not line:
                        selector.unregister(key.fileobj)
                        key.data.close()
                        continue
                    told = json.loads(line)
                    yield Combination.parse(told.pop("run")), told
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)  # what it made dies with it
                os.waitpid(pid, 0)


def _work(chosen: Sequence[Combination], results: socket.socket, broken: str, keep: Path | None) -> None:
    """Be a worker: never return."""
    die_with_parent()
    try:
        for combination in chosen:
            verdict = play(combination, broken=broken, keep=keep)
            told = {what: getattr(verdict, what) for what in (*BROKEN, "said")}
            told |= {"run": str(combination), "allowed": dict(verdict.allowed)}
            results.sendall(json.dumps(told).encode() + b"\n")
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the last line of a process
        traceback.print_exc()
    finally:
        os._exit(1)


MODES: Final = (SYNC, DEFERRABLE)
