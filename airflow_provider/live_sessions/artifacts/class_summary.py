"""A class in one row, computed from its sessions' rows, what was said in them, and what was planned. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.attendance import (
    LATE_AFTER_SECONDS,
    Attendance,
    AttendanceRow,
    Presence,
    Stay,
    build_rows,
)
from airflow_provider.live_sessions.core.class_rows import ClassPersonRow, ClassRow
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.core.times import LATEST, parse_optional_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.class_plans import ClassPlan


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one speaker said in a class.

    Args:
        speaker_id: The platform's id; may be empty.
        participant_id: The caller's own id; may be empty.
        speaker: The name.
        words: How many words.
        segments: In how many segments.
    """

    speaker_id: str
    participant_id: str
    speaker: str
    words: int
    segments: int

    @property
    def person_id(self) -> str:
        """Who it is, as sessions' rows name people without an id."""
        return self.speaker_id or f"name:{self.speaker}"


def class_key(session: Mapping[str, Any]) -> str:
    """Return what tells the class of a session: its launch key, or itself where it was made elsewhere."""
    return str(session["launch_key"] or session["session_id"])


def summarise(
    sessions: Sequence[Mapping[str, Any]],
    spoken: Sequence[Spoken] = (),
    plan: ClassPlan | None = None,
    *,
    late_after: float = LATE_AFTER_SECONDS,
) -> ClassRow:
    """Return a class's row.

    Where nothing was kept of the plan, a platform that tells planned times (Coviu) names those invited, and they
    are the plan; else nobody is late or absent, ``expected`` of each of its people is None, the class's own is 0.

    Args:
        sessions: All its sessions, as an export wrote them; at least one, in any order.
        spoken: What was said, one entry a speaker; empty where there is no transcript.
        plan: What was planned, where it was kept.
        late_after: Seconds after the planned start up to which a person is in time.
    """
    ordered = sorted(sessions, key=lambda row: (parse_time(row["counted_at"]), row["session_id"]))
    last = ordered[-1]
    invited = plan is None and any(row["planned_start"] for row in ordered)
    planned = plan is not None or invited
    start = plan.start if plan else _edge(ordered, "planned_start", min)
    started, ended = _edge(ordered, "started_at", min), _edge(ordered, "ended_at", max)
    people = _people(ordered, plan, invited=invited, start=start or started, ended=ended, late_after=late_after)
    minutes = [row["minutes"] for row in ordered if row["minutes"] is not None]
    return ClassRow(
        platform=last["platform"],
        conn_id=last["conn_id"],
        class_key=class_key(last),
        counted_at=parse_time(last["counted_at"]),
        title=(plan.title if plan else "") or last["title"],
        room=last["room"],
        planned_start=start,
        planned_end=plan.end if plan else _edge(ordered, "planned_end", max),
        started_at=started,
        ended_at=ended,
        minutes=round(sum(minutes), 3) if minutes else None,
        held=_held(ordered),
        session_ids=tuple(row["session_id"] for row in ordered),
        words=sum(one.words for one in spoken) if spoken else None,
        people=tuple(_lines(people, ordered, spoken, planned=planned, timed=start is not None)),
    )


def _people(
    sessions: Sequence[Mapping[str, Any]],
    plan: ClassPlan | None,
    *,
    invited: bool,
    start: datetime | None,
    ended: datetime | None,
    late_after: float,
) -> list[AttendanceRow]:
    """Return who was expected and who came, by the rules of the attendance table."""
    own_ids = plan.user_ids if plan else {}
    expected = {one.id: one for one in plan.people} if plan else {}
    presences = []
    for session in sessions:
        for person in session["participants"]:
            own = person["participant_id"]
            own = own_ids.get(person["person_id"]) or own_ids.get(own) or own
            # Screenleap tells of a presenter no id of ours; the launch keeps one under the role, in brackets.
            own = own or own_ids.get(f"({person['role']})", "")
            joined = parse_optional_time(person["joined_at"])
            if invited:
                own = own or person["person_id"]
                expected.setdefault(own, Participant(own, person["name"], role=person["role"]))
            if joined is None and session["planned_start"] is not None:
                continue  # such a platform names everybody who was invited
            stays = () if joined is None else (Stay(joined, parse_optional_time(person["left_at"])),)
            presences.append(Presence(person["person_id"], stays, own, person["name"], person["role"]))
    return build_rows(
        presences,
        list(expected.values()),
        planned_start=start or LATEST,
        ended_at=ended,
        late_after=late_after,
        complete=all(session["attendance_known"] for session in sessions) and (plan is None or plan.told),
    )


