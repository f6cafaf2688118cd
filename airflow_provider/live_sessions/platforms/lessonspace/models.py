"""Lessonspace's requests and answers (API reference; ``apis/lessonspace.md`` sections 2.1 to 2.4).

Answers tolerate unknown fields and treat as optional what one generation of the documentation leaves out.
Whatever opens a door is a ``SecretStr``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (  # noqa: TID253 - this module is loaded when a task runs, never at DAG parse
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
)

from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.core.times import within_reason

MAX_ID_LENGTH = 64
"""Characters of a space's ``id``; longer ones are rejected (create-space guide)."""

Policy = Literal["participant", "admin", "teacher", "student", "public"]


def _utc(value: Any) -> Any:
    """Read a naive time of an answer as UTC: its zone is undocumented, and UTC is what samples show."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    return within_reason(value) if isinstance(value, datetime) else value


def _tags(value: Any) -> Any:
    """Read tags as a mapping: the reference types them as a string, clients see objects."""
    if isinstance(value, str):
        try:
            value = load_json(value) if value else {}
        except ValueError:
            return {}
    if isinstance(value, dict):
        return {str(key): "" if item is None else str(item) for key, item in value.items()}
    return {} if value is None else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _person(value: Any) -> Any:
    """Read who a log line is about: the reference says text, an object with an id would be as natural."""
    if isinstance(value, dict):
        value = value.get("user", value.get("id"))
    return _text(value)


Moment = Annotated[datetime, BeforeValidator(_utc)]
Tags = Annotated[dict[str, str], BeforeValidator(_tags)]
Text = Annotated[str, BeforeValidator(_text)]
"""Text that some generations of the API write as a number."""


class Answer(BaseModel):
    """An answer of the platform: unknown fields are left aside, never an error."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Request(BaseModel):
    """A request to the platform: an unknown field is a typing error and is refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    def body(self) -> dict[str, Any]:
        """Return the JSON body: what was set, with nulls that were set on purpose."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


# ---- launch -----------------------------------------------------------------------------------------------


class JwtParameters(Request):
    """Custom parameters of the link's token (launch guide). Readable by its bearer: nothing secret here."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    kick_on_exp: bool | None = Field(None, alias="kickOnExp")
    soft_exp: int | None = Field(None, alias="softExp", description="unix seconds")
    meta: dict[str, Any] | None = None


class LaunchUser(Request):
    """The person a link is made for."""

    name: str | None = None
    id: str | None = None
    email: str | None = None
    role: str | None = None
    leader: bool | None = None
    profile_picture: str | None = None
    camera_background_url: str | None = None
    single_use: bool | None = None
    session_limit: bool | None = None
    custom_jwt_parameters: JwtParameters | None = None
    record: bool | None = None
    ghost: bool | None = None


class SessionWebhooks(Request):
    """URLs called as the session goes."""

    start: str | None = None
    idle: str | None = None
    end: str | None = None


class UserWebhooks(Request):
    """URLs called as people come and go."""

    join: str | None = None
    idle: str | None = None
    leave: str | None = None


class TranscriptionWebhooks(Request):
    """The URL called when a transcript is ready."""

    finish: str | None = None


class CobrowserWebhooks(Request):
    """URLs called around co-browsing."""

    start: str | None = None
    stop: str | None = None


class ChatWebhooks(Request):
    """The URL called for each chat message."""

    message: str | None = None


class Webhooks(Request):
    """One URL an event; they belong to the space and the last launch's set counts."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)  # newer events: knock.*, summary.*

    session: SessionWebhooks | None = None
    user: UserWebhooks | None = None
    transcription: TranscriptionWebhooks | None = None
    cobrowser: CobrowserWebhooks | None = None
    chat: ChatWebhooks | None = None


class Timeouts(Request):
    """When the link can be used to join; by itself it puts nobody out."""

    not_before: str | None = None
    not_after: str | None = None


class HolodeckParameters(Request):
    """What the window does after the end. ``customCloseAutomatic`` is the *string* ``"true"``."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    custom_close_url: str | None = Field(None, alias="customCloseUrl")
    custom_close_name: str | None = Field(None, alias="customCloseName")
    custom_close_automatic: Literal["true", "false"] | None = Field(None, alias="customCloseAutomatic")


class AuthExternal(Request):
    """Authentication by the caller's own page."""

    method: Literal["child", "redirect"]
    url: str
    token: SecretStr
    ephemeral: bool | None = None


