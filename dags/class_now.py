"""One class on Lessonspace, now or soon: press Trigger, fill in the form.

The same way as in ``class_day``: launch, hand over the links, wait for the end, bring home what it leaves. The
run is the class's identity, so a retry or a cleared task finds the same class again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.times import moment
from airflow_provider.live_sessions.flows.lessonspace import lessonspace_class
from airflow_provider.live_sessions.schedules.model import Occurrence


@dag(
    dag_id="class_now",
    schedule=None,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "title": Param("Extra lesson", type="string", minLength=1, maxLength=200, title="Title"),
        "start": Param(
            None,
            type=["string", "null"],
            format="date-time",
            pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$",
            title="Start",
            description="Empty: two minutes after the run was triggered.",
        ),
        "minutes": Param(45, type="integer", minimum=1, maximum=720, title="Length, minutes"),
        "participants": Param(
            [
                {"id": "teacher-1", "name": "Tess Teacher", "email": "", "role": "teacher", "leader": True},
                {"id": "student-1", "name": "Sam Student", "email": "", "role": "student"},
            ],
            type="array",
            minItems=1,
            maxItems=200,
            title="Participants",
            description="Each gets a link of their own.",
            items={
                "type": "object",
                "required": ["name"],
                "properties": {
                    "id": {"type": "string"},
                    "name": {"type": "string", "minLength": 1},
                    "email": {"type": "string"},
                    "role": {"type": "string", "enum": ["teacher", "student"]},
                    "leader": {"type": "boolean"},
                },
                "additionalProperties": False,
            },
        ),
        "conn_id": Param("lessonspace_default", type="string", title="Lessonspace connection"),
        "timezone": Param("Europe/Berlin", type="string", title="Time zone of mails and folders"),
        "destination": Param(
            "", type=["string", "null"], title="Where files go", description="Empty: the default."
        ),
        "transcribe": Param(True, type="boolean", title="Transcribe"),
        "hard_stop_seconds": Param(
            600, type=["number", "null"], minimum=0, title="Put everybody out after the planned end, seconds"
        ),
        "smtp_conn_id": Param("smtp_default", type="string", title="SMTP connection for the links"),
        "lead_seconds": Param(1800, type="number", minimum=0, title="Room opens before the start, seconds"),
        "grace_seconds": Param(3600, type="number", minimum=0, title="Room closes after the end, seconds"),
        "settle_seconds": Param(
            600, type="number", exclusiveMinimum=0, title="An empty room ends a class after, s"
        ),
        "poll_interval": Param(30, type="number", exclusiveMinimum=0, title="Seconds between polls"),
        "check_delays": Param(
            [300, 600, 1200, 2400, 3600],
            type="array",
            minItems=1,
            items={"type": "number", "exclusiveMinimum": 0},
            title="Seconds between questions for a transcript",
        ),
        "rules": Param(
            {"min_seconds": 150, "sure_seconds": 300, "give_up_after": 86400, "give_up_after_short": 21600},
            type="object",
            additionalProperties={"type": "number", "minimum": 0},
            propertyNames={"enum": ["min_seconds", "sure_seconds", "give_up_after", "give_up_after_short"]},
            title="When a transcript can be expected, seconds",
        ),
    },
    tags=["lessonspace", "classes"],
    doc_md=__doc__,
)
def class_now() -> None:
    """Wire one class together."""

    @task
    def describe() -> dict[str, Any]:
        """Make a class of the form; the run's own time stands in for an empty start, so a retry repeats it."""
        context = get_current_context()
        form, run = context["params"], context["dag_run"]
        with airflow_errors():
            given = moment(form["start"], "start") if form["start"] else run.run_after + timedelta(minutes=2)
            start = given.replace(microsecond=0)
            return Occurrence(
                uid=f"{run.dag_id}/{run.run_id}",
                title=form["title"],
                start=start,
                end=start + timedelta(minutes=form["minutes"]),
                zone=form["timezone"],
                participants=tuple(Participant.from_json(person) for person in form["participants"]),
            ).to_json()

    lessonspace_class(
        describe(),  # type: ignore[arg-type]  # the task's result
        conn_id="{{ params.conn_id }}",
        timetable="class_now",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        launch={
            "transcribe": "{{ params.transcribe }}",
            "hard_stop": "{{ params.hard_stop_seconds }}",
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
