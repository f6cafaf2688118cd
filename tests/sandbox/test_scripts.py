from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.scripts import Facts, Script
from tests.sandbox.school import START, School


def at(seconds: float) -> str:
    return iso(START + timedelta(seconds=seconds))


def happened(school: School) -> list[tuple[float, str, str, str]]:
    found = school.sandbox.state()["lessonspace"]["happened"]
    return [
        ((datetime.fromisoformat(one["at"]) - START).total_seconds(), one["user"], one["do"], one["refused"])
        for one in found
    ]


def play(school: School, *events: dict[str, Any], **script: Any) -> None:
    school.sandbox.scripts.add({"events": list(events), **script})


def test_a_class_comes_and_goes_by_itself_relative_to_its_links(school: School) -> None:
    play(
        school,
        {"user": "leader", "do": "join"},
        {"user": "others", "do": "join", "after": 60},
        {"user": "others", "do": "chat", "after": 90, "text": "Hi"},
        {"user": "others", "do": "leave", "after": 660},
        {"user": "leader", "do": "leave", "after": 700},
        match={"name": "Algebra"},
    )
    for user in ("t", "s", "r"):
        limits = {"not_before": at(600)}
        school.launch("a", user, name="Algebra", person={"leader": user == "t"}, timeouts=limits)
    school.wait(86400)
    (row,) = school.sessions()
    assert (row["start_time"], row["end_time"]) == (at(600), at(600 + 700 + 30))
    assert {one["name"] for one in row["profiles"]} == {"T", "S", "R"}
    assert [one[:3] for one in happened(school)][:3] == [
        (600, "t", "join"),
        (660, "s", "join"),
        (660, "r", "join"),
    ]
    assert {one[3] for one in happened(school)} == {""}


def test_a_repeated_launch_brings_nobody_twice(school: School) -> None:
    play(school, {"user": "t", "do": "join", "after": 60}, {"user": "t", "do": "leave", "after": 120})
    for limits in ({}, {"not_before": at(600)}):
        for _ in range(3):
            school.launch("a", "t", timeouts=limits)
            school.wait(1)
    school.wait(3600)
    assert [one[0] for one in happened(school)] == [60, 120, 660, 720]


def test_a_new_reservation_brings_the_people_again(school: School) -> None:
    play(school, {"user": "t", "do": "join"}, {"user": "t", "do": "leave", "after": 10}, anchor="launch")
    school.launch("a", "t")
    school.wait(3600)
    school.launch("a", "t")
    school.wait(3600)
    assert len(school.sessions(include_single_user="true")) == 2


def test_two_windows_in_one_room_are_played_each_with_its_link(school: School) -> None:
    play(school, {"user": "t", "do": "join"}, {"user": "t", "do": "leave", "after": 60})
    for start in (600, 4200):
        school.launch("a", "t", timeouts={"not_before": at(start), "not_after": at(start + 600)})
    school.wait(86400)
    starts = [one["start_time"] for one in school.sessions(include_single_user="true")]
    assert starts == [at(4200), at(600)]


def test_moments_may_be_absolute_or_count_from_the_links_end(school: School) -> None:
    play(school, {"user": "t", "do": "join", "at": "2026-09-01T10:05:00+02:00"}, match={"id": "a"})
    play(school, {"user": "t", "do": "leave", "after": -30}, match={"participant": "t"}, anchor="not_after")
    school.launch("a", "t", timeouts={"not_after": at(1000)})
    school.launch("b", "s", timeouts={"not_after": at(1000)})
    school.wait(3600)
    assert happened(school) == [(300, "t", "join", ""), (970, "t", "leave", "")]


def test_a_moment_that_has_passed_means_now(school: School) -> None:
    play(school, {"user": "t", "do": "join", "after": -600})
    school.launch("a", "t")
    assert len(school.sessions(include_single_user="true")) == 1


def test_scripted_people_obey_their_links_and_refusals_are_kept(school: School) -> None:
    play(school, {"user": "t", "do": "join", "after": 700}, {"user": "t", "do": "leave", "after": 800})
    school.launch("a", "t", timeouts={"not_before": at(100), "not_after": at(600)})
    school.wait(3600)
    assert school.sessions(include_single_user="true") == []
    (_, _, _, late), (_, _, _, absent) = happened(school)
    assert ("expired" in late, "not inside" in absent) == (True, True)


def test_a_relaunch_with_a_closed_window_keeps_the_person_out(school: School) -> None:
    play(school, {"user": "t", "do": "join", "after": 60})
    school.launch("a", "t")
    school.launch("a", "t", timeouts={"not_after": at(0)})
    school.wait(3600)
    assert school.sessions(include_single_user="true") == []


