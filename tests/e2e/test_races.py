"""A slice of ``make e2e``: a clear, a mark and a policy, on a real Airflow with two triggerers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SLICE = "a_cleared_launch or (no_policy and skipped) or (its_wait_is_marked and failed and deferred)"


@pytest.mark.timeout(1260)
def test_a_slice_of_the_races_ends_as_promised() -> None:
    done = subprocess.run(  # noqa: S603 - the project's own tests
        [sys.executable, "-m", "pytest", "e2e", "-q", "-p", "no:cacheprovider", "--timeout", "900", "-k", SLICE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    told = re.search(r"(\d+) races, (\d+) as promised, 0 not", done.stdout)
    assert told is not None, done.stdout[-2000:]
    assert int(told[1]) == 3
