"""Delete what was brought home of one person: their rows, and transcripts in which they speak or are named.

Give every id, name and address that stands for them, and name the tables as ``session_warehouse`` does. Until
``report_only`` is switched off it only says what would go, and writes it down under ``retention/`` at the
destination. Delete the run afterwards: its form holds the name.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from airflow_provider.live_sessions.forms import fields, tables
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator


@dag(
    dag_id="forget_person",
    schedule=None,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    render_template_as_native_obj=True,
    params={
        "person": Param(
            [],
            type="array",
            items={"type": "string", "minLength": 1},
            minItems=1,
            title="Ids, names and mail addresses of the person",
            description="All that stand for them in files and tables: what is not named here stays.",
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
def forget_person() -> None:
    """One task."""
    RetireArtifactsOperator(
        task_id="forget",
        person="{{ params.person }}",  # rendered as the list it is
        report_only="{{ params.report_only }}",
        destination="{{ params.destination or '' }}",
        sql_conn_id="{{ params.sql_conn_id or '' }}",
        **tables.ARGUMENTS,
    )


forget_person()
