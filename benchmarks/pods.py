"""The memory of a pod that runs one task, as KubernetesExecutor starts it.

A pod runs ``python -m airflow.sdk.execution_time.execute_workload``: it loads the supervisor and forks the process
of the task, which reads the DAG file and executes. :mod:`benchmarks.one_pod` does the same, without an API server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import timedelta
from typing import Any

from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox
from benchmarks.export_speed import BEGIN
from benchmarks.exports import KEY, ORGANISATION
from benchmarks.report import Report, Say
from tests.exports.lessonspace_past import fill

SESSIONS = 2_000
ROOM = 384
"""MiB that the sizing page asks for each pod."""


def run(say: Say, quick: bool) -> Report:
    """Run a task of each kind in a pod's processes."""
    report = Report()
    chosen = LessonspaceOptions(api_key=KEY, organisation=ORGANISATION, rate_limit=0, page_size=100)
    with Sandbox(start=BEGIN + timedelta(days=3), frozen=True, lessonspace=chosen) as sandbox:
        fill(sandbox, BEGIN, BEGIN + timedelta(hours=3), SESSIONS // 10 if quick else SESSIONS, rooms=50)
        extra = {"organisation": ORGANISATION, "requests_per_second": 1000}
        connection = {"conn_type": "lessonspace", "password": KEY, "host": sandbox.lessonspace.url, "extra": extra}
        for kind in ("nothing", "launch", "jsonl", "parquet"):
            told = _pod(kind, json.dumps(connection))
            report.figures[kind] = told
            say(f"{kind}: {told}")
            report.expect(told["done"], f"{kind}: the task failed")
            report.expect(told["most_mib"] <= ROOM, f"{kind}: {told['most_mib']} MiB, {ROOM} wanted at most")
    report.line = f"a pod that launches {report.figures['launch']['most_mib']} MiB"
    return report


def _pod(kind: str, connection: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as home:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.one_pod", kind, home, BEGIN.isoformat()],
            env={**os.environ, "AIRFLOW_CONN_BENCH": connection},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=600,
        )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures
