from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import SandboxControl, SandboxError
from tests.sandbox.school import KEY, START, School

if TYPE_CHECKING:
    from tests.sandbox.catcher import Catcher


@pytest.fixture
def control(school: School) -> SandboxControl:
    return SandboxControl(f"{school.sandbox.url}/")


def test_the_info_is_what_a_client_needs(school: School, control: SandboxControl) -> None:
    info = control.info()
    assert info["url"] == school.sandbox.url
    assert info["lessonspace"] == {
        "url": school.sandbox.lessonspace.url,
        "api_key": KEY,
        "organisation": school.sandbox.lessonspace.organisation,
    }


def test_the_clock_is_moved_stopped_and_let_go(control: SandboxControl) -> None:
    assert control.now() == START
    assert control.advance(60) == START + timedelta(seconds=60)
    assert control.set_time(datetime(2026, 9, 2, tzinfo=UTC)) == datetime(2026, 9, 2, tzinfo=UTC)
    assert control.resume() >= datetime(2026, 9, 2, tzinfo=UTC)
    stopped = control.freeze()
    assert control.now() == stopped


def test_a_replaced_key_is_refused_and_the_new_one_taken(school: School) -> None:
    new = school.sandbox.lessonspace.replace_key()
    assert new != KEY
    assert school.ask("GET", "/hello/").status_code == 401
    header = {"Authorization": f"Organisation {new}"}
    assert requests.get(f"{school.sandbox.lessonspace.url}/hello/", headers=header, timeout=30).status_code == 200
    assert school.sandbox.lessonspace.info()["api_key"] == new


def test_faults_are_added_listed_and_cleared(school: School, control: SandboxControl) -> None:
    number = control.add_fault("status", status=418)
    assert school.ask("GET", "/hello/").status_code == 418
    (listed,) = control.faults()
    assert (listed["number"], listed["kind"], listed["struck"]) == (number, "status", 1)
    control.clear_faults()
    assert control.faults() == []
    assert school.ask("GET", "/hello/").status_code == 200


def test_scripts_are_added_listed_and_cleared(school: School, control: SandboxControl) -> None:
    script = {"match": {"id": "a"}, "events": [{"user": "t", "do": "join"}]}
    number = control.add_script(script)
    assert control.scripts() == [{"number": number, **script}]
    school.launch("a", "t")
    assert len(school.sessions(include_single_user="true")) == 1
    control.clear_scripts()
    assert control.scripts() == []


def test_people_are_driven_through_every_verb(school: School, control: SandboxControl, catcher: Catcher) -> None:
    school.launch("a", "t", webhooks={"session": {"end": catcher.url}})
    school.launch("a", "s")
    joined = control.do("lessonspace", "join", space="a", user="t", browser="one")
    assert joined["session"] == school.sessions(include_single_user="true")[0]["uuid"]
    control.do("lessonspace", "join", space="a", user="s")
    control.do("lessonspace", "chat", space="a", user="s", text="Hi")
    control.do("lessonspace", "idle", space="a", user="s")
    assert control.do("lessonspace", "leave", space="a", user="t", browser="one") == joined
    ended = control.do("lessonspace", "end", space="a")
    assert ended["session"] == joined["session"]
    said = [{"user": "t", "text": "x"}]
    assert control.do("lessonspace", "set-transcript", session=joined["session"], lines=said) == ended
    assert control.do("lessonspace", "delete-recording", session=joined["session"]) == ended
    assert control.do("lessonspace", "wait-for-webhooks") is True
    (hook,) = control.do("lessonspace", "webhooks")
    assert hook["outcome"] == "delivered"


def test_the_state_tells_what_exists_per_launch_id_without_secrets(
    school: School, control: SandboxControl
) -> None:
    launched = [school.launch("a", user, session_tags={"k": "v"}) for user in ("t", "t", "s")]
    school.join("a", "t")
    state = control.state()["lessonspace"]
    (space,) = state["spaces"]
    assert (space["launch_id"], space["launches"], space["id"]) == ("a", 3, launched[0]["room_id"])
    assert [one["user"] for one in space["links"]] == ["t", "t", "s"]
    (session,) = state["sessions"]
    assert (session["launch_id"], session["people"], session["inside"]) == ("a", ["t"], ["t"])
    assert [one["external_id"] for one in state["people"]] == ["t", "s"]
    text = json.dumps(state)
    assert launched[0]["secret"] not in text
    assert KEY not in text
    assert "user=" not in text


