"""Which process ``make up`` is, and how ``make down`` stops it: a file that the process holds locked.

A process id alone may be somebody else's by now; one in a file that is locked is not.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).parents[1] / ".run" / "up.pid"
PATIENCE = 90.0
"""Seconds that stopping may take."""


class AlreadyRunningError(RuntimeError):
    """Another ``make up`` runs from this checkout."""


@contextmanager
def only_one(file: Path = FILE) -> Iterator[None]:
    """Be the one process that runs.

    Args:
        file: Where its id is kept.

    Raises:
        AlreadyRunningError: There is one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunningError("It runs already; `make down` stops it.") from None
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        yield


def stop(file: Path = FILE, patience: float = PATIENCE) -> str:
    """Ask the process to stop and wait until it has.

    Args:
        file: Where its id is kept.
        patience: Seconds to wait.

    Returns:
        A sentence that says what was done.
    """
    if not _held(file):
        return "Nothing runs."
    os.kill(int(file.read_text()), signal.SIGTERM)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if not _held(file):
            return "Stopped."
        time.sleep(0.2)
    return f"It was asked to stop and has not within {patience:.0f} s."


def _held(file: Path) -> bool:
    if not file.exists():
        return False
    with file.open("a") as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


if __name__ == "__main__":
    sys.stdout.write(f"{stop()}\n")
