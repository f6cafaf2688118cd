"""The page of sessions: what it shows, its filters and states, and its use without a mouse or on a phone."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from browser.looks import faint_texts, outside, small_targets, tab_stops
from browser.person import PHONE_WIDTH, Person, path_of
from browser.school import LATER, LIVE, OVER, SHARE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.school import Launched

ALL = (LIVE, LATER, OVER, SHARE)
TALL = (1280, 900)


@pytest.fixture(scope="module", autouse=True)
def settled(person: Person, school: dict[str, Launched]) -> None:
    """All sessions stand where they will stay: live, scheduled and over, on two platforms."""
    assert person.until_run("class_now", school[OVER].run_id) == "success"
    person.go("/live-sessions/")
    for title, stage in ((LIVE, "live"), (LATER, "scheduled"), (OVER, "done"), (SHARE, "scheduled")):
        person.until_stage(title, stage)


@contextmanager
def theme(person: Person, name: str) -> Iterator[None]:
    """Choose a theme in Airflow's settings."""
    person.go("/live-sessions/")
    person.driver.execute_script(f"localStorage.setItem('theme', '{name}')")
    try:
        yield
    finally:
        person.driver.switch_to.default_content()
        person.driver.execute_script("localStorage.setItem('theme', 'light')")


@contextmanager
def network(person: Person, command: str, broken: dict[str, Any], whole: dict[str, Any]) -> Iterator[None]:
    """Have the browser's network be slow, or lack something."""
    person.driver.execute_cdp_cmd("Network.enable", {})
    person.driver.execute_cdp_cmd(command, broken)
    try:
        yield
    finally:
        person.driver.execute_cdp_cmd(command, whole)
        person.driver.execute_cdp_cmd("Network.disable", {})


def shown_titles(person: Person) -> set[str]:
    """Return which sessions are listed."""
    return {title for title in ALL if person.row(title)}


# ---- what it shows


def test_before_anything_is_launched_it_says_so_and_what_to_do(nothing_yet: str) -> None:
    assert "No sessions" in nothing_yet
    assert "Trigger class_now" in nothing_yet


def test_it_stands_in_airflow_s_navigation_under_a_name_that_is_whole(person: Person) -> None:
    person.open_sessions()
    for title in ALL:
        person.until(title, partial(person.row, title))
    person.driver.switch_to.default_content()
    label = person.see("[aria-label='Sessions'] > :last-child, [aria-label='Sessions'] a > :last-child")
    assert person.driver.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", label)
    person.size(*TALL)
    person.picture("live-sessions")


def test_sessions_of_two_platforms_stand_side_by_side(person: Person) -> None:
    person.go("/live-sessions/")
    person.until_stage(SHARE, "scheduled")
    assert {"Lessonspace", "Screenleap"} <= {one.text for one in Select(person.see("#platform")).options}
    Select(person.see("#platform")).select_by_visible_text("Screenleap")
    person.until("the share alone", lambda: shown_titles(person) == {SHARE})
    assert "Screenleap · screenleap_default" in person.see("tr[data-stage=scheduled]").text
    Select(person.see("#platform")).select_by_visible_text("All")
    person.until("all", lambda: shown_titles(person) == set(ALL))


def test_a_row_leads_to_its_run_and_gives_its_id(person: Person, school: dict[str, Launched]) -> None:
    person.open_sessions()
    person.until_stage(LATER, "scheduled")
    row = person.row(LATER)
    assert row is not None
    copy = row.find_element(By.CSS_SELECTOR, "button.copy")
    copy.click()
    person.until("it is copied", lambda: copy.text in ("Copied", "Selected"))
    person.follow(LATER, "class_now")
    person.driver.switch_to.default_content()
    person.until(
        "the run", lambda: path_of(person.driver.current_url) == f"dags/class_now/runs/{school[LATER].run_id}"
    )


def test_the_room_opens_in_a_tab_of_its_own(person: Person) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    person.follow(LIVE, "Room")
    with person.new_tab("the room's tab"):
        person.says(LIVE, "admin, you are in")


def test_a_viewer_page_of_the_second_platform_opens(person: Person) -> None:
    person.open_sessions()
    person.until_stage(SHARE, "scheduled")
    person.follow(SHARE, "Room")
    with person.new_tab("the viewer's tab"):
        person.until("the page", lambda: not person.driver.current_url.startswith(person.stack.url))


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/St_Johns", "UTC"])
def test_times_are_in_the_zone_chosen_in_airflow(person: Person, school: dict[str, Launched], zone: str) -> None:
    launched = school[LATER]
    record = person.stack.xcom(launched.dag_id, quote(launched.run_id, safe=""), launched.task_id, -1)
    starts = datetime.fromisoformat(record["start"]).astimezone(ZoneInfo(zone))
    person.go("/live-sessions/")
    person.driver.execute_script(f"""localStorage.setItem("timezone", '"{zone}"')""")
    try:
        person.go("/live-sessions/")
        person.until_stage(LATER, "scheduled")
        assert zone in person.see("#when").text
        row = person.row(LATER)
        assert row is not None
        told = " ".join(row.text.split())
        assert f"{starts:%I:%M %p}" in told or f"{starts:%H:%M}" in told
    finally:
        person.driver.execute_script("localStorage.removeItem('timezone')")


