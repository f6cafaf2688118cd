from __future__ import annotations

import json
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox.client import SandboxControl, SandboxError
from airflow_provider.live_sessions.sandbox.faults import Fault, Faults, Kind
from airflow_provider.live_sessions.sandbox.wire import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.school import School


def spaces(school: School) -> int:
    return len(school.sandbox.state()["lessonspace"]["spaces"])


def last(school: School) -> Any:
    return school.sandbox.log.entries()[-1]


@pytest.mark.parametrize(("kind", "effect"), [("reset_before", False), ("reset_after", True)])
def test_a_reset_connection_did_it_or_did_not(school: School, kind: str, effect: bool) -> None:
    school.sandbox.faults.add(kind, path="/launch/", count=1)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        school.try_launch("a", "t")
    assert spaces(school) == effect
    assert (last(school).status, last(school).effect, last(school).fault) == (0, effect, kind)
    assert school.try_launch("a", "t").status_code == (200 if effect else 201)


@contextmanager
def asking(school: School) -> Iterator[Future[requests.Response]]:
    """A launch that somebody else makes at the same time."""
    with ThreadPoolExecutor(1) as others:
        yield others.submit(school.try_launch, "a", "t")


@pytest.mark.parametrize(("kind", "done"), [("hold_before", 0), ("hold_after", 1)])
def test_a_held_request_waits_before_or_after_it_was_done_until_it_is_released(
    school: School, kind: str, done: int
) -> None:
    held = school.sandbox.faults.add(kind, path="/launch/")
    with asking(school) as answer:
        assert school.sandbox.faults.wait_held(held) == 1
        assert spaces(school) == done
        assert not answer.done()
        school.sandbox.faults.release(held)
        assert answer.result().status_code == 201
    assert spaces(school) == 1
    assert last(school).fault == kind
    assert school.try_launch("b", "t").status_code == 201  # what was opened stays open


@pytest.mark.parametrize(("kind", "done"), [("hold_before", 0), ("hold_after", 1)])
@pytest.mark.parametrize("how", ["release", "remove", "clear", "stop"])
def test_a_held_request_that_is_dropped_is_reset_and_what_was_not_done_never_is(
    school: School, kind: str, done: int, how: str
) -> None:
    held = school.sandbox.faults.add(kind, path="/launch/")
    with asking(school) as answer:
        school.sandbox.faults.wait_held(held)
        match how:
            case "release":
                school.sandbox.faults.release(held, drop=True)
            case "remove":
                school.sandbox.faults.remove(held)
            case "clear":
                school.sandbox.faults.clear()
            case _:
                school.sandbox.stop()
        with pytest.raises(requests.ConnectionError):
            answer.result()
    assert spaces(school) == done


def test_a_held_request_is_done_though_its_client_has_gone(school: School) -> None:
    held = school.sandbox.faults.add("hold_before", path="/launch/")
    with pytest.raises(requests.ReadTimeout):
        school.ask("POST", "/spaces/launch/", json={"id": "a"}, timeout=0.2)
    assert spaces(school) == 0
    school.sandbox.faults.release(held)
    wait_until(lambda: spaces(school) == 1)


def test_held_requests_are_waited_for_and_released_over_the_control_api(school: School) -> None:
    control = SandboxControl(school.sandbox.url)
    held = control.add_fault("hold_before", path="/launch/")
    assert control.wait_held(held, timeout=0.05) == 0
    with asking(school) as answer:
        assert control.wait_held(held) == 1
        assert [one["held"] for one in control.faults()] == [1]
        control.release(held, drop=True)
        with pytest.raises(requests.ConnectionError):
            answer.result()
    with pytest.raises(SandboxError, match="No fault 77 stands"):
        control.release(77)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("effect", [False, True])
def test_a_status_comes_with_its_body_and_headers_and_the_effect_if_asked_for(
    school: School, effect: bool
) -> None:
    school.sandbox.faults.add("status", status=502, body='{"x": 1}', headers={"X-Y": "z"}, effect=effect)
    answer = school.try_launch("a")
    assert (answer.status_code, answer.json(), answer.headers["X-Y"]) == (502, {"x": 1}, "z")
    assert spaces(school) == effect
    assert (last(school).status, last(school).effect) == (502, effect)


def test_a_status_without_a_body_and_one_of_no_name(school: School) -> None:
    school.sandbox.faults.add("status", status=599)
    answer = school.ask("GET", "/hello/")
    assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (599, b"", False)


def test_a_page_comes_where_json_is_expected(school: School) -> None:
    school.sandbox.faults.add("html", status=200)
    answer = school.ask("GET", "/hello/")
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_truncated_body_is_shorter_than_promised_and_the_effect_happened(school: School) -> None:
    school.sandbox.faults.add("truncate", path="/launch/", sent=10)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        school.try_launch("a")
    assert spaces(school) == 1


