"""Lessons for the tests of the page: lanes of one DAG, and a lesson of another one that not everybody may see."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, get_current_context, task, task_group

from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator


@task
def plans() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get_current_context()["params"]["lessons"]
    return found


@dag(schedule=None, params={"lessons": [], "conn_id": ""})
def plugin_lessons() -> None:
    @task_group
    def lane(lesson: Any) -> None:
        launch = LessonspaceLaunchSessionOperator(
            task_id="launch", session=lesson, conn_id="{{ params.conn_id }}", record_av=True
        )
        launch >> EmptyOperator(task_id="wait_for_end") >> EmptyOperator(task_id="retrieve")

    lane.expand(lesson=plans())


@dag(schedule=None, params={"lessons": [], "conn_id": ""}, render_template_as_native_obj=True)
def plugin_private() -> None:
    LessonspaceLaunchSessionOperator(
        task_id="launch", session="{{ params.lessons[0] }}", conn_id="{{ params.conn_id }}"
    )


plugin_lessons()
plugin_private()
