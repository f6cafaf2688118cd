"""What a training portal answers (``apis/educates.md`` section 2; recorded from release 3.7.1).

Answers tolerate unknown fields and treat as optional what older portals leave out. Whatever opens a door is a
``SecretStr``.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from pydantic import (  # noqa: TID253 - this module is loaded when a task runs, never at DAG parse
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
)

from airflow_provider.live_sessions.core.times import within_reason


class Phase(StrEnum):
    """Where an environment or a session stands; environments never wait."""

    STARTING = "STARTING"
    WAITING = "WAITING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"

    @property
    def pending(self) -> bool:
        """True while a session was requested and nobody has opened its link."""
        return self in (Phase.STARTING, Phase.WAITING)


class Notification(StrEnum):
    """Why a browser comes back to the ``index_url``, in its query (session management guide)."""

    SESSION_DELETED = "session-deleted"
    WORKSHOP_INVALID = "workshop-invalid"
    SESSION_UNAVAILABLE = "session-unavailable"
    SESSION_INVALID = "session-invalid"
    STARTUP_TIMEOUT = "startup-timeout"  # not documented; the session's page sends it

    @classmethod
    def of(cls, url: str) -> Notification | None:
        """Return what the address says that a browser came back to; None for nothing known."""
        given = parse_qs(urlsplit(url).query).get("notification", [])
        return next((cls(one) for one in given if one in list(cls)), None)


def _number(value: Any) -> Any:
    return 0 if value is None else value


Number = Annotated[int, BeforeValidator(_number)]
"""A number that the documentation calls nullable; 0 stands for none."""


Moment = Annotated[AwareDatetime, AfterValidator(within_reason)]


class Answer(BaseModel):
    """An answer of the portal: unknown fields are left aside, never an error."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class SessionCounts(Answer):
    """The portal's limits, 0 for none, and how many sessions are allocated."""

    maximum: Number = 0
    registered: Number = 0
    anonymous: Number = 0
    allocated: Number = 0


class Portal(Answer):
    """The portal itself. ``uid`` changes when it is deployed anew."""

    name: str = ""
    uid: str = ""
    generation: Number = 0
    url: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    sessions: SessionCounts = SessionCounts()


class WorkshopRow(Answer):
    """A workshop. ``name`` is its alias where it has one; ``resource`` exists since release 3.3.0."""

    name: str
    resource: str = ""
    title: str = ""
    description: str = ""
    vendor: str = ""
    authors: tuple[str, ...] = ()
    difficulty: str = ""
    duration: str = ""
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    logo: str = ""
    url: str = ""

    @property
    def own_name(self) -> str:
        """The name of the Workshop resource."""
        return self.resource or self.name


class SessionRow(Answer):
    """A session that somebody owns. ``expires`` is its activation window's end until it is activated."""

    name: str
    state: Phase
    user: str
    namespace: str = ""
    started: Moment | None = None
    expires: Moment | None = None
    countdown: int | None = None
    extendable: bool = False

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self.state


class Environment(Answer):
    """A running copy of a workshop, or one that is being replaced."""

    name: str
    state: Phase
    duration: Number = 0
    capacity: Number = 0
    reserved: Number = 0
    allocated: Number = 0
    available: Number = 0


class EnvironmentRow(Environment):
    """An environment of the catalogue; ``sessions`` is None where the portal left them out."""

    workshop: WorkshopRow
    sessions: tuple[SessionRow, ...] | None = None


class Catalogue(Answer):
    """The environments of a portal."""

    portal: Portal
    environments: tuple[EnvironmentRow, ...]


class OfferedWorkshop(WorkshopRow):
    """A workshop with the environment that runs it."""

    environment: Environment


class WorkshopCatalogue(Answer):
    """The workshops that a portal offers just now."""

    portal: Portal
    workshops: tuple[OfferedWorkshop, ...]


class Requested(Answer):
    """A session that was requested, new or old: nothing says which. ``url`` lets its bearer in, without login."""

    name: str = Field(validation_alias=AliasChoices("name", "session"))
    user: str
    url: SecretStr
    namespace: str = ""
    workshop: str = ""
    environment: str


class UserSession(Answer):
    """One of a user's sessions; it has no state, and those that are being stopped are left out."""

    name: str
    environment: str
    namespace: str = ""
    workshop: str = ""
    started: Moment | None = None
    expires: Moment | None = None
    countdown: int | None = None
    extendable: bool = False


class UserSessions(Answer):
    """The sessions of a user; an unknown user has none."""

    user: str
    sessions: tuple[UserSession, ...]


class Schedule(Answer):
    """How long a session is scheduled; only ``status`` tells whether anybody opened its link."""

    status: Phase
    started: Moment | None = None
    expires: Moment | None = None
    expiring: bool = False
    countdown: int | None = None
    extendable: bool = False
    extended: bool | None = None

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self.status


class Terminated(Answer):
    """A session that is being stopped; ``expires`` is now."""

    started: datetime | None = None
    expires: datetime | None = None


class Authorization(Answer):
    """Whose a session is, and who asks."""

    owner: str
    user: str = ""
    staff: bool = False


class Configuration(Answer):
    """A session's own address, and the password of its variables, kubeconfig and SSH key."""

    url: str | None = None
    password: SecretStr | None = None
