"""The words of DESIGN: what is planned, what was launched, how it stands, what a cancel did.

Plain dataclasses on the standard library, because DAG parsing and the triggerer load them. Times are aware
datetimes; everything that crosses a process (XCom, a trigger row) has ``to_json`` and ``from_json``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import SecretStr


class State(StrEnum):
    """Where a session stands. How each platform shows it is the platform's business."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELLED = "cancelled"
    NEVER_HELD = "never_held"

    @property
    def over(self) -> bool:
        """True when nothing more will come of the session."""
        return self not in (State.SCHEDULED, State.LIVE)


class Held(StrEnum):
    """Whether the session took place. ``unknown`` is never reported as a no-show."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Absence(StrEnum):
    """Why a session was never held."""

    NOBODY = "nobody"
    ALONE = "alone"


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time with an offset, as :func:`format_time` writes it.

    Raises:
        ConfigurationError: The text is no time, or has no offset: a naive time is a guess.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{text!r} is not an ISO 8601 time.", advice="Write it like 2026-09-01T09:00:00+02:00."
        ) from None
    return aware(moment)


def aware(moment: datetime) -> datetime:
    """Return the moment in UTC; refuse one without a time zone.

    Raises:
        ConfigurationError: The moment is naive.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigurationError(
            f"The time {moment.isoformat()} has no time zone.",
            advice="Give an explicit offset or zone, e.g. 2026-09-01T09:00:00+02:00.",
        )
    return moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with its offset: no platform has to guess a zone."""
    return aware(moment).isoformat()


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)


def _optional_text(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


@dataclass(frozen=True, slots=True)
class Participant:
    """One expected person of a session.

    Args:
        id: The caller's own, stable identifier of the person.
        name: The name shown to the others.
        email: Where links are sent; may be empty.
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
    def from_json(cls, data: Mapping[str, Any]) -> Participant:
        """Read what :meth:`to_json` wrote, or what a DAG author wrote by hand.

        Raises:
            ConfigurationError: A field is missing, unknown or of the wrong kind.
        """
        unknown = set(data) - {"id", "name", "email", "role", "leader", "options"}
        if unknown:
            raise ConfigurationError(
                f"A participant has unknown fields: {', '.join(sorted(map(str, unknown)))}.",
                advice="Known are id, name, email, role, leader and options.",
            )
        name = str(data.get("name") or "").strip()
        ident = str(data.get("id") or data.get("email") or name).strip()
        if not ident:
            raise ConfigurationError("A participant has neither an id, an email nor a name.")
        return cls(
            id=ident,
            name=name or ident,
            email=str(data.get("email") or "").strip(),
            role=str(data.get("role") or "").strip(),
            leader=bool(data.get("leader", False)),
            options=dict(data.get("options") or {}),
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
        return dict(self.details).get(name, default)

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
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ConfigurationError(
                "This is not a session reference.",
                advice="Pass the result of a launch operator, e.g. session=launch.output.",
            ) from None


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


@dataclass(frozen=True, slots=True)
class Seen:
    """What a wait remembers of its session between polls.

    Args:
        planned_start: Planned start.
        planned_end: Planned end.
        deadline: When the wait gives up, absolute.
        settle: Seconds that must pass after the last end before a break counts as the end.
        first_live: When the wait first saw the session live.
        last_seen: When the platform last showed the session at all.
        last_state: The state reported last.
        last_good_poll: When the platform last answered.
    """

    planned_start: datetime
    planned_end: datetime
    deadline: datetime
    settle: float = 600.0
    first_live: datetime | None = None
    last_seen: datetime | None = None
    last_state: State | None = None
    last_good_poll: datetime | None = None

    def after(self, status: SessionStatus) -> Seen:
        """Return what is remembered once this status was seen."""
        live = status.state is State.LIVE
        return replace(
            self,
            first_live=self.first_live or (status.observed_at if live else None),
            last_seen=status.observed_at if live or status.started_at else self.last_seen,
            last_state=status.state,
            last_good_poll=status.observed_at,
        )

    def to_json(self) -> dict[str, Any]:
        """Write for a trigger row."""
        return {
            "planned_start": format_time(self.planned_start),
            "planned_end": format_time(self.planned_end),
            "deadline": format_time(self.deadline),
            "settle": self.settle,
            "first_live": _optional_text(self.first_live),
            "last_seen": _optional_text(self.last_seen),
            "last_state": self.last_state,
            "last_good_poll": _optional_text(self.last_good_poll),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Seen:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not what a wait remembers.
        """
        try:
            return cls(
                planned_start=parse_time(data["planned_start"]),
                planned_end=parse_time(data["planned_end"]),
                deadline=parse_time(data["deadline"]),
                settle=float(data["settle"]),
                first_live=_optional_time(data.get("first_live")),
                last_seen=_optional_time(data.get("last_seen")),
                last_state=None if data.get("last_state") is None else State(data["last_state"]),
                last_good_poll=_optional_time(data.get("last_good_poll")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"This is not the memory of a wait: {error}.") from None


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session's state at a time.

    Args:
        state: Where it stands.
        held: Whether it took place.
        why: One sentence for the log.
        observed_at: When this was true, on the platform's clock where it tells one.
        started_at: When the first person came in, where known.
        ended_at: When the last one left, where known.
        session_ids: Every id the platform used for this session, oldest first.
        people: How many distinct people were seen in all, where the platform tells.
        present: The platform's ids of the people seen, as text.
        absence: For a session never held: nobody came, or one person alone.
    """

    state: State
    held: Held
    why: str
    observed_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    session_ids: tuple[str, ...] = ()
    people: int | None = None
    present: frozenset[str] = frozenset()
    absence: Absence | None = None

    def to_json(self) -> dict[str, Any]:
        """Write for XCom and trigger events."""
        return {
            "state": self.state.value,
            "held": self.held.value,
            "why": self.why,
            "observed_at": format_time(self.observed_at),
            "started_at": _optional_text(self.started_at),
            "ended_at": _optional_text(self.ended_at),
            "session_ids": list(self.session_ids),
            "people": self.people,
            "present": sorted(self.present),
            "absence": None if self.absence is None else self.absence.value,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionStatus:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not a status.
        """
        try:
            return cls(
                state=State(data["state"]),
                held=Held(data["held"]),
                why=str(data["why"]),
                observed_at=parse_time(data["observed_at"]),
                started_at=_optional_time(data.get("started_at")),
                ended_at=_optional_time(data.get("ended_at")),
                session_ids=tuple(str(one) for one in data.get("session_ids", ())),
                people=None if data.get("people") is None else int(data["people"]),
                present=frozenset(str(one) for one in data.get("present", ())),
                absence=None if data.get("absence") is None else Absence(data["absence"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"This is not a session status: {error}.") from None


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
    """

    ref: SessionRef
    links: tuple[JoinLink, ...] | None
    created: bool
    status: SessionStatus | None = None
    warnings: tuple[str, ...] = ()


class People(StrEnum):
    """Whether somebody is inside."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CancelOutcome:
    """What a cancel did, and what it could not do. Never claims more than was confirmed.

    Args:
        state_before: How the session stood when the cancel began.
        done: What was done, one sentence each.
        not_done: What could not be done and why, one sentence each.
        confirmed: True only when nobody can come in any more, or the session is over.
        links_valid_until: Until when links already handed over keep working; None when none is out.
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
            "links_valid_until": _optional_text(self.links_valid_until),
            "links_open_ended": self.links_open_ended,
            "people_inside": self.people_inside.value,
            "next": self.next,
        }
