"""One call on Coviu, now or soon: press Trigger, fill in the form.

The same way as in ``telehealth_day``: create the session, hand clinician and patient their own links, wait until
it is over, bring home who came. The run is the call's identity, so a retry or a cleared task finds the same call
again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_provider.live_sessions.flows.coviu import coviu_appointment
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.session import session_of_form
from airflow_provider.live_sessions.sensors.coviu import SETTLE


@dag(
    dag_id="call_now",
    schedule=None,
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "title": fields.title("Consultation"),
        "start": fields.start("in 2 minutes"),
        "minutes": fields.minutes(30, longest=720, whole=True),  # Coviu allows 12 hours
        "participants": fields.participants(
            ["clinician: Dr. Ada Brandt <ada@clinic.example>", "patient: Dana Weiss <dana@home.example>"],
            roles=["clinician", "patient"],
            leader=False,
            label="Clinicians and patients",
            description="Each gets a link of their own. A clinician is a host, anybody else a guest.",
        ),
        "conn_id": fields.conn_id("Coviu"),
        "timezone": fields.timezone("Australia/Sydney"),
        "destination": fields.destination(),
        "smtp_conn_id": fields.smtp_conn_id(),
        "grace_seconds": fields.seconds(300, "Time after the end without a word from Coviu, seconds"),
        **fields.polling(
            settle=SETTLE,
            settle_label="Time for which a recorded early end must stand, seconds",
            settle_description="Somebody may come back until then.",
        ),
    },
    tags=["coviu", "telehealth"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def call_now() -> None:
    """Wire one call together."""

    @task
    def describe() -> dict[str, Any]:
        """Make a call of the form; "now" is the run's own time, so a retry repeats it."""
        context = get_current_context()
        return session_of_form(context, role="patient", leads="clinician").to_json()

    coviu_appointment(
        describe(),  # type: ignore[arg-type]  # the task's result
        conn_id="{{ params.conn_id }}",
        timetable="call_now",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        launch={
            "grace": "{{ params.grace_seconds }}",
            "create_in_past": True,  # somebody asks for it now: a queue that was long must not refuse it
        },
        smtp_conn_id="{{ params.smtp_conn_id }}",
        poll_interval="{{ params.poll_interval }}",
        settle="{{ params.settle_seconds }}",
    )


call_now()
