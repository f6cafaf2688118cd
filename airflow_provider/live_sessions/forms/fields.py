"""The fields of the example DAGs' forms, each written once; put them into your own DAG's ``params``.

Each function returns a new ``Param``; those that go together come as a dictionary. Airflow checks a form before a
run begins: what a platform would refuse is said while it is being filled in. Defaults and limits are those of the
operators, so that a form cannot promise something else. What most people leave as it is stands in a section of its
own, :data:`TECHNICAL`, which Airflow shows folded up.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import Param

from airflow_provider.live_sessions.compat.features import defaults_have_to_fit
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.mail_address import ADDRESS
from airflow_provider.live_sessions.core.polling import ARTIFACT_DELAYS, POLL_INTERVAL
from airflow_provider.live_sessions.forms.start import HOW_TO_WRITE, START
from airflow_provider.live_sessions.schedules.line_pattern import LEADER, is_mark, line_pattern
from airflow_provider.live_sessions.triggers.waiting import SETTLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_TITLE = 200
DATE_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$"
"""With an offset: JSON schema's own date-time also takes what names no zone in some of its readers."""

ONE_ADDRESS = rf"^({ADDRESS})?$"
"""One e-mail address, or none: what a link may be mailed to."""

RUN_ID = r"^(?!\s*(manual|scheduled|asset_triggered|backfill)__\s*$).*\S"
"""What names a run: more than how Airflow begins every run's id."""

TECHNICAL = "Technical settings"
"""The section of what most people leave as it is."""

ON_MISSED = ("skip", "launch", "fail")


def title(default: str) -> Param:
    """Return the field for what people call the session."""
    return Param(default, type="string", minLength=1, maxLength=LONGEST_TITLE, title="Title")


def _or_said(rule: Mapping[str, Any], said: str) -> dict[str, Any]:
    """Return a rule whose breach is told in words: Airflow else shows a person the regular expression.

    Args:
        rule: A JSON schema.
        said: What was expected.
    """
    return {"if": dict(rule), "else": {"const": said}}


def start(default: str) -> Param:
    """Return the field for a planned start, as :mod:`~airflow_provider.live_sessions.forms.start` reads it.

    Args:
        default: What stands in it at first, e.g. ``in 2 minutes``.
    """
    return Param(
        default,
        type="string",
        title="Start",
        description=f"{HOW_TO_WRITE[0].upper()}{HOW_TO_WRITE[1:]}; in the time zone of the {TECHNICAL.lower()}.",
        **_or_said({"pattern": START}, HOW_TO_WRITE),
    )


def moment(label: str, description: str) -> Param:
    """Return a field for a day and a time; it may stay empty.

    Args:
        label: Its title.
        description: What is said below it, and what an empty one means.
    """
    return Param(
        None,
        type=["string", "null"],
        format="date-time",
        pattern=DATE_TIME,
        title=label,
        description=description,
    )


def minutes(default: float, *, longest: float, label: str = "Length, minutes", whole: bool = False) -> Param:
    """Return the field for a length in minutes, above 0.

    Args:
        default: What stands in it at first.
        longest: The most that the platform, or good sense, allows.
        label: Its title.
        whole: Take whole minutes only.
    """
    if whole:
        return Param(int(default), type="integer", minimum=1, maximum=longest, title=label)
    return Param(default, type="number", exclusiveMinimum=0, maximum=longest, title=label)


def participants(
    default: Sequence[str],
    *,
    roles: Sequence[str] = (),
    leader: bool = True,
    with_ids: bool = False,
    most: int = 200,
    label: str = "Participants",
    description: str = "Each gets a link of their own.",
) -> Param:
    """Return the field for who is expected, at least one person: a text box with one person a line.

    A line is read by ``schedules.people_lines``. Programs may send
    mappings with ``id``, ``name``, ``email``, ``role`` and ``leader`` instead.

    Args:
        default: The lines that stand in it at first.
        roles: The words that may stand before a person, with a colon, in lower case; without any there is no role.
        leader: Whether somebody can be marked as the leader.
        with_ids: Whether each needs an ``id``; an e-mail address is one.
        most: How many lines there may be.
        label: Its title.
        description: What is said below it, before how a line is written.

    Raises:
        ConfigurationError: A line could not say a role as it is.
    """
    for role in roles:
        if not is_mark(role) or role == LEADER:
            raise ConfigurationError(
                f"{role!r} cannot be a role that people write before a name.",
                advice=f"Write it in lower case, without any of | < > : ; @; {LEADER!r} says who leads.",
            )
    properties: dict[str, Any] = {
        "id": {"type": "string", **({"minLength": 1} if with_ids else {})},
        "name": {"type": "string", "minLength": 1},
        "email": {"type": "string", "pattern": ONE_ADDRESS},
    }
    if roles:
        properties["role"] = {"type": "string", "enum": list(roles)}
    if leader:
        properties["leader"] = {"type": "boolean"}
    marks = (*roles, *((LEADER,) if leader else ()))
    return Param(
        list(default),
        type="array",
        minItems=1,
        maxItems=most,
        contains={"not": {"type": "string", "pattern": r"^\s*$"}},
        title=label,
        description=f"{description} {_how_to_write(marks, with_ids=with_ids)}",
        # No type stands at the top of it: Airflow makes a plain text box, a line an entry, of items without one.
        items={
            "if": {"type": "object"},
            "then": {
                "required": ["id", "name"] if with_ids else ["name"],
                "properties": properties,
                "additionalProperties": False,
            },
            "else": _or_said(
                {"type": "string", "maxLength": 1000, "pattern": line_pattern(marks, with_ids=with_ids)},
                _how_to_write(marks, with_ids=with_ids),
            ),
        },
    )


