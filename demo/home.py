"""The folder in which a demo lives: made anew, and for nobody else to read."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def new_home(folder: Path) -> None:
    """Make a folder anew; whatever this process and those that it starts write from now on is their user's alone.

    Names and addresses of people stand in Airflow's database and logs, and the sandbox tells its keys.

    Args:
        folder: What was in it is gone.
    """
    os.umask(0o077)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