def test_a_malformed_body_is_whole_and_no_json(school: School) -> None:
    school.sandbox.faults.add("malformed")
    answer = school.ask("GET", "/hello/")
    assert int(answer.headers["Content-Length"]) == len(answer.content) > 1
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_body_may_be_given(school: School) -> None:
    school.sandbox.faults.add("malformed", body="[}")
    assert school.ask("GET", "/hello/").text == "[}"


def test_a_dripping_body_takes_its_time_and_is_whole(school: School) -> None:
    school.sandbox.faults.add("drip", seconds=0.2)
    began = time.monotonic()
    answer = school.ask("GET", "/hello/")
    assert time.monotonic() - began >= 0.19
    assert answer.json()


def test_a_delay_comes_before_the_effect(school: School) -> None:
    school.sandbox.faults.add("delay", delay=0.1)
    began = time.monotonic()
    assert school.try_launch("a").status_code == 201
    assert time.monotonic() - began >= 0.1


def test_a_throttled_request_is_the_platforms_429_with_the_wait_asked_for(school: School) -> None:
    school.sandbox.faults.add("throttle", nth=1)
    school.sandbox.faults.add("throttle", nth=2, retry_after=30)
    school.sandbox.faults.add("throttle", nth=3, retry_after=1.5, retry_after_date=True)
    answers = [school.try_launch("a") for _ in range(3)]
    assert [one.status_code for one in answers] == [429] * 3
    waits = [one.headers.get("Retry-After") for one in answers]
    assert waits == [None, "30", "Tue, 01 Sep 2026 08:00:02 GMT"]
    assert answers[1].json() == {"detail": "Request was throttled. Expected available in 30 seconds."}
    assert spaces(school) == 0


def test_expired_credentials_are_the_platforms_401(school: School) -> None:
    school.sandbox.faults.add("expired", count=1)
    answer = school.ask("GET", "/hello/")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid API key."})
    assert school.ask("GET", "/hello/").status_code == 200


def test_a_fault_may_befall_join_links_and_files_but_never_the_control_api(school: School) -> None:
    link = school.launch("a", "t")["client_url"]
    school.sandbox.faults.add("status", status=503)
    assert requests.get(link, timeout=10).status_code == 503
    assert requests.get(f"{school.sandbox.url}/_sandbox/", timeout=10).status_code == 200


def struck(faults: Faults, count: int, request: Request | None = None) -> list[int]:
    asked = request or Request("GET", "/x")
    return [number for number in range(1, count + 1) if faults.strike(asked) is not None]


def test_rules_choose_by_method_path_query_nth_and_count() -> None:
    faults = Faults()
    faults.add("delay", method="POST", path="^/a/.*z$", query="page=2")
    assert [struck(faults, 1, one) for one in (
        Request("POST", "/a/xyz", "x=1&page=2"),
        Request("GET", "/a/xyz", "page=2"),
        Request("POST", "/b/xyz", "page=2"),
        Request("POST", "/a/xyz", "page=3"),
    )] == [[1], [], [], []]  # fmt: skip
    faults.clear()
    faults.add("delay", nth=3)
    assert struck(faults, 9) == [3]
    faults.clear()
    faults.add("delay", count=2)
    assert struck(faults, 9) == [1, 2]


def test_the_first_rule_that_strikes_wins_and_is_the_only_one_counted() -> None:
    faults = Faults()
    first, second = faults.add("delay", nth=2), faults.add("html", count=1)
    struck = [faults.strike(Request("GET", "/")) for _ in range(3)]
    assert [one and one.fault.kind for one in struck] == ["html", "delay", None]
    listed = {one["number"]: (one["seen"], one["struck"]) for one in faults.listed()}
    assert listed == {first: (3, 1), second: (3, 1)}
    assert faults.remove(first)
    assert not faults.remove(first)
    assert [one["number"] for one in faults.listed()] == [second]


def test_chance_is_repeatable_with_its_seed() -> None:
    def drawn(seed: int) -> list[int]:
        faults = Faults()
        faults.add("delay", probability=0.5, seed=seed)
        return struck(faults, 200)

    assert drawn(1) == drawn(1) != drawn(2)
    assert 60 < len(drawn(1)) < 140
    never = Faults()
    never.add("delay", probability=0)
    assert struck(never, 50) == []


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "gremlin"}, "gremlin"),
        ({"kind": "delay", "when": 1}, "no when"),
        ({}, "needs a kind"),
        ({"kind": "delay", "path": "("}, "not a regular expression"),
        ({"kind": "delay", "delay": "1"}, "delay is a number"),
        ({"kind": "delay", "count": True}, "count is a number"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(rule: dict[str, Any], error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(error)):
        Fault.from_json(rule)


def test_every_kind_can_be_listed_as_json() -> None:
    faults = Faults()
    for kind in Kind:
        faults.add(kind)
    assert [one["kind"] for one in json.loads(json.dumps(faults.listed()))] == list(Kind)
