"""A DAG for each platform: the classes that a run is given are launched, and their ends waited for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, task, task_group

from airflow_provider.live_sessions.operators.coviu import CoviuLaunchSessionOperator
from airflow_provider.live_sessions.operators.educates import EducatesLaunchSessionOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.operators.screenleap import ScreenleapLaunchSessionOperator
from airflow_provider.live_sessions.sensors.coviu import CoviuSessionEndSensor
from airflow_provider.live_sessions.sensors.educates import EducatesSessionEndSensor
from airflow_provider.live_sessions.sensors.lessonspace import LessonspaceSessionEndSensor
from airflow_provider.live_sessions.sensors.screenleap import ScreenleapSessionEndSensor

SETTLE = 12.0
"""Seconds for which an end has to stand; classes here last a minute."""

PLATFORMS: dict[str, tuple[Any, Any]] = {
    "lessonspace": (LessonspaceLaunchSessionOperator, LessonspaceSessionEndSensor),
    "coviu": (CoviuLaunchSessionOperator, CoviuSessionEndSensor),
    "screenleap": (ScreenleapLaunchSessionOperator, ScreenleapSessionEndSensor),
    "educates": (EducatesLaunchSessionOperator, EducatesSessionEndSensor),
}


def classes_on(platform: str, launch_operator: Any, end_sensor: Any) -> None:
    """Define a platform's DAG."""
    with DAG(
        f"classes_on_{platform}",
        schedule=None,
        max_active_runs=64,
        params={"classes": Param([], type="array")},
        default_args={"retries": 5, "retry_delay": timedelta(seconds=5)},
    ):

        @task
        def take(**context: Any) -> list[dict[str, Any]]:
            """Return the run's classes, each with its launch settings."""
            given: list[dict[str, Any]] = context["params"]["classes"]
            return given

        @task_group(group_id="class")
        def one_class(session: Any, options: Any) -> None:
            """Launch a class and wait for its end."""
            launched = launch_operator(task_id="launch", session=session, options=options)
            end_sensor(
                task_id="wait",
                session=launched.output,
                settle=SETTLE,
                poll_interval=3,
                deferrable=True,
                on_no_show="fail",
                on_cancelled="fail",
            )

        one_class.expand_kwargs(take())


for name, (operator, sensor) in PLATFORMS.items():
    classes_on(name, operator, sensor)
