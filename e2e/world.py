"""A real Airflow and the sandbox, and one short session in them that things happen to."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy

from airflow_provider.live_sessions.platforms.lessonspace.launching import CANCELLED_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.airflow_stack import AirflowStack

PATIENCE = 150.0
"""Seconds after which something that has to happen is taken for lost."""
OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


def until(what: str, happens: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait for something and return it.

    Args:
        what: Named when it does not happen.
        happens: Returns something true when it has.
        patience: Seconds.
    """
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := happens():
            return found
        time.sleep(0.5)
    raise AssertionError(f"within {patience:.0f} s: {what}")


@dataclass(frozen=True)
class World:
    """What every race runs in.

    Args:
        stack: The running Airflow.
        control: The running sandbox.
        soon: Seconds from a run's beginning to its session's start: enough to launch it on this machine.
    """

    stack: AirflowStack
    control: SandboxControl
    soon: float = 120.0

    def warmed_up(self) -> World:
        """Run one class, and return a world that knows how long a launch takes here."""
        begun = time.monotonic()
        race = self.lesson("warm-up", lasts=2)
        race.until_task("success", task_id="launch")
        took = time.monotonic() - begun
        race.assert_success()
        return replace(self, soon=12.0 + 1.5 * took)

    def lesson(
        self,
        title: str,
        *,
        dag_id: str = "class_waits_deferred",
        later: float = 0.0,
        lasts: float = 20.0,
        grace: float = 10.0,
        held: bool = True,
    ) -> Race:
        """Start a run with a class of two people on Lessonspace.

        Args:
            title: Its title, and the run's id: unique, no blanks.
            dag_id: How it is waited for.
            later: Seconds that it starts later than soon.
            lasts: Seconds, people stay to the end.
            grace: Seconds after the end until when its wait looks at it.
            held: Whether people come.
        """
        start = datetime.fromtimestamp(int(time.time() + self.soon + later), UTC)
        end = start + timedelta(seconds=lasts)
        if held:
            moves = [("join", start), ("leave", end)]
            events = [
                {"user": user, "do": do, "at": at.isoformat()} for do, at in moves for user in ("leader", "others")
            ]
            self.control.add_script({"match": {"name": title}, "events": events})
        return self._run(dag_id, title, start, end, grace, waiting="wait")

    def share(self, title: str, *, dag_id: str, lasts: float = 600.0) -> Race:
        """Start a run with a screen share whose launch waits for its end.

        Args:
            title: Its external id; unique.
            dag_id: How it is waited for.
            lasts: Seconds.
        """
        start = datetime.fromtimestamp(int(time.time() + self.soon), UTC)
        return self._run(dag_id, title, start, start + timedelta(seconds=lasts), 60.0, waiting="share")

    def _run(self, dag_id: str, title: str, start: datetime, end: datetime, grace: float, *, waiting: str) -> Race:
        conf = {"title": title, "start": start.isoformat(), "end": end.isoformat(), "grace": grace}
        self.stack.trigger(dag_id, title, conf)
        return Race(self, dag_id, title, waiting, end)

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask Airflow's database."""
        engine = sqlalchemy.create_engine(self.stack.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        try:
            with engine.begin() as connection:
                result = connection.execute(sqlalchemy.text(query), values)
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()

    def inside(self, program: str, *arguments: str) -> str:
        """Run a program with Airflow's own settings and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=self.stack.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.strip()

    # ---- what the platforms know

    def spaces(self, title: str) -> list[dict[str, Any]]:
        """Return the spaces whose name begins so."""
        return [one for one in self.control.state()["lessonspace"]["spaces"] if one["name"].startswith(title)]

    def sessions(self, title: str) -> list[dict[str, Any]]:
        """Return the sessions that took place in them."""
        spaces = {one["id"] for one in self.spaces(title)}
        return [one for one in self.control.state()["lessonspace"]["sessions"] if one["space"] in spaces]

    def shares(self, title: str) -> list[str]:
        """Return the codes of the shares made for a run."""
        codes: list[str] = self.control.do("screenleap", "codes", external_id=title)
        return codes

    def stops(self) -> int:
        """Return how often a share was asked to stop."""
        return len(self.control.log(path=r"/stop$"))


@dataclass(frozen=True)
class Race:
    """One run, and what is done to it.

    Args:
        world: Where it runs.
        dag_id: Its DAG.
        run_id: Its run, which is the session's title as well.
        waiting: The task that waits.
        end: When the session ends.
    """

    world: World
    dag_id: str
    run_id: str
    waiting: str
    end: datetime

    @property
    def _path(self) -> str:
        return f"/api/v2/dags/{self.dag_id}/dagRuns/{self.run_id}"

    def task(self, task_id: str = "") -> dict[str, Any]:
        """Return a task instance; the waiting one by default."""
        found: dict[str, Any] = self.world.stack.call(
            "GET", f"{self._path}/taskInstances/{task_id or self.waiting}"
        )
        return found

    def until_task(self, *states: str, task_id: str = "", tries: int = 0, patience: float = PATIENCE) -> None:
        """Wait until a task is in one of these states, in this try or a later one."""

        def there() -> bool:
            task = self.task(task_id)
            return task["state"] in states and int(task["try_number"]) >= tries

        until(f"{self.run_id}: {task_id or self.waiting} is {' or '.join(states)}", there, patience)

    def until_live(self) -> None:
        """Wait until people are in the class."""
        until(f"{self.run_id}: people have come", lambda: self.world.sessions(self.run_id))

    def mark(self, state: str) -> None:
        """Mark the waiting task as a person does in the UI."""
        self.world.stack.call("PATCH", f"{self._path}/taskInstances/{self.waiting}", {"new_state": state})

    def mark_run(self, state: str) -> None:
        """Mark the whole run."""
        self.world.stack.call("PATCH", self._path, {"state": state})

    def clear(self, *task_ids: str) -> None:
        """Clear tasks, as a person does in the UI."""
        body = {
            "dry_run": False,
            "dag_run_id": self.run_id,
            "task_ids": list(task_ids or [self.waiting]),
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.world.stack.call("POST", f"/api/v2/dags/{self.dag_id}/clearTaskInstances", body)

    def outcome(self, key: str = "outcome") -> dict[str, Any]:
        """Return what the waiting task told."""
        told = self.world.stack.xcom(self.dag_id, self.run_id, self.waiting, -1, key)
        assert isinstance(told, dict), f"{self.run_id} told nothing:\n{self.log()}"
        return told

    def log(self, task_id: str = "") -> str:
        """Return the text of a task's own log, all its tries; the waiting one's by default, of all with ``*``."""
        folder = self.world.stack.home / "logs" / f"dag_id={self.dag_id}" / f"run_id={self.run_id}"
        found = sorted(folder.glob(f"task_id={task_id or self.waiting}/attempt=*"))
        return "\n".join(path.read_text(errors="replace") for path in found)

    def assert_success(self) -> None:
        """Wait until the run is over; it has to be a success."""
        state = until(
            f"{self.run_id} is over",
            lambda: (state := self.world.stack.run_state(self.dag_id, self.run_id)) in OVER and state,
        )
        assert state == "success", self.log("*")[-6000:]

    # ---- what has to be true at the end of every race

    def assert_held_once(self) -> None:
        """Hold the class against the platform's records: one room, one session, over when people left it."""
        assert len(self.world.spaces(self.run_id)) == 1, "a class has one room, whatever happened to its tasks"
        sessions = self.world.sessions(self.run_id)
        assert len(sessions) == 1
        assert self.marks() == []
        ended = until(f"{self.run_id}: the class is over", lambda: self.world.sessions(self.run_id)[0]["end_time"])
        assert datetime.fromisoformat(ended) >= self.end - timedelta(seconds=1), "nobody ended it early"

    def marks(self) -> Sequence[str]:
        """Return the cancel marks on its rooms."""
        return [
            one["id"] for one in self.world.spaces(self.run_id) if one["tags"].get(CANCELLED_TAG, "no") != "no"
        ]
