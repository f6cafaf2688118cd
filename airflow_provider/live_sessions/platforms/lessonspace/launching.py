"""From a plan to launch requests, and from a launch to the ref that finds it again. Pure.

One space, one launch for each participant, and the same space-level fields on every one of them: a later launch
overwrites them for everybody (``apis/lessonspace.md`` section 4, edge case 4).
"""

from __future__ import annotations

import difflib
import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import fingerprint
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.lessonspace.models import (
    AuthExternal,
    HolodeckParameters,
    JwtParameters,
    LaunchAnswer,
    LaunchRequest,
    LaunchUser,
    Request,
    RoomSettings,
    Timeouts,
    Webhooks,
)
from airflow_provider.live_sessions.platforms.lessonspace.refs import settings_in
from airflow_provider.live_sessions.platforms.lessonspace.window import Window

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.keys import LaunchKey

NAME = "lessonspace"

KEY_TAG = "als_key"
"""Session and space tag that carries the launch key."""
PLAN_TAG = "als_plan"
"""Session and space tag that carries the plan's fingerprint."""
CANCELLED_TAG = "als_cancelled"
"""Space tag that carries the day of a cancelled class, or ``no``."""

_GUEST = Participant(id="guest", name="Guest")

# What a launch overwrites for everybody in the space; the cancel mark repeats it from the ref.
SPACE_LEVEL = (
    "name",
    "allow_guests",
    "record_av",
    "record_content",
    "transcribe",
    "summarise",
    "server",
    "session_tags",
    "space_tags",
)


class LinkOptions(Request):
    """What applies to one link only; for all participants, or for one through their ``options``."""

    features: dict[str, Any] | None = None
    theme: dict[str, Any] | None = None
    video_layout_mode: Literal["grid", "sidebar", "floating"] | None = None
    locale: str | None = None
    invite_url: str | None = None
    resource_url: str | None = None
    holodeck_parameters: HolodeckParameters | None = None
    auth_external: AuthExternal | None = None


class PersonOptions(LinkOptions):
    """A participant's own fields, by their API names."""

    profile_picture: str | None = None
    camera_background_url: str | None = None
    single_use: bool | None = None
    session_limit: bool | None = None
    custom_jwt_parameters: JwtParameters | None = None
    record: bool | None = None
    ghost: bool | None = None


