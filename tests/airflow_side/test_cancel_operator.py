"""The cancel operator tells what it did and what it could not; a class is found by its identity as well."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.pages import LONGEST_REASON, reason_key
from airflow_provider.live_sessions.operators.cancel import CancelSessionOperator
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceCancelSessionOperator,
    LessonspaceHandOverLinksOperator,
)
from airflow_provider.live_sessions.schedules.model import Occurrence
from tests.airflow_side.stage import School, TaskInstance, context
from tests.platforms.toy import ToyWorld
from tests.platforms.toy_hook import HOOK, WORLDS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def cancel(session: Mapping[str, Any], **arguments: Any) -> dict[str, Any]:
    operator = LessonspaceCancelSessionOperator(task_id="cancel", session=session, **arguments)
    return dict(operator.execute(context()))


def test_a_class_whose_links_never_left_is_cancelled_completely(school: School) -> None:
    outcome = cancel(school.launch(hand_over_before=60))
    assert (outcome["state_before"], outcome["confirmed"]) == ("scheduled", True)
    assert outcome["links_valid_until"] is None
    assert not outcome["not_done"]


def test_links_that_were_handed_over_are_named_with_their_bound(school: School) -> None:
    record = school.launch(hard_stop=60)
    outcome = cancel(record)
    assert outcome["confirmed"] is False
    assert outcome["links_valid_until"] == record["links"][0]["not_after"]
    assert "cannot be revoked" in outcome["not_done"][0]
    assert outcome["next"]


def test_a_link_that_went_out_before_the_class_was_moved_is_not_forgotten(school: School, tmp_path: Path) -> None:
    lesson = school.lesson(ahead=1200)
    first = school.launch(lesson, timetable="autumn", hand_over_before=3600)
    given: dict[str, Any] = {"smtp_conn_id": None, "destination": str(tmp_path)}
    LessonspaceHandOverLinksOperator(task_id="hand_over", session=first, **given).execute(context())
    late = timedelta(hours=5)
    times = {name: (datetime.fromisoformat(lesson[name]) + late).isoformat() for name in ("start", "end")}
    moved = {**lesson, **times, "original_start": lesson["start"]}
    record = school.launch(moved, timetable="autumn", hand_over_before=3600)
    assert record["ref"]["key"] == first["ref"]["key"]
    outcome = cancel(record, destination=str(tmp_path))
    assert (outcome["state_before"], outcome["confirmed"]) == ("scheduled", False)
    assert outcome["links_valid_until"] >= first["links"][0]["not_after"]
    assert not [one for one in outcome["done"] if "had left Airflow" in one]


def test_links_count_as_out_where_nobody_can_tell_who_was_served(school: School, tmp_path: Path) -> None:
    record = school.launch(hand_over_before=60)
    (tmp_path / "handed-over").mkdir()
    (tmp_path / "handed-over" / record["ref"]["key"]).symlink_to("/")
    outcome = cancel(record, destination=str(tmp_path))
    assert (outcome["confirmed"], outcome["links_valid_until"] is None) == (False, False)


def test_a_repeat_finds_it_cancelled(school: School) -> None:
    record = school.launch(hand_over_before=60)
    launches = school.launches
    assert [cancel(record)["state_before"], cancel(record)["state_before"]] == ["scheduled", "cancelled"]
    assert school.launches == launches + 1


@pytest.mark.parametrize("before", [60, "60"])
def test_a_class_of_a_timetable_is_found_by_its_identity(school: School, before: float | str) -> None:
    lesson = school.lesson()
    school.launch(lesson, timetable="autumn", hand_over_before=60)
    outcome = cancel(
        {**lesson, "cancelled": True}, conn_id=school.conn_id, timetable="autumn", hand_over_before=before
    )
    assert (outcome["state_before"], outcome["confirmed"]) == ("scheduled", True)
    assert school.launch(lesson, timetable="autumn")["state"] == "cancelled"


def test_another_timetable_s_class_of_the_same_name_is_not_touched(school: School) -> None:
    lesson = school.lesson()
    school.launch(lesson, timetable="autumn")
    cancel(lesson, conn_id=school.conn_id, timetable="spring")
    assert school.launch(lesson, timetable="autumn")["state"] == "scheduled"


def test_a_class_the_platform_cannot_show_is_never_reported_as_cancelled(school: School) -> None:
    # A class nobody entered leaves no trace in a lasting room, so silence proves nothing.
    lesson = school.lesson(space="room-7")
    school.launch(lesson, lead=3600)
    outcome = cancel(lesson, conn_id=school.conn_id, options={"lead": 3600})
    assert (outcome["state_before"], outcome["confirmed"], outcome["done"]) == ("unknown", False, [])
    assert "may leave no trace" in outcome["not_done"][0]


def test_a_class_the_platform_proves_absent_needs_no_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    class ToyCancel(CancelSessionOperator):
        hook_class = HOOK

    monkeypatch.setitem(WORLDS, "cancel-toy", ToyWorld())
    monkeypatch.setenv("AIRFLOW_CONN_TOY", json.dumps({"conn_type": "toy", "host": "cancel-toy"}))
    start = datetime(2099, 1, 1, tzinfo=UTC)
    lesson = Occurrence(uid="x", title="X", start=start, end=start + timedelta(hours=1)).to_json()
    outcome = ToyCancel(task_id="cancel", session=lesson, conn_id="toy").execute(context())
    assert outcome == {"state_before": "absent", "confirmed": True, "done": [], "not_done": []}
    assert "cancel" not in WORLDS["cancel-toy"].calls


def test_a_reason_lies_where_the_session_s_own_key_finds_it(school: School) -> None:
    record, ti = school.launch(), TaskInstance(task_id="cancel")
    given: dict[str, Any] = {"task_id": "cancel", "session": record}
    LessonspaceCancelSessionOperator(**given, reason=" Teacher is\nill ").execute(context(ti))
    assert ti.xcoms == {("cancel", -1, reason_key(record["ref"]["key"])): "Teacher is ill"}
    LessonspaceCancelSessionOperator(**given, reason="x" * 9999).execute(context(ti))
    assert len(ti.xcom_pull("cancel", key=reason_key(record["ref"]["key"]))) == LONGEST_REASON


@pytest.mark.parametrize("nothing", ["", "  ", None])
def test_a_cancel_without_a_reason_takes_away_that_of_an_earlier_one(school: School, nothing: Any) -> None:
    lesson, ti = school.lesson(), TaskInstance(task_id="cancel")
    for reason in ("Snow", nothing):
        record = school.launch(lesson, timetable="autumn", revive=True)
        operator = LessonspaceCancelSessionOperator(task_id="cancel", session=record, reason=reason)
        assert operator.execute(context(ti))["state_before"] == "scheduled"
    assert list(ti.xcoms.values()) == [""]


def test_a_cancel_that_found_it_over_took_the_reason_away_from_the_one_that_did_it(school: School) -> None:
    record, lane = school.launch(), TaskInstance(task_id="clean_up")
    LessonspaceCancelSessionOperator(task_id="cancel", session=record, reason="Snow").execute(context())
    given: dict[str, Any] = {"task_id": "clean_up", "session": record}
    assert LessonspaceCancelSessionOperator(**given).execute(context(lane))["state_before"] == "cancelled"
    assert lane.xcoms == {}
    LessonspaceCancelSessionOperator(**given, reason="Ice").execute(context(lane))
    assert list(lane.xcoms.values()) == ["Ice"]


def test_a_class_in_a_lasting_room_is_found_there_and_the_room_is_not_marked(school: School) -> None:
    lesson = school.lesson(space="room-7")
    record = school.launch(lesson)
    school.join(record, "t-1")
    school.leave(record, "t-1")
    school.wait(31)
    outcome = cancel(lesson, conn_id=school.conn_id)
    assert outcome["state_before"] == "scheduled"
    assert "persistent" in outcome["not_done"][0]


@pytest.mark.parametrize("hand_over_before", [None, 60])
def test_a_cancel_that_changed_nothing_in_a_lasting_room_passed_while_no_link_was_out(
    school: School, hand_over_before: float | None
) -> None:
    record = school.launch(school.lesson(space="room-7"), hand_over_before=hand_over_before)
    with pytest.raises(AirflowFailException, match="was not cancelled: A persistent space is not marked"):
        cancel(record, if_undone="fail")
    outcome = cancel(record)
    assert (outcome["done"], outcome["confirmed"]) == ([], False)


def test_people_inside_fail_the_task_and_stay_inside(school: School) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    with pytest.raises(AirflowFailException, match="is live and was not ended"):
        cancel(record)
    outcome = cancel(record, if_live="report")
    assert (outcome["state_before"], outcome["confirmed"], outcome["people_inside"]) == ("live", False, "yes")
    (session,) = school.sandbox.state()["lessonspace"]["sessions"]
    assert session["end_time"] is None


def test_a_room_that_everybody_left_was_to_be_ended_by_its_leader(school: School) -> None:
    record = school.launch()
    school.hold(record, seconds=180)
    with pytest.raises(AirflowFailException, match=r"Everybody left at .* it counts as over at .* ends by itself"):
        cancel(record)
    outcome = cancel(record, if_live="report")
    assert (outcome["state_before"], outcome["confirmed"], outcome["people_inside"]) == ("live", False, "no")
    assert "leader" not in f"{outcome['next']} {outcome['not_done']}"


def test_a_class_that_is_over_needs_nothing(school: School) -> None:
    record = school.launch()
    school.hold(record)
    launches = school.launches
    outcome = cancel(record)
    assert outcome["state_before"] == "ended"
    assert school.launches == launches


def test_nobody_s_class_needs_a_connection_to_look_for_it(school: School) -> None:
    with pytest.raises(AirflowFailException, match="needs the `conn_id`"):
        cancel(school.lesson(), conn_id="")


@pytest.mark.parametrize("session", [{"ref": "x"}, "text", None, {"uid": "x"}, []])
def test_what_is_no_session_is_refused(school: School, session: Any) -> None:
    with pytest.raises(AirflowFailException, match="ConfigurationError"):
        cancel(session, conn_id=school.conn_id)


def test_an_unknown_reaction_is_found_when_the_dag_is_read() -> None:
    with pytest.raises(ValueError, match="if_live is one of fail, report, not 'shrug'"):
        cancel({}, if_live="shrug")


def test_an_outage_passes_as_it_is(school: School) -> None:
    record = school.launch()
    school.sandbox.faults.add("status", status=503)
    with pytest.raises(Unavailable):
        cancel(record)


def test_the_mark_keeps_the_class_s_own_settings(school: School) -> None:
    lesson = school.lesson()
    first = school.launch(lesson, transcribe=True)
    cancel(lesson, conn_id=school.conn_id, options={"transcribe": True})
    (space,) = school.spaces
    assert space["name"] == first["title"]
    again = school.launch(lesson, transcribe=True, revive=True)
    assert again["ref"]["details"]["room_settings"] == first["ref"]["details"]["room_settings"]
