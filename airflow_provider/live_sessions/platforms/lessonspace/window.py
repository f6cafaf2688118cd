"""A session is not a class: from the sessions of a space, inside a class's window, to the class's state.

Pure. Lessonspace ends a session when everybody has been offline for half a minute, makes one for a teacher's
early test, and reuses a reserved session id across classes (PLATFORM-RULES, "a session is not a class"). So a
class is judged by everything that happened in its space inside its window, never by one session id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.status import Absence, Held, Seen, SessionStatus, State, empty_for_now
from airflow_provider.live_sessions.core.times import parse_time, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

COMPANY = 2
"""Distinct people that make a class out of a presence."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One session of Lessonspace, reduced to what the judgement needs.

    Args:
        uuid: The session's id.
        start: When the first connection came.
        end: When it ended; None while in progress.
        people: Distinct people seen in it.
    """

    uuid: str
    start: datetime
    end: datetime | None
    people: frozenset[str]

    @classmethod
    def of(cls, row: Session) -> Stretch | None:
        """Reduce a row; one without a start has not begun and tells nothing."""
        return None if row.start_time is None else cls(row.uuid, row.start_time, row.end_time, row.people)


@dataclass(frozen=True, slots=True)
class Window:
    """When what happens in the space belongs to the class.

    Args:
        start: Planned start less the lead.
        end: Planned end plus the grace.
    """

    start: datetime
    end: datetime

    @classmethod
    def of(cls, ref: SessionRef) -> Window:
        """Read the window from a ref."""
        return cls(parse_time(ref.detail("window_start")), parse_time(ref.detail("window_end")))

    @classmethod
    def around(cls, start: datetime, end: datetime, *, lead: float, grace: float) -> Window:
        """Make the window of a plan; lead and grace in seconds."""
        return cls(start - timedelta(seconds=lead), end + timedelta(seconds=grace))

    def holds(self, stretch: Stretch) -> bool:
        """Return whether the stretch touches the window."""
        return stretch.start <= self.end and (stretch.end is None or stretch.end >= self.start)


def judge(stretches: Iterable[Stretch], seen: Seen, now: datetime, *, cancelled: bool = False) -> SessionStatus:
    """Say how a class stands.

    Args:
        stretches: The sessions of its space inside its window, in any order.
        seen: What the wait remembers: planned end, settle and deadline count.
        now: The platform's time.
        cancelled: Whether the space carries our cancel mark.
    """
    rows = sorted(stretches, key=lambda one: (one.start, one.uuid))
    people = frozenset[str]().union(*(row.people for row in rows))
    running = [row for row in rows if row.end is None]
    company = any(len(row.people) >= COMPANY for row in rows)
    ends = [row.end for row in rows if row.end is not None]

    def status(state: State, held: Held, why: str, absence: Absence | None = None) -> SessionStatus:
        return SessionStatus(
            state=state,
            held=held,
            why=why,
            observed_at=now,
            started_at=rows[0].start if rows else None,
            ended_at=max(ends) if ends and not running else None,
            session_ids=tuple(row.uuid for row in rows),
            people=len(people),
            present=people,
            absence=absence,
        )

    if running:
        held = Held.YES if company else Held.UNKNOWN
        return status(State.LIVE, held, f"{_count(people)} seen, the session is in progress.")
    if company:
        return _after_company(status, max(ends), seen, now)
    if cancelled:
        return status(State.CANCELLED, Held.NO, "It was cancelled; its space is marked so.")
    several = len(people) > 1  # one after the other
    who = f"{len(people)} people were in, each alone" if several else "One person was in alone"
    alone = f"{who}, {told(rows[0].start)} to {told(max(ends))}" if rows else ""
    if now < seen.deadline:
        if rows:
            awaited = "two together are" if several else "a second is"
            return status(State.SCHEDULED, Held.UNKNOWN, f"{alone}; {awaited} waited for.")
        return status(State.SCHEDULED, Held.UNKNOWN, "Nobody has come yet.")
    if rows:
        return status(State.NEVER_HELD, Held.NO, f"{alone}.", Absence.ALONE)
    return status(State.NEVER_HELD, Held.NO, "Nobody came.", Absence.NOBODY)


def _after_company(status: _StatusMaker, last_end: datetime, seen: Seen, now: datetime) -> SessionStatus:
    settled = last_end + timedelta(seconds=seen.settle)
    if last_end >= seen.planned_end:
        return status(State.ENDED, Held.YES, f"It ended at {told(last_end)}.")
    if now >= settled:
        return status(State.ENDED, Held.YES, f"Everybody left at {told(last_end)} and nobody came back.")
    if now >= seen.deadline:
        return status(State.ENDED, Held.YES, f"Everybody had left at {told(last_end)}.")
    return status(State.LIVE, Held.YES, empty_for_now(last_end, min(settled, seen.deadline)))


def _count(people: frozenset[str]) -> str:
    return "1 person" if len(people) == 1 else f"{len(people)} people"


if TYPE_CHECKING:
    from typing import Protocol

    class _StatusMaker(Protocol):
        def __call__(
            self, state: State, held: Held, why: str, absence: Absence | None = None
        ) -> SessionStatus: ...
