"""How a session stands, and what a wait remembers of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS, finite, why
from airflow_provider.live_sessions.core.times import (
    format_optional_time,
    format_time,
    parse_optional_time,
    parse_time,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


LONGEST_SETTLE = 366 * 86_400.0
"""Seconds; a longer one is a slip, and a shared poll must not trip over it."""


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
            "first_live": format_optional_time(self.first_live),
            "last_seen": format_optional_time(self.last_seen),
            "last_state": None if self.last_state is None else self.last_state.value,
            "last_good_poll": format_optional_time(self.last_good_poll),
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
                settle=_settle(data["settle"]),
                first_live=parse_optional_time(data.get("first_live")),
                last_seen=parse_optional_time(data.get("last_seen")),
                last_state=None if data.get("last_state") is None else State(data["last_state"]),
                last_good_poll=parse_optional_time(data.get("last_good_poll")),
            )
        except MISFITS as error:
            raise ConfigurationError(f"This is not the memory of a wait: {why(error)}.") from None


def _settle(value: Any) -> float:
    seconds = finite(value)
    if not 0 <= seconds <= LONGEST_SETTLE:
        raise ValueError(f"settle is {seconds:g}")
    return seconds


def empty_for_now(left: datetime, over_at: datetime) -> str:
    """Say of a session that everybody left, and when that counts as its end.

    Args:
        left: When the last one left.
        over_at: When it counts as over, as long as nobody comes back.
    """
    return f"Everybody left at {told(left)}; it counts as over at {told(over_at)} unless somebody comes back."


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """A session's state at a time.

    Args:
        state: Where it stands.
        held: Whether it took place.
        why: One sentence for the log.
        observed_at: When this was true, on the platform's clock where it tells one.
        started_at: When the first person came in, where known.
        ended_at: When the last one left, where known. Of a live one: it is empty now, and somebody may come back.
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

    @property
    def empty(self) -> bool:
        """True when everybody left a session that is not over yet."""
        return self.state is State.LIVE and self.ended_at is not None

    def to_json(self) -> dict[str, Any]:
        """Write for XCom and trigger events."""
        return {
            "state": self.state.value,
            "held": self.held.value,
            "why": self.why,
            "observed_at": format_time(self.observed_at),
            "started_at": format_optional_time(self.started_at),
            "ended_at": format_optional_time(self.ended_at),
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
                started_at=parse_optional_time(data.get("started_at")),
                ended_at=parse_optional_time(data.get("ended_at")),
                session_ids=tuple(str(one) for one in data.get("session_ids", ())),
                people=None if data.get("people") is None else int(data["people"]),
                present=frozenset(str(one) for one in data.get("present", ())),
                absence=None if data.get("absence") is None else Absence(data["absence"]),
            )
        except MISFITS as error:
            raise ConfigurationError(f"This is not a session status: {why(error)}.") from None
