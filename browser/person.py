"""What a person does in a browser: logs in, fills in a form, looks at the page of sessions, follows a link."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from selenium.webdriver.remote.webelement import WebElement

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.airflow_stack import AirflowStack

PATIENCE = 240.0
"""Seconds after which something that has to happen is taken for lost."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
    "--lang=en-GB",
)
WIDE, PHONE = (1280, 800), (500, 900)  # headless Chromium's narrowest window; the page's own width is set below it
PHONE_WIDTH = 390


def missing() -> str:
    """Return which program is not installed; empty when both are there."""
    return next((name for name in ("chromium", "chromedriver") if shutil.which(name) is None), "")


def chromium(profile: Path) -> Chrome:
    """Return a browser with an empty profile that calls nobody by itself.

    Args:
        profile: An empty folder.
    """
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={WIDE[0]},{WIDE[1]}"):
        options.add_argument(flag)
    return Chrome(options=options, service=ChromeService(str(shutil.which("chromedriver"))))


class Person:
    """Somebody in front of Airflow's UI.

    Args:
        driver: Their browser.
        stack: The Airflow.
        control: What happens on the platform.
        screenshots: Where pictures go.
    """

    def __init__(self, driver: Chrome, stack: AirflowStack, control: SandboxControl, screenshots: Path) -> None:
        self.driver = driver
        self.stack = stack
        self.control = control
        self._screenshots = screenshots
        self._user = stack.login[0]
        self._logged_in = False

    # ---- anywhere

    def until(self, what: str, happens: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait for something and return it; what the page is still building is looked at again."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.stack.check()
            try:
                if found := happens():
                    return found
            except (StaleElementReferenceException, WebDriverException):
                pass
            time.sleep(0.3)
        self.picture("lost", keep=False)
        raise AssertionError(f"within {patience:.0f} s: {what}; the page says: {self.text[:1500]}")

    def see(self, selector: str) -> WebElement:
        """Return the first element of a kind that can be seen, once there is one."""
        found: WebElement = self.until(
            f"something like {selector}",
            lambda: next(
                (one for one in self.driver.find_elements(By.CSS_SELECTOR, selector) if shown(one)), None
            ),
        )
        return found

    def click(self, selector: str) -> None:
        """Click the first element of a kind, once it can be."""

        def clicked() -> bool:
            self.see(selector).click()
            return True

        self.until(f"a click on {selector}", clicked)

    def press(self, within: str, label: str) -> None:
        """Click the button of a label, e.g. ``Save``, once it can be."""

        def clicked() -> bool:
            buttons = self.driver.find_elements(By.CSS_SELECTOR, f"{within} button")
            found = [one for one in buttons if label in one.text and shown(one) and one.is_enabled()]
            for one in found[:1]:
                one.click()
            return bool(found)

        self.until(f"the button {label}", clicked)

    def write(self, selector: str, text: str) -> None:
        """Put a text into a field instead of what it holds."""
        keys = any(Keys.NULL <= one <= "\ue05d" for one in text)
        for pause in (0.0, 0.02, 0.05):  # Airflow's form loses a letter of a long text that is typed at once
            field = self.see(selector)
            field.send_keys(Keys.CONTROL, "a")
            if pause:
                for letter in text:
                    field.send_keys(letter)
                    time.sleep(pause)
            else:
                field.send_keys(text)
            if keys or field.get_attribute("value") == text:
                return
        held = self.see(selector).get_attribute("value")
        raise AssertionError(f"{selector} holds {held!r}, not {text!r}.")

    def picture(self, name: str, *, keep: bool = True) -> None:
        """Write a picture of what is seen; ``keep`` for the documentation."""
        folder = self._screenshots if keep else self.stack.home
        folder.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(folder / f"{name}.png"))

    @property
    def text(self) -> str:
        """All that the page says."""
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    def says(self, *words: str) -> None:
        """Wait until the page says all of it."""
        self.until(f"the page says {words}", lambda: all(one in self.text for one in words))

    def size(self, width: int, height: int) -> None:
        """Make the page so many pixels wide and high."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )

    # ---- Airflow

    def go(self, path: str) -> None:
        """Open a page of Airflow, logging in before where nobody is."""
        self.driver.switch_to.default_content()
        if not self._logged_in:
            self.driver.get(f"{self.stack.url}/")
            self.log_in()
        self.driver.get(self.stack.url + path)

    def log_in(self) -> None:
        """Fill in the login that the page shows."""
        passwords = json.loads((self.stack.home / "passwords.json").read_text())
        self.write("input[name=username]", self._user)
        self.write("input[name=password]", passwords[self._user])
        self.click("button[type=submit]")
        self.until("the login", lambda: "/auth/login" not in self.driver.current_url)
        self._logged_in = True

    def forget_login(self) -> None:
        """Be nobody in particular."""
        self.driver.switch_to.default_content()
        self.driver.delete_all_cookies()
        self._logged_in = False

    @contextmanager
    def as_user(self, name: str) -> Iterator[None]:
        """Be somebody else for a while."""
        before, self._user = self._user, name
        self.forget_login()
        try:
            yield
        finally:
            self._user = before
            self.forget_login()

    def fill_in(self, dag_id: str, **fields: str) -> None:
        """Open a DAG's Trigger form and fill it in."""
        self.go(f"/dags/{dag_id}")
        self.click("[data-testid=trigger-dag-button]")
        for name, value in fields.items():
            self.write(f"[name=element_{name}]", value)

    def trigger(self, dag_id: str) -> str:
        """Send the form off, and return the id of the run that it made."""
        before = {one["dag_run_id"] for one in self._runs(dag_id)}
        self.click("[data-testid=trigger-dag-submit]")
        (run,) = self.until(
            "a new run", lambda: [one for one in self._runs(dag_id) if one["dag_run_id"] not in before]
        )
        return str(run["dag_run_id"])

    def until_run(self, dag_id: str, run_id: str) -> str:
        """Wait until a run is over and return its state."""
        states = ("success", "failed")
        run = quote(run_id, safe="")
        return str(self.until(f"the end of {run_id}", lambda: self._over(dag_id, run, states)))

    def _over(self, dag_id: str, run: str, states: tuple[str, ...]) -> str:
        state = self.stack.run_state(dag_id, run)
        return state if state in states else ""

    def _runs(self, dag_id: str) -> list[dict[str, Any]]:
        return list(self.stack.call("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"])

    def task_page(self, dag_id: str, run_id: str, task_id: str, tab: str = "details") -> None:
        """Open a tab of a task instance; its links are on its details."""
        run, task = quote(run_id, safe=""), quote(task_id, safe="")
        self.go(f"/dags/{dag_id}/runs/{run}/tasks/{task}/{tab}".rstrip("/"))

    # ---- the page of sessions

    def open_sessions(self) -> None:
        """Open the page of sessions from Airflow's navigation, and look into its frame."""
        self.go("/")
        self.click("a[href*='plugin/live-sessions'], [aria-label='Sessions']")
        frame = self.see("iframe")
        self.driver.switch_to.frame(frame)
        self.see("h1")

    def row(self, title: str) -> WebElement | None:
        """Return a session's row."""
        rows = self.driver.find_elements(By.CSS_SELECTOR, "#rows tr[data-session]")
        return next((one for one in rows if one.find_element(By.CSS_SELECTOR, ".title").text == title), None)

    def stage(self, title: str) -> str:
        """Return where a session stands by its row; empty without one."""
        row = self.row(title)
        return "" if row is None else str(row.get_attribute("data-stage"))

    def follow(self, title: str, link: str) -> None:
        """Click a link of a session's row."""

        def clicked() -> bool:
            row = self.row(title)
            if row is not None:
                row.find_element(By.LINK_TEXT, link).click()
            return row is not None

        self.until(f"a click on {link} of {title}", clicked)

    def until_stage(self, title: str, stage: str) -> None:
        """Wait until a session's row says where it stands."""
        self.until(f"{title} {stage}", lambda: self.stage(title) == stage)

    @contextmanager
    def new_tab(self, what: str) -> Iterator[None]:
        """Look at the tab that the body before opened; close it after."""
        here = self.driver.current_window_handle
        self.until(what, lambda: len(self.driver.window_handles) > 1)
        (other,) = [one for one in self.driver.window_handles if one != here]
        self.driver.switch_to.window(other)
        try:
            yield
        finally:
            self.driver.close()
            self.driver.switch_to.window(here)

    # ---- the platform

    def room_of(self, title: str) -> str:
        """Return the room of a class, once it is launched."""

        def found() -> str:
            spaces = self.control.state()["lessonspace"]["spaces"]
            return next((str(one["id"]) for one in spaces if one["name"] == title), "")

        return str(self.until(f"the room of {title}", found))

    def come(self, title: str, *people: str) -> None:
        """Let people come into a class."""
        room = self.room_of(title)
        for one in people:
            self.control.do("lessonspace", "join", space=room, user=one)


def shown(element: WebElement) -> bool:
    """Return whether an element can be seen."""
    return bool(element.is_displayed())


def path_of(url: str) -> str:
    """Return an address's path, readable."""
    return unquote(url.split("://", 1)[-1].partition("/")[2])
