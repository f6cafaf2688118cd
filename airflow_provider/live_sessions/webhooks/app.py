"""The receiver: one POST for each URL that was given out, and nothing else.

It answers before anything is asked or told: 202 for what was taken over, which a platform need not send again. It
reads no more than so many bytes, for no longer than so many seconds, in no more requests at once than so many, and
of one address a share of them.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from airflow_provider.live_sessions.core.deliveries import UnreadableDeliveryError, digest_of
from airflow_provider.live_sessions.core.errors import LiveSessionError
from airflow_provider.live_sessions.hooks.base import hook_class_of, hook_path_of
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.webhooks.limits import REMEMBERED_EACH, Allowance, Places, Recent
from airflow_provider.live_sessions.webhooks.queue import Job
from airflow_provider.live_sessions.webhooks.tokens import read

if TYPE_CHECKING:
    from airflow_provider.live_sessions.webhooks.queue import Queue

MOST_BYTES: Final = 64 * 1024
"""Of one body; none of the platforms' has a hundredth of it."""

PATIENCE: Final = 10.0
"""Seconds that a body may take to arrive."""

AT_ONCE: Final = 64
"""Bodies that are read at the same time."""

AT_ONCE_EACH: Final = AT_ONCE // 8
"""Of one address: slow bodies to a URL that has leaked cost that URL alone."""

COME_AGAIN: Final = 30
"""Seconds after which a sender may try again where there is no room."""

KEPT_HEADERS: Final = 100
"""Characters of a header's name, and ten times as many of its value, that are passed on."""


class _TooLargeError(Exception):
    """The body goes on."""


def receiver(
    queue: Queue, *, allowance: Allowance | None = None, places: Places | None = None, patience: float = PATIENCE
) -> FastAPI:
    """Return the application that takes deliveries over.

    Args:
        queue: Takes over what is to be confirmed.
        allowance: How fast each address may send.
        places: How many bodies are read at once, and of one address.
        patience: Seconds that a body may take to arrive.
    """
    allowance = allowance or Allowance()
    places = places or Places(AT_ONCE, AT_ONCE_EACH)
    met = Recent(size_each=REMEMBERED_EACH)

    app = FastAPI(title="Live sessions: webhooks", openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False

    @app.post("/{token}")
    async def receive(token: str, request: Request) -> Response:
        addressee = read(token, AirflowCipher(), datetime.now(UTC))
        if addressee is None:
            return Response(status_code=404)
        if wait := allowance.ask(addressee):
            return _later(429, wait)
        if not places.take(addressee):
            return _later(503)
        try:
            async with asyncio.timeout(patience):
                body = await _body_of(request)
        except _TooLargeError:
            return Response(status_code=413)
        except (ClientDisconnect, TimeoutError):
            return Response(status_code=408)
        finally:
            places.give_back(addressee)
        headers = {
            name: value
            for name, value in request.headers.items()
            if len(name) <= KEPT_HEADERS and len(value) <= 10 * KEPT_HEADERS
        }
        try:
            hook_class = hook_class_of(hook_path_of(addressee.platform))
            delivery = hook_class.read_delivery(headers, body)
        except (UnreadableDeliveryError, LiveSessionError):
            return Response(status_code=400)
        if delivery.happening is None or not delivery.session_id:
            return Response(status_code=202)  # nobody is told of it
        signed = hook_class.signature_header
        kept = {signed: headers[signed]} if signed in headers else {}
        # With all that is checked later: whoever makes up a delivery must not use up the id of a genuine one.
        known = (delivery.id, delivery.event, digest_of(body + repr(kept).encode()))
        if not met.add(known, sender=addressee):
            return Response(status_code=202)
        if not queue.put(Job(addressee, delivery, kept, body if signed else b"")):
            met.forget(known, sender=addressee)
            return _later(503)
        return Response(status_code=202)

    return app


def _later(status: int, seconds: float = COME_AGAIN) -> Response:
    return Response(status_code=status, headers={"Retry-After": str(max(1, round(seconds)))})


async def _body_of(request: Request) -> bytes:
    """Return the body, reading no further than the limit.

    Raises:
        _TooLargeError: It is longer, or says so.
    """
    said = request.headers.get("content-length", "")
    if said.isdecimal() and len(said) < 20 and int(said) > MOST_BYTES:
        raise _TooLargeError
    read_so_far = bytearray()
    async for chunk in request.stream():
        read_so_far += chunk
        if len(read_so_far) > MOST_BYTES:
            raise _TooLargeError
    return bytes(read_so_far)
