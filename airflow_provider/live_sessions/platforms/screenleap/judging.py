"""From what Screenleap shows of a share to how it stands. Pure.

``isActive`` is never a status: it is false while the presenter waits for a viewer and true for minutes after the
end ("Share Session JSON"). A share has started when it has a ``startTime`` and ended when it has an ``endTime``;
an end may be undone for 5 minutes after a crash (``apis/screenleap.md`` section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.status import Absence, Held, Seen, SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.screenleap.models import Share

PRESENTER_ID = "(presenter)"
"""Stands for the presenter among the people seen: Screenleap gives a presenter no external id."""

RETENTION = timedelta(seconds=300)
"""How long an ended share stays in the recent list, and how long a crash can be undone."""

SETTLE = RETENTION.total_seconds()
"""Seconds that an end must stand before it is final."""

LONGEST_INTERVAL = 120.0
"""Seconds between two polls at most: one that comes less often may miss an end altogether."""

BLIND = timedelta(seconds=900)
"""How long the lists may both be silent about a share that ended: no document says, so this is our patience."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A share that neither the recent list nor a direct read shows.

    Args:
        since: When it was first missed.
        last_known: When it, or the list it would have been in, was last seen; None for never.
        started: Whether it had been seen started.
        watched: Whether a viewer had been seen.
    """

    since: datetime
    last_known: datetime | None
    started: bool
    watched: bool


def held(share: Share) -> Held:
    """Return whether a share that was started took place: with a viewer."""
    return {True: Held.YES, False: Held.NO, None: Held.UNKNOWN}[share.watched]


def judge(share: Share, seen: Seen, now: datetime, *, listed: bool, digest: str) -> SessionStatus:
    """Say how a share stands.

    Args:
        share: What the recent list, a direct read or the history shows.
        seen: What the wait remembers: deadline, planned end and settle count.
        now: The platform's time.
        listed: Whether the recent list shows it.
        digest: Stands for the code.
    """

    def status(state: State, how: Held, why: str, absence: Absence | None = None) -> SessionStatus:
        people = present(share)
        return SessionStatus(
            state=state,
            held=how,
            why=why,
            observed_at=now,
            started_at=share.started_at,
            ended_at=share.ended_at,
            session_ids=(digest,),
            people=count(share),
            present=people,
            absence=absence,
        )

    if share.started_at is None:
        if share.ended_at is not None:
            return status(State.CANCELLED, Held.NO, "It was stopped before anybody started it.")
        return _unstarted(status, seen, now, listed=listed)
    if share.ended_at is None:
        return status(State.LIVE, held(share), f"It is being presented; {_audience(share)}.")
    told = format_time(share.ended_at)
    # Out of the list the 5 minutes are over, unless the list lags: they are waited for in any case.
    patience = timedelta(seconds=seen.settle if listed else min(seen.settle, SETTLE))
    if now - share.ended_at < patience:
        return status(State.LIVE, held(share), f"It ended at {told}; for a while it may be reopened.")
    return status(State.ENDED, held(share), f"It ended at {told}; {_audience(share)}.")


def judge_gone(gone: Gone, seen: Seen, now: datetime, *, digest: str) -> SessionStatus:
    """Say how a share stands that cannot be read any more: only from what was seen of it.

    Args:
        gone: Since when, and what was known.
        seen: What the wait remembers.
        now: The platform's time.
        digest: Stands for the code.
    """

    def status(state: State, how: Held, why: str, absence: Absence | None = None) -> SessionStatus:
        return SessionStatus(state, how, why, now, session_ids=(digest,), absence=absence)

    lived = gone.started or seen.first_live is not None
    if now - gone.since < BLIND:
        state = State.LIVE if lived else State.SCHEDULED
        return status(
            state, Held.UNKNOWN, f"No list shows it since {format_time(gone.since)}; it is looked for again."
        )
    if lived:
        how = Held.YES if gone.watched else Held.UNKNOWN
        return status(State.ENDED, how, "It was seen live and has left every list; its end is not told.")
    if gone.last_known is not None and gone.since - gone.last_known <= RETENTION:
        return status(State.NEVER_HELD, Held.NO, "It left the list without having been started.", Absence.NOBODY)
    return status(
        State.ENDED,
        Held.UNKNOWN,
        "It has left every list, and nobody looked for longer than an ended share stays listed.",
    )


def present(share: Share) -> frozenset[str]:
    """Return who was seen, as the launch named them; nobody before the start."""
    if share.started_at is None:
        return frozenset()
    return frozenset({PRESENTER_ID, *(one.external_id for one in share.viewers if one.external_id)})


def count(share: Share) -> int | None:
    """Return how many people were seen, None where that is not told.

    A viewer who comes back is one person where the link named them; the platform's own count is too high then.
    """
    if share.started_at is None:
        return 0
    if share.participants:
        viewers = {one.external_id or one.id or str(number) for number, one in enumerate(share.viewers)}
        return 1 + len(viewers)
    return None if share.total_viewers is None else 1 + share.total_viewers


def _unstarted(status: _StatusMaker, seen: Seen, now: datetime, *, listed: bool) -> SessionStatus:
    if now >= seen.deadline:
        return status(State.NEVER_HELD, Held.NO, "Nobody started it.", Absence.NOBODY)
    if listed:
        return status(State.SCHEDULED, Held.UNKNOWN, "It waits for its presenter.")
    # Whether a code that left the list can still be started is not documented; before its time, it may.
    if now >= seen.planned_end:
        why = "It left the list without having been started, and its time is over."
        return status(State.NEVER_HELD, Held.NO, why, Absence.NOBODY)
    return status(State.SCHEDULED, Held.UNKNOWN, "It left the list without having been started; it may still be.")


def _audience(share: Share) -> str:
    known = count(share)
    if share.watched is None:
        return "whether anybody watches is not told"
    if not share.watched:
        return "nobody watched"
    return "somebody watched" if known is None or known < 2 else f"{known - 1} watched"


if TYPE_CHECKING:
    from typing import Protocol

    class _StatusMaker(Protocol):
        def __call__(self, state: State, how: Held, why: str, absence: Absence | None = None) -> SessionStatus: ...
