"""Keep what sessions leave no longer than it is needed: transcripts a month, all else a year.

Until ``report_only`` is switched off it only says what would go, and writes it down under ``retention/`` at the
destination: look at a few nights first.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import Param, dag

from airflow_provider.live_sessions.forms import fields, tables
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator

TRANSCRIPTS = ["transcript", "segments-jsonl", "segments-parquet"]
"""A class's own, and those of a time in bulk; with a database the rows of what was said."""


@dag(
    dag_id="retention",
    schedule="0 3 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "transcript_days": Param(
            30,
            type="number",
            minimum=1,
            title="Days to keep transcripts",
            description="What sessions left, and what was said in exports.",
        ),
        "other_days": Param(
            365,
            type="number",
            minimum=1,
            title="Days to keep everything else",
            description="Attendance, recordings, usage, exports.",
        ),
        "report_only": Param(
            True,
            type="boolean",
            title="Only report, delete nothing",
            description="The report lies under retention/ at the destination.",
        ),
        "destination": fields.destination("Folder or URL with the files"),
        "sql_conn_id": Param(
            "",
            type=["string", "null"],
            title="Database that exports are loaded into",
            description="An Airflow connection. Empty: files alone.",
            section=fields.TECHNICAL,
        ),
        **tables.names(),
    },
    tags=["retention"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def retention() -> None:
    """Two periods; neither waits for the other."""
    common = {
        "destination": "{{ params.destination or '' }}",
        "report_only": "{{ params.report_only }}",
        "sql_conn_id": "{{ params.sql_conn_id or '' }}",
        **tables.ARGUMENTS,
    }
    RetireArtifactsOperator(
        task_id="transcripts",
        older_than="{{ params.transcript_days * 86400 }}",
        kinds=TRANSCRIPTS,
        **common,
    )
    RetireArtifactsOperator(task_id="everything", older_than="{{ params.other_days * 86400 }}", **common)


retention()
