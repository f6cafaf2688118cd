"""Which sessions of an organisation have ended: Lessonspace lists them by their end.

A session is one stretch in a room, not a class: a teacher's early test and a break make sessions of their own
(``apis/lessonspace.md``). Sessions with one person are listed too, with ``held`` no.

What a session lacks for good is told as far as the list shows it, so that nobody asks for it fourteen times.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import Ability
from airflow_provider.live_sessions.core.ended import EndedSession
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters
from airflow_provider.live_sessions.platforms.lessonspace.launching import KEY_TAG
from airflow_provider.live_sessions.platforms.lessonspace.window import COMPANY

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

OVERLAP = timedelta(seconds=600)
"""How late an end may be written: no document says, so this is our patience."""

EDGE = timedelta(seconds=1)
"""How much more than the time is asked for: what lies on its edge may be cut off by a rounding."""


def ended_since(
    client: LessonspaceClient, since: datetime, until: datetime | None = None
) -> tuple[list[EndedSession], datetime]:
    """Return the sessions that ended from a moment on, and the organisation's time before it was asked.

    Args:
        client: The organisation's client.
        since: The moment.
        until: Up to which moment; None for now.
    """
    began = time.monotonic()
    before = None if until is None else until + EDGE
    wanted = SessionFilters(include_single_user=True, end_time_after=since - EDGE, end_time_before=before)
    rows = list(client.sessions(wanted))
    # Afterwards, because the answers tell the platform's clock.
    asked_at = client.now() - timedelta(seconds=time.monotonic() - began)
    found = [
        EndedSession(
            session_id=row.uuid,
            ended_at=row.end_time,
            told_at=row.end_time,
            held=Held.YES if len(row.people) >= COMPANY else Held.NO,
            key=row.tags.get(KEY_TAG, ""),
            lacks=_lacks(row, row.end_time, asked_at),
        )
        for row in rows
        if row.end_time is not None
    ]
    return found, asked_at


def _lacks(row: Session, ended_at: datetime, now: datetime) -> frozenset[Ability]:
    """Return what a session will never leave.

    The room's own ``transcribe`` is what its last launch wanted. Soon after the end that was the session's launch;
    later it may be the next class's, and proves nothing.
    """
    if row.recording_deleted:
        return frozenset({Ability.TRANSCRIPT, Ability.RECORDING})
    switched_off = row.space is not None and row.space.transcribe is False and now - ended_at <= OVERLAP
    alone = len(row.people) < COMPANY
    return frozenset({Ability.TRANSCRIPT}) if alone or switched_off else frozenset()
