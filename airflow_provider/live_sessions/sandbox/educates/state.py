"""What exists on the portal: environments of workshops, sessions in them, users, tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class State(StrEnum):
    """Where an environment or a session stands; environments never wait."""

    STARTING = "STARTING"
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


ROBOT, STAFF, ANONYMOUS = "robot", "staff", "anonymous"


@dataclass(slots=True)
class Workshop:
    """A workshop that the portal offers.

    Args:
        resource: The Workshop resource's name.
        alias: What the catalogue calls it.
        capacity: Sessions at most, those in reserve among them.
        reserved: Sessions kept ready.
        duration: Seconds that a session lasts; 0 is without end.
        deadline: Seconds from the activation to the last end that extensions reach.
        overtime: Seconds that an extension adds; 0 is the default.
        labels: Shown in the catalogue.
        params: The names of the parameters that the workshop declares.
    """

    resource: str
    alias: str
    capacity: int
    reserved: int
    duration: float
    deadline: float
    overtime: float
    labels: dict[str, str] = field(default_factory=dict)
    params: tuple[str, ...] = ()


@dataclass(slots=True)
class Environment:
    """One running copy of a workshop; a new one with a new name replaces it.

    Args:
        name: ``<portal>-w<number>``.
        workshop: What runs in it.
        state: Where it stands.
        capacity: Sessions at most; 0 once it is being replaced.
        attached: False while it starts and has no workshop yet: many calls are a 500 then.
    """

    name: str
    workshop: Workshop
    state: State = State.RUNNING
    capacity: int = 0
    attached: bool = True
    sessions: list[Session] = field(default_factory=list)
    counter: int = 0

    def active(self) -> list[Session]:
        """Return every session that is not STOPPED, those in reserve among them."""
        return [one for one in self.sessions if one.state is not State.STOPPED]

    def allocated(self) -> list[Session]:
        """Return the sessions that somebody owns."""
        return [one for one in self.active() if one.owner is not None]

    def available(self) -> list[Session]:
        """Return the sessions in reserve."""
        return [one for one in self.active() if one.owner is None and one.state is State.WAITING]

    def session_of(self, user: str) -> Session | None:
        """Return a user's session here; one that is being stopped does not count."""
        return next((one for one in self.allocated() if one.owner == user and not one.stopping), None)


@dataclass(slots=True)
class Session:
    """One learner's session.

    Args:
        name: ``<environment>-s<number>``.
        environment: Where it is.
        created: When its row was made.
        state: Where it stands.
        owner: The portal user; None in reserve.
        token: What the activation link carries; never changes.
        started: Of the activation window, then of the workshop.
        expires: Likewise; None is never.
        password: Opens the session's configuration.
        in_cluster: False when the cluster refused to make it, or lost it.
    """

    name: str
    environment: Environment
    created: datetime
    state: State = State.STARTING
    owner: str | None = None
    token: str = field(default="", repr=False)
    started: datetime | None = None
    expires: datetime | None = None
    password: str = field(default="", repr=False)
    index_url: str = ""
    analytics_url: str = field(default="", repr=False)
    params: dict[str, str] = field(default_factory=dict, repr=False)
    activated: bool = False
    in_cluster: bool = True
    muted: bool = False

    @property
    def stopping(self) -> bool:
        """True when it does not count for its owner any more."""
        return self.state in (State.STOPPING, State.STOPPED)

    @property
    def pending(self) -> bool:
        """True while it is owned and not activated."""
        return self.owner is not None and self.state in (State.STARTING, State.WAITING)

    @property
    def threshold(self) -> float:
        """Seconds before the end from when it counts as expiring."""
        return max(300.0, min(self.environment.workshop.duration, 4 * 3600.0) / 4)

    @property
    def extension(self) -> float:
        """Seconds that an extension adds."""
        overtime = self.environment.workshop.overtime
        return max(300.0, overtime) if overtime else self.threshold

    def left(self, now: datetime) -> float | None:
        """Return the seconds until it expires; None when it never does."""
        return None if self.expires is None else max(0.0, (self.expires - now).total_seconds())

    def last_end(self) -> datetime | None:
        """Return the latest end that extensions reach."""
        return (
            None if self.started is None else self.started + timedelta(seconds=self.environment.workshop.deadline)
        )

    def extendable(self, now: datetime) -> bool:
        """Return whether it could be extended now."""
        last, left = self.last_end(), self.left(now)
        if self.state is not State.RUNNING or self.expires is None or last is None or left is None:
            return False
        return self.expires < last and left < self.extension


@dataclass(slots=True)
class Store:
    """Everything there is.

    Args:
        uid: The portal's identity; another one after it was deployed anew.
    """

    uid: str
    generation: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    environments: list[Environment] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    environment_counter: int = 0
    cluster_refuses: int = 0
    """How many of the next sessions the cluster will refuse to make."""

    def environment(self, name: str) -> Environment | None:
        """Return an environment by its name."""
        return next((one for one in self.environments if one.name == name), None)

    def sessions(self) -> Iterator[Session]:
        """Yield every session."""
        for environment in self.environments:
            yield from environment.sessions

    def session(self, name: str) -> Session | None:
        """Return a session that is not STOPPED."""
        return next((one for one in self.sessions() if one.name == name and one.state is not State.STOPPED), None)

    def allocated(self, user: str = "") -> list[Session]:
        """Return the sessions that somebody owns, or one user."""
        return [one for place in self.environments for one in place.allocated() if not user or one.owner == user]

    def active_count(self) -> int:
        """Return how many sessions are not STOPPED."""
        return sum(len(place.active()) for place in self.environments)
