"""Choosing a day's classes and telling what became of them, as tasks of a run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider.live_sessions.operators.classes import ReportClassesOperator, SelectClassesOperator
from tests.airflow_side.stage import TaskInstance, context

if TYPE_CHECKING:
    from collections.abc import Mapping

ROW = {"class_id": "maths", "title": "Maths", "teacher": "Ada <ada@school.test>", "students": "Bo <bo@home.test>"}


def this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def write(path: Path, *rows: Mapping[str, Any], now: datetime | None = None) -> str:
    """Write a timetable; a row's ``ahead`` is its start in minutes from now."""
    now = now or this_second()
    columns = ["class_id", "title", "start", "end", "teacher", "students", "status", "space"]
    lines = [",".join(columns)]
    for row in rows:
        start = now + timedelta(minutes=row.get("ahead", 120))
        given = {**ROW, "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), **row}
        lines.append(",".join(str(given.get(name, "")) for name in columns))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


class Desk:
    """Runs the select task over one timetable."""

    def __init__(self, folder: Path) -> None:
        self.now = this_second()
        self.path = folder / "week.csv"
        self.folder = folder / "kept"
        self.states: dict[str, dict[str, str]] = {}

    def write(self, *rows: Mapping[str, Any]) -> None:
        write(self.path, *rows, now=self.now)

    def select(self, run_id: str = "mine", *, run_type: str = "manual", **arguments: Any) -> dict[str, Any]:
        given = {
            "timetable": str(self.path),
            "timezone": "UTC",
            "conn_id": "school",
            "destination": str(self.folder),
            "name": "week",
            **arguments,
        }
        ti = TaskInstance("select", run_id=run_id, states=self.states)
        operator = SelectClassesOperator(task_id="select", **given)
        result = operator.execute(context(ti, run_after=self.now - timedelta(hours=1), run_type=run_type))
        return dict(json.loads(json.dumps(result)))

    @property
    def claims(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.folder.rglob("*.json"))]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def titles(result: Mapping[str, Any], name: str = "launch") -> list[str]:
    return [one["title"] for one in result[name]]


# ---- choosing


def test_classes_within_the_horizon_are_taken_and_claimed(desk: Desk) -> None:
    desk.write(
        {}, {"class_id": "physics", "title": "Physics", "ahead": 600}, {"class_id": "far", "ahead": 60 * 30}
    )
    result = desk.select()
    assert titles(result) == ["Maths", "Physics"]
    assert result["cancel"] == result["left"] == result["vanished"] == []
    claims = {one["title"]: one for one in desk.claims}
    assert {one["run_id"] for one in claims.values()} == {"mine"}
    assert sorted(one["map_index"] for one in claims.values()) == [0, 1]


@pytest.mark.parametrize("horizon", [timedelta(hours=1.5), 1.5, "1.5"])
def test_the_horizon_begins_at_the_run_s_own_time(desk: Desk, horizon: object) -> None:
    desk.write({"ahead": 29}, {"class_id": "later", "title": "Later", "ahead": 31})
    assert titles(desk.select(horizon=horizon)) == ["Maths"]


@pytest.mark.parametrize("horizon", [0, -1, "soon", None, 24 * 31 + 1, float("nan")])
def test_a_horizon_that_is_none_is_refused(desk: Desk, horizon: object) -> None:
    desk.write({})
    with pytest.raises(AirflowFailException, match="horizon"):
        desk.select(horizon=horizon)


def test_a_second_run_leaves_what_the_first_one_has_in_hand(desk: Desk) -> None:
    desk.write({})
    desk.select("first")
    desk.states = {"first": UNMAPPED}
    result = desk.select("second")
    assert titles(result) == []
    assert result["left"][0]["why"] == "It is in the hands of run first."


def test_a_retry_of_the_same_run_takes_its_own_again(desk: Desk) -> None:
    desk.write({})
    assert titles(desk.select()) == titles(desk.select()) == ["Maths"]
    assert len(desk.claims) == 1


