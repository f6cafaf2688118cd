"""``session_cancel`` and ``session_retrieve_again`` as a person meets them: launched, asked, answered, done."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.airflow_side.test_dags import DAGS, conf, states_of
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio
from tests.airflow_versions import DagBag, in_real_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
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


@pytest.fixture
def practice(monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    with Practice.open(monkeypatch) as opened:
        yield opened


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with Studio.open(monkeypatch) as opened:
        yield opened


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with Lab.open(monkeypatch) as opened:
        yield opened


def launched(examples: DagBag, name: str, form: dict[str, Any], *, until: str) -> dict[str, str]:
    """Launch a session from a DAG's form, with nothing behind the launch; return what names it in another form.

    Args:
        examples: The example DAGs.
        name: Which of them.
        form: What its form says.
        until: The ids of the tasks that run: up to the launch, the last one.
    """
    tasks = until.split()
    run = examples.dags[name].test(run_conf=form, mark_success_pattern=rf"(?!({'|'.join(tasks)})$).*")
    assert states_of(run)[tasks[-1]] == "success"
    return {"dag_id": name, "run_id": run.run_id}


def a_class(examples: DagBag, school: School, output: Path) -> dict[str, str]:
    form = conf(school, output, title="Extra lesson", minutes=45, participants=PEOPLE)
    return launched(examples, "class_now", form, until="describe class.launch")


def a_call(examples: DagBag, practice: Practice, output: Path, **more: Any) -> dict[str, str]:
    form = {"conn_id": practice.conn_id, "destination": output.as_uri(), "smtp_conn_id": "nowhere", **more}
    return launched(examples, "call_now", form, until="describe appointment.launch")


def a_share(examples: DagBag, studio: Studio, **more: Any) -> dict[str, str]:
    form = {"conn_id": studio.conn_id, "page_conn_id": "nowhere", "smtp_conn_id": "nowhere", **more}
    return launched(examples, "screen_share_support", form, until="describe launch")


def a_workshop(examples: DagBag, lab: Lab) -> dict[str, str]:
    form = {"conn_id": lab.conn_id, "smtp_conn_id": "nowhere", "learners": ["ada|Ada", "bo|Bo"]}
    return launched(examples, "workshop_day", form, until="describe check_room provision")


@contextmanager
def person(answer: str, asked: list[str], *, meanwhile: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Answer, over Airflow's own API, what a run asks; keep what was asked.

    Args:
        answer: The option to choose.
        asked: Where to keep it.
        meanwhile: What happens between the question and the answer.
    """
    wrong: list[BaseException] = []

    def look_and_answer() -> None:
        try:
            _answer(answer, asked, meanwhile)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            wrong.append(error)

    thread = Thread(target=look_and_answer, daemon=True)
    thread.start()
    yield
    thread.join(PATIENCE)
    if wrong:
        raise wrong[0]


def _answer(answer: str, asked: list[str], meanwhile: Callable[[], object]) -> None:
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
                meanwhile()
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


@in_real_seconds
@pytest.mark.usefixtures("everybody_is_admin")
def test_a_class_is_cancelled_when_a_person_approves_and_only_then(
    examples: DagBag, school: School, tmp_path: Path
) -> None:
    form = {**a_class(examples, school, tmp_path), "reason": "the teacher is ill"}
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
    assert "On Lessonspace it is **scheduled** now, 0 seen." in question
    until = r"\w+day \d\d [^.]*\d\d:\d\d \(Europe/Berlin\)"
    assert re.search(rf"Links may have been handed over: they work until {until}\.", question)
    assert "Once somebody is in it, it cannot be cancelled any more." in question
    assert "the teacher is ill" in question
    assert not any(secret in question for secret in school.secrets)


