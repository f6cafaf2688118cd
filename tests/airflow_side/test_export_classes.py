"""Transcripts in bulk and the classes out of them, as Airflow runs their operators."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceRetrieveAttendanceOperator
from airflow_provider.live_sessions.operators.lessonspace_account import (
    LessonspaceSessionsToObjectStorageOperator,
    LessonspaceTranscriptsToObjectStorageOperator,
)
from airflow_provider.live_sessions.operators.summarise_classes import SummariseClassesOperator
from tests.airflow_side.stage import School, context, deferral
from tests.exports.reading import rows

if TYPE_CHECKING:
    from pathlib import Path

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def ran(operator: Any) -> dict[str, Any]:
    return dict(json.loads(json.dumps(operator.execute(context()))))


def held(school: School) -> dict[str, Any]:
    """Let a class be held and all that it leaves be there; return its launch's result."""
    record = school.launch(transcribe=True)
    school.hold(record)
    school.wait(3 * 86_400)
    return record


def exported(
    school: School, record: dict[str, Any], folder: Path, **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    since = datetime.fromisoformat(record["start"]).replace(hour=0, minute=0, second=0, microsecond=0)
    time: dict[str, Any] = {"since": since, "until": since + 2 * DAY, "destination": str(folder), "wait": False}
    sessions = LessonspaceSessionsToObjectStorageOperator(task_id="s", conn_id=school.conn_id, **time)
    spoken = LessonspaceTranscriptsToObjectStorageOperator(task_id="t", conn_id=school.conn_id, **time, **more)
    return ran(sessions), ran(spoken)


def test_a_class_that_was_launched_and_held_is_one_row_with_who_was_expected(
    school: School, tmp_path: Path
) -> None:
    record = held(school)
    sessions, spoken = exported(school, record, tmp_path, launches=record)
    storage = LocalStorage(tmp_path)
    segments = rows(storage, spoken["manifests"])
    assert (spoken["status"], spoken["counts"]["transcripts"], len(segments) > 2) == ("complete", 1, True)
    assert {one["participant_id"] for one in segments} == {one["id"] for one in record["participants"]}
    assert {one["launch_key"] for one in segments} == {record["ref"]["key"]}
    told = ran(
        SummariseClassesOperator(
            task_id="c",
            sessions=sessions,
            segments=spoken,
            launches=[record],
            until=sessions["until"],
            look_around=0,
        )
    )
    (row,) = rows(storage, told["manifests"])
    assert (told["status"], told["counts"]["classes"], told["counts"]["planned"]) == ("complete", 1, 1)
    assert (row["title"], row["expected"], row["absent"]) == (record["title"], len(record["participants"]), 0)
    assert row["words"] == sum(one["words"] for one in segments) == sum(one["words"] for one in row["people"])
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    assert not [one["url"] for one in record["links"] if one["url"] in everything]


def test_the_attendance_that_came_home_says_who_was_expected(school: School, tmp_path: Path) -> None:
    record = held(school)
    LessonspaceRetrieveAttendanceOperator(task_id="a", session=record, destination=str(tmp_path)).execute(
        context()
    )
    sessions, _ = exported(school, record, tmp_path)
    told = ran(SummariseClassesOperator(task_id="c", sessions=sessions, look_around="0"))
    (row,) = rows(LocalStorage(tmp_path), told["manifests"])
    assert (row["expected"], row["present"] + row["late"], row["words"]) == (len(record["participants"]),) * 2 + (
        None,
    )


def test_the_attendance_that_came_home_says_who_spoke(school: School, tmp_path: Path) -> None:
    record = held(school)
    for person in school.sandbox.lessonspace._store.people.values():
        person.member = False  # removed from the organisation since: its list knows nobody
    LessonspaceRetrieveAttendanceOperator(task_id="a", session=record, destination=str(tmp_path)).execute(
        context()
    )
    _, spoken = exported(school, record, tmp_path)
    segments = rows(LocalStorage(tmp_path), spoken["manifests"])
    expected = {(one["id"], one["name"]) for one in record["participants"]}
    assert {(one["participant_id"], one["speaker"]) for one in segments} == expected


def test_transcripts_look_back_as_far_as_they_were_told_to(school: School, tmp_path: Path) -> None:
    store = school.sandbox.lessonspace._store
    store.start_session(store.new_space("open", "eu", TODAY), "0f" * 16, TODAY - 9 * DAY)
    counted = [
        ran(
            LessonspaceTranscriptsToObjectStorageOperator(
                task_id="t", conn_id=school.conn_id, destination=str(tmp_path), since=TODAY - DAY, until=TODAY,
                wait=False, look_back=look_back,
            )
        )["counts"]["unended"]
        for look_back in (None, str(30 * 86_400))
    ]  # fmt: skip
    assert counted == [1, 0]


def test_transcripts_are_waited_for_until_none_can_come_any_more(school: School, tmp_path: Path) -> None:
    since, until = TODAY + DAY, TODAY + 2 * DAY  # ahead, though the day turned since this file was read
    operator = LessonspaceTranscriptsToObjectStorageOperator(
        task_id="t", conn_id=school.conn_id, destination=str(tmp_path), since=since, until=until, deferrable=True
    )
    assert deferral(operator, context()).trigger.moment == until + DAY + timedelta(minutes=1)
    operator.rules = {"give_up_after": 7200}
    assert deferral(operator, context()).trigger.moment == until + timedelta(hours=2, minutes=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sessions": {"manifests": []}}, "no files"),
        ({"sessions": {"manifests": ["a/b"]}}, "not the files of one export"),
        ({"sessions": {}}, "not the result of an export"),
        ({"look_around": "-1"}, "look_around"),
        ({"until": "1990-01-01T00:00:00+00:00"}, "begins before"),
        ({"launches": [{"a": 1}]}, "not the record of a launched session"),
    ],
)
def test_what_does_not_fit_is_refused(school: School, tmp_path: Path, given: dict[str, Any], said: str) -> None:
    time = {"since": TODAY - 2 * DAY, "until": TODAY - DAY, "destination": str(tmp_path)}
    sessions = ran(LessonspaceSessionsToObjectStorageOperator(task_id="s", conn_id=school.conn_id, **time))
    if "sessions" in given:
        given = {"sessions": {**sessions, **given["sessions"]} if given["sessions"] else {"file_format": "jsonl"}}
    with pytest.raises(AirflowFailException, match=said):
        SummariseClassesOperator(task_id="c", **{"sessions": sessions, **given}).execute(context())
