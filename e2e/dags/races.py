"""Short sessions that wait in every way there is; what happens to them comes from the tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from airflow_provider.live_sessions.operators.launch import CANCEL_ON_KILL
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.operators.screenleap import ScreenleapLaunchSessionOperator
from airflow_provider.live_sessions.sensors.lessonspace import LessonspaceSessionEndSensor

POLL_INTERVAL = 2.0
SESSION: dict[str, Any] = {
    # The variable stands for a DAG that was edited between two tries.
    "title": "{{ params.title }}{{ var.value.get('renamed', '') }}",
    "start": "{{ params.start }}",
    "end": "{{ params.end }}",
}
DEFAULTS = {"retries": 2, "retry_delay": timedelta(seconds=2)}
PARAMS = {"title": "", "start": "", "end": "", "grace": 10}
WAIT: dict[str, Any] = {
    "settle": 6,
    "poll_interval": POLL_INTERVAL,
    "on_no_show": "succeed",
    "on_cancelled": "succeed",
}

for deferrable, dag_id in ((True, "class_waits_deferred"), (False, "class_waits_in_slot")):
    with DAG(dag_id, schedule=None, default_args=DEFAULTS, params=PARAMS, render_template_as_native_obj=True):
        launched = LessonspaceLaunchSessionOperator(
            task_id="launch",
            participants=[
                {"id": "{{ params.title }}-teacher", "name": "Tess", "leader": True},
                {"id": "{{ params.title }}-student", "name": "Sam"},
            ],
            lead=60,
            grace="{{ params.grace }}",
            **SESSION,
        )
        LessonspaceSessionEndSensor(task_id="wait", session=launched.output, deferrable=deferrable, **WAIT)

with DAG(
    "class_of_a_timetable", schedule=None, default_args=DEFAULTS, params=PARAMS, render_template_as_native_obj=True
):
    launched = LessonspaceLaunchSessionOperator(
        task_id="launch",
        session={
            **SESSION,
            "uid": "{{ params.title }}",
            "participants": [{"id": "teacher", "name": "Tess", "leader": True}, {"id": "student", "name": "Sam"}],
        },
        timetable="races",
        lead=60,
        grace="{{ params.grace }}",
    )
    LessonspaceSessionEndSensor(task_id="wait", session=launched.output, deferrable=True, **WAIT)

for policy in CANCEL_ON_KILL:
    with DAG(f"share_{policy}", schedule=None, default_args=DEFAULTS, params=PARAMS):
        ScreenleapLaunchSessionOperator(
            task_id="share",
            external_id="{{ params.title }}",
            wait_for_completion=True,
            deferrable=True,
            poll_interval=POLL_INTERVAL,
            cancel_on_kill=policy,
            lead=60,
            grace=60,
            **SESSION,
        )

with DAG("share_in_slot", schedule=None, default_args=DEFAULTS, params=PARAMS):
    ScreenleapLaunchSessionOperator(
        task_id="share",
        external_id="{{ params.title }}",
        wait_for_completion=True,
        deferrable=False,
        poll_interval=POLL_INTERVAL,
        lead=60,
        grace=60,
        **SESSION,
    )
