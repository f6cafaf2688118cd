"""What Coviu's webhooks say, read and then asked for (``apis/coviu.md`` section 4).

They are sent once, unsigned and without an id; Coviu itself sets them up for an account. Events of a call name no
session, so those of its participants are gone by.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider.live_sessions.core.deliveries import (
    Delivery,
    Fact,
    Finding,
    NotYet,
    Untrue,
    body_of,
    digest_of,
    id_in,
    inner,
)
from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.reading import MISFITS, finite
from airflow_provider.live_sessions.core.status import Held, State
from airflow_provider.live_sessions.core.times import within_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient

HAPPENINGS: Final = {"participant:join": Happening.STARTED, "participant:leave": Happening.ENDED}

AGAIN: Final = 60.0
"""Seconds after which what is not there yet is asked for again."""

GRACE: Final = 300.0
"""Seconds after the planned end when a session is over without a word from Coviu; a launch's own default."""


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a delivery.

    Args:
        headers: Its headers; Coviu says nothing in them.
        body: The raw body.

    Raises:
        UnreadableDeliveryError: It is no JSON object.
    """
    del headers
    said = body_of(body)
    event = str(said.get("type", ""))[:100]
    return Delivery(
        event=event,
        id=digest_of(body),
        happening=HAPPENINGS.get(event),
        session_id=id_in(inner(said, "payload", "sessionId")),
        at=_moment(said.get("createdAt")),
    )


def confirm(client: CoviuClient, delivery: Delivery, *, settle: float) -> Finding:
    """Ask Coviu whether what a delivery says is so, with at most two requests.

    Args:
        client: The team's client.
        delivery: What was sent.
        settle: Seconds for which a recorded end before the planned one must stand.

    Raises:
        LiveSessionError: The team could not be asked.
    """
    from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, judge

    if delivery.happening is None or not delivery.session_id:
        return Untrue("it names no session")
    try:
        session = client.session(delivery.session_id)
    except NotFound:
        return Untrue("Coviu shows no such session")
    if delivery.happening is Happening.STARTED:
        return _started(client, session.session_id)
    sighting, now = Sighting.of(session), client.now()
    status = judge(sighting, now, settle=settle, grace=GRACE)
    if status.state is State.ENDED:
        return Fact(Happening.ENDED, session.session_id, status.ended_at or sighting.end, status.held)
    if sighting.actual_end is None:
        return NotYet("somebody left, and the session goes on", AGAIN)
    left = sighting.actual_end + timedelta(seconds=settle) - now
    return NotYet("everybody left, and it may be a break", max(1.0, left.total_seconds() + 1.0))


def _started(client: CoviuClient, session_id: str) -> Finding:
    try:
        entries = [one.entry_time for one in client.summary(session_id).came if one.entry_time]
    except NotFound:
        entries = []
    if not entries:
        return NotYet("its summary shows nobody yet", AGAIN)
    return Fact(Happening.STARTED, session_id, min(entries), Held.UNKNOWN)


def _moment(value: object) -> datetime | None:
    try:
        return within_reason(datetime.fromtimestamp(finite(value), UTC))
    except (*MISFITS, OSError):
        return None
