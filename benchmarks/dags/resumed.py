"""A class that is waited for as people have it by default; ``benchmarks/resumption.py`` ends it."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.sensors.lessonspace import LessonspaceSessionEndSensor

with DAG(
    "resumed",
    schedule=None,
    max_active_runs=100,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=2)},
    params={"title": "", "start": "", "end": "", "poll_interval": 10},
    render_template_as_native_obj=True,
):
    launched = LessonspaceLaunchSessionOperator(
        task_id="launch",
        title="{{ params.title }}",
        start="{{ params.start }}",
        end="{{ params.end }}",
        participants=[
            {"id": "{{ params.title }}-t", "name": "Tess", "leader": True},
            {"id": "{{ params.title }}-s", "name": "Sam"},
        ],
        lead=1800,  # it is asked for at once, long before its start
    )
    LessonspaceSessionEndSensor(
        task_id="wait",
        session=launched.output,
        deferrable=True,
        settle=0.1,  # a break is not waited for: what is measured is the way back
        poll_interval="{{ params.poll_interval }}",
    )
