"""One workshop on Educates from its sessions to its cleaning up, as a task group that maps over a timetable."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.sensors.date_time import DateTimeSensor, DateTimeSensorAsync
from airflow.sdk import task_group

from airflow_provider.live_sessions.core.polling import POLL_INTERVAL
from airflow_provider.live_sessions.flows.lane import LABEL, begin, planned_end
from airflow_provider.live_sessions.operators.educates import (
    EducatesHandOverLinksOperator,
    EducatesLaunchSessionOperator,
    EducatesTerminateSessionOperator,
)
from airflow_provider.live_sessions.sensors.educates import EducatesActivationSensor, EducatesSessionEndSensor
from airflow_provider.live_sessions.triggers.waiting import SETTLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider.live_sessions.notifications.notifier import SessionNotifier

CLOSING_RETRIES = 10

LONGEST_WAIT = timedelta(days=366)
"""Longer than any workshop is away and takes."""


@task_group(group_id="workshop")
def educates_workshop(
    session: Mapping[str, Any],
    *,
    workshop: str,
    conn_id: str = "educates_default",
    timetable: str = "",
    destination: str = "",
    timezone: str = "UTC",
    launch: Mapping[str, Any] | None = None,
    provision_before: float | str = 900.0,
    activate_within: float | str = 900.0,
    smtp_conn_id: str = "smtp_default",
    hand_over: Mapping[str, Any] | None = None,
    on_no_show: str = "skip",
    poll_interval: float | str = POLL_INTERVAL,
    notifiers: Iterable[SessionNotifier] = (),
    alarm: Mapping[str, Any] | None = None,
    deferrable: bool = True,
) -> None:
    """Make each learner's session shortly before the start; hand over; tell who came; clean up at the planned end.

    What is left at the planned end is ended, whatever became of the tasks between: a session that was forgotten
    keeps its place in the portal from others. Where the wait for the planned end is broken off, by a person or a
    deploy, what nobody has opened is ended, and who is in a session stays in.

    Args:
        session: One workshop of a timetable, as ``SelectClassesOperator`` gives it.
        workshop: The Workshop resource's name.
        conn_id: The Airflow connection.
        timetable: The timetable's name, part of the workshop's identity.
        destination: Where the list of who was served is kept.
        timezone: The zone of mails.
        launch: Further arguments of the launch operator, e.g. ``{"users": "learner"}``.
        provision_before: Seconds before the planned start when the sessions are made: until then they take
            nobody's place.
        activate_within: Seconds after the planned start in which a link has to be opened.
        smtp_conn_id: The SMTP connection for the links.
        hand_over: Further arguments of the hand-over operator: ``subject``, ``html_body``, ``from_email``, e.g.
            ``{"html_body": {"teacher": "...", "default": "..."}}``.
        on_no_show: What a workshop that nobody came to does: skip, fail or succeed.
        poll_interval: Seconds between polls.
        notifiers: Who is told of what, each where its case comes: ``NobodyCameNotifier``, ``NotLaunchedNotifier``.
        alarm: Further arguments of the ``LaunchedInTimeOperator`` that a ``NotLaunchedNotifier`` needs, e.g.
            ``{"before": 300}``: less than ``provision_before``, which it is below by default.
        deferrable: Wait without worker slots.
    """
    lane = begin(
        session,
        launch=EducatesLaunchSessionOperator,
        hand_over=EducatesHandOverLinksOperator,
        wait_for_end=EducatesSessionEndSensor,
        conn_id=conn_id,
        timetable=timetable,
        destination=destination,
        timezone=timezone,
        launch_arguments={
            "workshop": workshop,
            "provision_before": provision_before,
            "activate_within": activate_within,
            **dict(launch or {}),
        },
        smtp_conn_id=smtp_conn_id,
        hand_over_arguments=hand_over,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        settle=SETTLE,
        deferrable=deferrable,
        notifiers=notifiers,
        alarm={"before": 600.0, **dict(alarm or {})},
    )
    of_it: dict[str, Any] = {"session": lane.launched.output, "map_index_template": LABEL}
    EducatesActivationSensor(
        task_id="wait_for_learners",
        expect="everyone",
        no_show_after=activate_within,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        deferrable=deferrable,
        **of_it,
    )
    # Neither a worker that was lost nor a time limit that a deployment gives its sensors may cut it short.
    closes: dict[str, Any] = {
        "task_id": "closing_time",
        "target_time": planned_end(lane.launched),
        "retries": CLOSING_RETRIES,
        "retry_delay": timedelta(minutes=1),
    }
    # Hours on end: without a triggerer it looks now and then, and holds no slot between.
    looking: dict[str, Any] = {"mode": "reschedule", "timeout": LONGEST_WAIT}
    closing = DateTimeSensorAsync(**closes) if deferrable else DateTimeSensor(**looking, **closes)
    # A teardown: it runs whatever became of the tasks between, also early, and then ends nobody's session.
    clean_up = EducatesTerminateSessionOperator(
        task_id="clean_up", if_live="end", end_live_from=planned_end(lane.launched), **of_it
    )
    lane.launched >> closing >> clean_up.as_teardown(setups=lane.launched)
