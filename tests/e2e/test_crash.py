"""A slice of the crash matrix as a person starts it, and the proof that the matrix can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = re.compile(
    r"(?P<runs>\d+) runs, (?P<duplicates>\d+) duplicates, (?P<lost>\d+) lost, "
    r"(?P<wrongly_ended>\d+) wrongly ended, (?P<torn>\d+) torn files, (?P<unclear>\d+) unclear"
)


def crash(*arguments: str) -> tuple[int, dict[str, int], str]:
    """Run the matrix, or a part of it; return its exit code, its figures and all that it said."""
    done = subprocess.run(  # noqa: S603 - the project's own program
        [sys.executable, "-m", "crash", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    said = f"{done.stdout[-6000:]}\n{done.stderr[-4000:]}"
    last = FIGURES.search(done.stdout.strip().splitlines()[-1]) if done.stdout.strip() else None
    assert last is not None, said
    return done.returncode, {name: int(value) for name, value in last.groupdict().items()}, said


@pytest.mark.timeout(540)
def test_no_kill_of_the_slice_doubles_loses_ends_or_tears_anything() -> None:
    code, figures, said = crash("--slice")
    assert code == 0, said
    assert figures.pop("runs") == 38  # four points on four platforms, one on the three that leave files; two modes
    assert set(figures.values()) == {0}


@pytest.mark.timeout(540)
@pytest.mark.parametrize(
    ("sabotage", "run", "counted"),
    [
        ("no-look-up", "coviu/sync/created/0", "duplicates"),
        ("end-what-is-found", "screenleap/sync/waiting/0", "wrongly_ended"),
        ("in-place", "lessonspace/sync/in-a-file/0", "torn"),
        ("drop", "coviu/deferrable/created/0", "lost"),
    ],
)
def test_the_matrix_sees_a_provider_that_breaks_a_promise(sabotage: str, run: str, counted: str) -> None:
    code, figures, said = crash("--sabotage", sabotage, "--only", run)
    assert code == 1, said
    assert figures[counted] > 0, said
    assert f"again: python -m crash --only {run}" in said
