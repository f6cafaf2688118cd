"""A class's transcripts, attendance and recordings, written as files with a manifest over them.

Every session of the class's window is covered. A part that never had the artifact is not missing; a part that
should have it and has not makes the whole partial.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.attendance import Attendance, build_rows, counts
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.tables import write_attendance
from airflow_provider.live_sessions.artifacts.transcripts import write_part
from airflow_provider.live_sessions.core.contract import ArtifactRules, Readiness, Verdict
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.platforms.lessonspace.transcripts import segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from pydantic import SecretStr

    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform

SESSION = "GET /organisations/{organisation}/sessions/{session}/"
TRANSCRIPT = "GET /organisations/{organisation}/sessions/{session}/transcript/"
PLAYBACK = "GET /sessions/{session}/playback/"
LOGS = "GET /spaces/{space}/sessions/"


@dataclass(frozen=True, slots=True)
class Home:
    """What came home.

    Args:
        manifest: Written, over files that are whole.
        missing: Why a part that should be there is not; empty when nothing is missing.
        links: A fresh link to the replay of each session that has one.
    """

    manifest: Manifest
    missing: str = ""
    links: Mapping[str, SecretStr] = field(default_factory=dict, hash=False)


def bring_transcripts(
    platform: LessonspacePlatform, record: SessionRecord, writer: Writer, rules: ArtifactRules
) -> Home:
    """Write the raw JSON, WebVTT and plain text of every session that has a transcript.

    Raises:
        Unavailable: A transcript is not ready yet.
    """
    status = platform.current(record.ref)
    wait = rules.after(status.ended_at or record.end)
    told: list[dict[str, Any]] = []
    for number, session_id in enumerate(status.session_ids, start=1):
        found = platform.transcript(record.ref, session_id, wait)
        _refuse_pending(record, "transcript", session_id, found.verdict)
        told.append(_told(session_id, found.verdict))
        if found.raw is not None:
            write_part(writer, number, raw=found.raw, segments=segments(found.raw))
    return _finish(record, status, writer, "transcript", told, (SESSION, TRANSCRIPT))


def bring_recordings(
    platform: LessonspacePlatform, record: SessionRecord, writer: Writer, rules: ArtifactRules
) -> Home:
    """Write the manifest of the recordings: replays, no files. Their links are returned, never written.

    Raises:
        Unavailable: A recording is still being prepared.
    """
    status = platform.current(record.ref)
    wait = rules.after(status.ended_at or record.end)
    told: list[dict[str, Any]] = []
    links: dict[str, SecretStr] = {}
    for session_id in status.session_ids:
        found = platform.recording(record.ref, session_id, wait)
        _refuse_pending(record, "recording", session_id, found.verdict)
        told.append(
            {
                **_told(session_id, found.verdict),
                "playback_url": found.session.playback_url,
                "seconds": found.session.seconds,
                "recording_access_policy": list(found.session.recording_access_policy or ()),
            }
        )
        if found.link is not None:
            links[session_id] = found.link
    return _finish(record, status, writer, "recording", told, (SESSION, PLAYBACK), links)


def bring_attendance(
    platform: LessonspacePlatform, record: SessionRecord, writer: Writer, *, late_after: float, zone: tzinfo
) -> Home:
    """Write who was there as a table: a row for each expected person and for each other person.

    Args:
        platform: The open organisation.
        record: The class.
        writer: Writes the files.
        late_after: Seconds after the planned start up to which a person is in time.
        zone: The zone in which the table tells times.
    """
    status = platform.current(record.ref)
    # A class that was adopted when it was over has no links, and so no user ids: the organisation knows them.
    known = record.participants_by_user_id() or platform.participants(record.ref, record.participants)
    rows = build_rows(
        platform.attendance(record.ref, known),
        record.participants,
        planned_start=record.start,
        ended_at=status.ended_at,
        late_after=late_after,
        # Without the user ids of the launch nobody can be told apart from a stranger.
        complete=bool(known) or not record.participants,
    )
    write_attendance(writer, rows, zone=zone)
    why = "The class was still going on." if status.session_ids and status.ended_at is None else ""
    if any(row.expected and row.status is Attendance.UNKNOWN for row in rows):
        why = f"{why} Whether some of those expected came is not known.".strip()
    draft = _draft(
        record,
        status,
        kind="attendance",
        completeness=Completeness.PARTIAL if why else Completeness.COMPLETE,
        why=why,
        source=(LOGS,),
        extra={"counts": counts(rows)},
    )
    return Home(writer.finish(draft))


def _refuse_pending(record: SessionRecord, kind: str, session_id: str, verdict: Verdict) -> None:
    if verdict.readiness is Readiness.PENDING:
        raise Unavailable(
            f"The {kind} of session {session_id} is not ready: {verdict.why}.",
            platform="Lessonspace",
            conn_id=record.ref.conn_id,
            advice=f"The retry asks again; a Lessonspace{kind.capitalize()}Sensor before this task waits for it.",
        )


def _told(session_id: str, verdict: Verdict) -> dict[str, Any]:
    return {"session_id": session_id, "readiness": verdict.readiness.value, "why": verdict.why}


def _finish(
    record: SessionRecord,
    status: SessionStatus,
    writer: Writer,
    kind: str,
    told: Sequence[Mapping[str, Any]],
    source: tuple[str, ...],
    links: Mapping[str, SecretStr] | None = None,
) -> Home:
    completeness, why = _judge(told)
    draft = _draft(
        record,
        status,
        kind=kind,
        completeness=completeness,
        why=why,
        source=source,
        extra={"sessions": [dict(one) for one in told]},
    )
    failed = any(one["readiness"] == Readiness.FAILED for one in told)
    return Home(writer.finish(draft), missing=why if failed else "", links=links or {})


def _judge(told: Sequence[Mapping[str, Any]]) -> tuple[Completeness, str]:
    """Judge a whole from its parts."""
    ready = any(one["readiness"] == Readiness.READY for one in told)
    failed = [one for one in told if one["readiness"] == Readiness.FAILED]
    if failed:
        return (Completeness.PARTIAL if ready else Completeness.NONE), _reasons(failed)
    if ready:
        return Completeness.COMPLETE, ""
    return Completeness.NONE, _reasons(told) if told else "The class had no session."


def _reasons(told: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(dict.fromkeys(str(one["why"]) for one in told)) + "."


def _draft(
    record: SessionRecord,
    status: SessionStatus,
    *,
    kind: str,
    completeness: Completeness,
    why: str,
    source: Sequence[str],
    extra: Mapping[str, Any],
) -> Manifest:
    return Manifest(
        kind=kind,
        platform=record.ref.platform,
        conn_id=record.ref.conn_id,
        session_key=record.ref.key,
        status=completeness,
        session_ids=status.session_ids,
        title=record.title,
        planned_start=record.start,
        planned_end=record.end,
        actual_start=status.started_at,
        actual_end=status.ended_at,
        why=why,
        source=tuple(source),
        extra=dict(extra),
    )