def test_the_log_tells_every_request_and_can_be_asked(school: School, control: SandboxControl) -> None:
    school.get("/hello/")
    school.launch("a", "t")
    school.get(f"{school.org}/sessions/", in_progress_only="true")
    school.ask("GET", "/nowhere/")
    school.http.get(f"{school.sandbox.url}/elsewhere/", timeout=10)
    log = control.log()
    assert [(one["method"], one["status"], one["effect"]) for one in log] == [
        ("GET", 200, True), ("POST", 201, True), ("GET", 200, True), ("GET", 404, True), ("GET", 404, False),
    ]  # fmt: skip
    assert [one["number"] for one in log] == [1, 2, 3, 4, 5]
    assert log[2]["query"] == "in_progress_only=true"
    assert len({one["key"] for one in log[:4]}) == 1
    assert len({one["connection"] for one in log}) == 1
    assert {one["at"] for one in log} == {"2026-09-01T08:00:00.000000Z"}
    assert log[0]["real"] <= log[-1]["real"]
    assert [one["number"] for one in control.log(method="GET", path="/sessions/$", since=1)] == [3]
    assert [one["number"] for one in control.log(status=404, since=4)] == [5]
    assert [one["number"] for one in control.log(query="progress")] == [3]
    control.clear_log()
    assert control.log() == []
    school.get("/hello/")
    assert [one["number"] for one in control.log()] == [6]


def test_the_log_holds_no_secret(school: School, control: SandboxControl) -> None:
    row = school.hold(transcribe=True)
    launched = school.launch("algebra-1", "teacher")
    school.wait(200)
    url = school.get(f"{school.org}/sessions/{row['uuid']}/transcript/")["transcriptionUrl"]
    recording = school.get(f"/sessions/{row['uuid']}/playback/")["recording_url"]
    for link in (url, recording, launched["client_url"]):
        assert requests.get(link, timeout=10).status_code == 200
    text = json.dumps(control.log())
    assert KEY not in text
    for link in (url, recording, launched["client_url"]):
        assert link.partition("?")[2] not in text
        assert re.search("Signature|user=", text) is None


def test_a_reset_forgets_everything_but_the_credentials(school: School, control: SandboxControl) -> None:
    control.add_fault("delay", path="never")
    control.add_script({"events": [{"user": "t", "do": "join", "after": 600}]})
    school.launch("a", "t")
    control.advance(60)
    control.reset()
    assert control.now() == START
    assert (control.faults(), control.scripts(), control.log()) == ([], [], [])
    assert control.state()["lessonspace"] == {"spaces": [], "sessions": [], "people": [], "happened": []}
    control.advance(3600)
    assert control.state()["lessonspace"]["happened"] == []
    assert school.try_launch("a", "t").status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "data", "status"),
    [
        ("POST", "clock", {}, 400),
        ("POST", "clock", {"advance": -1}, 400),
        ("POST", "clock", {"advance": "soon"}, 400),
        ("POST", "clock", {"advance": float("inf")}, 400),
        ("POST", "clock", {"set": "2026-09-01T09:00:00"}, 400),
        ("POST", "clock", {"frozen": "yes"}, 400),
        ("POST", "clock", [1], 400),
        ("POST", "faults", {}, 400),
        ("POST", "faults", {"kind": "delay", "path": 5}, 400),
        ("POST", "scripts", {"x": 1}, 400),
        ("GET", "log?colour=red", None, 400),
        ("GET", "log?path=(", None, 400),
        ("GET", "log?since=x", None, 400),
        ("GET", "nowhere", None, 404),
        ("POST", "nowhere/join", {}, 404),
        ("POST", "lessonspace/reset", {}, 404),
        ("GET", "lessonspace/join", None, 404),
        ("POST", "lessonspace/join", {"space": "a"}, 404),
        ("POST", "lessonspace/join", {"room": "a"}, 400),
        ("POST", "lessonspace/set-transcript", {"session": "a", "lines": [{}]}, 400),
    ],
)
def test_a_bad_call_is_a_sentence(school: School, method: str, path: str, data: Any, status: int) -> None:
    body = None if data is None else json.dumps(data)
    answer = requests.request(method, f"{school.sandbox.url}/_sandbox/{path}", data=body, timeout=10)
    assert answer.status_code == status
    assert isinstance(answer.json()["error"], str)


def test_a_body_that_is_no_json_is_a_400(school: School) -> None:
    assert requests.post(f"{school.sandbox.url}/_sandbox/clock", data=b"{", timeout=10).status_code == 400


def test_a_page_in_a_browser_cannot_steer(school: School) -> None:
    headers = {"Origin": "http://example.org"}
    answer = requests.post(f"{school.sandbox.url}/_sandbox/reset", headers=headers, timeout=10)
    assert answer.status_code == 403


def test_the_client_raises_what_the_sandbox_says(school: School, control: SandboxControl) -> None:
    school.launch("a", "t", timeouts={"not_after": "2026-09-01T08:00:00Z"})
    with pytest.raises(SandboxError, match="has expired") as caught:
        control.do("lessonspace", "join", space="a", user="t")
    assert caught.value.status == 409
    with pytest.raises(ValueError, match="http"):
        SandboxControl("file:///etc")
