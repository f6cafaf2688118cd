"""One screen share on Screenleap from launch to what it cost, as a task group that maps over a timetable."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import task_group

from airflow_provider.live_sessions.core.polling import POLL_INTERVAL
from airflow_provider.live_sessions.flows.lane import LABEL, begin, callbacks
from airflow_provider.live_sessions.notifications.notifier import Spot
from airflow_provider.live_sessions.operators.screenleap import (
    ScreenleapLaunchSessionOperator,
    ScreenleapRetrieveAttendanceOperator,
    ScreenleapRetrieveUsageOperator,
    ScreenleapStopSessionOperator,
)
from airflow_provider.live_sessions.operators.screenleap_hand_over import ScreenleapHandOverLinksOperator
from airflow_provider.live_sessions.platforms.screenleap.judging import SETTLE
from airflow_provider.live_sessions.sensors.screenleap import (
    ScreenleapSessionEndSensor,
    ScreenleapSessionStartSensor,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider.live_sessions.notifications.notifier import SessionNotifier

SOON: dict[str, Any] = {
    "retries": 10,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=3),
}
"""Somebody sits in front of a screen and waits: the first retry of a hand-over comes soon."""


@task_group(group_id="share")
def screenleap_share(
    session: Mapping[str, Any],
    *,
    conn_id: str = "screenleap_default",
    timetable: str = "",
    destination: str = "",
    timezone: str = "UTC",
    launch: Mapping[str, Any] | None = None,
    page_conn_id: str | None = "screen_share_page",
    smtp_conn_id: str = "smtp_default",
    hand_over: Mapping[str, Any] | None = None,
    no_show_after: float | str = 900.0,
    on_no_show: str = "skip",
    poll_interval: float | str = POLL_INTERVAL,
    settle: float | str = SETTLE,
    notifiers: Iterable[SessionNotifier] = (),
    alarm: Mapping[str, Any] | None = None,
    deferrable: bool = True,
) -> None:
    """Reserve a share; hand it over; wait for its start and its end; stop what goes on; then its cost and people.

    A share that nobody has begun ``no_show_after`` seconds after its start is withdrawn, and one that goes on
    after its planned end is stopped: nobody pays for one that was forgotten. Where a wait failed nothing is
    stopped, for it is not known then whether people are inside.

    Args:
        session: One session of a timetable, as ``SelectClassesOperator`` gives it.
        conn_id: The Airflow connection.
        timetable: The timetable's name, part of the share's identity.
        destination: Where the files go.
        timezone: The zone of folders, mails and tables.
        launch: Further arguments of the launch operator, e.g. ``{"presenter_country_code": "DE"}``.
        page_conn_id: The connection of the page that starts shares.
        smtp_conn_id: The SMTP connection for the viewers' links, where there is no page.
        hand_over: Further arguments of the hand-over operator: ``subject``, ``html_body``, ``from_email``, e.g.
            ``{"html_body": {"teacher": "...", "default": "..."}}``.
        no_show_after: Seconds after the planned start when a start is not waited for any longer.
        on_no_show: What a share that nobody began does: skip, fail or succeed.
        poll_interval: Seconds between polls, 120 at most.
        settle: Seconds for which an end must stand.
        notifiers: Who is told of what, each where its case comes: ``NobodyCameNotifier``, ``NotLaunchedNotifier``.
        alarm: Further arguments of the ``LaunchedInTimeOperator`` that a ``NotLaunchedNotifier`` needs, e.g.
            ``{"before": 600}``.
        deferrable: Wait without worker slots.
    """
    told = list(notifiers)
    lane = begin(
        session,
        launch=ScreenleapLaunchSessionOperator,
        hand_over=ScreenleapHandOverLinksOperator,
        wait_for_end=ScreenleapSessionEndSensor,
        conn_id=conn_id,
        timetable=timetable,
        destination=destination,
        timezone=timezone,
        launch_arguments=launch,
        smtp_conn_id=smtp_conn_id,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        settle=settle,
        deferrable=deferrable,
        notifiers=told,
        alarm=alarm,
        hand_over_arguments={"page_conn_id": page_conn_id, **SOON, **dict(hand_over or {})},
        until_planned_end=True,  # then it is stopped
    )
    started = ScreenleapSessionStartSensor(
        task_id="wait_for_start",
        session=lane.launched.output,
        no_show_after=no_show_after,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        deferrable=deferrable,
        map_index_template=LABEL,
        **callbacks(told, Spot.HELD),
    )
    of_it: dict[str, Any] = {"session": lane.launched.output, "map_index_template": LABEL}
    filed: dict[str, Any] = {**of_it, "destination": destination, "timezone": timezone}
    # Not when a wait failed: whether people are inside is not known then, and nothing ends a share by accident.
    stop = ScreenleapStopSessionOperator(task_id="stop", trigger_rule="none_failed", **of_it)
    usage = ScreenleapRetrieveUsageOperator(task_id="retrieve_usage", **filed)
    attendance = ScreenleapRetrieveAttendanceOperator(task_id="retrieve_attendance", **filed)
    started >> lane.ended >> stop
    [lane.ended, stop] >> usage  # nothing comes home of a share that was not held
    [lane.ended, stop] >> attendance
