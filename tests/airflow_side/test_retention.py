"""Deleting from Airflow: the run decides what is old, a report deletes nothing, a mistake deletes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceRetrieveAttendanceOperator
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator
from tests.airflow_side.stage import PEOPLE, School, TaskInstance, context

DAY = timedelta(days=1)


def retire(folder: Path, *, run_after: datetime | None = None, **more: Any) -> dict[str, Any]:
    operator = RetireArtifactsOperator(task_id="retire", destination=str(folder), **more)
    run = context(TaskInstance("retire"), run_after=run_after or datetime.now(UTC))
    return dict(json.loads(json.dumps(operator.execute(run))))


@pytest.fixture
def home(school: School, tmp_path: Path) -> Path:
    record = school.launch(school.lesson(people=PEOPLE))
    school.hold(record)
    LessonspaceRetrieveAttendanceOperator(task_id="retrieve", session=record, destination=str(tmp_path)).execute(
        context()
    )
    return tmp_path


def test_what_a_class_left_goes_when_the_runs_time_is_a_period_after_its_end(home: Path) -> None:
    storage = LocalStorage(home)
    files = storage.list()
    assert retire(home, older_than=30 * DAY)["counts"]["deleted"] == 0
    later = datetime.now(UTC) + 40 * DAY
    assert retire(home, older_than=30 * DAY, run_after=later, report_only="True")["counts"]["deleted"] == 3
    assert set(files) <= set(storage.list())
    done = retire(home, older_than=str((30 * DAY).total_seconds()), run_after=later)
    assert done["counts"]["deleted"] == len(files) == 3
    assert {name.partition("/")[0] for name in storage.list()} == {"retention"}
    assert done["record"].startswith("file://")


def test_a_person_is_taken_out_of_the_attendance(home: Path) -> None:
    done = retire(home, person=["s-1", "Bo Student"])
    assert (done["counts"]["rewritten"], done["counts"]["rows"], done["left"]) == (2, 2, [])
    kept = [LocalStorage(home).get(name) for name in LocalStorage(home).list()]
    assert not [content for content in kept if b"Bo Student" in content]
    assert [content for content in kept if b"Ada Teacher" in content]


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"older_than": "", "person": []},
        {"older_than": DAY, "person": ["Bo Student"]},
        {"older_than": 3600},
        {"older_than": "soon"},
        {"older_than": 1e12},
        {"person": ["Bo Student", " "]},
    ],
)
def test_a_mistake_fails_without_a_retry_and_deletes_nothing(home: Path, wrong: dict[str, Any]) -> None:
    before = LocalStorage(home).list()
    with pytest.raises(AirflowFailException):
        retire(home, **wrong)
    assert LocalStorage(home).list() == before


def test_no_log_line_and_no_result_names_the_person(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = json.dumps(retire(home, person=["s-1", "Bo Student"]))
    assert "Student" not in told
    assert "Student" not in caplog.text


def test_the_example_dags_delete_nothing_until_they_are_told_to(home: Path, airflow_db: None) -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(Path(__file__).parents[2] / "dags"))
    before = LocalStorage(home).list()
    conf = {"destination": home.as_uri()}
    form = {"person": ["s-1", "Bo Student"]}
    assert str(bag.dags["retention"].test(run_conf=conf).state) == "success"
    assert str(bag.dags["forget_person"].test(run_conf={**conf, **form}).state) == "success"
    assert set(before) < set(LocalStorage(home).list())
    bag.dags["forget_person"].test(run_conf={**conf, **form, "report_only": False})
    kept = [LocalStorage(home).get(name) for name in LocalStorage(home).list()]
    assert not [content for content in kept if b"Bo Student" in content]
