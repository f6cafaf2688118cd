"""A class that nobody waits for, and runs that its webhooks start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, PartitionedAssetTimetable, get_current_context, task

from airflow_provider.live_sessions.assets.delivering import delivered
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator

CONNECTION = "lessonspace_default"
ENDED = delivered("lessonspace", CONNECTION)
ENDED_BY_SESSION = delivered("lessonspace", CONNECTION, by_session=True)

with DAG(
    "class_with_webhooks",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(seconds=2)},
    params={"title": "", "start": "", "end": "", "grace": 10},
    render_template_as_native_obj=True,
):
    LessonspaceLaunchSessionOperator(
        task_id="launch",
        conn_id=CONNECTION,
        webhooks="auto",
        title="{{ params.title }}",
        start="{{ params.start }}",
        end="{{ params.end }}",
        participants=[
            {"id": "{{ params.title }}-teacher", "name": "Tess", "leader": True},
            {"id": "{{ params.title }}-student", "name": "Sam"},
        ],
        lead=60,
        grace="{{ params.grace }}",
    )

with DAG("told_by_webhook", schedule=[ENDED]):

    @task
    def told() -> list[dict[str, Any]]:
        """Return what the events said."""
        return [dict(event.extra) for event in get_current_context()["triggering_asset_events"][ENDED]]

    told()

with DAG("told_by_webhook_each", schedule=PartitionedAssetTimetable(assets=ENDED_BY_SESSION)):

    @task
    def session() -> str:
        """Return the session."""
        return str(get_current_context()["dag_run"].partition_key)

    session()
