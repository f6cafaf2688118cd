"""``call_now``, and the forms that cancel and retrieve again on every platform: the DAGs' own tasks, in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from tests.airflow_side.stage import context
from tests.airflow_side.test_dags import DAGS, states_of
from tests.airflow_side.test_letting_go import Office
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio
from tests.airflow_versions import DagBag
from tests.authoring.elsewhere import Launched, launched_there

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from airflow.sdk import DAG

    from tests.airflow_side.stage import School

RUN = "run-7"


@pytest.fixture(scope="module")
def examples(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS))


class OneRun(Launched):
    """A run whose tasks are executed one after the other, as far as a test asks for it."""

    def xcom_pull(self, task_ids: str, *args: Any, **which: Any) -> Any:
        if "run_id" in which:
            return super().xcom_pull(task_ids, *args, **which)
        return self.xcoms.get((task_ids, -1, which.get("key", "return_value")))


class Form:
    """One run of a DAG by its form, about a session that another DAG's run launched."""

    def __init__(self, dag: DAG, record: Mapping[str, Any], of: str, task_id: str, **fields: Any) -> None:
        self.dag = dag
        self.fields = {"dag_id": of, "run_id": RUN, **fields}
        self.params = {**dag.params.dump(), **self.fields}
        self.ti = OneRun(dag_id=dag.dag_id)
        self.ti.elsewhere[of, RUN, task_id] = launched_there(record, dag_id=of, task_id=task_id)
        self.ti.states[RUN] = {task_id: "success"}

    def task(self, task_id: str) -> tuple[Any, Any]:
        """Return a task as it is before its execution, and its context."""
        task: Any = self.dag.get_task(task_id).prepare_for_execution()
        self.ti.task_id = task_id
        the_context: Any = {
            **context(self.ti, conf=self.fields),
            "params": self.params,
            "dag": self.dag,
            "task": task,
        }
        if task._pre_execute_hook is not None:
            task._pre_execute_hook(the_context)
        task.render_template_fields(the_context)
        return task, the_context

    def run(self, task_id: str) -> Any:
        task, the_context = self.task(task_id)
        result = task.execute(the_context)
        self.ti.xcom_push("return_value", result)
        return result

    def question(self) -> str:
        """Return what who approves is shown."""
        return str(self.task("approve")[0].body)

    def chosen(self) -> Any:
        """Return the tasks that the branch takes."""
        found = self.ti.xcoms["find", -1, "return_value"]
        choose: Any = self.dag.get_task("choose")
        now = self.ti.xcoms["find", -1, "now"]
        more = {"now": now, "params": self.params} if self.dag.dag_id == "session_retrieve_again" else {}
        return choose.python_callable(found, **more)


@pytest.mark.parametrize(
    ("dag_id", "person", "leads"),
    [("call_now", "patient: Dana", "clinician"), ("screen_share_support", "Hal", "leader")],
)
def test_a_form_that_names_nobody_who_leads_was_taken_without_a_word(
    examples: DagBag, caplog: pytest.LogCaptureFixture, dag_id: str, person: str, leads: str
) -> None:
    dag = examples.dags[dag_id]
    dag.test(run_conf={"participants": [person]}, mark_success_pattern=r"(?!describe$).*")
    said = f"Nobody leads {dag.params['title']!r}: write {leads}: before the one who does."
    assert said in caplog.messages


# ---- cancel


