"""Run something when a session ends: once for all that ended, once a session, or whoever launched it.

Three ways, each with its own consumer here:

* ``on_session_end`` holds a class and its end sensor tells of it, through two assets (``outlets_for``).
  ``on_session_end_plain`` is scheduled on the **plain** one: all that ended since its last run is one run.
* ``on_session_end_each`` is scheduled on the one whose events carry the session as **partition key**: every
  session is a run of its own, and ``dag_run.partition_key`` says which. Partitioned events reach partitioned DAGs
  only, therefore two assets. Airflow 3.3; before that this DAG is not here.
* ``on_session_end_watched`` is scheduled on the **connection**: the triggerer asks what ended, whoever launched
  it, in Airflow or by hand. No task waits. Events come at least once: drop what has an ``id`` seen before.

Events hold a digest of the launch key, times and whether people were there; no title, no name, no link. What else
a consumer needs it reads where the files are, or from the producer's task.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Param, dag, get_current_context, task

from airflow_provider.live_sessions.assets.addresses import outlets_for
from airflow_provider.live_sessions.assets.watching import sessions_ended
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.sensors.lessonspace import LessonspaceSessionEndSensor

try:
    from airflow.sdk import PartitionedAssetTimetable
except ImportError:  # before Airflow 3.3
    PartitionedAssetTimetable = None  # type: ignore[assignment,misc]

CONNECTION = "lessonspace_default"
"""Outlets are known when the DAG is parsed, so the connection is written here and not in a form."""

ENDED, ENDED_BY_SESSION = outlets_for("lessonspace", CONNECTION)
WATCHED = sessions_ended("lessonspace", CONNECTION, poll_interval=30)

COMMON: dict[str, Any] = {
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "tags": ["lessonspace", "events"],
    "description": str(__doc__).partition("\n")[0],
    "doc_md": __doc__,
}


@dag(
    dag_id="on_session_end",
    schedule=None,
    params={
        "title": Param("Algebra", type="string", minLength=1, title="Title"),
        "in_minutes": Param(10, type="number", minimum=0, title="Begins in, minutes"),
        "minutes": Param(45, type="number", exclusiveMinimum=0, title="Lasts, minutes"),
    },
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    **COMMON,
)
def on_session_end() -> None:
    """One class; whoever wants to know of its end need not be known here."""
    start = "dag_run.run_after + macros.timedelta(minutes=params.in_minutes)"
    launch = LessonspaceLaunchSessionOperator(
        task_id="launch",
        conn_id=CONNECTION,
        title="{{ params.title }}",
        start=f"{{{{ ({start}).isoformat() }}}}",
        end=f"{{{{ ({start} + macros.timedelta(minutes=params.minutes)).isoformat() }}}}",
        participants=[{"id": "t-1", "name": "Teacher", "leader": True}, {"id": "s-1", "name": "Student"}],
    )
    # A class that was never held or was cancelled is skipped, and a skipped sensor tells nothing.
    LessonspaceSessionEndSensor(
        task_id="wait", session=launch.output, deferrable=True, outlets=[ENDED, ENDED_BY_SESSION]
    )


@dag(dag_id="on_session_end_plain", schedule=[ENDED], **COMMON)
def on_session_end_plain() -> None:
    """One run for all that ended since the last one."""

    @task
    def report() -> list[str]:
        """Return the sessions; two may have ended before this run began."""
        events = get_current_context()["triggering_asset_events"][ENDED]
        return sorted({event.extra["session"] for event in events})

    report()


@dag(dag_id="on_session_end_watched", schedule=[WATCHED], **COMMON)
def on_session_end_watched() -> None:
    """One run for all that the triggerer saw end since the last one, each session once."""

    @task
    def report() -> list[dict[str, Any]]:
        """Return what ended, oldest first. A triggerer that was killed tells the last ones twice: same id."""
        events = get_current_context()["triggering_asset_events"][WATCHED]
        told = {event.extra["payload"]["id"]: event.extra["payload"] for event in events}
        return sorted(told.values(), key=lambda one: str(one["ended_at"]))

    report()


on_session_end()
on_session_end_plain()
on_session_end_watched()

if PartitionedAssetTimetable is not None:

    @dag(dag_id="on_session_end_each", schedule=PartitionedAssetTimetable(assets=ENDED_BY_SESSION), **COMMON)
    def on_session_end_each() -> None:
        """One run a session."""

        @task
        def report() -> str:
            """Return the session."""
            return str(get_current_context()["dag_run"].partition_key)

        report()

    on_session_end_each()
