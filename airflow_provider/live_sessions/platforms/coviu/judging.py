"""From a session's times to its state: Coviu has no status. Pure (``apis/coviu.md`` section 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.status import Absence, Held, SessionStatus, State, empty_for_now
from airflow_provider.live_sessions.core.times import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.platforms.coviu.models import Session, Summary


@dataclass(frozen=True, slots=True)
class Sighting:
    """A session as Coviu showed it last, reduced to what the judgement needs.

    Args:
        session_id: Its id.
        start: When it opens.
        end: When it closes.
        actual_end: When its last participant left, where Coviu says so.
    """

    session_id: str
    start: datetime
    end: datetime
    actual_end: datetime | None = None

    @classmethod
    def of(cls, row: Session) -> Sighting:
        """Reduce a session."""
        return cls(row.session_id, row.start_time, row.end_time, row.actual_end_time)


def judge(sighting: Sighting, now: datetime, *, settle: float, grace: float) -> SessionStatus:
    """Say how a session stands that was not cancelled.

    LIVE means that it is open, not that people are inside: no list tells that. The call counts as over when its
    recorded end is at or after the planned one, or has stood for ``settle``; else the clock decides.

    Args:
        sighting: How Coviu showed it.
        now: Coviu's time.
        settle: Seconds for which a recorded end before the planned one must stand.
        grace: Seconds after the planned end when it is over without a word from Coviu.
    """
    left = sighting.actual_end

    def status(state: State, held: Held, why: str) -> SessionStatus:
        ended = None if state is State.SCHEDULED else left
        return SessionStatus(state, held, why, now, ended_at=ended, session_ids=(sighting.session_id,))

    if left is not None and (left >= sighting.end or now >= left + timedelta(seconds=settle)):
        return status(State.ENDED, Held.YES, f"The last participant left at {told(left)}.")
    if now < sighting.start:
        return status(State.SCHEDULED, Held.UNKNOWN, f"It opens at {told(sighting.start)}.")
    if now < sighting.end + timedelta(seconds=grace):
        if left is not None:
            over_at = min(left + timedelta(seconds=settle), sighting.end + timedelta(seconds=grace))
            return status(State.LIVE, Held.YES, empty_for_now(left, over_at))
        until = told(sighting.end)
        return status(
            State.LIVE, Held.UNKNOWN, f"It is open until {until}; whether people are inside is not told."
        )
    held = Held.UNKNOWN if left is None else Held.YES
    return status(State.ENDED, held, f"Its time was over at {told(sighting.end)}.")


def gone(session_id: str, now: datetime, *, was_live: bool) -> SessionStatus:
    """Return the status of a session that this account can no longer read: it was cancelled.

    Args:
        session_id: Its id.
        now: Coviu's time.
        was_live: Whether it was seen open before; then whether it was held is not known.
    """
    held = Held.UNKNOWN if was_live else Held.NO
    return SessionStatus(
        State.CANCELLED, held, "It was cancelled: Coviu no longer shows it.", now, session_ids=(session_id,)
    )


def with_summary(status: SessionStatus, summary: Summary, states: Mapping[str, str]) -> SessionStatus:
    """Add to the status of a session that is over who its summary says was there.

    No entry is a no-show. One entry alone is neither: two people may share a link, so it stays ``unknown``.

    Args:
        status: As :func:`judge` gave it.
        summary: The session's summary.
        states: The user's state for each participant id.
    """
    came = summary.came
    entries = [one.entry_time for one in came if one.entry_time is not None]
    exits = [one.left_at for one in came if one.left_at is not None]
    ended = status.ended_at or summary.actual_end_time or (max(exits) if len(exits) == len(came) > 0 else None)
    if not came and ended is None and status.state.over:
        return replace(
            status,
            state=State.NEVER_HELD,
            held=Held.NO,
            why="Nobody came: its summary shows no entry.",
            people=0,
            absence=Absence.NOBODY,
        )
    seen = frozenset(states.get(one.participant_id.get_secret_value(), "") for one in came) - {""}
    held = Held.YES if len(came) > 1 else Held.UNKNOWN
    who = {0: "nobody by name", 1: "one participant"}.get(len(came), f"{len(came)} participants")
    return replace(
        status,
        held=held,
        why=f"{status.why} Its summary shows {who}.",
        started_at=min(entries, default=None),
        ended_at=ended,
        people=len(came),
        present=seen,
    )
