from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse
from requests.auth import HTTPBasicAuth  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.address import same_origin_target
from airflow_provider.live_sessions.core.budget import RateBudget
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.retry import NO_RETRY, RetryPolicy, Safety
from tests.core import scripted
from tests.core.desk import KEY, KeyAuth, desk, ok
from tests.core.scripted import ScriptedServer, refused_port

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.answer import Answer


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_read_is_repeated_until_it_is_answered(status: int) -> None:
    with desk(scripted.reply(status), scripted.hang_up(), ok()) as at:
        assert at.get().status == 200
        assert len(at.server.received) == 3
        assert len(at.slept) == 2


@pytest.mark.parametrize(
    "broken",
    [
        scripted.hang_up,
        scripted.reset,
        lambda: scripted.reply(200, '{"ok": tr', length=400),
        lambda: scripted.raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"ok'),
        lambda: scripted.raw(b"what is this\r\n\r\n"),
        lambda: scripted.raw(b"HTTP/1.1 103 Early\r\n\r\n"),
        lambda: scripted.reply(200, b"not gzip", {"Content-Encoding": "gzip"}),
        lambda: scripted.reply(500, "no"),
        lambda: scripted.reply(503, "no", {"Retry-After": "1"}),
        lambda: scripted.reply(408),
        lambda: scripted.reply(200, "<html>maintenance"),
        lambda: scripted.reply(201, ""),
        lambda: scripted.reply(200, '{"a": NaN}'),
        lambda: scripted.reply(200, "[" * 200_000),
        lambda: scripted.reply(200, b"\xff\xfe\xff"),
    ],
)
def test_a_write_with_a_lost_answer_is_unknown_and_sent_once(broken: Any) -> None:
    with desk(broken(), ok()) as at:
        with pytest.raises(OutcomeUnknown) as caught:
            at.post()
        assert len(at.server.received) == 1
        assert at.slept == []
    assert "make a room" in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        scripted.reset,
        lambda: scripted.reply(200, '{"ok": tr', length=400),
        lambda: scripted.reply(200, "<html>maintenance"),
        lambda: scripted.reply(200, "[" * 200_000),
        lambda: scripted.reply(200, ""),
    ],
)
def test_a_read_with_a_broken_answer_is_repeated_and_then_unavailable(broken: Any) -> None:
    with desk(broken(), broken(), broken(), ok()) as at:
        with pytest.raises(Unavailable) as caught:
            at.get()
        assert len(at.server.received) == 3
    assert "tried 3 times" in str(caught.value)
    assert "secret-room" not in str(caught.value)


def test_a_silent_platform_is_unavailable_to_a_read_and_unknown_to_a_write() -> None:
    with desk(scripted.silence(), timeout=(5.0, 0.1), retry=NO_RETRY) as at, pytest.raises(Unavailable):
        at.get()
    with desk(scripted.silence(), timeout=(5.0, 0.1)) as at, pytest.raises(OutcomeUnknown):
        at.post()


def test_an_idempotent_write_is_repeated_and_unknown_when_all_answers_are_lost() -> None:
    with desk(scripted.hang_up(), scripted.reply(502), ok()) as at:
        assert at.put().status == 200
    with desk(scripted.hang_up(), scripted.hang_up(), scripted.reply(429)) as at, pytest.raises(OutcomeUnknown):
        at.put()


def test_a_refusal_after_a_lost_answer_says_that_something_may_have_happened() -> None:
    with (
        desk(scripted.hang_up(), scripted.reply(404)) as at,
        pytest.raises(NotFound, match="may have taken effect"),
    ):
        at.client.request("DELETE", "rooms/7/", label="delete a room")


def test_safety_can_be_told_per_call() -> None:
    with desk(scripted.hang_up()) as at, pytest.raises(OutcomeUnknown):
        at.get(safety=Safety.ONCE)  # a GET with an effect
    with desk(scripted.hang_up(), ok()) as at:
        assert at.post(safety=Safety.READ).status == 200


def test_a_write_that_never_left_is_tried_again_and_then_unavailable() -> None:
    with desk(base_url=f"http://127.0.0.1:{refused_port()}") as at:
        with pytest.raises(Unavailable, match="refused"):
            at.post()
        assert len(at.slept) == 2


