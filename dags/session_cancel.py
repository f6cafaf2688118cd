"""Cancel one session, on any platform: press Trigger, name the run that launched it, and let somebody approve.

The session is found by the DAG and the run that launched it, and looked at. What no cancel changes is refused at
once, and the log of ``find`` says why: it is over, another run has it by now, it is in a lasting room, or it is
live and its platform cannot end it (Lessonspace, Coviu). Screenleap and Educates can: there a live session is
refused unless the form says that people may be put out. Else the run waits under *Required Actions* for a person's
*Approve*, who sees what a cancel can still do. Without an answer within an hour nothing is cancelled. The cancel
looks again: who came in before the answer stays in.

Who waits for the session sees that it is off: its own run ends by itself, once it would have begun. For a session
of a timetable, set its ``status`` to ``cancelled`` there instead, so that everybody who reads the timetable knows.

``LAUNCHES`` names the DAGs that launch sessions, and their launching tasks: add your own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag, task

from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.known import refuse_unknown_fields
from airflow_provider.live_sessions.operators.coviu import CoviuCancelSessionOperator
from airflow_provider.live_sessions.operators.educates import EducatesTerminateSessionOperator
from airflow_provider.live_sessions.operators.find_launched import FindLaunchedOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator
from airflow_provider.live_sessions.operators.screenleap import ScreenleapStopSessionOperator

if TYPE_CHECKING:
    from airflow_provider.live_sessions.operators.cancel import CancelSessionOperator

LAUNCHES = {
    "class_now": "class.launch",
    "class_day": "class.launch",
    "call_now": "appointment.launch",
    "telehealth_day": "appointment.launch",
    "screen_share_support": "launch",
    "workshop_day": "provision",
}

CANCELS: dict[str, type[CancelSessionOperator]] = {
    "lessonspace": LessonspaceCancelSessionOperator,
    "coviu": CoviuCancelSessionOperator,
    "screenleap": ScreenleapStopSessionOperator,
    "educates": EducatesTerminateSessionOperator,
}

CANNOT_END_LIVE = {
    "lessonspace": "Lessonspace has no way to end it; the teacher can end it in the room.",
    "coviu": "Coviu has no way to end it; the people inside can, by leaving.",
}

LINKS = {
    "lessonspace": "they work until {until}",
    "coviu": "once it is cancelled they let nobody in",
    "screenleap": "whether they work after a stop is not documented",
    "educates": "they end with the sessions",
}
"""What becomes of links that were handed over."""

QUESTION = (
    "Cancel {{ ti.xcom_pull(task_ids='find')['title'].split() | join(' ') }}, "
    "{{ ti.xcom_pull(task_ids='find', key='now')['when'] }}?"
)
"""Many may wait at a time: each names its session."""

WHAT_IT_MEANS = """
{% set session = ti.xcom_pull(task_ids='find') %}{% set now = ti.xcom_pull(task_ids='find', key='now') -%}
**{{ session['title'].split() | join(' ') }}**, {{ now['when'] }}; {{ session['participants'] | length }} people.

* On {{ now['platform'] }} it is **{{ now['state'] }}** now
{%- if now['people'] is not none %}, {{ '%d seen so far' | format(now['people']) if now['people']
     else 'nobody is in it' }}{% endif %}.
{% if now['handed_over'] -%}
* {{ '%d of them were sent their link' | format(now['sent']) if now['sent']
     else 'Links may have been handed over' }}: {{ links[session['ref']['platform']]
     | replace('{until}', now['links_until'] or 'they run out') }}.
* Nobody is told: tell the participants yourself.
{%- else -%}
* No link has left Airflow: the cancel is complete.
{%- endif %}
* {{ 'Whoever is in it is put out.' if now['ends_live']
     else 'Once somebody is in it, it cannot be cancelled any more.' }}
* Reason given: {{ (params.reason or 'none').split() | join(' ') }}
"""


@dag(
    dag_id="session_cancel",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        **fields.launched_by(list(LAUNCHES)),
        "reason": Param(
            "",
            type=["string", "null"],
            maxLength=500,
            title="Reason",
            description="Shown to who approves, and on the page Live sessions.",
        ),
        "end_live": Param(
            False,
            type="boolean",
            title="Also with people in it",
            description="They are put out. Screenleap and Educates alone can do so.",
        ),
        "timezone": fields.timezone("Europe/Berlin", "Time zone of the question to who approves"),
    },
    user_defined_macros={"links": LINKS},
    tags=["lessonspace", "coviu", "screenleap", "educates"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def session_cancel() -> None:
    """Find, ask, cancel."""
    found = FindLaunchedOperator(
        task_id="find",
        pre_execute=refuse_unknown_fields,
        dag_id="{{ params.dag_id }}",
        run_id="{{ params.run_id or '' }}",
        launch_task=LAUNCHES,
        title="{{ params.title or '' }}",
        cannot_end_live=CANNOT_END_LIVE,
        end_live="{{ params.end_live }}",
        timezone="{{ params.timezone }}",
    )
    approve = ApprovalOperator(
        task_id="approve",
        subject=QUESTION,
        body=WHAT_IT_MEANS,
        defaults=ApprovalOperator.REJECT,  # nobody answered: the session takes place
        response_timeout=timedelta(hours=1),
    )

    @task.branch
    def choose(session: dict[str, Any]) -> str:
        """Return the cancel of the session's platform."""
        return f"cancel_{session['ref']['platform']}"

    cancels = [
        operator(
            task_id=f"cancel_{platform}",
            session=found.output,
            if_undone="fail",
            if_live="fail" if platform in CANNOT_END_LIVE else "{{ 'end' if params.end_live else 'fail' }}",
            reason="{{ params.reason or '' }}",
        )
        for platform, operator in CANCELS.items()
    ]
    found >> approve >> choose(found.output) >> cancels  # type: ignore[arg-type]  # stands for its value


session_cancel()
