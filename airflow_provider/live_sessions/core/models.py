"""The words of DESIGN: what is planned, what finds it again, what a launch gave, what a cancel did.

Plain dataclasses on the standard library, because DAG parsing and the triggerer load them. Times are aware
datetimes; everything that crosses a process (XCom, a trigger row) has ``to_json`` and ``from_json``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.mail_address import is_one_address
from airflow_provider.live_sessions.core.reading import MISFITS, listed, shown
from airflow_provider.live_sessions.core.times import aware, format_optional_time, format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.status import SessionStatus, State


@dataclass(frozen=True, slots=True)
class Participant:
    """One expected person of a session.

    Args:
        id: The caller's own, stable identifier of the person.
        name: The name shown to the others.
        email: Where links are sent, one address; may be empty.
        role: The caller's word for the part played, e.g. ``teacher``, ``student``, ``host``, ``guest``.
        leader: True for who leads the session (teacher, clinician, presenter).
        options: The platform's own fields for this person, passed through by their API names.
    """

    id: str
    name: str
    email: str = ""
    role: str = ""
    leader: bool = False
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "role": self.role,
            "leader": self.leader,
            "options": dict(self.options),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, recorded: bool = False) -> Participant:
        """Read what :meth:`to_json` wrote, or what a DAG author wrote by hand.

        Args:
            data: The fields.
            recorded: A launch wrote it. Then any email is kept, so that a session of an earlier release is still
                waited for and cancelled; the hand-over looks at it again.

        Raises:
            ConfigurationError: A field is missing, unknown or of the wrong kind.
        """
        try:
            unknown = set(data) - {"id", "name", "email", "role", "leader", "options"}
            options = dict(data.get("options") or {})
        except MISFITS:
            raise ConfigurationError(
                "A participant, or its options, is no mapping.",
                advice='Write it like {"id": "ada", "name": "Ada", "options": {}}.',
            ) from None
        if unknown:
            raise ConfigurationError(
                f"A participant has unknown fields: {listed(unknown)}.",
                advice="Known are id, name, email, role, leader and options.",
            )
        name = str(data.get("name") or "").strip()
        email = str(data.get("email") or "").strip()
        given = data.get("id")
        ident = str(email or name if given in (None, "") else given).strip()
        if not ident:
            raise ConfigurationError("A participant has neither an id, an email nor a name.")
        person = cls(
            id=ident,
            name=name or ident,
            email=email,
            role=str(data.get("role") or "").strip(),
            leader=_flag(data.get("leader", False)),
            options=options,
        )
        if not recorded:
            person.check_email()
        return person

    def check_email(self) -> None:
        """Look whether links can be sent to this person alone; an empty address is fine.

        Raises:
            ConfigurationError: The email is something else than one address.
        """
        if self.email and not is_one_address(self.email):
            raise ConfigurationError(
                f"The email of the participant {shown(self.id)} is not one address: {shown(self.email)}.",
                advice="Write one address and nothing else, before the @ in plain letters, e.g. "
                "ada@school.example; each further person is a participant of their own, with a link of their own.",
            )


@dataclass(frozen=True, slots=True)
class Plan:
    """A session as it is meant to be.

    Args:
        title: What people call it.
        start: Planned start.
        end: Planned end.
        participants: Who is expected; each gets a link of their own.
        options: The platform's own launch settings, by their API names.
    """

    title: str
    start: datetime
    end: datetime
    participants: tuple[Participant, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", aware(self.start))
        object.__setattr__(self, "end", aware(self.end))
        if self.end <= self.start:
            raise ConfigurationError(
                f"The session {self.title!r} ends at {format_time(self.end)}, "
                f"not after its start at {format_time(self.start)}."
            )
        ids = [person.id for person in self.participants]
        if len(set(ids)) != len(ids):
            twice = sorted({ident for ident in ids if ids.count(ident) > 1})
            raise ConfigurationError(
                f"The session {self.title!r} names the same participant id twice: {', '.join(twice)}.",
                advice="Each person gets a link of their own, so each needs an id of their own.",
            )


@dataclass(frozen=True, slots=True)
class SessionRef:
    """What finds a session again. Holds nothing that opens a door.

    Args:
        platform: The platform's name, e.g. ``lessonspace``.
        conn_id: The Airflow connection it was launched with.
        session_id: The platform's id, as far as it is known at launch.
        key: Digest of the launch key.
        details: What the platform needs beside the id (room, window, settings), as text.
    """

    platform: str
    conn_id: str
    session_id: str
    key: str
    details: tuple[tuple[str, str], ...] = ()

    def detail(self, name: str, default: str = "") -> str:
        """Return one of the platform's details."""
        for known, value in self.details:  # a dozen, and asked for by every wait in every tick
            if known == name:
                return value
        return default

    @property
    def in_lasting_room(self) -> bool:
        """Whether its room is other sessions' as well, where a mark would hold for them, too."""
        return self.detail("mode") == "persistent"

    def with_details(self, **changes: str) -> SessionRef:
        """Return the ref with some details added or changed."""
        return replace(self, details=tuple(sorted({**dict(self.details), **changes}.items())))

    def to_json(self) -> dict[str, Any]:
        """Write for XCom and trigger rows."""
        return {
            "platform": self.platform,
            "conn_id": self.conn_id,
            "session_id": self.session_id,
            "key": self.key,
            "details": dict(self.details),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionRef:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not a session ref.
        """
        try:
            return cls(
                platform=_text(data, "platform"),
                conn_id=_text(data, "conn_id"),
                session_id=_text(data, "session_id"),
                key=_text(data, "key"),
                details=tuple(sorted((str(k), str(v)) for k, v in dict(data["details"]).items())),
            )
        except MISFITS:
            raise ConfigurationError(
                "This is not a session reference.",
                advice="Pass the result of a launch operator, e.g. session=launch.output.",
            ) from None


def _flag(value: object) -> bool:
    # A form or a template may give it as text; "false" is not true.
    return value.strip().casefold() in ("true", "1", "yes") if isinstance(value, str) else bool(value)


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


@dataclass(frozen=True, slots=True)
class JoinLink:
    """One person's way in.

    Args:
        participant: For whom it was made.
        url: The bearer link.
        user_id: The platform's own id of the person, where it has one; text.
        not_before: From when the link works, where bounded.
        not_after: Until when the link works, where bounded.
    """

    participant: Participant
    url: SecretStr
    user_id: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Launched:
    """What a launch gave.

    Args:
        ref: Finds the session again.
        links: One a participant; None where the platform cannot give them (an adopted session that is over).
        created: False when the session existed already.
        status: How it stands, where the launch learned it.
        warnings: What the platform silently changed or refused, for the log and the result.
        secret: What the platform signs this session's deliveries with, where it does.
        afterwards: What is to be done once the session is recorded, and never before: giving up the sessions of
            other tries. A try that was taken for dead cannot record, so it takes nothing from its retry.
    """

    ref: SessionRef
    links: tuple[JoinLink, ...] | None
    created: bool
    status: SessionStatus | None = None
    warnings: tuple[str, ...] = ()
    secret: SecretStr | None = None
    afterwards: Callable[[], None] | None = field(default=None, compare=False, repr=False)


class People(StrEnum):
    """Whether somebody is inside."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


ENDS_BY_ITSELF = "Nothing has to be done: it ends by itself."
"""What a person can do about a session that everybody left."""


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """What a cancel did, and what it could not do. Never claims more than was confirmed.

    Args:
        state_before: How the session stood when the cancel began.
        done: What was done, one sentence each.
        not_done: What could not be done and why, one sentence each.
        confirmed: True only when nobody can come in any more, or the session is over.
        links_valid_until: Until when a link keeps working that may have left Airflow; None where none can have.
            The moment of the hand-over decides, not who was mailed: any task may open a sealed link.
        links_open_ended: True when links are out that never expire.
        people_inside: Whether people were inside.
        next: What a person can do, where something is left.
    """

    state_before: State
    done: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()
    confirmed: bool = False
    links_valid_until: datetime | None = None
    links_open_ended: bool = False
    people_inside: People = People.UNKNOWN
    next: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "state_before": self.state_before.value,
            "done": list(self.done),
            "not_done": list(self.not_done),
            "confirmed": self.confirmed,
            "links_valid_until": format_optional_time(self.links_valid_until),
            "links_open_ended": self.links_open_ended,
            "people_inside": self.people_inside.value,
            "next": self.next,
        }
