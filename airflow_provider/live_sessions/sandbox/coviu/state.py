"""What exists at Coviu: sessions, their participants, and the visits they made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.agenda import Appointment


@dataclass(slots=True)
class Visit:
    """One time that somebody was inside by a participant's link."""

    entered: datetime
    left: datetime | None = None


@dataclass(slots=True)
class Participant:
    """One way into a session.

    Args:
        id: The last part of the entry URL: whoever knows it can enter.
        session_id: Where to.
        role: ``HOST`` or ``GUEST``.
        display_name: The name shown.
        picture: URL of a picture.
        state: The client's own text.
        phone: A telephone number.
        deleted_at: When it was removed; it stays in the data.
        visits: When somebody was inside by it.
    """

    id: str = field(repr=False)
    session_id: str
    role: str
    display_name: str | None = None
    picture: str | None = None
    state: str | None = None
    phone: str | None = None
    deleted_at: datetime | None = None
    visits: list[Visit] = field(default_factory=list)

    @property
    def inside(self) -> bool:
        """Whether somebody is in by this link."""
        return any(one.left is None for one in self.visits)

    def is_called(self, name: str) -> bool:
        """Return whether a person of the control API is meant: by state, its first part, name or id."""
        state = self.state or ""
        return name in (state, state.partition("|")[0], self.display_name, self.id)


@dataclass(slots=True)
class Session:
    """One session.

    Args:
        id: Its id.
        name: Its name.
        start: When it opens.
        end: When it closes.
        created: When it was made.
        picture: URL of the room's picture.
        feature_flags: As given.
        canceled: When it was cancelled.
        actual_end: When the last participant left.
        participants: All there ever were, in order.
        script: What scripted people are still going to do.
    """

    id: str
    name: str | None
    start: datetime
    end: datetime
    created: datetime
    picture: str | None = None
    feature_flags: list[str] = field(default_factory=list)
    canceled: datetime | None = None
    actual_end: datetime | None = None
    participants: list[Participant] = field(default_factory=list)
    script: list[Appointment] = field(default_factory=list)

    def finished(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return now >= self.end

    def shown(self, *, deleted: bool) -> list[Participant]:
        """Return its participants, with the removed ones where asked for."""
        return [one for one in self.participants if deleted or one.deleted_at is None]


class Store:
    """Everything of one team, in the order it was made."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.participants: dict[str, Participant] = {}

    def add_session(self, session: Session) -> None:
        """Keep a session."""
        self.sessions[session.id] = session

    def add_participant(self, session: Session, participant: Participant) -> None:
        """Keep a participant."""
        session.participants.append(participant)
        self.participants[participant.id] = participant


def new_id() -> str:
    """Return a new id; Coviu's are UUIDs."""
    return str(uuid.uuid4())
