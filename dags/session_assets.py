"""Sessions as data assets: a day comes home, and whoever wants its classes runs when they are there.

``session_assets`` exports yesterday's sessions of one Lessonspace account and what was said in them, and computes
a row a class. Its tasks name what they read and what they bring home (``inlets``, ``outlets``), so Airflow's asset
graph shows the way from the account to the classes. ``session_assets_read`` is scheduled on the last of them and
knows nothing of the first DAG.

Assets are known when the DAG is parsed, so the connection is written here and not in a form. ``session_warehouse``
does more, every hour and for every platform, with connections that a variable names: so it can name no assets.

The rows hold people's names, what they did when, and what they said: choose who may read the destination.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.assets.data import (
    exported_segments,
    exported_sessions,
    segments_of,
    sessions_of,
    summarised_classes,
)
from airflow_provider.live_sessions.operators.lessonspace_account import (
    LessonspaceSessionsToObjectStorageOperator,
    LessonspaceTranscriptsToObjectStorageOperator,
)
from airflow_provider.live_sessions.operators.summarise_classes import SummariseClassesOperator

CONNECTION = "lessonspace_default"
ACCOUNT = ("lessonspace", CONNECTION)

SESSIONS = exported_sessions(*ACCOUNT)
SEGMENTS = exported_segments(*ACCOUNT)
CLASSES = summarised_classes(*ACCOUNT)

COMMON: dict[str, Any] = {
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "tags": ["lessonspace", "export"],
    "description": str(__doc__).partition("\n")[0],
    "doc_md": __doc__,
}


@dag(
    dag_id="session_assets",
    schedule="0 6 * * *",  # what was said is waited for until a day after
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "since": Param("", type=["string", "null"], title="From, midnight UTC", description="Empty: yesterday."),
        "until": Param("", type=["string", "null"], title="Until, midnight UTC"),
        "destination": Param(
            "", type=["string", "null"], title="Where files go", description="Empty: the default."
        ),
        "file_format": Param("parquet", enum=["parquet", "jsonl"], title="File format"),
    },
    **COMMON,
)
def session_assets() -> None:
    """Sessions, what was said in them, and the classes they come to."""
    time: dict[str, Any] = {
        "conn_id": CONNECTION,
        "since": "{{ params.since or '' }}",
        "until": "{{ params.until or '' }}",
        "destination": "{{ params.destination or '' }}",
        "file_format": "{{ params.file_format }}",
        "deferrable": True,
    }
    sessions = LessonspaceSessionsToObjectStorageOperator(
        task_id="sessions", prefix="assets", inlets=[sessions_of(*ACCOUNT)], outlets=[SESSIONS], **time
    )
    segments = LessonspaceTranscriptsToObjectStorageOperator(
        task_id="segments", prefix="assets-transcripts", inlets=[segments_of(*ACCOUNT)], outlets=[SEGMENTS], **time
    )
    SummariseClassesOperator(
        task_id="classes",
        sessions=sessions.output,
        segments=segments.output,
        prefix="assets-classes",
        look_around=0,  # each day by itself: the day after is not home yet
        inlets=[SESSIONS, SEGMENTS],
        outlets=[CLASSES],
    )


@dag(dag_id="session_assets_read", schedule=[CLASSES], **COMMON)
def session_assets_read() -> None:
    """One run for all classes that came home since the last one."""

    @task
    def report() -> list[str]:
        """Return which runs brought classes home: their results name the files."""
        events = get_current_context()["triggering_asset_events"][CLASSES]
        return sorted({str(event.source_run_id) for event in events})

    report()


session_assets()
session_assets_read()
