"""What waits to be confirmed: a bounded queue, worked off by a few threads apart from the requests."""

from __future__ import annotations

import heapq
import itertools
import logging
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.live_sessions.core.deliveries import Delivery
    from airflow_provider.live_sessions.webhooks.tokens import Addressee

log = logging.getLogger(__name__)

MOST_JOBS: Final = 2_000
MOST_EACH: Final = 500
"""Jobs of one address: who knows one cannot crowd out the others."""

MOST_BYTES: Final = 16 * 1024 * 1024
"""Of bodies that are kept until their signature was checked."""

MOST_BYTES_EACH: Final = MOST_BYTES // 4
"""Of one address: :data:`MOST_EACH` bodies of the longest would else fill the whole."""

WORKERS: Final = 4
MOST_AT_ONCE: Final = WORKERS // 2
"""Workers on one connection: a platform that does not answer cannot hold up the others."""

TRIES: Final = 8
"""Looks at one delivery at most."""


@dataclass(slots=True)
class Job:
    """One delivery on its way to being confirmed.

    Args:
        addressee: Who its URL was made for.
        delivery: What it says.
        headers: What a signature is checked with.
        body: The same; let go once it was checked.
        taken_at: When it came, in seconds of the monotonic clock.
        checked: Whether its signature was looked at.
        tries: Looks so far that count; waiting for a launch to write down its secret does not.
        told: The assets that know it already.
    """

    addressee: Addressee
    delivery: Delivery
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    taken_at: float = field(default_factory=time.monotonic)
    checked: bool = False
    tries: int = 0
    told: set[str] = field(default_factory=set)


class Queue:
    """Hands jobs to worker threads, which start with the first one.

    Args:
        handle: Does one look; returns the seconds after which to look again, or None when it is done.
        most_jobs: Jobs that wait at once.
        most_each: Jobs of one address that wait at once.
        most_bytes: Bytes of bodies that wait at once.
        most_bytes_each: Bytes of bodies of one address that wait at once.
        tries: Looks at one job at most.
    """

    def __init__(
        self,
        handle: Callable[[Job], float | None],
        *,
        most_jobs: int = MOST_JOBS,
        most_each: int = MOST_EACH,
        most_bytes: int = MOST_BYTES,
        most_bytes_each: int = MOST_BYTES_EACH,
        tries: int = TRIES,
    ) -> None:
        self._handle = handle
        self._most_jobs = most_jobs
        self._most_each = most_each
        self._most_bytes = most_bytes
        self._most_bytes_each = most_bytes_each
        self._tries = tries
        self._lock = Condition()
        self._numbers = itertools.count()
        self._waiting: list[tuple[float, int, Job, bool]] = []
        """When each is due, a number that keeps their order, and whether it has a place among its connection's."""
        self._busy: Counter[tuple[str, str]] = Counter()
        self._held: defaultdict[tuple[str, str], dict[Addressee, deque[Job]]] = defaultdict(dict)
        """Jobs that are due while as many of their connection are being looked at as may be, by their address."""
        self._jobs: Counter[Addressee] = Counter()
        self._bytes: Counter[Addressee] = Counter()
        self._threads: list[Thread] = []
        self._stopping = False

    def put(self, job: Job) -> bool:
        """Take a job over; False where there is no room for it."""
        with self._lock:
            full = self._jobs.total() >= self._most_jobs or self._jobs[job.addressee] >= self._most_each
            size = len(job.body)
            heavy = (
                self._bytes.total() + size > self._most_bytes
                or self._bytes[job.addressee] + size > self._most_bytes_each
            )
            if self._stopping or full or heavy:
                return False
            self._jobs[job.addressee] += 1
            self._bytes += Counter({job.addressee: size})
            self._push(job, 0.0)
            if not self._threads:
                self._threads = [
                    Thread(target=self._work, name=f"live-sessions-webhooks-{number}", daemon=True)
                    for number in range(WORKERS)
                ]
                for thread in self._threads:
                    thread.start()
            return True

    def __len__(self) -> int:
        """Return how many jobs are not done."""
        with self._lock:
            return self._jobs.total()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until nothing is left to do; False when that took longer."""
        with self._lock:
            return self._lock.wait_for(lambda: not self._jobs.total(), seconds)

    def stop(self) -> None:
        """Take no more and end the threads; what waits is dropped, as a delivery may be."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(timeout=5)

    def _push(self, job: Job, after: float, *, placed: bool = False) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + after, next(self._numbers), job, placed))
        self._lock.notify_all()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            held = len(job.body)
            again = self._look(job)
            with self._lock:
                self._let_in_next(job)
                self._bytes -= Counter({job.addressee: held - len(job.body)})
                if again is not None and job.tries < self._tries:
                    self._push(job, again)
                    continue
                self._jobs -= Counter((job.addressee,))  # which forgets an address that has none left
                self._bytes -= Counter({job.addressee: len(job.body)})
                self._lock.notify_all()
            if again is not None:
                log.warning(
                    "A delivery of %s (connection %r, %s) was not confirmed in %d looks; it is let go.",
                    job.addressee.platform, job.addressee.conn_id, job.delivery.event, job.tries,
                )  # fmt: skip

    def _look(self, job: Job) -> float | None:
        job.tries += 1
        try:
            return self._handle(job)
        except Exception as error:  # noqa: BLE001 - one delivery must not end the thread that all share
            # Its words could hold what the platform sent.
            log.warning(
                "A delivery of %s could not be looked at: %s", job.addressee.platform, type(error).__name__
            )
            return None

    def _next(self) -> Job | None:
        with self._lock:
            while not self._stopping:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is None or wait > 0:
                    self._lock.wait(wait)
                    continue
                _, _, job, placed = heapq.heappop(self._waiting)
                connection = _connection_of(job)
                if placed:
                    return job
                if self._busy[connection] >= MOST_AT_ONCE:
                    self._held[connection].setdefault(job.addressee, deque()).append(job)
                    continue
                self._busy[connection] += 1
                return job
            return None

    def _let_in_next(self, done: Job) -> None:
        """Give a job's place to one of its connection that was held; its addresses take turns."""
        connection = _connection_of(done)
        held = self._held.get(connection)
        if held is None:
            self._busy -= Counter((connection,))
            return
        addressee = next(iter(held))
        jobs = held.pop(addressee)
        self._push(jobs.popleft(), 0.0, placed=True)
        if jobs:
            held[addressee] = jobs  # behind the others
        elif not held:
            del self._held[connection]


def _connection_of(job: Job) -> tuple[str, str]:
    return (job.addressee.platform, job.addressee.conn_id)
