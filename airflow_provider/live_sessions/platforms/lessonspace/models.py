"""Lessonspace's requests and answers (API reference; ``apis/lessonspace.md`` sections 2.1 to 2.4).

Sessions and spaces are in :mod:`listed`.

Answers tolerate unknown fields and treat as optional what one generation of the documentation leaves out.
Whatever opens a door is a ``SecretStr``.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import (  # noqa: TID253 - this module is loaded when a task runs, never at DAG parse
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
)

MAX_ID_LENGTH = 64
"""Characters of a space's ``id``; longer ones are rejected (create-space guide)."""

Policy = Literal["participant", "admin", "teacher", "student", "public"]


class Answer(BaseModel):
    """An answer of the platform: unknown fields are left aside, never an error."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def rows(cls, data: list[Any]) -> list[Self]:
        """Read a page's rows.

        Raises:
            pydantic.ValidationError: One of them has another shape.
        """
        return [cls.model_validate(row) for row in data]


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


# ---- organisations, people, what a session leaves ----------------------------------------------------------


class Organisation(Answer):
    """The organisation that the key belongs to."""

    id: int
    name: str = ""


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
