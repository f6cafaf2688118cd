"""How the classes of a portal stand, from one list, however many sessions are waited for.

A tick (PLATFORM-RULES, "One tick of the shared poll"): the environments that are RUNNING or STOPPING, with their
sessions. A session that is absent is asked for by name once, twenty a tick at most; the rest wait for the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.educates.client import STANDING
from airflow_provider.live_sessions.platforms.educates.judging import Sighting, judge
from airflow_provider.live_sessions.platforms.educates.seats import seats_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import Watch
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
    from airflow_provider.live_sessions.platforms.educates.models import Catalogue, SessionRow
    from airflow_provider.live_sessions.platforms.educates.seats import Seat

DIRECT_READS = 20
"""Sessions asked for by name in a tick at most, in the shared poll."""

FORGET_AFTER = timedelta(hours=12)
"""What nobody asked for so long is forgotten."""

Key = tuple[str, str, str]
"""Portal uid, session and user: all must match."""


class Watching:
    """The memory between ticks: what was seen of each session.

    Args:
        client: The portal's client.
        direct_reads: Sessions asked for by name in a tick at most.
    """

    def __init__(self, client: EducatesClient, *, direct_reads: int = DIRECT_READS) -> None:
        self._client = client
        self._direct_reads = direct_reads
        self._sightings: dict[Key, Sighting] = {}
        self._asked: dict[Key, datetime] = {}

    def statuses(self, watches: Sequence[Watch]) -> list[SessionStatus | None]:
        """Return how each class stands; None for one whose confirmations wait for the next tick."""
        if not watches:
            return []
        catalogue = self._client.environments(sessions=True, states=STANDING)
        tick = _Tick(catalogue.portal.uid, sessions_of(catalogue), self._client.now(), self._direct_reads)
        result: list[SessionStatus | None] = []
        for watch in watches:
            seats = seats_of(watch.ref)
            sightings = [self._look(tick, watch.ref, seat) for seat in seats]
            if watch.seen.first_live is not None:
                _recall(sightings)
            known = all(_key(watch.ref, seat) in tick.known for seat in seats)
            result.append(judge(seats, sightings, watch.seen, tick.now) if known else None)
        self._forget(tick.now)
        return result

    def _look(self, tick: _Tick, ref: SessionRef, seat: Seat) -> Sighting:
        """Take in how one session stands, once a tick."""
        key = _key(ref, seat)
        sighting = self._sightings.setdefault(key, Sighting.of(seat, parse_time(ref.detail("requested_at"))))
        self._asked[key] = tick.now
        if key in tick.known:
            return sighting
        row = tick.rows.get(seat.session)
        if sighting.gone_at is not None:
            pass
        elif ref.detail("portal_uid") != tick.portal_uid or (row is not None and row.user != seat.user):
            sighting.lose(tick.now, stranger=True)
        elif row is not None:
            sighting.observe(row, tick.now)
        elif tick.reads_left == 0:
            return sighting
        else:
            tick.reads_left -= 1
            self._ask(tick, sighting, seat)
        tick.known.add(key)
        return sighting

    def _ask(self, tick: _Tick, sighting: Sighting, seat: Seat) -> None:
        try:
            sighting.observe(self._client.schedule(seat.session), tick.now)
        except NotFound:
            sighting.lose(tick.now)

    def _forget(self, now: datetime) -> None:
        self._asked = {key: at for key, at in self._asked.items() if now - at < FORGET_AFTER}
        self._sightings = {key: one for key, one in self._sightings.items() if key in self._asked}


@dataclass(slots=True)
class _Tick:
    """What one list said, and what is already known of this tick."""

    portal_uid: str
    rows: Mapping[str, SessionRow]
    now: datetime
    reads_left: int
    known: set[Key] = field(default_factory=set)


def _recall(sightings: Sequence[Sighting]) -> None:
    """Take in that the wait saw somebody before the memory of this process began."""
    if len(sightings) == 1:
        sightings[0].came = True
        return
    for one in sightings:
        # Of several learners nobody wrote down which one it was.
        one.doubtful = one.doubtful or (one.gone_at is not None and one.phase is None)


def sessions_of(catalogue: Catalogue) -> dict[str, SessionRow]:
    """Return every session of a catalogue by its name."""
    return {row.name: row for place in catalogue.environments for row in place.sessions or ()}


def _key(ref: SessionRef, seat: Seat) -> Key:
    return ref.detail("portal_uid"), seat.session, seat.user