UNMAPPED = {"class.launch": "None", "class.hand_over": "None"}
"""The states of a run whose select task has not succeeded yet."""


@pytest.mark.parametrize(
    ("lanes", "taken"),
    [
        ({**UNMAPPED, "class.launch_0": "failed"}, True),
        ({**UNMAPPED, "class.launch_0": "upstream_failed"}, True),
        ({**UNMAPPED, "class.launch_0": "removed"}, True),
        ({**UNMAPPED, "class.launch_0": "skipped"}, True),
        ({**UNMAPPED, "class.launch_0": "success", "class.hand_over_0": "failed"}, True),
        ({**UNMAPPED, "class.launch": "failed"}, True),
        ({"select": "success"}, True),
        ({}, True),
        ({"class.launch_0": "success", "class.hand_over_0": "success"}, False),
        ({"class.launch_0": "success", "class.hand_over_0": "skipped"}, False),
        ({"class.launch_0": "running", "class.hand_over_0": "None", "class.launch_1": "failed"}, False),
        ({"class.launch_0": "success", "class.hand_over_0": "deferred", "class.hand_over_1": "failed"}, False),
        (UNMAPPED, False),
    ],
)
def test_a_lane_that_came_to_grief_is_taken_over_and_no_other(
    desk: Desk, lanes: dict[str, str], *, taken: bool
) -> None:
    desk.write({})
    desk.select("first")
    desk.states = {"first": lanes}
    assert bool(titles(desk.select("second"))) is taken


def test_a_run_that_is_gone_holds_nothing(desk: Desk) -> None:
    desk.write({})
    desk.select("first")
    assert titles(desk.select("second")) == ["Maths"]


def test_a_changed_class_is_taken_again_and_a_cancelled_one_goes_to_the_cancelling_lane(desk: Desk) -> None:
    rows: list[dict[str, Any]] = [{}, {"class_id": "choir", "title": "Choir"}]
    desk.write(*rows)
    desk.select("first")
    desk.states = {"first": {"class.launch_0": "success", "class.launch_1": "success"}}
    desk.write({"students": "Bo <bo@home.test>; Cy <cy@home.test>"}, {**rows[1], "status": "cancelled"})
    result = desk.select("second")
    assert (titles(result), titles(result, "cancel")) == (["Maths"], ["Choir"])
    desk.states["second"] = {"class.launch_0": "success", "cancel_0": "failed"}
    assert titles(desk.select("third"), "cancel") == ["Choir"]


def test_a_class_that_vanished_from_the_timetable_is_named_and_not_cancelled(desk: Desk) -> None:
    desk.write({}, {"class_id": "choir", "title": "Choir"})
    desk.select("first")
    desk.states = {"first": {"class.launch_0": "success", "class.launch_1": "success"}}
    desk.write({})
    result = desk.select("second")
    assert titles(result, "vanished") == ["Choir"]
    assert titles(result, "cancel") == []


def test_another_connection_or_name_is_another_school(desk: Desk) -> None:
    desk.write({})
    desk.select("first")
    desk.states = {"first": {"class.launch_0": "success"}}
    assert titles(desk.select("second", conn_id="other")) == ["Maths"]
    assert titles(desk.select("second", name="spring")) == ["Maths"]
    assert titles(desk.select("second", name="")) == ["Maths"]


# ---- missed


@pytest.mark.parametrize(("on_missed", "launched"), [("skip", []), ("launch", ["Maths"])])
def test_a_class_that_began_unlaunched_is_left_or_launched_late(
    desk: Desk, on_missed: str, launched: list[str]
) -> None:
    desk.write({"ahead": -30})
    result = desk.select(on_missed=on_missed)
    assert titles(result) == launched
    assert len(result["left"]) == 1 - len(launched)


