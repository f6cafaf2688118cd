"""Bring home again what one class on Lessonspace left: press Trigger, name the run that launched it.

For files that were lost, a transcript that came late, or another destination. The same again gives the same bytes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.operators.find_launched import FindLaunchedOperator
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceRetrieveAttendanceOperator,
    LessonspaceRetrieveRecordingOperator,
    LessonspaceRetrieveTranscriptOperator,
)

KINDS = ["attendance", "transcript", "recording"]


@dag(
    dag_id="class_retrieve_again",
    schedule=None,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        **fields.launched_by(["class_now", "class_day"]),
        "kinds": Param(
            KINDS,
            type="array",
            examples=KINDS,  # makes it a list to choose from
            items={"type": "string", "enum": KINDS},
            minItems=1,
            uniqueItems=True,
            title="Kinds of files",
        ),
        "timezone": fields.timezone("Europe/Berlin", "Time zone of folders and tables"),
        "destination": fields.destination(),
    },
    tags=["lessonspace", "classes"],
    doc_md=__doc__,
)
def class_retrieve_again() -> None:
    """Find it, then retrieve what was asked for."""
    found = FindLaunchedOperator(
        task_id="find",
        dag_id="{{ params.dag_id }}",
        run_id="{{ params.run_id or '' }}",
        title="{{ params.title or '' }}",
        hook_class=HOOK,
    )

    @task.branch
    def choose() -> list[str]:
        return [f"retrieve_{kind}" for kind in get_current_context()["params"]["kinds"]]

    filed: dict[str, Any] = {
        "session": found.output,
        "destination": "{{ params.destination or '' }}",
        "timezone": "{{ params.timezone }}",
    }
    retrieved = [
        LessonspaceRetrieveAttendanceOperator(task_id="retrieve_attendance", **filed),
        LessonspaceRetrieveTranscriptOperator(task_id="retrieve_transcript", **filed),
        LessonspaceRetrieveRecordingOperator(task_id="retrieve_recording", **filed),
    ]
    found >> choose() >> retrieved


class_retrieve_again()
