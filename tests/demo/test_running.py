"""``make down`` stops what ``make up`` started, and never anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from demo.running import AlreadyRunningError, only_one, stop

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys, time
from pathlib import Path
from demo.running import only_one
with only_one(Path(sys.argv[1])):
    print("up", flush=True)
    time.sleep(120)
"""


def test_a_second_one_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "up.pid"
    with only_one(file), pytest.raises(AlreadyRunningError, match="make down"), only_one(file):
        pass


def test_what_runs_is_stopped(tmp_path: Path) -> None:
    file = tmp_path / "up.pid"
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)], stdout=subprocess.PIPE) as running:  # noqa: S603 - our own program
        assert running.stdout is not None
        assert running.stdout.readline() == b"up\n"
        assert stop(file, patience=30) == "Stopped."
        assert running.wait(60) < 0
    with only_one(file):
        pass


def test_an_id_that_is_left_over_is_nobody_s(tmp_path: Path) -> None:
    file = tmp_path / "up.pid"
    assert stop(file) == "Nothing runs."
    file.write_text(f"{os.getpid()}\n")  # as if its number had been given to another process
    assert stop(file) == "Nothing runs."
