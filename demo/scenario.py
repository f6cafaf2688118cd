"""What the demo runs for one platform."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider.live_sessions.artifacts.local import LocalStorage

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
