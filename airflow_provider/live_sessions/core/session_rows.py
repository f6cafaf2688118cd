"""A session as data: the one row that every platform's export gives, what is asked for, what was counted.

A row holds nothing that opens a door: ids that do are digests before they come here. It does hold names.

Rows are msgspec's structs: made by the hundred thousand, they cost a fifth of what a frozen dataclass does. None
can be in a cycle, so the garbage collector does not look at them (``gc=False``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.core.times import aware, format_optional_time, format_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta


class PersonRow(msgspec.Struct, frozen=True, gc=False):
    """One person in a session.

    Args:
        person_id: The platform's id as text; a digest where the id itself opens a door.
        participant_id: The caller's own id, where the platform tells it; else empty.
        name: The name shown; empty where the platform tells none.
        role: The platform's word for the part played.
        joined_at: First join, where known.
        left_at: Last leave, where known.
        minutes: Minutes inside, overlaps (two devices) counted once; None where the platform tells no times.
    """

    person_id: str
    participant_id: str = ""
    name: str = ""
    role: str = ""
    joined_at: datetime | None = None
    left_at: datetime | None = None
    minutes: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "person_id": self.person_id,
            "participant_id": self.participant_id,
            "name": self.name,
            "role": self.role,
            "joined_at": format_optional_time(self.joined_at),
            "left_at": format_optional_time(self.left_at),
            "minutes": self.minutes,
        }


class LogRow(msgspec.Struct, frozen=True, gc=False):
    """One line of a session's attendance log.

    Args:
        at: When.
        kind: The platform's word for what happened, e.g. ``user-joined``.
        person_id: Who, as in :class:`PersonRow`; empty where it is about nobody.
        connection: Tells a person's devices apart, where the platform does.
    """

    at: datetime
    kind: str
    person_id: str = ""
    connection: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "at": format_time(self.at),
            "kind": self.kind,
            "person_id": self.person_id,
            "connection": self.connection,
        }


class SessionRow(msgspec.Struct, frozen=True, gc=False):
    """One session that ended.

    Args:
        platform: The platform's name.
        conn_id: The Airflow connection.
        session_id: The platform's id; a digest where the id itself opens a door.
        counted_at: The moment that says which interval the session belongs to; it never changes afterwards.
        launch_key: Digest of the launch key; empty for a session that was made elsewhere.
        room: The room's id, where the platform has lasting rooms.
        title: What people call it.
        planned_start: Planned start, where the platform tells.
        planned_end: Planned end, likewise.
        started_at: When it began.
        ended_at: When it ended.
        held: Whether it took place, with two people or more.
        minutes: From start to end.
        participants: Who was there, by arrival.
        attendance_known: Whether ``participants`` has times and ``logs`` is whole.
        logs: The attendance log, oldest first; only where the platform keeps one.
        usage_minutes: What is billed, where the platform tells.
        cost_in_cents: What it cost, likewise.
        extras: What only this platform tells; text, numbers and mappings of these, no secret.
    """

    platform: str
    conn_id: str
    session_id: str
    counted_at: datetime
    launch_key: str = ""
    room: str = ""
    title: str = ""
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    held: Held = Held.UNKNOWN
    minutes: float | None = None
    participants: tuple[PersonRow, ...] = ()
    attendance_known: bool = False
    logs: tuple[LogRow, ...] = ()
    usage_minutes: float | None = None
    cost_in_cents: float | None = None
    extras: Mapping[str, Any] = msgspec.field(default_factory=dict)

    @property
    def identity(self) -> str:
        """What tells it from others of its account."""
        return self.session_id

    @property
    def knowledge(self) -> int:
        """How much the row tells: of two rows of one session the one that knows more is kept."""
        told = (self.cost_in_cents is not None) + (self.ended_at is not None) + self.attendance_known
        return told * 1_000_000 + len(self.participants) + len(self.logs)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "platform": self.platform,
            "conn_id": self.conn_id,
            "session_id": self.session_id,
            "counted_at": format_time(self.counted_at),
            "launch_key": self.launch_key,
            "room": self.room,
            "title": self.title,
            "planned_start": format_optional_time(self.planned_start),
            "planned_end": format_optional_time(self.planned_end),
            "started_at": format_optional_time(self.started_at),
            "ended_at": format_optional_time(self.ended_at),
            "held": self.held.value,
            "minutes": self.minutes,
            "participants": [one.to_json() for one in self.participants],
            "attendance_known": self.attendance_known,
            "logs": [one.to_json() for one in self.logs],
            "usage_minutes": self.usage_minutes,
            "cost_in_cents": self.cost_in_cents,
            "extras": dict(sorted(self.extras.items())),
        }


@dataclass(frozen=True, slots=True)
class ExportAsk:
    """Which sessions are wanted: those whose ``counted_at`` lies in a time.

    Args:
        since: The begin, included.
        until: The end, not included.
        look_back: How long a session may have lasted: what is longer and still without an end is counted as
            ``unended`` instead of being waited for.
        attendance: Also who was there and when, where that takes requests of its own.
    """

    since: datetime
    until: datetime
    look_back: timedelta
    attendance: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "since", aware(self.since))
        object.__setattr__(self, "until", aware(self.until))

    def holds(self, moment: datetime | None) -> bool:
        """Return whether a moment lies in the time."""
        return moment is not None and self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class ExportRules:
    """What an export has to know of a platform.

    Args:
        catch_up: How long after an end the platform's lists may still not show it.
        look_back: The longest session, by default.
    """

    catch_up: timedelta
    look_back: timedelta


@dataclass(slots=True)
class Tally:
    """What one export asked and met; filled in while the rows come.

    Args:
        pages: Pages and single answers that were read; repeats of failed requests are not counted.
        listed: Sessions on the platform's lists, each once.
        told: How many the platform itself said there are; None where it says nothing.
        outside: Of those listed, how many lie outside the time and were left out.
        not_held: Of those listed, how many never were a session (nobody watched) and were left out.
        unended: Sessions without an end that are older than the look-back: in no interval, but told.
        lacking: Sentences on what another reading may heal; with the next two they make an export partial.
        awaited: Sentences on what the platform does not tell yet.
        lost: Sentences on what it will never tell.
        figures: What only one kind of export counts, by name.
        alive: Called for each session that was dealt with, so that one without rows is progress too.
        met: Called with the id and the end of each session of the time, whether or not it has rows; an export of
            what was said needs it.
        of: A digest of the sessions of the time and their ends, where the rows do not name each of them.
    """

    pages: int = 0
    listed: int = 0
    told: int | None = None
    outside: int = 0
    not_held: int = 0
    unended: int = 0
    lacking: list[str] = field(default_factory=list)
    awaited: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
    alive: Callable[[], None] = lambda: None
    met: list[Callable[[str, datetime], None]] = field(default_factory=list)
    of: str = ""

    def count(self, name: str, number: int = 1) -> None:
        """Add to one of the ``figures``."""
        self.figures[name] = self.figures.get(name, 0) + number

    def meet(self, session_id: str, counted_at: datetime) -> None:
        """Tell of a session of the time."""
        for tell in self.met:
            tell(session_id, counted_at)

    def counts(self) -> dict[str, int]:
        """Return the figures for a manifest."""
        figures = {
            "pages": self.pages,
            "listed": self.listed,
            "outside": self.outside,
            "not_held": self.not_held,
            "unended": self.unended,
            **self.figures,
        }
        return figures if self.told is None else {**figures, "told_by_platform": self.told}


def finite(value: float | None) -> float | None:
    """Return a platform's number where it is one: JSON readers let NaN and Infinity pass."""
    return value if value is None or math.isfinite(value) else None


def minutes_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the minutes from start to end, to the thousandth; None where one is not known."""
    return None if start is None or end is None else round((end - start).total_seconds() / 60, 3)
