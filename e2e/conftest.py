"""One real Airflow and one sandbox for all races; at the end one line of figures."""

from __future__ import annotations

import json
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from airflow_provider.live_sessions.webhooks.urls import PREFIX
from benchmarks.results import record
from demo.airflow_stack import AirflowStack
from demo.postgres import postgres, programs
from demo.sandbox_process import sandbox
from e2e.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "00000000-0000-4000-8000-00000000e2e0"  # the sandbox's, worth nothing elsewhere
TOKEN = "e2e0e2e0e2e0e2e0"  # noqa: S105 - likewise
FIRST, SECOND = "triggerer", "triggerer-2"


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt  # as Ctrl-C: what was started is stopped


signal.signal(signal.SIGTERM, _stop)


@pytest.fixture(scope="session")
def database() -> Iterator[dict[str, str]]:
    """Airflow's settings for PostgreSQL where it is installed; else none, and SQLite is used."""
    found = programs()
    if found is None:
        yield {"AIRFLOW__CORE__PARALLELISM": "4"}  # SQLite bears no more
        return
    with tempfile.TemporaryDirectory(prefix="live-sessions-pg-") as folder:
        Path(folder).chmod(0o755)  # the database's own user has to get in
        with postgres(Path(folder) / "database", found) as url:
            yield {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url, "AIRFLOW__CORE__PARALLELISM": "12"}


@pytest.fixture(scope="session")
def world(database: dict[str, str]) -> Iterator[World]:
    """A running Airflow with two triggerers."""
    with tempfile.TemporaryDirectory(prefix="live-sessions-e2e-") as folder:
        home = Path(folder)
        options = ["--api-key", KEY, "--end-after", "3", "--screenleap-authtoken", TOKEN]
        options += ["--transcript-min", "1", "--transcript-after", "10"]
        with sandbox(home, options) as url:
            settings = {
                **database,
                "AIRFLOW_CONN_LESSONSPACE_DEFAULT": json.dumps(
                    {"conn_type": "lessonspace", "password": KEY, "host": f"{url}/lessonspace/v2"}
                ),
                "AIRFLOW_CONN_SCREENLEAP_DEFAULT": json.dumps(
                    {
                        "conn_type": "screenleap",
                        "login": "sandbox-academy",
                        "password": TOKEN,
                        "host": f"{url}/screenleap/v2",
                    }
                ),
                "AIRFLOW__LIVE_SESSIONS__DESTINATION": (home / "brought-home").as_uri(),
                # A dead triggerer's waits go to the other one after this many seconds.
                "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            }
            dags = Path(__file__).parent / "dags"
            made = AirflowStack(home, dags, settings)
            made.environment["AIRFLOW__LIVE_SESSIONS__WEBHOOKS_URL"] = made.url + PREFIX
            with made as stack:
                stack.start_component(SECOND)
                names = ("class_waits_deferred", "class_waits_in_slot", "class_of_a_timetable", "share_in_slot")
                told = ("class_with_webhooks", "told_by_webhook", "told_by_webhook_each")
                for dag_id in (*names, *told, "share_never", "share_before_start", "share_always"):
                    stack.wait_for_dag(dag_id)
                    stack.unpause(dag_id)
                yield World(stack, SandboxControl(url)).warmed_up()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End with one line of figures, and keep them."""
    held, lost = (
        sum("test_tutorial" not in one.nodeid for one in terminalreporter.stats.get(kind, ()))
        for kind in ("passed", "failed")
    )
    figures = {"races": held + lost, "as promised": held, "not as promised": lost}
    if held + lost and not terminalreporter.stats.get("deselected"):  # a slice is no measurement
        record("races", figures)
    terminalreporter.write_line(f"{held + lost} races, {held} as promised, {lost} not")
