"""How the sessions of a team stand, from one list, however many are waited for.

A tick (PLATFORM-RULES, "One tick of the shared poll"): the sessions that started within the last 12 hours and a
grace, oldest first, without an end filter (its meaning is disputed) and without cancelled ones, up to the first
that starts beyond the next tick. A watched session that should be there and is not is read by its id, 20 a tick
at most: it was moved, or it was cancelled. Sessions further ahead may be moved or cancelled too: 20 of them are
read a tick, in turn. A handful of watches is read by id alone, which is cheaper than the list.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.reading import finite
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters
from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, gone, judge
from airflow_provider.live_sessions.platforms.coviu.launching import LONGEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import Watch
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient

AHEAD = timedelta(seconds=300)
"""How far ahead the list is read: no tick comes later than this after the one before."""

DIRECT_READS = 20
"""Direct reads a tick at most, of departed sessions and of future ones each."""

LONGEST_GRACE = 366 * 86_400.0
"""Seconds; a longer one is a slip, and a shared poll must not trip over it."""

A_HANDFUL = 2
"""So few watched sessions are read by id instead of the list."""


class Watching:
    """The memory between ticks: how each watched session was seen last.

    Args:
        client: The team's client.
    """

    def __init__(self, client: CoviuClient) -> None:
        self._client = client
        self._known: dict[str, Sighting] = {}
        self._gone: set[str] = set()
        self._ticks = 0
        self._read_in: dict[str, int] = {}

    def statuses(self, watches: Sequence[Watch]) -> list[SessionStatus | None]:
        """Return how each session stands; None for one whose direct read waits for the next tick."""
        if not watches:
            return []
        now = self._client.now()
        wanted = {watch.ref.session_id: watch for watch in watches}
        current, ahead = self._tick(wanted, now)
        return [self._status(watch, current, ahead) for watch in watches]

    def _tick(self, wanted: dict[str, Watch], now: datetime) -> tuple[set[str], set[str]]:
        """Look once; return the sessions that were seen now, and those not due to be seen yet."""
        self._ticks += 1
        self._known = {one: seen for one, seen in self._known.items() if one in wanted}
        self._gone &= wanted.keys()
        self._read_in = {one: tick for one, tick in self._read_in.items() if one in wanted}
        open_ones = [one for one in wanted if one not in self._gone]
        if len(open_ones) <= A_HANDFUL:
            return self._gone | self._read(open_ones), set()
        ahead = {one for one in open_ones if self._start(wanted[one]) > now + AHEAD}
        current = set(self._gone)
        if len(ahead) < len(open_ones):
            grace = max(grace_of(watch.ref) for watch in wanted.values())
            current |= self._list(wanted, now, now - LONGEST - timedelta(seconds=grace))
        departed = [one for one in open_ones if one not in current and one not in ahead]
        current |= self._read(self._in_turn(departed))
        current |= self._read(self._in_turn(ahead - current))
        return current, ahead

    def _list(self, wanted: dict[str, Watch], now: datetime, since: datetime) -> set[str]:
        found = {}
        for row in self._client.sessions(SessionFilters(start_time=since, order="forward")):
            if row.session_id in wanted:
                found[row.session_id] = Sighting.of(row)
            if row.start_time > now + AHEAD:
                break
        # Only now, when the list was read to its end, is anything remembered.
        self._known |= found
        return set(found)

    def _in_turn(self, sessions: Iterable[str]) -> list[str]:
        return sorted(sessions, key=lambda one: (self._read_in.get(one, 0), one))[:DIRECT_READS]

    def _read(self, sessions: Iterable[str]) -> set[str]:
        read = set()
        for one in sessions:
            try:
                self._known[one] = Sighting.of(self._client.session(one))
            except NotFound:
                self._gone.add(one)
            self._read_in[one] = self._ticks
            read.add(one)
        return read

    def _start(self, watch: Watch) -> datetime:
        known = self._known.get(watch.ref.session_id)
        return watch.seen.planned_start if known is None else known.start

    def _status(self, watch: Watch, current: set[str], ahead: set[str]) -> SessionStatus | None:
        session_id, seen, now = watch.ref.session_id, watch.seen, self._client.now()
        if session_id in self._gone:
            return gone(session_id, now, was_live=seen.first_live is not None)
        sighting = self._known.get(session_id) or Sighting(session_id, seen.planned_start, seen.planned_end)
        status = judge(sighting, now, settle=seen.settle, grace=grace_of(watch.ref))
        if session_id in current or (session_id in ahead and status.state is State.SCHEDULED):
            return status
        return None


def grace_of(ref: SessionRef) -> float:
    """Return the seconds after its planned end in which a session may still be held.

    Raises:
        ValueError: The reference names no such time.
    """
    seconds = finite(ref.detail("grace", "0"))
    if not 0 <= seconds <= LONGEST_GRACE:
        raise ValueError(f"grace is {seconds:g}")
    return seconds
