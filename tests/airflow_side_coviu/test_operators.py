"""Coviu's operators against the sandbox: what they give to the tasks behind, and what never leaves them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider.live_sessions.core.errors import OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.sealing import reveal
from airflow_provider.live_sessions.operators.coviu import (
    CoviuAddParticipantOperator,
    CoviuCancelParticipantOperator,
    CoviuCancelSessionOperator,
    CoviuHandOverLinksOperator,
    CoviuRetrieveAttendanceOperator,
    CoviuRetrieveRecordingOperator,
    CoviuUpdateParticipantOperator,
    CoviuUpdateSessionOperator,
)
from tests.airflow_side.stage import Store, TaskInstance, context
from tests.airflow_side_coviu.practice import DOCTOR, OTHER, Practice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def run(operator: Any) -> Any:
    """Execute, and return what XCom would carry."""
    return json.loads(json.dumps(operator.execute(context())))


# ---- launch


def test_a_launch_gives_each_participant_a_sealed_link(practice: Practice) -> None:
    record = practice.launch()
    assert (record["created"], record["state"]) == (True, "scheduled")
    urls = [reveal(one["url"], mask=False) for one in record["links"]]
    assert urls == practice.sandbox.coviu.secrets()["links"]
    assert [one["user_id"] for one in record["links"]] == ["dr-1", "p-1"]


def test_no_secret_is_in_the_record_or_the_log(practice: Practice, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        record = practice.launch()
    shown = json.dumps(record) + caplog.text
    assert practice.secrets
    assert not [one for one in practice.secrets if one in shown]


def test_the_launch_s_own_arguments_reach_coviu(practice: Practice) -> None:
    record = practice.launch(picture="http://p.test", feature_flags=["-plugin;chat"], grace=60, lead=120)
    assert record["ref"]["details"]["grace"] == "60.0"
    start = datetime.fromisoformat(record["start"])
    assert record["ref"]["details"]["window_start"] == (start - timedelta(seconds=120)).isoformat()


def test_a_class_with_a_lasting_room_is_refused(practice: Practice) -> None:
    with pytest.raises(AirflowFailException, match="no lasting rooms"):
        practice.launch(practice.appointment(space="room-1"))


def test_a_lost_answer_is_retried_by_airflow_and_doubles_nothing(practice: Practice) -> None:
    appointment, store = practice.appointment(), Store()
    practice.sandbox.faults.add("reset_after", method="POST", path="/sessions$", count=1)
    launcher = practice.launcher(appointment)
    with pytest.raises(OutcomeUnknown):
        launcher.execute(context(store=store))
    assert launcher.execute(context(store=store))["created"] is False
    assert len(practice.sessions) == 1


def test_a_task_s_own_session_is_found_again_by_its_task(practice: Practice) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    operator = practice.launcher()
    operator.session = None
    operator.title, operator.start, operator.end = "Visit", start, start + timedelta(minutes=20)
    operator.participants = [{"name": "Ada", "leader": True}, {"name": "Bo"}]
    ti = TaskInstance()
    first, second = operator.execute(context(ti)), operator.execute(context(ti))
    assert (first["created"], second["created"]) == (True, False)
    assert first["ref"] == second["ref"]


# ---- hand over


def test_links_are_handed_over_sealed_and_not_for_a_cancelled_session(practice: Practice, tmp_path: Path) -> None:
    record = practice.launch()

    def hand_over() -> Any:
        return run(
            CoviuHandOverLinksOperator(
                task_id="hand_over", session=record, smtp_conn_id=None, destination=str(tmp_path)
            )
        )

    assert [one["participant"] for one in hand_over()["handed_over"]] == ["dr-1", "p-1"]
    run(CoviuCancelSessionOperator(task_id="cancel", session=record))
    with pytest.raises(AirflowSkipException, match="cancelled"):
        hand_over()


# ---- cancel


def test_a_cancel_before_the_start_is_complete_also_by_the_appointment_s_identity(practice: Practice) -> None:
    appointment = practice.appointment()
    practice.launch(appointment, timetable="day")
    operator = CoviuCancelSessionOperator(
        task_id="cancel", session=appointment, conn_id=practice.conn_id, timetable="day"
    )
    assert run(operator)["confirmed"] is True
    assert run(operator)["state_before"] == "cancelled"


def test_a_cancel_after_the_start_is_refused_naming_what_force_would_try(practice: Practice) -> None:
    record = practice.launch()
    practice.go_to(record["start"])
    with pytest.raises(AirflowFailException, match=r"force=True would set its end.*not known"):
        run(CoviuCancelSessionOperator(task_id="cancel", session=record))
    reported = run(CoviuCancelSessionOperator(task_id="cancel", session=record, if_live="report"))
    assert (reported["confirmed"], reported["people_inside"]) == (False, "unknown")
    forced = run(CoviuCancelSessionOperator(task_id="cancel", session=record, force=True))
    assert (forced["state_before"], forced["confirmed"], forced["people_inside"]) == ("live", True, "unknown")


# ---- update


def test_an_update_moves_the_session_and_the_record_behind_it(practice: Practice) -> None:
    record = practice.launch(hand_over_before=60)
    start = datetime.fromisoformat(record["start"]) + timedelta(minutes=30)
    updated = run(
        CoviuUpdateSessionOperator(
            task_id="update",
            session=record,
            title="Moved",
            start=start.isoformat(),
            end=start + timedelta(minutes=20),
            picture="http://p.test",
        )
    )
    assert (updated["title"], updated["start"]) == ("Moved", start.isoformat())
    assert updated["hand_over_at"] == (start - timedelta(seconds=60)).isoformat()
    before, after = record["ref"]["details"], updated["ref"]["details"]
    assert after["planned_start"] == start.isoformat()
    moved = datetime.fromisoformat(after["window_start"]) - datetime.fromisoformat(before["window_start"])
    assert moved == timedelta(minutes=30)
    assert {one["not_after"] for one in updated["links"]} == {updated["end"]}
    assert SessionRecord.from_json(updated).ref.session_id == record["ref"]["session_id"]
    assert practice.sessions[0]["name"] == "Moved"


def test_an_update_of_nothing_or_of_a_finished_session_fails_without_retry(practice: Practice) -> None:
    record = practice.launch()
    with pytest.raises(AirflowFailException, match="Nothing is to be changed"):
        run(CoviuUpdateSessionOperator(task_id="update", session=record))
    practice.go_to(record["end"])
    with pytest.raises(AirflowFailException, match="finished"):
        run(CoviuUpdateSessionOperator(task_id="update", session=record, title="Late"))


# ---- participants


def add(record: Mapping[str, Any], participant: Mapping[str, Any]) -> Any:
    return run(CoviuAddParticipantOperator(task_id="add", session=record, participant=participant))


def test_an_added_participant_gets_a_sealed_link_in_the_record(practice: Practice, tmp_path: Path) -> None:
    record = practice.launch()

    def hand_over(session: Mapping[str, Any]) -> Any:
        return run(
            CoviuHandOverLinksOperator(task_id="h", session=session, smtp_conn_id=None, destination=str(tmp_path))
        )

    hand_over(record)
    more = add(record, OTHER.to_json())
    assert [one["participant"]["id"] for one in more["links"]] == ["dr-1", "p-1", "p-2"]
    assert not [one for one in practice.secrets if one in json.dumps(more)]
    again = add(more, OTHER.to_json())
    assert len(again["links"]) == 3
    assert len(practice.sessions[0]["participants"]) == 3
    assert len(hand_over(more)["handed_over"]) == 3


def test_a_participant_is_changed_in_coviu_and_in_the_record(practice: Practice) -> None:
    record = practice.launch()
    operator = CoviuUpdateParticipantOperator(
        task_id="change",
        session=record,
        participant="p-1",
        name="Bo B.",
        role="HOST",
        picture="http://p.test",
        state="p-9",
    )
    changed = run(operator)
    (person,) = [one for one in changed["participants"] if one["id"] == "p-1"]
    assert (person["name"], person["options"]["state"]) == ("Bo B.", "p-9")
    assert [one["user_id"] for one in changed["links"]] == ["dr-1", "p-9"]
    (shown,) = [one for one in practice.sessions[0]["participants"] if one["state"] == "p-9"]
    assert (shown["display_name"], shown["role"]) == ("Bo B.", "HOST")
    assert run(operator)["participants"] == changed["participants"]  # a retry


def test_a_removed_participant_leaves_coviu_and_the_record(practice: Practice) -> None:
    record = practice.launch()
    operator = CoviuCancelParticipantOperator(task_id="remove", session=record, participant="p-1")
    without = run(operator)
    assert [one["id"] for one in without["participants"]] == ["dr-1"]
    assert [one["participant"]["id"] for one in without["links"]] == ["dr-1"]
    assert run(operator) == without


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        (CoviuUpdateParticipantOperator, {"participant": "x", "name": "y"}, "has no participant 'x'"),
        (CoviuUpdateParticipantOperator, {"participant": "p-1"}, "Nothing is to be changed"),
        (CoviuUpdateParticipantOperator, {"participant": "p-1", "role": "boss"}, "role"),
        (CoviuCancelParticipantOperator, {"participant": "x"}, "has no participant 'x'"),
        (CoviuAddParticipantOperator, {"participant": {}}, "neither an id"),
    ],
)
def test_a_wrong_argument_fails_without_retry(
    practice: Practice, kind: Any, arguments: dict[str, Any], told: str
) -> None:
    record = practice.launch()
    with pytest.raises(AirflowFailException, match=told):
        run(kind(task_id="t", session=record, **arguments))


# ---- attendance


def test_attendance_comes_home_as_a_manifest_without_a_name_in_xcom(practice: Practice, tmp_path: Path) -> None:
    record = practice.launch()
    practice.hold(record, "dr-1")
    manifest = run(
        CoviuRetrieveAttendanceOperator(
            task_id="attendance", session=record, destination=str(tmp_path), timezone="Australia/Sydney"
        )
    )
    assert (manifest["status"], manifest["extra"]["held"]) == ("complete", "unknown")
    assert manifest["extra"]["counts"]["absent"] == 1
    assert DOCTOR.name not in json.dumps(manifest)
    assert {one["name"].rpartition("/")[2] for one in manifest["files"]} == {"attendance.csv", "attendance.json"}


@pytest.mark.parametrize(("settle", "status"), [(None, "partial"), (30, "complete"), ("30", "complete")])
def test_attendance_takes_an_early_end_for_the_end_when_the_wait_before_it_did(
    practice: Practice, tmp_path: Path, settle: float | str | None, status: str
) -> None:
    record = practice.launch()
    practice.go_to(record["start"])
    practice.join(record, "dr-1", "p-1")
    practice.wait(600)
    practice.leave(record, "dr-1", "p-1")
    practice.wait(60)
    manifest = run(
        CoviuRetrieveAttendanceOperator(
            task_id="attendance", session=record, destination=str(tmp_path), settle=settle
        )
    )
    assert manifest["status"] == status


def test_a_recording_comes_home_with_its_manifest_and_its_content_in_no_xcom(
    practice: Practice, tmp_path: Path
) -> None:
    record = practice.launch()
    practice.hold(record)
    kept = practice.sandbox.coviu.record(record["ref"]["session_id"], length=5000)
    operator = CoviuRetrieveRecordingOperator(
        task_id="recording", session=record, destination=str(tmp_path), wait_for="3600"
    )
    manifest = run(operator)
    (entry,) = manifest["files"]
    assert (manifest["status"], entry["bytes"], entry["sha256"]) == ("complete", 5000, kept["sha256"])
    assert len(json.dumps(manifest)) < 5000
    assert (tmp_path / entry["name"]).stat().st_size == 5000
    told = json.dumps(manifest)
    assert not [secret for secret in practice.secrets if secret in told]


def test_a_recording_that_is_not_there_yet_is_left_to_the_retry(practice: Practice, tmp_path: Path) -> None:
    record = practice.launch()
    practice.hold(record)
    given: dict[str, Any] = {"session": record, "destination": str(tmp_path)}
    with pytest.raises(Unavailable, match="no recording yet"):
        run(CoviuRetrieveRecordingOperator(task_id="recording", wait_for=86_400, **given))
    assert run(CoviuRetrieveRecordingOperator(task_id="recording", **given))["status"] == "none"
    with pytest.raises(AirflowFailException, match="quality"):
        run(CoviuRetrieveRecordingOperator(task_id="recording", quality="4k", **given))