def test_a_proxy_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://eve:pass@127.0.0.1:{refused_port()}")
    with desk(base_url="http://toy.invalid") as at, pytest.raises(Unavailable, match="proxy") as caught:
        at.post()
    assert "eve" not in str(caught.value)


def test_a_write_told_to_slow_down_is_sent_again() -> None:
    with desk(scripted.reply(429, headers={"Retry-After": "7"}), ok()) as at:
        assert at.post().status == 200
        assert 7.0 <= at.slept[0] <= 7.5


def test_a_retry_after_as_a_date_counts_on_the_servers_clock() -> None:
    headers = {"Date": "Tue, 01 Sep 2015 09:00:00 GMT", "Retry-After": "Tue, 01 Sep 2015 09:00:20 GMT"}
    with desk(scripted.reply(503, headers=headers), ok()) as at:
        at.get()
        assert 20.0 <= at.slept[0] <= 20.5


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimited), (503, Unavailable)])
def test_a_long_wait_is_handed_over_without_sleeping(status: int, kind: type[RateLimited]) -> None:
    with desk(scripted.reply(status, headers={"Retry-After": "61"}), ok()) as at:
        with pytest.raises(kind) as caught:
            at.get()
        assert at.slept == []
    assert caught.value.retry_after == 61.0


def test_a_retry_is_warned_about_and_each_attempt_noted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), desk(scripted.reply(500, f"key {KEY}"), ok()) as at:
        at.get(params={"user": "Ann"})
    ours = [one for one in caplog.records if one.name.startswith("airflow_provider")]
    assert [one.levelname for one in ours] == ["DEBUG", "WARNING", "DEBUG"]
    assert "read a room: status 500, key ***; trying again in" in ours[1].getMessage()
    for hidden in (KEY, "secret-room", "Ann"):
        assert hidden not in caplog.text


class Bucket:
    def __init__(self, left: float = 0.0) -> None:
        self.left = left
        self.turns = 0
        self.pauses: list[float] = []

    def acquire(self, *, patience: float = float("inf")) -> float:
        self.turns += 1
        return self.left if self.left > patience else 0.0

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def test_every_attempt_of_a_limited_call_takes_a_turn_and_no_other_does() -> None:
    bucket = Bucket()
    with desk(scripted.reply(500), ok(), ok(), budget=bucket) as at:
        at.get(limited=True)
        at.get()
    assert bucket.turns == 2
    assert bucket.pauses == []


def test_a_wait_asked_for_stops_everybody() -> None:
    bucket = Bucket()
    script = (scripted.reply(429, headers={"Retry-After": "7"}), scripted.reply(429), ok())
    with desk(*script, budget=bucket) as at:
        at.get(limited=True)
        assert bucket.pauses == [7.0, 1.0]
    with (
        desk(scripted.reply(503, headers={"Retry-After": "900"}), budget=bucket) as at,
        pytest.raises(Unavailable),
    ):
        at.get()
    assert bucket.pauses[-1] == 900.0


def test_a_429_that_names_no_time_stops_everybody_for_longer_each_time_and_also_at_the_last() -> None:
    bucket = Bucket()
    with desk(scripted.reply(429), scripted.reply(429), scripted.reply(429), budget=bucket) as at:
        with pytest.raises(RateLimited):
            at.get()
        assert all(slept <= quiet for slept, quiet in zip(at.slept, bucket.pauses, strict=False))
    assert bucket.pauses == [0.5, 1.0, 2.0]


def test_each_429_is_counted_and_nothing_else_is() -> None:
    counted: list[tuple[str, str, str]] = []

    class Counter:
        def count(self, name: str, *, platform: str, conn_id: str) -> None:
            counted.append((name, platform, conn_id))

    script = (scripted.reply(429), scripted.reply(503), scripted.reply(429), ok())
    with desk(*script, meter=Counter(), retry=RetryPolicy(attempts=4)) as at:
        at.get()
    assert counted == [("rate_limited", "Toy", "toy")] * 2


def test_a_long_pause_of_the_budget_is_told_and_nothing_is_sent() -> None:
    bucket = RateBudget(5)
    bucket.pause(600)
    with desk(budget=bucket) as at:
        with pytest.raises(RateLimited) as caught:
            at.get(limited=True)
        assert at.server.received == []
    assert 590 < caught.value.retry_after <= 600


