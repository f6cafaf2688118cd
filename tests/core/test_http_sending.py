from __future__ import annotations

import json as json_module
from typing import TYPE_CHECKING

import pytest
from requests.auth import HTTPBasicAuth  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.address import below, plain_params, usable_base
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
)
from airflow_provider.live_sessions.core.http import HttpClient
from tests.core import scripted
from tests.core.desk import KEY, KeyAuth, desk, ok

if TYPE_CHECKING:
    from pathlib import Path


def test_a_call_goes_below_the_base_with_its_credentials_and_query() -> None:
    with desk(ok()) as at:
        answer = at.get(
            params={"a": True, "b": [False, "x"], "c": None, "d": 3}, headers={"X-Forwarded-For": "::1"}
        )
        assert answer.json() == {"ok": True}
        assert answer.label == "read a room"
        received = at.server.received[0]
    assert received.target == "/v2/rooms/secret-room/?a=true&b=false&b=x&d=3"
    assert received.headers["authorization"] == f"Organisation {KEY}"
    assert received.headers["x-forwarded-for"] == "::1"
    assert received.headers["accept"] == "application/json"
    assert received.headers["user-agent"].startswith("airflow-provider-live-sessions/")


def test_bodies_are_sent_as_json_or_as_a_form_and_an_empty_post_has_a_length() -> None:
    with desk(ok(), ok(), ok()) as at:
        at.post()
        at.client.request("POST", "token", label="log in", data={"grant_type": "password"})
        at.client.request("POST", "shares", label="share", params={"title": "x y"})
        first, second, third = at.server.received
    assert json_module.loads(first.body) == {"name": "x"}
    assert second.body == b"grant_type=password"
    assert third.headers["content-length"] == "0"
    assert third.target == "/v2/shares?title=x+y"


def test_a_netrc_never_replaces_the_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password stolen\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with desk(ok()) as at:
        at.get()
        assert at.server.received[0].headers["authorization"] == f"Organisation {KEY}"
    with desk(ok(), auth=None, headers={"authtoken": "t0ken"}) as at:
        at.get()
        assert "authorization" not in at.server.received[0].headers
        assert at.server.received[0].headers["authtoken"] == "t0ken"


def test_a_call_may_bring_its_own_credentials() -> None:
    with desk(ok()) as at:
        at.post(auth=HTTPBasicAuth("id", "secret"))
        assert at.server.received[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(("cookies", "sent"), [(False, None), (True, "sid=1")])
def test_cookies_are_kept_only_when_asked_for(cookies: bool, sent: str | None) -> None:
    with desk(scripted.json({}, headers={"Set-Cookie": "sid=1"}), ok(), cookies=cookies) as at:
        at.get()
        at.get()
        assert at.server.received[1].headers.get("cookie") == sent


@pytest.mark.parametrize("value", ["bad\r\nX-Evil: 1", "bad\n", "ключ", "nul\0"])
def test_credentials_that_cannot_be_a_header_are_refused_and_not_shown(value: str) -> None:
    with desk(auth=KeyAuth(value)) as at:
        with pytest.raises(ConfigurationError) as caught:
            at.get()
        assert at.server.received == []
    assert "bad" not in str(caught.value)
    assert "ключ" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_header_of_the_caller_with_a_line_break_is_refused_and_not_shown() -> None:
    with desk() as at, pytest.raises(ConfigurationError) as caught:
        at.get(headers={"X-Forwarded-For": "evil\r\nX: 1"})
    assert "evil" not in str(caught.value)


def test_a_body_that_is_no_json_is_refused() -> None:
    with desk() as at, pytest.raises(ConfigurationError):
        at.client.request("POST", "x", label="post", json={"at": object()})


def test_a_header_of_bytes_is_sent() -> None:
    with desk(ok()) as at:
        at.get(headers={"X-Bytes": b"yes"})
        assert at.server.received[0].headers["x-bytes"] == "yes"


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.host/v2",
        "ftp://host/",
        "https://",
        "https://user@host/",
        "https://user:pass@host/",
        "https://host/?a=b",
        "https://host/#x",
        "https://host:0/",
        "https://host:99999/",
        "https://[::1/",
        "https://ho st/",
        "https://host/\n",
    ],
)
def test_an_address_that_is_no_api_is_refused_without_showing_it(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpClient(platform="Toy", conn_id="toy", base_url=base_url)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("path", ["a//b", "a/../b", "a/%2e%2E/b", "./a", "a?b", "a#b", "a b", "a\\b", "a\n", ".."])
def test_an_id_cannot_lead_to_another_call(path: str) -> None:
    with desk() as at:
        with pytest.raises(ConfigurationError):
            at.client.request("DELETE", path, label="delete")
        assert at.server.received == []


def test_paths_hang_below_the_base() -> None:
    assert below(usable_base("https://h/v2/"), "/a/b/") == "https://h/v2/a/b/"
    assert below(usable_base("http://h"), "") == "http://h/"
    assert plain_params({"a": (True, 1)}) == {"a": ["true", 1]}


@pytest.mark.parametrize(("idle", "connections"), [(3.0, 1), (5.0, 2)])
def test_a_write_does_not_use_a_connection_that_idled(idle: float, connections: int) -> None:
    now = [0.0]
    with desk(ok(), ok(), monotonic=lambda: now[0]) as at:
        at.get()
        now[0] += idle
        at.post()
        assert at.server.connections == connections


def test_a_read_keeps_its_connection() -> None:
    now = [0.0]
    with desk(ok(), ok(), monotonic=lambda: now[0]) as at:
        at.get()
        now[0] += 60
        at.get()
        assert at.server.connections == 1


def test_a_connection_closed_by_the_server_meanwhile_costs_a_read_nothing() -> None:
    with desk(scripted.reply(200, "{}", keep=False), ok()) as at:
        at.get()
        assert at.get().status == 200
