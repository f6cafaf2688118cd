"""Saying that nobody came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.polling import Conclusion
from airflow_provider.live_sessions.core.status import Absence, Held, State
from airflow_provider.live_sessions.notifications.notice import Announcement, write
from airflow_provider.live_sessions.notifications.notifier import SessionNotifier, Spot, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context

NOBODY = "Nobody came to a session"
ALONE = "One person waited alone in a session"


class NobodyCameNotifier(SessionNotifier):
    """Say that nobody came to a session, or that one person was alone in it.

    For start and end sensors. Which callback fires depends on the sensor's ``on_no_show`` (an end sensor skips by
    default), so give it as ``on_success_callback``, ``on_skipped_callback`` and ``on_failure_callback``: it speaks
    only of a no-show. Where the platform cannot know, nothing is said. All arguments of :class:`SessionNotifier`
    apply.
    """

    spot: ClassVar[Spot] = Spot.HELD

    def notice(self, context: Context, outcome: Mapping[str, Any]) -> Announcement | None:
        """Return the message for a session that was not held."""
        what = absence(outcome)
        if what is None:
            return None
        session = session_of(context)
        expected = [] if session is None else [f"Expected: {len(session.participants)} people"]
        return write(what, expected, ti=context["ti"], session=session, with_title=self.with_title)


def absence(outcome: Mapping[str, Any]) -> str | None:
    """Return what is to be said of a wait's outcome; None where somebody came, or where that is not known."""
    status = outcome.get("status") or {}
    conclusion, people = outcome.get("conclusion"), status.get("people")
    if conclusion == Conclusion.NEVER_HELD:
        return ALONE if status.get("absence") == Absence.ALONE else NOBODY
    if conclusion == Conclusion.REACHED and status.get("held") == Held.NO:
        return ALONE if people == 1 else NOBODY
    # A start was waited for in vain; a count that the platform does not tell is no count of nobody.
    if conclusion == Conclusion.DEADLINE and status.get("state") == State.SCHEDULED and people == 0:
        return NOBODY
    return None
