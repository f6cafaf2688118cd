"""Every session of the organisation that ended within a time, as rows.

The organisation's list is asked for by end, so a session that began long before is found as well. Only a room's
own list has logs, so with attendance each room with a session in the time costs a request of its own.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.intervals import total, unite
from airflow_provider.live_sessions.core.ahead import THREADS, helpers
from airflow_provider.live_sessions.core.errors import AuthenticationFailed, Refused, Unavailable
from airflow_provider.live_sessions.core.session_rows import (
    ExportRules,
    LogRow,
    PersonRow,
    SessionRow,
    minutes_between,
)
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.platforms.lessonspace.attendance import named, person_of, presences
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters
from airflow_provider.live_sessions.platforms.lessonspace.launching import KEY_TAG, NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from concurrent.futures import Future, ThreadPoolExecutor

    from airflow_provider.live_sessions.core.session_rows import ExportAsk, Tally
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

log = logging.getLogger(__name__)

RULES = ExportRules(catch_up=timedelta(seconds=600), look_back=timedelta(hours=24))
"""Patience, for neither is documented: a room closes 5.5 minutes after its last sign of life ("terms and
concepts"), and nothing bounds how long people stay."""

EDGE = timedelta(seconds=1)
"""How much more than the time is asked for: what lies on its edge may be cut off by a rounding."""

WALKS = 3
"""How often a list whose pages and count disagree is read before it is given up."""

ROOMS = 500
"""Rooms whose logs are held, for rooms with several sessions."""

SESSIONS_AHEAD = 2 * THREADS
"""Sessions whose rooms are asked for before their turn."""

_OURS = "als_"


def ended_sessions(client: LessonspaceClient, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
    """Yield each session that ended within the time.

    Raises:
        Unavailable: The pages of the list and its count do not agree, three times.
    """
    listed = listed_sessions(client, ask, tally)
    if ask.attendance:
        yield from _with_logs(client, ask, tally, listed)
    else:
        for session in listed:
            yield row_of(session, session, client.conn_id, logged=False)


def row_of(session: Session, detailed: Session, conn_id: str, *, logged: bool) -> SessionRow:
    """Return the row of a session that ended.

    Args:
        session: As the organisation's list shows it: with its room.
        detailed: As the room's list shows it: with its logs.
        conn_id: The Airflow connection.
        logged: Whether ``detailed`` has logs.

    Raises:
        ValueError: It has not ended.
    """
    if session.end_time is None:
        raise ValueError("a session that goes on is in no interval yet")
    room = session.space
    people = named(session)
    return SessionRow(
        platform=NAME,
        conn_id=conn_id,
        session_id=session.uuid,
        counted_at=session.end_time,
        launch_key=session.tags.get(KEY_TAG, ""),
        room="" if room is None else room.slug or room.id,
        title=session.name or "",
        started_at=session.start_time,
        ended_at=session.end_time,
        held=Held.YES if len(people) >= 2 else Held.NO,
        minutes=minutes_between(session.start_time, session.end_time),
        participants=tuple(_people(detailed, people if detailed is session else named(detailed), logged=logged)),
        attendance_known=logged,
        logs=tuple(_log(detailed)),
        extras={
            "billable_seconds": session.billable_seconds,
            "room_name": "" if room is None else room.name or "",
            "tags": {name: value for name, value in session.tags.items() if not name.startswith(_OURS)},
        },
    )


def listed_sessions(client: LessonspaceClient, ask: ExportAsk, tally: Tally) -> Iterator[Session]:
    """Yield each session that ended within the time once; read the list again where its pages moved meanwhile.

    A row that a walk showed and the last one does not may have been deleted: it is yielded, and told as lacking.

    Raises:
        Unavailable: The pages of the list and its count do not agree, three times.
    """
    tally.unended += _unended(client, ask, tally)
    filters = SessionFilters(
        include_single_user=True, end_time_after=ask.since - EDGE, end_time_before=ask.until + EDGE
    )
    known: set[str] = set()
    seen: set[str] = set()
    ledger = _Ledger()
    for _ in range(WALKS):
        ledger = _Ledger()

        def count(page: Any, ledger: _Ledger = ledger) -> None:
            tally.pages += 1
            ledger.take(page)
            tally.told = ledger.told

        for session in client.sessions(filters, on_page=count, ahead=True):
            if session.uuid in known:
                continue
            known.add(session.uuid)
            tally.listed += 1
            if session.end_time is not None and ask.holds(session.end_time):
                tally.meet(session.uuid, session.end_time)
                yield session
            else:
                tally.outside += 1
        seen |= ledger.ids
        if ledger.agrees:
            if len(seen) != len(ledger.ids):
                tally.lacking.append("The list changed while it was read.")
            return
    trouble = "its count changes meanwhile" if ledger.moved else f"lists {len(ledger.ids)}"
    raise Unavailable(
        f"list sessions: Lessonspace tells of {ledger.told} sessions and {trouble}.",
        platform="Lessonspace",
        conn_id=client.conn_id,
        advice="The list may be changing: let the task try again later.",
    )


def _unended(client: LessonspaceClient, ask: ExportAsk, tally: Tally) -> int:
    """Return how many sessions go on that began before anything that could end in the time."""

    def count(_: Any) -> None:
        tally.pages += 1

    running = client.sessions(SessionFilters(include_single_user=True, in_progress_only=True), on_page=count)
    oldest = ask.until - ask.look_back
    return len({one.uuid for one in running if one.start_time is not None and one.start_time < oldest})


class _Ledger:
    """The rows on the pages of one walk, against the count that the platform tells."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.told: int | None = None
        self.moved = False
        """Whether the count was not the same on all pages: rows that change places may be on none of them."""

    def take(self, page: Any) -> None:
        rows = page.get("results") if isinstance(page, dict) else page
        if not isinstance(rows, list):  # who walks the list says so
            return
        self.ids |= {str(row.get("uuid")) for row in rows if isinstance(row, dict)}
        count = page.get("count") if isinstance(page, dict) else None
        told = count if isinstance(count, int) else None
        self.moved = self.moved or (self.told is not None and told != self.told)
        self.told = told

    @property
    def agrees(self) -> bool:
        return not self.moved and (self.told is None or self.told == len(self.ids))


def _with_logs(
    client: LessonspaceClient, ask: ExportAsk, tally: Tally, listed: Iterable[Session]
) -> Iterator[SessionRow]:
    """Yield the sessions' rows in order; while one waits for its room, those behind it are asked for."""
    with helpers() as pool:
        logs = _Logs(client, ask, tally, pool)
        waiting: deque[tuple[Session, _Room | None]] = deque()
        for session in listed:
            waiting.append((session, logs.ask(session)))
            if len(waiting) > SESSIONS_AHEAD:
                yield logs.row(*waiting.popleft())
        while waiting:
            yield logs.row(*waiting.popleft())
        logs.tell()


@dataclass(slots=True, eq=False)
class _Room:
    """A room's list, perhaps still on its way: its pages, and its sessions by id; None where the room is gone."""

    told: Future[tuple[int, Mapping[str, Session] | None]]
    counted: bool = False


class _Logs:
    """Sessions with their logs, from their rooms; the rooms asked last are remembered."""

    def __init__(self, client: LessonspaceClient, ask: ExportAsk, tally: Tally, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._tally = tally
        self._pool = pool
        self._filters = SessionFilters(
            include_single_user=True, end_time_after=ask.since - EDGE, end_time_before=ask.until + EDGE
        )
        self._rooms: OrderedDict[str, _Room] = OrderedDict()
        self._late = 0
        self._gone = 0

    def tell(self) -> None:
        """Say which attendance is not known: of rooms that lag behind, and of rooms that are gone."""
        unknown = "so their attendance is not known."
        if self._late:
            self._tally.awaited.append(
                f"{self._late} sessions are not in their room's list, or without a log, {unknown}"
            )
        if self._gone:
            self._tally.lost.append(f"{self._gone} sessions have no room that tells of them (404, 403), {unknown}")

    def ask(self, session: Session) -> _Room | None:
        """Have the list of a session's room coming; None where it is in none."""
        room = "" if session.space is None else session.space.slug or session.space.id
        if not room:
            return None
        if room in self._rooms:
            self._rooms.move_to_end(room)
            return self._rooms[room]
        self._rooms[room] = asked = _Room(self._pool.submit(self._sessions, room))
        if len(self._rooms) > ROOMS:
            self._rooms.popitem(last=False)
        return asked

    def row(self, session: Session, room: _Room | None) -> SessionRow:
        """Return a session's row; without logs where its room does not show it."""
        if room is None:
            self._gone += 1
            return row_of(session, session, self._client.conn_id, logged=False)
        pages, sessions = room.told.result()
        self._tally.pages += 0 if room.counted else pages
        room.counted = True
        detailed = None if sessions is None else sessions.get(session.uuid)
        # Where either list shows somebody, a log without a line is not whole yet.
        shown = named(session) or (detailed is not None and named(detailed))
        logged = detailed is not None and bool(detailed.logs or not shown)
        self._late += sessions is not None and not logged
        self._gone += sessions is None
        if detailed is None or (named(session) and not logged):
            detailed = session
        return row_of(session, detailed, self._client.conn_id, logged=logged)

    def _sessions(self, room: str) -> tuple[int, Mapping[str, Session] | None]:
        pages: list[Any] = []
        rows = self._client.space_sessions(room, self._filters, on_page=lambda _: pages.append(None))
        try:
            found = {one.uuid: one for one in rows}
        except AuthenticationFailed:
            raise
        except Refused as error:  # not found (404, 410) among them
            # One room that is gone or closed to us must not keep the whole hour from coming home.
            log.warning("A room's sessions are not told, so their attendance is not known: %s", error)
            return len(pages), None
        return len(pages), found


def _people(session: Session, people: Mapping[str, tuple[str, str]], *, logged: bool) -> list[PersonRow]:
    if not session.logs:  # nobody's times are told, and the organisation's list never tells any
        return [PersonRow(who, name=name, role=role) for who, (name, role) in sorted(people.items())]
    rows = []
    for one in presences([session], {}):
        stays = unite((stay.joined, stay.left or session.end_time or stay.joined) for stay in one.stays)
        rows.append(
            PersonRow(
                person_id=one.platform_user_id,
                name=one.name,
                role=one.role,
                joined_at=stays[0][0] if stays else None,
                left_at=stays[-1][1] if stays else None,
                minutes=round(total(stays).total_seconds() / 60, 3) if logged and stays else None,
            )
        )
    return sorted(rows, key=_by_arrival)


def _by_arrival(row: PersonRow) -> tuple[bool, float, str]:
    return row.joined_at is None, 0.0 if row.joined_at is None else row.joined_at.timestamp(), row.person_id


def _log(session: Session) -> Iterable[LogRow]:
    for entry in sorted(session.logs, key=lambda one: (one.date, one.id or 0)):
        yield LogRow(entry.date, entry.log_type, person_of(entry) or "", entry.user_socket_id or "")
