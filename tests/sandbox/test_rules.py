"""The rules that hold for every endpoint: credentials, slashes, rate limit, errors."""

from __future__ import annotations

import email.utils
import time
from datetime import timedelta
from typing import Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox.lessonspace.throttle import Throttle
from tests.sandbox.school import KEY, START, School


def test_hello_and_my_organisation_know_the_key(school: School) -> None:
    assert school.get("/hello/") == {"response": "The sun is shining and so are you, Sandbox School"}
    assert school.get("/my-organisation/")["id"] == school.sandbox.lessonspace.organisation == 4711


@pytest.mark.parametrize(
    "credentials", ["", f"Bearer {KEY}", f"Organization {KEY}", "Organisation wrong", KEY, f"organisation {KEY}"]
)
def test_without_the_key_in_its_form_everything_is_401(school: School, credentials: str) -> None:
    headers = {"Authorization": credentials} if credentials else {}
    for method, path in (("GET", "/hello/"), ("POST", "/spaces/launch/"), ("GET", f"{school.org}/sessions/")):
        url = f"{school.sandbox.lessonspace.url}{path}"
        answer = requests.request(method, url, headers=headers, json={"id": "a"}, timeout=10)
        assert answer.status_code == 401
        assert set(answer.json()) == {"detail"}
    assert school.sandbox.state()["lessonspace"]["spaces"] == []


def test_another_organisation_is_403(school: School) -> None:
    for path in ("/organisations/1/sessions/", "/organisations/x/users/", "/organisations/1/users/5/"):
        answer = school.ask("GET", path)
        assert (answer.status_code, set(answer.json())) == (403, {"detail"})


def test_a_get_without_the_slash_is_sent_on_and_a_post_fails(school: School) -> None:
    answer = school.ask("GET", f"{school.org}/sessions?page=1")
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"/lessonspace/v2{school.org}/sessions/?page=1"
    assert school.http.get(f"{school.sandbox.lessonspace.url}/hello", timeout=10).status_code == 200
    assert school.ask("HEAD", "/hello").headers["Location"] == "/lessonspace/v2/hello/"
    assert school.ask("POST", "/spaces/launch", json={"id": "a"}).status_code == 500
    assert school.sandbox.state()["lessonspace"]["spaces"] == []


def test_unknown_paths_are_a_404_page_and_unknown_sessions_a_404_object(school: School) -> None:
    answer = school.ask("GET", "/nowhere/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    unknown = "00000000-0000-4000-8000-000000000000"
    for path in (
        f"{school.org}/sessions/{unknown}/",
        f"{school.org}/sessions/x/",
        f"/sessions/{unknown}/playback/",
    ):
        answer = school.ask("GET", path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})
    assert requests.get(f"{school.sandbox.url}/elsewhere/", timeout=10).status_code == 404


def test_a_wrong_method_is_405_and_head_is_a_get_without_its_body(school: School) -> None:
    answer = school.ask("PUT", "/hello/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = school.ask("HEAD", "/hello/")
    assert (answer.status_code, answer.content, int(answer.headers["Content-Length"]) > 0) == (200, b"", True)


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[]", 400),
        ("application/json", b"\xff", 400),
        ("text/plain", b'{"id": "a"}', 415),
        ("application/json; charset=utf-8", b'{"id": "a"}', 201),
    ],
)
def test_a_body_must_be_a_json_object(school: School, kind: str, data: bytes, status: int) -> None:
    answer = school.ask("POST", "/spaces/launch/", data=data, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()


def limited(school: School) -> list[tuple[str, str, dict[str, Any]]]:
    row = school.hold()
    session = f"{school.org}/sessions/{row['uuid']}/"
    return [
        ("GET", f"{school.org}/sessions/", {}),
        ("GET", session, {}),
        ("PATCH", session, {"json": {"name": "n"}}),
        ("GET", f"{session}transcript/", {}),
        ("GET", f"/spaces/{row['space']['id']}/sessions/", {}),
    ]


def test_the_flagged_endpoints_share_five_requests_a_second_and_the_others_have_no_limit() -> None:
    with School.open(rate_limit=5) as school:
        began = time.monotonic()
        calls = limited(school)
        statuses = [school.ask(method, path, **kwargs).status_code for method, path, kwargs in calls * 2]
        free = [school.ask("GET", "/hello/").status_code for _ in range(10)]
        free += [school.try_launch("b").status_code for _ in range(10)]
        within = time.monotonic() - began < 1
    assert free == [200] * 10 + [201] + [200] * 9
    # The class's row took one of the five. A machine that stalls for a second sees the limit lifted.
    if within:
        assert statuses.count(429) == 6
        assert statuses[-1] == 429


@pytest.mark.parametrize(("form", "values"), [("none", {None}), ("seconds", {"1"}), ("date", None)])
def test_retry_after_comes_in_the_form_asked_for(form: str, values: set[str | None] | None) -> None:
    with School.open(rate_limit=1, retry_after=form) as school:
        path = f"{school.org}/sessions/"
        answers = [school.ask("GET", path) for _ in range(12)]
        refused = [one for one in answers if one.status_code == 429]
        assert refused
        assert all(one.json()["detail"].startswith("Request was throttled.") for one in refused)
        headers = {one.headers.get("Retry-After") for one in refused}
        date = email.utils.format_datetime(START + timedelta(seconds=1), usegmt=True)
        assert headers == (values or {date})


def test_the_limit_lets_through_what_it_promises() -> None:
    throttle = Throttle(3)
    assert [throttle.wait("k") == 0 for _ in range(4)] == [True, True, True, False]
    assert 0 < throttle.wait("k") <= 1
    assert throttle.wait("other") == 0
    time.sleep(throttle.wait("k") + 0.01)
    assert throttle.wait("k") == 0
    assert [Throttle(0).wait("k") for _ in range(9)] == [0] * 9


def test_the_date_header_follows_the_sandboxs_clock(school: School) -> None:
    school.wait(86400)
    assert school.ask("GET", "/hello/").headers["Date"] == "Wed, 02 Sep 2026 08:00:00 GMT"
