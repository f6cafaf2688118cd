"""Where requests are held until somebody lets them go."""

from __future__ import annotations

from threading import Condition


class Gate:
    """Holds every request that comes to it until it is opened; once open, it stays open."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._held = 0
        self._open = False
        self._drop = False

    @property
    def held(self) -> int:
        """How many requests have come so far."""
        return self._held

    def come(self) -> bool:
        """Wait until the gate opens.

        Returns:
            True when the request goes on; False when its connection is to be reset instead.
        """
        with self._changed:
            self._held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._open)
            return not self._drop

    def open(self, *, drop: bool = False) -> None:
        """Let everybody go on; with ``drop``, reset their connections instead."""
        with self._changed:
            if not self._open:
                self._open, self._drop = True, drop
                self._changed.notify_all()

    def wait(self, held: int, timeout: float) -> int:
        """Wait until so many requests have come, in real time, and return how many have."""
        with self._changed:
            self._changed.wait_for(lambda: self._held >= held or self._open, timeout)
            return self._held
