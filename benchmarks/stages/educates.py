"""A training portal of Educates with learners in their sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.models import Plan
from airflow_provider.live_sessions.hooks.educates import HOOK
from airflow_provider.live_sessions.sandbox import EducatesOptions, Sandbox
from benchmarks.stages.stage import LEADER, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.models import SessionRef

WORKSHOP = "lab-bench"


class EducatesStage(Stage):
    """Educates as recorded.

    Args:
        capacity: Sessions that the workshop has room for.
    """

    platform = "educates"
    hook = HOOK
    tick = ("/catalog/environments/$", "sessions=true")

    def __init__(self, capacity: int = 1_000) -> None:
        options = EducatesOptions(duration=6 * 3600.0)
        sandbox = Sandbox(educates=options).start()
        sandbox.educates.add_workshop(WORKSHOP, capacity=capacity)
        self._now = datetime.now(UTC).replace(microsecond=0)
        super().__init__(
            sandbox,
            {
                "conn_type": "educates",
                "host": sandbox.educates.url,
                "login": options.username,
                "password": options.password,
                "extra": {
                    "client_id": options.client_id,
                    "client_secret": options.client_secret,
                    "index_url": "https://hub.example/",
                },
            },
        )

    def plan(self, number: int) -> Plan:
        """Return a workshop of one learner."""
        end = self._now + timedelta(hours=3)
        return Plan(f"Workshop {number}", self._now, end, (LEADER,), {"workshop": WORKSHOP})

    def enter(self, ref: SessionRef) -> None:
        """Let the learner open the session."""
        self.sandbox.educates.activate(ref.session_id)

    def finish(self, refs: Sequence[SessionRef]) -> None:
        """Let the learners finish."""
        for ref in refs:
            self.sandbox.educates.finish(ref.session_id)
