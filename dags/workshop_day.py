"""A hands-on workshop class on Educates: provisioned, watched, and cleaned up at the end of the day.

Press Trigger, fill in the form. Shortly before the start each learner gets a session of their own and the link to
it; the run tells who came and who did not, waits until the last one has finished, and at closing time ends
whatever is left, also when something went wrong before. Where that is broken off earlier, e.g. by marking the run
as failed, who is in a session stays in. The run is the class's identity, so a retry or a cleared task finds the
same sessions again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.session import session_of_form
from airflow_provider.live_sessions.operators.educates import (
    EducatesHandOverLinksOperator,
    EducatesLaunchSessionOperator,
    EducatesListWorkshopsOperator,
    EducatesTerminateSessionOperator,
)
from airflow_provider.live_sessions.sensors.educates import EducatesActivationSensor, EducatesSessionEndSensor


@dag(
    dag_id="workshop_day",
    schedule=None,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "title": fields.title("Hands-on workshop"),
        "workshop": Param(
            "lab-basics",
            type="string",
            minLength=1,
            title="Workshop",
            description="Its name in the portal's catalogue.",
        ),
        "start": fields.start("in 10 minutes"),
        "minutes": fields.minutes(240, longest=1440, label="Time until closing, minutes"),
        "learners": fields.participants(
            ["learner-1|Ada <ada@home.example>", "learner-2|Bo <bo@home.example>"],
            leader=False,
            with_ids=True,
            label="Learners",
            description="Each gets a session and a link of their own.",
        ),
        "conn_id": fields.conn_id("Educates"),
        "index_url": Param(
            "",
            type=["string", "null"],
            title="Page after the workshop",
            description="Where browsers go then. Empty: the connection's own.",
            section=fields.TECHNICAL,
        ),
        "activate_minutes": Param(
            30, type="number", minimum=1, maximum=600, title="Time to open the link after the start, minutes"
        ),
        "provision_minutes": Param(
            15,
            type="number",
            minimum=0,
            maximum=600,
            title="Make the sessions before the start, minutes",
            section=fields.TECHNICAL,
        ),
        "smtp_conn_id": fields.smtp_conn_id(),
        "destination": fields.destination("Place of the list of who was served"),
        "timezone": fields.timezone("Europe/Berlin", "Time zone of mails"),
        "poll_interval": fields.polling()["poll_interval"],
    },
    tags=["educates", "workshops"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def workshop_day() -> None:
    """Wire the class together."""

    @task
    def describe() -> dict[str, Any]:
        """Make a class of the form; "now" is the run's own time, so a retry repeats it."""
        context = get_current_context()
        form = context["params"]
        session = session_of_form(context, people="learners")
        return {
            "class": session.to_json(),
            "provision_at": (session.start - timedelta(minutes=form["provision_minutes"])).isoformat(),
            "close_at": session.end.isoformat(),
            "seats": len(session.participants),
        }

    described = describe()

    # Says early, and in the log of its own, that there is no such workshop or no room for everybody.
    room = EducatesListWorkshopsOperator(
        task_id="check_room",
        conn_id="{{ params.conn_id }}",
        names=["{{ params.workshop }}"],
        seats="{{ ti.xcom_pull(task_ids='describe')['seats'] }}",
    )
    launched = EducatesLaunchSessionOperator(
        task_id="provision",
        session="{{ ti.xcom_pull(task_ids='describe')['class'] }}",
        conn_id="{{ params.conn_id }}",
        timetable="workshop_day",
        workshop="{{ params.workshop }}",
        index_url="{{ params.index_url or '' }}",
        activate_within="{{ params.activate_minutes * 60 }}",
        launch_not_before="{{ ti.xcom_pull(task_ids='describe')['provision_at'] }}",
        create_in_past=True,  # somebody asks for it now: a queue that was long must not refuse it
        deferrable=True,
    )
    handed_over = EducatesHandOverLinksOperator(
        task_id="hand_over",
        session=launched.output,
        smtp_conn_id="{{ params.smtp_conn_id }}",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        deferrable=True,
    )
    activated = EducatesActivationSensor(
        task_id="wait_for_learners",
        session=launched.output,
        expect="everyone",
        no_show_after="{{ params.activate_minutes * 60 }}",
        poll_interval="{{ params.poll_interval }}",
        deferrable=True,
    )
    ended = EducatesSessionEndSensor(
        task_id="wait_for_end",
        session=launched.output,
        poll_interval="{{ params.poll_interval }}",
        deferrable=True,
    )
    close_at = "{{ ti.xcom_pull(task_ids='describe')['close_at'] }}"
    closing = DateTimeSensorAsync(task_id="closing_time", target_time=close_at)
    # A teardown: it runs whatever became of the tasks between, also early, and then ends nobody's session.
    clean_up = EducatesTerminateSessionOperator(
        task_id="clean_up", session=launched.output, if_live="end", end_live_from=close_at
    ).as_teardown(setups=launched)

    @task(trigger_rule="all_done")
    def report() -> dict[str, Any]:
        """Tell who came, who did not, and what was left to end at closing time."""
        ti = get_current_context()["ti"]
        came = ti.xcom_pull(task_ids="wait_for_learners", key="outcome") or {}
        end = ti.xcom_pull(task_ids="wait_for_end", key="outcome") or {}
        closed = ti.xcom_pull(task_ids="clean_up") or {}
        told = {
            "came": sorted({*came.get("present", ()), *end.get("present", ())}),
            "missing_at_the_start": came.get("missing"),
            "how_it_ended": end.get("why", ""),
            "clean_up": [*closed.get("done", ()), *closed.get("not_done", ())],
        }
        print(told)
        return told

    described >> room >> launched >> [handed_over, activated, ended, closing]
    closing >> clean_up
    # Not behind the hand-over: a report that is green would have the run green as well where nobody got a link.
    [activated, ended, clean_up] >> report()


workshop_day()