@in_real_seconds
@pytest.mark.usefixtures("everybody_is_admin")
def test_a_call_and_a_workshop_are_cancelled_by_the_same_form(
    examples: DagBag, practice: Practice, lab: Lab, tmp_path: Path
) -> None:
    asked: list[str] = []
    with person("Approve", asked):
        run = examples.dags["session_cancel"].test(run_conf=a_call(examples, practice, tmp_path))
    assert states_of(run) == cancels(coviu="success")
    assert [one["canceled"] for one in practice.sessions] == [True]
    with person("Approve", asked):
        run = examples.dags["session_cancel"].test(run_conf=a_workshop(examples, lab))
    assert states_of(run) == cancels(educates="success")
    assert lab.standing == 0
    call, workshop = asked
    assert "**Consultation**" in call
    assert "On Coviu it is **scheduled** now." in call
    assert "once it is cancelled they let nobody in" in call
    assert "On Educates it is **scheduled** now" in workshop
    assert not any(secret in call for secret in practice.secrets)


@in_real_seconds
@pytest.mark.usefixtures("everybody_is_admin")
def test_a_share_that_somebody_begins_before_the_answer_goes_on_unless_the_form_ends_live_ones(
    examples: DagBag, studio: Studio
) -> None:
    form, asked = a_share(examples, studio), list[str]()
    (code,) = studio.people.codes()
    dag = examples.dags["session_cancel"]
    with person("Approve", asked, meanwhile=lambda: studio.people.present(code)):
        run = dag.test(run_conf=form)
    assert states_of(run) == cancels(screenleap="failed")
    assert [one["ended_at"] for one in studio.shares] == [None]
    refused = states_of(dag.test(run_conf=form))
    assert refused.pop("find") == "failed"
    assert set(refused.values()) == {"upstream_failed"}
    with person("Approve", asked):
        run = dag.test(run_conf={**form, "end_live": True})
    assert states_of(run) == cancels(screenleap="success")
    assert all(one["ended_at"] for one in studio.shares)
    before, live = asked
    assert "Once somebody is in it, it cannot be cancelled any more." in before
    assert "On Screenleap it is **live** now" in live
    assert "Whoever is in it is put out." in live


@in_real_seconds
def test_what_a_class_left_is_brought_home_again_as_the_form_asks(
    examples: DagBag, school: School, tmp_path: Path
) -> None:
    which = a_class(examples, school, tmp_path / "unused")
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
    assert retrieved(examples, given) == {"lessonspace_attendance"}
    written = {path.name for path in (tmp_path / "home").rglob("*.*")}
    assert written == {"attendance.csv", "attendance.json", "attendance.manifest.json"}


def retrieved(examples: DagBag, form: dict[str, Any]) -> set[str]:
    """Return which platform's kinds a run brought home; all others were skipped."""
    states = states_of(examples.dags["session_retrieve_again"].test(run_conf=form))
    assert (states.pop("find"), states.pop("choose")) == ("success", "success")
    assert set(states.values()) <= {"success", "skipped"}
    return {name.removeprefix("retrieve_") for name, state in states.items() if state == "success"}


@in_real_seconds
def test_everything_that_a_call_left_is_what_its_platform_keeps(
    examples: DagBag, practice: Practice, lab: Lab, tmp_path: Path
) -> None:
    which = a_call(examples, practice, tmp_path / "unused", participants=["clinician: dr-1|Ada", "p-1|Bo"])
    (session,) = [one["session_id"] for one in practice.sessions]
    practice.wait(180)
    for one in ("dr-1", "p-1"):
        practice.sandbox.coviu.join(session, one)
    practice.wait(1800)
    for one in ("dr-1", "p-1"):
        practice.sandbox.coviu.leave(session, one)
    practice.wait(3600)
    home = tmp_path / "home"
    form: dict[str, Any] = {**which, "timezone": "UTC", "destination": home.as_uri()}
    assert retrieved(examples, form) == {"coviu_attendance", "coviu_recording"}
    (attendance,) = [json.loads(path.read_bytes()) for path in home.rglob("attendance.json")]
    assert {(one["participant_id"], one["role"]) for one in attendance} == {
        ("dr-1", "clinician"),
        ("p-1", "patient"),
    }
    for refused in ({**form, "kinds": ["attendance", "transcript"]}, {**a_workshop(examples, lab)}):
        states = states_of(examples.dags["session_retrieve_again"].test(run_conf=refused))
        assert (states.pop("find"), states.pop("choose")) == ("success", "failed")
        assert set(states.values()) == {"upstream_failed"}
