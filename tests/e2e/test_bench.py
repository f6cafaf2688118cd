"""A slice of ``make bench`` with the same code: counts only, never a time, for machines differ."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(660)
def test_the_quick_bench_counts_what_is_promised_and_loses_no_wait(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    done = subprocess.run(  # noqa: S603 - the project's own program
        [sys.executable, "-m", "benchmarks", "--quick", "--results", str(results)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.stdout.splitlines()[-1].endswith("0 bars not met")
    sections = json.loads(results.read_text(encoding="utf-8"))
    ours = sections["waits"]["figures"]["60"]["live sessions"]
    assert (ours["requests_a_tick"], ours["connections"], ours["events"], ours["failed"]) == (3, 1, 0, 0)
    faults = sections["faults"]["figures"]
    assert faults["429_seconds"]["answers_429"] > 0
    assert faults["429_seconds"]["too_early"] == 0
    assert faults["edited"]["refused_before"] > 0
    assert [faults[name]["lost"] for name in ("429_seconds", "edited")] == [0, 0]
