"""What the demo runs for one platform."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from demo.airflow_stack import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.airflow_stack import AirflowStack


@dataclass
class Stage:
    """What a scenario plays on.

    Args:
        stack: The running Airflow.
        control: The running sandbox.
        home: Airflow's home, for files the scenario makes.
        output: Where files come home.
        say: Prints a progress line.
        limit: Seconds that a scenario may take.
    """

    stack: AirflowStack
    control: SandboxControl
    home: Path
    output: Path
    say: Callable[[str], None]
    limit: float

    @property
    def storage(self) -> LocalStorage:
        """The files that came home."""
        return LocalStorage(self.output)

    def follow(self, progress: Callable[[], str], over: Callable[[], bool]) -> None:
        """Say how far it has come, a line for each change, until it is over.

        Args:
            progress: Returns the line; called every two seconds, and may act on what it sees.
            over: Says whether there is nothing more to wait for.

        Raises:
            StackError: It takes longer than the limit, or a component of Airflow stopped.
        """
        deadline = time.monotonic() + self.limit
        told = ""
        while time.monotonic() < deadline:
            self.stack.check()
            line = progress()
            if line != told:
                told = line
                self.say(line)
            if over():
                return
            time.sleep(2)
        raise StackError(f"It was not over within {self.limit:.0f} s; the last line says how far it came.")

    def rehearse(self, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> float:
        """Let a run with nothing to do pass, and return the seconds it took: how slow this machine is just now.

        Args:
            dag_id: The DAG; it is unpaused.
            run_id: The run's id.
            conf: A form that gives the run nothing to do.
        """
        self.stack.unpause(dag_id)
        begun = time.monotonic()
        self.stack.trigger(dag_id, run_id, conf)
        self.follow(lambda: f"Run {run_id!r} meets an empty timetable.", lambda: self.ended(dag_id, run_id))
        return time.monotonic() - begun

    def ended(self, dag_id: str, *run_ids: str) -> bool:
        """Return whether these runs are over."""
        return {self.stack.run_state(dag_id, run_id) for run_id in run_ids} <= {"success", "failed"}


@dataclass
class Result:
    """What came of a scenario.

    Args:
        table: For people.
        problems: What is not as it was planned; empty when all is well.
        summary: One sentence of figures.
    """

    table: str
    problems: list[str] = field(default_factory=list)
    summary: str = ""


class Scenario(Protocol):
    """One platform's part of the demo."""

    @property
    def name(self) -> str:
        """The platform's name, as in ``make demo PLATFORM=...``."""

    @property
    def dags(self) -> Sequence[str]:
        """The DAGs it runs."""

    @property
    def sandbox_options(self) -> Sequence[str]:
        """Options of the sandbox's command line: thresholds for sessions of half a minute."""

    def settings(self, url: str) -> Mapping[str, str]:
        """Return Airflow's environment for it, the connection above all.

        Args:
            url: The sandbox's base URL.
        """

    def play(self, stage: Stage) -> Result:
        """Run it to its end and hold what came of it against what was planned."""

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return every secret the platform gave out: none of them may stand in clear text anywhere."""
