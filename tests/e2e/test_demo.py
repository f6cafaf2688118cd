"""The demo as a person starts it: a real Airflow, a real triggerer, a whole day of classes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(1560)
def test_the_demo_ends_as_the_timetable_says_and_leaves_no_secret_in_clear_text(tmp_path: Path) -> None:
    home, output = tmp_path / "home", tmp_path / "output"
    done = subprocess.run(  # noqa: S603 - the project's own program
        [sys.executable, "-m", "demo", "--home", str(home), "--output", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    scanned = re.search(r"(\d+) secrets looked for .*: (\d+) in clear text", done.stdout)
    assert scanned is not None, done.stdout
    # A link for each of some forty people, the rooms' own secrets, and the connection's.
    assert int(scanned[1]) >= 40
    assert int(scanned[2]) == 0
    # A join link of the sandbox carries a signed token; none of any room may stand anywhere, known or not.
    signed = re.compile(rb"user=eyJ[\w-]+\.[\w-]+\.[\w-]+")
    searched = [path for path in (*home.rglob("*"), *output.rglob("*")) if path.is_file()]
    assert any(path.name == "airflow.db" for path in searched)
    assert sum(path.suffix == ".log" for path in searched) > 50
    assert [str(path) for path in searched if signed.search(path.read_bytes())] == []
    assert len(list(output.rglob("*manifest.json"))) >= 33
