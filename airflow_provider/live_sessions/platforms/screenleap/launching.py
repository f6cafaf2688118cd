"""From a plan to a create, and from its answer to links and the ref that finds the share again. Pure."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import (  # noqa: TID253 - loaded when a task runs
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import JoinLink, Participant, SessionRef
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.screenleap.judging import PRESENTER_ID
from airflow_provider.live_sessions.platforms.screenleap.marks import marked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Plan

NAME = "screenleap"
LABEL = "Screenleap"

FAR_AWAY = (
    "Neither presenterCountryCode nor presenterIpAddress was given: Screenleap may route the share through a "
    "server far from its presenter."
)

NOBODY_LEADS = (
    "Nobody leads: no participant is marked as who shares their screen, so the launch data is no participant's."
)

_PRESENTER = Participant(id="presenter", name="Presenter", leader=True)
_VIEWER = Participant(id="viewer", name="Viewer")


def _public(address: str) -> str:
    # The region is chosen by it, and a worker's or an office's inner address says nothing of the presenter.
    if not ipaddress.ip_address(address).is_global:
        raise ValueError("not an address that the internet sees")
    return address


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=False, hide_input_in_errors=True)


class ViewerPage(_Model):
    """Parameters of the viewer page, by their API names (older documents, "Viewer")."""

    resize: Literal["fit", "actual"] | None = None
    show_stop: bool | None = Field(None, alias="showStop")
    show_resize: bool | None = Field(None, alias="showResize")
    redirect_on_error: str | None = Field(None, alias="redirectOnError")
    redirect_on_end: str | None = Field(None, alias="redirectOnEnd")
    title_link_url: str | None = Field(None, alias="titleLinkUrl")


class CreateParameters(_Model):
    """The parameters of a create that documents of today name ("HTTP Calls", native variant)."""

    show_branding: bool | None = Field(None, alias="showScreenleapBranding")
    presenter_ip_address: Annotated[str, AfterValidator(_public)] | None = Field(None, alias="presenterIpAddress")
    presenter_country_code: str | None = Field(None, alias="presenterCountryCode", pattern=r"^[A-Za-z]{2}$")
    presenter_first_name: str | None = Field(None, alias="presenterFirstName")
    presenter_last_name: str | None = Field(None, alias="presenterLastName")
    screen_sharing_mode: (
        Literal["NONE", "SCREEN", "SCREEN_WITH_EMBEDDED_PHOTO", "SCREEN_WITH_EMBEDDED_VIDEO"] | None
    ) = Field(None, alias="screenSharingMode")
    video_mode: Literal["NONE", "BROADCAST", "FULL"] | None = Field(None, alias="videoMode")
    title: str | None = None


class ScreenleapOptions(CreateParameters):
    """Everything a plan may say to Screenleap beside people and times.

    Args:
        external_id: ``externalId``: your own id of the share, at most 150 characters; the launch key follows it.
        external_id_unique: Send it verbatim, at most 192 characters: you promise that no other share has it,
            and it is what a retry looks for.
        parameters: Any other parameter of the create by its API name: recording has three spellings
            (``record``, ``recordVideo``, ``allowRecording``), and part of the table could not be read.
        viewer: Parameters of the viewer page, for every viewer's link.
        lead: Seconds before the start from when a wait looks at the share.
        grace: Seconds after the end until when it does.
    """

    external_id: str = Field("", alias="externalId")
    external_id_unique: bool = False
    parameters: dict[str, str | bool | int | float] = Field(default_factory=dict)
    viewer: ViewerPage = Field(default_factory=ViewerPage)
    lead: float = Field(1800.0, ge=0)
    grace: float = Field(3600.0, ge=0)

    @model_validator(mode="after")
    def _apart(self) -> Self:
        own = {field.alias or name for name, field in type(self).model_fields.items()}
        twice = sorted(set(self.parameters) & own)
        if twice:
            raise ValueError(f"given as an option, not among the parameters: {', '.join(twice)}")
        if any(name.casefold() in ("accountid", "authtoken") for name in self.parameters):
            raise ValueError("credentials belong into the connection")
        return self

    @classmethod
    def of(cls, plan: Plan, conn_id: str = "") -> ScreenleapOptions:
        """Read the options of a plan.

        Raises:
            ConfigurationError: An option is unknown or wrong (all are named), or there are two presenters.
        """
        try:
            options = cls.model_validate(dict(plan.options))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg'].removeprefix('Value error, ')}"
                for one in error.errors()
            )
            raise ConfigurationError(
                f"The launch options of {plan.title!r} do not fit: {problems}.",
                platform=LABEL,
                conn_id=conn_id,
                advice="ScreenleapOptions lists what is known; `parameters` takes any other by its API name.",
            ) from None
        own = sorted(person.id for person in plan.participants if person.options)
        if own:
            raise ConfigurationError(
                f"Participants of {plan.title!r} have options of their own: {', '.join(own)}.",
                platform=LABEL,
                conn_id=conn_id,
                advice="Screenleap knows none for a person; `viewer` holds those of the viewer page.",
            )
        if sum(person.leader for person in plan.participants) > 1:
            raise ConfigurationError(
                f"{plan.title!r} has more than one leader, but a share has one presenter.",
                platform=LABEL,
                conn_id=conn_id,
                advice="Mark one participant as leader; the others watch.",
            )
        return options

    def mark(self, key: LaunchKey) -> str:
        """Return the ``externalId`` that goes out."""
        return marked(self.external_id, key.digest, unique=self.external_id_unique)

    def query(self, plan: Plan, key: LaunchKey) -> dict[str, Any]:
        """Return the parameters of the create."""
        named = {
            name: value
            for name, value in self.model_dump(by_alias=True, include=set(CreateParameters.model_fields)).items()
            if value is not None
        }
        title = {} if "title" in self.model_fields_set else {"title": plan.title}
        return {**title, **self.parameters, **named, "externalId": self.mark(key)}

    def window(self, plan: Plan) -> tuple[datetime, datetime]:
        """Return from when until when a wait looks at the share."""
        return plan.start - timedelta(seconds=self.lead), plan.end + timedelta(seconds=self.grace)

    def warnings(self, plan: Plan) -> tuple[str, ...]:
        """Return what the reader of the log should know about these options and the people of a plan."""
        told = [] if self.presenter_country_code or self.presenter_ip_address else [FAR_AWAY]
        if plan.participants and not any(one.leader for one in plan.participants):
            told.append(NOBODY_LEADS)
        return tuple(told)


def links_of(
    plan: Plan, options: ScreenleapOptions, *, data: SecretStr, viewer_url: SecretStr
) -> tuple[JoinLink, ...]:
    """Return the presenter's launch data and each viewer's link.

    A viewer's link names the viewer (``externalId`` of the viewer page), so that usage tells who watched; whoever
    has it can watch under that name.

    Args:
        plan: Who is expected.
        options: With the parameters of the viewer page.
        data: The launch data, a JSON object; no URL, but what the presenter's page needs.
        viewer_url: Where to watch.
    """
    presenter = next((one for one in plan.participants if one.leader), _PRESENTER)
    viewers = [one for one in plan.participants if one is not presenter] or [_VIEWER]
    page = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in options.viewer.model_dump(by_alias=True).items()
        if value is not None
    }
    links = [JoinLink(participant=presenter, url=data, user_id=PRESENTER_ID)]
    links += [JoinLink(one, viewer_link(viewer_url, one, page), user_id=one.id) for one in viewers]
    return tuple(links)


def viewer_link(viewer_url: SecretStr, viewer: Participant, page: Mapping[str, Any] | None = None) -> SecretStr:
    """Return a viewer's own link.

    Args:
        viewer_url: Where to watch.
        viewer: Who.
        page: Parameters of the viewer page by their API names.
    """
    clear = viewer_url.get_secret_value()
    query = urlencode({**(page or {}), "externalId": viewer.id})
    return SecretStr(f"{clear}{'&' if '?' in clear else '?'}{query}")


def make_ref(
    plan: Plan, key: LaunchKey, options: ScreenleapOptions, *, conn_id: str, digest: str, sealed_code: str
) -> SessionRef:
    """Return what finds the share again: a digest of its code to show, and the code sealed."""
    opens, closes = options.window(plan)
    details = {
        "code": sealed_code,
        "external_id": options.mark(key),
        "window_start": format_time(opens),
        "window_end": format_time(closes),
        "planned_start": format_time(plan.start),
        "planned_end": format_time(plan.end),
    }
    return SessionRef(NAME, conn_id, digest, key.digest, tuple(sorted(details.items())))
