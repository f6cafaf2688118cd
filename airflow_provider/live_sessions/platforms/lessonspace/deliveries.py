"""What Lessonspace's webhooks say, read and then asked for (``apis/lessonspace.md`` section 6).

The id in a delivery is the one that the launch reserved. That it is the session's own ``uuid`` is not proven, so
where nothing answers to it the session of the room that fits in time is taken.
"""

from __future__ import annotations

from datetime import timedelta
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
    from datetime import datetime

    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
    from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters
    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session

ID_HEADER: Final = "x-webhook-id"
EVENT_HEADER: Final = "x-webhook-event"
SIGNATURE_HEADER: Final = "x-webhook-signature"
TIME_HEADERS: Final = ("x-webhook-timestamp", "x-webhook-time")

PREFIX: Final = "webhooks."
"""One client met event names with this before them, and in the past tense."""

HAPPENINGS: Final = {
    "session.start": Happening.STARTED,
    "session.started": Happening.STARTED,
    "session.end": Happening.ENDED,
    "session.ended": Happening.ENDED,
    "transcription.finish": Happening.TRANSCRIPT,
    "transcription.finished": Happening.TRANSCRIPT,
}

REGISTERED: Final = (("session", "start"), ("session", "end"), ("transcription", "finish"))
"""What a launch asks to be told: what becomes an event, and nothing that names anybody."""

AROUND: Final = 600.0
"""Seconds between a delivery's time and a session's, where they are matched by time."""

MOST_PAGES: Final = 2
"""Of the sessions of a room around that time; one is enough, unless the platform leaves the filters aside."""

SOON: Final = 15.0
LATER: Final = 60.0
"""Seconds after which what is not there yet is asked for again."""

PATIENT: Final = 600.0
"""As long as a watched connection waits for an end to be written; no document says how late it may be."""


def webhooks_for(url: str) -> dict[str, dict[str, str]]:
    """Return the complete ``webhooks`` of a launch that sends everything of use to one URL."""
    found: dict[str, dict[str, str]] = {}
    for group, name in REGISTERED:
        found.setdefault(group, {})[name] = url
    return found


def read(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a delivery.

    Args:
        headers: Its headers, by names in lower case.
        body: The raw body.

    Raises:
        UnreadableDeliveryError: It is no delivery of Lessonspace's.
    """
    said = body_of(body)
    event = headers.get(EVENT_HEADER, "").strip().casefold().removeprefix(PREFIX)[:100]
    told = event.startswith("session.")
    at = next((headers[name] for name in TIME_HEADERS if headers.get(name)), None)
    return Delivery(
        event=event,
        id=id_in(headers.get(ID_HEADER)) or digest_of(body),
        happening=HAPPENINGS.get(event),
        session_id=id_in(said.get("id") if told else inner(said, "session", "id")),
        room=id_in(inner(said, "room", "id")),
        at=time_in(inner(said, "summary", "end") or at),
    )


def confirm(client: LessonspaceClient, delivery: Delivery, ref: SessionRef | None, *, key_tag: str) -> Finding:
    """Ask Lessonspace whether what a delivery says is so, with at most three requests.

    Args:
        client: The organisation's client.
        delivery: What was sent.
        ref: The class that the delivery's address was made for, where that is known.
        key_tag: The tag that carries the launch key.

    Raises:
        LiveSessionError: The organisation could not be asked.
    """
    if delivery.happening is None or not delivery.session_id:
        return Untrue("it names no session")
    own = "" if ref is None else ref.detail("space")
    if own and delivery.room not in ("", own):
        return Untrue("it speaks of another room than that of its address")
    room = own or delivery.room
    session = _session_of(client, delivery, room)
    if session is None:
        return NotYet("Lessonspace shows no such session yet", _soon(client, delivery))
    if session.space is not None and room and not session.space.is_room(room):
        return Untrue("its session is in another room")
    at: datetime | None = None
    ended_at: datetime | None = None
    held = Held.UNKNOWN
    if delivery.happening is Happening.STARTED:
        at = session.start_time
        if at is None:
            return NotYet("the session has not started", _soon(client, delivery))
    else:
        at, held = session.end_time, _held(session)
        if at is None:
            return NotYet("the session has not ended", _soon(client, delivery))
    if delivery.happening is Happening.TRANSCRIPT:
        if not _transcribed(client, session.uuid):
            return NotYet("there is no transcript yet", LATER)
        at, ended_at = None, at  # when it was made is not told
    return Fact(delivery.happening, session.uuid, at, held, session.tags.get(key_tag, ""), ended_at)


def _soon(client: LessonspaceClient, delivery: Delivery) -> float:
    """Return the seconds until the next look: as many again as have passed, so that a few looks last long."""
    age = 0.0 if delivery.at is None else (client.now() - delivery.at).total_seconds()
    return min(max(SOON, age), PATIENT)


def _held(session: Session) -> Held:
    from airflow_provider.live_sessions.platforms.lessonspace.window import COMPANY

    return Held.YES if len(session.people) >= COMPANY else Held.NO


def _transcribed(client: LessonspaceClient, uuid: str) -> bool:
    try:
        url = client.transcript(uuid).url
    except NotFound:
        return False
    return url is not None and bool(url.get_secret_value())


def _session_of(client: LessonspaceClient, delivery: Delivery, room: str) -> Session | None:
    try:
        return client.session(delivery.session_id)
    except NotFound:
        return _by_time(client, delivery, room)


def _by_time(client: LessonspaceClient, delivery: Delivery, room: str) -> Session | None:
    """Return the session of the room that fits the delivery's time best; none where nothing is near."""
    if not room or delivery.at is None or delivery.happening is Happening.TRANSCRIPT:
        return None  # a transcript comes at any time after its session
    near: list[tuple[float, Session]] = []
    for row in client.space_sessions(room, _around(delivery.happening, delivery.at), max_pages=MOST_PAGES):
        moment = row.start_time if delivery.happening is Happening.STARTED else row.end_time
        if moment is not None and (apart := abs((moment - delivery.at).total_seconds())) <= AROUND:
            near.append((apart, row))
    return min(near, key=lambda one: one[0])[1] if near else None


def _around(happening: Happening | None, at: datetime) -> SessionFilters:
    from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters

    margin = timedelta(seconds=AROUND + 1)  # whether the bounds themselves belong to it is not told
    after, before = at - margin, at + margin
    if happening is Happening.STARTED:
        return SessionFilters(include_single_user=True, start_time_after=after, start_time_before=before)
    return SessionFilters(include_single_user=True, end_time_after=after, end_time_before=before)
