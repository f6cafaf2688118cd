"""What a session leaves: transcript, summary and recording. When they appear, and what is in them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.lessonspace.links import FILES, PLAY, file_url, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.agenda import Agenda
    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Connection, Session
    from airflow_provider.live_sessions.sandbox.lessonspace.webhooks import Webhooks

SAID = (
    "Good morning, can everybody hear me?",
    "Let us look at the second exercise.",
    "I have a question about that step.",
    "Yes, that is how I solved it too.",
    "Please try the next one yourselves.",
    "Thank you, see you next time.",
)
LINES_EACH = 3
LINE_SECONDS = 4.0


class Artifacts:
    """Makes a session's artifacts.

    Args:
        options: How this Lessonspace behaves.
        agenda: For what appears later.
        webhooks: Told of a finished transcript.
        base: Returns the scheme and host that links in webhooks begin with.
    """

    def __init__(self, options: Options, agenda: Agenda, webhooks: Webhooks, base: Callable[[], str]) -> None:
        self._options = options
        self._agenda = agenda
        self._webhooks = webhooks
        self._base = base

    def session_ended(self, session: Session, at: datetime) -> None:
        """Have the transcript's webhook sent when it is ready."""
        if self.eligible(session):
            ready = at + timedelta(seconds=self._options.transcript_after)
            self._agenda.add(ready, lambda moment: self._announce(session, moment))

    def eligible(self, session: Session) -> bool:
        """Return whether the session is ever transcribed [dossier 7]."""
        seconds = session.seconds()
        if seconds is None or not (session.transcribe and session.record_av) or session.recording_deleted:
            return False
        least = self._options.transcript_min
        long_enough = seconds > least or (self._options.transcript_min_included and seconds == least)
        return long_enough and session.headcount > 1

    def transcript_ready(self, session: Session, now: datetime) -> bool:
        """Return whether the transcript is there."""
        return self.eligible(session) and _passed(session, self._options.transcript_after, now)

    def transcript_url(self, session: Session, base: str, at: datetime, life: float) -> str:
        """Return a signed URL of the transcript's file."""
        path = f"{FILES}transcripts/{session.uuid}.json"
        return file_url(base, path, session.space.secret, at, life)

    def transcript(self, session: Session) -> bytes:
        """Return the file: a JSON array of what was said."""
        lines = made_up(session) if session.lines is None else scripted(session)
        return json.dumps(lines, indent=1).encode()

    def summary(self, session: Session, now: datetime) -> str | None:
        """Return the summary's text, None while there is none."""
        if not session.summarise or not self.transcript_ready(session, now):
            return None
        names = ", ".join(one.name for one in session.people.values())
        return f"{session.name or 'The session'}: {names} went through the exercises."

    def recorded(self, session: Session) -> bool:
        """Return whether there is or will be a recording."""
        return (session.record_av or session.record_content) and not session.recording_deleted

    def recording_ready(self, session: Session, now: datetime) -> bool:
        """Return whether the recording can be watched."""
        return self.recorded(session) and _passed(session, self._options.recording_after, now)

    def recording_url(self, session: Session, base: str, at: datetime) -> str:
        """Return the link to the replay, which works for whoever has it."""
        expires = int(at.timestamp() + self._options.recording_url_life)
        claims = {"playbackOnly": True, "session": session.uuid, "exp": expires}
        return f"{base}{PLAY}?user={sign(claims, session.space.secret)}&room={session.space.id}"

    def _announce(self, session: Session, at: datetime) -> None:
        if not self.eligible(session):
            return  # deleted meanwhile
        life = self._options.transcript_webhook_url_life
        self._webhooks.transcription(session, self.transcript_url(session, self._base(), at, life), at)
        summary = self.summary(session, at)
        if summary is not None:
            self._webhooks.summary(session, summary, at)


def made_up(session: Session) -> list[dict[str, Any]]:
    """Return lines in the name of everybody who was in, within their presence; the same every time."""
    lines: list[dict[str, Any]] = []
    for turn, who in enumerate(session.connections):
        start, end = _presence(session, who)
        for part in range(LINES_EACH):
            at = start + (end - start) * (part + 0.5) / LINES_EACH
            text = SAID[(turn + 2 * part) % len(SAID)]
            lines.append(_line(at, min(at + LINE_SECONDS, end), who, text))
    return sorted(lines, key=lambda line: float(line["start_time"]))


def scripted(session: Session) -> list[dict[str, Any]]:
    """Return the lines that a script gave, spread over the session where it gave no times."""
    given = list(session.lines or ())
    step = (session.seconds() or 0.0) / (len(given) + 1)
    by_id = {one.person.external_id: one for one in session.connections if one.person is not None}
    lines = []
    for position, line in enumerate(given, start=1):
        start = line.get("start_time", step * position)
        end = line.get("end_time", start + min(LINE_SECONDS, step))
        lines.append(_line(start, end, by_id.get(line["user"]), line["text"], line["user"]))
    return lines


def _line(start: float, end: float, who: Connection | None, text: str, name: str = "") -> dict[str, Any]:
    user = {
        "id": who.person.number if who is not None and who.person is not None else None,
        "name": who.name if who is not None else name,
    }
    return {
        "start_time": round(start, 3),
        "end_time": round(end, 3),
        "user": user,
        "breakout_id": "main",
        "text": text,
    }


def _presence(session: Session, who: Connection) -> tuple[float, float]:
    end = who.left_at or session.ended_at or who.joined_at
    began = session.started_at
    return (who.joined_at - began).total_seconds(), (end - began).total_seconds()


def _passed(session: Session, seconds: float, now: datetime) -> bool:
    return session.ended_at is not None and now >= session.ended_at + timedelta(seconds=seconds)