def test_guests_come_once_by_the_invite_or_by_their_own_link(school: School) -> None:
    play(school, {"user": "guest", "do": "join", "after": 5}, {"user": "guest", "do": "leave", "after": 60})
    school.launch("a", "t")
    school.launch("a", "s")
    school.wait(3600)
    assert len(happened(school)) == 2
    assert len(school.sessions(include_single_user="true")[0]["guests"]) == 1
    school.launch("b")
    school.wait(3600)
    assert len(school.sessions(launch_id="b", include_single_user="true")[0]["guests"]) == 1
    school.launch("c", "t", allow_guests=False)
    school.wait(3600)
    assert "sign in" in happened(school)[-2][3]


def test_a_link_for_a_guest_is_neither_leader_nor_other(school: School) -> None:
    play(school, {"user": "others", "do": "join"}, {"user": "leader", "do": "join"})
    school.launch("a")
    school.wait(60)
    assert happened(school) == []


def test_people_idle_share_a_browser_and_end_the_session(school: School) -> None:
    play(
        school,
        {"user": "t", "do": "join"},
        {"user": "t", "do": "cobrowser-start", "after": 10},
        {"user": "t", "do": "cobrowser-stop", "after": 20},
        {"user": "t", "do": "idle", "after": 30},
        {"user": "t", "do": "end", "after": 40},
    )
    room = school.launch("a", "t")["room_id"]
    school.wait(3600)
    assert [one["log_type"] for one in school.logs(room)] == [
        "user-joined", "cobrowser-start", "cobrowser-stop", "user-idled", "session-idled", "user-left",
    ]  # fmt: skip
    assert school.sessions(include_single_user="true")[0]["end_time"] == at(40)


def test_a_scripts_transcript_is_the_sessions_until_the_next_reservation(school: School) -> None:
    play(school, match={"id_prefix": "alg"}, transcript=[{"user": "teacher", "text": "Given."}])
    row = school.hold("algebra", transcribe=True)
    school.sandbox.scripts.clear()
    school.wait(200)
    later = school.hold("algebra", transcribe=True)
    school.wait(200)

    def said(one: dict[str, Any]) -> list[str]:
        url = school.get(f"{school.org}/sessions/{one['uuid']}/transcript/")["transcriptionUrl"]
        return [line["text"] for line in requests.get(url, timeout=10).json()]

    assert said(row) == ["Given."]
    assert len(said(later)) > 1


FACTS = Facts("lessonspace", "algebra-1", "Algebra 1", "t", {"k": "v"})


@pytest.mark.parametrize(
    ("match", "yes"),
    [
        ({}, True),
        ({"platform": "lessonspace"}, True),
        ({"platform": "coviu"}, False),
        ({"id": "algebra-1"}, True),
        ({"id": "algebra"}, False),
        ({"id_prefix": "alg"}, True),
        ({"id_prefix": "bio"}, False),
        ({"name": "Algebra 1", "name_prefix": "Alg"}, True),
        ({"name": "algebra 1"}, False),
        ({"participant": "t"}, True),
        ({"participant": "s"}, False),
        ({"tags": {"k": "v"}}, True),
        ({"tags": {"k": "w"}}, False),
        ({"name": "Algebra 1", "tags": {"j": "v"}}, False),
    ],
)
def test_every_given_condition_must_hold(match: dict[str, Any], yes: bool) -> None:
    assert Script.from_json(1, {"match": match}).matches(FACTS) is yes


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ({"people": []}, "no people"),
        ({"match": {"colour": 1}}, "no colour"),
        ({"anchor": "dawn"}, "dawn"),
        ({"events": [{"user": "t"}]}, "user and do"),
        ({"events": [{"user": "t", "do": "dance"}]}, "dance"),
        ({"events": [{"user": "t", "do": "join", "when": 1}]}, "no when"),
        ({"events": [{"user": "t", "do": "join", "after": 1, "at": "2026-09-01T00:00:00Z"}]}, "not both"),
        ({"events": [{"user": "t", "do": "join", "at": "2026-09-01T00:00:00"}]}, "no time zone"),
        ({"transcript": [{"user": "t"}]}, "user and text"),
        ({"transcript": [{"user": "t", "text": "x", "mood": "y"}]}, "no mood"),
    ],
)
def test_a_script_that_cannot_be_read_is_refused(school: School, script: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)):
        school.sandbox.scripts.add(script)
    assert school.sandbox.scripts.listed() == []
