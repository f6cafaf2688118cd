"""``python -m crash``: the crash matrix, or a part of it."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.results import record
from crash.environment import prepare
from crash.sabotage import SABOTAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crash.matrix import Tally

SECONDS_BETWEEN_LINES = 15.0
SLICE = ("created", "answered", "waiting", "execute-complete", "in-a-file")
"""Points of the small matrix that runs among the tests."""


def main() -> int:
    """Run what was asked for; 0 only when every promise was kept in every run."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a matrix that is cut short tells what it has seen
    with tempfile.TemporaryDirectory(prefix="live-sessions-crash-home-") as home:
        prepare(Path(home))
        tempfile.tempdir = home  # what runs leave goes with it, also when they are cut short
        from crash.preload import preload  # only now: Airflow reads its settings as it is imported

        preload()
        return _run(asked)


def _run(asked: argparse.Namespace) -> int:
    from crash.matrix import MODES, Tally, combinations, run_all
    from crash.points import BY_NAME
    from crash.scene import Combination
    from crash.venues import VENUES

    points = SLICE if asked.slice else (asked.point or tuple(BY_NAME))
    seeds = 1 if asked.slice else asked.seeds
    platforms = tuple(VENUES) if "all" in asked.platform else asked.platform
    unknown = sorted({*points, *platforms} - {*BY_NAME, *VENUES})
    if unknown:
        print(f"unknown: {', '.join(unknown)}; known: {', '.join((*VENUES, *BY_NAME))}", file=sys.stderr)
        return 2
    modes = MODES if asked.mode == "all" else (asked.mode,)
    chosen = [Combination.parse(one) for one in asked.only] or combinations(platforms, modes, points, seeds)
    tally, began, told_at = Tally(), time.monotonic(), time.monotonic()
    with contextlib.suppress(KeyboardInterrupt):
        for combination, told in run_all(chosen, workers=asked.workers, broken=asked.sabotage, keep=asked.keep):
            tally.add(combination, told)
            for sentence in told["said"]:
                print(f"{combination}: {sentence}", flush=True)
            if time.monotonic() - told_at > SECONDS_BETWEEN_LINES:
                told_at = time.monotonic()
                print(f"{told_at - began:5.0f} s, {tally.runs} of {len(chosen)}: {tally.line()}", flush=True)
    if tally.runs < len(chosen):
        print(f"{len(chosen) - tally.runs} of {len(chosen)} runs were not played.")
    seconds = time.monotonic() - began
    if not (asked.only or asked.slice or asked.sabotage):
        record("crash", {**tally.figures(), "planned": len(chosen), "seconds": round(seconds, 1), "seeds": seeds})
    _report(tally, seconds)
    return 0 if tally.kept and tally.runs == len(chosen) else 1


def _report(tally: Tally, seconds: float) -> None:
    for line in tally.table():
        print(line)
    for run in tally.failures:
        print(f"again: python -m crash --only {run}")
    for (platform, reason), number in sorted(tally.allowed.items()):
        print(f"allowed by policy, {platform}: {number} x {reason}; see docs/reliability.md")
    print(f"{tally.line()} ({seconds:.0f} s)", flush=True)


def _arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m crash", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="seeds for each cell (20)")
    parser.add_argument("--platform", nargs="+", default=["all"], help="platforms; all by default")
    parser.add_argument("--mode", choices=("all", "sync", "deferrable"), default="all")
    parser.add_argument("--point", nargs="+", help="points by name; all by default")
    parser.add_argument("--workers", type=int, default=2, help="runs at the same time (2)")
    parser.add_argument("--slice", action="store_true", help="a small matrix, as the tests run it")
    parser.add_argument("--only", nargs="+", default=[], help="single runs: platform/mode/point/seed")
    parser.add_argument("--keep", type=Path, help="a folder for the logs of runs that broke a promise")
    parser.add_argument(
        "--sabotage", default="", choices=tuple(SABOTAGES), help="break the provider first, to see the matrix fail"
    )
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