def test_a_pause_after_a_lost_answer_leaves_the_outcome_unknown() -> None:
    bucket = Bucket()
    with desk(scripted.hang_up(), budget=bucket) as at:
        at.client._sleep = lambda _: setattr(bucket, "left", 900.0)
        with pytest.raises(OutcomeUnknown):
            at.put(limited=True)


@pytest.mark.parametrize("status", [401, 403])
def test_new_credentials_are_tried_once_even_for_a_write(status: int) -> None:
    auth = KeyAuth("old")
    asked: list[int] = []

    def renew(answer: Answer) -> bool:
        asked.append(answer.status)
        auth.key = "new"
        return True

    with desk(
        scripted.reply(status), ok(), scripted.reply(status), scripted.reply(status), auth=auth, renew=renew
    ) as at:
        assert at.post().status == 200
        assert at.server.received[1].headers["authorization"] == "Organisation new"
        with pytest.raises(Refused):
            at.post()
        assert len(at.server.received) == 4
    assert asked == [status, status]


def test_without_new_credentials_the_refusal_stands() -> None:
    with (
        desk(scripted.reply(403, "Not yours."), renew=lambda answer: not answer.text) as at,
        pytest.raises(Refused),
    ):
        at.post()


def test_the_renewing_call_itself_is_not_renewed() -> None:
    def renew(_: Answer) -> bool:
        raise AssertionError

    with desk(scripted.reply(401), renew=renew) as at, pytest.raises(AuthenticationFailed):
        at.post(auth=HTTPBasicAuth("id", "secret"))


def test_a_token_got_meanwhile_is_hidden_too() -> None:
    with desk(scripted.reply(400, "bad tokenvalue!")) as at:
        at.client.hide(SecretStr("tokenvalue"))
        with pytest.raises(Refused) as caught:
            at.get()
    assert caught.value.words == "bad ***!"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_read_follows_a_redirect_on_its_own_host(status: int) -> None:
    with desk(scripted.reply(status, "x" * 300_000, {"Location": "/v2/other/?page=2"}), ok()) as at:
        at.get(params={"page": 1})
        assert at.server.targets == ["/v2/rooms/secret-room/?page=1", "/v2/other/?page=2"]
        assert at.server.received[1].headers["authorization"] == f"Organisation {KEY}"


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/x",
        "https://127.0.0.1:{port}/x",
        "//evil.host/x",
        "",
        "http://[",
        "http://u@127.0.0.1:{port}/",
        "\xff",
    ],
)
def test_credentials_never_travel_to_another_place(location: str) -> None:
    with ScriptedServer([ok()]) as other:
        target = location.format(port=other.port)
        with desk(scripted.reply(302, headers={"Location": target})) as at:
            with pytest.raises(Refused, match="redirect") as caught:
                at.get()
            assert len(at.server.received) == 1
        assert other.received == []
    assert caught.value.status == 302


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_write_is_never_redirected(method: str) -> None:
    with desk(scripted.reply(307, headers={"Location": "/v2/other/"}), ok()) as at:
        with pytest.raises(Refused, match="redirect"):
            at.client.request(method, "rooms", label="write")
        assert len(at.server.received) == 1


def test_redirects_in_a_circle_end() -> None:
    circle = [scripted.reply(302, headers={"Location": "/v2/x"}) for _ in range(9)]
    with desk(*circle) as at:
        with pytest.raises(Refused):
            at.get()
        assert len(at.server.received) == 6


@given(st.text())
def test_no_location_breaks_the_reader(location: str) -> None:
    target = same_origin_target("https://host/a", location)
    assert target == "" or target.startswith("https://host")


def test_the_servers_clock_is_learnt_from_its_answers() -> None:
    local = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
    line = scripted.json({}, headers={"Date": "Tue, 01 Sep 2026 09:05:00 GMT"})
    with desk(line, clock=lambda: local) as at:
        assert at.client.now() == local
        assert at.get().date == local + timedelta(minutes=5)
        assert at.client.clock_offset == timedelta(minutes=5)
        assert at.client.now() == local + timedelta(minutes=5)


@pytest.mark.parametrize(
    "headers", [{"Date": "yesterday"}, {"Date": "Tue, 01 Sep 2015 09:05:00 GMT", "Age": "60"}, {}]
)
def test_a_date_that_is_odd_or_old_moves_no_clock(headers: dict[str, str]) -> None:
    with desk(scripted.json({}, headers=headers)) as at:
        at.get()
        assert at.client.clock_offset == timedelta(0)
