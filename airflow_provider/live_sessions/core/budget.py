"""One connection's share of requests, spent by everybody in this process who uses the connection."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

_NOW = 1e-6  # seconds; less than a clock can be trusted with


class Budget(Protocol):
    """Says when the next request may be sent. A budget for a whole host would have the same two methods."""

    def acquire(self, *, patience: float = float("inf")) -> float:
        """Wait for one's turn and take it.

        Args:
            patience: Seconds that a pause may last at most; a longer one is not waited for.

        Returns:
            0 when the turn was taken, else the seconds that the pause still lasts: nothing was taken then.
        """

    def pause(self, seconds: float) -> None:
        """Stop everybody for so many seconds from now; a longer pause already set stays."""


class RateBudget:
    """A token bucket with a queue: whoever comes first is served first.

    After a pause it starts with one token, so that a platform that asked for quiet meets no burst.

    Args:
        rate: Requests a second.
        burst: How many may follow each other at once after a quiet time.
        clock: Seconds of a clock that never goes back.
        sleep: Waits so many seconds.

    Raises:
        ConfigurationError: The rate is not above 0 or the burst below 1.
    """

    def __init__(
        self,
        rate: float,
        burst: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._state = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._paused_until = float("-inf")
        self._updated = clock()
        self._rate, self._burst = _checked(rate, burst)
        self._tokens = self._burst

    def adjust(self, rate: float, burst: float) -> None:
        """Change the rate and the burst, e.g. after the connection was edited."""
        rate, burst = _checked(rate, burst)
        with self._state:
            self._refill()
            self._rate, self._burst = rate, burst
            self._tokens = min(self._tokens, burst)

    def acquire(self, *, patience: float = float("inf")) -> float:
        """Wait for one's turn and take it; see :meth:`Budget.acquire`."""
        ticket = threading.Event()
        with self._state:
            self._queue.append(ticket)
        try:
            while True:
                with self._state:
                    pause = self._paused_until - self._clock()
                    if pause > patience:
                        return pause
                    first = self._queue[0] is ticket
                    wait = max(pause, self._missing()) if first else 0.0
                    if first and wait <= _NOW:
                        self._tokens -= 1.0
                        return 0.0
                    ticket.clear()
                if first:
                    self._sleep(wait)
                else:
                    ticket.wait()  # the one before sets it when leaving; a pause sets all
        finally:  # also when the waiting thread is interrupted: nobody may wait behind a ghost
            with self._state:
                self._queue.remove(ticket)
                if self._queue:
                    self._queue[0].set()

    def pause(self, seconds: float) -> None:
        """Stop everybody for so many seconds from now; a longer pause already set stays."""
        with self._state:
            self._refill()
            self._paused_until = max(self._paused_until, self._clock() + seconds)
            self._tokens = min(self._tokens, 1.0)
            for ticket in self._queue:
                ticket.set()

    def _missing(self) -> float:
        """Return the seconds until a token is there."""
        self._refill()
        return max(0.0, 1.0 - self._tokens) / self._rate

    def _refill(self) -> None:
        now = self._clock()
        since = max(self._updated, self._paused_until)
        if now > since:
            self._tokens = min(self._burst, self._tokens + (now - since) * self._rate)
            self._updated = now


def _checked(rate: float, burst: float) -> tuple[float, float]:
    if not (0 < rate < float("inf") and 1 <= burst < float("inf")):
        raise ConfigurationError(
            f"A rate of {rate} requests a second with a burst of {burst} is no rate budget.",
            advice="Give a rate above 0 and a burst of at least 1.",
        )
    return rate, burst


_budgets: dict[tuple[str, str], RateBudget] = {}
_registry = threading.Lock()


def budget_for(platform: str, conn_id: str, rate: float, burst: float = 1.0) -> RateBudget:
    """Return this process's one budget of a connection; the rate and burst named last hold.

    Args:
        platform: The platform.
        conn_id: The Airflow connection.
        rate: Requests a second.
        burst: How many may follow each other at once.
    """
    with _registry:
        known = _budgets.get((platform, conn_id))
        if known is None:
            known = _budgets[platform, conn_id] = RateBudget(rate, burst)
            return known
    known.adjust(rate, burst)
    return known
