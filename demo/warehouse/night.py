"""The night after the platforms' days: everything into the warehouse, held against the sandbox; what is old goes.

The sandbox's time is moved on by two days, so that nothing that was left behind can still be on its way.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from demo.scenario import Result, Stage
from demo.table import columns
from demo.warehouse.truth import Warehouse, sessions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl

DAG_ID, RETENTION = "session_warehouse", "retention"
PLATFORMS = ("lessonspace", "coviu", "screenleap")
DATABASE = "warehouse"
RUN = "night"
HOUR = timedelta(hours=1)
BACK = timedelta(hours=3)
"""How long the demo may have taken until now."""
LATER = timedelta(days=2)
OLD = timedelta(days=40)
HEAD = ("platform", "sessions", "people", "segments", "words", "classes", "expected", "absent")


class NightOfTheWarehouse:
    """What runs after all the platforms."""

    name = "warehouse"
    dags = (DAG_ID, RETENTION)
    sandbox_options: Sequence[str] = ()

    def settings(self, url: str) -> Mapping[str, str]:
        """Return nothing: the platforms' own connections are used, and the database is made when it is played."""
        del url
        return {}

    def play(self, stage: Stage) -> Result:
        """Load the day's hours, then delete what is old."""
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        since, until = now - BACK, now + HOUR
        state = stage.control.state()
        stage.control.advance(LATER.total_seconds())
        here = [one for one in PLATFORMS if f"AIRFLOW_CONN_{one.upper()}_DEFAULT" in stage.stack.environment]
        database = stage.home / "warehouse.db"
        stage.stack.call(
            "POST",
            "/api/v2/connections",
            {"connection_id": DATABASE, "conn_type": "sqlite", "host": str(database)},
        )
        stage.stack.unpause(DAG_ID)
        stage.stack.trigger(DAG_ID, RUN, conf(here, since, until))
        stage.say(f"Everything of {since:%H:%M} to {until:%H:%M} UTC goes into the warehouse: {', '.join(here)}.")
        stage.follow(lambda: _progress(stage), lambda: stage.ended(DAG_ID, RUN))
        problems = [] if stage.stack.run_state(DAG_ID, RUN) == "success" else [f"run {RUN!r} of {DAG_ID} failed"]
        lines: list[Sequence[str]] = [HEAD]
        for platform in here:
            told = Warehouse.read(stage, DAG_ID, RUN, platform, database)
            problems += [f"{platform}: {one}" for one in told.problems(sessions_of(state, platform, since, until))]
            lines.append((platform, *map(str, told.figures())))
        problems += retire(stage)
        agrees = "agrees with the platforms" if not problems else "does not agree with the platforms"
        return Result(columns(lines), problems, f"The warehouse {agrees}.")

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return none of its own: the platforms' scenarios name theirs."""
        del control
        return ()


def conf(platforms: Sequence[str], since: datetime, until: datetime) -> dict[str, Any]:
    """Return the run's form: the DAG as shipped, over hours of which the last goes on."""
    return {
        "connections": {one: f"{one}_default" for one in platforms},
        "since": since.isoformat(),
        "until": until.isoformat(),
        "file_format": "parquet" if find_spec("pyarrow") else "jsonl",
        "sql_conn_id": DATABASE,
        "wait": False,
        "no_gap": False,
        "classes_after_hours": 0,
        "class_spread_hours": 1,
        "transcript_min_seconds": 6,
        "transcript_sure_seconds": 6,
    }


def _progress(stage: Stage) -> str:
    states = [str(task["state"]) for task in stage.stack.tasks(DAG_ID, RUN)]
    return (
        f"{sum(one in ('success', 'skipped') for one in states)} of {len(states)} tasks of the warehouse are done"
    )


def retire(stage: Stage) -> list[str]:
    """Let the retention DAG delete a transcript of last month; return what is not as it should be."""
    storage = stage.storage
    long_ago = datetime.now(UTC) - OLD
    folder = f"{long_ago:%Y-%m-%d}/0900-old-class-0a0a0a0a"
    writer = Writer(storage, folder, kind="transcript", session_key="0a" * 16)
    writer.add("transcript-01.txt", [b"[00:00:00] Ada: Good morning\n"], media_type="text/plain")
    writer.finish(
        Manifest(
            "transcript",
            "lessonspace",
            "lessonspace_default",
            "0a" * 16,
            Completeness.COMPLETE,
            planned_end=long_ago,
        )
    )
    old = {name for name in storage.list() if name.startswith(f"{folder}/")}
    kept = set(storage.list()) - old
    stage.stack.unpause(RETENTION)
    stage.stack.trigger(RETENTION, RUN, {"report_only": False})
    stage.follow(lambda: "What is older than a month is deleted.", lambda: stage.ended(RETENTION, RUN))
    there = set(storage.list())
    # Once unpaused it also runs by its schedule, and then only reports.
    records = [name for name in there if name.startswith("retention/") and not name.endswith(".report.json")]
    problems = [f"{name} should have been deleted" for name in sorted(old & there)]
    problems += [f"{name} should have been kept" for name in sorted(kept - there)]
    deleted = sum(json.loads(storage.get(name))["counts"]["deleted"] for name in records)
    if deleted != len(old):
        problems.append(f"{deleted} deleted files are written down, should be {len(old)}")
    if (state := stage.stack.run_state(RETENTION, RUN)) != "success":
        problems.append(f"run {RUN!r} of {RETENTION} is {state}")
    return problems
