"""``session_cancel`` and ``session_retrieve_again`` as a person meets them: launched, asked, answered, done."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.pages import REASON
from airflow_provider.live_sessions.plugin.sessions_page.records import value_of
from tests.airflow_side.test_dags import DAGS, conf, states_of
from tests.airflow_versions import DagBag, in_real_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.airflow_side.stage import School

PATIENCE = 120.0
PEOPLE = [
    {"id": "t-1", "name": "Tess", "role": "teacher", "leader": True},
    {"id": "s-1", "name": "Sam", "role": "student"},
]


@pytest.fixture(scope="module")
def examples(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS))


def launched(examples: DagBag, school: School, output: Path) -> dict[str, str]:
    """Launch a class from its form, with nothing behind the launch, and return what names it in another form."""
    form = conf(school, output, title="Extra lesson", minutes=45, participants=PEOPLE)
    behind = r"class\.(?!launch$).*"
    run = examples.dags["class_now"].test(run_conf=form, mark_success_pattern=behind)
    assert states_of(run)["class.launch"] == "success"
    return {"dag_id": "class_now", "run_id": run.run_id}


@contextmanager
def person(answer: str, asked: list[str]) -> Iterator[None]:
    """Answer, over Airflow's own API, what a run asks; keep what was asked."""
    wrong: list[BaseException] = []

    def look_and_answer() -> None:
        try:
            _answer(answer, asked)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            wrong.append(error)

    thread = Thread(target=look_and_answer, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE)
    if wrong:
        raise wrong[0]


def _answer(answer: str, asked: list[str]) -> None:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app(), base_url="http://127.0.0.1") as client:
        token = client.get("/auth/token").raise_for_status().json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            waiting = client.get(
                "/api/v2/dags/~/dagRuns/~/hitlDetails", params={"response_received": False}
            ).raise_for_status()
            for one in waiting.json()["hitl_details"]:
                ti = one["task_instance"]
                asked.append(f"{one['subject']}\n{one['body']}")
                path = f"/api/v2/dags/{ti['dag_id']}/dagRuns/{ti['dag_run_id']}/taskInstances/{ti['task_id']}"
                client.patch(
                    f"{path}/{ti['map_index']}/hitlDetails", json={"chosen_options": [answer], "params_input": {}}
                ).raise_for_status()
                return
            time.sleep(0.2)
    raise AssertionError("nobody was asked")


@pytest.fixture
def everybody_is_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a-secret-of-the-tests-alone-" * 3)


def cancels(**states: str) -> dict[str, str]:
    """Return the states of a run of ``session_cancel`` that came as far as its cancels."""
    others = dict.fromkeys(("lessonspace", "coviu", "screenleap", "educates"), "skipped")
    ended = {f"cancel_{platform}": state for platform, state in {**others, **states}.items()}
    return {"find": "success", "approve": "success", "choose": "success", **ended}


def reasons() -> list[Any]:
    """Return what the page of sessions finds of why sessions were cancelled."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = select(XComModel.value).filter_by(dag_id="session_cancel").where(XComModel.key.startswith(REASON))
        return [value_of(one) for one in session.scalars(found)]


@in_real_seconds
@pytest.mark.usefixtures("everybody_is_admin")
def test_a_class_is_cancelled_when_a_person_approves_and_only_then(
    examples: DagBag, school: School, tmp_path: Path
) -> None:
    form = {**launched(examples, school, tmp_path), "reason": "the teacher is ill"}
    asked: list[str] = []
    for answer, states in (
        ("Reject", {**cancels(), "choose": "skipped"}),
        ("Approve", cancels(lessonspace="success")),
    ):
        launches = school.launches
        with person(answer, asked):
            run = examples.dags["session_cancel"].test(run_conf=form)
        assert states_of(run) == states
        # The mark of a cancel is a launch of its own there.
        assert (school.launches > launches) is (answer == "Approve")
    question, again = asked
    assert question == again
    when = r"\w+day \d\d \w+ \d{4}, \d\d:\d\d to .*\d\d:\d\d \(Europe/Berlin\)"
    assert re.match(rf"Cancel Extra lesson, {when}\?\n", question), "two that wait could not be told apart"
    assert re.search(rf"\*\*Extra lesson\*\*, {when}; 2 people", question)
    assert "On Lessonspace it is **scheduled** now, nobody is in it." in question
    until = r"\w+day \d\d [^.]*\d\d:\d\d \(Europe/Berlin\)"
    assert re.search(rf"Links may have been handed over: they work until {until}\.", question)
    assert "\n* Nobody is told: tell the participants yourself.\n* Once somebody is in it," in question
    assert "Once somebody is in it, it cannot be cancelled any more." in question
    assert "the teacher is ill" in question
    assert not any(secret in question for secret in school.secrets)
    assert reasons() == ["the teacher is ill"]


@in_real_seconds
def test_what_a_class_left_is_brought_home_again_as_the_form_asks(
    examples: DagBag, school: School, tmp_path: Path
) -> None:
    which = launched(examples, school, tmp_path / "unused")
    (space,) = [one["id"] for one in school.spaces]
    school.wait(180)
    for person_id in ("t-1", "s-1"):
        school.sandbox.lessonspace.join(space, person_id)
    school.wait(2700)
    for person_id in ("t-1", "s-1"):
        school.sandbox.lessonspace.leave(space, person_id)
    school.wait(3600)
    form: dict[str, Any] = {**which, "title": "Extra lesson", "timezone": "UTC"}
    given = {**form, "kinds": ["attendance"], "destination": (tmp_path / "home").as_uri()}
    states = states_of(examples.dags["session_retrieve_again"].test(run_conf=given))
    assert (states.pop("find"), states.pop("choose")) == ("success", "success")
    assert states.pop("retrieve_lessonspace_attendance") == "success"
    assert set(states.values()) == {"skipped"}
    written = {path.name for path in (tmp_path / "home").rglob("*.*")}
    assert written == {"attendance.csv", "attendance.json", "attendance.manifest.json"}
