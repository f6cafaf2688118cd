"""A lane acts only while its class is in its hands: what another run took, changed or cancelled, it lets go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider.live_sessions.hooks.storage import shared_destination
from airflow_provider.live_sessions.operators.classes import SelectClassesOperator
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceCancelSessionOperator,
    LessonspaceHandOverLinksOperator,
)
from tests.airflow_side.stage import TaskInstance, context

if TYPE_CHECKING:
    from pathlib import Path

    from tests.airflow_side.stage import School

NAME = "week"
BOTH = "s-1|Bo; s-2|Cleo"


class Office:
    """Keeps the school's timetable, and lets hourly runs choose from it."""

    def __init__(self, school: School, folder: Path) -> None:
        self.school = school
        self.folder = folder
        self.states: dict[str, dict[str, str]] = {}
        self._start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)

    def choose(
        self, run_id: str, *, status: str = "", people: str = "s-1|Bo; s-2|Cleo", title: str = "Algebra"
    ) -> Any:
        """Write the timetable as it is now, and let a run take what it takes."""
        rows = ["class_id,title,start,end,teacher,students,status"]
        end = self._start + timedelta(hours=1)
        rows.append(f"a,{title},{self._start.isoformat()},{end.isoformat()},t-1|Ada,{people},{status}")
        path = self.folder / "week.csv"
        path.write_text("\n".join(rows))
        ti = TaskInstance("select", run_id=run_id, states=self.states)
        operator = SelectClassesOperator(
            task_id="select",
            timetable=str(path),
            timezone="UTC",
            conn_id=self.school.conn_id,
            destination=str(self.folder),
            name=NAME,
        )
        chosen = operator.execute(context(ti, run_after=datetime.now(UTC), run_type="scheduled"))
        self.states[run_id] = {"class.launch_0": "success", "class.hand_over_0": "success", "cancel_0": "success"}
        return json.loads(json.dumps(chosen))

    def launch(self, lesson: dict[str, Any]) -> dict[str, Any]:
        return self.school.launch(lesson, timetable=NAME)

    def hand_over(self, record: dict[str, Any]) -> list[str]:
        operator = LessonspaceHandOverLinksOperator(
            task_id="hand_over", session=record, smtp_conn_id=None, destination=str(self.folder)
        )
        return [one["participant"] for one in operator.execute(context())["handed_over"]]

    def cancel(self, lesson: dict[str, Any]) -> dict[str, Any]:
        operator = LessonspaceCancelSessionOperator(
            task_id="cancel", session=lesson, conn_id=self.school.conn_id, timetable=NAME, hand_over_before=600
        )
        return dict(operator.execute(context()))


@pytest.fixture
def office(school: School, tmp_path: Path) -> Office:
    return Office(school, tmp_path)


def test_a_class_cancelled_before_its_launch_is_not_launched(office: Office, school: School) -> None:
    (lesson,) = office.choose("nine")["launch"]
    assert len(office.choose("ten", status="cancelled")["cancel"]) == 1
    with pytest.raises(AirflowSkipException, match="was cancelled by run 'ten'"):
        office.launch(lesson)
    assert school.spaces == []


def test_links_of_a_class_that_changed_are_handed_over_by_the_new_lane_alone(office: Office) -> None:
    (lesson,) = office.choose("nine")["launch"]
    first = office.launch(lesson)
    (changed,) = office.choose("ten", people="s-1|Bo")["launch"]
    second = office.launch(changed)
    with pytest.raises(AirflowSkipException, match="taken over by run 'ten'"):
        office.hand_over(first)
    assert office.hand_over(second) == ["t-1", "s-1"]  # not the one who was taken off the list


def test_who_was_served_by_one_run_is_not_served_again_by_the_next(office: Office) -> None:
    (lesson,) = office.choose("nine")["launch"]
    office.hand_over(office.launch(lesson))
    (changed,) = office.choose("ten", title="Algebra in another room")["launch"]
    record = office.launch(changed)
    before = {path: path.read_text() for path in (office.folder / "handed-over").rglob("*.json")}
    office.hand_over(record)
    assert {path: path.read_text() for path in (office.folder / "handed-over").rglob("*.json")} == before


def test_a_cleared_lane_does_not_revive_what_another_run_cancelled(office: Office, school: School) -> None:
    (lesson,) = office.choose("nine")["launch"]
    office.launch(lesson)
    (off,) = office.choose("ten", status="cancelled")["cancel"]
    assert office.cancel(off)["confirmed"]
    with pytest.raises(AirflowSkipException):
        office.launch(lesson)
    assert school.spaces[0]["tags"]["als_cancelled"] != "no"


def test_a_class_confirmed_again_is_revived_by_its_new_lane(office: Office, school: School) -> None:
    (lesson,) = office.choose("nine")["launch"]
    office.launch(lesson)
    (off,) = office.choose("ten", status="cancelled")["cancel"]
    office.cancel(off)
    (again,) = office.choose("eleven")["launch"]
    record = office.launch(again)
    assert record["state"] == "scheduled"
    assert record["links"]
    assert [space["tags"]["als_cancelled"] for space in school.spaces] == ["no"]
    with pytest.raises(AirflowSkipException):
        office.cancel(off)  # the cancel of yesterday's mind, cleared


def test_a_run_that_meets_what_another_has_in_hand_takes_nothing(office: Office) -> None:
    office.choose("nine")
    assert office.choose("ten")["launch"] == []


def test_claims_on_several_machines_need_a_place_that_all_of_them_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__DESTINATION", "")
    with pytest.raises(Exception, match="no destination is set"):
        shared_destination()
    assert shared_destination("s3://bucket/classes") == "s3://bucket/classes"
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    assert shared_destination().startswith("file://")


def test_a_timetable_with_a_setting_that_does_not_exist_launches_nothing(school: School, tmp_path: Path) -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    path = tmp_path / "week.csv"
    times = f"{start.isoformat()},{(start + timedelta(hours=1)).isoformat()}"
    path.write_text(f"class_id,title,start,end,option.transcrib\na,Algebra,{times},true\nb,Latin,{times},")
    operator = SelectClassesOperator(
        task_id="select",
        timetable=str(path),
        timezone="UTC",
        conn_id=school.conn_id,
        destination=str(tmp_path),
        hook_class="airflow_provider.live_sessions.hooks.lessonspace.LessonspaceHook",
    )
    ti = TaskInstance("select", states={})
    with pytest.raises(AirflowFailException, match=r"week.csv:2.*did you mean transcribe"):
        operator.execute(context(ti, run_after=datetime.now(UTC), run_type="scheduled"))
    assert not list((tmp_path / "claims").rglob("*.json"))
