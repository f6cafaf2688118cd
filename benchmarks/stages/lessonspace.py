"""An organisation on Lessonspace whose classes have run over: only their sessions' ends are missing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.models import Plan
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox
from benchmarks.stages.stage import LEADER, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.models import SessionRef

PAGE = 100
"""Sessions a page of the sandbox's lists."""


class LessonspaceStage(Stage):
    """Lessonspace, with its documented limit of five requests a second.

    Args:
        unlimited: Lift the limit, and the connection's own budget with it.
        options: Changes to the sandbox's options.
    """

    platform = "lessonspace"
    hook = HOOK
    tick = ("/organisations/.*/sessions/$", "^(?=.*in_progress_only)(?!.*page=)")

    def __init__(self, *, unlimited: bool = False, **options: Any) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0)
        chosen = {"page_size": PAGE, **({"rate_limit": 0} if unlimited else {}), **options}
        sandbox = Sandbox(lessonspace=LessonspaceOptions(**chosen)).start()
        extra: dict[str, Any] = {"organisation": sandbox.lessonspace.organisation}
        if unlimited:
            extra["requests_per_second"] = 10_000
        super().__init__(
            sandbox,
            {
                "conn_type": "lessonspace",
                "host": sandbox.lessonspace.url,
                "password": sandbox.lessonspace.api_key,
                "extra": extra,
            },
        )

    def plan(self, number: int) -> Plan:
        """Return a class that should be over by now."""
        start, end = self._now - timedelta(hours=1), self._now - timedelta(seconds=1)
        options = {"allow_guests": True, "grace": 4 * 3600.0, "transcribe": True}
        return Plan(f"Class {number}", start, end, (LEADER,), options)

    def enter(self, ref: SessionRef) -> None:
        """Let the teacher and a guest in."""
        for who in ("leader", "guest"):
            self.sandbox.lessonspace.join(ref.detail("space"), who)

    def finish(self, refs: Sequence[SessionRef]) -> None:
        """Let the teachers end their sessions for all."""
        for ref in refs:
            self.sandbox.lessonspace.end(ref.detail("space"))
