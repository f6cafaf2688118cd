"""Saying that a session is about to begin and has not been launched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.notifications.notice import Announcement, write
from airflow_provider.live_sessions.notifications.notifier import SessionNotifier, Spot, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

NOT_LAUNCHED = "not_launched"
"""How ``LaunchedInTimeOperator`` concludes when the launch is late."""


class NotLaunchedNotifier(SessionNotifier):
    """Say that a session begins soon and its launch has not succeeded.

    For ``LaunchedInTimeOperator``, which looks at the launch before the start. All arguments of
    :class:`SessionNotifier` apply.
    """

    spot: ClassVar[Spot] = Spot.LAUNCHED

    def notice(self, context: Context, outcome: Mapping[str, Any]) -> Announcement | None:
        """Return the message for a launch that is late."""
        if outcome.get("conclusion") != NOT_LAUNCHED:
            return None
        return write(
            "A session is not launched",
            [f"Its launch {outcome.get('launch', 'launch')} is {outcome.get('launch_state', 'unknown')}."],
            ti=context["ti"],
            session=session_of(context),
            with_title=self.with_title,
        )