class LessonspaceOptions(LinkOptions):
    """Everything a plan may say to Lessonspace beside people and times.

    Args:
        space: ``occurrence`` gives every class a space of its own; ``persistent`` keeps one over weeks.
        space_id: The persistent space's ``id``, at most 64 characters.
        allow_guests: False by default: who has only the room's id must log in. Personal links always work.
        record_av: Record audio and video; None leaves the organisation's default.
        record_content: Record the board; None leaves the organisation's default.
        transcribe: Make a transcript; needs ``record_av`` and turns it on unless it was set to False.
        summarise: Make a summary; None leaves it out.
        webhooks: The complete set; it replaces what was there.
        server: The region; the default would be where the *worker* is.
        client_ip: An address of the participants' region, instead of ``server``.
        session_tags: Tags of your own on the session.
        space_tags: Tags of your own on the space.
        hard_stop: Seconds after the planned end when every link puts its bearer out; None never does.
        lead: Seconds before the start from when links work and presence counts.
        grace: Seconds after the end until when presence counts and links without a hard stop work.
        share_emails: Tell Lessonspace the e-mail addresses; it wants one person an address, so siblings
            who share one must not be told.
    """

    space: Literal["occurrence", "persistent"] = "occurrence"
    space_id: str = Field("", max_length=64)
    allow_guests: bool = False
    record_av: bool | None = None
    record_content: bool | None = None
    transcribe: bool = False
    summarise: bool | None = None
    webhooks: Webhooks | None = None
    server: str | None = None
    client_ip: str | None = None
    session_tags: dict[str, str] = Field(default_factory=dict)
    space_tags: dict[str, str] = Field(default_factory=dict)
    hard_stop: float | None = Field(None, ge=0)
    lead: float = Field(1800.0, ge=0)
    grace: float = Field(3600.0, ge=0)
    share_emails: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.space == "persistent" and not self.space_id:
            raise ValueError("space='persistent' needs a space_id")
        if self.space == "occurrence" and self.space_id:
            raise ValueError("space_id is for space='persistent'; an occurrence's space is named by its key")
        if self.transcribe and self.record_av is False:
            raise ValueError("transcribe needs record_av: Lessonspace transcribes the recording")
        if self.hard_stop is not None and self.hard_stop > self.grace:
            raise ValueError("hard_stop lies after grace: who is put out later than the wait ends is not seen")
        if self.hard_stop is not None and self.allow_guests:
            raise ValueError("hard_stop bounds personal links only, and allow_guests lets people in without one")
        if any(tag.startswith("als_") for tag in (*self.session_tags, *self.space_tags)):
            raise ValueError("tags that begin with als_ are the provider's own")
        return self

    @classmethod
    def of(cls, plan: Plan, conn_id: str = "") -> LessonspaceOptions:
        """Read the options of a plan, its participants' included.

        Raises:
            ConfigurationError: An option is unknown or wrong; all are named at once.
        """
        try:
            options = cls.model_validate(dict(plan.options))
            people = [PersonOptions.model_validate(dict(one.options)) for one in plan.participants]
        except ValidationError as error:
            problems = "; ".join(_problem(dict(one)) for one in error.errors())
            raise ConfigurationError(
                f"The launch options of {plan.title!r} do not fit: {problems}.",
                platform="Lessonspace",
                conn_id=conn_id,
                advice=f"Known are {', '.join(_known())}." if "is unknown" in problems else "",
            ) from None
        if options.space == "persistent" and any(one.session_limit for one in people):
            raise ConfigurationError(
                f"session_limit is refused for the persistent space of {plan.title!r}.",
                platform="Lessonspace",
                conn_id=conn_id,
                advice="A link limited to one session dies with the teacher's early test; use hard_stop instead.",
            )
        return options

    def window(self, plan: Plan) -> Window:
        """Return when what happens in the space belongs to the class."""
        return Window.around(plan.start, plan.end, lead=self.lead, grace=self.grace)

    def links_end(self, plan: Plan) -> datetime:
        """Return when the links stop working."""
        if self.hard_stop is None:
            return self.window(plan).end
        return plan.end + timedelta(seconds=self.hard_stop)


def _problem(found: dict[str, Any]) -> str:
    """Say one thing that is wrong with the options, in words for who wrote them."""
    name = ".".join(map(str, found["loc"])) or "options"
    if found["type"] != "extra_forbidden":
        return f"{name}: {found['msg'].removeprefix('Value error, ')}"
    near = difflib.get_close_matches(str(found["loc"][-1]), _known(), 1)
    return f"{name} is unknown" + (f", did you mean {near[0]}?" if near else "")


def _known() -> list[str]:
    return sorted({*LessonspaceOptions.model_fields, *PersonOptions.model_fields})


def space_id(key: LaunchKey, options: LessonspaceOptions) -> str:
    """Return the launch ``id``: made of the key alone, so that a class that is renamed keeps its space."""
    if options.space == "persistent":
        return options.space_id
    return f"als-{key.digest}"


def space_level(plan: Plan, key: LaunchKey, options: LessonspaceOptions) -> dict[str, Any]:
    """Return the complete set of space-level fields, the same for every launch of the class."""
    mark = {KEY_TAG: key.digest, PLAN_TAG: fingerprint(plan)}
    # A persistent space outlives the class, so the class's marks go on the session alone.
    space_mark = {**mark, CANCELLED_TAG: "no"} if options.space == "occurrence" else {}
    fields: dict[str, Any] = {
        "name": plan.title,
        "allow_guests": options.allow_guests,
        "record_av": True if options.transcribe else options.record_av,
        "record_content": options.record_content,
        "transcribe": options.transcribe,
        "summarise": options.summarise,
        "server": options.server,
        "session_tags": {**options.session_tags, **mark},
        "space_tags": {**options.space_tags, **space_mark},
    }
    return {name: value for name, value in fields.items() if value is not None}


