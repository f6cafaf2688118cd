from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import ControlError
from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.lessonspace.links import sign
from tests.sandbox.school import START, School, seconds_between


def at(seconds: float) -> str:
    return iso(START + timedelta(seconds=seconds))


def rows(school: School) -> list[dict[str, Any]]:
    return school.sessions(include_single_user="true")


def refused(school: School, *args: str, **kwargs: Any) -> str:
    with pytest.raises(ControlError) as caught:
        school.sandbox.lessonspace.join(*args, **kwargs)
    assert caught.value.status == 409
    return str(caught.value)


def test_a_session_runs_from_the_first_join_to_30_s_after_the_last_leave(school: School) -> None:
    school.launch("a", "t")
    school.launch("a", "s")
    school.wait(60)
    school.join("a", "t")
    school.wait(10)
    school.join("a", "s")
    assert rows(school)[0]["end_time"] is None
    school.wait(600)
    school.leave("a", "s")
    school.wait(100)
    school.leave("a", "t")
    school.wait(29.9)
    assert rows(school)[0]["end_time"] is None
    school.wait(3600)
    (row,) = rows(school)
    assert (row["start_time"], row["end_time"]) == (at(60), at(60 + 10 + 600 + 100 + 30))
    assert row["billable_seconds"] == 600


def test_who_comes_back_within_the_30_s_goes_on_with_the_session(school: School) -> None:
    school.launch("a", "t")
    school.join("a", "t")
    school.leave("a", "t")
    school.wait(29)
    school.join("a", "t")
    school.wait(600)
    (row,) = rows(school)
    assert row["end_time"] is None


def test_an_old_link_used_after_the_end_starts_a_session_of_its_own(school: School) -> None:
    reserved = school.launch("a", "t")["session_id"]
    school.join("a", "t")
    school.leave("a", "t")
    school.wait(31)
    school.join("a", "t")
    newest, oldest = rows(school)
    assert (oldest["uuid"], newest["end_time"]) == (reserved, None)
    assert newest["uuid"] != reserved
    assert school.launch("a", "t")["session_id"] == newest["uuid"]


def test_two_tabs_of_one_person_are_one_profile_and_bill(school: School) -> None:
    school.launch("a", "t")
    school.join("a", "t", "t")
    school.wait(50)
    school.leave("a", "t")
    school.wait(31)
    (row,) = rows(school)
    assert (len(row["profiles"]), row["billable_seconds"]) == (1, 50)
    assert school.sessions() == []


def test_the_threshold_of_the_end_is_an_argument() -> None:
    with School.open(end_after=5) as school:
        school.launch("a", "t")
        school.join("a", "t")
        school.leave("a", "t")
        school.wait(5)
        assert seconds_between(rows(school)[0]) == 5


def test_a_link_admits_within_its_window_only(school: School) -> None:
    school.launch("a", "t", timeouts={"not_before": at(60), "not_after": at(120)})
    assert "not work yet" in refused(school, "a", "t")
    school.wait(60)
    school.join("a", "t")
    school.leave("a", "t")
    school.wait(60)
    assert "expired" in refused(school, "a", "t")


def test_not_after_alone_throws_nobody_out(school: School) -> None:
    school.launch("a", "t", timeouts={"not_after": at(60)})
    school.join("a", "t")
    school.wait(3600)
    assert rows(school)[0]["end_time"] is None


def test_kick_on_exp_throws_out_and_the_session_ends_30_s_later(school: School) -> None:
    kick = {"custom_jwt_parameters": {"kickOnExp": True}}
    school.launch("a", "t", person=kick, timeouts={"not_after": at(60)})
    school.launch("a", "s", person=kick, timeouts={"not_after": at(60)})
    school.join("a", "t", "s")
    school.wait(30)
    school.leave("a", "s")
    school.wait(3600)
    (row,) = rows(school)
    assert row["end_time"] == at(90)
    left = [line["date"] for line in school.logs(row["space"]["id"]) if line["log_type"] == "user-left"]
    assert left == [at(30), at(60)]


