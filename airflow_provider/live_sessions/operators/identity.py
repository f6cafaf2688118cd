"""Which session is meant: a launched one's record, or a class of a timetable that is looked up by its key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.contract import Absent, Found, Unprovable
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Plan, SessionRef
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.live_sessions.core.contract import SessionPlatform


@dataclass(frozen=True, slots=True)
class Meant:
    """A session that was found.

    Args:
        ref: Finds it again.
        title: What people call it.
        hand_over_at: When its links may leave Airflow; None for at once.
    """

    ref: SessionRef
    title: str
    hand_over_at: datetime | None

    def handed_over(self, now: datetime) -> bool:
        """Return whether a link may have left Airflow by now."""
        return self.hand_over_at is None or now >= self.hand_over_at


def find_meant(
    session: Any,
    *,
    platform: SessionPlatform,
    conn_id: str,
    timetable: str,
    hand_over_before: timedelta | float | str | None,
    options_of: Callable[[Occurrence], dict[str, Any]],
) -> Meant | Absent | Unprovable:
    """Return the session that is meant, or what the platform can say of a class that it does not show.

    Args:
        session: A launch operator's result, or a class of a timetable.
        platform: The open platform.
        conn_id: The connection, for a class's key.
        timetable: The timetable's name, for a class's key.
        hand_over_before: How long before the start its launch hands links over, for a class.
        options_of: The launch settings its launch used, for a class.
    """
    if not isinstance(session, dict) or "ref" in session:
        record = SessionRecord.from_json(session)
        return Meant(record.ref, record.title, record.hand_over_at)
    occurrence = occurrence_of(session)
    plan = plan_of(occurrence, options_of(occurrence))
    found = platform.find(occurrence_key(occurrence, conn_id=conn_id, timetable=timetable), plan)
    if not isinstance(found, Found):
        return found
    return Meant(found.ref, plan.title, hand_over_moment(plan, hand_over_before))


def occurrence_of(session: Any) -> Occurrence:
    """Read a class of a timetable, as ``SelectClassesOperator`` or ``Occurrence.to_json`` gives it.

    Raises:
        ConfigurationError: It is none.
    """
    if not isinstance(session, dict):
        raise ConfigurationError(f"`session` is a class of a timetable, not a {type(session).__name__}.")
    return Occurrence.from_json({name: value for name, value in session.items() if name != "claim"})


def claim_of(session: Any) -> dict[str, Any]:
    """Return the claim that came with a class or a record; empty where there is none."""
    claim = session.get("claim") if isinstance(session, dict) else None
    return dict(claim) if isinstance(claim, dict) else {}


def occurrence_key(occurrence: Occurrence, *, conn_id: str, timetable: str) -> LaunchKey:
    """Return the identity of a class of a timetable."""
    return LaunchKey.for_occurrence(
        conn_id=conn_id, timetable=timetable, uid=occurrence.uid, start=occurrence.key_start
    )


def plan_of(occurrence: Occurrence, options: Mapping[str, Any]) -> Plan:
    """Return the plan of a class; what the timetable says for itself goes before the operator's settings."""
    plan = occurrence.plan()
    return Plan(plan.title, plan.start, plan.end, plan.participants, {**options, **plan.options})


def hand_over_moment(plan: Plan, before: timedelta | float | str | None) -> datetime | None:
    """Return when links may leave Airflow; None for at once."""
    if before is None or before == "":
        return None
    if isinstance(before, timedelta):
        return plan.start - before
    try:
        return plan.start - timedelta(seconds=float(before))
    except (OverflowError, ValueError):
        raise ConfigurationError(
            f"hand_over_before has to be a number of seconds or a timedelta, not {before!r}."
        ) from None


def is_true(value: bool | str) -> bool:
    """Read a flag that a template may have rendered as text."""
    return value if isinstance(value, bool) else str(value).strip().casefold() in ("true", "1", "yes")


def records_of(launches: Any) -> list[Any]:
    """Return launch operators' results as a list: one, several, or a mapped operator's."""
    if not launches:
        return []
    return [launches] if hasattr(launches, "keys") else list(launches)
