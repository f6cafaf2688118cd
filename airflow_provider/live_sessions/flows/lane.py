"""How every lane begins: launch a session; then, each on its own, hand over its links and wait for its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.notifications.notifier import SessionNotifier, Spot
from airflow_provider.live_sessions.operators.launched_in_time import LaunchedInTimeOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

# With its start, so that no title ("101", "None") is ever read as something else than text. Where a launch left no
# record, the page of sessions reads both from it.
LABEL = "{{ task.session['title'] }}, {{ task.session['start'] }}"

HAND_OVER_RETRIES = 10


@dataclass(frozen=True, slots=True)
class Begun:
    """The tasks that everything further in a lane hangs on.

    Args:
        launched: The launch; its ``output`` is the session's record.
        ended: The wait for the end.
    """

    launched: BaseOperator
    ended: BaseOperator


def begin(
    session: Mapping[str, Any],
    *,
    launch: Callable[..., BaseOperator],
    hand_over: Callable[..., BaseOperator],
    wait_for_end: Callable[..., BaseOperator],
    conn_id: str,
    timetable: str,
    destination: str,
    timezone: str,
    launch_arguments: Mapping[str, Any] | None,
    smtp_conn_id: str,
    on_no_show: str,
    poll_interval: float | str,
    settle: float | str,
    deferrable: bool,
    notifiers: Iterable[SessionNotifier] = (),
    alarm: Mapping[str, Any] | None = None,
    hand_over_arguments: Mapping[str, Any] | None = None,
    until_planned_end: bool = False,
) -> Begun:
    """Make the first three tasks of a lane; call it inside a task group.

    The wait depends on the launch alone: a mail that fails loses nothing of what the session leaves. With a
    ``NotLaunchedNotifier`` a fourth task, ``in_time``, looks at the launch before the start.

    Args:
        session: One session of a timetable, as ``SelectClassesOperator`` gives it.
        launch: The platform's launch operator.
        hand_over: Its hand-over operator.
        wait_for_end: Its end sensor.
        conn_id: The Airflow connection.
        timetable: The timetable's name, part of the session's identity.
        destination: Where the list of who was served goes.
        timezone: The zone of mails.
        launch_arguments: Further arguments of the launch operator.
        smtp_conn_id: The SMTP connection for the links.
        on_no_show: What a session that was never held does: skip, fail or succeed.
        poll_interval: Seconds between polls.
        settle: Seconds for which an early end must stand.
        deferrable: Wait without worker slots.
        notifiers: Who is told of what; each is hung where its case comes.
        alarm: Further arguments of the task that looks at the launch.
        hand_over_arguments: Further arguments of the hand-over operator.
        until_planned_end: Wait no longer, and go on when it is still live then: something behind ends it.
    """
    listening = list(notifiers)
    launched = launch(
        task_id="launch",
        session=session,
        conn_id=conn_id,
        timetable=timetable,
        deferrable=deferrable,
        map_index_template=LABEL,
        **dict(launch_arguments or {}),
    )
    hand_over(
        task_id="hand_over",
        session=launched.output,
        smtp_conn_id=smtp_conn_id,
        destination=destination,
        timezone=timezone,
        deferrable=deferrable,
        map_index_template=LABEL,
        **{
            # A mail server that is away for a while costs nobody their link; links that are due go before waits.
            "retries": HAND_OVER_RETRIES,
            "retry_delay": timedelta(minutes=3),
            "priority_weight": 100,
            **dict(hand_over_arguments or {}),
        },
    )
    limit: dict[str, Any] = (
        {"deadline": planned_end(launched), "on_deadline": "succeed"} if until_planned_end else {}
    )
    ended = wait_for_end(
        task_id="wait_for_end",
        session=launched.output,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        settle=settle,
        deferrable=deferrable,
        map_index_template=LABEL,
        **callbacks(listening, Spot.HELD),
        **limit,
    )
    late = at_spot(listening, Spot.LAUNCHED)
    if late:
        LaunchedInTimeOperator(
            task_id="in_time",
            session=session,
            launch_task=launched.task_id,
            notifiers=late,
            deferrable=deferrable,
            map_index_template=LABEL,
            **dict(alarm or {}),
        )
    return Begun(launched, ended)


def at_spot(notifiers: Iterable[SessionNotifier], spot: Spot) -> list[SessionNotifier]:
    """Return the notifiers that listen there."""
    return [one for one in notifiers if one.spot is spot]


def callbacks(notifiers: Iterable[SessionNotifier], spot: Spot) -> dict[str, Any]:
    """Return the task arguments that hang notifiers there, however the task ends: each knows when to speak."""
    there = at_spot(notifiers, spot)
    ends = ("on_success_callback", "on_skipped_callback", "on_failure_callback")
    return dict.fromkeys(ends, there) if there else {}


def planned_end(launched: BaseOperator) -> str:
    """Return a template for the planned end of the session that a task of the same lane launched."""
    return f"{{{{ ti.xcom_pull(task_ids='{launched.task_id}', map_indexes=ti.map_index)['end'] }}}}"
