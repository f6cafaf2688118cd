"""From a form to a session."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.times import moment
from airflow_provider.live_sessions.forms.known import refuse_unknown_fields
from airflow_provider.live_sessions.forms.people import people_of_form
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Mapping


def session_of_form(
    context: Mapping[str, Any],
    *,
    starts_in: timedelta = timedelta(0),
    people: str = "participants",
    role: str = "",
    uid: str = "",
) -> Occurrence:
    """Return the session that a run's form describes.

    The run is its identity, and the run's own time stands in for an empty start: a retry and a cleared task mean
    the same session again.

    Args:
        context: The task's context. Read from its ``params``: ``title``, ``start``, ``minutes``, ``timezone`` and
            the people.
        starts_in: How long after the run was triggered a session without a start begins.
        people: The field with those who are expected.
        role: The part played by those whose line names no other, e.g. ``student``.
        uid: Another identity than the run's.

    Raises:
        AirflowFailException: The form does not describe a session, or the run was given a field that it has not.
    """
    refuse_unknown_fields(context)
    form, run = context["params"], context["dag_run"]
    with airflow_errors():
        given = moment(form["start"], "start") if form["start"] else run.run_after + starts_in
        begins = given.replace(microsecond=0)
        return Occurrence(
            uid=uid or f"{run.dag_id}/{run.run_id}",
            title=form["title"],
            start=begins,
            end=begins + timedelta(seconds=round(form["minutes"] * 60)),
            zone=form["timezone"],
            participants=people_of_form(form[people], role=role),
        )
