"""A lesson that is called off for the tests of the page, by a DAG that not everybody may see."""

from __future__ import annotations

from airflow.sdk import dag

from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceCancelSessionOperator,
    LessonspaceLaunchSessionOperator,
)


@dag(schedule=None, params={"lessons": [], "conn_id": ""}, render_template_as_native_obj=True)
def plugin_called_off() -> None:
    LessonspaceLaunchSessionOperator(
        task_id="launch", session="{{ params.lessons[0] }}", conn_id="{{ params.conn_id }}"
    )


@dag(schedule=None, params={"session": {}, "reason": ""}, render_template_as_native_obj=True)
def plugin_cancels() -> None:
    LessonspaceCancelSessionOperator(
        task_id="cancel", session="{{ params.session }}", reason="{{ params.reason }}"
    )


plugin_called_off()
plugin_cancels()
