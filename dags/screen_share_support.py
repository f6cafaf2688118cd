"""A support session on Screenleap, now or soon: press Trigger, fill in the form.

The customer shares their screen, the helpers watch. A share is reserved; your page gets the customer's launch data
and the helpers' links; who has not begun ``no_show_seconds`` after the start is not waited for any longer, and the
share is withdrawn. A share that is still going on after ``minutes`` is stopped: nobody pays for one that was
forgotten. Then its cost and who was there come home.

Add an Airflow connection ``screen_share_page`` for the page that calls ``screenleap.startSharing``: its address as
host, a token as password. Without one, what opens the share stays sealed in XCom. Two runs with the same ticket
and start mean the same share; without a start, each run has its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.times import moment
from airflow_provider.live_sessions.operators.screenleap import (
    ScreenleapLaunchSessionOperator,
    ScreenleapRetrieveAttendanceOperator,
    ScreenleapRetrieveUsageOperator,
    ScreenleapStopSessionOperator,
)
from airflow_provider.live_sessions.operators.screenleap_hand_over import ScreenleapHandOverLinksOperator
from airflow_provider.live_sessions.schedules.model import Occurrence
from airflow_provider.live_sessions.sensors.screenleap import (
    ScreenleapSessionEndSensor,
    ScreenleapSessionStartSensor,
)

LIMIT = "{{ ti.xcom_pull(task_ids='launch')['end'] }}"


@dag(
    dag_id="screen_share_support",
    schedule=None,
    max_active_runs=64,
    # Somebody sits in front of a screen and waits: the first retry comes soon.
    default_args={
        "retries": 4,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=2),
    },
    params={
        "title": Param("Support", type="string", minLength=1, maxLength=200, title="Title"),
        "ticket": Param(
            "",
            type="string",
            maxLength=150,
            title="Ticket",
            description="Becomes the share's external id: usage and cost are told by it.",
        ),
        "start": Param(
            None,
            type=["string", "null"],
            format="date-time",
            pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$",
            title="Start",
            description="Empty: now.",
        ),
        "minutes": Param(60, type="number", exclusiveMinimum=0, maximum=720, title="Stopped after, minutes"),
        "participants": Param(
            [
                {"id": "customer", "name": "Cora Customer", "email": "", "leader": True},
                {"id": "helper", "name": "Hal Helper", "email": ""},
            ],
            type="array",
            minItems=1,
            maxItems=50,
            title="Participants",
            description="Who leads shares their screen, the others watch.",
            items={
                "type": "object",
                "required": ["name"],
                "properties": {
                    "id": {"type": "string"},
                    "name": {"type": "string", "minLength": 1},
                    "email": {"type": "string"},
                    "leader": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
        ),
        "presenter_country": Param(
            "DE", type="string", pattern="^[A-Za-z]{2}$", title="Country of who shares", description="Two letters."
        ),
        "conn_id": Param("screenleap_default", type="string", title="Screenleap connection"),
        "page_conn_id": Param("screen_share_page", type="string", title="Connection of your page"),
        "smtp_conn_id": Param("smtp_default", type="string", title="Without a page: SMTP for the helpers' links"),
        "no_show_seconds": Param(900, type="number", minimum=0, title="Not waited for any longer after, seconds"),
        "settle_seconds": Param(
            300,
            type="number",
            exclusiveMinimum=0,
            title="An end must stand for, seconds",
            description="After a crash a share may be reopened for 5 minutes.",
        ),
        "poll_interval": Param(15, type="number", exclusiveMinimum=0, maximum=120, title="Seconds between polls"),
        "timezone": Param("Europe/Berlin", type="string", title="Time zone of mails and folders"),
        "destination": Param("", type="string", title="Where files go", description="Empty: the default."),
    },
    tags=["screenleap", "support"],
    doc_md=__doc__,
)
def screen_share_support() -> None:
    """Wire one support session together."""

    @task
    def describe() -> dict[str, Any]:
        """Make a session of the form; the run's own time stands in for an empty start, so a retry repeats it."""
        context = get_current_context()
        form, run = context["params"], context["dag_run"]
        with airflow_errors():
            start = moment(form["start"], "start") if form["start"] else run.run_after
            shared = form["start"] and form["ticket"]
            return Occurrence(
                uid=form["ticket"] if shared else f"{run.dag_id}/{run.run_id}",
                title=form["title"],
                start=start.replace(microsecond=0),
                end=start.replace(microsecond=0) + timedelta(minutes=form["minutes"]),
                zone=form["timezone"],
                participants=tuple(Participant.from_json(person) for person in form["participants"]),
            ).to_json()

    launch = ScreenleapLaunchSessionOperator(
        task_id="launch",
        session=describe(),
        conn_id="{{ params.conn_id }}",
        timetable="screen_share_support",
        external_id="{{ params.ticket }}",
        presenter_country_code="{{ params.presenter_country }}",
        create_in_past=True,  # somebody asks for it now: a queue that was long must not refuse it
    )
    ScreenleapHandOverLinksOperator(
        task_id="hand_over",
        session=launch.output,
        page_conn_id="{{ params.page_conn_id }}",
        smtp_conn_id="{{ params.smtp_conn_id }}",
        destination="{{ params.destination }}",
        timezone="{{ params.timezone }}",
        deferrable=True,
        priority_weight=100,  # goes before waits
    )
    started = ScreenleapSessionStartSensor(
        task_id="wait_for_start",
        session=launch.output,
        no_show_after="{{ params.no_show_seconds }}",
        poll_interval="{{ params.poll_interval }}",
        deferrable=True,
    )
    ended = ScreenleapSessionEndSensor(
        task_id="wait_for_end",
        session=launch.output,
        deadline=LIMIT,
        on_deadline="succeed",  # then it is stopped
        settle="{{ params.settle_seconds }}",
        poll_interval="{{ params.poll_interval }}",
        deferrable=True,
    )
    # Not when a wait failed: whether people are inside is not known then, and nothing ends a share by accident.
    stop = ScreenleapStopSessionOperator(task_id="stop", session=launch.output, trigger_rule="none_failed")
    files: dict[str, Any] = {
        "session": launch.output,
        "destination": "{{ params.destination }}",
        "timezone": "{{ params.timezone }}",
    }
    usage = ScreenleapRetrieveUsageOperator(task_id="retrieve_usage", **files)
    attendance = ScreenleapRetrieveAttendanceOperator(task_id="retrieve_attendance", **files)
    started >> ended >> stop
    [ended, stop] >> usage  # nothing comes home of a share that was not held
    [ended, stop] >> attendance


screen_share_support()
