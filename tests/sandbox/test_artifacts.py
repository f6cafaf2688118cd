from __future__ import annotations

import json
from typing import Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import ControlError
from tests.sandbox.school import School

CODE = {"AccessDenied": 403, "SignatureDoesNotMatch": 403, "NoSuchKey": 404, "InvalidArgument": 400}


def transcript(school: School, row: dict[str, Any]) -> requests.Response:
    return school.ask("GET", f"{school.org}/sessions/{row['uuid']}/transcript/")


def signed_url(school: School, row: dict[str, Any]) -> str:
    return str(transcript(school, row).json()["transcriptionUrl"])


def lines(school: School, row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(requests.get(signed_url(school, row), timeout=10).json())


def refused(answer: requests.Response, code: str) -> None:
    assert (answer.status_code, answer.headers["Content-Type"]) == (CODE[code], "application/xml")
    assert f"<Code>{code}</Code>" in answer.text


def test_a_transcript_appears_two_minutes_after_the_end(school: School) -> None:
    row = school.hold(transcribe=True)
    assert transcript(school, row).status_code == 404
    school.wait(119 - 1)
    assert transcript(school, row).status_code == 404
    school.wait(1)
    assert transcript(school, row).status_code == 200


def test_its_lines_are_within_the_presence_of_those_who_were_in(school: School) -> None:
    for user in ("t", "s"):
        school.launch("a", user, transcribe=True)
    school.join("a", "t")
    school.wait(100)
    school.join("a", "s", "guest")
    school.wait(500)
    school.leave("a", "s", "guest")
    school.wait(100)
    school.leave("a", "t")
    school.wait(1000)
    (row,) = school.sessions()
    found = lines(school, row)
    assert found == lines(school, row)
    assert {one["user"]["name"] for one in found} == {"T", "S", "Guest"}
    numbers = {one["name"]: one["user"] for one in row["profiles"]} | {"Guest": None}
    inside = {"T": (0, 700), "S": (100, 600), "Guest": (100, 600)}
    for one in found:
        start, end = inside[one["user"]["name"]]
        assert start <= one["start_time"] < one["end_time"] <= end
        assert one["user"]["id"] == numbers[one["user"]["name"]]
        assert (one["breakout_id"], bool(one["text"])) == ("main", True)
    assert [one["start_time"] for one in found] == sorted(one["start_time"] for one in found)


@pytest.mark.parametrize(
    ("options", "seconds", "body", "ready"),
    [
        ({}, 270, {"transcribe": True}, False),
        ({}, 271, {"transcribe": True}, True),
        ({"transcript_min": 150}, 120, {"transcribe": True}, False),
        ({"transcript_min": 150, "transcript_min_included": True}, 120, {"transcribe": True}, True),
        ({}, 600, {}, False),
        ({}, 600, {"transcribe": True, "record_av": False}, False),
        ({"recording": False}, 600, {"transcribe": True}, False),
    ],
)
def test_only_eligible_sessions_are_ever_transcribed(
    options: dict[str, Any], seconds: float, body: dict[str, Any], ready: bool
) -> None:
    with School.open(**options) as school:
        row = school.hold(seconds=seconds, **body)
        school.wait(86400)
        assert transcript(school, row).status_code == (200 if ready else 404)


def test_one_person_alone_is_never_transcribed(school: School) -> None:
    school.launch("a", "t", transcribe=True)
    school.join("a", "t", "t")
    school.wait(600)
    school.leave("a", "t")
    school.wait(86400)
    assert transcript(school, school.sessions(include_single_user="true")[0]).status_code == 404


def test_a_relaunch_that_omits_transcribe_loses_the_transcript_of_the_running_session(school: School) -> None:
    for user in ("t", "s"):
        school.launch("a", user, transcribe=True)
    school.join("a", "t", "s")
    school.launch("a", "late")
    school.wait(600)
    school.sandbox.lessonspace.end("a")
    school.wait(86400)
    assert transcript(school, school.sessions()[0]).status_code == 404


def test_the_next_classes_launch_leaves_the_last_ones_transcript_alone(school: School) -> None:
    row = school.hold(transcribe=True)
    school.launch("algebra-1", "teacher")
    school.wait(120)
    assert transcript(school, row).status_code == 200


def test_the_signed_url_works_for_12_hours_and_refuses_as_s3_does(school: School) -> None:
    row = school.hold(transcribe=True)
    school.wait(120)
    url = signed_url(school, row)
    school.wait(12 * 3600)
    assert requests.get(url, timeout=10).status_code == 200
    refused(school.http.get(url, timeout=10), "InvalidArgument")
    refused(requests.get(url.replace("Expires=43200", "Expires=99999"), timeout=10), "SignatureDoesNotMatch")
    refused(requests.get(url.partition("?")[0], timeout=10), "SignatureDoesNotMatch")
    refused(requests.get(url.replace(row["uuid"], "other"), timeout=10), "AccessDenied")
    school.wait(1)
    refused(requests.get(url, timeout=10), "AccessDenied")
    assert requests.get(signed_url(school, row), timeout=10).status_code == 200


def test_a_deleted_recording_takes_the_transcript_with_it(school: School) -> None:
    row = school.hold(transcribe=True)
    school.wait(120)
    url = signed_url(school, row)
    school.sandbox.lessonspace.delete_recording(row["uuid"])
    assert transcript(school, row).status_code == 404
    refused(requests.get(url, timeout=10), "NoSuchKey")
    shown = school.get(f"{school.org}/sessions/{row['uuid']}/")
    assert (shown["recording_deleted"], shown["recording_available"]) == (True, False)
    assert school.ask("GET", f"/sessions/{row['uuid']}/playback/").status_code == 404
    with pytest.raises(ControlError, match="no session"):
        school.sandbox.lessonspace.delete_recording("other")


def test_what_is_said_can_be_given(school: School) -> None:
    row = school.hold(transcribe=True)
    school.wait(120)
    said: list[dict[str, Any]] = [
        {"user": "teacher", "text": "Hello", "start_time": 1, "end_time": 2},
        {"user": "Nobody", "text": "Bye"},
    ]
    school.sandbox.lessonspace.set_transcript(row["uuid"], said)
    first, second = lines(school, row)
    assert (first["start_time"], first["end_time"], first["text"]) == (1, 2, "Hello")
    assert first["user"] == {"id": row["profiles"][0]["user"], "name": "Teacher"}
    assert second["user"] == {"id": None, "name": "Nobody"}
    assert second["start_time"] == pytest.approx(630 * 2 / 3)
    school.sandbox.lessonspace.set_transcript(row["uuid"], [])
    assert lines(school, row) == []
    with pytest.raises(ValueError, match="user and text"):
        school.sandbox.lessonspace.set_transcript(row["uuid"], [{"text": "x"}])


def test_a_summary_comes_with_the_transcript(school: School) -> None:
    row = school.hold(transcribe=True, summarise=True)
    assert row["summary"] is None
    school.wait(120)
    assert "Teacher, Student" in school.sessions()[0]["summary"]


def test_a_recording_appears_a_minute_after_the_end_and_its_link_lasts_three_hours(school: School) -> None:
    row = school.hold()
    path = f"/sessions/{row['uuid']}/playback/"
    assert row["playback_url"] == f"{school.sandbox.lessonspace.url}{path}"
    assert school.ask("GET", path).status_code == 404
    school.wait(60)
    assert school.sessions()[0]["recording_available"] is True
    url = school.get(path)["recording_url"]
    school.wait(3 * 3600 - 1)
    assert requests.get(url, timeout=10).status_code == 200
    school.wait(1)
    assert requests.get(url, timeout=10).status_code == 403
    fresh = school.get(path)["recording_url"]
    assert requests.get(fresh.replace("user=", "user=x"), timeout=10).status_code == 403
    school.sandbox.lessonspace.delete_recording(row["uuid"])
    assert requests.get(fresh, timeout=10).status_code == 404


def test_until_then_playback_may_answer_an_empty_url() -> None:
    with School.open(recording_preparing="empty") as school:
        row = school.hold("a")
        assert school.get(f"/sessions/{row['uuid']}/playback/") == {"recording_url": ""}
        silent = school.hold("b", record_av=False, record_content=False)
        school.wait(60)
        assert school.ask("GET", f"/sessions/{silent['uuid']}/playback/").status_code == 404
        assert school.get(f"/sessions/{row['uuid']}/playback/")["recording_url"]


def test_the_file_is_a_json_array(school: School) -> None:
    row = school.hold(transcribe=True)
    school.wait(120)
    answer = requests.get(signed_url(school, row), timeout=10)
    assert answer.headers["Content-Type"] == "application/json"
    assert isinstance(json.loads(answer.content), list)
