"""Cancel one class on Lessonspace: press Trigger, name the run that launched it, and let somebody approve.

The class is found by the DAG and the run that launched it, and looked at. One with people in it is refused at
once: Lessonspace cannot end it, its teacher can. Else the run waits under *Required Actions* for a person's
*Approve*, who sees what a cancel can still do: links that have left Airflow keep working until they run out.
Without an answer within an hour nothing is cancelled.

Who waits for the class sees that it is off: its own run ends by itself, once the class would have begun. For a
class of a timetable, set its ``status`` to ``cancelled`` there instead, so that everybody who reads the timetable
knows.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, dag

from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.operators.find_launched import FindLaunchedOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator

WHAT_IT_MEANS = """
{% set class = ti.xcom_pull(task_ids='find') %}{% set now = ti.xcom_pull(task_ids='find', key='now') -%}
**{{ class['title'] }}**, {{ now['when'] }}; {{ class['participants'] | length }} people.

* Now it is **{{ now['state'] }}**{% if now['people'] is not none %}, {{ now['people'] }} seen{% endif %}.
* {{ 'Links may have been handed over: they work until they run out.' if now['handed_over']
     else 'No link has left Airflow: the cancel is complete.' }}
* Once somebody is in it, it cannot be cancelled any more.
* Reason given: {{ params.reason or 'none' }}
"""


@dag(
    dag_id="class_cancel",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        **fields.launched_by(["class_now", "class_day"]),
        "reason": Param(
            "", type=["string", "null"], maxLength=500, title="Reason", description="Shown to who approves."
        ),
    },
    tags=["lessonspace", "classes"],
    doc_md=__doc__,
)
def class_cancel() -> None:
    """Find, ask, cancel."""
    found = FindLaunchedOperator(
        task_id="find",
        dag_id="{{ params.dag_id }}",
        run_id="{{ params.run_id or '' }}",
        title="{{ params.title or '' }}",
        hook_class=HOOK,
        cannot_end_live="Lessonspace has no way to end it; the teacher can end it in the room.",
    )
    approve = ApprovalOperator(
        task_id="approve",
        subject="Cancel this class?",
        body=WHAT_IT_MEANS,
        defaults=ApprovalOperator.REJECT,  # nobody answered: the class takes place
        response_timeout=timedelta(hours=1),
    )
    cancel = LessonspaceCancelSessionOperator(task_id="cancel", session=found.output, if_live="fail")
    found >> approve >> cancel


class_cancel()
