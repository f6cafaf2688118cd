"""A person launches, cancels and retrieves by forms: starts, people one a line, values that are refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from browser.person import Person, shown
from browser.school import LIVE, OVER, tomorrow

if TYPE_CHECKING:
    from datetime import datetime

    from browser.school import Launched

PLANNED = "Geometry outdoors"
PEOPLE = "teacher: Ada Byron <ada@school.example>\nBo Student\ns-17|Cem"
TALL = (1280, 1360)
"""The whole form at once."""


@pytest.fixture(scope="module")
def planned(person: Person, school: dict[str, Launched]) -> tuple[str, datetime]:
    """A class of tomorrow, launched from the form, as its run and its start."""
    start = tomorrow()
    person.size(*TALL)
    written = f"{start:%Y-%m-%d %H:%M}Z"
    person.fill_in("class_now", title=PLANNED, start=written, minutes="30", participants=PEOPLE)
    person.picture("trigger-form")
    run_id = person.trigger("class_now")
    person.room_of(PLANNED)
    return run_id, start


def test_the_form_of_launch_now_asks_for_no_more_than_a_person_knows(person: Person) -> None:
    person.fill_in("class_now", title="Never launched")
    assert person.see("[name=element_start]").get_attribute("value") == "in 2 minutes"
    person.says("One person a line: Name <email>.", "tomorrow 09:00")
    for technical in ("poll_interval", "settle_seconds", "conn_id", "destination"):
        assert not any(shown(one) for one in person.driver.find_elements(By.NAME, f"element_{technical}"))
    people = person.see("[name=element_participants]")
    people.send_keys(Keys.TAB)
    assert person.driver.switch_to.active_element != people


def test_a_class_is_launched_at_the_time_that_was_chosen_for_the_people_one_a_line(
    person: Person, planned: tuple[str, datetime]
) -> None:
    run_id, start = planned
    run = quote(run_id, safe="")
    record = person.until("the record", lambda: person.stack.xcom("class_now", run, "class.launch", -1))
    assert record["start"].startswith(start.strftime("%Y-%m-%dT%H:%M"))
    people = [(one["name"], one.get("email") or "") for one in record["participants"]]
    assert people == [("Ada Byron", "ada@school.example"), ("Bo Student", ""), ("Cem", "")]
    person.open_sessions()
    person.until_stage(PLANNED, "scheduled")


def test_a_line_that_names_nobody_is_refused_by_the_form_and_quoted(person: Person) -> None:
    before = runs_of_class_now(person)
    person.size(*TALL)
    person.fill_in("class_now", title="Never launched", participants="Ada\nBo <bo")
    person.click("[data-testid=trigger-dag-submit]")
    person.says("'Bo <bo'", "One person a line")
    person.picture("trigger-form-refused")
    assert runs_of_class_now(person) == before


@pytest.mark.parametrize("start", ["soon", "31 February", "2026-09-01"])
def test_a_start_that_cannot_be_read_is_refused_and_never_taken_for_now(person: Person, start: str) -> None:
    before = runs_of_class_now(person)
    person.size(*TALL)
    person.fill_in("class_now", title="Never launched", start=start)
    person.click("[data-testid=trigger-dag-submit]")
    person.says(f"'{start}'", "tomorrow 09:00")
    assert runs_of_class_now(person) == before


def test_what_is_too_long_or_missing_cannot_be_sent_off(person: Person) -> None:
    person.fill_in("class_now", minutes="721")
    minutes = person.see("[name=element_minutes]")
    minutes.send_keys(Keys.TAB)
    person.until("the longest class that there is", lambda: minutes.get_attribute("value") == "720")
    person.write("[name=element_title]", Keys.BACKSPACE)
    person.see("[name=element_title]").send_keys(Keys.TAB)
    person.until("no way on", lambda: not person.see("[data-testid=trigger-dag-submit]").is_enabled())


def runs_of_class_now(person: Person) -> int:
    """Return how many runs there are."""
    return int(person.stack.call("GET", "/api/v2/dags/class_now/dagRuns")["total_entries"])


def cancel(person: Person, run_id: str, reason: str) -> str:
    """Fill in the form of session_cancel and return its run."""
    person.fill_in("session_cancel", run_id=run_id, reason=reason)
    return person.trigger("session_cancel")


def test_nobody_is_asked_to_approve_the_cancel_of_a_class_with_people_in_it(
    person: Person, school: dict[str, Launched]
) -> None:
    person.open_sessions()
    person.until_stage(LIVE, "live")
    run_id = cancel(person, school[LIVE].run_id, "By mistake")
    assert person.until_run("session_cancel", run_id) == "failed"
    states = {one["task_id"]: one["state"] for one in person.stack.tasks("session_cancel", quote(run_id, safe=""))}
    assert states.pop("find") == "failed"
    assert set(states.values()) == {"upstream_failed"}
    person.size(1280, 1600)
    person.go(f"/dags/session_cancel/runs/{quote(run_id, safe='')}/tasks/find")
    person.says("the teacher can end it in the room")
    person.open_sessions()
    assert person.stage(LIVE) in ("", "live")
    person.until_stage(LIVE, "live")


def test_a_scheduled_class_is_cancelled_once_a_person_approves(
    person: Person, planned: tuple[str, datetime]
) -> None:
    run_id = cancel(person, planned[0], "The teacher is ill.")
    waiting = "/api/v2/dags/session_cancel/dagRuns/~/hitlDetails?response_received=false"
    person.until("somebody is asked", lambda: person.stack.call("GET", waiting)["total_entries"])
    person.go("/required_actions")
    person.click("table a[href*='/tasks/approve/required_actions']")
    person.see("[data-testid='hitl-option-Approve']")
    person.says(f"Cancel {PLANNED}, ", "scheduled", "The teacher is ill.")
    person.picture("cancel-approval")
    person.click("[data-testid='hitl-option-Approve']")
    assert person.until_run("session_cancel", run_id) == "success"
    person.open_sessions()
    person.until_stage(PLANNED, "cancelled")
    person.driver.switch_to.default_content()
    person.picture("live-sessions-cancelled")


def test_a_file_that_was_lost_is_retrieved_again(person: Person, school: dict[str, Launched]) -> None:
    assert person.until_run("class_now", school[OVER].run_id) == "success"
    home = Path(unquote(urlsplit(person.stack.environment["AIRFLOW__LIVE_SESSIONS__DESTINATION"]).path))
    (lost,) = home.glob("*/*history*/attendance.csv")
    before = lost.read_bytes()
    lost.unlink()
    person.fill_in("session_retrieve_again", run_id=school[OVER].run_id)
    person.click("[aria-label='Remove everything']")
    person.driver.switch_to.active_element.send_keys("attendance", Keys.ENTER)
    person.see("[aria-label='Remove attendance']")
    run_id = person.trigger("session_retrieve_again")
    assert person.until_run("session_retrieve_again", run_id) == "success"
    assert lost.read_bytes() == before
    tasks = person.stack.tasks("session_retrieve_again", quote(run_id, safe=""))
    states = {one["task_id"]: one["state"] for one in tasks}
    assert states.pop("retrieve_lessonspace_attendance") == "success"
    assert {state for name, state in states.items() if name.startswith("retrieve_")} == {"skipped"}
