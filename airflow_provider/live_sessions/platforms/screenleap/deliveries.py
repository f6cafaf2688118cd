"""What Screenleap's webhooks say, read and then asked for (``apis/screenleap.md`` section 4).

They are sent once, unsigned and without an id, to one URL of the whole account. ``RECORDING_COMPLETE`` is told to
nobody: no call shows whether a recording is ready, so it could not be confirmed.
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
)
from airflow_provider.live_sessions.core.errors import NotFound
from airflow_provider.live_sessions.core.happening import Happening
from airflow_provider.live_sessions.core.status import Held

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient

HAPPENINGS: Final = {"PRESENTER_CONNECT": Happening.STARTED, "SHARE_END": Happening.ENDED}

SOON: Final = 15.0
"""Seconds after which what is not there yet is asked for again."""


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a delivery.

    Args:
        headers: Its headers; Screenleap says nothing in them.
        body: The raw body.

    Raises:
        UnreadableDeliveryError: It is no JSON object.
    """
    from airflow_provider.live_sessions.platforms.screenleap.models import CODE_FIELDS, CODE_LENGTH

    del headers
    said = body_of(body)
    event = str(said.get("eventType", ""))[:100]
    happening = HAPPENINGS.get(event)
    code = next((said[name] for name in reversed(CODE_FIELDS) if said.get(name)), "")
    if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10**CODE_LENGTH:
        code = f"{code:0{CODE_LENGTH}d}"  # written as a number it has lost its zeros
    return Delivery(
        event=event,
        id=digest_of(body),
        happening=happening,
        session_id=id_in(code),
        at=_moment(said.get("endTime" if happening is Happening.ENDED else "startTime")),
    )


def confirm(client: ScreenleapClient, delivery: Delivery) -> Finding:
    """Ask Screenleap whether what a delivery says is so, with one request.

    An end counts when it has stood for the five minutes in which a crash can be undone.

    Args:
        client: The account's client.
        delivery: What was sent.

    Raises:
        LiveSessionError: The account could not be asked.
    """
    from pydantic import SecretStr

    from airflow_provider.live_sessions.platforms.screenleap.judging import RETENTION, held
    from airflow_provider.live_sessions.platforms.screenleap.marks import split

    if delivery.happening is None or not delivery.session_id:
        return Untrue("it names no share")
    code = SecretStr(delivery.session_id)
    try:
        share = client.share(code)
    except NotFound:
        return Untrue("Screenleap shows no such share")
    key = split(share.external_id or "")[1]
    shown = client.digest(code)
    if delivery.happening is Happening.STARTED:
        if share.started_at is None:
            return NotYet("nobody has started it", SOON)
        return Fact(Happening.STARTED, shown, share.started_at, Held.UNKNOWN, key)
    if share.ended_at is None:
        return NotYet("it goes on", SOON)
    left = share.ended_at + RETENTION - client.now()
    if left.total_seconds() > 0:
        return NotYet("for a while it may be reopened", left.total_seconds() + 1.0)
    return Fact(Happening.ENDED, shown, share.ended_at, held(share), key)


def _moment(value: object) -> datetime | None:
    from airflow_provider.live_sessions.platforms.screenleap.models import moment_of

    try:
        return moment_of(value)
    except ValueError:
        return None
