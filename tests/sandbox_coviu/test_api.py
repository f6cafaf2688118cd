"""The sandbox's Coviu speaks with the status codes and bodies that are known of the real one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests  # noqa: TID253 - a test's client

from tests.sandbox_coviu.practice import KEY, NOW, PEOPLE, SECRET, Practice, gmt, message

HOUR = timedelta(hours=1)


# ---- tokens


def test_a_token_has_the_documented_fields_and_opens_the_api(practice: Practice) -> None:
    given = practice.sign_in()
    assert set(given) == {"access_token", "refresh_token", "expires_in", "token_type", "scope"}
    assert given["access_token"].startswith("eyJ")
    assert practice.get("/user/team")["name"] == "Sandbox Clinic"


@pytest.mark.parametrize(
    ("auth", "form", "status"),
    [
        ((KEY, "wrong"), {"grant_type": "client_credentials"}, 401),
        ((KEY, SECRET), {"grant_type": "password"}, 400),
        ((KEY, SECRET), {"grant_type": "refresh_token", "refresh_token": "x"}, 401),
        ((KEY, SECRET), {"grant_type": "authorization_code", "code": ""}, 401),
    ],
)
def test_a_token_request_that_is_wrong_is_refused(
    practice: Practice, auth: tuple[str, str], form: dict[str, Any], status: int
) -> None:
    assert practice.token(auth, **form).status_code == status


def test_a_token_request_needs_basic_credentials_and_a_form(practice: Practice) -> None:
    url = f"{practice.coviu.url}/auth/token"
    form = {"grant_type": "client_credentials"}
    assert requests.post(url, data=form, headers={"Authorization": "Basic ?"}, timeout=10).status_code == 401
    assert requests.post(url, json=form, auth=(KEY, SECRET), timeout=10).status_code == 400


def test_a_refresh_token_works_once_unless_told_otherwise() -> None:
    for rotates, second in ((True, 401), (False, 200)):
        with Practice.open(refresh_rotates=rotates) as practice:
            form: dict[str, Any] = {
                "grant_type": "refresh_token",
                "refresh_token": practice.sign_in()["refresh_token"],
            }
            assert [practice.token(**form).status_code for _ in range(2)] == [200, second]


def test_an_authorisation_code_works_once() -> None:
    with Practice.open(authorization_code="c") as practice:
        form: dict[str, Any] = {"grant_type": "authorization_code", "code": "c"}
        assert [practice.token(**form).status_code for _ in range(2)] == [200, 401]


def test_a_token_ends_and_can_be_revoked() -> None:
    with Practice.open(expires_in=60) as practice:
        practice.get("/sessions")
        practice.sandbox.clock.advance(60)
        assert message(practice.ask("GET", "/sessions")) == (401, "Unauthorized")
        practice.sign_in()
        practice.coviu.revoke()
        assert practice.ask("GET", "/sessions").status_code == 401
        practice.http.headers["Authorization"] = "Organisation x"
        assert practice.ask("GET", "/sessions").status_code == 401


# ---- sessions


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"start_time": gmt(NOW)}, "in the future"),
        ({"end_time": gmt(NOW + HOUR)}, "after `start_time`"),
        ({"end_time": gmt(NOW + 14 * HOUR)}, "too long"),
        ({"start_time": "2026-09-01T09:00:00"}, "Invalid `start_time`"),
        ({"start_time": "soon"}, "Invalid `start_time`"),
        ({"end_time": None}, "Invalid `end_time`"),
        ({"session_name": 3}, "Invalid `session_name`"),
        ({"participants": ["x"]}, "Invalid `participants`"),
        ({"participants": [{"role": "boss"}]}, "Invalid `role`"),
        ({"participants": [{"email": "x"}]}, "Unknown: email"),
        ({"color": "red"}, "Unknown: color"),
    ],
)
def test_a_session_that_breaks_a_rule_is_a_400(practice: Practice, body: dict[str, Any], told: str) -> None:
    status, words = message(practice.try_create(**body))
    assert status == 400
    assert told in words
    assert practice.get("/sessions")["content"] == []


def test_a_body_that_is_no_object_is_a_400(practice: Practice) -> None:
    assert practice.ask("POST", "/sessions", data=b"[]").status_code == 400
    assert practice.ask("POST", "/sessions", data=b"{").status_code == 400


def test_a_session_is_made_with_status_200_and_upper_case_roles(practice: Practice) -> None:
    made = practice.create(picture="http://p.test", feature_flags=["-plugin;x"])
    assert made["start_time"] == "Tue, 01 Sep 2026 09:00:00 GMT"
    assert [one["role"] for one in made["participants"]] == ["HOST", "GUEST"]
    assert all(one["entry_url"].endswith(one["participant_id"]) for one in made["participants"])
    assert (made["picture"], made["feature_flags"]) == ("http://p.test", ["-plugin;x"])
    assert practice.get(f"/sessions/{made['session_id']}") == made


def test_iso_times_are_taken_and_answered_where_told() -> None:
    with Practice.open(dates="iso") as practice:
        made = practice.create(start_time="2026-09-01T19:00:00+10:00", end_time="2026-09-01T09:30:00.000Z")
        assert (made["start_time"], made["end_time"]) == ("2026-09-01T09:00:00.000Z", "2026-09-01T09:30:00.000Z")


def test_a_session_is_updated_until_it_has_finished(practice: Practice) -> None:
    made = practice.create()
    path = f"/sessions/{made['session_id']}"
    later = {
        "start_time": gmt(NOW + 2 * HOUR),
        "end_time": gmt(NOW + 3 * HOUR),
        "session_name": "B",
        "picture": "p",
    }
    assert practice.ask("PUT", path, json=later).json()["session_name"] == "B"
    past = practice.ask("PUT", path, json={"start_time": gmt(NOW - HOUR)})
    assert message(past) == (400, "`start_time` must be in the future")
    practice.sandbox.clock.advance(2.5 * 3600)
    over = practice.ask("PUT", path, json={"end_time": gmt(NOW + 2.4 * HOUR)})
    assert message(over) == (400, "`end_time` must be in the future")
    practice.sandbox.clock.advance(3600)
    assert message(practice.ask("PUT", path, json={"session_name": "C"})) == (
        400,
        "The session has already finished",
    )
    assert practice.ask("PUT", path, json={"participants": []}).status_code == 400


@pytest.mark.parametrize(("status", "words"), [(401, "Unauthorized"), (404, "`session_id` not found")])
def test_a_cancelled_session_is_seen_no_more(status: int, words: str) -> None:
    with Practice.open(cancelled_status=status) as practice:
        path = f"/sessions/{practice.create()['session_id']}"
        assert practice.ask("DELETE", path).json() == {"ok": True}
        for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/summary")):
            assert message(practice.ask(method, path + tail, json={})) == (status, words)


def test_a_started_session_is_not_cancelled(practice: Practice) -> None:
    made = practice.create()
    practice.start(made)
    refused = practice.ask("DELETE", f"/sessions/{made['session_id']}")
    assert message(refused) == (400, "The session has already started")


def test_what_is_not_there_is_a_404_and_another_method_a_405(practice: Practice) -> None:
    assert practice.ask("GET", "/sessions/none").status_code == 404
    assert practice.ask("GET", "/participants/none").status_code == 404
    assert practice.ask("GET", "/session").status_code == 404
    assert practice.ask("PATCH", "/sessions").status_code == 405


# ---- the list


def names(practice: Practice, **params: Any) -> list[str]:
    return [one["session_name"] for one in practice.get("/sessions", **params)["content"]]


def test_the_list_is_in_order_of_creation_and_with_times_in_order_of_start(practice: Practice) -> None:
    for name, hours in (("late", 3), ("early", 1), ("middle", 2)):
        practice.create(session_name=name, start=NOW + hours * HOUR)
    assert names(practice) == ["late", "early", "middle"]
    assert names(practice, order="reverse") == ["middle", "early", "late"]
    assert names(practice, start_time=gmt(NOW)) == ["early", "middle", "late"]
    assert names(practice, start_time=gmt(NOW + 2 * HOUR), order="reverse") == ["late", "middle"]


def test_the_end_filter_has_two_readings() -> None:
    for reading, found in (("end", []), ("start", ["Visit"])):
        with Practice.open(end_filter=reading) as practice:
            practice.create()
            assert names(practice, end_time=gmt(NOW + HOUR)) == found


def test_pages_count_what_is_on_them_and_tell_whether_there_is_more(practice: Practice) -> None:
    for _ in range(3):
        practice.create()
    pages = [practice.get("/sessions", page=number, page_size=2) for number in range(3)]
    assert [(one["page"], one["page_size"], one["more"]) for one in pages] == [
        (0, 2, True),
        (1, 1, False),
        (2, 0, False),
    ]
    assert practice.get("/sessions", page_size=1000)["page_size"] == 3


@pytest.mark.parametrize(
    "params",
    [
        {"page": "x"},
        {"page_size": "0"},
        {"order": "backwards"},
        {"include_canceled": "perhaps"},
        {"start_time": "soon"},
    ],
)
def test_a_parameter_that_is_wrong_is_a_400(practice: Practice, params: dict[str, str]) -> None:
    assert practice.ask("GET", "/sessions", params=params).status_code == 400


@pytest.mark.parametrize("told", [True, False])
def test_cancelled_sessions_are_listed_on_request_and_may_look_alive(told: bool) -> None:
    with Practice.open(canceled_time=told) as practice:
        practice.ask("DELETE", f"/sessions/{practice.create()['session_id']}")
        assert names(practice) == []
        (row,) = practice.get("/sessions", include_canceled="true")["content"]
        assert ("canceled_time" in row) is told
        assert len(row["participants"]) == 2


def test_the_state_filter_is_exact_and_sees_removed_people_on_request(practice: Practice) -> None:
    made = practice.create()
    assert names(practice, state="rory") == ["Visit"]
    assert names(practice, state="ror") == []
    practice.ask("DELETE", f"/participants/{made['participants'][1]['participant_id']}")
    assert names(practice, state="rory") == []
    assert names(practice, state="rory", deleted_participants="true") == ["Visit"]


# ---- participants


def test_participants_come_and_go_and_stay_in_the_data(practice: Practice) -> None:
    made = practice.create()
    path = f"/sessions/{made['session_id']}/participants"
    amy = practice.ask("POST", path, json={"display_name": "Amy", "phone": "1", "picture": "p"}).json()
    assert (amy["role"], amy["phone"]) == ("GUEST", "1")
    person = f"/participants/{amy['participant_id']}"
    assert practice.get(person) == amy
    changed = practice.ask("PUT", person, json={"role": "host", "state": "amy"}).json()
    assert (changed["role"], changed["state"], changed["display_name"]) == ("HOST", "amy", "Amy")
    assert practice.ask("DELETE", person).json() == {"ok": True}
    assert len(practice.get(path)) == 2
    assert "deleted_at" in practice.get(path, deleted_participants="true")[2]
    practice.sandbox.clock.advance(2 * 3600)
    for method, where in (("POST", path), ("PUT", person), ("DELETE", person)):
        assert message(practice.ask(method, where, json={})) == (400, "The session has already finished")


def test_the_participants_are_a_page_where_told() -> None:
    with Practice.open(participants_page=True) as practice:
        page = practice.get(f"/sessions/{practice.create()['session_id']}/participants")
        assert (page["page_size"], page["more"]) == (len(PEOPLE), False)
