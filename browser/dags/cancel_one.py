"""Cancels the class of one run of class_now, from a form."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator


@dag(
    dag_id="cancel_one",
    schedule=None,
    render_template_as_native_obj=True,
    params={"run_id": Param("", type="string", minLength=1, title="Run of class_now")},
)
def cancel_one() -> None:
    """Take the run's record and cancel its class."""

    @task
    def record() -> Any:
        """Return what the launch wrote."""
        context = get_current_context()
        run_id = context["params"]["run_id"]
        return context["ti"].xcom_pull(dag_id="class_now", run_id=run_id, task_ids="class.launch")

    LessonspaceCancelSessionOperator(task_id="cancel", session=record())


cancel_one()