def _how_to_write(marks: Sequence[str], *, with_ids: bool) -> str:
    how = f"One person a line: {'an id and the name, ada|Ada, or ' if with_ids else ''}Name <email>."
    if not marks:
        return how
    first, *others = (f"{mark}:" for mark in marks)
    also = f" (or {', '.join(others)})" if others else ""
    return f"{how} {first}{also} before the name says the part played."


def conn_id(platform: str) -> Param:
    """Return the field for a platform's connection, e.g. of ``Lessonspace``."""
    return Param(
        f"{platform.casefold()}_default",
        type="string",
        minLength=1,
        title=f"{platform} connection",
        section=TECHNICAL,
    )


def zone_at_first(default: str) -> str:
    """Return what stands in a form's field for a time zone at first, see :func:`timezone`."""
    return str(conf.get("live_sessions", "timezone", fallback="") or default)


def timezone(default: str, label: str = "Time zone", *, description: str | None = None) -> Param:
    """Return the field for a time zone: the school's own, ``[live_sessions] timezone``, stands in it at first.

    Args:
        default: What stands in it where Airflow's configuration names none; empty, it may stay empty.
        label: Its title.
        description: What is said below it, and what an empty one means.
    """
    may_be_empty = not default
    default = zone_at_first(default)
    if may_be_empty:
        return Param(default, type=["string", "null"], title=label, description=description, section=TECHNICAL)
    return Param(default, type="string", minLength=1, title=label, description=description, section=TECHNICAL)


def destination(label: str = "Destination of files") -> Param:
    """Return the field for where files go; it may stay empty."""
    return Param(
        "",
        type=["string", "null"],
        title=label,
        description="A path or URL. Empty: the default.",
        section=TECHNICAL,
    )


def smtp_conn_id(label: str = "SMTP connection for the links") -> Param:
    """Return the field for the connection that mails links."""
    return Param(
        "smtp_default",
        type="string",
        title=label,
        description="Where Airflow has none of this name, nobody is mailed: links stay sealed inside Airflow.",
        section=TECHNICAL,
    )


def seconds(
    default: float | None,
    label: str,
    *,
    description: str | None = None,
    optional: bool = False,
    above: bool = False,
) -> Param:
    """Return a technical field for a number of seconds.

    Args:
        default: What stands in it at first.
        label: Its title.
        description: What is said below it.
        optional: Whether it may stay empty, which means never, or at once.
        above: Whether it has to be above 0.
    """
    least: dict[str, Any] = {"exclusiveMinimum": 0} if above else {"minimum": 0}
    return Param(
        default,
        type=["number", "null"] if optional else "number",
        title=label,
        description=description,
        section=TECHNICAL,
        **least,
    )


def minutes_or_never(default: float, label: str, description: str) -> Param:
    """Return a field for a number of minutes that may stay empty; in a template, empty is ``None``.

    Args:
        default: What stands in it at first.
        label: Its title.
        description: What is said below it, and what an empty one means.
    """
    return Param(default, type=["number", "null"], minimum=0, title=label, description=description)


def hand_over_before() -> dict[str, Param]:
    """Return the field for how long before the start links leave Airflow."""
    label = "Hand-over of links before the start, minutes"
    why = "Until then a cancel is complete. Empty: at once."
    return {"hand_over_before_minutes": minutes_or_never(60, label, why)}


