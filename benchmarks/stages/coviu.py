"""A team on Coviu whose sessions are open; they end with their planned time, when the sandbox's clock is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.models import Plan
from airflow_provider.live_sessions.hooks.coviu import HOOK
from airflow_provider.live_sessions.sandbox import CoviuOptions, Sandbox
from benchmarks.stages.stage import LEADER, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.models import SessionRef

HOUR = timedelta(hours=1)


class CoviuStage(Stage):
    """Coviu as documented.

    Args:
        expires_in: Seconds that a token is good for.
    """

    platform = "coviu"
    hook = HOOK
    tick = ("/sessions$", "page=0")

    def __init__(self, expires_in: int = 3600) -> None:
        sandbox = Sandbox(coviu=CoviuOptions(expires_in=expires_in)).start()
        self._start = datetime.now(UTC).replace(microsecond=0) + HOUR
        coviu = sandbox.coviu
        super().__init__(
            sandbox,
            {
                "conn_type": "coviu",
                "host": coviu.url,
                "login": coviu.api_key,
                "password": coviu.key_secret,
                "extra": {},
            },
        )

    def plan(self, number: int) -> Plan:
        """Return an appointment in an hour."""
        return Plan(f"Appointment {number}", self._start, self._start + HOUR, (LEADER,))

    def enter(self, ref: SessionRef) -> None:
        """Let the time of the appointments come."""
        del ref
        if self.sandbox.clock.now() < self._start:
            self.sandbox.clock.set(self._start)

    def finish(self, refs: Sequence[SessionRef]) -> None:
        """Let the time of the appointments be over."""
        del refs
        self.sandbox.clock.set(self._start + HOUR + timedelta(minutes=10))
