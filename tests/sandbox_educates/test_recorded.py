"""The sandbox answers word for word what a portal of release 3.7.1 was recorded to answer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox_educates.portal import HUB, ROBOT, Portal

if TYPE_CHECKING:
    import requests

HTML = "text/html; charset=utf-8"
JSON = "application/json"
NOT_FOUND = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n'
    "  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n"
)
BROKEN = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n'
    "  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n"
)
W01, W02 = "lab-portal-w01", "lab-portal-w02"
REQUEST = f"/workshops/environment/{W01}/request/"


def told(answer: requests.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.headers.get("Content-Type", ""), answer.text


# ---- the token


PASSWORD = {"grant_type": "password", "username": ROBOT["username"], "password": ROBOT["password"]}
CLIENT = {"client_id": ROBOT["client_id"], "client_secret": ROBOT["client_secret"]}


def test_a_password_grant_gives_a_token_for_ten_hours(portal: Portal) -> None:
    basic = (ROBOT["client_id"], ROBOT["client_secret"])
    for answer in (
        portal.raw("POST", "/oauth2/token/", data=PASSWORD, auth=basic),
        portal.grant(**PASSWORD, **CLIENT),
        portal.grant(**PASSWORD, client_id=ROBOT["client_id"]),  # the client is public: no secret is fine
    ):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        body = answer.json()
        assert list(body) == ["access_token", "expires_in", "token_type", "scope", "refresh_token"]
        assert (body["expires_in"], body["token_type"], body["scope"]) == (36000, "Bearer", "user:info")
        assert re.fullmatch(r"[A-Za-z0-9]{30}", body["access_token"])


@pytest.mark.parametrize(
    ("form", "status", "body"),
    [
        (
            {**PASSWORD, **CLIENT, "password": "no"},
            400,
            {"error": "invalid_grant", "error_description": "Invalid credentials given."},
        ),
        ({**PASSWORD, **CLIENT, "client_secret": "no"}, 401, {"error": "invalid_client"}),
        ({**PASSWORD, **CLIENT, "client_id": "no"}, 401, {"error": "invalid_client"}),
        (PASSWORD, 401, {"error": "invalid_client"}),
        ({"grant_type": "client_credentials", **CLIENT}, 400, {"error": "unauthorized_client"}),
        ({"grant_type": "refresh_token", "refresh_token": "spent", **CLIENT}, 400, {"error": "invalid_grant"}),
    ],
)
def test_a_refused_login_says_why(portal: Portal, form: dict[str, str], status: int, body: dict[str, str]) -> None:
    answer = portal.grant(**form)
    assert told(answer) == (status, JSON, json.dumps(body))
    assert answer.headers.get("WWW-Authenticate") == ('Bearer error="invalid_client"' if status == 401 else None)


def test_a_json_body_a_get_and_a_missing_slash_are_no_login(portal: Portal) -> None:
    answer = portal.raw("POST", "/oauth2/token/", json=PASSWORD)
    assert told(answer) == (400, JSON, '{"error": "unsupported_grant_type"}')
    answer = portal.raw("GET", "/oauth2/token/")
    assert (*told(answer), answer.headers["Allow"]) == (405, HTML, "", "POST, OPTIONS")
    answer = portal.raw("POST", "/oauth2/token", data=PASSWORD)
    assert (*told(answer), answer.headers["Location"]) == (301, HTML, "", "/educates/oauth2/token/")
    assert (
        portal.raw("POST", "/oauth2/token/", data=PASSWORD, headers={"Authorization": "Basic %"}).status_code
        == 401
    )


def test_a_refresh_kills_the_old_pair_at_once_and_no_other(portal: Portal) -> None:
    first, second = portal.log_in(), portal.log_in()
    old = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **CLIENT}
    fresh = portal.grant(**old)
    assert fresh.status_code == 200
    works = {}
    for name, token in (("old", first), ("new", fresh.json()), ("other", second)):
        portal.token = token["access_token"]
        works[name] = portal.get("/workshops/catalog/workshops/").status_code
    assert works == {"old": 403, "new": 200, "other": 200}
    assert portal.grant(**old).json() == {"error": "invalid_grant"}


def test_a_revoked_token_and_one_that_ran_out_are_a_403_without_a_word(portal: Portal) -> None:
    answer = portal.raw("POST", "/oauth2/revoke-token/", data={"token": portal.token, **CLIENT})
    assert told(answer) == (200, HTML, "")
    assert told(portal.get("/workshops/catalog/workshops/")) == (403, HTML, "")
    portal.log_in()
    portal.wait(36_001)
    assert told(portal.get("/workshops/catalog/workshops/")) == (403, HTML, "")
    assert portal.raw("GET", "/oauth2/revoke-token/").status_code == 405
    assert portal.raw("POST", "/oauth2/revoke-token/", data={"token": "x"}).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/workshops/catalog/environments/",
        f"/workshops/environment/{W01}/status/",
        REQUEST,
        "/workshops/session/nope/terminate/",
        "/workshops/user/alice/sessions/",
    ],
)
def test_no_endpoint_ever_answers_401(portal: Portal, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer garbage"}):
        answer = portal.raw("GET", path, headers=headers)
        assert told(answer) == (403, HTML, "")
        assert "WWW-Authenticate" not in answer.headers


# ---- the catalogue


PORTAL = {
    "name": "lab-portal",
    "labels": {},
    "generation": 1,
    "sessions": {"maximum": 0, "registered": 0, "anonymous": 0, "allocated": 0},
}


def workshop(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "resource": name,
        "title": name.title(),
        "description": "",
        "vendor": "",
        "authors": [],
        "difficulty": "",
        "duration": "",
        "tags": [],
        "labels": {"difficulty": "easy"},
        "logo": "",
        "url": "",
    }


def test_the_catalogue_lists_environments_with_their_numbers(portal: Portal) -> None:
    body = portal.get("/workshops/catalog/environments/").json()
    uid, url = body["portal"].pop("uid"), body["portal"].pop("url")
    assert (body["portal"], url) == (PORTAL, portal.educates.url)
    assert len(uid) == 36
    numbers = {"duration": 1800, "capacity": 3, "allocated": 0}
    assert body["environments"] == [
        {
            "name": W01,
            "state": "RUNNING",
            "workshop": workshop("lab-basics"),
            **numbers,
            "reserved": 1,
            "available": 1,
        },
        {
            "name": W02,
            "state": "RUNNING",
            "workshop": workshop("lab-ondemand"),
            **numbers,
            "reserved": 0,
            "available": 0,
        },
    ]


def test_sessions_come_only_where_they_are_asked_for(portal: Portal) -> None:
    portal.request("alice")
    plain = portal.get("/workshops/catalog/environments/").json()
    assert all("sessions" not in one for one in plain["environments"])
    for flag in ("true", "1", "TRUE"):
        listed = portal.get("/workshops/catalog/environments/", sessions=flag).json()["environments"]
        assert listed[1]["sessions"] == []
        assert listed[0]["sessions"] == [
            {
                "name": f"{W01}-s001",
                "state": "WAITING",
                "namespace": f"{W01}-s001",
                "user": "alice",
                "started": "2026-11-20T17:12:11.723Z",
                "expires": "2026-11-20T17:13:11.723Z",
                "countdown": 60,
                "extendable": False,
            }
        ]


def test_the_catalogue_s_filters_are_read_as_the_portal_reads_them(portal: Portal) -> None:
    def names(query: str) -> list[str]:
        answer = portal.call("GET", f"/workshops/catalog/environments/?{query}")
        return [one["name"] for one in answer.json()["environments"]]

    assert names("name=nosuch") == []
    assert names("name=lab-basics&name=lab-ondemand") == [W01, W02]
    assert names("labels%5Bdifficulty%5D=easy&name=lab-basics") == [W01]
    assert names("labels[difficulty]=hard") == []
    assert names("labels[my-label]=x") == [W01, W02]  # a dash in the key: the filter is left out
    assert names("labels[difficulty]=ea+sy") == []
    assert names("flag&sessions=true") == [W01, W02]
    assert names("state=stopping") == []
    answer = portal.call("GET", "/workshops/catalog/environments/?name=a=b")
    assert told(answer) == (500, HTML, BROKEN)


def test_the_catalogue_of_workshops_names_the_environment_that_runs_each(portal: Portal) -> None:
    answer = portal.get("/workshops/catalog/workshops/")
    listed = answer.json()["workshops"]
    assert [one["name"] for one in listed] == ["lab-basics", "lab-ondemand"]
    assert listed[0]["environment"]["name"] == W01
    assert answer.text.startswith('{"portal": {"name": "lab-portal", "labels": {}, "uid": "')


def test_a_missing_slash_and_an_unknown_address(portal: Portal) -> None:
    answer = portal.get("/workshops/catalog/environments", sessions="true")
    assert told(answer) == (301, HTML, "")
    assert answer.headers["Location"] == "/educates/workshops/catalog/environments/?sessions=true"
    # The guide leaves "/workshops" out.
    assert told(portal.get("/session/lab-portal-w01-s001/schedule/")) == (404, HTML, NOT_FOUND)


def test_an_environment_s_status_has_no_resource_and_a_403_where_it_is_unknown(portal: Portal) -> None:
    body = portal.get(f"/workshops/environment/{W01}/status/", sessions="true").json()
    assert list(body) == [
        *("name", "state", "workshop", "sessions", "duration", "capacity", "reserved", "allocated", "available"),
    ]
    assert "resource" not in body["workshop"]
    assert "sessions" not in portal.get(f"/workshops/environment/{W01}/status/").json()
    answer = portal.get("/workshops/environment/nope/status/")
    assert told(answer) == (403, HTML, "Environment does not exist")


# ---- a session is requested


@pytest.mark.parametrize(
    ("path", "params", "status", "sentence"),
    [
        (REQUEST, {}, 400, "Need redirect URL for workshop index"),
        ("/workshops/environment/nope/request/", {"index_url": HUB}, 403, "Environment does not exist"),
        ("/workshops/environment/lab-basics/request/", {"index_url": HUB}, 403, "Environment does not exist"),
        (REQUEST, {"index_url": HUB, "timeout": "abc"}, 500, BROKEN),
        (REQUEST, {"index_url": HUB, "email": "nope"}, 400, "Invalid email address provided"),
        (REQUEST, {"index_url": HUB, "user": "educates"}, 400, "Session requests not permitted for user"),
        (REQUEST, {"index_url": HUB, "user": "robot@educates"}, 400, "Session requests not permitted for user"),
    ],
)
def test_a_request_is_refused_in_the_portal_s_words(
    portal: Portal, path: str, params: dict[str, str], status: int, sentence: str
) -> None:
    assert told(portal.get(path, **params)) == (status, HTML, sentence)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"{", 400, "Invalid JSON request payload"),
        (b"[]", 400, "Malformed JSON request payload"),
        (b'{"parameters": {}}', 400, "Malformed JSON request payload"),
        (b'{"parameters": [{"name": "X", "value": 1}]}', 400, "Malformed JSON request payload"),
        (b'{"parameters": [{"value": "x"}]}', 400, "Malformed JSON request payload"),
        (b'{"parameters": ["x"]}', 500, BROKEN),
    ],
)
def test_a_request_s_body_is_looked_at_first(portal: Portal, body: bytes, status: int, sentence: str) -> None:
    answer = portal.call("POST", f"{REQUEST}?index_url={HUB}", data=body)
    assert told(answer) == (status, HTML, sentence)


def test_a_session_is_given_and_given_again(portal: Portal) -> None:
    answer = portal.get(REQUEST, index_url=HUB, user="alice", first_name="Al", email="al@x.org")
    token = re.search(r"token=(\w{32})&", answer.text)
    assert token is not None
    assert answer.text == json.dumps(
        {
            "name": f"{W01}-s001",
            "session": f"{W01}-s001",
            "user": "alice",
            "url": f"/workshops/session/{W01}-s001/activate/?token={token[1]}&index_url=https%3A%2F%2Fhub.test%2F",
            "namespace": f"{W01}-s001",
            "workshop": "lab-basics",
            "environment": W01,
        }
    )
    again = portal.get(REQUEST, redirect_url="https://other.test/", user="alice").json()
    assert again["name"] == f"{W01}-s001"
    assert again["url"].endswith(f"?token={token[1]}&index_url=https%3A%2F%2Fother.test%2F")


def test_a_full_environment_is_a_503_in_json_and_the_user_is_made_anyway(portal: Portal) -> None:
    for user in ("carol", "dave", "erin"):
        portal.request(user, W02)
    answer = portal.get(f"/workshops/environment/{W02}/request/", index_url=HUB, user="frank")
    assert told(answer) == (503, JSON, '{"error": "No session available"}')
    assert portal.get("/workshops/user/frank/sessions/").text == '{"user": "frank", "sessions": []}'
    assert portal.sandbox.state()["educates"]["users"]["frank"] == "anonymous"


def test_a_named_session_is_never_made(portal: Portal) -> None:
    answer = portal.get(REQUEST, index_url=HUB, user="bob", session=f"{W01}-s999")
    assert told(answer) == (503, JSON, '{"error": "No session available"}')
    portal.request("bob")
    assert portal.get(REQUEST, index_url=HUB, user="bob", session="other").status_code == 503
    assert portal.request("bob", session=f"{W01}-s001")["name"] == f"{W01}-s001"


def test_a_session_of_the_web_page_cannot_be_reacquired(portal: Portal) -> None:
    portal.educates.web_session(W01, "walter")
    answer = portal.get(REQUEST, index_url=HUB, user="walter")
    assert told(answer) == (503, JSON, '{"error": "Cannot be reacquired"}')


# ---- sessions


def test_an_id_that_is_no_slug_can_ask_for_sessions_and_never_list_them(portal: Portal) -> None:
    for user in ("manual__2026-01-01T00:00:00+00:00", "al@x.org", "a b", "é", "dag.task"):
        assert portal.request(user, W02)["user"] == user
        path = f"/workshops/user/{user}/sessions/"
        assert told(portal.get(path)) == (404, HTML, NOT_FOUND)
        portal.educates.finish(user)
        portal.wait(2)
    assert portal.get("/workshops/user/nobody/sessions/").text == '{"user": "nobody", "sessions": []}'


def test_a_pending_session_s_schedule_owner_and_configuration(portal: Portal) -> None:
    name = portal.request("alice")["name"]
    portal.wait(0.5)
    path = f"/workshops/session/{name}"
    assert portal.get(f"{path}/schedule/").text == (
        '{"status": "WAITING", "started": "2026-11-20T17:12:11.723Z", "expires": "2026-11-20T17:13:11.723Z", '
        '"expiring": true, "countdown": 59, "extendable": false}'
    )
    assert portal.get(f"{path}/authorize/").text == '{"owner": "alice", "user": "robot@educates", "staff": false}'
    config = portal.get(f"{path}/config/").json()
    assert (config["url"], len(config["password"])) == (f"http://{name}.labs.invalid", 32)
    assert portal.get(f"{path}/extend/").text == (
        '{"status": "WAITING", "started": "2026-11-20T17:12:11.723Z", "expires": "2026-11-20T17:13:11.723Z", '
        '"extended": false, "expiring": true, "countdown": 59, "extendable": false}'
    )
    assert portal.get("/workshops/user/alice/sessions/").text == (
        f'{{"user": "alice", "sessions": [{{"name": "{name}", "namespace": "{name}", "workshop": "lab-basics", '
        f'"environment": "{W01}", "started": "2026-11-20T17:12:11.723Z", "expires": "2026-11-20T17:13:11.723Z", '
        '"countdown": 59, "extendable": false}]}'
    )


def test_a_session_in_reserve_has_a_schedule_and_no_owner(portal: Portal) -> None:
    path = f"/workshops/session/{W01}-s001"
    assert portal.get(f"{path}/schedule/").text == (
        '{"status": "WAITING", "started": null, "expires": null, "expiring": false}'
    )
    for what in ("authorize", "extend", "terminate"):
        assert told(portal.get(f"{path}/{what}/")) == (400, HTML, "Session is not currently in use")
    answer = portal.call("POST", f"{path}/event/", json={"event": {"name": "A/B"}})
    assert told(answer) == (400, HTML, "Session was never allocated")


def test_an_event_needs_a_name_and_json(portal: Portal) -> None:
    path = f"/workshops/session/{portal.request('alice')['name']}/event/"
    good = json.dumps({"event": {"name": "A/B", "data": {"k": "v"}}})
    for kind in (JSON, f"{JSON}; charset=utf-8"):
        answer = portal.call("POST", path, data=good, headers={"Content-Type": kind})
        assert told(answer) == (200, JSON, "{}")
    nameless = portal.call("POST", path, json={"event": {}})
    assert told(nameless) == (400, HTML, "No event data provided")
    assert told(portal.call("POST", path, data={"a": "b"})) == (400, HTML, "No event data provided")
    assert portal.call("POST", path, data="{", headers={"Content-Type": JSON}).status_code == 500
    answer = portal.get(path)
    assert (*told(answer), answer.headers["Allow"]) == (405, HTML, "", "POST")


def test_terminate_is_a_get_and_anything_else_a_csrf_page(portal: Portal) -> None:
    name = portal.request("alice")["name"]
    path = f"/workshops/session/{name}"
    for method in ("POST", "DELETE", "PUT"):
        answer = portal.call(method, f"{path}/terminate/")
        assert answer.status_code == 403
        assert "<title>403 Forbidden</title>" in answer.text
    answer = portal.call("HEAD", f"{path}/schedule/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    answer = portal.get(f"{path}/terminate/")
    assert answer.text == '{"started": "2026-11-20T17:12:11.723Z", "expires": "2026-11-20T17:12:11.723Z"}'
    assert portal.schedule(name) == {
        "status": "STOPPING",
        "started": "2026-11-20T17:12:11.723Z",
        "expires": "2026-11-20T17:12:11.723Z",
        "expiring": True,
        "countdown": 0,
        "extendable": False,
    }
    assert portal.sessions("alice") == []
    portal.wait(1)
    assert told(portal.get(f"{path}/schedule/")) == (404, HTML, NOT_FOUND)
    assert told(portal.get(f"{path}/terminate/")) == (404, HTML, NOT_FOUND)
    assert portal.request("alice")["name"] == f"{W01}-s002"


def test_activation_asks_for_nothing_but_the_token(portal: Portal) -> None:
    portal.wait(3)
    given = portal.request("alice")
    name = given["name"]
    path = f"/workshops/session/{name}/activate/"
    for where, sentence in (
        (path, "No access token supplied"),
        (f"{path}?token=zzz", "Invalid access token for session"),
        ("/workshops/session/nope/activate/?token=zzz", "Invalid session name supplied"),
    ):
        assert told(portal.raw("GET", where)) == (400, HTML, sentence)
    portal.wait(61)  # late, but the reaper has not come
    for _ in range(2):
        answer = portal.raw("GET", given["url"])
        assert told(answer) == (302, HTML, "")
        assert answer.headers["Location"] == f"/educates/workshops/session/{name}/"
        assert sorted(answer.cookies.keys()) == ["csrftoken", "sessionid"]
    portal.http.cookies.clear()
    assert portal.schedule(name) == {
        "status": "RUNNING",
        "started": "2026-11-20T17:13:15.723Z",
        "expires": "2026-11-20T17:43:15.723Z",
        "expiring": False,
        "countdown": 1800,
        "extendable": False,
    }
    portal.educates.finish(name)
    portal.wait(2)
    assert told(portal.raw("GET", given["url"])) == (400, HTML, "Invalid session name supplied")


def test_a_login_cookie_wins_over_the_token(portal: Portal) -> None:
    given = portal.request("alice")
    portal.raw("GET", given["url"])
    with_jar = {"Authorization": f"Bearer {portal.token}"}
    answer = portal.raw("GET", "/workshops/user/alice/sessions/", headers=with_jar)
    assert told(answer) == (403, HTML, "Session requests not permitted")
    answer = portal.raw("GET", f"{REQUEST}?index_url={HUB}", headers=with_jar)
    assert told(answer) == (403, HTML, "Session requests not permitted")
    answer = portal.raw("GET", f"/workshops/environment/{W01}/status/", headers=with_jar)
    assert told(answer) == (403, HTML, "Status requests not permitted")
    answer = portal.raw("GET", "/workshops/catalog/environments/?sessions=true", headers=with_jar)
    assert answer.status_code == 200
    assert "sessions" not in answer.json()["environments"][0]
    portal.http.cookies.clear()
    other = portal.request("bob")["name"]
    portal.raw("GET", given["url"])
    answer = portal.raw("GET", f"/workshops/session/{other}/schedule/", headers=with_jar)
    assert told(answer) == (403, HTML, "Access to session not permitted")
    portal.http.cookies.clear()
    assert portal.sessions("alice") == [given["name"]]


def test_a_public_catalogue_answers_anybody_and_without_sessions() -> None:
    with Portal.open(catalog_public=True) as portal:
        for headers in ({}, {"Authorization": "Bearer spent"}):
            answer = portal.raw(
                "GET", "/workshops/catalog/environments/?sessions=true&state=stopping", headers=headers
            )
            assert answer.status_code == 200
            listed = answer.json()["environments"]
            assert [("sessions" in one, one["state"]) for one in listed] == [(False, "RUNNING")] * 2
        assert (
            "sessions" in portal.get("/workshops/catalog/environments/", sessions="true").json()["environments"][0]
        )
