"""From a plan to a request, and from a session to the ref that finds it again. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import fingerprint
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.coviu import marks
from airflow_provider.live_sessions.platforms.coviu.dates import future_second, whole_second
from airflow_provider.live_sessions.platforms.coviu.models import (
    ParticipantRequest,
    Request,
    Role,
    Session,
    SessionRequest,
    SessionUpdate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.core.keys import LaunchKey

NAME = "coviu"
LABEL = "Coviu"

LONGEST = timedelta(hours=12)
"""The longest session (stated in the official plugin only)."""

_ROLES: tuple[Role, ...] = ("host", "guest", "participant")


class PersonOptions(Request):
    """A participant's own fields, by their API names.

    Args:
        picture: URL of a picture.
        state: The client's own text, unique within the session; the participant's id by default.
        role: ``host``, ``guest`` or ``participant``; by default a leader is a host, anybody else a guest.
        phone: A telephone number (newest description of the API only).
    """

    picture: str | None = None
    state: str | None = Field(None, min_length=1, max_length=marks.LONGEST_STATE)
    role: Role | None = None
    phone: str | None = None


class CoviuOptions(Request):
    """Everything a plan may say to Coviu beside people and times.

    Args:
        picture: URL of the room's picture.
        feature_flags: As in the newest description, e.g. ``session;enforce-participant-uniqueness``.
        lead: Seconds before the start from when a wait looks whether the session was moved or cancelled.
        grace: Seconds after the end when a session counts as over without a word from Coviu.
        moves_within: Seconds after the planned end until when a wait follows a session that is moved.
    """

    picture: str | None = None
    feature_flags: list[str] | None = None
    lead: float = Field(3600.0, ge=0)
    grace: float = Field(300.0, ge=0)
    moves_within: float = Field(86_400.0, gt=0)

    @classmethod
    def of(cls, plan: Plan, conn_id: str = "") -> CoviuOptions:
        """Read the options of a plan, and check what of the plan Coviu would refuse.

        Raises:
            ConfigurationError: An option is unknown or wrong, nobody takes part, two share a state, or the
                session is longer than 12 hours.
        """
        try:
            options = cls.model_validate(dict(plan.options))
            for one in plan.participants:
                PersonOptions.model_validate(dict(one.options))
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg']}" for one in error.errors()
            )
            raise ConfigurationError(
                f"The launch options of {plan.title!r} do not fit: {problems}.",
                platform=LABEL,
                conn_id=conn_id,
                advice="CoviuOptions and PersonOptions list what is known.",
            ) from None
        problem = _problem(plan, options)
        if problem:
            raise ConfigurationError(f"{plan.title!r}: {problem}", platform=LABEL, conn_id=conn_id)
        return options


def _problem(plan: Plan, options: CoviuOptions) -> str:
    states = [state_of(one) for one in plan.participants]
    if not states:
        return "it has no participants. At least one is needed: the launch is found again by one."
    if len(set(states)) != len(states):
        return "two participants have the same state. Give each their own: it tells them apart."
    if any(len(one) > marks.LONGEST_STATE or marks.MARK in one for one in states):
        return (
            f"a participant's id or state is longer than {marks.LONGEST_STATE} characters or holds {marks.MARK!r}."
        )
    if whole_second(plan.end) - whole_second(plan.start) > LONGEST:
        return "it is longer than the 12 hours that Coviu allows."
    if options.moves_within < options.grace:
        return "moves_within is shorter than grace, so a wait would end before the session counts as over."
    return ""


def state_of(person: Participant) -> str:
    """Return the user's own state of a participant: the one given, else the participant's id."""
    return str(person.options.get("state") or person.id)


def role_of(person: Participant) -> Role:
    """Return a participant's role: the one given, else host for a leader, else their role's word, else guest."""
    given = str(person.options.get("role") or "").casefold()
    if not given and not person.leader:
        given = person.role.casefold()
    return next((role for role in _ROLES if role == given), "host" if person.leader else "guest")


def bearer_of(plan: Plan) -> Participant:
    """Return the participant that bears the launch key: the first host, else the first."""
    hosts = [one for one in plan.participants if role_of(one) == "host"]
    return (hosts or list(plan.participants))[0]


def search_state(plan: Plan, key: LaunchKey) -> str:
    """Return the exact state that the session of a launch is searched by."""
    return marks.marked(state_of(bearer_of(plan)), key.digest)


def participant_request(person: Participant, *, key: str = "") -> ParticipantRequest:
    """Return the request that makes a participant.

    Args:
        person: Who.
        key: The launch key, for its bearer.
    """
    own = PersonOptions.model_validate(dict(person.options))
    state = state_of(person)
    return ParticipantRequest(
        display_name=person.name,
        picture=own.picture,
        role=role_of(person),
        state=marks.marked(state, key) if key else state,
        phone=own.phone,
    )


def participant_update(name: str, changes: Mapping[str, str]) -> ParticipantRequest:
    """Return the request that changes a participant.

    Args:
        name: The new name; empty leaves it.
        changes: Of role, picture and state those that change.

    Raises:
        ConfigurationError: A value is not one that Coviu knows.
    """
    try:
        own = PersonOptions.model_validate(changes)
    except ValidationError as error:
        problems = "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())
        raise ConfigurationError(f"The participant cannot be changed so: {problems}.", platform=LABEL) from None
    if marks.MARK in (own.state or ""):
        raise ConfigurationError(f"A state must not hold {marks.MARK!r}.", platform=LABEL)
    given = {"display_name": name, "role": own.role, "picture": own.picture, "state": own.state}
    return ParticipantRequest.model_validate({key: value for key, value in given.items() if value})


def session_request(plan: Plan, key: LaunchKey, options: CoviuOptions, now: datetime) -> SessionRequest:
    """Return the request that makes the session, the key in it.

    Args:
        plan: The session as it is meant to be.
        key: The launch's identity.
        options: The plan's options.
        now: Coviu's time; a start that has passed, or is about to, moves a few seconds ahead of it.

    Raises:
        ConfigurationError: Nothing is left of the session.
    """
    start, end = future_second(plan.start, now), whole_second(plan.end)
    if end <= start:
        raise ConfigurationError(
            f"{plan.title!r} ends at {format_time(plan.end)}: nothing is left of it.",
            platform=LABEL,
            advice="Give a start that lies ahead.",
        )
    bearer = bearer_of(plan)
    return SessionRequest(
        session_name=plan.title,
        start_time=start,
        end_time=end,
        picture=options.picture,
        participants=[
            participant_request(one, key=key.digest if one is bearer else "") for one in plan.participants
        ],
        feature_flags=options.feature_flags,
    )


def difference(session: Session, plan: Plan, options: CoviuOptions, now: datetime) -> SessionUpdate | None:
    """Return what brings a session up to date with its plan; None where it is.

    Of a session that has started only the name and the end are changed: whether Coviu takes a start that has
    passed is not known.
    """
    changes: dict[str, object] = {}
    if (session.session_name or "") != plan.title:
        changes["session_name"] = plan.title
    if options.picture is not None and session.picture != options.picture:
        changes["picture"] = options.picture
    end = whole_second(plan.end)
    if session.end_time != end:
        changes["end_time"] = end
    wanted, soonest = whole_second(plan.start), future_second(plan.start, now)
    # A start that has passed is not undone: only what lies further ahead than need be is brought forward.
    moved = session.start_time != wanted and (wanted > now or session.start_time > soonest)
    if session.start_time > now and moved and soonest < end:
        changes["start_time"] = soonest
    return SessionUpdate.model_validate(changes) if changes else None


def plan_mark(session: Session, plan: Plan) -> str:
    """Return the fingerprint of the plan that a session was launched with, as far as Coviu shows it.

    Coviu has no field for it, so title, times and people are compared. People that were added since do not
    count, nor does a start that a late launch moved ahead.

    Returns:
        The plan's own fingerprint where they agree, else some other text.
    """
    states = {marks.own_state(one.state) for one in session.participants}
    same = (
        (session.session_name or "") == plan.title
        and session.end_time == whole_second(plan.end)
        and session.start_time >= plan.start
        and {state_of(one) for one in plan.participants} <= states
    )
    return fingerprint(plan) if same else f"not the plan of {session.session_id}"


def make_ref(plan: Plan, key: LaunchKey, options: CoviuOptions, *, conn_id: str, session_id: str) -> SessionRef:
    """Return what finds the session again. Its id alone opens nothing; a participant's would, so none is in it."""
    details = {
        "window_start": format_time(plan.start - timedelta(seconds=options.lead)),
        "window_end": format_time(plan.end + timedelta(seconds=options.moves_within)),
        "planned_start": format_time(plan.start),
        "planned_end": format_time(plan.end),
        "grace": str(options.grace),
    }
    return SessionRef(
        platform=NAME,
        conn_id=conn_id,
        session_id=session_id,
        key=key.digest,
        details=tuple(sorted(details.items())),
    )
