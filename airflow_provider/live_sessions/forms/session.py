"""From a form to a session."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.forms.known import refuse_unknown_fields
from airflow_provider.live_sessions.forms.people import people_of_form
from airflow_provider.live_sessions.forms.start import read_start
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

log = logging.getLogger(__name__)


def session_of_form(
    context: Mapping[str, Any],
    *,
    starts_in: timedelta = timedelta(0),
    leads: str = "",
    people: str = "participants",
    role: str = "",
    uid: str = "",
) -> Occurrence:
    """Return the session that a run's form describes.

    The run is its identity, and "now" is the run's own time: a retry and a cleared task mean the same session.
    Where a default that the run left to its DAG, or the school's zone, is another by then, it is moved.

    Args:
        context: The task's context. Read from its ``params``: ``title``, ``start``, ``minutes``, ``timezone`` and
            the people.
        starts_in: How long after the run was triggered a session begins, where a form's start may stay empty.
        leads: The word before who leads, e.g. ``teacher``: the log warns where it stands before nobody.
        people: The field with those who are expected.
        role: The part played by those whose line names no other, e.g. ``student``.
        uid: Another identity than the run's: this and the start.

    Raises:
        AirflowFailException: The form does not describe a session, or the run was given a field that it has not.
    """
    refuse_unknown_fields(context)
    form, run = context["params"], context["dag_run"]
    with airflow_errors():
        begins = _start(form, run.run_after, starts_in)
        participants = people_of_form(form[people], role=role)
        if leads and not any(one.leader for one in participants):
            log.warning("Nobody leads %r: write %s: before the one who does.", form["title"], leads)
        return Occurrence(
            uid=uid or f"{run.dag_id}/{run.run_id}",
            title=form["title"],
            start=begins,
            end=begins + timedelta(seconds=round(form["minutes"] * 60)),
            zone=form["timezone"],
            original_start=None if uid else run.run_after,
            participants=participants,
        )


def _start(form: Mapping[str, Any], asked_at: datetime, starts_in: timedelta) -> datetime:
    given = form["start"]
    if not given:
        return (asked_at + starts_in).replace(microsecond=0)
    return read_start(str(given), asked_at=asked_at, zone=form["timezone"])
