"""A class as data: what its sessions and its transcript come to, one row a class with a line a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.core.times import format_optional_time, format_time


class ClassPersonRow(msgspec.Struct, frozen=True, gc=False):
    """One person of a class, expected or not.

    Args:
        person_id: The platform's ids of the person, joined by ``;``; empty for somebody who never came.
        participant_id: The caller's own id; empty where nobody knows it.
        name: The planned name, else the platform's.
        role: The planned role, else the platform's.
        expected: Whether the plan names the person; None where no plan is known.
        status: ``present``, ``late``, ``absent`` or ``unknown``; only expected people are late or absent.
        joined_at: First join over all sessions.
        left_at: Last leave.
        minutes: Minutes inside, over all sessions; None where the platform tells no times, 0 for who was absent.
        late_minutes: Minutes from the planned start to the first join, 0 when in time; None where not known.
        words: Words spoken; None where there is no transcript.
        segments: Segments spoken, likewise.
    """

    person_id: str
    participant_id: str = ""
    name: str = ""
    role: str = ""
    expected: bool | None = None
    status: str = "unknown"
    joined_at: datetime | None = None
    left_at: datetime | None = None
    minutes: float | None = None
    late_minutes: float | None = None
    words: int | None = None
    segments: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "person_id": self.person_id,
            "participant_id": self.participant_id,
            "name": self.name,
            "role": self.role,
            "expected": self.expected,
            "status": self.status,
            "joined_at": format_optional_time(self.joined_at),
            "left_at": format_optional_time(self.left_at),
            "minutes": self.minutes,
            "late_minutes": self.late_minutes,
            "words": self.words,
            "segments": self.segments,
        }


class ClassRow(msgspec.Struct, frozen=True, gc=False):
    """One class: all sessions with one launch key, or a single one that was made elsewhere.

    Args:
        platform: The platform's name.
        conn_id: The Airflow connection.
        class_key: The launch key's digest; else the session's id.
        counted_at: When its last session counts: that says which interval the class belongs to.
        title: What people call it.
        room: The room's id, where the platform has lasting rooms.
        planned_start: Planned start, where known.
        planned_end: Planned end, where known.
        started_at: When its first session began.
        ended_at: When its last session ended.
        minutes: Minutes of its sessions together.
        held: Whether one of them took place, with two people or more.
        session_ids: Its sessions, by end.
        words: Words spoken by all; None where there is no transcript.
        people: Expected people in the plan's order, then the others by arrival.
    """

    platform: str
    conn_id: str
    class_key: str
    counted_at: datetime
    title: str = ""
    room: str = ""
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    minutes: float | None = None
    held: Held = Held.UNKNOWN
    session_ids: tuple[str, ...] = ()
    words: int | None = None
    people: tuple[ClassPersonRow, ...] = ()

    @property
    def identity(self) -> str:
        """What tells it from others of its account."""
        return self.class_key

    @property
    def knowledge(self) -> int:
        """Of two rows of a class the one with more sessions counts."""
        return len(self.session_ids)

    def counts(self) -> dict[str, int]:
        """Return how many people were expected, and how many were present, late or absent of them."""
        expected = [one for one in self.people if one.expected]
        return {
            "expected": len(expected),
            **{name: sum(one.status == name for one in expected) for name in ("present", "late", "absent")},
        }

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "platform": self.platform,
            "conn_id": self.conn_id,
            "class_key": self.class_key,
            "counted_at": format_time(self.counted_at),
            "title": self.title,
            "room": self.room,
            "planned_start": format_optional_time(self.planned_start),
            "planned_end": format_optional_time(self.planned_end),
            "started_at": format_optional_time(self.started_at),
            "ended_at": format_optional_time(self.ended_at),
            "minutes": self.minutes,
            "held": self.held.value,
            "sessions": len(self.session_ids),
            "session_ids": list(self.session_ids),
            **self.counts(),
            "words": self.words,
            "people": [one.to_json() for one in self.people],
        }
