"""Every night on Screenleap: stop the screen shares that people left open, and bring home what the day cost.

The reaper stops what has been running longer than the limit. Until ``dry_run`` is switched off it only says what
it would stop: look at a few nights' logs first. The export covers the whole day before, in the zone given, and
waits until Screenleap's history has caught up with its end. What the reaper stops is in the next night's export.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.operators.screenleap_account import (
    ScreenleapExportUsageOperator,
    ScreenleapReapSessionsOperator,
)


@dag(
    dag_id="screen_share_night",
    schedule="0 2 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "conn_id": Param("screenleap_default", type="string", title="Screenleap connection"),
        "limit_hours": Param(8, type="number", exclusiveMinimum=0, title="Longest share, hours"),
        "dry_run": Param(
            True, type="boolean", title="Report only", description="Only says what would be stopped."
        ),
        "external_id_prefix": Param(
            "",
            type=["string", "null"],
            title="Only shares whose external id begins with",
            description="Empty: all.",
        ),
        "timezone": Param("Europe/Berlin", type="string", title="Time zone of the day"),
        "destination": Param(
            "", type=["string", "null"], title="Destination of files", description="Empty: the default."
        ),
        "warn_above_cents": Param(
            10_000, type=["number", "null"], minimum=0, title="Cost of a day that warns, cents"
        ),
    },
    tags=["screenleap", "usage"],
    description=str(__doc__).partition("\n")[0],
    doc_md=__doc__,
)
def screen_share_night() -> None:
    """Wire the night together; a night without a reaper still has its export, and the other way round."""

    @task
    def day_before() -> dict[str, str]:
        """Return the last whole day; the run's own time decides, so a retry and a clear mean the same day."""
        context = get_current_context()
        midnight = pendulum.instance(context["dag_run"].run_after).in_timezone(context["params"]["timezone"])
        until = midnight.start_of("day")
        return {"since": until.subtract(days=1).isoformat(), "until": until.isoformat()}

    @task
    def tell_cost(manifest: dict[str, Any]) -> float:
        """Say in the log what the day cost, loudly where it was much."""
        import logging

        totals, limit = manifest["extra"]["totals"], get_current_context()["params"]["warn_above_cents"]
        loud = limit is not None and totals["cost_in_cents"] > limit
        log = logging.getLogger("airflow.task")
        log.log(
            logging.WARNING if loud else logging.INFO,
            "%d shares, %d user minutes, %.2f dollars.",
            totals["shares"],
            totals["user_minutes"],
            totals["cost_in_cents"] / 100,
        )
        return float(totals["cost_in_cents"])

    ScreenleapReapSessionsOperator(
        task_id="reap",
        conn_id="{{ params.conn_id }}",
        older_than="{{ params.limit_hours * 3600 }}",
        report_only="{{ params.dry_run }}",
        external_id_prefix="{{ params.external_id_prefix or '' }}",
    )

    day = day_before()
    usage = ScreenleapExportUsageOperator(
        task_id="export_usage",
        conn_id="{{ params.conn_id }}",
        since="{{ ti.xcom_pull(task_ids='day_before')['since'] }}",
        until="{{ ti.xcom_pull(task_ids='day_before')['until'] }}",
        destination="{{ params.destination or '' }}",
        timezone="{{ params.timezone }}",
        deferrable=True,  # right after midnight it waits for the history, up to a quarter of an hour
    )
    day >> usage
    tell_cost(usage.output)  # type: ignore[arg-type]  # the operator's result


screen_share_night()