def requests_of(
    plan: Plan, key: LaunchKey, options: LessonspaceOptions
) -> list[tuple[Participant, LaunchRequest]]:
    """Return one launch request for each participant; a class without any gets one guest's."""
    shared: dict[str, Any] = {
        "id": space_id(key, options),
        **space_level(plan, key, options),
        "timeouts": Timeouts(
            not_before=format_time(options.window(plan).start), not_after=format_time(options.links_end(plan))
        ),
    }
    if options.webhooks is not None:
        shared["webhooks"] = options.webhooks
    link_fields = _set_fields(options, LinkOptions)
    result = []
    for person in plan.participants or (_GUEST,):
        own = PersonOptions.model_validate(dict(person.options))
        fields = {**shared, **link_fields, **_set_fields(own, LinkOptions)}
        if person is not _GUEST:
            fields["user"] = _user(person, own, plan, options)
        elif options.hard_stop is not None:
            fields["user"] = LaunchUser(custom_jwt_parameters=_bounded(None))
        result.append((person, LaunchRequest(**fields)))
    return result


def _set_fields(options: LinkOptions, model: type[LinkOptions]) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.model_fields_set & set(model.model_fields)}


def _user(person: Participant, own: PersonOptions, plan: Plan, options: LessonspaceOptions) -> LaunchUser:
    fields: dict[str, Any] = {"id": person.id, "name": person.name, "leader": person.leader}
    if person.role:
        fields["role"] = person.role
    if person.email and options.share_emails:
        fields["email"] = person.email
    for name in own.model_fields_set - set(LinkOptions.model_fields):
        fields[name] = getattr(own, name)
    if options.hard_stop is not None:
        warned = {"softExp": int(plan.end.timestamp())} if person.leader else {}
        fields["custom_jwt_parameters"] = _bounded(own.custom_jwt_parameters, **warned)
    return LaunchUser(**fields)


def _bounded(given: JwtParameters | None, **more: Any) -> JwtParameters:
    # Needed on every link, a guest's too: not_after alone puts nobody out (launch guide).
    own = {} if given is None else given.model_dump(by_alias=True, exclude_unset=True)
    return JwtParameters(**{**own, **more, "kickOnExp": True})


def make_ref(
    plan: Plan,
    key: LaunchKey,
    options: LessonspaceOptions,
    *,
    conn_id: str,
    room_id: str,
    session_id: str,
    settings: RoomSettings | None = None,
) -> SessionRef:
    """Return what finds the class again: the space, the key and the window; the session id is a hint."""
    window = options.window(plan)
    details = {
        "space": room_id,
        "launch_id": space_id(key, options),
        "mode": options.space,
        "window_start": format_time(window.start),
        "window_end": format_time(window.end),
        "planned_start": format_time(plan.start),
        "planned_end": format_time(plan.end),
        "links_end": format_time(options.links_end(plan)),
        "hard_stop": "" if options.hard_stop is None else format_time(options.links_end(plan)),
        "settings": json.dumps(space_level(plan, key, options), sort_keys=True),
        "room_settings": json.dumps({} if settings is None else settings.model_dump(exclude_none=True)),
    }
    return SessionRef(
        platform=NAME,
        conn_id=conn_id,
        session_id=session_id,
        key=key.digest,
        details=tuple(sorted(details.items())),
    )


def silently_changed(request: LaunchRequest, answer: LaunchAnswer) -> list[str]:
    """Return a sentence for each flag that the platform quietly did not take over."""
    told = []
    for flag in ("record_av", "record_content", "transcribe", "summarise"):
        asked, got = getattr(request, flag), getattr(answer.room_settings, flag)
        if asked is not None and got is not None and asked != got:
            told.append(
                f"Lessonspace set {flag} to {str(got).lower()} although {str(asked).lower()} was asked for; "
                "the organisation may lack the feature."
            )
    return told


def cancel_mark(ref: SessionRef, now: datetime) -> LaunchRequest:
    """Return the launch that marks a class as cancelled.

    A re-launch is not harmless: every space-level field left out is reset, so all of them are repeated; the link
    it makes is dead at once and thrown away (PLATFORM-RULES, "Cancel").

    Args:
        ref: The class, in a space of its own.
        now: The platform's time: from then on the new link is worthless.
    """
    settings = settings_in(ref)
    settings["space_tags"] = {**settings.get("space_tags", {}), CANCELLED_TAG: cancelled_day(ref)}
    return LaunchRequest(
        id=ref.detail("launch_id"),
        **settings,
        user=LaunchUser(id="als-cancel", name="Cancelled", leader=False),
        timeouts=Timeouts(not_after=format_time(now)),
    )


def cancelled_day(ref: SessionRef) -> str:
    """Return the value of the cancel mark: the class's planned day, in UTC."""
    return ref.detail("planned_start")[:10]
