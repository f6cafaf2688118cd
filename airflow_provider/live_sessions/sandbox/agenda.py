"""What is going to happen, kept in time order: session ends, kicks, scripted people, late transcripts.

Everything due up to the clock's time has happened before a request is answered, each at its own moment, so
the state is a function of the clock whether it runs, is moved by an hour, or stands still.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.clock import Clock


@dataclass(order=True, slots=True)
class Appointment:
    """One thing that will happen unless it is dropped.

    Args:
        at: When.
        number: Keeps the order of what is due at the same moment.
        action: Called with ``at``, under the sandbox's lock.
        dropped: Set to keep it from happening.
    """

    at: datetime
    number: int
    action: Callable[[datetime], None] = field(compare=False)
    dropped: bool = field(default=False, compare=False)

    def drop(self) -> None:
        """Keep it from happening."""
        self.dropped = True


class Agenda:
    """Runs appointments at their moment.

    Args:
        clock: Tells the time.
        lock: The sandbox's lock; held while an action runs.
    """

    def __init__(self, clock: Clock, lock: Condition) -> None:
        self._clock = clock
        self._lock = lock
        self._heap: list[Appointment] = []
        self._numbers = itertools.count()
        self._moment = clock.now()
        self._stopping = False
        self._thread: Thread | None = None
        clock.on_change(self._clock_changed)

    def add(self, at: datetime, action: Callable[[datetime], None]) -> Appointment:
        """Have ``action`` called at a moment; a moment that has passed means now.

        Returns:
            The appointment, which can be dropped.
        """
        with self._lock:
            one = Appointment(max(at, self._moment), next(self._numbers), action)
            heapq.heappush(self._heap, one)
            if self._heap[0] is one:
                self._lock.notify_all()
            return one

    def run_due(self) -> datetime:
        """Let everything happen that is due, in time order, and return the time that was reached."""
        with self._lock:
            now = self._clock.now()
            while self._heap and self._heap[0].at <= now:
                one = heapq.heappop(self._heap)
                if not one.dropped:
                    self._moment = one.at
                    one.action(one.at)
            self._moment = max(self._moment, now)
            return self._moment

    def clear(self) -> None:
        """Forget everything that was going to happen."""
        with self._lock:
            self._heap.clear()
            self._moment = self._clock.now()

    def start(self) -> None:
        """Let appointments happen by themselves as real time passes."""
        self._thread = Thread(target=self._tick, name="sandbox-agenda", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread that :meth:`start` began."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _clock_changed(self) -> None:
        with self._lock:
            self.run_due()
            self._lock.notify_all()

    def _tick(self) -> None:
        with self._lock:
            while not self._stopping:
                self.run_due()
                wait = self._clock.real_seconds_until(self._heap[0].at) if self._heap else None
                self._lock.wait(wait)
