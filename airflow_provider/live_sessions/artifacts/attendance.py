"""Who was there, from when, how long: one row a person, expected or not.

A platform tells who came in and who left; the plan tells who was expected. A row is made for each expected
person, whether they came or not, and for each other person who did. What the platform did not tell stays
``unknown``: nobody is called absent for want of data.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.intervals import total, unite
from airflow_provider.live_sessions.core.times import aware, format_optional_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider.live_sessions.core.models import Participant

LATE_AFTER_SECONDS = 300


class Attendance(enum.StrEnum):
    """Whether a person was there."""

    PRESENT = "present"
    LATE = "late"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Stay:
    """One time a person was inside.

    Args:
        joined: When they came in.
        left: When they left; None where the platform shows no leave.
    """

    joined: datetime
    left: datetime | None


@dataclass(frozen=True, slots=True)
class Presence:
    """One person as the platform saw them.

    Args:
        platform_user_id: The platform's id of the person, as text; may be empty.
        stays: When they were inside; empty where the platform names the person without times.
        participant_id: The expected participant this is, where the launch knows; empty for others.
        name: The name the platform shows.
        role: The platform's word for their part.
        note: What a reader should know, one sentence (e.g. that times are an upper bound).
    """

    platform_user_id: str
    stays: tuple[Stay, ...] = ()
    participant_id: str = ""
    name: str = ""
    role: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class AttendanceRow:
    """One line of the table.

    Args:
        participant_id: The caller's id of an expected person; empty for others.
        platform_user_id: The platform's id; several are joined by ``;``.
        name: The planned name, else the platform's, else ``Guest`` and the beginning of the platform's id.
        role: The planned role, else the platform's.
        expected: True when the plan names the person.
        first_joined: When they first came in.
        last_left: When they last left; None too when they were never seen to leave.
        seconds_present: Time inside, overlaps (two devices) counted once, in whole seconds.
        joins: How often they came in, a second device not counted.
        late_seconds: Whole seconds between the planned start and the first join, 0 when in time; None when
            they never came or the time is not known.
        status: Whether they were there. Only expected people are ``late`` or ``absent``.
        note: What a reader should know, in sentences.
    """

    participant_id: str
    platform_user_id: str
    name: str
    role: str
    expected: bool
    first_joined: datetime | None
    last_left: datetime | None
    seconds_present: int
    joins: int
    late_seconds: int | None
    status: Attendance
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""
        return {
            "participant_id": self.participant_id,
            "platform_user_id": self.platform_user_id,
            "name": self.name,
            "role": self.role,
            "expected": self.expected,
            "first_joined": format_optional_time(self.first_joined),
            "last_left": format_optional_time(self.last_left),
            "seconds_present": self.seconds_present,
            "joins": self.joins,
            "late_seconds": self.late_seconds,
            "status": self.status.value,
            "note": self.note,
        }


def build_rows(
    presences: Iterable[Presence],
    expected: Sequence[Participant],
    *,
    planned_start: datetime,
    ended_at: datetime | None = None,
    late_after: float = LATE_AFTER_SECONDS,
    complete: bool = True,
) -> list[AttendanceRow]:
    """Make the table: expected people in the plan's order, then the others by arrival.

    Several presences of one participant, or of one platform id, are one person.

    Args:
        presences: Who the platform saw.
        expected: Who was planned.
        planned_start: Planned start; lateness counts from here.
        ended_at: When the session ended. It closes stays without a leave; where it is None they stay open and
            add nothing to the seconds.
        late_after: Seconds after the planned start up to which a person is in time.
        complete: False when the platform may have seen people it does not tell of; those expected and not
            seen are then ``unknown``, not ``absent``.

    Raises:
        ConfigurationError: A time is naive.
    """
    start = aware(planned_start)
    end = None if ended_at is None else aware(ended_at)
    known = {person.id for person in expected}
    came: dict[str, list[Presence]] = {}
    others: dict[tuple[str, int], list[Presence]] = {}
    for number, presence in enumerate(presences):
        if presence.participant_id in known:
            came.setdefault(presence.participant_id, []).append(presence)
        else:
            # Without an id, two presences are two people.
            ident = presence.platform_user_id
            others.setdefault((ident, 0 if ident else number), []).append(presence)
    rows = [
        _row(came.get(person.id, []), person, start=start, end=end, late_after=late_after, complete=complete)
        for person in expected
    ]
    strangers = [
        _row(seen, None, start=start, end=end, late_after=late_after, complete=complete)
        for seen in others.values()
    ]
    return rows + sorted(strangers, key=_by_arrival)


def counts(rows: Iterable[AttendanceRow]) -> dict[str, int]:
    """Return the figures for a manifest: rows, expected, unexpected, and each status among the expected."""
    return recount(row.to_json() for row in rows)


def recount(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return the same figures of rows as :meth:`AttendanceRow.to_json` wrote them."""
    listed = list(rows)
    expected = [row for row in listed if row["expected"] is True]
    return {
        "rows": len(listed),
        "expected": len(expected),
        "unexpected": len(listed) - len(expected),
        **{status.value: sum(row["status"] == status.value for row in expected) for status in Attendance},
    }


