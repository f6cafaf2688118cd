"""One class on Lessonspace, now or soon: press Trigger, fill in the form.

The same way as in ``class_day``: launch, hand over the links, wait for the end, bring home what it leaves. The
run is the class's identity, so a retry or a cleared task finds the same class again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_provider.live_sessions.flows.lessonspace import lessonspace_class
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.session import session_of_form


@dag(
    dag_id="class_now",
    schedule=None,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "title": fields.title("Extra lesson"),
        "start": fields.start("in 2 minutes"),
        "minutes": fields.minutes(45, longest=720, whole=True),
        "participants": fields.participants(
            ["teacher: Tess Teacher <tess@school.example>", "Sam Student <sam@home.example>"],
            roles=["teacher", "student"],
        ),
        **fields.lessonspace_class(),
        "conn_id": fields.conn_id("Lessonspace"),
        "timezone": fields.timezone("Europe/Berlin"),
        "destination": fields.destination(),
        "smtp_conn_id": fields.smtp_conn_id(),
        **fields.lessonspace_room(),
        **fields.polling(),
        **fields.lessonspace_artifacts(),
    },
    tags=["lessonspace", "classes"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def class_now() -> None:
    """Wire one class together."""

    @task
    def describe() -> dict[str, Any]:
        """Make a class of the form; "now" is the run's own time, so a retry repeats it."""
        context = get_current_context()
        return session_of_form(context, role="student", leads="teacher").to_json()

    lessonspace_class(
        describe(),  # type: ignore[arg-type]  # the task's result
        conn_id="{{ params.conn_id }}",
        timetable="class_now",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        launch={
            "transcribe": "{{ params.transcribe }}",
            "hard_stop": "{{ params.hard_stop_minutes and params.hard_stop_minutes * 60 }}",
            "lead": "{{ params.lead_seconds }}",
            "grace": "{{ params.grace_seconds }}",
            "create_in_past": True,  # somebody asks for it now: a queue that was long must not refuse it
        },
        smtp_conn_id="{{ params.smtp_conn_id }}",
        poll_interval="{{ params.poll_interval }}",
        settle="{{ params.settle_seconds }}",
        check_delays="{{ params.check_delays }}",
        rules="{{ params.rules }}",
    )


class_now()