def test_a_single_use_link_admits_one_browser_until_its_session_ends(school: School) -> None:
    school.launch("a", "t", person={"single_use": True})
    school.launch("a", "s")
    school.sandbox.lessonspace.join("a", "t", browser="own")
    school.join("a", "s")
    school.sandbox.lessonspace.leave("a", "t", browser="own")
    assert "only once" in refused(school, "a", "t", browser="stranger")
    school.sandbox.lessonspace.join("a", "t", browser="own")
    school.sandbox.lessonspace.end("a")
    assert "only once" in refused(school, "a", "t", browser="own")


def test_a_session_limited_link_dies_with_its_session(school: School) -> None:
    school.launch("a", "t", person={"session_limit": True})
    school.join("a", "t")
    school.join("a", "t")
    school.leave("a", "t")
    school.wait(31)
    assert "is over" in refused(school, "a", "t")
    school.launch("a", "s")
    assert "is over" in refused(school, "a", "t")
    school.launch("a", "t", person={"session_limit": True})
    school.join("a", "t")


def test_the_newest_link_counts(school: School) -> None:
    school.launch("a", "t")
    school.launch("a", "t", timeouts={"not_after": at(0)})
    assert "expired" in refused(school, "a", "t")


def test_in_a_persistent_room_people_use_the_link_that_is_open_today(school: School) -> None:
    school.launch("a", "t")
    school.launch("a", "t", timeouts={"not_before": at(7 * 86400)})
    school.join("a", "t")


def test_guests_are_uuids_and_need_permission(school: School) -> None:
    school.launch("a", "t")
    school.join("a", "t", "guest")
    (row,) = school.sessions()
    assert len(row["profiles"]) == 1
    assert row["guests"][0]["session"] == row["id"]
    assert school.logs(row["space"]["id"])[1]["guest_uuid"] == row["guests"][0]["uuid"]
    school.leave("a", "guest")
    school.launch("a", "t", allow_guests=False)
    assert "sign in" in refused(school, "a", "guest")


def test_a_guest_who_comes_back_is_the_same_guest(school: School) -> None:
    school.launch("a", "t")
    school.join("a", "t", "guest")
    school.leave("a", "guest")
    school.join("a", "guest")
    assert len(school.sessions()[0]["guests"]) == 1


def test_logs_pair_by_socket(school: School) -> None:
    launched = school.launch("a", "t")
    school.join("a", "t", "t")
    school.wait(10)
    school.leave("a", "t")
    lines = school.logs(launched["room_id"])
    assert [one["log_type"] for one in lines] == ["user-joined"] * 2 + ["user-left"] * 2
    joined, left = ({one["user_socket_id"] for one in part} for part in (lines[:2], lines[2:]))
    assert joined == left
    assert len(joined) == 2
    assert {one["profile"] for one in lines} == {str(launched["user_id"])}


def test_connected_users_are_those_inside_now(school: School) -> None:
    teacher, student = school.launch("a", "t"), school.launch("a", "s")
    school.join("a", "t", "s")
    path = f"/spaces/{teacher['room_id']}/sessions/"
    assert school.get(path)["results"][0]["connected_users"] == [teacher["user_id"], student["user_id"]]
    school.leave("a", "s")
    assert school.get(path)["results"][0]["connected_users"] == [teacher["user_id"]]
    assert "space" not in school.get(path)["results"][0]


def test_end_session_for_all_ends_at_once(school: School) -> None:
    school.launch("a", "t")
    school.launch("a", "s")
    school.join("a", "t", "s")
    school.wait(60)
    school.sandbox.lessonspace.end("a")
    (row,) = school.sessions()
    assert row["end_time"] == at(60)
    with pytest.raises(ControlError, match="Nothing is in progress"):
        school.sandbox.lessonspace.end("a")
    school.wait(3600)
    assert school.sessions()[0]["end_time"] == at(60)


def test_everybody_idle_is_logged_and_by_default_ends_nothing(school: School) -> None:
    room = school.launch("a", "t")["room_id"]
    school.join("a", "t")
    school.sandbox.lessonspace.idle("a", "t")
    school.sandbox.lessonspace.idle("a", "t")
    school.wait(86400)
    assert [one["log_type"] for one in school.logs(room)] == ["user-joined", "user-idled", "session-idled"]
    assert rows(school)[0]["end_time"] is None


