"""Cancel one class on Lessonspace: press Trigger, name the run that launched it, and let somebody approve.

The class is found by the DAG and the run that launched it, and looked at. The run then waits under *Required
Actions* for a person's *Approve*, who sees what a cancel can still do: a class with people in it is not ended,
and links that have left Airflow keep working until they run out. Without an answer within an hour nothing is
cancelled.

Who waits for the class sees that it is off: its run goes on to its end by itself. For a class of a timetable, set
its ``status`` to ``cancelled`` there instead, so that everybody who reads the timetable knows.
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
**{{ class['title'] }}**, {{ class['start'] }} to {{ class['end'] }}; {{ class['participants'] | length }} people.

* Now it is **{{ now['state'] }}**{% if now['people'] is not none %}, {{ now['people'] }} seen{% endif %}.
* {{ 'Links may have been handed over: they work until they run out.' if now['handed_over']
     else 'No link has left Airflow: the cancel is complete.' }}
* Reason given: {{ params.reason or 'none' }}
"""


@dag(
    dag_id="class_cancel",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        **fields.launched_by(["class_now", "class_day"]),
        "reason": Param("", type=["string", "null"], maxLength=500, title="Why", description="For who approves."),
    },
    tags=["lessonspace", "classes"],
    doc_md=__doc__,
)
def class_cancel() -> None:
    """Find, ask, cancel."""
    found = FindLaunchedOperator(
        task_id="find",
        dag_id="{{ params.dag_id }}",
        run_id="{{ params.run_id }}",
        title="{{ params.title or '' }}",
        hook_class=HOOK,
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
