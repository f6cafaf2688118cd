"""``make demo``: live sessions on a real Airflow with a real triggerer, against the sandbox.

Installs nothing and leaves nothing running. Exit 0 only when everything became what was planned.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from demo import clear_text, rest_scan
from demo.airflow_stack import AirflowStack, StackError
from demo.coviu.day import DayOfAppointments
from demo.educates.day import DayOfWorkshops
from demo.home import new_home
from demo.lessonspace.day import DayOfClasses
from demo.lessonspace.events import EventsOfClasses
from demo.sandbox_process import ROOT, sandbox
from demo.scenario import Scenario, Stage
from demo.screenleap.day import ScreenShares
from demo.warehouse.night import NightOfTheWarehouse

if TYPE_CHECKING:
    from collections.abc import Sequence

SCENARIOS: tuple[Scenario, ...] = (
    DayOfClasses(),
    DayOfAppointments(),
    ScreenShares(),
    DayOfWorkshops(),
    EventsOfClasses(),
    NightOfTheWarehouse(),
)
NEEDED = {"warehouse": ("lessonspace",)}
"""What has to be played before; the warehouse takes in whatever was."""
LIMIT = 900.0
"""Seconds for one scenario, after the components are up."""


def main() -> int:
    """Run the demo and return the exit code."""
    names = [scenario.name for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="demo", description="Live sessions, end to end, on a real Airflow.")
    parser.add_argument("--platform", choices=[*names, "all"], default="lessonspace")
    parser.add_argument("--log-level", choices=["INFO", "DEBUG"], default="INFO", help="of all of Airflow")
    parser.add_argument("--home", type=Path, default=ROOT / ".run" / "demo", help="Airflow's home, made anew")
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output", help="where files go, made anew")
    arguments = parser.parse_args()
    wanted = (arguments.platform, *NEEDED.get(arguments.platform, ()))
    chosen = [one for one in SCENARIOS if arguments.platform == "all" or one.name in wanted]
    new_home(arguments.home)
    shutil.rmtree(arguments.output, ignore_errors=True)
    signal.signal(signal.SIGTERM, _interrupted)
    say = Teller()
    try:
        problems = run(chosen, arguments.home.resolve(), arguments.output.resolve(), say, arguments.log_level)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    say("Everything that was started has been stopped.")
    for problem in problems:
        print(f"NOT AS PLANNED: {problem}", file=sys.stderr)
    say("Not everything is as planned." if problems else "Everything is as planned.")
    return 1 if problems else 0


def run(
    scenarios: Sequence[Scenario], home: Path, output: Path, say: Teller, log_level: str = "INFO"
) -> list[str]:
    """Run the scenarios and return what is not as planned."""
    problems: list[str] = []
    limit = LIMIT if log_level == "INFO" else 2 * LIMIT  # at debug level every component writes ten times as much
    options = [option for scenario in scenarios for option in scenario.sandbox_options]
    with sandbox(home, options) as url:
        settings = {
            "AIRFLOW__LIVE_SESSIONS__DESTINATION": output.as_uri(),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": log_level,
        }
        for scenario in scenarios:
            settings.update(scenario.settings(url))
        control = SandboxControl(url)
        say(f"Sandbox at {url}. Starting Airflow: api-server, scheduler, dag-processor, triggerer.")
        with AirflowStack(home, ROOT / "dags", settings) as stack:
            for scenario in scenarios:
                for dag_id in scenario.dags:
                    stack.wait_for_dag(dag_id)
            say(f"Airflow at {stack.url} is healthy.")
            for scenario in scenarios:
                result = scenario.play(Stage(stack, control, home, output, say, limit))
                print(f"\n{result.table}\n\n{result.summary} Files: {output}\n")
                problems += result.problems
            secrets = {secret for scenario in scenarios for secret in scenario.secrets(control)}
            secrets.update(clear_text.credentials_of(stack.environment))
            rest = rest_scan.scan(stack, clear_text.needles(secrets))
        # Everything is on the disk now: look for what must not be there. The sandbox's own diary names its key.
        found = clear_text.find(secrets, home, spare={"sandbox.log"}) + clear_text.find(secrets, output)
        found += [f"the REST API's answer to {path}" for path in rest.found]
    say(
        f"{len(secrets)} secrets looked for in database, logs, files and {rest.asked} answers of the REST API: "
        f"{len(found)} in clear text."
    )
    return problems + [f"a secret stands in clear text in {place}" for place in found]


class Teller:
    """Prints progress lines with the time since the beginning."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __call__(self, text: str) -> None:
        """Print a line."""
        print(f"[{timedelta(seconds=int(time.monotonic() - self._begun))}] {text}", flush=True)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
