"""``@task.live_session``: the launch operator's identity and result, with a function for the description."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, task

from airflow_provider.live_sessions.core.errors import OutcomeUnknown
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.decorators.live_session import (
    DESCRIBED,
    PLATFORMS,
    DescribedLaunchOperator,
    live_session_task,
)
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.schedules.model import Occurrence
from airflow_provider.live_sessions.triggers.session import LaunchTrigger
from tests.airflow_side.stage import PEOPLE, School, Store, TaskInstance, context, deferral, resume
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio
from tests.airflow_versions import found

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.airflow_versions import DagBag

LESSON: dict[str, Any] = {
    "title": "Algebra",
    "start": "",
    "end": "",
    "participants": [one.to_json() for one in PEOPLE],
}
"""What is launched, in twenty minutes from the beginning of each test."""


@pytest.fixture(autouse=True)
def in_twenty_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=20)
    monkeypatch.setitem(LESSON, "start", start)
    monkeypatch.setitem(LESSON, "end", start + timedelta(hours=1))


def launching(describe: Callable[..., Any], *given: Any, platform: str = "lessonspace", **arguments: Any) -> Any:
    """Return the operator that a decorated function becomes in a DAG."""
    with DAG("authored_here", schedule=None):
        decorate: Any = live_session_task(platform=platform, **{"task_id": "lesson", **arguments})
        return decorate(describe)(*given).operator


def lesson() -> dict[str, Any]:
    return LESSON


# ---- what an author writes


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_s_decorated_task_is_that_platform_s_launch(platform: str) -> None:
    operator = launching(lesson, platform=platform)
    assert isinstance(operator, DescribedLaunchOperator)
    assert hook_class_of(operator.hook_class).platform_label.casefold() == platform
    assert operator.custom_operator_name == "@task.live_session"
    assert {"op_args", "op_kwargs", "conn_id", "hand_over_before"} <= set(operator.template_fields)


def test_airflow_knows_the_decorator_by_its_name() -> None:
    with DAG("by_name", schedule=None):
        decorate: Any = task.live_session(platform="lessonspace", conn_id="school")
        operator = decorate(lesson)().operator
    assert isinstance(operator, LessonspaceLaunchSessionOperator)
    assert (operator.conn_id, operator.retries) == ("school", 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"platform": "zoom"}, "platform is one of lessonspace, coviu, screenleap, educates, not 'zoom'"),
        ({"title": "Algebra"}, "title: the function tells this"),
        ({"session": {"uid": "x"}, "start": "now"}, "session, start: the function tells this"),
    ],
)
def test_what_the_function_tells_is_refused_in_the_decorator_when_the_dag_is_read(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        launching(lesson, **arguments)


def test_an_async_function_is_refused_when_the_dag_is_read() -> None:
    async def later() -> dict[str, Any]:
        return LESSON

    with pytest.raises(TypeError, match="later: the function of a live session cannot be async"):
        launching(later)


def test_a_mapped_description_passes_through_airflow_s_serialization(read: DagBag) -> None:
    serialization = found(
        "airflow.serialization.serialized_objects:DagSerialization",
        "airflow.serialization.serialized_objects:SerializedDAG",
    )
    stored = json.dumps(serialization.to_dict(read.dags["described"]))
    assert "DescribedLessonspaceLaunchOperator" in stored
    assert read.import_errors == {}


# ---- what it launches


def test_the_result_is_the_launch_operator_s_and_means_the_same_session(school: School) -> None:
    described = launching(lesson, conn_id=school.conn_id).execute(context(TaskInstance(task_id="lesson")))
    plain = LessonspaceLaunchSessionOperator(task_id="launch", conn_id=school.conn_id, **LESSON)
    again = plain.execute(context(TaskInstance(task_id="lesson")))
    assert (described["created"], again["created"]) == (True, False)
    assert described.keys() == again.keys()
    assert described["ref"]["key"] == again["ref"]["key"]
    assert len(school.spaces) == 1
    assert len(SessionRecord.from_json(json.loads(json.dumps(described))).links or ()) == 2


def test_a_class_of_a_timetable_keeps_its_own_identity(school: School) -> None:
    one = school.lesson()
    for given in (one, Occurrence.from_json(one)):
        launching(lambda given=given: given, conn_id=school.conn_id).execute(context(TaskInstance(task_id="a")))
    assert not school.launch(one)["created"]
    assert len(school.spaces) == 1


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "malformed"])
def test_a_retry_asks_the_function_again_and_doubles_nothing(school: School, kind: str) -> None:
    store, asked = Store(), []

    def counted() -> dict[str, Any]:
        asked.append(1)
        return LESSON

    school.sandbox.faults.add(kind, method="POST", path="/spaces/launch/")
    with pytest.raises(OutcomeUnknown):
        launching(counted, conn_id=school.conn_id).execute(context(store=store))
    school.sandbox.faults.clear()
    result = launching(counted, conn_id=school.conn_id).execute(context(store=store))
    assert (len(asked), len(school.spaces), len(result["links"])) == (2, 1, 2)


def test_a_retry_whose_description_changed_is_refused(school: School) -> None:
    launching(lesson, conn_id=school.conn_id).execute(context())
    with pytest.raises(AirflowFailException, match="launched another session before"):
        launching(lambda: {**LESSON, "title": "Geometry"}, conn_id=school.conn_id).execute(context())
    assert len(school.spaces) == 1


def test_the_function_gets_its_arguments_and_what_it_asks_of_the_context(school: School) -> None:
    def by_run(subject: str, dag_run: Any, *, minutes: int = 30) -> dict[str, Any]:
        start = dag_run.run_after + timedelta(hours=1)
        return {**LESSON, "title": subject, "start": start, "end": start + timedelta(minutes=minutes)}

    with DAG("with_arguments", schedule=None):
        decorate: Any = live_session_task(conn_id=school.conn_id)
        operator = decorate(by_run)("Latin", minutes=20).operator
    run_after = datetime(2098, 1, 1, tzinfo=UTC)
    record = SessionRecord.from_json(operator.execute(context(run_after=run_after)))
    assert (record.title, record.start) == ("Latin", run_after + timedelta(hours=1))
    assert record.end - record.start == timedelta(minutes=20)


def test_options_of_the_function_go_before_those_of_the_decorator(school: School) -> None:
    given = {"transcribe": False, "locale": "en"}
    operator = launching(
        lambda: {**LESSON, "options": {"transcribe": True}}, conn_id=school.conn_id, options=given
    )
    settings = json.loads(operator.execute(context())["ref"]["details"]["settings"])
    assert settings["transcribe"] is True
    assert given == {"transcribe": False, "locale": "en"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (None, "gave a NoneType, not the description"),
        ("Algebra", "gave a str, not the description"),
        ({**LESSON, "conn_id": "x", "nick": 1}, "unknown fields: conn_id, nick"),
        ({"title": "Algebra"}, "The session is not described"),
        ({**LESSON, "title": None, "participants": None}, "The session is not described"),
        ({**LESSON, "start": "2026-09-01T08:00:00"}, "start"),
        ({"uid": "x"}, "lacks the field"),
    ],
)
def test_what_describes_no_session_fails_without_retry_and_without_a_request(
    school: School, told: Any, said: str
) -> None:
    with pytest.raises(AirflowFailException, match=f"ConfigurationError: .*{said}"):
        launching(lambda: told, conn_id=school.conn_id).execute(context())
    assert not school.log()
    assert set(DESCRIBED) == {"title", "start", "end", "participants", "options"}


# ---- deferred


def test_a_wait_for_a_room_comes_back_in_another_process_that_asks_the_function_again(school: School) -> None:
    one, where = school.lesson(ahead=1803, space="room-7"), context()
    deferred = deferral(launching(lambda: one, conn_id=school.conn_id, deferrable=True), where)
    assert (deferred.method_name, school.launches) == ("execute_launch", 0)
    fresh = launching(lambda: one, conn_id=school.conn_id, deferrable=True)
    assert resume(fresh, where, deferred)["ref"]["details"]["mode"] == "persistent"


def test_a_description_may_be_waited_for_to_its_end(school: School) -> None:
    def operator() -> Any:
        return launching(
            lesson, conn_id=school.conn_id, wait_for_completion=True, deferrable=True, poll_interval=0.05
        )

    where = context()
    deferred = deferral(operator(), where)
    record = where["ti"].xcom_pull("launch")
    assert isinstance(deferred.trigger, LaunchTrigger)
    school.hold(record)
    assert resume(operator(), where, deferred) == record


# ---- the other platforms


def once(operator: Callable[[], Any]) -> dict[str, Any]:
    """Launch twice, as a retry does, and return the record."""
    store = Store()
    first, second = operator().execute(context(store=store)), operator().execute(context(store=store))
    assert (first["created"], second["created"]) == (True, False)
    assert first["ref"]["key"] == second["ref"]["key"]
    return dict(first)


def test_coviu_launches_what_is_described_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with Practice.open(monkeypatch) as practice:
        record = once(lambda: launching(lesson, platform="coviu", conn_id=practice.conn_id, grace=60))
        assert len(practice.sessions) == 1
        assert record["title"] == "Algebra"


def test_educates_launches_what_is_described_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab.open(monkeypatch) as lab:
        once(lambda: launching(lesson, platform="educates", conn_id=lab.conn_id, workshop="lab-basics"))
        assert lab.standing == 2


def test_screenleap_gives_what_is_described_one_identity_and_stops_the_share_of_the_first_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A share's launch data comes once: a retry makes another share and stops the first."""
    with Studio.open(monkeypatch) as studio:
        store = Store()
        for _ in range(2):
            operator = launching(lesson, platform="screenleap", conn_id=studio.conn_id)
            assert operator.execute(context(store=store))["links"]
        made = {one["external_id"] for one in studio.people.state()["shares"]}
        assert len(made) == 1
        assert len(studio.sandbox.log.entries(method="POST", path="/stop$")) == 1


# ---- run


def test_mapped_descriptions_run_through_a_retry_to_one_class_each(authored: DagBag, school: School) -> None:
    school.sandbox.faults.add("reset_after", method="POST", path="/spaces/launch/", count=1)
    run = authored.dags["described"].test(run_conf={"conn_id": school.conn_id})
    tries = {ti.map_index: ti.try_number for ti in run.get_task_instances() if ti.task_id == "lesson"}
    assert str(run.state) == "success"
    assert sorted(tries) == [0, 1, 2]
    assert max(tries.values()) > 1
    assert sorted(one["name"] for one in school.spaces) == ["Algebra", "Biology", "Choir"]
