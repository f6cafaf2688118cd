"""Which sessions of a team are over: by the recorded end, else by the clock, for Coviu has no list by end.

The list goes by start, and no session is longer than 12 hours, so it is read from that long before. Whether
somebody came is in each session's summary only, which costs a request: ``held`` is unknown where no end is
recorded.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.ended import EndedSession
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.coviu.by_start import by_start
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters
from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, judge
from airflow_provider.live_sessions.platforms.coviu.launching import LONGEST

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient

GRACE = 300.0
"""Seconds after the planned end when a session is over without a word from Coviu; a launch's own default."""

OVERLAP = LONGEST + timedelta(seconds=GRACE + 600)
"""How late a recorded end may appear: no document says, so at any time until the clock alone tells it, and then
our patience. Of the longest session that is 12 hours after everybody left."""


def ended_since(
    client: CoviuClient, since: datetime, until: datetime | None = None, *, settle: float, grace: float = GRACE
) -> tuple[list[EndedSession], datetime]:
    """Return the sessions that were over from a moment on, and Coviu's time before it was asked.

    Args:
        client: The team's client.
        since: The moment.
        until: Up to which moment; None for now.
        settle: Seconds for which a recorded end before the planned one must stand.
        grace: Seconds after the planned end when a session is over without a word from Coviu.
    """
    asked_at = client.now()
    found = []
    last = asked_at if until is None else min(until, asked_at)
    begin = since - LONGEST - timedelta(seconds=max(settle, grace))
    for row in by_start(client, SessionFilters(start_time=begin, order="forward")):
        if row.start_time > last:
            break  # ordered by start: nothing behind it had ended by then
        sighting = Sighting.of(row)
        status = judge(sighting, asked_at, settle=settle, grace=grace)
        if status.state is not State.ENDED:
            continue
        told_at = _told_at(sighting, settle=settle, grace=grace)
        found.append(
            EndedSession(
                session_id=row.session_id,
                ended_at=status.ended_at or sighting.end,
                told_at=told_at,
                held=status.held,
            )
        )
    return found, asked_at


def _told_at(sighting: Sighting, *, settle: float, grace: float) -> datetime:
    """Return from when on the session counts as over, as :func:`judge` decides.

    That is never after the clock alone tells it, also where people stayed on: told once, it must not move.
    """
    by_the_clock = sighting.end + timedelta(seconds=grace)
    left = sighting.actual_end
    if left is None:
        return by_the_clock
    return min(left if left >= sighting.end else left + timedelta(seconds=settle), by_the_clock)