def _row(
    presences: Sequence[Presence],
    person: Participant | None,
    *,
    start: datetime,
    end: datetime | None,
    late_after: float,
    complete: bool,
) -> AttendanceRow:
    ids = sorted({one.platform_user_id for one in presences if one.platform_user_id})
    stays = [stay for one in presences for stay in one.stays]
    notes = [one.note for one in presences if one.note]
    row = AttendanceRow(
        participant_id=person.id if person else "",
        platform_user_id=";".join(ids),
        name=(person.name if person else "") or _first(one.name for one in presences) or _guest(ids),
        role=(person.role if person else "") or _first(one.role for one in presences),
        expected=person is not None,
        first_joined=None,
        last_left=None,
        seconds_present=0,
        joins=0,
        late_seconds=None,
        status=Attendance.UNKNOWN,
    )
    if stays:
        row = _timed(row, stays, notes, start=start, end=end, late_after=late_after)
    elif presences:
        notes.append("The platform names this person without times.")
    elif complete:
        row = replace(row, status=Attendance.ABSENT)
    else:
        notes.append("The platform may have seen this person and does not tell.")
    return replace(row, note=" ".join(dict.fromkeys(notes)))


def _timed(
    row: AttendanceRow,
    stays: Sequence[Stay],
    notes: list[str],
    *,
    start: datetime,
    end: datetime | None,
    late_after: float,
) -> AttendanceRow:
    open_ended = any(stay.left is None for stay in stays)
    if open_ended:
        notes.append(
            "No leave was seen; the time is not counted to its end."
            if end is None
            else "No leave was seen; counted to the end of the session."
        )
    closed = unite((stay.joined, stay.left or end or stay.joined) for stay in stays)
    last_left = None if open_ended and end is None else closed[-1][1]
    if last_left is not None and last_left <= start:
        notes.append("Left before the planned start.")
    late = max(0.0, (closed[0][0] - start).total_seconds())
    return replace(
        row,
        first_joined=closed[0][0],
        last_left=last_left,
        seconds_present=round(total(closed).total_seconds()),
        joins=len(closed),
        late_seconds=round(late),
        status=Attendance.LATE if row.expected and late > late_after else Attendance.PRESENT,
    )


def _first(texts: Iterable[str]) -> str:
    return next((text.strip() for text in texts if text.strip()), "")


def _guest(ids: Sequence[str]) -> str:
    # Not numbered: a number would move to another person when a repeat sees one guest more.
    return f"Guest {ids[0][:8]}" if ids else "Guest"


def _by_arrival(row: AttendanceRow) -> tuple[datetime, str, str]:
    return (row.first_joined or datetime.max.replace(tzinfo=UTC), row.platform_user_id, row.name)
