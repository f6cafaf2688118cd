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
from browser.person import WIDE, Person, chromium, missing
from browser.roles import USERS
from browser.school import Launched, School
from demo.airflow_stack import AirflowStack
from demo.sandbox_process import ROOT, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium.webdriver import Chrome

KEY = "00000000-0000-4000-8000-00000000b205"  # the sandbox's, worth nothing elsewhere
DAGS = ("class_now", "session_cancel", "session_retrieve_again", "screen_share_support")
SANDBOX = ("--api-key", KEY, "--end-after", "2", "--recording-after", "1")


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
        dags.mkdir()
        for dag_id in DAGS:
            shutil.copy(ROOT / "dags" / f"{dag_id}.py", dags)
        with sandbox(home, SANDBOX) as url:
            control = SandboxControl(url)
            with AirflowStack(home / "airflow", dags, _settings(home, control)) as stack:
                for dag_id in DAGS:
                    stack.wait_for_dag(dag_id)
                    stack.unpause(dag_id)
                yield Person(browser, stack, control, ROOT / "docs" / "screenshots")


@pytest.fixture(scope="session")
def nothing_yet(person: Person) -> str:
    """Return what the page of sessions says before anything was launched."""
    person.size(*WIDE)
    person.open_sessions()
    told = person.see("#empty").text
    person.driver.switch_to.default_content()
    person.picture("live-sessions-empty")
    return told


@pytest.fixture(scope="session")
def school(person: Person, nothing_yet: str) -> dict[str, Launched]:
    """Sessions that others have launched, by their titles."""
    return School(person).open()


@pytest.fixture(autouse=True)
def at_a_desk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Begin and end each test with a wide page and no frame."""
    if "person" not in request.fixturenames:
        yield
        return
    person: Person = request.getfixturevalue("person")
    person.size(*WIDE)
    yield
    person.driver.switch_to.default_content()


def _settings(home: Path, control: SandboxControl) -> dict[str, str]:
    told = control.info()
    screenleap = {
        "login": told["screenleap"]["account_id"],
        "password": told["screenleap"]["authtoken"],
        "host": told["screenleap"]["url"],
        "extra": {"requests_per_second": 20},
    }
    lessonspace = {"password": KEY, "host": told["lessonspace"]["url"]}
    return {
        "AIRFLOW_CONN_LESSONSPACE_DEFAULT": json.dumps({"conn_type": "lessonspace", **lessonspace}),
        "AIRFLOW_CONN_SCREENLEAP_DEFAULT": json.dumps({"conn_type": "screenleap", **screenleap}),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__CORE__AUTH_MANAGER": "browser.roles.Roles",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
        "AIRFLOW__LIVE_SESSIONS__DESTINATION": (home / "brought-home").as_uri(),
        "AIRFLOW__LIVE_SESSIONS__PAGE_INTERVAL": "2",
        "PYTHONPATH": str(ROOT),  # the roles
    }
