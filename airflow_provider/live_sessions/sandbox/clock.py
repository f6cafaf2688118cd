"""The sandbox's time: real by default, moved forward or stopped at will, never back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Tells the sandbox's time.

    Args:
        start: The time to begin at, aware; None is the real time.
        frozen: Stand still until advanced.
        lock: Guards the clock together with what depends on it.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False, lock: RLock | None = None) -> None:
        self._lock = lock or RLock()
        self._first = (start, frozen)
        self._base = utc(start or datetime.now(UTC))
        self._mark = time.monotonic()
        self._frozen = frozen
        self._changed: Callable[[], None] = lambda: None

    def on_change(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, under the lock, whenever the time was moved, stopped or let go."""
        self._changed = call

    @property
    def frozen(self) -> bool:
        """True while the clock stands still."""
        return self._frozen

    def now(self) -> datetime:
        """Return the sandbox's time, aware, in UTC."""
        with self._lock:
            if self._frozen:
                return self._base
            return self._base + timedelta(seconds=time.monotonic() - self._mark)

    def advance(self, seconds: float) -> datetime:
        """Move the time forward; whatever falls due on the way has happened when this returns.

        Raises:
            ValueError: ``seconds`` is negative: time does not go back.
        """
        if seconds < 0:
            raise ValueError("The sandbox's time does not go back.")
        with self._lock:
            return self._set(self.now() + timedelta(seconds=seconds), frozen=self._frozen)

    def set(self, moment: datetime) -> datetime:
        """Move the time forward to a moment.

        Raises:
            ValueError: The moment has passed, or has no time zone.
        """
        with self._lock:
            return self.advance((utc(moment) - self.now()).total_seconds())

    def freeze(self) -> datetime:
        """Stop the clock and return the moment it stands at."""
        with self._lock:
            return self._set(self.now(), frozen=True)

    def resume(self) -> datetime:
        """Let a stopped clock run on from where it stands."""
        with self._lock:
            return self._set(self.now(), frozen=False)

    def restart(self) -> None:
        """Go back to what the clock was made with; only for a sandbox that forgets everything else too."""
        with self._lock:
            start, frozen = self._first
            self._set(utc(start or datetime.now(UTC)), frozen=frozen)

    def real_seconds_until(self, moment: datetime) -> float | None:
        """Return how many real seconds pass until the moment, 0 when it has passed, None when it never comes."""
        with self._lock:
            left = (moment - self.now()).total_seconds()
            if left > 0 and self._frozen:
                return None
            return max(0.0, left)

    def _set(self, moment: datetime, *, frozen: bool) -> datetime:
        self._base, self._mark, self._frozen = moment, time.monotonic(), frozen
        self._changed()
        return moment


def utc(moment: datetime) -> datetime:
    """Return an aware moment in UTC.

    Raises:
        ValueError: The moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone.")
    return moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Write a moment as the platforms do: ISO 8601 in UTC, with microseconds and ``Z``."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
