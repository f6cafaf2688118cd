"""How every lane begins: launch a session; then, each on its own, hand over its links and wait for its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.providers.common.compat.sdk import BaseOperator

# With its start, so that no title ("101", "None") is ever read as something else than text.
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
) -> Begun:
    """Make the first three tasks of a lane; call it inside a task group.

    The wait depends on the launch alone: a mail that fails loses nothing of what the session leaves.

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
    """
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
        # A mail server that is away for a while costs nobody their link; links that are due go before waits.
        retries=HAND_OVER_RETRIES,
        retry_delay=timedelta(minutes=3),
        priority_weight=100,
        map_index_template=LABEL,
    )
    ended = wait_for_end(
        task_id="wait_for_end",
        session=launched.output,
        on_no_show=on_no_show,
        poll_interval=poll_interval,
        settle=settle,
        deferrable=deferrable,
        map_index_template=LABEL,
    )
    return Begun(launched, ended)
