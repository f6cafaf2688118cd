"""A session's attendance, written as files with a manifest over them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.attendance import build_rows, counts
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.tables import write_attendance
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.coviu.launching import role_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.platforms.coviu.platform import Attended, CoviuPlatform

SOURCE = ("GET /sessions/{session}/summary", "GET /sessions/{session}")

EXIT_PAUSE = 15.0
"""Seconds between two looks at a summary in which somebody has not left yet."""


def bring_attendance(
    platform: CoviuPlatform,
    record: SessionRecord,
    writer: Writer,
    *,
    late_after: float,
    zone: tzinfo,
    exit_wait: float = 0.0,
    settle: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Manifest:
    """Write who was there as a table: a row for each expected person and for each other one.

    Args:
        platform: The open team.
        record: The session.
        writer: Writes the files.
        late_after: Seconds after the planned start up to which a person is in time.
        zone: The zone in which the table tells times.
        exit_wait: Seconds for which people without an exit are asked for again; after that they are marked.
        settle: Seconds for which an early end must stand, as the wait was told; None for the connection's.
        sleep: Waits so many seconds.
    """
    found = _read(platform, record, exit_wait, settle, sleep)
    if not found.told:
        why = "It was cancelled." if found.status.state is State.CANCELLED else "Coviu has no summary of it."
        return writer.finish(_manifest(record, found.status, Completeness.NONE, why))
    rows = build_rows(
        found.presences,
        [replace(one, role=role_of(one)) for one in record.participants],
        planned_start=record.start,
        ended_at=found.status.ended_at,
        late_after=late_after,
    )
    write_attendance(writer, rows, zone=zone)
    inside = _still_inside(found)
    why = ""
    if not found.status.state.over:
        why = "The session was still open."
    elif inside:
        why = f"No exit is known of {inside} of {len(found.presences)} who came."
    completeness = Completeness.PARTIAL if why else Completeness.COMPLETE
    manifest = _manifest(record, found.status, completeness, why)
    return writer.finish(replace(manifest, extra={"counts": counts(rows), "held": found.status.held.value}))


def _read(
    platform: CoviuPlatform,
    record: SessionRecord,
    exit_wait: float,
    settle: float | None,
    sleep: Callable[[float], None],
) -> Attended:
    known = {state_of(one): one.id for one in record.participants}
    left = exit_wait
    while True:
        found = platform.attended(record.ref, known, platform.current(record.ref, settle=settle))
        if left <= 0 or not found.status.state.over or not _still_inside(found):
            return found
        sleep(min(EXIT_PAUSE, left))
        left -= EXIT_PAUSE


def _still_inside(found: Attended) -> int:
    return sum(any(stay.left is None for stay in one.stays) for one in found.presences)


def _manifest(record: SessionRecord, status: SessionStatus, completeness: Completeness, why: str) -> Manifest:
    return Manifest(
        kind="attendance",
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
        source=SOURCE,
    )
