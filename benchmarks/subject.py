"""The other end of :mod:`benchmarks.triggerer`: starts a triggerer for some waits, commands it, stops it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PATIENCE = 1200.0
"""Seconds after which an answer is given up; ten thousand waits with a client each take long to start."""

PRELUDE = "LIVE_SESSIONS_BENCH_PRELUDE"
"""Environment variable of a triggerer: functions to call before anything runs, as ``module:name``, by commas."""

FERNET_KEY = "bGl2ZS1zZXNzaW9ucy1iZW5jaC1rZXktMzItYnl0ZXM="

Waits = Iterable[tuple[str, Mapping[str, Any]]]
"""A trigger's class path and arguments for each wait."""


class SubjectDied(Exception):  # noqa: N818 - it says what happened
    """The process under test ended or fell silent; the message carries its last words."""


class Subject:
    """A triggerer at work.

    Args:
        process: The process.
        errors: Where its stderr goes.
    """

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process = process
        self._errors = errors
        self._answers: Queue[dict[str, Any]] = Queue()
        threading.Thread(target=self._read, name="subject", daemon=True).start()

    def go(self) -> dict[str, Any]:
        """Start all waits but the first, which runs already; return what starting them took."""
        return self._ask("go")

    def begin(self) -> None:
        """Measure from now on."""
        self._send("begin")

    def end(self) -> dict[str, Any]:
        """Return what was measured since :meth:`begin`, as :class:`benchmarks.gauge.Measures` has it."""
        return self._ask("end")

    def events(self) -> list[dict[str, Any]]:
        """Return the events so far: ``trigger`` (from 1), ``at`` (Unix time), ``payload``."""
        return list(self._ask("events")["events"])

    def failed(self) -> list[str]:
        """Return the triggers that ended without an event, with the reason."""
        return list(self._ask("events")["failed"])

    def stop(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._send("stop")
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()

    def _ask(self, command: str) -> dict[str, Any]:
        self._send(command)
        try:
            return self._answers.get(timeout=PATIENCE)
        except Empty:
            raise SubjectDied(f"no answer to {command!r}: {self._last_words()}") from None

    def _send(self, command: str) -> None:
        if self._process.stdin is None or self._process.poll() is not None:
            raise SubjectDied(self._last_words())
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._answers.put(json.loads(line))

    def _last_words(self) -> str:
        return self._errors.read_text(encoding="utf-8", errors="replace")[-3000:] or "it said nothing"


@contextmanager
def subject(waits: Waits, environment: Mapping[str, str], *, home: Path | None = None) -> Iterator[Subject]:
    """Run a triggerer with some waits; the first of them starts at once.

    Args:
        waits: What waits.
        environment: Connections and settings, beside what every triggerer gets.
        home: A folder for its files; None makes one and removes it.
    """
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as folder:
        place = home or Path(folder)
        feed, errors = place / "feed.jsonl", place / "errors.txt"
        with feed.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps([path, dict(kwargs)]) + "\n" for path, kwargs in waits)
        with errors.open("w", encoding="utf-8") as stderr:
            process = subprocess.Popen(  # noqa: S603 - the project's own program
                [sys.executable, "-m", "benchmarks.triggerer", str(feed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=ROOT,
                env=_environment(place, environment),
                text=True,
            )
        running = Subject(process, errors)
        try:
            yield running
        finally:
            running.stop()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


def _environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # What this process sealed, the triggerer has to open.
        "AIRFLOW__CORE__FERNET_KEY": os.environ.get("AIRFLOW__CORE__FERNET_KEY", FERNET_KEY),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/never.db",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "NO_PROXY": "*",
        **more,
    }
