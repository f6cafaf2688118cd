"""Bringing a class home: files are whole, the manifest goes to XCom, and what is missing is said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Manifest
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.hooks.sealing import reveal
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceRetrieveAttendanceOperator,
    LessonspaceRetrieveRecordingOperator,
    LessonspaceRetrieveTranscriptOperator,
)
from airflow_provider.live_sessions.operators.retrieve import RetrieveOperator
from tests.airflow_side.stage import OTHER, PEOPLE, School, context

if TYPE_CHECKING:
    from pathlib import Path

ALL: list[type[RetrieveOperator]] = [
    LessonspaceRetrieveTranscriptOperator,
    LessonspaceRetrieveAttendanceOperator,
    LessonspaceRetrieveRecordingOperator,
]
LATE: list[type[RetrieveOperator]] = [
    LessonspaceRetrieveTranscriptOperator,
    LessonspaceRetrieveRecordingOperator,
]
RULES = {"min_seconds": 1, "sure_seconds": 1, "give_up_after": 600, "give_up_after_short": 600}


def bring(kind: type[RetrieveOperator], record: dict[str, Any], folder: Path, **more: Any) -> dict[str, Any]:
    operator = kind(task_id="retrieve", session=record, destination=str(folder), **more)
    return dict(json.loads(json.dumps(operator.execute(context()))))


def held(school: School, **launch: Any) -> dict[str, Any]:
    record = school.launch(**{"transcribe": True, **launch})
    school.hold(record)
    school.wait(30)
    return record


def checked(data: dict[str, Any], folder: Path) -> Manifest:
    """Hold a manifest against what lies there."""
    manifest, storage = Manifest.from_json(data), LocalStorage(folder)
    assert manifest.verify(storage) == []
    assert json.loads(storage.get(manifest.name))["session_key"] == manifest.session_key
    return manifest


def test_a_transcript_comes_home_in_three_forms(school: School, tmp_path: Path) -> None:
    record = held(school)
    manifest = checked(bring(LessonspaceRetrieveTranscriptOperator, record, tmp_path), tmp_path)
    assert manifest.status == "complete"
    assert {entry.name.rpartition(".")[2] for entry in manifest.files} == {"json", "vtt", "txt"}
    assert manifest.session_key == record["ref"]["key"]


def test_attendance_names_who_came_and_who_did_not(school: School, tmp_path: Path) -> None:
    record = school.launch(school.lesson(people=(*PEOPLE, OTHER)))
    school.hold(record)
    manifest = checked(bring(LessonspaceRetrieveAttendanceOperator, record, tmp_path), tmp_path)
    counts = manifest.extra["counts"]
    assert (counts["expected"], counts["absent"], counts["unexpected"]) == (3, 1, 0)
    assert {entry.name.rpartition("/")[2] for entry in manifest.files} == {"attendance.csv", "attendance.json"}


def test_a_recording_comes_home_as_a_manifest_and_its_link_only_on_request_and_sealed(
    school: School, tmp_path: Path
) -> None:
    record = held(school)
    data = bring(LessonspaceRetrieveRecordingOperator, record, tmp_path)
    manifest = checked(data, tmp_path)
    assert (manifest.status, manifest.files, "links" in data) == ("complete", (), False)
    data = bring(LessonspaceRetrieveRecordingOperator, record, tmp_path, fresh_links=True)
    (sealed,) = data["links"].values()
    assert sealed.startswith("sealed:v1:")
    opened = reveal(sealed, mask=False)
    assert opened.startswith("http")
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert opened not in path.read_text()
            assert sealed not in path.read_text()


def test_a_recording_was_logged_as_complete_with_no_files_and_a_reason_in_small_letters(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = held(school, transcribe=False)
    for kind in ALL:
        bring(kind, record, tmp_path)
    said = capsys.readouterr().out
    assert f"Transcript of {record['title']}: none, no files. It was launched without transcribe." in said
    assert f"Attendance of {record['title']}: complete, 2 files." in said
    assert f"Recording of {record['title']}: complete, the replay stays on Lessonspace." in said


@pytest.mark.parametrize("kind", ALL)
def test_a_repeat_writes_the_same_bytes_to_the_same_place(
    school: School, tmp_path: Path, kind: type[RetrieveOperator]
) -> None:
    def files() -> dict[str, bytes]:
        found = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {str(one): one.read_bytes() for one in found if one.name != "manifest.json"}

    record = held(school)
    bring(kind, record, tmp_path)
    before = files()
    bring(kind, record, tmp_path)
    assert {name: data for name, data in files().items() if not name.endswith(f"{kind.kind}.manifest.json")} == {
        name: data for name, data in before.items() if not name.endswith(f"{kind.kind}.manifest.json")
    }
    assert set(files()) == set(before)


def test_no_secret_comes_home(school: School, tmp_path: Path) -> None:
    record = held(school)
    told = "".join(json.dumps(bring(kind, record, tmp_path)) for kind in ALL)
    told += "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    for secret in school.secrets:
        assert secret not in told


def test_what_is_not_ready_is_unavailable_so_that_airflow_tries_again(school: School, tmp_path: Path) -> None:
    record = school.launch(transcribe=True)
    school.hold(record, seconds=3600 - 59 + 30)
    school.sandbox.faults.add("status", path="/(transcript|playback)/$", status=404, body='{"detail": "none"}')
    for kind in LATE:
        with pytest.raises(Unavailable, match="not ready"):
            bring(kind, record, tmp_path)


def test_what_should_be_there_and_is_not_fails_after_its_deadline_with_the_manifest_written(
    school: School, tmp_path: Path
) -> None:
    record = held(school)
    school.sandbox.faults.add("status", path="/(transcript|playback)/$", status=404, body='{"detail": "none"}')
    school.wait(700)
    for kind in LATE:
        with pytest.raises(
            AirflowFailException, match=rf"A {kind.kind} is missing: .* What could be had was written;"
        ):
            bring(kind, record, tmp_path, rules=RULES)
    written = [path for path in tmp_path.rglob("*.json") if "manifest" in path.name]
    assert sorted(json.loads(path.read_text())["status"] for path in written) == ["none", "none"]


def test_a_class_that_never_had_a_transcript_is_none_with_a_reason(school: School, tmp_path: Path) -> None:
    record = held(school, transcribe=False)
    manifest = checked(bring(LessonspaceRetrieveTranscriptOperator, record, tmp_path), tmp_path)
    assert manifest.status == "none"
    assert manifest.why


def test_a_class_nobody_came_to_leaves_no_session_and_says_so(school: School, tmp_path: Path) -> None:
    record = school.launch()
    manifest = checked(bring(LessonspaceRetrieveTranscriptOperator, record, tmp_path), tmp_path)
    assert (manifest.status, manifest.session_ids) == ("none", ())
    attendance = checked(bring(LessonspaceRetrieveAttendanceOperator, record, tmp_path), tmp_path)
    assert attendance.extra["counts"]["absent"] == 2


def test_attendance_of_a_class_that_goes_on_is_partial(school: School, tmp_path: Path) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    assert bring(LessonspaceRetrieveAttendanceOperator, record, tmp_path)["status"] == "partial"


@pytest.mark.parametrize("kind", ALL)
def test_a_zone_that_is_none_is_refused_before_anything_is_asked(
    school: School, tmp_path: Path, kind: type[RetrieveOperator]
) -> None:
    record = school.launch()
    asked = len(school.log())
    with pytest.raises(AirflowFailException, match="no time zone 'Atlantis'"):
        bring(kind, record, tmp_path, timezone="Atlantis")
    assert len(school.log()) == asked


def test_rules_that_do_not_fit_are_refused(school: School, tmp_path: Path) -> None:
    record = held(school)
    for rules in ("soon", {"whenever": 1}):
        with pytest.raises(AirflowFailException, match="rules of an artifact"):
            bring(LessonspaceRetrieveTranscriptOperator, record, tmp_path, rules=rules)


def test_the_shared_operator_by_itself_brings_nothing(school: School, tmp_path: Path) -> None:
    class Bare(RetrieveOperator):
        hook_class = LessonspaceRetrieveTranscriptOperator.hook_class
        kind = "nothing"

    with pytest.raises(NotImplementedError):
        bring(Bare, school.launch(), tmp_path)


def test_a_record_whose_link_is_in_the_clear_is_refused(school: School, tmp_path: Path) -> None:
    record = school.launch()
    record["links"][0]["url"] = "https://room.test/?user=secret"
    with pytest.raises(AirflowFailException, match="not sealed"):
        bring(LessonspaceRetrieveTranscriptOperator, record, tmp_path)
