"""A person launches a class from a form, sees it live, goes into its room, and cancels another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser.person import PHONE_WIDTH, WIDE, Person, path_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = "teacher: Ada Byron <ada@school.example>\nBo Student\n"
LIVE, LATER = "Algebra for beginners", "Chemistry, second term"


@pytest.fixture(scope="module")
def runs(person: Person) -> Iterator[dict[str, str]]:
    """Two classes, launched from the Trigger form: one with people in it, one to which nobody has come yet."""
    found = {}
    person.size(*WIDE)
    person.open_sessions()
    person.see("#empty")
    person.picture("live-sessions-empty")
    person.fill_in("class_now", title=LIVE, minutes="30", participants=PEOPLE)
    person.picture("trigger-form")
    found[LIVE] = person.trigger("class_now")
    person.fill_in("class_now", title=LATER)
    found[LATER] = person.trigger("class_now")
    person.room_of(LATER)
    person.come(LIVE, "ada@school.example", "Bo Student")
    yield found
    person.driver.switch_to.default_content()


def test_a_form_is_short_and_says_which_line_of_the_people_is_wrong(person: Person, runs: dict[str, str]) -> None:
    person.fill_in("class_now", title="Never launched", participants="Ada\nBo <bo")
    assert not any(shown(one) for one in person.driver.find_elements(By.NAME, "element_poll_interval"))
    person.click("[data-testid=trigger-dag-submit]")
    person.until("the refusal", lambda: "'Bo <bo' does not match" in person.text)
    people = person.see("[name=element_participants]")
    people.send_keys(Keys.TAB)
    assert person.driver.switch_to.active_element != people


def test_a_class_launched_from_the_form_is_seen_live(person: Person, runs: dict[str, str]) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    person.until_stage(LATER, "scheduled")
    person.driver.switch_to.default_content()
    person.picture("live-sessions")


def test_the_page_can_be_read_in_the_dark_and_on_a_phone(person: Person, runs: dict[str, str]) -> None:
    person.driver.execute_script("localStorage.setItem('theme', 'dark')")
    try:
        person.open_sessions()
        person.until_stage(LIVE, "live")
        assert person.driver.execute_script("return document.documentElement.dataset.theme") == "dark"
        person.driver.switch_to.default_content()
        person.picture("live-sessions-dark")
    finally:
        person.driver.execute_script("localStorage.setItem('theme', 'light')")
    person.size(PHONE_WIDTH, 844)
    try:
        person.go("/live-sessions/")
        person.until_stage(LIVE, "live")
        wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert person.driver.execute_script(wide) <= 0
        person.picture("live-sessions-phone")
    finally:
        person.size(*WIDE)


def test_times_are_in_the_zone_chosen_in_airflow(person: Person, runs: dict[str, str]) -> None:
    person.go("/live-sessions/")
    person.driver.execute_script("""localStorage.setItem("timezone", '"Asia/Tokyo"')""")
    try:
        person.go("/live-sessions/")
        person.until("the zone", lambda: "Asia/Tokyo" in person.see("#when").text)
    finally:
        person.driver.execute_script("localStorage.removeItem('timezone')")


def test_filters_are_worked_by_keyboard(person: Person, runs: dict[str, str]) -> None:
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    person.write("#text", "chemistry")
    person.until("one row", lambda: person.row(LIVE) is None and person.row(LATER))
    person.write("#text", Keys.BACKSPACE)
    person.until("both rows", lambda: person.row(LIVE) and person.row(LATER))
    button = person.see("#stages button[data-stage=live]")
    person.driver.execute_script("arguments[0].focus()", button)
    person.driver.switch_to.active_element.send_keys(Keys.ENTER)
    person.until("the live one", lambda: person.row(LIVE) and person.row(LATER) is None)
    focused = person.driver.switch_to.active_element
    assert (focused.get_attribute("data-stage"), focused.get_attribute("aria-pressed")) == ("live", "true")
    focused.send_keys(Keys.SPACE)
    person.until("both rows again", lambda: person.row(LIVE) and person.row(LATER))


def test_the_room_opens_in_a_tab_of_its_own_under_the_person_s_name(person: Person, runs: dict[str, str]) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    person.follow(LIVE, "Room")
    with person.new_tab("the room's tab"):
        person.until("the room", lambda: LIVE in person.text and "admin, you are in" in person.text)
        assert not person.driver.current_url.startswith(person.stack.url)


def test_a_row_leads_to_its_run(person: Person, runs: dict[str, str]) -> None:
    person.open_sessions()
    person.until_stage(LATER, "scheduled")
    person.follow(LATER, "class_now")
    person.driver.switch_to.default_content()
    person.until("the run", lambda: path_of(person.driver.current_url) == f"dags/class_now/runs/{runs[LATER]}")


def test_a_launch_s_task_links_to_its_session(person: Person, runs: dict[str, str]) -> None:
    person.task_page("class_now", runs[LIVE], "class.launch")
    person.until("the links", lambda: person.driver.find_elements(By.LINK_TEXT, "Lessonspace room"))
    person.picture("extra-links")
    person.driver.find_element(By.LINK_TEXT, "Live session").click()
    person.until_stage(LIVE, "live")
    assert person.row(LATER) is None
    person.task_page("class_now", runs[LIVE], "class.launch")
    person.until("the links", lambda: person.driver.find_elements(By.LINK_TEXT, "Lessonspace recording"))
    person.driver.find_element(By.LINK_TEXT, "Lessonspace recording").click()
    person.until("why there is none", lambda: "no recording that can be opened" in person.text)
    person.picture("no-recording")


def test_a_class_that_is_cancelled_is_seen_cancelled(person: Person, runs: dict[str, str]) -> None:
    person.fill_in("cancel_one", run_id=runs[LATER])
    person.trigger("cancel_one")
    person.open_sessions()
    person.until_stage(LATER, "cancelled")
    person.until_stage(LIVE, "live")
    person.driver.switch_to.default_content()
    person.picture("live-sessions-cancelled")


def test_the_page_calls_nobody_else_and_complains_of_nothing(person: Person, runs: dict[str, str]) -> None:
    person.driver.get_log("browser")  # what pages before this one said
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    asked = person.driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    assert asked
    assert all(one.startswith(person.stack.url) for one in asked)
    assert [one["message"] for one in person.driver.get_log("browser")] == []


def test_who_is_not_logged_in_is_led_to_the_login(person: Person, runs: dict[str, str]) -> None:
    person.go("/live-sessions/")
    person.driver.delete_all_cookies()
    person.driver.get(f"{person.stack.url}/live-sessions/")
    assert "not logged in" in person.text
    person.driver.find_element(By.LINK_TEXT, "Log in").click()
    person.see("input[name=username]")
