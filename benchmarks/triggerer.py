"""Airflow's own trigger runner in a process of its own, fed from a file, not by a supervisor with a database.

``python -m benchmarks.triggerer FEED`` runs the triggers of FEED, a workload a line, as Airflow's triggerer does:
its class, its one event loop, its logging as JSON lines. It reads commands on stdin and answers on stdout, JSON
both; see :class:`Bench`. The first trigger runs alone until ``go``, so that what is loaded once is not counted as
memory of the waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pkgutil
import resource
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.executors.workloads.trigger import RunTrigger
from airflow.jobs.triggerer_job_runner import TriggerRunner, messages
from airflow.models.trigger import Trigger
from airflow.sdk.execution_time import task_runner

from benchmarks.gauge import Gauge, rss
from benchmarks.subject import PRELUDE

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 500
"""Triggers started in one turn of Airflow's loop. Airflow itself starts 50; nobody wants to wait for that here."""


class Stamped(deque[Any]):
    """Airflow's queue of events, which notes when each one came."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def append(self, entry: Any, /) -> None:
        """Take an event of a trigger."""
        told = {"trigger": entry.trigger_id, "at": time.time(), "payload": entry.event.payload}
        self.seen.append(told)
        super().append(entry)


class NoSupervisor:
    """Takes the place of the pipe to the supervisor: secrets to mask are swallowed, nothing else is known."""

    async def asend(self, message: Any) -> None:
        """Answer at once."""

    def send(self, message: Any) -> None:
        """Answer at once."""


class Bench(TriggerRunner):
    """Airflow's runner with a feed and a gauge.

    Commands: ``go`` starts the rest of the triggers and answers when all run; ``begin`` starts a measurement;
    ``end`` answers what it showed; ``events`` answers the events and failures so far; ``stop`` ends the process.

    Args:
        feed: The workloads' lines.
    """

    def __init__(self, feed: Iterator[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self.events: Stamped = Stamped()
        self._feed = feed
        self._gauge = Gauge()
        self._open_gate = False
        self._first = True
        self._going = 0.0
        self._base = 0
        self._created = 0
        self._failed: list[str] = []

    async def init_comms(self) -> None:
        """Listen to commands instead of to a supervisor."""
        task_runner.SUPERVISOR_COMMS = NoSupervisor()  # type: ignore[assignment]  # as much of one as is asked for
        forever = asyncio.get_running_loop().create_task(asyncio.Event().wait())
        self.comms_decoder = SimpleNamespace(_reader_task=forever)  # type: ignore[assignment]  # the same
        self._gauge.start()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._listen, args=(loop,), name="commands", daemon=True).start()

    async def asend(self, msg: Any) -> Any:
        """Take the state of the triggers, as a supervisor does, and hand out the next ones."""
        for trigger_id, trace in msg.failures or ():
            self._failed.append(f"{trigger_id}: {(trace or ['no reason'])[-1].strip()}")
        batch: list[RunTrigger] = []
        if self._first or self._open_gate:
            wanted = 1 if self._first else AT_ONCE
            batch = [
                _workload(self._created + number, line) for number, line in enumerate(islice(self._feed, wanted))
            ]
            self._created += len(batch)
        if self._open_gate and not batch and self._going:
            seconds, self._going = time.monotonic() - self._going, 0.0
            measures = asdict(self._gauge.read())
            tell({"created": self._created, "seconds": seconds, "base_rss_bytes": self._base, **measures})
        self._first = False
        return messages.TriggerStateSync(to_create=batch, to_cancel=set())

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                loop.call_soon_threadsafe(self._obey, line.strip())
        os._exit(1)  # whoever commanded is gone; nobody would ever say stop

    def _obey(self, command: str) -> None:
        if command == "go":
            self._base, self._going, self._open_gate = rss(), time.monotonic(), True
            self._gauge.begin()
        elif command == "begin":
            self._gauge.begin()
        elif command == "end":
            tell(asdict(self._gauge.read()))
        elif command == "events":
            tell({"events": self.events.seen, "failed": self._failed})
        elif command == "stop":
            tell({})
            sys.stdout.flush()
            os._exit(0)  # ten thousand waits need not be cancelled one by one


def _workload(number: int, line: str) -> RunTrigger:
    classpath, kwargs = json.loads(line)
    ti = {
        "id": f"00000000-0000-7000-8000-{number:012d}",
        "dag_version_id": "00000000-0000-7000-8000-000000000000",
        "dag_id": "bench",
        "task_id": "wait",
        "run_id": "manual__bench",
        "map_index": number,
        "try_number": 1,
        "queue": "default",
        "pool_slots": 1,
        "priority_weight": 1,
    }
    return RunTrigger(id=number + 1, classpath=classpath, encrypted_kwargs=Trigger.encrypt_kwargs(kwargs), ti=ti)


def tell(answer: dict[str, Any]) -> None:
    """Answer one line."""
    sys.__stdout__.write(json.dumps(answer, default=str) + "\n")  # type: ignore[union-attr]  # it is a pipe
    sys.__stdout__.flush()  # type: ignore[union-attr]


def main() -> None:
    """Run the triggers of a feed until told to stop."""
    from airflow.sdk.log import configure_logging, reset_logging

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for prelude in filter(None, os.environ.get(PRELUDE, "").split(",")):
        pkgutil.resolve_name(prelude)()
    with Path(os.devnull).open("wb", buffering=0) as log, Path(sys.argv[1]).open(encoding="utf-8") as feed:
        reset_logging()
        # As the triggerer's process does; only that nobody reads the other end.
        configure_logging(json_output=True, output=log, sending_to_supervisor=True)
        Bench(feed).run()  # type: ignore[no-untyped-call]  # Airflow leaves it without types


if __name__ == "__main__":
    main()