def test_a_time_in_a_reason_is_read_like_any_other(person: Person) -> None:
    person.go("/live-sessions/")
    person.until_stage(OVER, "done")
    row = person.row(OVER)
    assert row is not None
    why = row.find_element(By.CSS_SELECTOR, ".soft").text
    assert "Everybody left at" in why
    assert "+00:00" not in why


# ---- filters and keyboard


def test_everything_is_reached_by_the_tab_key_and_shows_where_one_is(person: Person) -> None:
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    person.driver.execute_script("clearTimeout(timer)")  # rows that come anew keep the focus, but not the order
    met = tab_stops(person.driver)
    names = [one["name"] for one in met]
    assert names[:3] == ["refresh", "text", "platform"]
    assert names[3:11] == ["live", "empty", "failed", "waiting", "scheduled", "done", "cancelled", "not_held"]
    for row in person.driver.find_elements(By.CSS_SELECTOR, "#rows tr"):
        key = row.get_attribute("data-session")
        assert [f"{key}/run", f"{key}/copy"] == [one for one in names if one in (f"{key}/run", f"{key}/copy")]
    assert [one["name"] for one in met if not one["ringed"]] == []


def test_filters_are_worked_by_keyboard(person: Person) -> None:
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    person.write("#text", "chemistry")
    person.until("one row", lambda: shown_titles(person) == {LATER})
    person.write("#text", "nothing is called this")
    person.says("Nothing fits the filters")
    person.write("#text", Keys.BACKSPACE)
    person.until("all rows", lambda: shown_titles(person) == set(ALL))
    button = person.see("#stages button[data-stage=live]")
    person.driver.execute_script("arguments[0].focus()", button)
    person.driver.switch_to.active_element.send_keys(Keys.ENTER)
    person.until("the live one", lambda: shown_titles(person) == {LIVE})
    focused = person.driver.switch_to.active_element
    assert (focused.get_attribute("data-stage"), focused.get_attribute("aria-pressed")) == ("live", "true")
    focused.send_keys(Keys.SPACE)
    person.until("all rows again", lambda: shown_titles(person) == set(ALL))


# ---- how it looks


@pytest.mark.parametrize("name", ["light", "dark"])
def test_every_word_can_be_read(person: Person, name: str) -> None:
    person.size(*TALL)
    with theme(person, name):
        person.open_sessions()
        person.until_stage(LIVE, "live")
        assert person.driver.execute_script("return document.documentElement.dataset.theme") == name
        person.click("#stages button[data-stage=live]")
        assert faint_texts(person.driver) == []
        person.click("#stages button[data-stage=live]")
        person.until("all rows again", lambda: shown_titles(person) == set(ALL))
        person.driver.switch_to.default_content()
        if name == "dark":
            person.picture("live-sessions-dark")


@pytest.mark.parametrize("width", [PHONE_WIDTH, 320])
def test_nothing_is_cut_off_or_too_small_for_a_finger_on_a_phone(person: Person, width: int) -> None:
    person.size(width, 844)
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    assert outside(person.driver) == []
    assert small_targets(person.driver) == []
    if width == PHONE_WIDTH:
        person.picture("live-sessions-phone")


# ---- when something is wrong


def test_while_the_first_answer_is_on_its_way_the_page_says_that_it_loads(person: Person) -> None:
    whole = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    with network(person, "Network.emulateNetworkConditions", {**whole, "latency": 4000}, whole):
        person.driver.get(f"{person.stack.url}/live-sessions/")
        assert person.see("#told").text == "Loading…"
        assert person.see("#sessions").get_attribute("aria-busy") == "true"
        assert len(person.driver.find_elements(By.CSS_SELECTOR, "#rows tr.skeleton")) == 3
        person.until_stage(LIVE, "live")
        assert person.see("#sessions").get_attribute("aria-busy") == "false"
        assert not person.driver.find_elements(By.CSS_SELECTOR, "#rows tr.skeleton")


def test_an_api_server_that_does_not_answer_is_told_in_words(person: Person) -> None:
    with network(person, "Network.setBlockedURLs", {"urls": ["*/live-sessions/rows*"]}, {"urls": []}):
        person.go("/live-sessions/")
        person.says("The sessions cannot be shown", "Airflow's API server cannot be reached.", "Not loaded")
        assert faint_texts(person.driver) == []
    person.click("#refresh")
    person.until_stage(LIVE, "live")
    with network(person, "Network.setBlockedURLs", {"urls": ["*/live-sessions/rows*"]}, {"urls": []}):
        person.click("#refresh")
        person.says("What is shown is older.")
        assert person.stage(LIVE) == "live"


def test_a_platform_that_cannot_be_reached_is_named_and_its_sessions_keep_their_last_state(person: Person) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    person.control.add_fault("status", path="^/lessonspace/", status=503)
    try:
        person.says("Lessonspace, connection lessonspace_default, could not be asked.", "shown as of")
        assert person.stage(LIVE) == "live"
        assert "Screenleap, connection" not in person.text
        assert faint_texts(person.driver) == []
        person.driver.switch_to.default_content()
        person.size(*TALL)
        person.picture("live-sessions-unreachable")
    finally:
        person.control.clear_faults()
    person.open_sessions()
    person.until("it is asked again", lambda: person.row(LIVE) and "could not be asked" not in person.text)


def test_it_calls_nobody_else_and_complains_of_nothing(person: Person) -> None:
    person.driver.get_log("browser")  # what pages before this one said
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    asked = person.driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    assert asked
    assert all(one.startswith(person.stack.url) for one in asked)
    assert [one["message"] for one in person.driver.get_log("browser")] == []
