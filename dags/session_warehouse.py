"""Sessions as data: every hour, what ended in the last whole hour, to files and to a database.

For each platform with a connection: every session that ended in the hour comes home as Parquet (or JSON Lines),
is checked, and, where a database is set, loaded and checked again. The checks fail loudly: a count that disagrees,
a session that is there twice or ended before it started, an hour that is missing since the export before. To fill
such a gap, trigger the DAG with ``since`` and ``until``; hours that are home already are not asked for again.
Educates is not among the platforms: its portals keep no history.

Set the Airflow variable ``session_warehouse_connections`` to your connections, e.g.
``{"lessonspace": "lessonspace_default", "coviu": "coviu_default"}``, then unpause; until then runs do nothing.

The rows hold people's names and what they did when: choose who may read the destination and the tables.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import Param, dag, get_current_context, task, task_group

from airflow_provider.live_sessions.operators.check_export import CheckSessionsExportOperator
from airflow_provider.live_sessions.operators.coviu import CoviuSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.lessonspace_account import LessonspaceSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.screenleap_account import ScreenleapSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.sessions_to_sql import SessionsToSqlOperator

if TYPE_CHECKING:
    from airflow_provider.live_sessions.operators.export_sessions import SessionsToObjectStorageOperator

PLATFORMS: dict[str, type[SessionsToObjectStorageOperator]] = {
    "lessonspace": LessonspaceSessionsToObjectStorageOperator,
    "coviu": CoviuSessionsToObjectStorageOperator,
    "screenleap": ScreenleapSessionsToObjectStorageOperator,
}


@dag(
    dag_id="session_warehouse",
    schedule="20 * * * *",  # the platforms' lists have caught up with the last hour by then
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=4,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "connections": Param(
            {},
            type="object",
            additionalProperties={"type": "string", "minLength": 1},
            propertyNames={"enum": list(PLATFORMS)},
            title="Connection of each platform",
            description="Empty: the Airflow variable session_warehouse_connections.",
        ),
        "since": Param(
            "", type=["string", "null"], title="From, a whole hour", description="Empty: the last whole hour."
        ),
        "until": Param("", type=["string", "null"], title="Until, a whole hour"),
        "destination": Param(
            "", type=["string", "null"], title="Where files go", description="Empty: the default."
        ),
        "file_format": Param("parquet", enum=["parquet", "jsonl"], title="File format"),
        "sql_conn_id": Param(
            "", type=["string", "null"], title="Database", description="PostgreSQL or SQLite; empty: none."
        ),
        "sessions_table": Param("sessions", type="string", title="Table of sessions"),
        "participants_table": Param("participants", type="string", title="Table of participants"),
        "attendance": Param(True, type="boolean", title="Also who was there when (more requests)"),
        "no_gap": Param(True, type="boolean", title="Fail when an hour is missing since the export before"),
    },
    tags=["lessonspace", "coviu", "screenleap", "export"],
    doc_md=__doc__,
)
def session_warehouse() -> None:
    """Wire a group a platform; one that fails stops no other."""

    @task
    def connections() -> dict[str, str]:
        """Return the connection of each platform that has one."""
        from airflow.sdk import Variable

        given = get_current_context()["params"]["connections"]
        found = given or Variable.get("session_warehouse_connections", default={}, deserialize_json=True)
        unknown = sorted(set(found) - set(PLATFORMS))
        if unknown:
            raise ValueError(
                f"No sessions can be exported from {', '.join(unknown)}; known: {', '.join(PLATFORMS)}."
            )
        return {str(platform): str(conn_id) for platform, conn_id in found.items() if conn_id}

    @task.short_circuit(task_id="has_connection")
    def has_connection(platform: str, of: dict[str, str]) -> bool:
        """Skip a platform without a connection."""
        return platform in of

    @task.short_circuit(task_id="has_database")
    def has_database() -> bool:
        """Skip the database where none is set."""
        return bool(get_current_context()["params"]["sql_conn_id"])

    found = connections()

    def group(platform: str, operator: type[SessionsToObjectStorageOperator]) -> None:
        @task_group(group_id=platform)
        def warehouse() -> None:
            export = operator(
                task_id="export",
                conn_id="{{ ti.xcom_pull(task_ids='connections')['" + platform + "'] }}",
                since="{{ params.since or '' }}",
                until="{{ params.until or '' }}",
                period="hour",
                prefix="warehouse",
                destination="{{ params.destination or '' }}",
                file_format="{{ params.file_format }}",
                attendance="{{ params.attendance }}",
                deferrable=True,
            )
            check = CheckSessionsExportOperator(
                task_id="check_files", export=export.output, no_gap="{{ params.no_gap }}", retries=0
            )
            load = SessionsToSqlOperator(
                task_id="load",
                export=export.output,
                sql_conn_id="{{ params.sql_conn_id or '' }}",
                sessions_table="{{ params.sessions_table }}",
                participants_table="{{ params.participants_table }}",
            )
            check_table = CheckSessionsExportOperator(
                task_id="check_table",
                export=export.output,
                no_gap=False,
                sql_conn_id="{{ params.sql_conn_id or '' }}",
                sessions_table="{{ params.sessions_table }}",
                retries=0,
            )
            configured = has_connection(platform, found)  # type: ignore[arg-type]  # the task's result
            configured >> export >> check >> has_database() >> load >> check_table

        warehouse()

    for platform, operator in PLATFORMS.items():
        group(platform, operator)


session_warehouse()
