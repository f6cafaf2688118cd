"""People come and go, by control, by link and by script; the summary tells of them."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import ControlError, CoviuOptions, SandboxControl
from airflow_provider.live_sessions.sandbox.__main__ import parser
from tests.sandbox_coviu.practice import KEY, NOW, SECRET, Practice, gmt

HOUR = timedelta(hours=1)


def summary(practice: Practice, session: dict[str, Any]) -> Any:
    return practice.get(f"/sessions/{session['session_id']}/summary")


def actual_end(practice: Practice, session: dict[str, Any]) -> Any:
    return practice.get(f"/sessions/{session['session_id']}").get("actual_end_time")


def test_a_summary_tells_first_entry_and_latest_exit(practice: Practice) -> None:
    made = practice.create()
    practice.start(made)
    join, leave, wait = practice.coviu.join, practice.coviu.leave, practice.sandbox.clock.advance
    join("Visit", "who")
    wait(60)
    join(made["session_id"], "Rory")
    wait(60)
    leave("Visit", "rory")
    wait(60)
    join("Visit", "rory")
    assert actual_end(practice, made) is None
    (host, guest) = summary(practice, made)["participants"]
    assert (host["entry_time"], host["exit_time"], guest["exit_time"]) == (gmt(NOW + HOUR), None, None)
    wait(60)
    leave("Visit", "rory")
    leave("Visit", "Dr. Who")
    told = summary(practice, made)
    assert told["participants"][1]["exit_time"]["left_at"] == gmt(NOW + HOUR + timedelta(minutes=4))
    assert told["actual_end_time"] == actual_end(practice, made) == gmt(NOW + HOUR + timedelta(minutes=4))
    join("Visit", "rory")
    assert actual_end(practice, made) is None  # whoever comes back undoes the end


@pytest.mark.parametrize(("before", "status"), [("empty", 200), ("404", 404)])
def test_what_a_summary_says_of_nobody_is_a_switch(before: str, status: int) -> None:
    with Practice.open(summary_before=before) as practice:
        path = f"/sessions/{practice.create()['session_id']}/summary"
        assert practice.ask("GET", path).status_code == status


def test_the_recorded_end_can_be_left_out() -> None:
    with Practice.open(actual_end_time=False) as practice:
        assert "actual_end_time" not in practice.create()


def test_a_link_admits_from_start_to_end_and_not_who_was_removed(practice: Practice) -> None:
    made = practice.create()
    url = made["participants"][1]["entry_url"]

    def knock(method: str = "POST", **params: str) -> int:
        return requests.request(method, url, params=params, timeout=10).status_code

    assert knock() == 403
    practice.start(made)
    assert [knock("GET"), knock(), knock(do="leave"), knock(do="leave")] == [200, 200, 200, 403]
    assert len(summary(practice, made)["participants"]) == 1
    practice.ask("DELETE", f"/participants/{made['participants'][1]['participant_id']}")
    assert knock() == 403
    url = made["participants"][0]["entry_url"]
    practice.sandbox.clock.advance(1800)
    assert knock() == 403
    url = f"{practice.sandbox.url}/coviu/session/none"
    assert knock() == 404


def test_links_may_open_early_and_the_end_may_put_people_out() -> None:
    with Practice.open(early_entry=600, end_ejects=True) as practice:
        made = practice.create()
        practice.sandbox.clock.advance(3000)
        practice.coviu.join("Visit", "rory")
        practice.sandbox.clock.advance(3600)
        assert actual_end(practice, made) == made["end_time"]


def test_control_names_what_is_not_there_or_not_open(practice: Practice) -> None:
    with pytest.raises(ControlError, match="no session"):
        practice.coviu.join("nothing", "rory")
    made = practice.create()
    with pytest.raises(ControlError, match="no link"):
        practice.coviu.join("Visit", "nobody")
    with pytest.raises(ControlError, match="has not started") as caught:
        practice.coviu.join("Visit", "rory")
    assert caught.value.status == 409
    with pytest.raises(ControlError, match="not inside") as caught:
        practice.coviu.leave("Visit", "rory")
    assert caught.value.status == 404
    practice.ask("DELETE", f"/sessions/{made['session_id']}")
    practice.start(made)
    with pytest.raises(ControlError, match="cancelled"):
        practice.coviu.join("Visit", "rory")


def test_scripted_people_come_and_go_and_follow_a_session_that_is_moved(practice: Practice) -> None:
    practice.sandbox.scripts.add(
        {
            "match": {"name": "Visit"},
            "events": [
                {"user": "leader", "do": "join"},
                {"user": "others", "do": "join", "after": 60},
                {"user": "rory", "do": "leave", "after": 120},
                {"user": "leader", "do": "idle", "after": 130},
                {"user": "leader", "do": "leave", "after": 140},
                {"user": "leader", "do": "leave", "after": 150},
            ],
        }
    )
    made = practice.create()
    moved = {"start_time": gmt(NOW + 2 * HOUR), "end_time": gmt(NOW + 3 * HOUR)}
    practice.ask("PUT", f"/sessions/{made['session_id']}", json=moved)
    practice.sandbox.clock.advance(3600 + 300)
    assert summary(practice, made)["participants"] == []
    practice.sandbox.clock.advance(3600)
    told = summary(practice, made)
    assert [one["entry_time"] for one in told["participants"]] == [
        gmt(NOW + 2 * HOUR),
        gmt(NOW + 2 * HOUR + timedelta(minutes=1)),
    ]
    happened = practice.sandbox.state()["coviu"]["happened"]
    assert [(one["user"], one["do"], bool(one["refused"])) for one in happened] == [
        ("who", "join", False),
        ("rory", "join", False),
        ("rory", "leave", False),
        ("who", "idle", True),
        ("who", "leave", False),
        ("who", "leave", True),
    ]


def test_prolonging_a_session_brings_nobody_twice(practice: Practice) -> None:
    practice.sandbox.scripts.add({"events": [{"user": "leader", "do": "join"}]})
    made = practice.create()
    practice.start(made)
    practice.sandbox.clock.advance(60)
    practice.ask("PUT", f"/sessions/{made['session_id']}", json={"end_time": gmt(NOW + 2 * HOUR)})
    practice.sandbox.clock.advance(60)
    assert practice.sandbox.state()["coviu"]["sessions"][0]["participants"][0]["visits"] == 1


def test_who_is_added_later_is_scripted_as_well(practice: Practice) -> None:
    practice.sandbox.scripts.add({"events": [{"user": "amy", "do": "join"}], "anchor": "not_before"})
    made = practice.create()
    practice.ask("POST", f"/sessions/{made['session_id']}/participants", json={"state": "amy"})
    practice.start(made)
    assert len(summary(practice, made)["participants"]) == 1


# ---- the sandbox around it


def test_the_log_holds_no_participant_id_and_the_state_no_link(practice: Practice) -> None:
    made = practice.create()
    person = made["participants"][0]["participant_id"]
    practice.get(f"/participants/{person}")
    requests.get(made["participants"][0]["entry_url"], timeout=10)
    shown = f"{practice.sandbox.log.entries()} {practice.sandbox.state()}"
    assert person not in shown
    secrets = practice.coviu.secrets()
    assert person in secrets["participant_ids"]
    assert made["participants"][0]["entry_url"] in secrets["links"]
    assert str(practice.http.headers["Authorization"]).removeprefix("Bearer ") in secrets["tokens"]


def test_a_throttled_and_an_expired_request_look_like_coviu_s(practice: Practice) -> None:
    for fault in ({"retry_after": 7}, {"retry_after": 7, "retry_after_date": True}, {}):
        practice.sandbox.faults.clear()
        practice.sandbox.faults.add("throttle", **fault)
        answer = practice.ask("GET", "/sessions")
        assert answer.status_code == 429
        assert ("Retry-After" in answer.headers) is bool(fault)
    practice.sandbox.faults.clear()
    practice.sandbox.faults.add("expired")
    assert practice.ask("GET", "/sessions").status_code == 401


def test_a_reset_forgets_everything_but_the_credentials(practice: Practice) -> None:
    practice.create()
    practice.sandbox.reset()
    practice.sign_in()
    assert practice.get("/sessions")["content"] == []


def test_another_process_is_told_how_to_connect_and_what_it_may_do(practice: Practice) -> None:
    control = SandboxControl(practice.sandbox.url)
    assert control.info()["coviu"] == {"url": practice.coviu.url, "api_key": KEY, "key_secret": SECRET}
    practice.start(practice.create())
    assert control.do("coviu", "join", session="Visit", user="rory")["session"]
    assert control.do("coviu", "revoke", refresh=True) == {}
    assert (practice.coviu.api_key, practice.coviu.key_secret) == (KEY, SECRET)


def test_the_command_line_takes_every_option_and_tells_the_credentials() -> None:
    given = vars(
        parser().parse_args(["--coviu-dates", "iso", "--coviu-expires-in", "60", "--no-coviu-refresh-works"])
    )
    assert (given["coviu_dates"], given["coviu_expires_in"], given["coviu_refresh_works"]) == ("iso", 60, False)
    command = [sys.executable, "-m", "airflow_provider.live_sessions.sandbox", "--port", "0"]
    command += ["--coviu-api-key", KEY, "--coviu-key-secret", SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        told = process.stdout.readline()
        process.terminate()
    assert f"api_key={KEY} key_secret={SECRET}" in told
    assert SECRET not in repr(CoviuOptions(key_secret=SECRET))
