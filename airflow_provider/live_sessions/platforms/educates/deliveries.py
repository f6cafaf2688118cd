"""What a portal's analytics webhooks say, read and then asked for (``apis/educates.md`` section 4).

They are sent once, unsigned and without an id. A portal forgets a session that is over, so that it is gone says
nothing of a name that somebody made up: only sessions of the launch that the address was made for are asked for.
"""

from __future__ import annotations

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
    time_in,
)
from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.status import Held

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient

HAPPENINGS: Final = {"Session/Started": Happening.STARTED, "Session/Deleted": Happening.ENDED}
"""``Session/Started`` is also sent for a session that is only made; ``Session/Deleted`` is always the last."""

SOON: Final = 15.0
"""Seconds after which what is not there yet is asked for again."""


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a delivery.

    Args:
        headers: Its headers; a portal says nothing in them.
        body: The raw body.

    Raises:
        UnreadableDeliveryError: It is no JSON object.
    """
    del headers
    said = body_of(body)
    event = str(inner(said, "event", "name") or "")[:100]
    return Delivery(
        event=event,
        id=digest_of(body),
        happening=HAPPENINGS.get(event),
        session_id=id_in(inner(said, "event", "session")),
        at=time_in(inner(said, "event", "timestamp")),
    )


def confirm(client: EducatesClient, delivery: Delivery, ref: SessionRef | None) -> Finding:
    """Ask the portal whether what a delivery says is so, with one request.

    Args:
        client: The portal's client.
        delivery: What was sent.
        ref: The class that the delivery's address was made for, where that is known.

    Raises:
        LiveSessionError: The portal could not be asked.
    """
    from airflow_provider.live_sessions.platforms.educates.models import Phase
    from airflow_provider.live_sessions.platforms.educates.seats import seats_of

    if delivery.happening is None or not delivery.session_id:
        return Untrue("it names no session")
    if ref is None:
        return Untrue("the launch that it belongs to is not known: that needs the task state store of Airflow 3.3")
    if not any(seat.session == delivery.session_id for seat in seats_of(ref)):
        return NotYet("it names no session of its launch", SOON)  # the launch may still be writing down
    try:
        standing = client.schedule(delivery.session_id)
    except NotFound:
        if delivery.happening is Happening.ENDED:
            return Fact(Happening.ENDED, delivery.session_id, None, Held.UNKNOWN, ref.key)
        return Untrue("it is over")
    if delivery.happening is Happening.ENDED:
        return NotYet("the portal still has it", SOON)
    if standing.phase is not Phase.RUNNING:
        return Untrue("nobody has opened it yet")
    return Fact(Happening.STARTED, delivery.session_id, standing.started, Held.UNKNOWN, ref.key)
