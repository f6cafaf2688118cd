"""What bounds a receiver's memory and work: who sends too much or too slowly, and what was met already.

Each remembers so many and no more, and of one sender a share: whoever has one URL must not shut out the others.
The figures are a process's own: an api-server of four processes allows four times as much. Limits that protect a
whole machine belong into the proxy before it.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final

from airflow_provider.live_sessions.core.pacing import Pace, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

REMEMBERED: Final = 10_000
"""Addressees, and ids, that are remembered at once."""

REMEMBERED_EACH: Final = REMEMBERED // 10
"""Ids of one sender."""

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


class Places:
    """So many at once, and of one sender no more than its share.

    Args:
        most: How many at once.
        most_each: Of one sender.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: Counter[Hashable] = Counter()

    def take(self, sender: Hashable) -> bool:
        """Take a place; False where there is none. Called from one thread, as is :meth:`give_back`."""
        if self._taken.total() >= self._most or self._taken[sender] >= self._most_each:
            return False
        self._taken[sender] += 1
        return True

    def give_back(self, sender: Hashable) -> None:
        """Give back a place that was taken."""
        self._taken -= Counter((sender,))  # which forgets a sender that has none left


class Recent:
    """What was met lately.

    Args:
        size: How much is remembered; what was met first is forgotten first.
        size_each: How much of one sender, likewise; None for as much as of all.
    """

    def __init__(self, *, size: int = REMEMBERED, size_each: int | None = None) -> None:
        self._size = size
        self._size_each = size_each
        self._met: OrderedDict[tuple[Hashable, Hashable], None] = OrderedDict()
        self._of_sender: dict[Hashable, OrderedDict[Hashable, None]] = {}
        self._lock = Lock()

    def add(self, what: Hashable, *, sender: Hashable = None) -> bool:
        """Remember; return False where it was met before from this sender."""
        with self._lock:
            if (sender, what) in self._met:
                return False
            self._met[sender, what] = None
            own = self._of_sender.setdefault(sender, OrderedDict())
            own[what] = None
            if self._size_each is not None and len(own) > self._size_each:
                self._drop((sender, next(iter(own))))
            if len(self._met) > self._size:
                self._drop(next(iter(self._met)))
            return True

    def forget(self, what: Hashable, *, sender: Hashable = None) -> None:
        """Be as if it had not been met."""
        with self._lock:
            if (sender, what) in self._met:
                self._drop((sender, what))

    def _drop(self, known: tuple[Hashable, Hashable]) -> None:
        sender, what = known
        del self._met[known]
        own = self._of_sender[sender]
        del own[what]
        if not own:
            del self._of_sender[sender]