def polling(
    *,
    settle: float = SETTLE,
    settle_label: str = "Time for which a room has to stay empty, seconds",
    settle_description: str | None = "Then the class is over; somebody may come back until then.",
    interval: float = POLL_INTERVAL,
    longest_interval: float | None = None,
) -> dict[str, Param]:
    """Return the fields for how an end is waited for.

    Args:
        settle: Seconds for which an early end must stand.
        settle_label: What that field is called.
        settle_description: What is said below it.
        interval: Seconds between polls.
        longest_interval: The most that the platform allows between two polls.
    """
    longest: dict[str, Any] = {} if longest_interval is None else {"maximum": longest_interval}
    return {
        "settle_seconds": seconds(settle, settle_label, description=settle_description, above=True),
        "poll_interval": Param(
            interval,
            type="number",
            exclusiveMinimum=0,
            title="Time between polls, seconds",
            section=TECHNICAL,
            **longest,
        ),
    }


# ---- Lessonspace


def lessonspace_class() -> dict[str, Param]:
    """Return the fields for how a class on Lessonspace is launched."""
    return {
        "transcribe": Param(True, type="boolean", title="Transcript"),
        "hard_stop_minutes": minutes_or_never(
            10, "Overtime, minutes", "So long after the planned end everybody is put out. Empty: never."
        ),
    }


def lessonspace_room() -> dict[str, Param]:
    """Return the fields for how long around a class its room is its own."""
    return {
        "lead_seconds": seconds(1800, "Opening of the room before the start, seconds"),
        "grace_seconds": seconds(3600, "Closing of the room after the end, seconds"),
    }


def lessonspace_artifacts() -> dict[str, Param]:
    """Return the fields for how transcripts and recordings are waited for."""
    rules = asdict(DEFAULT_RULES)
    return {
        "check_delays": Param(
            list(ARTIFACT_DELAYS),
            type="array",
            minItems=1,
            items={"type": "number", "exclusiveMinimum": 0},
            title="Times between questions for a transcript, seconds",
            section=TECHNICAL,
        ),
        "rules": Param(
            rules,
            type="object",
            additionalProperties={"type": "number", "minimum": 0},
            propertyNames={"enum": list(rules)},
            title="Rules for when a transcript can be expected, seconds",
            section=TECHNICAL,
        ),
    }


# ---- timetables


def timetable(variable: str, *, label: str = "Timetable", kinds: str = "CSV or iCalendar") -> Param:
    """Return the field for a timetable's address.

    Args:
        variable: The Airflow variable that stands in for an empty one.
        label: Its title.
        kinds: What it may be.
    """
    return Param(
        "",
        type=["string", "null"],
        title=label,
        description=f"Path or URL of a {kinds} file; any URL of Airflow's object storage. "
        f"Empty: the Airflow variable {variable}.",
    )


def timetable_name(default: str, *, of_what: str = "timetable", each: str = "class") -> Param:
    """Return the field for a timetable's name."""
    return Param(
        default,
        type="string",
        minLength=1,
        title=f"Name of the {of_what}",
        description=f"Each {each} is known by it: keep it when the {of_what} moves.",
        section=TECHNICAL,
    )


def selection(*, of_what: str = "timetable", plural: str = "Classes") -> dict[str, Param]:
    """Return the fields for what a run takes from a timetable."""
    return {
        "launch_despite_errors": Param(
            False,
            type="boolean",
            title="Launch the others when a row has a fault",
            description=f"Else a {of_what} with a fault in it launches nothing.",
            section=TECHNICAL,
        ),
        "horizon_hours": Param(
            24,
            type="number",
            exclusiveMinimum=0,
            maximum=36,
            title="How far ahead to launch, hours",
            section=TECHNICAL,
        ),
        "on_missed": Param("skip", enum=list(ON_MISSED), title=f"{plural} whose start has passed"),
    }


# ---- sessions that were launched before


def launched_by(dag_ids: Sequence[str]) -> dict[str, Param]:
    """Return the fields that name a session which a run launched.

    Args:
        dag_ids: The DAGs that launch such sessions.
    """
    return {
        "dag_id": Param(dag_ids[0], type="string", enum=list(dag_ids), title="DAG that launched it"),
        "run_id": Param(
            None,  # Airflow 3.1 checks a form when it reads the DAG, and a false example misleads
            type=["string", "null"] if defaults_have_to_fit() else "string",
            pattern=RUN_ID,
            title="Run id",
            description="Copy it from the page Live sessions: manual__2026-09-01T07:00:00+00:00",
        ),
        "title": Param(
            "",
            type=["string", "null"],
            maxLength=LONGEST_TITLE,
            title="Title",
            description="Only where the run launched several sessions: which one.",
        ),
    }
