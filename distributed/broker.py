"""The compose file's Redis on loopback: started by its own command, stopped and started again at will."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from demo.airflow_stack import StackError, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST = "127.0.0.1"
PATIENCE = 30.0
"""Seconds that it may take to answer, or to go."""


class Broker:
    """A Redis.

    Args:
        folder: Where it writes what it has; made anew.
        service: The compose file's service, its variables filled in.
        configs: The compose file's ``configs``, of which the service's are written into ``folder``.

    Raises:
        StackError: Redis is not installed.
    """

    def __init__(self, folder: Path, service: Mapping[str, Any], configs: Mapping[str, str]) -> None:
        if shutil.which("redis-server") is None:
            raise StackError("Redis is not installed; on Debian: apt-get install redis-server")
        folder.mkdir(parents=True)
        self.port = free_port()
        self._log = folder / "log"
        self._environment = {"PATH": os.environ["PATH"], **service["environment"]}
        here = {one["target"]: folder / one["source"] for one in service["configs"]}
        for one in service["configs"]:
            path = here[one["target"]]
            path.touch(mode=0o600)
            path.write_text(configs[one["source"]])
        own = ("--port", str(self.port), "--bind", HOST, "--dir", str(folder))
        self.command = [*(str(here.get(word, word)) for word in service["command"]), *own]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            StackError: It does not.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            if self._answers():
                return
            time.sleep(0.1)
        self.stop()
        raise StackError(f"Redis did not start:\n{self._log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """Stop it as a service manager does."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _answers(self) -> bool:
        """Return whether it has read its file: then it answers, if only that it wants the password."""
        with suppress(OSError), socket.create_connection((HOST, self.port), timeout=1) as asking:
            asking.sendall(b"PING\r\n")
            return not asking.recv(64).startswith(b"-LOADING")
        return False
