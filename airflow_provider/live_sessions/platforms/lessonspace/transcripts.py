"""Whether a session has a transcript, decided by the table of PLATFORM-RULES; first match wins.

A missing transcript answers 404 whether it is late, will never come or was asked for under the wrong id. So
eligibility is checked first, on the session itself, and a deadline bounds the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.transcripts import Segment
from airflow_provider.live_sessions.core.contract import ArtifactWait, Readiness, Verdict
from airflow_provider.live_sessions.core.errors import (
    NotFound,
    Refused,
    Transient,
)
from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.platforms.lessonspace.refs import settings_in
from airflow_provider.live_sessions.platforms.lessonspace.window import COMPANY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

SIGNED_URL_TRIES = 3
"""Fresh signed URLs that are tried when storage refuses one."""
MAIN_ROOM = "main"
"""The ``breakout_id`` of what is said where everybody is."""
FILE_TRIES = 3
"""How often a file that is no transcript is fetched before that counts as a failure."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A session's transcript, or why there is none.

    Args:
        verdict: Ready only when ``raw`` is there.
        raw: The file as Lessonspace made it.
        trouble: Why nobody could be asked, where the transcript is pending for that alone.
    """

    verdict: Verdict
    raw: bytes | None = None
    trouble: Transient | None = None


def _never(why: str) -> Retrieved:
    return Retrieved(Verdict(Readiness.NEVER, why))


def _pending(why: str, trouble: Transient | None = None) -> Retrieved:
    return Retrieved(Verdict(Readiness.PENDING, why), trouble=trouble)


def _failed(why: str) -> Retrieved:
    return Retrieved(Verdict(Readiness.FAILED, why))


def eligible(session: Session, ref: SessionRef | None, wait: ArtifactWait) -> Retrieved | None:
    """Decide what the session alone tells, without asking for the transcript.

    Args:
        session: The session as it stands.
        ref: What it was launched as; None where that is not known: then nothing is concluded from the launch.
        wait: From when on a session has a transcript.

    Returns:
        A verdict, or None when the transcript has to be asked for.
    """
    if session.end_time is None:
        return _pending("the session has not ended")
    if ref is not None and (why := _not_asked_for(ref)):
        return _never(why)
    if len(session.people) < COMPANY:
        return _never("fewer than two people were in the session")
    if (session.seconds or 0.0) < wait.min_seconds:
        return _never(f"the session was shorter than {wait.min_seconds:g} seconds")
    if session.recording_deleted:
        return _never("the recording was deleted, and the transcript with it")
    return None


def _not_asked_for(ref: SessionRef) -> str:
    """Return why the launch rules a transcript out; empty where it does not."""
    asked, room = settings_in(ref), settings_in(ref, "room_settings")
    if not asked.get("transcribe"):
        return "it was launched without transcribe"
    if room.get("transcribe") is False or room.get("record_av") is False:
        return "Lessonspace did not take over transcribe or record_av at the launch"
    return ""


def overdue(session: Session, wait: ArtifactWait, now: datetime, why: str, doubt: str = "") -> Retrieved:
    """Decide on a transcript that is not there: pending until its deadline, then failed or never.

    Args:
        session: Whose it is.
        wait: Its deadlines.
        now: The platform's time.
        why: What is seen.
        doubt: Why none may ever have been asked for; empty where one was.
    """
    long_enough = (session.seconds or 0.0) > wait.sure_seconds
    deadline = wait.deadline if long_enough else wait.short_deadline
    if now < deadline:
        return _pending(why)
    if doubt:
        return _never(f"{why}; {doubt}")
    if long_enough:
        return _failed(f"{why}, and its deadline has passed")
    return _never(f"{why}; sessions under {wait.sure_seconds:g} seconds may have none")


def retrieve(client: LessonspaceClient, ref: SessionRef | None, session_id: str, wait: ArtifactWait) -> Retrieved:
    """Ask for one session's transcript and fetch it if it is there; ``ref`` as for :func:`eligible`.

    Raises:
        NotFound: The session itself does not exist.
        Refused: The session itself may not be read, so nothing is known of its transcript.
        Transient: The session could not be read; ask again later.
    """
    session = client.session(session_id)
    return eligible(session, ref, wait) or _ask(client, session, wait)


def retrieve_listed(client: LessonspaceClient, session: Session, wait: ArtifactWait) -> Retrieved:
    """Ask for the transcript of a session from a list, whoever launched it.

    What its launch asked for is not known here. The room's present settings tell it as far as they are told; a
    later launch may have changed them, so they never keep from asking: they only say what a missing one means.
    """
    return eligible(session, None, wait) or _ask(client, session, wait, _doubt(session))


def _doubt(session: Session) -> str:
    room = session.space
    if room is None or room.transcribe is None:
        return "whether one was asked for is not told"
    asked_for = room.transcribe and room.record_av is not False
    return "" if asked_for else "its room is not set to be transcribed"


def _ask(client: LessonspaceClient, session: Session, wait: ArtifactWait, doubt: str = "") -> Retrieved:
    refusals = broken = 0
    while True:
        try:
            pointer = client.transcript(session.uuid)
        except NotFound:
            return overdue(session, wait, client.now(), "there is no transcript yet", doubt)
        except Transient as error:
            return _pending(f"the platform could not be asked: {error.what}", error)
        except Refused as error:
            # The session itself could be read a moment ago, so the key is good: the transcript is refused.
            return _failed(f"Lessonspace refuses the transcript ({error.status}): {error.words or error.what}")
        if pointer.url is None or not pointer.url.get_secret_value():
            return overdue(session, wait, client.now(), "the answer names no transcript yet", doubt)
        try:
            raw = client.fetch(pointer.url)
        except Refused:
            refusals += 1  # 403 or 404: the address ran out, a fresh one may work
            if refusals == SIGNED_URL_TRIES:
                return _pending("storage refuses every fresh address of the transcript")
            continue
        except Transient as error:
            return _pending(f"the transcript could not be fetched: {error.what}", error)
        entries = _array(raw)
        if entries is not None:
            return Retrieved(Verdict(Readiness.READY, f"{len(entries)} segments"), raw)
        broken += 1
        if broken == FILE_TRIES:
            return _failed("the file is no JSON array")


def _array(raw: bytes) -> list[Any] | None:
    try:
        data = load_json(raw)
    except ValueError:
        return None
    return data if isinstance(data, list) else None


def segments(raw: bytes, part: str = "") -> list[Segment]:
    """Read a transcript's file: ``start_time``, ``end_time`` (seconds), ``user`` and ``text`` an entry.

    An entry that lacks its text or its times is left out: the raw file keeps it.

    Args:
        raw: The file as fetched.
        part: Which session of the class it is, for the reader; a breakout's own name goes before it.
    """
    return segments_of(entries_of(raw), part)


def entries_of(raw: bytes) -> list[Any]:
    """Return the entries of a transcript's file, readable or not; none where it is no list."""
    return _array(raw) or []


def segments_of(entries: Iterable[Any], part: str = "") -> list[Segment]:
    """Read the entries of a transcript's file; see :func:`segments`."""
    found = []
    for entry in entries:
        try:
            user = entry.get("user") or {}
            if not isinstance(entry["text"], str):
                continue
            found.append(
                Segment(
                    start=float(entry["start_time"]),
                    end=float(entry["end_time"]),
                    speaker=str(user.get("name") or "Unknown"),
                    speaker_id=str(user.get("id") or ""),
                    text=entry["text"],
                    part=_breakout(entry) or part,
                )
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            continue
    return found


def _breakout(entry: Any) -> str:
    room = entry.get("breakout_id")
    return room if isinstance(room, str) and room != MAIN_ROOM else ""