class LaunchRequest(Request):
    """Every documented field of ``POST /spaces/launch/``."""

    id: str = Field(min_length=1, max_length=MAX_ID_LENGTH)
    name: str | None = None
    allow_guests: bool | None = None
    record_av: bool | None = None
    record_content: bool | None = None
    transcribe: bool | None = None
    summarise: bool | None = None
    user: LaunchUser | None = None
    webhooks: Webhooks | None = None
    timeouts: Timeouts | None = None
    features: dict[str, Any] | None = None
    theme: dict[str, Any] | None = None
    video_layout_mode: Literal["grid", "sidebar", "floating"] | None = None
    locale: str | None = None
    server: str | None = None
    session_tags: dict[str, str] | None = None
    space_tags: dict[str, str] | None = None
    invite_url: str | None = None
    resource_url: str | None = None
    holodeck_parameters: HolodeckParameters | None = None
    auth_external: AuthExternal | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON body, with the external token in clear: it has to be sent."""
        body = super().body()
        if self.auth_external is not None:
            body["auth_external"]["token"] = self.auth_external.token.get_secret_value()
        return body


class RoomSettings(Answer):
    """What applies to the room after a launch; a flag that differs from what was asked was refused."""

    record_av: bool | None = None
    record_content: bool | None = None
    transcribe: bool | None = None
    summarise: bool | None = None
    waiting_room: bool | None = None


class LaunchAnswer(Answer):
    """What a launch gives. ``user_id`` and ``room_settings`` are missing in older answers."""

    client_url: SecretStr
    room_id: str
    session_id: str
    secret: SecretStr | None = None
    api_base: str = ""
    user_id: int | None = None
    room_settings: RoomSettings = RoomSettings()
    created: bool = Field(False, description="set by the client: 201 is a new space, 200 an existing one")


# ---- sessions, spaces, users ------------------------------------------------------------------------------


class Organisation(Answer):
    """The organisation that the key belongs to."""

    id: int
    name: str = ""


class Space(Answer):
    """A room. ``url`` may carry a signed token, so it is a secret."""

    id: Text = ""
    slug: str = ""
    alias: str | None = None
    name: str | None = None
    organisation: int | None = None
    tags: Tags = Field(default_factory=dict)
    url: SecretStr | None = None
    created_at: Moment | None = None
    region: str | None = None
    record_av: bool | None = None
    transcribe: bool | None = None

    def is_room(self, room_id: str) -> bool:
        """Return whether this is the room with that ``room_id``, which is the slug."""
        return room_id in (self.slug, self.id)


class Profile(Answer):
    """A known person seen in a session; ``user`` is the launch's ``user_id``."""

    user: int | None = None
    name: str | None = None
    email: str | None = None
    role: str | None = None

    @property
    def key(self) -> str:
        """Tells people apart: the user id, or the name where there is none."""
        return f"name:{self.name or ''}" if self.user is None else str(self.user)


class Guest(Answer):
    """Somebody without a profile."""

    uuid: str


class LogEntry(Answer):
    """One line of a session's log."""

    log_type: str
    date: Moment
    id: int | None = None
    profile: Annotated[str | None, BeforeValidator(_person)] = None
    guest_uuid: str | None = None
    user_socket_id: str | None = None


class Session(Answer):
    """One stretch of presence in a space; ``end_time`` is null while it is in progress."""

    uuid: str
    id: int | None = None
    name: str | None = None
    space: Space | None = None
    start_time: Moment | None = None
    end_time: Moment | None = None
    profiles: tuple[Profile, ...] = ()
    guests: tuple[Guest, ...] = ()
    logs: tuple[LogEntry, ...] = ()
    billable_seconds: int | None = None
    tags: Tags = Field(default_factory=dict)
    playback_url: str | None = None
    recording_access_policy: tuple[str, ...] | None = None
    recording_available: bool | None = None
    recording_deleted: bool | None = None
    playback_password: SecretStr | None = None

    @property
    def people(self) -> frozenset[str]:
        """Distinct people: profile ids as text, guests as ``guest:<uuid>``."""
        return frozenset({profile.key for profile in self.profiles}) | frozenset(
            f"guest:{guest.uuid}" for guest in self.guests
        )

    @property
    def seconds(self) -> float | None:
        """How long it lasted; None while it is in progress."""
        if self.start_time is None or self.end_time is None:
            return None
        return (self.end_time - self.start_time).total_seconds()


class SessionUpdate(Answer):
    """What a PATCH left."""

    name: str | None = None
    recording_access_policy: tuple[str, ...] | None = None


class Transcript(Answer):
    """The pointer to a transcript: a signed URL, good for 12 hours, or nothing yet."""

    url: SecretStr | None = Field(None, alias="transcriptionUrl")


class Playback(Answer):
    """A bearer link to the interactive replay, good for at most 3 hours."""

    recording_url: SecretStr | None = None


class UserAccount(Answer):
    """The account inside a membership."""

    id: int
    username: str | None = None


class OrganisationUser(Answer):
    """A person of the organisation; ``external_id`` is the launch's ``user.id``."""

    user: UserAccount
    role: str | None = None
    active: bool | None = None
    name: str | None = None
    external_id: str | None = None
