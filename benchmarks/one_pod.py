"""The processes of one pod: what Airflow's entry point loads, and its fork that does a task's work."""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

ENTRY = (
    "airflow.sdk.execution_time.execute_workload",
    "airflow.executors.workloads",
    "airflow.executors.base_executor",
    "airflow.sdk.execution_time.supervisor",
)
"""What the pod's first process has loaded when it forks."""
DAGS = Path(__file__).parents[1] / "dags"
EVERY = 0.1


def main() -> None:
    """Fork, watch both processes' memory until the fork ends, and print the figures."""
    kind, home, begin = sys.argv[1:]
    for name in ENTRY:
        importlib.import_module(name)
    alone, loaded = _pss_mib(os.getpid()), time.process_time()
    child = os.fork()
    if child == 0:
        _task(kind, home, datetime.fromisoformat(begin))
    most, ended, status = 0.0, 0, 0
    while not ended:
        most = max(most, sum(_pss_mib(one) for one in (os.getpid(), child)))
        time.sleep(EVERY)
        ended, status = os.waitpid(child, os.WNOHANG)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "before_the_task_mib": round(alone),
        "most_mib": round(most),
        "before_the_task_cpu_s": round(loaded, 1),
        "task_cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "done": status == 0,
    }
    print(json.dumps(figures))


def _task(kind: str, home: str, begin: datetime) -> None:
    """Do what a task of this kind does, and go: nothing that the pod's first process had is closed by it."""
    failed = 1
    try:
        from airflow.dag_processing.dagbag import BundleDagBag

        importlib.import_module("airflow.sdk.execution_time.task_runner")
        if kind != "nothing":
            name = "class_now.py" if kind == "launch" else "session_warehouse.py"
            bag = BundleDagBag(
                str(DAGS / name), safe_mode=False, load_op_links=False, bundle_path=DAGS, bundle_name="dags"
            )
            if bag.import_errors or not bag.dags:
                raise RuntimeError(f"{name} was not read: {bag.import_errors}")
            _launch() if kind == "launch" else _export(kind, home, begin)
        time.sleep(4 * EVERY)  # for a last look
        failed = 0
    finally:
        os._exit(failed)


def _launch() -> None:
    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.launching import create_or_find
    from airflow_provider.live_sessions.core.models import Participant, Plan
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
    from airflow_provider.live_sessions.hooks.sealing import AirflowCipher

    platform = LessonspaceHook("bench").platform()
    now = platform.now()
    people = tuple(Participant(f"p-{seat}", f"Person {seat}", leader=not seat) for seat in range(25))
    plan = Plan("Class", now + timedelta(hours=1), now + timedelta(hours=2), people)
    key = LaunchKey.for_occurrence(conn_id="bench", timetable="bench", uid="1", start=plan.start)
    SessionRecord.of(create_or_find(platform, plan, key, now=now), plan, AirflowCipher()).to_json()


def _export(kind: str, home: str, begin: datetime) -> None:
    from airflow_provider.live_sessions.operators.lessonspace_account import (
        LessonspaceSessionsToObjectStorageOperator,
    )

    LessonspaceSessionsToObjectStorageOperator(
        task_id="export",
        conn_id="bench",
        since=begin,
        until=begin + timedelta(days=1),
        destination=home,
        file_format=kind,
        wait=False,
    ).execute({})


def _pss_mib(pid: int) -> float:
    """Return a process's proportional set size: what several share is counted once among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0  # it ended meanwhile
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    main()
