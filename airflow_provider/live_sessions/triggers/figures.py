"""What the waits of one connection tell Airflow's metrics; told on the connection's thread, never on the loop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.compat.metrics import AirflowMeter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.triggers.waiter import Waiter

POLL_LAG = "poll_lag"
"""Timing: from when a poll was planned to when it began."""

WAITS = "waits"
"""Gauge: deferred tasks that wait for a start or an end."""

OLDEST_WAIT = "oldest_wait"
"""Gauge, seconds: for how long the platform has been asked for the session that has been asked for longest."""

_METER = AirflowMeter()


class WaitFigures:
    """The figures of one connection's poll in this triggerer.

    Args:
        conn_id: The Airflow connection.
    """

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id
        self._platform = ""

    def poll_began(self, platform: str, due: Sequence[Waiter], *, waits: int, allowed: float) -> None:
        """Tell that a poll begins.

        Args:
            platform: The platform's name.
            due: Those that it asks about.
            waits: How many wait, due or not.
            allowed: Monotonic time from which the platform could be asked.
        """
        now = time.time()
        # Who joined late could not be asked for earlier: that is no lag of the poll.
        ready = min((max(waiter.due, waiter.since) for waiter in due), default=now)
        planned = max(ready, now + allowed - time.monotonic())
        oldest = now - min((waiter.due for waiter in due), default=now)
        self._platform = platform
        _METER.timing(POLL_LAG, max(0.0, now - planned), platform=platform, conn_id=self._conn_id)
        self._waiting(waits, max(0.0, oldest))

    def nobody_waits(self) -> None:
        """Tell that the last wait is over: a gauge stands where it was left."""
        if self._platform:
            self._waiting(0, 0.0)

    def _waiting(self, waits: int, oldest: float) -> None:
        _METER.gauge(WAITS, waits, platform=self._platform, conn_id=self._conn_id)
        _METER.gauge(OLDEST_WAIT, oldest, platform=self._platform, conn_id=self._conn_id)
