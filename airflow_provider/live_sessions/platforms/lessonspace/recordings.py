"""Whether a session has a recording: an interactive replay behind a short-lived bearer link, never a file.

Decided as PLATFORM-RULES says below the transcript's table. No webhook tells that it is ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import ArtifactWait, Readiness, Verdict
from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.platforms.lessonspace.refs import settings_in

if TYPE_CHECKING:
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session


@dataclass(frozen=True, slots=True)
class Recording:
    """A session's recording as far as it can be had.

    Args:
        verdict: Whether there is one.
        session: The session it belongs to.
        link: A fresh bearer link, good for at most 3 hours.
    """

    verdict: Verdict
    session: Session
    link: SecretStr | None = None


def retrieve(client: LessonspaceClient, ref: SessionRef | None, session_id: str, wait: ArtifactWait) -> Recording:
    """Ask for one session's recording.

    Args:
        client: The organisation's client.
        ref: What it was launched as; None where that is not known: then nothing is concluded from the launch.
        session_id: The session's uuid.
        wait: Until when a recording is waited for.

    Raises:
        NotFound: The session itself does not exist.
    """
    session = client.session(session_id)
    if ref is not None and _switched_off(ref):
        return Recording(Verdict(Readiness.NEVER, "recording was off for this class"), session)
    if session.recording_deleted:
        return Recording(Verdict(Readiness.NEVER, "the recording was deleted"), session)
    if session.end_time is None:
        return Recording(Verdict(Readiness.PENDING, "the session has not ended"), session)
    link = None
    if session.recording_available is not False:
        try:
            link = client.playback(session_id).recording_url
        except NotFound:
            link = None
    if link is not None and link.get_secret_value():
        return Recording(Verdict(Readiness.READY, "the replay can be opened"), session, link)
    if client.now() < wait.deadline:
        return Recording(Verdict(Readiness.PENDING, "the recording is being prepared"), session)
    return Recording(Verdict(Readiness.FAILED, "there is no recording and its deadline has passed"), session)


def _switched_off(ref: SessionRef) -> bool:
    asked, room = settings_in(ref), settings_in(ref, "room_settings")
    return [room.get(flag, asked.get(flag)) for flag in ("record_av", "record_content")] == [False, False]