def _lines(
    people: Sequence[AttendanceRow],
    sessions: Sequence[Mapping[str, Any]],
    spoken: Sequence[Spoken],
    *,
    planned: bool,
    timed: bool,
) -> Iterable[ClassPersonRow]:
    """Yield a line for each person, then one for each voice that no session names."""
    inside = _minutes(sessions)
    left = list(spoken)
    for row in people:
        ids = [one for one in row.platform_user_id.split(";") if one]
        said = [one for one in left if one.person_id in ids or (one.participant_id or None) == row.participant_id]
        left = [one for one in left if one not in said]
        late = row.late_seconds if planned and timed else None
        yield ClassPersonRow(
            person_id=row.platform_user_id,
            participant_id=row.participant_id or next((one.participant_id for one in said), ""),
            name=row.name,
            role=row.role,
            expected=row.expected if planned else None,
            status=_status(row, timed=timed).value,
            joined_at=row.first_joined,
            left_at=row.last_left,
            minutes=_minutes_of(row, ids, inside),
            late_minutes=None if late is None else round(late / 60, 3),
            words=sum(one.words for one in said) if spoken else None,
            segments=sum(one.segments for one in said) if spoken else None,
        )
    for one in left:
        yield ClassPersonRow(
            person_id=one.person_id,
            participant_id=one.participant_id,
            name=one.speaker,
            expected=False if planned else None,
            status=Attendance.PRESENT.value,
            words=one.words,
            segments=one.segments,
        )


def _status(row: AttendanceRow, *, timed: bool) -> Attendance:
    return Attendance.PRESENT if row.status is Attendance.LATE and not timed else row.status


def _minutes(sessions: Iterable[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    """Return the minutes inside of each person with an id, session by session; None where one does not tell."""
    inside: dict[str, list[float | None]] = {}
    for session in sessions:
        for person in session["participants"]:
            invited = session["planned_start"] is not None and person["joined_at"] is None
            if person["person_id"] and not (invited and session["attendance_known"]):
                inside.setdefault(person["person_id"], []).append(person["minutes"])
    return inside


def _minutes_of(
    row: AttendanceRow, ids: Iterable[str], inside: Mapping[str, Sequence[float | None]]
) -> float | None:
    told = [minutes for one in ids for minutes in inside.get(one, ())]
    known = [minutes for minutes in told if minutes is not None]
    if len(known) < len(told) and (known or len(told) > 1):
        return None  # a part is not the whole
    if known:
        # Two devices were inside at once: the time that their stays cover together is counted once.
        covered = row.seconds_present / 60 if len(known) > 1 and row.last_left is not None else math.inf
        return round(min(sum(known), covered), 3)
    if row.status is Attendance.ABSENT:
        return 0.0
    return None if row.last_left is None else round(row.seconds_present / 60, 3)


def _held(sessions: Iterable[Mapping[str, Any]]) -> Held:
    told = {Held(session["held"]) for session in sessions}
    if Held.YES in told:
        return Held.YES
    return Held.UNKNOWN if Held.UNKNOWN in told else Held.NO


def _edge(
    sessions: Iterable[Mapping[str, Any]], column: str, choose: Callable[[list[datetime]], datetime]
) -> datetime | None:
    moments = [parse_time(row[column]) for row in sessions if row[column] is not None]
    return choose(moments) if moments else None
