"""A day of classes on Lessonspace, from a timetable.

Every hour: take the classes that start within the next 24 hours, launch each, hand everybody their own link,
wait until the class has ended, and bring home transcript, attendance and the recording's manifest. Runs overlap
and double nothing: a class's identity is its occurrence in the timetable, and what another run has in hand is
left alone unless it changed. Cancel a class by setting its ``status`` to ``cancelled``; keep the row.

Set the Airflow variable ``class_day_timetable`` to your timetable, then unpause; until it is set, hourly runs do
nothing. ``timetables/example.csv`` and ``example.ics`` show what a timetable looks like.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import dag, task

from airflow_provider.live_sessions.flows.lessonspace import lessonspace_class
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.known import refuse_unknown_fields
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.operators.classes import ReportClassesOperator, SelectClassesOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator

TIMETABLE = "{{ params.timetable or var.value.get('class_day_timetable', '') }}"

LAUNCH = {
    "transcribe": "{{ params.transcribe }}",
    "hard_stop": "{{ params.hard_stop_minutes and params.hard_stop_minutes * 60 }}",
    "hand_over_before": "{{ params.hand_over_before_minutes and params.hand_over_before_minutes * 60 }}",
    "lead": "{{ params.lead_seconds }}",
    "grace": "{{ params.grace_seconds }}",
    "create_in_past": "{{ params.on_missed == 'launch' }}",
}


@dag(
    dag_id="class_day",
    schedule="@hourly",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=64,  # a run lasts until its last class has ended, so more of them than the horizon has hours
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "timetable": fields.timetable("class_day_timetable"),
        "timezone": fields.timezone("Europe/Berlin", "Time zone of times that name none"),
        "conn_id": fields.conn_id("Lessonspace"),
        "timetable_name": fields.timetable_name("classes"),
        **fields.selection(),
        **fields.lessonspace_class(),
        **fields.hand_over_before(),
        "destination": fields.destination(),
        "smtp_conn_id": fields.smtp_conn_id(),
        **fields.lessonspace_room(),
        **fields.polling(),
        **fields.lessonspace_artifacts(),
    },
    tags=["lessonspace", "classes"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def class_day() -> None:
    """Wire the day together."""
    select = SelectClassesOperator(
        task_id="select",
        pre_execute=refuse_unknown_fields,
        timetable=TIMETABLE,
        timezone="{{ params.timezone }}",
        conn_id="{{ params.conn_id }}",
        hook_class=HOOK,
        name="{{ params.timetable_name }}",
        launch_despite_errors="{{ params.launch_despite_errors }}",
        horizon="{{ params.horizon_hours }}",
        on_missed="{{ params.on_missed }}",
        destination="{{ params.destination or '' }}",
        lead="{{ params.lead_seconds }}",
        grace="{{ params.grace_seconds }}",
    )

    @task
    def to_launch(selection: dict[str, Any]) -> list[dict[str, Any]]:
        return list(selection["launch"])

    @task
    def to_cancel(selection: dict[str, Any]) -> list[dict[str, Any]]:
        return list(selection["cancel"])

    cancel = LessonspaceCancelSessionOperator.partial(
        task_id="cancel",
        conn_id="{{ params.conn_id }}",
        timetable="{{ params.timetable_name }}",
        options={
            "transcribe": "{{ params.transcribe }}",
            "hard_stop": "{{ params.hard_stop_minutes and params.hard_stop_minutes * 60 }}",
            "lead": "{{ params.lead_seconds }}",
            "grace": "{{ params.grace_seconds }}",
        },
        hand_over_before="{{ params.hand_over_before_minutes and params.hand_over_before_minutes * 60 }}",
        destination="{{ params.destination or '' }}",
        if_live="fail",
        map_index_template="{{ task.session['title'] }}, {{ task.session['start'] }}",
    ).expand(session=to_cancel(select.output))  # type: ignore[arg-type]  # stands for its value

    classes = lessonspace_class.partial(
        conn_id="{{ params.conn_id }}",
        timetable="{{ params.timetable_name }}",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        launch=LAUNCH,
        smtp_conn_id="{{ params.smtp_conn_id }}",
        poll_interval="{{ params.poll_interval }}",
        settle="{{ params.settle_seconds }}",
        check_delays="{{ params.check_delays }}",
        rules="{{ params.rules }}",
    ).expand(session=to_launch(select.output))  # type: ignore[arg-type]  # stands for its value

    report = ReportClassesOperator(task_id="report", selection=select.output)
    [cancel, classes] >> report


class_day()
