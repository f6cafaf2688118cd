"""Measures a process from the inside: how long its event loop stalls, its processor time, its memory.

A stall is how much later than asked a coroutine wakes that sleeps for 5 ms, again and again. Two parts of it are
nobody's doing who runs in the loop, so each figure is given with and without them:

- On a shared machine, the time in which the kernel had no core for a thread of this process although it could
  run. Linux counts it (``schedstat``).
- Python's garbage collector walks every object of the process in one go, now and then. With ten thousand deferred
  tasks those are Airflow's own to by far the most part, as the figures of idle triggers show.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BEAT = 0.005
"""Seconds between two looks at the clock."""

_TASKS = Path("/proc/self/task")
_NEW_THREADS = 0.25


@dataclass(slots=True)
class Measures:
    """What a stretch of time showed.

    Args:
        seconds: How long it was.
        cpu_s: Processor seconds of the whole process, user and system.
        stall_wall_s: The longest stall of the event loop, by the clock on the wall.
        stall_process_s: The longest one without the time in which the machine had no core for the process.
        stall_s: The longest one without the garbage collector's time either: what the triggers did.
        stalls: How many of the latter were longer than 50 ms.
        collecting_s: The longest pause of the garbage collector, in processor time.
        rss_bytes: Memory at the end.
    """

    seconds: float
    cpu_s: float
    stall_wall_s: float
    stall_process_s: float
    stall_s: float
    stalls: int
    collecting_s: float
    rss_bytes: int


class Gauge:
    """Watches the running event loop."""

    LONG = 0.05

    def __init__(self) -> None:
        self._queues = _RunQueues()
        self._task: asyncio.Task[None] | None = None
        self._collection_began = 0.0
        self._collected_s = 0.0
        gc.callbacks.append(self._collected)
        self._restart()

    def start(self) -> None:
        """Begin to watch the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._beat(), name="gauge")

    def begin(self) -> None:
        """Forget what was; measure from now on."""
        self._restart()

    def read(self) -> Measures:
        """Return what was measured since :meth:`begin`."""
        return Measures(
            seconds=time.perf_counter() - self._begun,
            cpu_s=time.process_time() - self._cpu,
            stall_wall_s=self._stall_wall,
            stall_process_s=self._stall_process,
            stall_s=self._stall,
            stalls=self._stalls,
            collecting_s=self._collecting,
            rss_bytes=rss(),
        )

    def _restart(self) -> None:
        self._begun, self._cpu = time.perf_counter(), time.process_time()
        self._stall_wall = self._stall_process = self._stall = 0.0
        self._stalls = 0
        self._collecting = 0.0

    def _collected(self, phase: str, _: object) -> None:
        # Collections run in whichever thread allocates; the others wait for it.
        if phase == "start":
            self._collection_began = time.thread_time()
        else:
            pause = time.thread_time() - self._collection_began
            self._collected_s += pause
            self._collecting = max(self._collecting, pause)

    async def _beat(self) -> None:
        before, waited, collected = time.perf_counter(), self._queues.waited(), self._collected_s
        while True:
            await asyncio.sleep(BEAT)
            late = max(0.0, time.perf_counter() - before - BEAT)
            waited_now, collected_now = self._queues.waited(), self._collected_s
            process = max(0.0, late - max(0.0, waited_now - waited))
            own = max(0.0, process - (collected_now - collected))
            self._stall_wall = max(self._stall_wall, late)
            self._stall_process = max(self._stall_process, process)
            self._stall = max(self._stall, own)
            self._stalls += own > self.LONG
            before, waited, collected = time.perf_counter(), waited_now, collected_now


class _RunQueues:
    """How long the threads of this process could run and got no core; 0 where the system does not tell."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._gone = 0.0
        self._last: dict[str, float] = {}
        self._looked = float("-inf")

    def waited(self) -> float:
        """Return the seconds so far, of all threads together."""
        if time.monotonic() - self._looked > _NEW_THREADS:
            self._look()
        for thread, handle in list(self._open.items()):
            try:
                self._last[thread] = int(os.pread(handle, 64, 0).split()[1]) / 1e9
            except (OSError, IndexError):
                self._forget(thread)
        return self._gone + sum(self._last.values())

    def _look(self) -> None:
        self._looked = time.monotonic()
        with suppress(OSError):
            for thread in os.listdir(_TASKS):  # noqa: PTH208 - called often, and names are all it needs
                if thread not in self._open:
                    self._open[thread] = os.open(_TASKS / thread / "schedstat", os.O_RDONLY)

    def _forget(self, thread: str) -> None:
        os.close(self._open.pop(thread))
        self._gone += self._last.pop(thread, 0.0)


def rss() -> int:
    """Return the bytes of memory that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()
