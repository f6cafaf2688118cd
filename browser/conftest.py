"""One real Airflow, one sandbox and one browser for a person; skipped where no Chromium is installed."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from airflow_provider.live_sessions.sandbox.client import SandboxControl
from browser.person import Person, chromium, missing
from demo.airflow_stack import AirflowStack
from demo.sandbox_process import ROOT, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome

KEY = "00000000-0000-4000-8000-00000000b205"  # the sandbox's, worth nothing elsewhere
DAGS = ("class_now", "cancel_one")


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt  # as Ctrl-C: what was started is stopped


signal.signal(signal.SIGTERM, _stop)


@pytest.fixture(scope="session")
def browser() -> Iterator[Chrome]:
    """Debian's Chromium, with a profile of its own that is thrown away."""
    absent = missing()
    if absent:
        pytest.skip(f"{absent} is not installed; on Debian: apt-get install chromium chromium-driver")
    with tempfile.TemporaryDirectory(prefix="live-sessions-browser-") as profile:
        driver = chromium(Path(profile))
        try:
            yield driver
        finally:
            driver.quit()


@pytest.fixture(scope="session")
def person(browser: Chrome) -> Iterator[Person]:
    """Somebody who may do everything, in front of an Airflow where nothing has happened yet."""
    with tempfile.TemporaryDirectory(prefix="live-sessions-person-") as folder:
        home = Path(folder)
        dags = home / "dags"
        shutil.copytree(Path(__file__).parent / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "dags" / "class_now.py", dags)
        with sandbox(home, ["--api-key", KEY]) as url:
            settings = {
                "AIRFLOW_CONN_LESSONSPACE_DEFAULT": json.dumps(
                    {"conn_type": "lessonspace", "password": KEY, "host": f"{url}/lessonspace/v2"}
                ),
                "AIRFLOW__LIVE_SESSIONS__DESTINATION": (home / "brought-home").as_uri(),
                "AIRFLOW__LIVE_SESSIONS__PAGE_INTERVAL": "2",
            }
            with AirflowStack(home / "airflow", dags, settings) as stack:
                for dag_id in DAGS:
                    stack.wait_for_dag(dag_id)
                    stack.unpause(dag_id)
                yield Person(browser, stack, SandboxControl(url), ROOT / "docs" / "screenshots")
