"""What a person may ask to be let into: a session's room, or its recording, by a link made at that moment."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.models import Participant, SessionRef


class Door(StrEnum):
    """What is opened."""

    ROOM = "room"
    RECORDING = "recording"


@runtime_checkable
class DoorPlatform(Protocol):
    """A platform that can make a way in for somebody who was not on the list; its hook says which doors it has."""

    def open_door(self, door: Door, ref: SessionRef, visitor: Participant) -> SecretStr:
        """Return a link made for this visitor at this moment; it opens a door and is kept nowhere.

        Args:
            door: What to open.
            ref: The session.
            visitor: Who wants to come in, under their own name.

        Raises:
            Refused: There is no way in (any more); the message says why.
            Unsupported: The platform has no such door.
        """
