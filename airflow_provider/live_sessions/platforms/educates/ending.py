"""Ending sessions on purpose: each one's owner checked, terminated, and watched until it is gone.

A 404 is the only "ended" that the portal knows, so it is also the only proof that a termination worked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import LiveSessionError, NotFound, OutcomeUnknown, Refused
from airflow_provider.live_sessions.core.models import CancelOutcome, People
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.educates.client import STANDING
from airflow_provider.live_sessions.platforms.educates.models import Phase
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from airflow_provider.live_sessions.platforms.educates.watching import sessions_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
    from airflow_provider.live_sessions.platforms.educates.launching import Patience
    from airflow_provider.live_sessions.platforms.educates.models import Schedule, SessionRow
    from airflow_provider.live_sessions.platforms.educates.seats import Seat

REDEPLOYED = "The portal was deployed anew since, so the sessions went with it; its new ones were left alone."
SHARED = (
    "Another launch may have made these sessions, or share them (users='learner'); they are ended only with "
    "force=True."
)


@dataclass(slots=True)
class _Tally:
    ended: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    going: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    inside: bool = False


def end_sessions(
    client: EducatesClient,
    ref: SessionRef,
    *,
    patience: Patience,
    learners: Collection[str] | None = None,
    live: bool = True,
    force: bool = False,
) -> CancelOutcome:
    """End a class's sessions.

    Args:
        client: The portal's client.
        ref: The class.
        patience: How long a session may take to go.
        learners: Only these participants' sessions; None is all of them.
        live: Also end sessions that somebody has opened; otherwise they are left alone.
        force: Also end sessions that other launches may share.

    Raises:
        LiveSessionError: How the sessions stand cannot be read; nothing was ended.
    """
    seats = seats_of(ref, learners)
    catalogue = client.environments(sessions=True, states=STANDING)
    if catalogue.portal.uid != ref.detail("portal_uid"):
        return CancelOutcome(State.ENDED, done=(REDEPLOYED,), confirmed=True, people_inside=People.NO)
    rows = sessions_of(catalogue)
    standing = {seat: _standing(client, seat, rows) for seat in seats}
    before = _state(standing)
    open_until = [row.expires for row in standing.values() if row is not None and row.expires is not None]
    unbounded = any(row is not None and row.expires is None for row in standing.values())
    if ref.detail("shared") and not force and not before.over:
        inside = People.YES if before is State.LIVE else People.NO
        return CancelOutcome(
            before,
            not_done=(SHARED,),
            links_valid_until=max(open_until, default=None),
            links_open_ended=unbounded,
            people_inside=inside,
            next="Ask whose they are, then force it.",
        )
    tally = _Tally()
    for seat, row in standing.items():
        _end_one(client, seat, row, tally, live=live)
    _watch_out(client, patience, tally)
    return _outcome(before, tally)


def _standing(client: EducatesClient, seat: Seat, rows: dict[str, SessionRow]) -> SessionRow | Schedule | None:
    """Return how a session stands; None when it is gone, or its name has gone to somebody else."""
    row = rows.get(seat.session)
    if row is not None:
        return row if row.user == seat.user else None
    try:
        return client.schedule(seat.session)
    except NotFound:
        return None


def _state(standing: dict[Seat, SessionRow | Schedule | None]) -> State:
    phases = {row.phase for row in standing.values() if row is not None}
    if Phase.RUNNING in phases:
        return State.LIVE
    return State.SCHEDULED if phases else State.ENDED


def _end_one(
    client: EducatesClient, seat: Seat, row: SessionRow | Schedule | None, tally: _Tally, *, live: bool
) -> None:
    if row is None:
        tally.gone.append(seat.session)
        return
    try:
        owner = client.authorize(seat.session).owner
        if owner != seat.user:
            tally.left.append(f"{seat.learner}: the session belongs to somebody else.")
            return
        # Looked at once more: somebody may have come since the list was read.
        if not live and client.schedule(seat.session).status is Phase.RUNNING:
            tally.inside = True
            tally.left.append(f"{seat.learner}: somebody is in it, and it was not asked to end such sessions.")
            return
        client.terminate(seat.session)
    except NotFound:
        tally.gone.append(seat.session)
    except OutcomeUnknown:
        tally.going.append(seat.session)  # whether it took effect is what the next look tells
    except Refused as error:
        tally.inside = tally.inside or row.phase is Phase.RUNNING
        tally.left.append(f"{seat.learner}: {error.what}")
    else:
        tally.going.append(seat.session)


def _watch_out(client: EducatesClient, patience: Patience, tally: _Tally) -> None:
    """Wait until what was terminated is gone."""

    def all_gone() -> bool:
        for session in list(tally.going):
            try:
                client.schedule(session)
            except NotFound:
                tally.going.remove(session)
                tally.ended.append(session)
        return not tally.going

    try:
        patience.until(all_gone, patience.stopping)
    except LiveSessionError as error:
        tally.left.append(f"Whether they are gone cannot be read: {error.what}")


def _outcome(before: State, tally: _Tally) -> CancelOutcome:
    done = []
    if tally.ended:
        done.append(f"{_count(tally.ended)} ended, and gone from the portal.")
    if tally.gone:
        done.append(f"{_count(tally.gone)} gone already.")
    not_done = list(tally.left)
    if tally.going:
        not_done.append(
            f"{_count(tally.going)} not gone yet: {', '.join(tally.going)}. Whoever opens a link meanwhile is in "
            "until the portal comes to delete the session."
        )
    inside = People.YES if tally.inside else People.UNKNOWN if tally.going or tally.left else People.NO
    return CancelOutcome(
        before,
        done=tuple(done),
        not_done=tuple(not_done),
        confirmed=not not_done,
        people_inside=inside,
        next="Run it again; ending a session twice does no harm." if tally.going else "",
    )


def _count(names: list[str]) -> str:
    return "1 session is" if len(names) == 1 else f"{len(names)} sessions are"
