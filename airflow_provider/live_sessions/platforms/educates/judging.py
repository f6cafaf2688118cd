"""From what was seen of a class's sessions to the class's state. Pure.

Educates keeps nothing after the end: no end time, no reason, no history. What a wait did not see for itself it
does not know, and says so (PLATFORM-RULES, "A wait remembers"). Only RUNNING means that somebody opened the link;
``started``, ``expires`` and ``countdown`` are there before anybody came.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.status import Absence, Held, Seen, SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.educates.models import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.educates.models import Schedule, SessionRow
    from airflow_provider.live_sessions.platforms.educates.seats import Seat

BLIND = timedelta(seconds=360)
"""The longest gap between two looks after which a session that is gone is still told from one that was held in
between: longer than the poll's longest pause."""


class Fate(StrEnum):
    """What became of one seat."""

    WAITING = "not yet come"
    CLOSING = "being ended"
    IN = "in"
    FINISHED = "finished"
    LAPSED = "not come in time"
    TERMINATED = "ended before anybody came"
    UNKNOWN = "gone, and whether they came is not known"

    @property
    def gone(self) -> bool:
        """True when the portal no longer has the session."""
        return self not in (Fate.WAITING, Fate.CLOSING, Fate.IN)


@dataclass(slots=True)
class Sighting:
    """What was seen of one seat.

    Args:
        pending_at: When it was last seen with nobody in; the launch's own time before the first look.
        window_start: When its activation window began, as last seen.
        window_end: When that ends; None for no bound.
        phase: The state seen last; None before the first look.
        came: Whether it was seen running.
        doubtful: Whether it was seen stopping in a way that fits both a use and none.
        activated_at: When it was activated, where that was seen.
        gone_at: When it was found gone.
        stranger: Whether its name belongs to somebody else now.
    """

    pending_at: datetime
    window_start: datetime | None = None
    window_end: datetime | None = None
    phase: Phase | None = None
    came: bool = False
    doubtful: bool = False
    activated_at: datetime | None = None
    gone_at: datetime | None = None
    stranger: bool = False

    @classmethod
    def of(cls, seat: Seat, requested_at: datetime) -> Sighting:
        """Begin with what the launch knew."""
        return cls(requested_at, seat.started, seat.expires)

    def observe(self, row: SessionRow | Schedule, now: datetime) -> None:
        """Take in what the portal says of the session."""
        phase = self.phase = row.phase
        if phase is Phase.RUNNING:
            self.came, self.activated_at = True, row.started
        elif phase.pending:
            self.pending_at, self.window_start, self.window_end = now, row.started, row.expires
            self.doubtful = False
        elif not self.came:
            # An activation sets `started` anew, and so does a repeated request; the same one rules both out.
            self.doubtful = row.started is None or row.started != self.window_start

    def lose(self, now: datetime, *, stranger: bool = False) -> None:
        """Take in that the portal no longer has the session."""
        self.gone_at = self.gone_at or now
        self.stranger = stranger

    @property
    def fate(self) -> Fate:
        """What became of the seat, as far as anybody can know."""
        if self.gone_at is None:
            if self.came:
                return Fate.IN
            return Fate.CLOSING if self.phase is Phase.STOPPING else Fate.WAITING
        if self.came:
            return Fate.FINISHED
        if self.stranger or self.doubtful or self.phase is None:
            return Fate.UNKNOWN  # also who was gone at the first look: the launch saw nothing of it
        if self.phase is Phase.STOPPING:
            return Fate.TERMINATED  # an expiry never shows STOPPING
        if self.gone_at - self.pending_at > BLIND:
            return Fate.UNKNOWN
        if self.window_end is not None and self.gone_at >= self.window_end:
            return Fate.LAPSED
        return Fate.TERMINATED


def judge(seats: Sequence[Seat], sightings: Sequence[Sighting], seen: Seen, now: datetime) -> SessionStatus:
    """Say how a class stands.

    Args:
        seats: Its seats.
        sightings: What was seen of each, in the same order.
        seen: What the wait remembers.
        now: The portal's time.
    """
    fates = [one.fate for one in sightings]
    came = frozenset(seat.user for seat, one in zip(seats, sightings, strict=True) if one.came)
    starts = [one.activated_at for one in sightings if one.activated_at is not None]
    # When it was found gone is when it ended only for who looked before as well.
    ends = [one.gone_at for one in sightings if one.gone_at is not None and one.came and one.phase is not None]
    used = bool(came) or seen.first_live is not None
    tally = _tally(fates)

    def status(state: State, held: Held, why: str, absence: Absence | None = None) -> SessionStatus:
        return SessionStatus(
            state=state,
            held=held,
            why=why,
            observed_at=now,
            started_at=min(starts, default=None),
            ended_at=max(ends) if ends and state is State.ENDED else None,
            session_ids=tuple(seat.session for seat in seats),
            # Who is gone without having been seen may have come: then nobody can be counted.
            people=None if Fate.UNKNOWN in fates else len(came),
            present=came,
            absence=absence,
        )

    if not all(fate.gone for fate in fates):
        if used:
            return status(State.LIVE, Held.YES, tally)
        if now >= seen.deadline and Fate.UNKNOWN not in fates:
            return status(
                State.NEVER_HELD,
                Held.NO,
                f"Nobody had come by {format_time(seen.deadline)}. {tally}",
                Absence.NOBODY,
            )
        return status(State.SCHEDULED, Held.UNKNOWN, tally)
    if used:
        return status(State.ENDED, Held.YES, tally)
    if Fate.UNKNOWN in fates or not fates:
        return status(State.ENDED, Held.UNKNOWN, tally)
    if Fate.LAPSED in fates:
        return status(State.NEVER_HELD, Held.NO, tally, Absence.NOBODY)
    return status(State.CANCELLED, Held.NO, tally)


def _tally(fates: Iterable[Fate]) -> str:
    counted = Counter(fates)
    told = ", ".join(f"{count} {fate}" for fate, count in counted.items())
    learners = "1 learner" if counted.total() == 1 else f"{counted.total()} learners"
    return f"Of {learners}: {told}." if counted else "It has no sessions."
