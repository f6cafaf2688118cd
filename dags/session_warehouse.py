"""Sessions as data: every hour, what ended in the last whole hour, to files and to a database.

For each platform with a connection: every session that ended in the hour comes home as Parquet (or JSON Lines), is
checked, and, where a database is set, loaded and checked again. Then the same for the hour of a day before, when
all that its classes leave is there or never will be: its sessions and those of the hours behind it once more,
where the platform's list tells of others by now (an end may be written down late); what was said (Lessonspace), a
row a spoken segment; and a row a class: start, end, minutes a person, who was late or absent, words a speaker.

The checks fail loudly: a count that disagrees, a session that is there twice or ended before it started, an
hour that is missing since the export before, words of a session that nobody exported. What may come by itself is
waited for with retries, and an hour that stayed partial is completed and loaded a day later. What a platform will
never tell (the attendance of a deleted room, a transcript that failed) is an error in the log and keeps nothing
from being loaded. To fill a gap, trigger the DAG with ``since`` and ``until``; hours that are home already are not
asked for again, but for a look at the list. Educates is not among the platforms: its portals keep no history.

Set the Airflow variable ``session_warehouse_connections`` to your connections, e.g.
``{"lessonspace": "lessonspace_default", "coviu": "coviu_default"}``, then unpause; until then runs do nothing.

The rows hold people's names, what they did when, and what they said: choose who may read the destination and the
tables.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import Param, chain, dag, get_current_context, task, task_group

from airflow_provider.live_sessions.forms import fields, tables
from airflow_provider.live_sessions.operators.check_export import CheckSessionsExportOperator
from airflow_provider.live_sessions.operators.coviu import CoviuSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.lessonspace_account import (
    LessonspaceSessionsToObjectStorageOperator,
    LessonspaceTranscriptsToObjectStorageOperator,
)
from airflow_provider.live_sessions.operators.screenleap_account import ScreenleapSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.sessions_to_sql import SessionsToSqlOperator
from airflow_provider.live_sessions.operators.summarise_classes import SummariseClassesOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_provider.live_sessions.operators.export_sessions import SessionsToObjectStorageOperator

PLATFORMS: dict[str, type[SessionsToObjectStorageOperator]] = {
    "lessonspace": LessonspaceSessionsToObjectStorageOperator,
    "coviu": CoviuSessionsToObjectStorageOperator,
    "screenleap": ScreenleapSessionsToObjectStorageOperator,
}
TRANSCRIPTS = {"lessonspace": LessonspaceTranscriptsToObjectStorageOperator}

PATIENCE = "{{ params.classes_after_hours * 3600 }}"
RULES = {
    "min_seconds": "{{ params.transcript_min_seconds }}",
    "sure_seconds": "{{ params.transcript_sure_seconds }}",
    "give_up_after": PATIENCE,
    "give_up_after_short": PATIENCE,
}
SETTLED = "ti.xcom_pull(task_ids='classes_time')"


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
            title="Airflow connection of each platform",
            description='{"coviu": "coviu_default"}. Empty: the Airflow variable session_warehouse_connections.',
        ),
        "since": fields.moment("To fill a gap: from", "A whole hour. Empty: the last whole hour."),
        "until": fields.moment("To fill a gap: until", "A whole hour. Needed where the field above is filled in."),
        "destination": fields.destination(),
        "file_format": Param("parquet", enum=["parquet", "jsonl"], title="Format of files"),
        "sql_conn_id": Param(
            "",
            type=["string", "null"],
            title="Database to load the rows into",
            description="An Airflow connection to PostgreSQL or SQLite. Empty: files alone.",
        ),
        **tables.names(),
        "classes_after_hours": Param(
            24,
            type="number",
            minimum=0,
            title="Hours until classes are settled",
            description="So long after an hour its transcripts and attendance are there or never will be.",
        ),
        "transcript_min_seconds": fields.seconds(150, "Length below which no session has a transcript, seconds"),
        "transcript_sure_seconds": fields.seconds(300, "Length above which every session has one, seconds"),
        "class_spread_hours": Param(
            6,
            type="integer",
            minimum=0,
            title="Longest time between two sessions of one class, whole hours",
            description="A class is worked out when so many hours behind its last session are home.",
            section=fields.TECHNICAL,
        ),
        "late_after_seconds": fields.seconds(300, "Time after the start when somebody is late, seconds"),
        "attendance": Param(
            True,
            type="boolean",
            title="Who was there, from when until when",
            description="Costs more requests.",
        ),
        "wait": Param(
            True,
            type="boolean",
            title="Patience until the platforms have caught up",
            description="Off: what was read too early fails the checks.",
            section=fields.TECHNICAL,
        ),
        "no_gap": Param(
            True,
            type="boolean",
            title="Failure where an hour is missing",
            description="Since the export before this one.",
            section=fields.TECHNICAL,
        ),
    },
    tags=["lessonspace", "coviu", "screenleap", "export"],
    description=str(__doc__).partition("\n")[0],
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

    @task
    def classes_time() -> dict[str, str]:
        """Return the time whose classes are settled (asked for, or the last such hour), and what is behind it.

        A class is whole when all hours are home in which it may have gone on: those behind it are exported too.
        """
        context = get_current_context()
        params = context["params"]
        settled = context["dag_run"].run_after - timedelta(hours=params["classes_after_hours"])
        until = settled.replace(minute=0, second=0, microsecond=0)
        since = until - timedelta(hours=1)
        if params["since"]:
            since, until = (datetime.fromisoformat(params[name]) for name in ("since", "until"))
        behind = until + timedelta(hours=params["class_spread_hours"])
        return {"since": since.isoformat(), "until": until.isoformat(), "behind": behind.isoformat()}

    found, settled = connections(), classes_time()

    def export_of(
        platform: str, operator: type[SessionsToObjectStorageOperator], task_id: str, **more: Any
    ) -> SessionsToObjectStorageOperator:
        arguments: dict[str, Any] = {
            "since": "{{ params.since or '' }}",
            "until": "{{ params.until or '' }}",
            "prefix": "warehouse",
            "attendance": "{{ params.attendance }}",
            "patience": PATIENCE,
            **more,
        }
        return operator(
            task_id=task_id,
            conn_id="{{ ti.xcom_pull(task_ids='connections')['" + platform + "'] }}",
            period="hour",
            destination="{{ params.destination or '' }}",
            file_format="{{ params.file_format }}",
            wait="{{ params.wait }}",
            deferrable=True,
            **{name: value for name, value in arguments.items() if value is not None},
        )

    def check_of(task_id: str, export: BaseOperator, **more: Any) -> CheckSessionsExportOperator:
        # Only what may heal is retried: the hour before may be on its way home in a run beside this one.
        return CheckSessionsExportOperator(
            task_id=task_id, export=export.output, retries=6, **{"no_gap": "{{ params.no_gap }}", **more}
        )

    def check_table_of(task_id: str, export: BaseOperator) -> CheckSessionsExportOperator:
        named = {f"{one}_table": tables.ARGUMENTS[f"{one}_table"] for one in ("sessions", "segments", "classes")}
        return check_of(task_id, export, no_gap=False, sql_conn_id="{{ params.sql_conn_id or '' }}", **named)

    def group(platform: str, operator: type[SessionsToObjectStorageOperator]) -> None:
        @task_group(group_id=platform)
        def warehouse() -> None:
            export = export_of(platform, operator, "export", retry_partial="{{ params.wait }}")
            check = check_of("check_files", export)
            load = SessionsToSqlOperator(
                task_id="load",
                export=export.output,
                sql_conn_id="{{ params.sql_conn_id or '' }}",
                **tables.ARGUMENTS,
            )
            configured = has_connection(platform, found)  # type: ignore[arg-type]  # the task's result
            configured >> export >> check >> has_database() >> load >> check_table_of("check_table", export)
            classes(check)

        @task_group(group_id="classes")
        def classes(after: BaseOperator) -> None:
            """Wire what is settled only later: late ends, transcripts, and the classes out of both."""
            time = {name: "{{ " + SETTLED + "['" + name + "'] }}" for name in ("since", "until")}
            behind = "{{ " + SETTLED + "['behind'] }}"
            # After the last hour, for the two may be the same, and its check looks at what is home before it; but
            # whatever became of it: one hour must not take another with it.
            again = export_of(
                platform,
                operator,
                "again",
                recheck=True,
                retry_partial="{{ params.wait }}",
                trigger_rule="all_done",
                **time,
            )
            # The hours behind are looked at again too: a class that goes on in one of them is counted there alone.
            sessions = export_of(platform, operator, "sessions", recheck=True, since=time["since"], until=behind)
            summary = SummariseClassesOperator(
                task_id="summarise",
                sessions=sessions.output,
                until=time["until"],
                prefix="warehouse-classes",
                late_after="{{ params.late_after_seconds }}",
                look_around="{{ params.class_spread_hours * 3600 }}",
            )
            exports: list[BaseOperator] = [again, summary]
            checks = [check_of("check_again", again), check_of("check_classes", summary, against=sessions.output)]
            if platform in TRANSCRIPTS:
                spoken = export_of(
                    platform,
                    TRANSCRIPTS[platform],
                    "transcripts",
                    prefix="warehouse-transcripts",
                    attendance=None,
                    patience=None,
                    rules=RULES,
                    recheck=True,
                    retry_partial="{{ params.wait }}",
                    **time,
                )
                summary.segments = spoken.output
                spoken >> summary
                exports.append(spoken)
                checks.append(check_of("check_transcripts", spoken, against=sessions.output))
                sessions >> spoken
            load = SessionsToSqlOperator(
                task_id="load_classes",
                export=[one.output for one in exports],
                sql_conn_id="{{ params.sql_conn_id or '' }}",
                **tables.ARGUMENTS,
            )
            loaded = [check_table_of(f"{one.task_id.rpartition('.')[2]}_table", one) for one in exports]
            chain([settled, after], again, sessions, summary, checks, has_database(), load, loaded)

        warehouse()

    for platform, operator in PLATFORMS.items():
        group(platform, operator)


session_warehouse()
