"""The sandbox as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from demo.airflow_stack import StackError, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]


@contextmanager
def sandbox(home: Path, options: Sequence[str]) -> Iterator[str]:
    """Run the sandbox as a process of its own and give its URL.

    Raises:
        StackError: It did not start.
    """
    port = free_port()
    command = [sys.executable, "-m", "airflow_provider.live_sessions.sandbox", "--port", str(port), *options]
    with (home / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, SandboxControl(url), home / "sandbox.log")
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], control: SandboxControl, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            control.info()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise StackError(f"The sandbox did not start:\n{log.read_text(errors='replace')[-2000:]}")
