"""One appointment on Coviu from launch to attendance, as a task group that maps over a timetable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import task_group

from airflow_provider.live_sessions.core.polling import POLL_INTERVAL
from airflow_provider.live_sessions.flows.lane import LABEL, begin
from airflow_provider.live_sessions.operators.coviu import (
    CoviuHandOverLinksOperator,
    CoviuLaunchSessionOperator,
    CoviuRetrieveAttendanceOperator,
)
from airflow_provider.live_sessions.sensors.coviu import SETTLE, CoviuSessionEndSensor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider.live_sessions.notifications.notifier import SessionNotifier


@task_group(group_id="appointment")
def coviu_appointment(
    session: Mapping[str, Any],
    *,
    conn_id: str = "coviu_default",
    timetable: str = "",
    destination: str = "",
    timezone: str = "UTC",
    launch: Mapping[str, Any] | None = None,
    smtp_conn_id: str = "smtp_default",
    hand_over: Mapping[str, Any] | None = None,
    on_no_show: str = "succeed",
    poll_interval: float | str = POLL_INTERVAL,
    settle: float | str = SETTLE,
    exit_wait: float = 60.0,
    notifiers: Iterable[SessionNotifier] = (),
    alarm: Mapping[str, Any] | None = None,
    deferrable: bool = True,
) -> None:
    """Launch an appointment; then, each on its own, hand its links over and wait for its end; then who came.

    The wait depends on the launch alone: a mail that fails loses no attendance. A no-show goes on by default, for
    the table that says who did not come is what it was waited for.

    Args:
        session: One appointment of a timetable, as ``SelectClassesOperator`` gives it.
        conn_id: The Airflow connection.
        timetable: The timetable's name, part of the appointment's identity.
        destination: Where the files go.
        timezone: The zone of folders, mails and tables.
        launch: Further arguments of the launch operator, e.g. ``{"hand_over_before": 3600}``.
        smtp_conn_id: The SMTP connection for the links.
        hand_over: Further arguments of the hand-over operator: ``subject``, ``html_body``, ``from_email``, e.g.
            ``{"html_body": {"teacher": "...", "default": "..."}}``.
        on_no_show: What an appointment that nobody came to does: skip, fail or succeed.
        poll_interval: Seconds between polls.
        settle: Seconds for which a recorded end before the planned one must stand.
        exit_wait: Seconds for which people without an exit are asked for again.
        notifiers: Who is told of what, each where its case comes: ``NobodyCameNotifier``, ``NotLaunchedNotifier``.
        alarm: Further arguments of the ``LaunchedInTimeOperator`` that a ``NotLaunchedNotifier`` needs, e.g.
            ``{"before": 600}``.
        deferrable: Wait without worker slots.
    """
    lane = begin(
        session,
        launch=CoviuLaunchSessionOperator,
        hand_over=CoviuHandOverLinksOperator,
        wait_for_end=CoviuSessionEndSensor,
        conn_id=conn_id,
        timetable=timetable,
        destination=destination,
        timezone=timezone,
        launch_arguments=launch,
        smtp_conn_id=smtp_conn_id,
        hand_over_arguments=hand_over,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        settle=settle,
        deferrable=deferrable,
        notifiers=notifiers,
        alarm=alarm,
    )
    attendance = CoviuRetrieveAttendanceOperator(
        task_id="retrieve_attendance",
        session=lane.launched.output,
        destination=destination,
        timezone=timezone,
        exit_wait=exit_wait,
        settle=settle,
        map_index_template=LABEL,
    )
    lane.ended >> attendance
