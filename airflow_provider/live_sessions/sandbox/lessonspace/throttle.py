"""Lessonspace's rate limit: so many requests a second and key, counted in real time [dossier 1.2]."""

from __future__ import annotations

import time
from collections import deque


class Throttle:
    """A sliding window, as Django REST framework keeps it: a refused request does not count.

    Args:
        rate: Requests a second; 0 is no limit.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._past: dict[str, deque[float]] = {}

    def wait(self, key: str) -> float:
        """Count one request.

        Returns:
            0 when it may pass, else the seconds until one may.
        """
        if not self._rate:
            return 0.0
        now = time.monotonic()
        past = self._past.setdefault(key, deque())
        while past and past[0] <= now - 1.0:
            past.popleft()
        if len(past) >= self._rate:
            return past[0] + 1.0 - now
        past.append(now)
        return 0.0

    def clear(self) -> None:
        """Forget every request."""
        self._past.clear()
