"""A class's seats: which learner has which session, as a ref carries them. Nothing here opens a door."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.reading import MISFITS, load_json
from airflow_provider.live_sessions.core.times import format_optional_time, format_time, later, parse_optional_time
from airflow_provider.live_sessions.platforms.educates.refusals import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Plan

NAME = "educates"

REAPER = timedelta(seconds=30)
"""How late an expiry may be seen: the portal's reaper comes every 15 s and waits for a lock."""


@dataclass(frozen=True, slots=True)
class Seat:
    """One learner's session.

    Args:
        learner: The participant's id.
        user: The portal's user.
        session: The session's name.
        environment: The environment it is in.
        started: When its activation window began, as the portal told at the launch.
        expires: When that ends; None for no bound.
    """

    learner: str
    user: str
    session: str
    environment: str
    started: datetime | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """What a ref says beside its seats.

    Args:
        portal_uid: The portal that the sessions are on; a redeployed one gives the same names to strangers.
        workshop: The Workshop resource's name.
        requested_at: When the sessions were requested, on the portal's clock.
        window_end: When a wait gives up.
        shared: Whether somebody else's launch may have made a session among them.
    """

    portal_uid: str
    workshop: str
    requested_at: datetime
    window_end: datetime
    shared: bool = False


def last_end(plan: Plan, seats: Sequence[Seat], duration: int) -> datetime:
    """Return when the last session will have ended by itself, as far as its launch can tell.

    Args:
        plan: The class as it is meant to be.
        seats: Its sessions.
        duration: Seconds that a session lasts from its activation; 0 is without end.
    """
    late = [later(one.expires, duration + REAPER.total_seconds()) for one in seats if one.expires is not None]
    return max([plan.end, *late])


def make_ref(plan: Plan, key: LaunchKey, launch: Launch, seats: Sequence[Seat], *, conn_id: str) -> SessionRef:
    """Return what finds the class again."""
    return SessionRef(
        platform=NAME,
        conn_id=conn_id,
        session_id=seats[0].session if seats else "",
        key=key.digest,
        details=tuple(
            sorted(
                {
                    "portal_uid": launch.portal_uid,
                    "workshop": launch.workshop,
                    "requested_at": format_time(launch.requested_at),
                    "planned_start": format_time(plan.start),
                    "planned_end": format_time(plan.end),
                    "window_start": format_time(min(launch.requested_at, plan.start)),
                    "window_end": format_time(launch.window_end),
                    "shared": "yes" if launch.shared else "",
                    "seats": json.dumps([_written(one) for one in seats]),
                }.items()
            )
        ),
    )


def seats_of(ref: SessionRef, learners: Collection[str] | None = None) -> tuple[Seat, ...]:
    """Return the seats of a class.

    Args:
        ref: The class.
        learners: Only these participants; None is all of them.

    Raises:
        ConfigurationError: The ref is not one of Educates, or has no such learner.
    """
    try:
        seats = _listed(load_json(ref.detail("seats")))
    except MISFITS:
        raise ConfigurationError(
            "This is not the reference of a workshop class.",
            platform=PLATFORM,
            conn_id=ref.conn_id,
            advice="Pass the result of an Educates launch operator.",
        ) from None
    if learners is None:
        return seats
    unknown = set(learners) - {one.learner for one in seats}
    if unknown:
        raise ConfigurationError(
            f"The class has no session for {', '.join(sorted(unknown))}.",
            platform=PLATFORM,
            conn_id=ref.conn_id,
            advice="Name learners by the participant ids of the launch.",
        )
    return tuple(one for one in seats if one.learner in learners)


def _written(seat: Seat) -> dict[str, str | None]:
    return {
        "learner": seat.learner,
        "user": seat.user,
        "session": seat.session,
        "environment": seat.environment,
        "started": format_optional_time(seat.started),
        "expires": format_optional_time(seat.expires),
    }


def _listed(rows: object) -> tuple[Seat, ...]:
    if not isinstance(rows, list):
        raise TypeError("seats")
    return tuple(_read(one) for one in rows)


def _read(row: dict[str, str | None]) -> Seat:
    texts = [row.get(name) for name in ("learner", "user", "session", "environment")]
    if not all(isinstance(one, str) for one in texts):
        raise TypeError("seat")
    learner, user, session, environment = map(str, texts)
    return Seat(
        learner,
        user,
        session,
        environment,
        parse_optional_time(row.get("started")),
        parse_optional_time(row.get("expires")),
    )
