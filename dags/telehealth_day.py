"""A day of telehealth appointments on Coviu, from a table.

Every hour: take the appointments that start within the next 24 hours, create a session for each, hand clinician
and patient their own links an hour before, wait until the session is over, and bring home who came. The table is a
CSV file, or the result of a query (``sql`` and ``sql_conn_id``) whose columns are the CSV's: see
``timetables/appointments.csv``. Runs overlap and double nothing: an appointment's identity is its ``class_id`` and
start, and what another run has in hand is left alone unless it changed.

To cancel an appointment set its ``status`` to ``cancelled``; to move it, cancel its row and add one with the new
time. Keep the rows: one that vanishes cancels nothing.

Set the Airflow variable ``telehealth_day_timetable`` to your file (or the default of ``sql`` to your query), then
unpause; until then, hourly runs do nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Param, dag, task

from airflow_provider.live_sessions.flows.coviu import coviu_appointment
from airflow_provider.live_sessions.forms import fields
from airflow_provider.live_sessions.forms.known import refuse_unknown_fields
from airflow_provider.live_sessions.hooks.coviu import HOOK
from airflow_provider.live_sessions.operators.classes import ReportClassesOperator, SelectClassesOperator
from airflow_provider.live_sessions.operators.coviu import CoviuCancelSessionOperator
from airflow_provider.live_sessions.operators.query_timetable import QueryTimetableOperator
from airflow_provider.live_sessions.sensors.coviu import SETTLE

NAME = "{{ params.timetable_name }}"

LAUNCH = {
    "hand_over_before": "{{ params.hand_over_before_minutes and params.hand_over_before_minutes * 60 }}",
    "create_in_past": "{{ params.on_missed == 'launch' }}",
    "grace": "{{ params.grace_seconds }}",
}


@dag(
    dag_id="telehealth_day",
    schedule="@hourly",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=64,  # a run lasts until its last appointment is over: more than the horizon has hours
    render_template_as_native_obj=True,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    params={
        "timetable": fields.timetable("telehealth_day_timetable", label="Appointments", kinds="CSV"),
        "sql": Param(
            "",
            type=["string", "null"],
            title="Query in place of a file",
            description="Its columns are those of the CSV.",
            section=fields.TECHNICAL,
        ),
        "sql_conn_id": Param(
            "", type=["string", "null"], title="Database connection for the query", section=fields.TECHNICAL
        ),
        "timezone": fields.timezone("Australia/Sydney", "Time zone of times that name none"),
        "conn_id": fields.conn_id("Coviu"),
        "timetable_name": fields.timetable_name("telehealth", of_what="table", each="appointment"),
        **fields.selection(of_what="table", plural="Appointments"),
        "destination": fields.destination(),
        **fields.hand_over_before(),
        "smtp_conn_id": fields.smtp_conn_id(),
        "grace_seconds": fields.seconds(300, "Time after the end without a word from Coviu, seconds"),
        **fields.polling(settle=SETTLE, settle_label="Time for which a recorded early end must stand, seconds"),
        "fail_on_no_show": Param(False, type="boolean", title="Mark the run as failed when nobody came"),
    },
    tags=["coviu", "telehealth"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def telehealth_day() -> None:
    """Wire the day together."""
    table = QueryTimetableOperator(
        task_id="table",
        pre_execute=refuse_unknown_fields,
        sql="{{ params.sql or '' }}",
        conn_id="{{ params.sql_conn_id or '' }}",
        timetable="{{ params.timetable or var.value.get('telehealth_day_timetable', '') }}",
        destination="{{ params.destination or '' }}",
        name=NAME,
    )

    select = SelectClassesOperator(
        task_id="select",
        timetable=table.output,  # type: ignore[arg-type]  # stands for its value
        name=NAME,
        timezone="{{ params.timezone }}",
        conn_id="{{ params.conn_id }}",
        horizon="{{ params.horizon_hours }}",
        on_missed="{{ params.on_missed }}",
        destination="{{ params.destination or '' }}",
        launch_despite_errors="{{ params.launch_despite_errors }}",
        hook_class=HOOK,
        lane_tasks=("appointment.launch", "appointment.hand_over"),
    )

    @task
    def to_launch(selection: dict[str, Any]) -> list[dict[str, Any]]:
        return list(selection["launch"])

    @task
    def to_cancel(selection: dict[str, Any]) -> list[dict[str, Any]]:
        return list(selection["cancel"])

    cancel = CoviuCancelSessionOperator.partial(
        task_id="cancel",
        conn_id="{{ params.conn_id }}",
        timetable=NAME,
        hand_over_before="{{ params.hand_over_before_minutes and params.hand_over_before_minutes * 60 }}",
        if_live="fail",
        map_index_template="{{ task.session['title'] }}, {{ task.session['start'] }}",
    ).expand(session=to_cancel(select.output))  # type: ignore[arg-type]  # stands for its value

    appointments = coviu_appointment.partial(
        conn_id="{{ params.conn_id }}",
        timetable=NAME,
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        launch=LAUNCH,
        smtp_conn_id="{{ params.smtp_conn_id }}",
        poll_interval="{{ params.poll_interval }}",
        settle="{{ params.settle_seconds }}",
    ).expand(session=to_launch(select.output))  # type: ignore[arg-type]  # stands for its value

    report = ReportClassesOperator(
        task_id="report",
        selection=select.output,
        group="appointment",
        fail_on_no_show="{{ params.fail_on_no_show }}",
    )
    [cancel, appointments] >> report


telehealth_day()