def test_missed_classes_may_fail_the_run_and_nothing_is_claimed(desk: Desk) -> None:
    desk.write({"ahead": -30}, {"class_id": "physics", "title": "Physics"})
    with pytest.raises(AirflowFailException, match=r"1 classes were missed: Maths \(.*week.csv:2\)"):
        desk.select(on_missed="fail")
    assert desk.claims == []


def test_an_unknown_word_for_missed_classes_is_refused(desk: Desk) -> None:
    desk.write({})
    with pytest.raises(AirflowFailException, match="skip, launch, fail"):
        desk.select(on_missed="shrug")


# ---- what is wrong with a timetable


def test_every_problem_is_listed_with_its_line_and_nothing_is_launched(desk: Desk) -> None:
    desk.write({}, {"class_id": "a", "start": "whenever"}, {"class_id": "b", "status": "perhaps"}, {})
    with pytest.raises(AirflowFailException) as told:
        desk.select()
    for line in (3, 4, 5):
        assert f"week.csv:{line}: " in str(told.value)
    assert "Nothing was launched" in str(told.value)
    assert desk.claims == []


@pytest.mark.parametrize("flag", [True, "True", "true", "1"])
def test_sound_rows_may_be_launched_despite_the_others(desk: Desk, flag: object) -> None:
    desk.write({}, {"class_id": "a", "start": "whenever"})
    assert titles(desk.select(launch_despite_errors=flag)) == ["Maths"]


def test_two_classes_in_one_lasting_room_are_a_problem_unless_their_windows_leave_room(desk: Desk) -> None:
    desk.write({"space": "blue"}, {"class_id": "b", "title": "B", "ahead": 190, "space": "blue"})
    with pytest.raises(AirflowFailException, match="needs the room 'blue'"):
        desk.select()
    assert len(titles(desk.select(lead="300", grace="300"))) == 2


def test_more_classes_than_airflow_maps_are_refused_and_none_is_claimed(desk: Desk) -> None:
    desk.write(*({"class_id": f"c{number}", "title": f"C{number}"} for number in range(1025)))
    with pytest.raises(AirflowFailException, match=r"1025 classes .* at most 1024. Nothing was launched"):
        desk.select()
    assert desk.claims == []


def test_as_many_classes_as_airflow_maps_are_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "3")
    desk.write(*({"class_id": f"c{number}", "title": f"C{number}"} for number in range(3)))
    assert len(titles(desk.select())) == 3


def test_a_timetable_that_is_not_there_is_named(desk: Desk) -> None:
    with pytest.raises(AirflowFailException, match=r"week.csv cannot be read: FileNotFoundError"):
        desk.select()


def test_without_a_timetable_a_scheduled_run_is_skipped_and_any_other_says_what_is_missing(desk: Desk) -> None:
    with pytest.raises(AirflowSkipException, match="nothing to do"):
        desk.select(timetable="", run_type="scheduled")
    with pytest.raises(AirflowFailException, match="No timetable is given"):
        desk.select(timetable="", run_type="manual")


@pytest.mark.parametrize("name", ["example.csv", "example.ics"])
def test_the_examples_that_come_with_the_dag_have_no_problem(desk: Desk, name: str) -> None:
    path = Path(__file__).parents[2] / "dags" / "timetables" / name
    result = desk.select(timetable=str(path), timezone="Europe/Berlin")
    assert set(result) == {"launch", "cancel", "left", "vanished"}


# ---- the report


def report(states: Mapping[str, str], selection: Any, **more: Any) -> dict[str, Any]:
    outcomes = more.pop("outcomes", {})
    ti = TaskInstance("report", run_id="run-1", states={"run-1": dict(states)})
    ti.xcoms.update(
        {("class.wait_for_end", index, "outcome"): {"conclusion": one} for index, one in outcomes.items()}
    )
    ti.xcoms["cancel", 0, "return_value"] = {"state_before": "scheduled", "confirmed": True}
    return dict(ReportClassesOperator(task_id="report", selection=selection, **more).execute(context(ti)))


