"""Saying that a recording or a transcript is ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.contract import Readiness
from airflow_provider.live_sessions.notifications.notice import Announcement, write
from airflow_provider.live_sessions.notifications.notifier import SessionNotifier, Spot, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context


class ArtifactReadyNotifier(SessionNotifier):
    """What the notifiers for recordings and transcripts share; use one of those."""

    what: ClassVar[str]

    def notice(self, context: Context, outcome: Mapping[str, Any]) -> Announcement | None:
        """Return the message when at least one is ready."""
        verdicts = [one for one in (outcome.get("verdicts") or {}).values() if isinstance(one, dict)]
        ready = sum(one.get("readiness") == Readiness.READY for one in verdicts)
        if not ready:
            return None
        about = [f"Ready: {ready} of {len(verdicts)}"]
        session = session_of(context)
        return write(
            f"A {self.what} is ready", about, ti=context["ti"], session=session, with_title=self.with_title
        )


class RecordingReadyNotifier(ArtifactReadyNotifier):
    """Say that a session's recording is ready: ``on_success_callback`` of a recording sensor.

    The message holds no link: who may see the recording opens it from Airflow, or from the platform. All arguments
    of :class:`SessionNotifier` apply.
    """

    spot: ClassVar[Spot] = Spot.RECORDING
    what: ClassVar[str] = "recording"


class TranscriptReadyNotifier(ArtifactReadyNotifier):
    """Say that a session's transcript is ready: ``on_success_callback`` of a transcript sensor.

    All arguments of :class:`SessionNotifier` apply.
    """

    spot: ClassVar[Spot] = Spot.TRANSCRIPT
    what: ClassVar[str] = "transcript"