def test_the_idle_rule_ends_a_session_in_which_nobody_moves_for_five_minutes() -> None:
    with School.open(idle_rule=True) as school:
        school.launch("a", "t")
        school.launch("a", "s")
        school.launch("a", "r")
        school.join("a", "t", "s", "r")
        school.sandbox.lessonspace.idle("a", "t")
        school.leave("a", "r")
        school.wait(600)
        assert school.sessions()[0]["end_time"] is None
        school.leave("a", "s")
        school.wait(200)
        school.sandbox.lessonspace.chat("a", "t", text="still here")
        school.wait(600)
        assert school.sessions()[0]["end_time"] is None
        school.sandbox.lessonspace.idle("a", "t")
        school.wait(600)
        assert school.sessions()[0]["end_time"] == at(600 + 200 + 600 + 300)


def test_nobody_can_leave_who_is_not_inside(school: School) -> None:
    school.launch("a", "t")
    with pytest.raises(ControlError, match="not inside") as caught:
        school.leave("a", "t")
    assert caught.value.status == 404
    school.launch("a", "s")
    school.join("a", "s")
    with pytest.raises(ControlError, match="not inside"):
        school.leave("a", "t")


def test_unknown_spaces_and_people_without_links_are_404(school: School) -> None:
    with pytest.raises(ControlError, match="no space") as caught:
        school.join("nowhere", "t")
    assert caught.value.status == 404
    school.launch("a", "t")
    with pytest.raises(ControlError, match="no link"):
        school.join("a", "s")


def test_the_link_itself_shows_a_page_and_lets_in_and_out(school: School) -> None:
    launched = school.launch("a", "t", name="<b>Algebra</b>")
    link = launched["client_url"]
    page = requests.get(link, timeout=10)
    assert (page.status_code, "&lt;b&gt;Algebra" in page.text) == (200, True)
    assert rows(school) == []
    joined = requests.post(link, timeout=10).json()
    assert joined["session"] == rows(school)[0]["uuid"]
    school.join(launched["room_id"], "t")
    assert requests.post(f"{link}&do=leave&connection={joined['connection']}", timeout=10).status_code == 204
    assert len(school.sandbox.state()["lessonspace"]["sessions"][0]["inside"]) == 1
    assert requests.post(f"{link}&do=leave&connection={joined['connection']}", timeout=10).status_code == 204
    school.sandbox.lessonspace.end("a")
    assert requests.post(f"{link}&do=leave&connection={joined['connection']}", timeout=10).status_code == 204


def test_a_link_that_does_not_admit_says_so(school: School) -> None:
    link = school.launch("a", "t", timeouts={"not_before": at(60)})["client_url"]
    assert requests.get(link, timeout=10).status_code == 403
    answer = requests.post(link, timeout=10)
    assert (answer.status_code, answer.json()) == (403, {"detail": "This link does not work yet."})
    assert requests.get(link.replace("user=", "user=x"), timeout=10).status_code == 403
    assert requests.get(link.replace("room=", "room=x"), timeout=10).status_code == 403
    assert requests.get(f"{school.sandbox.url}/lessonspace/nowhere/", timeout=10).status_code == 404
    assert requests.delete(link, timeout=10).status_code == 404


def test_the_invite_link_admits_guests(school: School) -> None:
    room = school.launch("a", "t")["room_id"]
    link = f"{school.sandbox.url}/lessonspace/space/{room}/"
    assert requests.get(link, timeout=10).status_code == 200
    assert requests.post(f"{link}?browser=one", timeout=10).status_code == 200
    assert requests.post(f"{link}?browser=two", timeout=10).status_code == 200
    assert len(school.sessions()[0]["guests"]) == 2
    school.launch("a", "t", allow_guests=False)
    assert requests.post(link, timeout=10).status_code == 403


def test_whoever_has_the_secret_may_sign_a_link(school: School) -> None:
    launched = school.launch("a", "t")

    def signed(**more: Any) -> str:
        token = sign({"id": launched["user_id"], "name": "T", **more}, launched["secret"])
        return f"{school.sandbox.url}/lessonspace/go/?room={launched['room_id']}&user={token}"

    assert requests.post(signed(), timeout=10).status_code == 200
    once = signed(jti="mine", singleUse=True)
    assert requests.post(once, timeout=10).status_code == 200
    assert requests.post(f"{once}&browser=other", timeout=10).status_code == 403
    assert rows(school)[0]["profiles"][0]["user"] == launched["user_id"]
