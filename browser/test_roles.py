"""Somebody else looks: nobody without a login, a viewer, and a person of one DAG alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By

from browser.roles import NARROW, VIEWER
from browser.school import LATER, LIVE, OVER, SHARE
from browser.test_links import link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from browser.person import Person
    from browser.school import Launched


@pytest.fixture
def viewer(person: Person, school: dict[str, Launched]) -> Iterator[None]:
    """Be somebody who may look and change nothing."""
    with person.as_user(VIEWER):
        yield


@pytest.mark.usefixtures("viewer")
def test_a_viewer_sees_the_sessions_and_no_way_into_them(person: Person) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    for title in (LIVE, LATER, OVER, SHARE):
        assert person.row(title)
    assert not person.driver.find_elements(By.CSS_SELECTOR, ".doors a")
    person.driver.switch_to.default_content()
    person.picture("live-sessions-viewer")


@pytest.mark.usefixtures("viewer")
@pytest.mark.parametrize("name", ["Lessonspace room", "Lessonspace recording"])
def test_a_viewer_is_told_that_their_role_opens_no_door(
    person: Person, school: dict[str, Launched], name: str
) -> None:
    address = link(person, school[LIVE], name)
    person.driver.get(address)
    person.says("Your role in Airflow does not allow this.")
    assert person.driver.current_url == address
    person.driver.find_element(By.LINK_TEXT, "Live sessions").click()
    person.until_stage(LIVE, "live")


def test_who_may_see_one_dag_alone_sees_its_sessions_alone(person: Person, school: dict[str, Launched]) -> None:
    room = link(person, school[LIVE], "Lessonspace room")
    with person.as_user(NARROW):
        person.open_sessions()
        person.until(SHARE, lambda: person.row(SHARE))
        assert [title for title in (LIVE, LATER, OVER) if person.row(title)] == []
        assert "Lessonspace" not in person.text
        person.driver.switch_to.default_content()
        person.driver.get(room)
        person.says("Your role in Airflow does not allow this.")


def test_who_is_not_logged_in_sees_nothing_and_is_led_to_the_login(
    person: Person, school: dict[str, Launched]
) -> None:
    person.go("/live-sessions/")
    person.until_stage(LIVE, "live")
    person.forget_login()
    person.click("#refresh")
    person.says("You are not logged in to Airflow any more.", "What is shown is older.")
    person.driver.get(f"{person.stack.url}/live-sessions/")
    person.says("not logged in")
    assert LIVE not in person.text
    person.driver.find_element(By.LINK_TEXT, "Log in").click()
    person.log_in()
    person.until_stage(LIVE, "live")
