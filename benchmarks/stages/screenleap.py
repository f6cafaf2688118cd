"""A developer account on Screenleap with screens being shared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.models import Plan
from airflow_provider.live_sessions.hooks.screenleap import HOOK
from airflow_provider.live_sessions.sandbox import Sandbox
from benchmarks.stages.stage import LEADER, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.models import SessionRef

SETTLED = 400.0
"""Seconds after which nobody reopens a share."""


class ScreenleapStage(Stage):
    """Screenleap as documented."""

    platform = "screenleap"
    hook = HOOK
    tick = ("/recent-screen-shares$", "")

    def __init__(self) -> None:
        sandbox = Sandbox().start()
        self._now = datetime.now(UTC).replace(microsecond=0)
        people = sandbox.screenleap
        super().__init__(
            sandbox,
            {
                "conn_type": "screenleap",
                "host": people.url,
                "login": people.options.account_id,
                "password": people.options.authtoken,
                "extra": {},
            },
        )

    def plan(self, number: int) -> Plan:
        """Return a share that takes two hours."""
        options = {"presenterCountryCode": "DE"}
        return Plan(f"Demo {number}", self._now, self._now + timedelta(hours=2), (LEADER,), options)

    def enter(self, ref: SessionRef) -> None:
        """Let the presenter begin."""
        self.sandbox.screenleap.present(ref.detail("external_id"))

    def finish(self, refs: Sequence[SessionRef]) -> None:
        """Let the presenters stop, and the time pass in which they could come back."""
        for ref in refs:
            self.sandbox.screenleap.end(ref.detail("external_id"))
        self.sandbox.clock.advance(SETTLED)
