"""A watched connection as the tests of events need it: asked often, and for what sessions of seconds leave."""

from __future__ import annotations

from airflow.sdk import dag, get_current_context, task

from airflow_provider.live_sessions.assets.watching import artifacts_ready, sessions_ended

CONNECTION = "lessonspace_default"
ENDED = sessions_ended("lessonspace", CONNECTION, poll_interval=5)
READY = artifacts_ready(
    "lessonspace",
    CONNECTION,
    poll_interval=5,
    check_delays=[5],
    rules={"min_seconds": 1, "sure_seconds": 1, "give_up_after": 600, "give_up_after_short": 600},
)

for asset, dag_id in ((ENDED, "told_of_ends"), (READY, "told_of_transcripts")):

    @dag(dag_id=dag_id, schedule=[asset], max_active_runs=1)
    def told() -> None:
        """Count what was told."""

        @task
        def count() -> int:
            """Return how many events woke this run."""
            events = get_current_context()["triggering_asset_events"]
            return sum(len(events[one]) for one in events)

        count()

    told()
