"""Coviu's requests and answers (``apis/coviu.md`` sections 1 and 2).

Answers tolerate unknown fields and treat as optional what one generation of the documentation leaves out.
Whatever opens a door is a ``SecretStr``: the entry URL, and the participant's id, which is its last part.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (  # noqa: TID253 - this module is loaded when a task runs, never at DAG parse
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
)

from airflow_provider.live_sessions.platforms.coviu.dates import http_date, read_date

Role = Literal["host", "guest", "participant"]


def _moment(value: Any) -> Any:
    return read_date(value) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _listed(value: Any) -> Any:
    return () if value is None else value


Moment = Annotated[datetime, BeforeValidator(_moment)]
SentMoment = Annotated[datetime, PlainSerializer(http_date)]
Text = Annotated[str, BeforeValidator(_text)]


class Answer(BaseModel):
    """An answer of the platform: unknown fields are left aside, never an error."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Request(BaseModel):
    """A request to the platform: an unknown field is a typing error and is refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    def body(self) -> dict[str, Any]:
        """Return the JSON body: what was set and is not None."""
        return self.model_dump(mode="json", exclude_unset=True, exclude_none=True)


# ---- requests ---------------------------------------------------------------------------------------------


class ParticipantRequest(Request):
    """A way in that is made or changed; ``state`` is the client's own text."""

    display_name: str | None = None
    picture: str | None = None
    role: Role | None = None
    state: str | None = None
    phone: str | None = Field(None, description="newest description only, and only for a new participant")


class SessionRequest(Request):
    """A session that is made. Times are sent as RFC 1123 in GMT."""

    session_name: str
    start_time: SentMoment
    end_time: SentMoment
    picture: str | None = None
    participants: list[ParticipantRequest] = Field(default_factory=list)
    feature_flags: list[str] | None = None


class SessionUpdate(Request):
    """What of a session is changed; the rest stays."""

    session_name: str | None = None
    start_time: SentMoment | None = None
    end_time: SentMoment | None = None
    picture: str | None = None


# ---- answers ----------------------------------------------------------------------------------------------


class Token(Answer):
    """An access token with what renews it. ``expires_in`` is seconds; its value is nowhere documented."""

    access_token: SecretStr
    refresh_token: SecretStr | None = None
    expires_in: float = Field(600.0, gt=0)
    scope: str = ""


class Team(Answer):
    """The team that the credentials belong to."""

    team_id: Text = ""
    name: str = ""


class Participant(Answer):
    """One way into a session."""

    participant_id: SecretStr
    session_id: Text = ""
    entry_url: SecretStr
    display_name: str | None = None
    picture: str | None = None
    role: str = ""
    state: str | None = None
    deleted_at: Moment | None = None


class Session(Answer):
    """One session. There is no status in it: how it stands follows from its times."""

    session_id: Text
    session_name: str | None = None
    start_time: Moment
    end_time: Moment
    picture: str | None = None
    team_id: Text = ""
    participants: Annotated[tuple[Participant, ...], BeforeValidator(_listed)] = ()
    canceled_time: Moment | None = None
    actual_end_time: Moment | None = None


class Exit(Answer):
    """The latest time somebody left."""

    left_at: Moment | None = None
    left_reason: str | None = None


class Entry(Answer):
    """One participant in a summary: first entry, without the time in a waiting room, and latest exit."""

    participant_id: SecretStr
    role: str = ""
    entry_time: Moment | None = None
    exit_time: Exit | None = None

    @property
    def left_at(self) -> datetime | None:
        """When they left for the last time; None while they are inside, or where it is not told."""
        return None if self.exit_time is None else self.exit_time.left_at


class Summary(Answer):
    """Who was in a session: the only attendance record there is."""

    start_time: Moment | None = None
    end_time: Moment | None = None
    actual_start_time: Moment | None = None
    actual_end_time: Moment | None = None
    participants: Annotated[tuple[Entry, ...], BeforeValidator(_listed)] = ()

    @property
    def came(self) -> tuple[Entry, ...]:
        """The entries of those who really entered."""
        return tuple(one for one in self.participants if one.entry_time is not None)


class Done(Answer):
    """The answer to a deletion: ``{"ok": true}``."""

    ok: bool = True


# ---- collections (newest description only)


class Collection(Answer):
    """What an app of the account collects, e.g. recordings."""

    collection_id: Text
    name: str = ""
    collection_reference: str = ""


class Submission(Answer):
    """Something that was collected in a session."""

    item_submission_id: Text
    session_id: Text | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None
    locked_at: Moment | None = None


class SubmissionFile(Answer):
    """One file of a submission. ``metadata`` is described nowhere; a ``sha256`` in it is believed."""

    id: Text
    size: int | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    created_at: Moment | None = None
    updated_at: Moment | None = None

    @property
    def sha256(self) -> str:
        """The digest that the metadata tells, in hexadecimal; empty where it tells none."""
        told = self.metadata.get("sha256")
        return told.lower() if isinstance(told, str) and re.fullmatch(r"[0-9A-Fa-f]{64}", told) else ""


class SubmissionDetail(Submission):
    """A submission with its files."""

    files: Annotated[tuple[SubmissionFile, ...], BeforeValidator(_listed)] = ()
