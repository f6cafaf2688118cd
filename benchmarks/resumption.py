"""Section ``resumption``: from the end of a session to its task running again, on a whole Airflow.

What section ``reaction`` measures is a part of it. The rest is Airflow's: the triggerer hands the event over, the
scheduler queues the task, a process begins. A sandbox, an api-server, a scheduler with its workers and a triggerer
run on this machine, so it shows what two cores do to all of them.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from benchmarks.report import Report
from demo.airflow_stack import AirflowStack
from demo.postgres import postgres, programs
from demo.sandbox_process import sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.report import Say

DAG_ID = "resumed"
KEY = "00000000-0000-4000-8000-0000000be9c4"  # the sandbox's, worth nothing elsewhere
CLASSES = 20
INTERVAL = 10.0
APART = 3.0
"""Seconds from one end to the next: no multiple of the poll interval, so that ends come at all of its phases."""
AHEAD, LENGTH = timedelta(minutes=15), timedelta(hours=1)
"""From now to each start, and how long it is planned: enough to launch all on a busy machine."""
ALLOWED = 3.0
"""Seconds beyond one poll interval."""
PATIENCE = 600.0


def run(say: Say, quick: bool) -> Report:
    """End classes one after the other and see in their tasks' logs when they run again."""
    del quick
    report = Report()
    with tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as name, ExitStack() as held:
        home = Path(name)
        url = held.enter_context(sandbox(home, ["--api-key", KEY, "--end-after", "1"]))
        settings = {
            **_database(held),
            "AIRFLOW_CONN_LESSONSPACE_DEFAULT": json.dumps(
                {"conn_type": "lessonspace", "password": KEY, "host": f"{url}/lessonspace/v2"}
            ),
        }
        stack = held.enter_context(AirflowStack(home, Path(__file__).with_name("dags"), settings))
        took = _play(stack, SandboxControl(url), home, report)
    median = round(statistics.median(took), 2) if took else None
    report.figures = {
        "classes": CLASSES,
        "interval_s": INTERVAL,
        "database": "PostgreSQL" if programs() else "SQLite",
        "resumed": len(took),
        "median_s": median,
        "longest_s": round(max(took, default=0.0), 2),
    }
    report.expect(min(took, default=0.0) >= 0, "resumption: no task runs again before its session's end")
    report.expect(len(took) == CLASSES, f"resumption: every task runs again, {CLASSES - len(took)} did not")
    allowed = INTERVAL + ALLOWED
    report.expect(
        median is not None and median <= allowed,
        f"resumption: {allowed} s from end to running task, the median is {median} s",
    )
    say(", ".join(f"{name} {value}" for name, value in report.figures.items()))
    report.line = f"end to running task {median} s in the median at a poll of {INTERVAL:.0f} s"
    return report


def _database(held: ExitStack) -> dict[str, str]:
    found = programs()
    if found is None:
        return {"AIRFLOW__CORE__PARALLELISM": "4"}  # SQLite bears no more
    folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="live-sessions-pg-")))
    folder.chmod(0o755)  # the database's own user has to get in
    url = held.enter_context(postgres(folder / "database", found))
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, "AIRFLOW__CORE__PARALLELISM": "12"}


def _play(stack: AirflowStack, control: SandboxControl, home: Path, report: Report) -> list[float]:
    """Launch all, let them end one by one, and return the seconds from each end to its running task."""
    stack.wait_for_dag(DAG_ID)
    stack.unpause(DAG_ID)
    start = datetime.now(UTC) + AHEAD
    titles = [f"class-{number:02d}" for number in range(CLASSES)]
    for title in titles:
        conf = {"title": title, "start": start.isoformat(), "end": (start + LENGTH).isoformat()}
        stack.trigger(DAG_ID, title, {**conf, "poll_interval": INTERVAL})
    waiting = _until(stack, titles, lambda task: task["state"] == "deferred")
    report.expect(waiting, "resumption: every class is launched and waited for")
    rooms = {one["name"]: one["id"] for one in control.state()["lessonspace"]["spaces"]}
    here = [title for title in titles if title in rooms]
    for title in here:
        for user in ("t", "s"):
            control.do("lessonspace", "join", space=rooms[title], user=f"{title}-{user}")
    time.sleep(2 * INTERVAL)  # every wait has seen its class live
    for title in here:
        control.do("lessonspace", "end", space=rooms[title])
        time.sleep(APART)
    _until(stack, titles, lambda task: task["state"] in ("success", "failed"))
    failed = [title for title in titles if stack.run_state(DAG_ID, title) != "success"]
    report.expect(not failed, f"resumption: every run is a success, these are not: {', '.join(failed)}")
    ended = _ends(control)
    found = ((ended.get(title), resumed(_log(home, title))) for title in titles)
    return [(again - end).total_seconds() for end, again in found if end is not None and again is not None]


def _until(stack: AirflowStack, titles: Sequence[str], there: Callable[[Mapping[str, Any]], bool]) -> bool:
    """Wait until the waiting task of every run is there, or for the time that a busy machine may take."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        stack.check()
        tasks = [task for title in titles for task in stack.tasks(DAG_ID, title) if task["task_id"] == "wait"]
        if len(tasks) == len(titles) and all(map(there, tasks)):
            return True
        time.sleep(1)
    return False


def _ends(control: SandboxControl) -> dict[str, datetime]:
    """Return when each class ended, by its title, as the platform tells it."""
    state = control.state()["lessonspace"]
    names = {one["id"]: one["name"] for one in state["spaces"]}
    return {
        names[one["space"]]: datetime.fromisoformat(one["end_time"])
        for one in state["sessions"]
        if one["end_time"]
    }


def _log(home: Path, title: str) -> str:
    folder = home / "logs" / f"dag_id={DAG_ID}" / f"run_id={title}" / "task_id=wait"
    tries = (path for path in sorted(folder.glob("attempt=*.log")) if ".trigger." not in path.name)
    return "\n".join(path.read_text(errors="replace") for path in tries)


def resumed(log: str) -> datetime | None:
    """Return when a task's process began to execute after the deferral; None where it never did."""
    deferred = False
    for line in _lines(log):
        if "Pausing task as DEFERRED" in str(line.get("event")):
            deferred = True
        elif deferred and "Pre Execute" in str(line.get("event")):  # the trigger writes to the same log
            return datetime.fromisoformat(line["timestamp"])
    return None


def _lines(log: str) -> Iterator[dict[str, Any]]:
    for line in log.splitlines():
        if line.startswith("{"):
            yield json.loads(line)
