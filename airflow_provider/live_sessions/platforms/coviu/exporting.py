"""Every session of the team whose time ended within a time, as rows.

A session is counted at its planned end: then its room closes, and once that has passed it cannot be moved any
more (``apis/coviu.md`` section 2.1). The list is ordered by start and a session lasts 12 hours at most, so it is
read from 12 hours before the time. Cancelled sessions are in no list, so they are in no export.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.session_rows import (
    ExportAsk,
    ExportRules,
    PersonRow,
    SessionRow,
    Tally,
    minutes_between,
)
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.platforms.coviu import marks
from airflow_provider.live_sessions.platforms.coviu.attendance import digest
from airflow_provider.live_sessions.platforms.coviu.by_start import by_start
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters
from airflow_provider.live_sessions.platforms.coviu.launching import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.models import Entry, Participant, Session, Summary

LONGEST = timedelta(hours=12)
RULES = ExportRules(catch_up=timedelta(seconds=600), look_back=LONGEST)
"""A recorded end counts after 5 minutes unchanged; the rest is patience."""


def ended_sessions(client: CoviuClient, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
    """Yield a row for each session whose planned end lies within the time; each summary costs a request."""

    def count(_: Any) -> None:
        tally.pages += 1

    filters = SessionFilters(
        start_time=ask.since - max(ask.look_back, LONGEST), order="forward", deleted_participants=True
    )
    known: set[str] = set()
    inside = 0
    for session in by_start(client, filters, on_page=count):
        if session.start_time > ask.until:
            break
        if session.session_id in known:
            continue
        known.add(session.session_id)
        tally.listed += 1
        if not ask.holds(session.end_time):
            tally.outside += 1
            continue
        summary = _summary(client, session, tally) if ask.attendance else None
        inside += not _closed(summary)
        yield row_of(session, summary, client.conn_id)
    if inside:
        tally.awaited.append(
            f"In {inside} sessions somebody's leave is not told, so their attendance is not whole."
        )


def row_of(session: Session, summary: Summary | None, conn_id: str) -> SessionRow:
    """Return a session's row.

    Args:
        session: With its participants, removed ones among them.
        summary: Who was there; None where it was not read or cannot be.
        conn_id: The Airflow connection.
    """
    came = () if summary is None else summary.came
    started = min((one.entry_time for one in came if one.entry_time is not None), default=None)
    ended = (session.end_time if session.actual_end_time is None else session.actual_end_time) if came else None
    return SessionRow(
        platform=NAME,
        conn_id=conn_id,
        session_id=session.session_id,
        counted_at=session.end_time,
        launch_key=next((key for one in session.participants if (key := marks.key_in(one.state))), ""),
        title=session.session_name or "",
        planned_start=session.start_time,
        planned_end=session.end_time,
        started_at=started,
        ended_at=ended,
        held=_held(session, summary),
        minutes=minutes_between(started, ended),
        participants=tuple(_people(session, summary)),
        attendance_known=summary is not None and _closed(summary),
        extras={"team_id": session.team_id},
    )


def _held(session: Session, summary: Summary | None) -> Held:
    """Return whether it took place; one entry alone is neither, for two people may share a link."""
    if summary is None:
        return Held.UNKNOWN
    if len(summary.came) >= 2:
        return Held.YES
    ended = session.actual_end_time or summary.actual_end_time
    return Held.UNKNOWN if summary.came or ended is not None else Held.NO


def _closed(summary: Summary | None) -> bool:
    """Return whether everybody who came has left, as far as a summary was read."""
    return summary is None or all(one.left_at is not None for one in summary.came)


def _summary(client: CoviuClient, session: Session, tally: Tally) -> Summary | None:
    tally.pages += 1
    try:
        return client.summary(session.session_id)
    except NotFound:  # nobody came, or it was cancelled meanwhile: what is answered then is not documented
        return None


def _people(session: Session, summary: Summary | None) -> list[PersonRow]:
    """Return who was invited and who came; a participant's id opens the session, so a digest stands for it.

    Who was removed before the start was not invited any more: only an entry would bring them in.
    """
    known = {digest(one.participant_id): one for one in session.participants}
    came = {} if summary is None else {digest(one.participant_id): one for one in summary.participants}
    rows = [
        _person(who, known.get(who), came.get(who))
        for who in {**known, **came}
        if not _removed_before(session, known.get(who), came.get(who))
    ]
    return sorted(rows, key=_by_arrival)


def _removed_before(session: Session, invited: Participant | None, entry: Entry | None) -> bool:
    if invited is None or invited.deleted_at is None or (entry is not None and entry.entry_time is not None):
        return False
    return invited.deleted_at < session.start_time


def _person(who: str, invited: Participant | None, entry: Entry | None) -> PersonRow:
    joined = None if entry is None else entry.entry_time
    left = None if entry is None or joined is None else entry.left_at
    role = entry.role if entry is not None else "" if invited is None else invited.role
    return PersonRow(
        person_id=who,
        participant_id="" if invited is None else marks.own_state(invited.state),
        name="" if invited is None else invited.display_name or "",
        role=role.casefold(),
        joined_at=joined,
        left_at=left,
        minutes=minutes_between(joined, left),
    )


def _by_arrival(row: PersonRow) -> tuple[bool, float, str]:
    return row.joined_at is None, 0.0 if row.joined_at is None else row.joined_at.timestamp(), row.person_id