def lane(index: int, state: str = "success", **others: str) -> dict[str, str]:
    tasks = ("launch", "hand_over", "wait_for_end", "retrieve_attendance")
    return {f"class.{task}_{index}": others.get(task, state) for task in tasks}


TWO = {
    "launch": [{"title": "Maths", "start": "s1"}, {"title": "Latin", "start": "s2"}],
    "cancel": [{"title": "Choir", "start": "s3"}],
}


def test_a_day_that_went_well_is_told_class_by_class() -> None:
    told = report(
        {**lane(0), **lane(1, "skipped", launch="success"), "cancel_0": "success"},
        TWO,
        outcomes={0: "reached", 1: "never_held"},
    )
    assert [(one["title"], one["outcome"]) for one in told["classes"]] == [
        ("Maths", "held"),
        ("Latin", "never_held"),
        ("Choir", "cancelled"),
    ]
    assert told["failed"] == 0
    assert told["classes"][0]["states"]["launch"] == "success"


def test_one_class_that_went_wrong_fails_the_run_and_names_its_tasks() -> None:
    states = {**lane(0), **lane(1, launch="failed", wait_for_end="upstream_failed"), "cancel_0": "success"}
    with pytest.raises(AirflowFailException) as told:
        report(states, TWO, outcomes={0: "reached"})
    assert "1 of 3 classes went wrong" in str(told.value)
    assert "failed: launch, wait_for_end" in str(told.value)
    assert "Maths" not in str(told.value)


def test_a_cancel_that_failed_fails_the_run() -> None:
    with pytest.raises(AirflowFailException, match="Choir"):
        report({**lane(0), **lane(1), "cancel_0": "failed"}, TWO)


@pytest.mark.parametrize("flag", [True, "True"])
def test_a_no_show_fails_the_run_only_on_request(flag: object) -> None:
    states = {**lane(0), **lane(1), "cancel_0": "success"}
    assert report(states, TWO, outcomes={0: "reached", 1: "never_held"})["failed"] == 0
    with pytest.raises(AirflowFailException, match="Latin"):
        report(states, TWO, outcomes={0: "reached", 1: "never_held"}, fail_on_no_show=flag)


def test_a_lane_is_told_from_another_that_ends_in_the_same_digit() -> None:
    many = {"launch": [{"title": f"C{number}", "start": ""} for number in range(12)]}
    states = {name: state for number in range(12) for name, state in lane(number).items()} | lane(11, "failed")
    with pytest.raises(AirflowFailException, match="1 of 12 classes") as told:
        report(states, many)
    assert "C11" in str(told.value)
    assert "C1 " not in str(told.value)


@pytest.mark.parametrize(("held", "told"), [("yes", "held"), ("unknown", "ended, held unknown"), (None, "held")])
def test_a_class_that_ended_is_reported_as_held_only_where_that_is_not_unknown(
    held: str | None, told: str
) -> None:
    ti = TaskInstance("report", run_id="run-1", states={"run-1": lane(0)})
    status = None if held is None else {"state": "ended", "held": held}
    ti.xcoms["class.wait_for_end", 0, "outcome"] = {"conclusion": "reached", "status": status}
    selection = {"launch": TWO["launch"][:1]}
    (one,) = ReportClassesOperator(task_id="report", selection=selection).execute(context(ti))["classes"]
    assert one["outcome"] == told


def test_a_class_nothing_is_known_of_is_unfinished_and_not_held() -> None:
    (one,) = report(lane(0), {"launch": TWO["launch"][:1]})["classes"]
    assert one["outcome"] == "unfinished"


def test_a_run_that_was_skipped_reports_nothing_and_one_that_never_selected_fails() -> None:
    with pytest.raises(AirflowSkipException, match="nothing to do"):
        report({"select": "skipped"}, None)
    with pytest.raises(AirflowFailException, match="never selected"):
        report({"select": "failed"}, None)