def test_a_call_is_cancelled_by_the_form_that_cancels_classes(
    examples: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Practice.open(monkeypatch) as practice:
        form = Form(examples.dags["session_cancel"], practice.launch(), "call_now", "appointment.launch")
        form.run("find")
        assert "On Coviu it is **scheduled** now." in form.question()
        assert "Links may have been handed over: once it is cancelled they let nobody in." in form.question()
        assert "tell the participants yourself" in form.question()
        now = form.ti.xcoms["find", -1, "now"]
        form.ti.xcoms["find", -1, "now"] = {**now, "sent": 2}
        assert "* 2 of them were sent their link: once it is cancelled" in form.question()
        form.ti.xcoms["find", -1, "now"] = {**now, "handed_over": False}
        assert "* No link has left Airflow: the cancel is complete.\n* Once somebody" in form.question()
        assert "tell the participants" not in form.question(), "who would know of it?"
        form.ti.xcoms["find", -1, "now"] = now
        assert not [secret for secret in practice.secrets if secret in form.question()]
        assert form.chosen() == "cancel_coviu"
        assert form.run("cancel_coviu")["confirmed"]
        with pytest.raises(AirflowFailException, match="cancelled already"):
            form.run("find")


def test_somebody_who_begins_a_share_before_the_answer_goes_on_unless_the_form_ends_live_ones(
    examples: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    dag = examples.dags["session_cancel"]
    with Studio.open(monkeypatch) as studio:
        record = studio.launch()
        form = Form(dag, record, "screen_share_support", "launch")
        form.run("find")
        assert "Once somebody is in it, it cannot be cancelled any more." in form.question()
        assert form.chosen() == "cancel_screenleap"
        studio.present(record, "Bo")  # between the question and the answer
        with pytest.raises(AirflowFailException, match="is live and was not ended"):
            form.run("cancel_screenleap")
        assert studio.log(path="/stop$") == []
        with pytest.raises(AirflowFailException, match="Allow that it is ended"):
            form.run("find")
        form = Form(dag, record, "screen_share_support", "launch", end_live=True)
        form.run("find")
        assert "On Screenleap it is **live** now" in form.question()
        assert "Whoever is in it is put out." in form.question()
        assert form.run("cancel_screenleap")["confirmed"]


def test_a_workshop_is_ended_with_learners_in_it_only_where_the_form_says_so(
    examples: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    dag = examples.dags["session_cancel"]
    with Lab.open(monkeypatch) as lab:
        record = lab.launch()
        form = Form(dag, record, "workshop_day", "provision")
        form.run("find")
        assert form.chosen() == "cancel_educates"
        lab.activate(record, "ada")
        with pytest.raises(AirflowFailException, match="somebody is in it"):
            form.run("cancel_educates")
        form = Form(dag, record, "workshop_day", "provision", end_live=True)
        form.run("find")
        assert "On Educates it is **live** now" in form.question()
        assert form.run("cancel_educates")["confirmed"]
        assert lab.standing == 0


def test_a_class_with_people_in_it_is_refused_whatever_the_form_says(examples: DagBag, school: School) -> None:
    record = school.launch()
    form = Form(examples.dags["session_cancel"], record, "class_now", "class.launch", end_live=True)
    form.run("find")
    assert form.chosen() == "cancel_lessonspace"
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    with pytest.raises(AirflowFailException, match=r"people are in it.*Lessonspace has no way to end it"):
        form.run("find")
    with pytest.raises(AirflowFailException, match="is live and was not ended"):
        form.run("cancel_lessonspace")


def test_a_class_that_another_run_took_while_somebody_was_asked_looked_as_if_it_had_been_cancelled(
    examples: DagBag, school: School, tmp_path: Path
) -> None:
    office = Office(school, tmp_path)
    (lesson,) = office.choose("nine")["launch"]
    form = Form(examples.dags["session_cancel"], office.launch(lesson), "class_day", "class.launch")
    form.run("find")
    office.choose("ten", title="Algebra in another room")
    asked = len(school.log())
    with pytest.raises(AirflowFailException, match="no longer this run's: run 'ten' has it now"):
        form.run("cancel_lessonspace")
    assert len(school.log()) == asked


def test_a_class_in_a_lasting_room_looked_as_if_it_had_been_cancelled(examples: DagBag, school: School) -> None:
    record = school.launch(school.lesson(space="room-7", ahead=600))
    form = Form(examples.dags["session_cancel"], record, "class_day", "class.launch")
    with pytest.raises(
        AirflowFailException, match="'Algebra 1' is in a lasting room, where a cancel changes nothing"
    ):
        form.run("find")


def test_a_call_whose_cancel_coviu_refused_looked_as_if_it_had_been_cancelled(
    examples: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Practice.open(monkeypatch) as practice:
        form = Form(examples.dags["session_cancel"], practice.launch(), "call_now", "appointment.launch")
        form.run("find")
        practice.sandbox.faults.add("status", method="DELETE", status=403)
        with pytest.raises(
            AirflowFailException, match=r"'Consultation' was not cancelled: .*403.*Try again before"
        ):
            form.run("cancel_coviu")


def test_a_title_or_a_reason_of_several_lines_wrote_lines_of_its_own_into_the_question(
    examples: DagBag, school: School
) -> None:
    lie = "\n\n* No link has left Airflow: the cancel is complete."
    record = school.launch(school.lesson(f"Algebra{lie}"))
    given = {"reason": f"ill{lie}", "title": f"Algebra{lie}"}
    form = Form(examples.dags["session_cancel"], record, "class_now", "class.launch", **given)
    form.run("find")
    assert [line for line in form.question().splitlines() if line.startswith("* No link")] == []
    assert "\n" not in form.task("approve")[0].subject


def test_a_form_with_a_field_it_has_not_finds_nothing(examples: DagBag, school: School) -> None:
    record = school.launch()
    asked = len(school.log())
    for name in ("session_cancel", "session_retrieve_again"):
        form = Form(examples.dags[name], record, "class_now", "class.launch", titel="Algebra 1")
        with pytest.raises(AirflowFailException, match=r"'titel' \(is title meant\?\)"):
            form.run("find")
    assert len(school.log()) == asked


# ---- retrieve again


def test_what_a_call_left_comes_home_again_and_a_kind_that_coviu_keeps_not_is_refused(
    examples: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dag = examples.dags["session_retrieve_again"]
    with Practice.open(monkeypatch) as practice:
        record = practice.launch()
        practice.hold(record)
        form = Form(dag, record, "telehealth_day", "appointment.launch", destination=str(tmp_path))
        form.run("find")
        assert form.chosen() == ["retrieve_coviu_attendance", "retrieve_coviu_recording"]
        assert form.run("retrieve_coviu_attendance")["status"] == "complete"
        (attendance,) = [json.loads(path.read_bytes()) for path in tmp_path.rglob("attendance.json")]
        assert {one["participant_id"] for one in attendance} == {"dr-1", "p-1"}
        form.params["kinds"] = ["attendance", "transcript"]
        with pytest.raises(AirflowFailException, match=r"Coviu keeps no transcript .*attendance and recording"):
            form.chosen()


def test_a_share_s_usage_comes_home_again(
    examples: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Studio.open(monkeypatch) as studio:
        record = studio.launch()
        studio.present(record, "Bo")
        studio.wait(600)
        studio.end(record)
        studio.wait(3600)
        dag = examples.dags["session_retrieve_again"]
        given = {"kinds": ["usage"], "destination": str(tmp_path)}
        form = Form(dag, record, "screen_share_support", "launch", **given)
        form.run("find")
        assert form.chosen() == ["retrieve_screenleap_usage"]
        assert form.run("retrieve_screenleap_usage")["status"] == "complete"


def test_a_workshop_leaves_nothing_and_the_form_says_so(examples: DagBag, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab.open(monkeypatch) as lab:
        form = Form(examples.dags["session_retrieve_again"], lab.launch(), "workshop_day", "provision")
        form.run("find")
        with pytest.raises(AirflowFailException, match="Educates keeps nothing"):
            form.chosen()


def test_a_class_that_had_not_begun_came_home_as_one_to_which_nobody_came(
    examples: DagBag, school: School
) -> None:
    form = Form(examples.dags["session_retrieve_again"], school.launch(), "class_now", "class.launch")
    form.run("find")
    with pytest.raises(
        AirflowFailException, match="'Algebra 1' has not begun: there is nothing to bring home yet"
    ):
        form.chosen()


def test_everything_of_a_class_is_what_lessonspace_keeps(examples: DagBag, school: School) -> None:
    record = school.launch()
    school.hold(record)
    form = Form(examples.dags["session_retrieve_again"], record, "class_now", "class.launch")
    form.run("find")
    assert form.chosen() == [f"retrieve_lessonspace_{one}" for one in ("attendance", "transcript", "recording")]


# ---- launch


def test_the_dags_that_launch_are_those_that_the_forms_know(examples: DagBag) -> None:
    for name in ("session_cancel", "session_retrieve_again"):
        dag = examples.dags[name]
        launches: dict[str, str] = dag.get_task("find").launch_task
        assert list(launches) == dag.params.get_param("dag_id").schema["enum"]
        for dag_id, task_id in launches.items():
            assert "Launch" in examples.dags[dag_id].get_task(task_id).task_type


def test_a_call_now_is_launched_with_its_clinician_as_host(
    examples: DagBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Practice.open(monkeypatch) as practice:
        form = {
            "conn_id": practice.conn_id,
            "participants": ["clinician: dr-1|Dr. Ada", "patient: p-1|Bo", "Cleo"],
            "minutes": 20,
            "destination": tmp_path.as_uri(),
            "smtp_conn_id": "nowhere",
        }
        behind = r"appointment\.(?!launch$).*"
        run = examples.dags["call_now"].test(run_conf=form, mark_success_pattern=behind)
        assert set(states_of(run).values()) == {"success"}
        (session,) = practice.sessions
        assert session["name"] == "Consultation"
        roles = {one["state"].partition("|")[0]: one["role"].casefold() for one in session["participants"]}
        assert roles == {"dr-1": "host", "p-1": "guest", "Cleo": "guest"}


def test_a_person_is_asked_about_what_was_found_and_nothing_is_cancelled_without_the_answer(
    examples: DagBag,
) -> None:
    dag = examples.dags["session_cancel"]
    assert dag.get_task("approve").upstream_task_ids == {"find"}
    assert dag.get_task("choose").upstream_task_ids == {"find", "approve"}
    for task in dag.tasks:
        if task.task_id.startswith("cancel_"):
            assert task.upstream_task_ids == {"find", "choose"}
