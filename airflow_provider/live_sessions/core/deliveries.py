"""What platforms send by themselves, and what may be believed of it: a delivery is a hint, a fact was asked for.

A delivery can be lost, doubled, late or made up; whoever knows a webhook's URL can send one. So it never is more
than a reason to ask the platform, and only the platform's answer is told to anybody.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from airflow_provider.live_sessions.core.ended import event_id_of
from airflow_provider.live_sessions.core.reading import MISFITS, load_json
from airflow_provider.live_sessions.core.times import within_reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.core.happening import Happening
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import Held

LONGEST_ID = 200
"""Characters of an id in a delivery; no platform's is half as long."""


class UnreadableDeliveryError(ValueError):
    """What was sent is no delivery of this platform."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a platform's webhook says.

    Args:
        event: The event in the platform's own words.
        id: The same however often it is sent; a digest of the body where the platform gives none.
        happening: What it says has happened; None for what is told to nobody.
        session_id: Which session it speaks of; it may open a door. Empty where it does not say.
        room: The room, where the platform has rooms.
        at: When it happened, as far as it says.
    """

    event: str
    id: str
    happening: Happening | None = None
    session_id: str = field(default="", repr=False)
    room: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """What the platform answered when it was asked about a delivery.

    Args:
        happening: What has happened.
        session_id: The session; a digest where the id itself opens a door.
        at: When it happened, as the platform told; None where it does not tell.
        held: Whether the session took place, as far as the answer tells.
        key: Digest of the launch key; empty for a session that was made elsewhere, or where it is not told.
        session_ended_at: When its session ended, for what comes after that without a time of its own.
    """

    happening: Happening
    session_id: str
    at: datetime | None
    held: Held
    key: str = ""
    session_ended_at: datetime | None = None

    @property
    def event_id(self) -> str:
        """What is the same whenever this is told again; a watched asset tells the same."""
        return event_id_of(self.happening, self.session_id)


@dataclass(frozen=True, slots=True)
class NotYet:
    """The platform does not show it yet.

    Args:
        why: One sentence for the log.
        after: Seconds after which to ask again.
    """

    why: str
    after: float


@dataclass(frozen=True, slots=True)
class Untrue:
    """The platform's answer does not bear the delivery out, and will not.

    Args:
        why: One sentence for the log.
    """

    why: str


Finding = Fact | NotYet | Untrue


@runtime_checkable
class ConfirmingPlatform(Protocol):
    """A platform that can be asked whether what a delivery says is so."""

    def confirm(self, delivery: Delivery, ref: SessionRef | None) -> Finding:
        """Ask the platform, with at most a few requests that change nothing.

        Args:
            delivery: What was sent.
            ref: The session of the launch that the delivery's address was made for, where that is known.

        Raises:
            LiveSessionError: The platform could not be asked.
        """

    def close(self) -> None:
        """Give back connections."""


def body_of(body: bytes) -> dict[str, Any]:
    """Return a delivery's JSON object.

    Raises:
        UnreadableDeliveryError: It is none.
    """
    try:
        found = load_json(body)
    except MISFITS:
        found = None
    if not isinstance(found, dict):
        raise UnreadableDeliveryError("the body is no JSON object")
    return found


def inner(body: Mapping[str, Any], *path: str) -> Any:
    """Return what lies at a path of names, None where it does not exist."""
    found: Any = body
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def id_in(value: object) -> str:
    """Return an id from a delivery; empty for what cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**18 else ""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        return ""
    return value


def digest_of(body: bytes) -> str:
    """Return the id of a delivery that carries none: the same body is the same delivery."""
    return hashlib.sha256(body).hexdigest()


def time_in(value: object) -> datetime | None:
    """Return an ISO 8601 time from a delivery; None for anything else. One without an offset is UTC."""
    try:
        return within_reason(datetime.fromisoformat(value))  # type: ignore[arg-type]  # anything else ends below
    except MISFITS:
        return None
