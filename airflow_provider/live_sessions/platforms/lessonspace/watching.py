"""How the classes of an organisation stand, from three lists, however many classes are waited for.

A tick (PLATFORM-RULES, "One tick of the shared poll"): T1 the sessions in progress, T2 those ended since the
last complete tick, in that order, or a session that ends in between is in neither. T3, beyond that page: the
spaces that carry a cancel mark, one request for each day on which somebody still waits for a start. Absence
from a list is never acted on: one direct read confirms it, 20 a tick at most, the rest wait their turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import AuthenticationFailed, NotFound, Refused
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters, SpaceFilters
from airflow_provider.live_sessions.platforms.lessonspace.launching import CANCELLED_TAG, cancelled_day
from airflow_provider.live_sessions.platforms.lessonspace.window import COMPANY, Stretch, Window, judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import Watch
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

OVERLAP = timedelta(seconds=600)
"""How far T2 reaches back behind the last complete tick, for ends that are written late."""

DIRECT_READS = 20
"""Direct reads a tick at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when one class happens, read from its ref once for all ticks.

    Args:
        space: The room's id.
        window: When what happens in the room belongs to the class.
        day: The day that a cancel mark of the class carries; empty where a class cannot be marked.
    """

    space: str
    window: Window
    day: str

    @classmethod
    def of(cls, ref: SessionRef) -> Place:
        """Read a ref."""
        day = cancelled_day(ref) if ref.detail("mode") == "occurrence" else ""
        return cls(ref.detail("space"), Window.of(ref), day)


class Watching:
    """The memory between ticks: what was seen in the watched spaces, and up to when.

    Args:
        client: The organisation's client.
    """

    def __init__(self, client: LessonspaceClient) -> None:
        self._client = client
        self._cursor: datetime | None = None
        self._stretches: dict[str, dict[str, Stretch]] = {}
        self._covered: dict[str, datetime] = {}
        self._confirmed: set[tuple[str, datetime]] = set()
        self._places: dict[SessionRef, Place] = {}

    def statuses(self, watches: Sequence[Watch]) -> list[SessionStatus | None]:
        """Return how each class stands; None for one whose confirmation waits for the next tick."""
        if not watches:
            return []
        known = self._places
        self._places = {one.ref: known.get(one.ref) or Place.of(one.ref) for one in watches}
        self._tick()
        marked = self._marked()
        reads = DIRECT_READS
        result: list[SessionStatus | None] = []
        for watch in watches:
            status = self._judge(watch, marked)
            if status.state is State.NEVER_HELD and self._unconfirmed(watch):
                if reads == 0:
                    result.append(None)
                    continue
                reads -= 1
                self._confirm(watch)
                status = self._judge(watch, marked)
            result.append(status)
        return result

    def _tick(self) -> None:
        spaces = {place.space for place in self._places.values()}
        since = self._since()
        running = list(self._client.sessions(SessionFilters(in_progress_only=True, include_single_user=True)))
        begun = self._client.now()  # now, because the first answer told the platform's clock
        ended = list(self._client.sessions(SessionFilters(include_single_user=True, end_time_after=since)))
        # Only now, when both lists were read whole, is anything remembered: a failed tick is as if it never was.
        self._stretches = {space: self._stretches.get(space, {}) for space in spaces}
        self._covered = {space: min(since, self._covered.get(space, since)) for space in spaces}
        self._confirmed = {one for one in self._confirmed if one[0] in spaces}
        for row in (*running, *ended):
            self._remember(row)
        self._reread_departed({row.uuid for row in (*running, *ended)})
        self._cursor = begun

    def _since(self) -> datetime:
        starts = [] if self._cursor is None else [self._cursor - OVERLAP]
        for place in self._places.values():
            covered = self._covered.get(place.space)
            # A room over weeks may be known, but only since a later class.
            if self._cursor is None or covered is None or place.window.start < covered:
                starts.append(place.window.start)
        return min(starts)

    def _remember(self, row: Session) -> None:
        stretch = Stretch.of(row)
        if stretch is None or row.space is None:
            return
        for name in (row.space.slug, row.space.id):
            if name in self._stretches:
                self._stretches[name][stretch.uuid] = stretch
                return

    def _reread_departed(self, listed: set[str]) -> None:
        departed = [
            (space, uuid)
            for space, known in self._stretches.items()
            for uuid, stretch in known.items()
            if stretch.end is None and uuid not in listed
        ]
        for space, uuid in departed[:DIRECT_READS]:
            try:
                stretch = Stretch.of(self._client.session(uuid))
            except NotFound:
                stretch = None
            except AuthenticationFailed:
                raise
            except Refused:
                continue  # this one may not be read; it must not take the poll of all others with it
            if stretch is None:
                del self._stretches[space][uuid]
            else:
                self._stretches[space][uuid] = stretch

    def _marked(self) -> set[str]:
        days = {place.day for place in self._places.values() if place.day and not self._has_company(place)}
        return {name for day in sorted(days) for name in marked_spaces(self._client, day)}

    def _has_company(self, place: Place) -> bool:
        return any(len(one.people) >= COMPANY for one in self._of(place))

    def _of(self, place: Place) -> list[Stretch]:
        return [one for one in self._stretches.get(place.space, {}).values() if place.window.holds(one)]

    def _judge(self, watch: Watch, marked: set[str]) -> SessionStatus:
        place = self._places[watch.ref]
        return judge(self._of(place), watch.seen, self._client.now(), cancelled=place.space in marked)

    def _unconfirmed(self, watch: Watch) -> bool:
        return (self._places[watch.ref].space, watch.seen.deadline) not in self._confirmed

    def _confirm(self, watch: Watch) -> None:
        space = self._places[watch.ref].space
        for stretch in read_space(self._client, watch.ref):
            self._stretches[space][stretch.uuid] = stretch
        self._confirmed.add((space, watch.seen.deadline))


def read_space(client: LessonspaceClient, ref: SessionRef) -> list[Stretch]:
    """Return what happened in the class's space inside its window, read directly."""
    window = Window.of(ref)
    try:
        rows = list(client.space_sessions(ref.detail("space"), SessionFilters(include_single_user=True)))
    except NotFound:
        return []
    stretches = (Stretch.of(row) for row in rows)
    return [one for one in stretches if one is not None and window.holds(one)]


def marked_spaces(client: LessonspaceClient, day: str) -> set[str]:
    """Return the names of the spaces whose cancel mark carries that day."""
    rows = client.spaces(SpaceFilters(tag_key=CANCELLED_TAG, tag_value=day))
    return {name for row in rows for name in (row.slug, row.id) if name}
