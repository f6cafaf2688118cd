"""A launch's task links to its session, room and recording, for who is logged in; no join link rests in a page."""

from __future__ import annotations

from functools import partial
from html import unescape
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By

from browser.school import LATER, LIVE, OVER

if TYPE_CHECKING:
    from browser.person import Person
    from browser.school import Launched

LINKS = ("Live session", "Lessonspace room", "Lessonspace recording")


def task_of(person: Person, launched: Launched, tab: str = "details") -> None:
    """Open the task that launched a session."""
    person.task_page(launched.dag_id, launched.run_id, launched.task_id, tab)


def link(person: Person, launched: Launched, name: str) -> str:
    """Return where a link of a launch's task leads."""
    task_of(person, launched)
    found = person.until(f"the link {name}", lambda: person.driver.find_elements(By.LINK_TEXT, name))
    return str(found[0].get_attribute("href"))


def test_a_launch_s_task_links_to_its_session_alone(person: Person, school: dict[str, Launched]) -> None:
    task_of(person, school[LIVE])
    for name in LINKS:
        person.until(f"the link {name}", partial(person.driver.find_elements, By.LINK_TEXT, name))
    person.picture("extra-links")
    person.driver.find_element(By.LINK_TEXT, "Live session").click()
    person.until_stage(LIVE, "live")
    assert person.row(LATER) is None
    person.driver.find_element(By.LINK_TEXT, "Show all").click()
    person.until_stage(LATER, "scheduled")


def test_the_room_is_entered_under_the_person_s_own_name(person: Person, school: dict[str, Launched]) -> None:
    person.driver.get(link(person, school[LIVE], "Lessonspace room"))
    person.says(LIVE, "admin, you are in")
    assert not person.driver.current_url.startswith(person.stack.url)


def test_the_recording_of_a_class_that_is_over_is_played(person: Person, school: dict[str, Launched]) -> None:
    assert person.until_run("class_now", school[OVER].run_id) == "success"
    person.driver.get(link(person, school[OVER], "Lessonspace recording"))
    person.until("the replay", lambda: not person.driver.current_url.startswith(person.stack.url))
    person.says(OVER, "The sandbox has no replay")


def test_a_class_without_a_recording_says_so(person: Person, school: dict[str, Launched]) -> None:
    person.driver.get(link(person, school[LIVE], "Lessonspace recording"))
    person.says("no recording that can be opened")
    person.picture("no-recording")


@pytest.mark.parametrize("tab", ["details", "xcom", "rendered_templates", ""])
def test_no_link_into_a_room_rests_in_airflow_s_own_pages(
    person: Person, school: dict[str, Launched], tab: str
) -> None:
    task_of(person, school[LIVE], tab)
    person.says("LessonspaceLaunchSessionOperator")
    person.until("the page is whole", lambda: not person.driver.find_elements(By.CSS_SELECTOR, "[aria-busy=true]"))
    assert doors_in(person, person.driver.page_source) == []


def test_no_link_into_a_room_rests_in_the_page_of_sessions(person: Person, school: dict[str, Launched]) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    assert doors_in(person, person.driver.page_source) == []


def test_who_is_not_logged_in_is_led_to_the_login_and_from_there_into_the_room(
    person: Person, school: dict[str, Launched]
) -> None:
    room = link(person, school[LIVE], "Lessonspace room")
    person.forget_login()
    person.driver.get(room)
    person.says("You are not logged in")
    assert doors_in(person, person.driver.page_source) == []
    person.driver.find_element(By.LINK_TEXT, "Log in").click()
    person.log_in()
    person.says(LIVE, "admin, you are in")


def doors_in(person: Person, text: str) -> list[str]:
    """Return which of the platform's join links and room secrets stand in a text."""
    given = person.control.do("lessonspace", "secrets")
    doors = [one for kind in given.values() for one in kind]
    assert doors
    return [one for one in doors if one in unescape(text)]
