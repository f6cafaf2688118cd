"""Screenleap's answers (``apis/screenleap.md`` sections 2.2 and 2.7). Whatever opens a door is a ``SecretStr``.

Every field of a share is optional by its documentation, unknown ones are left aside, and the code has two names.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (  # noqa: TID253 - this module is loaded when a task runs, never at DAG parse
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
)

from airflow_provider.live_sessions.core.times import within_reason

CODE_LENGTH = 9
"""Digits of a code, which may begin with 0: text, never a number ("Share Session JSON", ``sessionId``)."""

CODE_FIELDS = ("sessionId", "screenShareCode")
"""What the code is called: by the GET calls, and by the create call, webhooks and older documents."""


def _code(value: Any) -> Any:
    return f"{value:0{CODE_LENGTH}d}" if isinstance(value, int) and not isinstance(value, bool) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def moment_of(value: Any) -> datetime | None:
    """Read milliseconds since 1970, as a number or as text; 0 stands for a time that has not come."""
    if value in (None, "", 0, "0"):
        return None
    try:
        return within_reason(datetime.fromtimestamp(float(value) / 1000.0, UTC))
    except (OverflowError, OSError, TypeError, ValueError):
        raise ValueError("not a time in milliseconds") from None


Code = Annotated[SecretStr, BeforeValidator(_code)]
Moment = Annotated[datetime | None, BeforeValidator(moment_of)]
Text = Annotated[str | None, BeforeValidator(_text)]


class Answer(BaseModel):
    """An answer of the platform: unknown fields are left aside, never an error."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class ShareParticipant(Answer):
    """The presenter or a viewer, from the first join to the last leave.

    ``userAgent`` is not read: nothing here needs what browser a person has.
    """

    id: Text = Field(None, alias="participantId")
    external_id: Text = Field(None, alias="externalId")
    joined_at: Moment = Field(None, alias="sharingStartTime")
    left_at: Moment = Field(None, alias="sharingEndTime")
    minutes: float | None = Field(None, alias="durationInMinutes")
    presenter: bool | None = Field(None, alias="isPresenter")


class Share(Answer):
    """One share, as the GET calls show it.

    ``active`` (``isActive``) says that presenter and viewer have both connected, minutes late: never a status.
    """

    code: Code | None = Field(None, validation_alias=AliasChoices(*CODE_FIELDS))
    created_at: Moment = Field(None, alias="dateCreated")
    external_id: Text = Field(None, alias="externalId")
    title: Text = None
    active: bool | None = Field(None, alias="isActive")
    started_at: Moment = Field(None, alias="startTime")
    ended_at: Moment = Field(None, alias="endTime")
    total_viewers: int | None = Field(None, alias="totalViewers")
    user_minutes: float | None = Field(None, alias="userMinutes")
    cost_in_cents: float | None = Field(None, alias="costInCents")
    branding: bool | None = Field(None, alias="showScreenleapBranding")
    secure: bool | None = Field(None, alias="isSecure")
    participants: tuple[ShareParticipant, ...] = ()
    share_state: Text = Field(None, alias="shareState")
    """Not documented; seen in one client. Read where it is, never required."""

    @property
    def viewers(self) -> tuple[ShareParticipant, ...]:
        """Who watched, as far as they are listed."""
        return tuple(one for one in self.participants if not one.presenter)

    @property
    def watched(self) -> bool | None:
        """Whether a viewer ever connected; None where that is not told.

        User minutes and cost exist for successful shares alone, so they tell it as well.
        """
        if self.viewers or self.active or self.total_viewers or self.user_minutes or self.cost_in_cents:
            return True
        return False if self.total_viewers == 0 else None


class LaunchData(Answer):
    """What a create answers: everything that a presenter's page needs, and all of it opens a door.

    Args:
        code: The share's code.
        viewer_url: Where to watch.
        data: The JSON object for ``screenleap.startSharing``, as it came.
    """

    code: Code
    viewer_url: SecretStr | None = None
    data: SecretStr

    @classmethod
    def read(cls, body: Any, text: str) -> LaunchData:
        """Read an answer: flat by the vendor's own sample, nested by one derived document.

        Args:
            body: The parsed JSON.
            text: The answer as it came.

        Raises:
            ValueError: It is no launch data.
        """
        inner = body.get("screenShareData") if isinstance(body, dict) else None
        flat = inner if isinstance(inner, dict) else body
        if not isinstance(flat, dict):
            raise ValueError("no object")  # noqa: TRY004 - of the answer, not of an argument
        code = next((flat[name] for name in reversed(CODE_FIELDS) if flat.get(name)), None)
        if code is None and isinstance(body, dict):
            code = next((body[name] for name in reversed(CODE_FIELDS) if body.get(name)), None)
        viewer_url = flat.get("viewerUrl") or (body.get("viewerUrl") if isinstance(body, dict) else None)
        return cls.model_validate(
            {"code": code, "viewer_url": viewer_url, "data": text if flat is body else json.dumps(flat)}
        )
