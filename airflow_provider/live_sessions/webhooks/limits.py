"""What bounds a receiver's memory and work: who sends too much, and what was met already.

Each remembers so many and no more. The figures are a process's own: an api-server of four processes allows four
times as much. Limits that protect a whole machine belong into the proxy before it.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from airflow_provider.live_sessions.core.pacing import Pace, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

REMEMBERED: Final = 10_000
"""Addressees, and ids, that are remembered at once."""

PACE: Final = Pace(rate=10.0, burst=200.0)
"""Deliveries that one address may send: a class of thirty that comes in at once sends fewer."""


class Allowance:
    """How fast each of many senders may send.

    Args:
        pace: What each may.
        size: Senders that are remembered; who was quiet longest is forgotten first.
        clock: Seconds.
    """

    def __init__(
        self, pace: Pace = PACE, *, size: int = REMEMBERED, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pace = pace
        self._size = size
        self._clock = clock
        self._spent: OrderedDict[Hashable, Schedule] = OrderedDict()
        self._lock = Lock()

    def ask(self, sender: Hashable) -> float:
        """Count one more of a sender's; return 0, or the seconds after which it may come again, uncounted."""
        with self._lock:
            now = self._clock()
            after, slot = self._spent.get(sender, Schedule()).reserve(self._pace, now)
            if slot > now:
                return slot - now
            self._spent[sender] = after
            self._spent.move_to_end(sender)
            if len(self._spent) > self._size:
                self._spent.popitem(last=False)
            return 0.0


class Recent:
    """What was met lately.

    Args:
        size: How much is remembered; what was met first is forgotten first.
    """

    def __init__(self, *, size: int = REMEMBERED) -> None:
        self._size = size
        self._met: OrderedDict[Hashable, None] = OrderedDict()
        self._lock = Lock()

    def add(self, what: Hashable) -> bool:
        """Remember; return False where it was met before."""
        with self._lock:
            if what in self._met:
                return False
            self._met[what] = None
            if len(self._met) > self._size:
                self._met.popitem(last=False)
            return True

    def forget(self, what: Hashable) -> None:
        """Be as if it had not been met."""
        with self._lock:
            self._met.pop(what, None)
