"""An Airflow connection becomes a client, and what is wrong with it is said in words without secrets."""

from __future__ import annotations

import json
import socket
import threading
import traceback
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection

from airflow_provider.live_sessions.core.contract import SessionPlatform
from airflow_provider.live_sessions.core.errors import AuthenticationFailed, ConfigurationError
from airflow_provider.live_sessions.hooks.base import TEST_TIMEOUT, extra_of, hook_class_of, hook_path_of
from airflow_provider.live_sessions.hooks.fields import base_url_of
from airflow_provider.live_sessions.hooks.lessonspace import EXTRAS, HOOK, LessonspaceHook
from airflow_provider.live_sessions.platforms.lessonspace.client import BASE_URL
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters
from tests.airflow_side.stage import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.airflow_side.stage import School


def connection(**fields: Any) -> Connection:
    extra = fields.pop("extra", None)
    given = {"conn_id": "ls", "conn_type": "lessonspace", "password": KEY, **fields}
    return Connection(**given, extra=extra if extra is None or isinstance(extra, str) else json.dumps(extra))


# ---- where the platform is


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, ""),
        ({"host": "  "}, ""),
        ({"host": "api.test"}, "https://api.test"),
        ({"host": "api.test/v2"}, "https://api.test/v2"),
        ({"host": "api.test/v2/", "port": 8080}, "https://api.test:8080/v2/"),
        ({"host": "api.test", "schema": "http", "port": 80}, "http://api.test:80"),
        ({"host": "http://127.0.0.1:8899/lessonspace/v2"}, "http://127.0.0.1:8899/lessonspace/v2"),
        ({"host": "http://127.0.0.1/v2", "port": 1}, "http://127.0.0.1:1/v2"),
        ({"host": "http://127.0.0.1:2/v2", "port": 1, "schema": "https"}, "http://127.0.0.1:2/v2"),
    ],
)
def test_a_host_comes_with_or_without_scheme_port_and_path(fields: dict[str, Any], url: str) -> None:
    assert base_url_of(connection(**fields)) == url


def test_without_a_host_it_is_the_public_address() -> None:
    with LessonspaceHook.client_of(connection()) as client:
        assert client._http.base_url.rstrip("/") == BASE_URL


def test_the_connection_s_parts_reach_the_platform(school: School) -> None:
    host = school.sandbox.lessonspace.url.removeprefix("http://")
    authority, _, path = host.partition("/")
    name, _, port = authority.partition(":")
    opened = LessonspaceHook.open(
        connection(host=f"{name}/{path}", schema="http", port=int(port), extra={"organisation": "4711"})
    )
    assert isinstance(opened, SessionPlatform)
    assert list(opened.client.sessions(SessionFilters())) == []
    opened.close()


# ---- what may stand in the extra field


def test_each_known_extra_is_taken_and_an_empty_one_counts_as_none() -> None:
    values: dict[str, Any] = {
        "organisation": 4711,
        "requests_per_second": "2.5",
        "rate_share": 0.5,
        "settle": 60,
        "timeout": 3,
        "verify_tls": False,
    }
    assert set(values) == EXTRAS
    LessonspaceHook.open(connection(extra=values)).close()
    LessonspaceHook.open(connection(extra=dict.fromkeys(EXTRAS, ""))).close()
    LessonspaceHook.open(connection(extra=dict.fromkeys(EXTRAS))).close()


def test_an_unknown_extra_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ConfigurationError, match="unknown entries: organization, rate") as told:
        LessonspaceHook.open(connection(extra={"organization": 1, "rate": "hush-hush", "settle": 1}))
    assert "organisation, rate_share, requests_per_second" in str(told.value)
    assert "hush-hush" not in str(told.value)


@pytest.mark.parametrize("name", ["organisation", "rate_share", "requests_per_second", "settle", "timeout"])
@pytest.mark.parametrize("value", ["many", -1, 0, "nan", "inf", [], {"a": 1}])
def test_a_number_that_is_none_is_named(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"'{name}' has to be a number above 0"):
        LessonspaceHook.open(connection(extra={name: value}))


@pytest.mark.parametrize("extra", ["[1, 2]", '"text"', "17"])
def test_an_extra_that_is_no_object_is_refused(extra: str) -> None:
    class Odd:
        conn_id = "ls"
        extra_dejson = json.loads(extra)

    with pytest.raises(ConfigurationError, match="no JSON object"):
        extra_of(Odd(), EXTRAS, "Lessonspace")  # type: ignore[arg-type]  # as much of a connection as is read


def test_an_extra_that_is_no_json_is_refused() -> None:
    class Broken:
        conn_id = "ls"

        @property
        def extra_dejson(self) -> Any:
            return json.loads("{")

    with pytest.raises(ConfigurationError, match="no JSON object"):
        extra_of(Broken(), EXTRAS, "Lessonspace")  # type: ignore[arg-type]  # as much of a connection as is read


def test_a_missing_key_is_a_configuration_error() -> None:
    for password in (None, "", "  "):
        with pytest.raises(ConfigurationError, match=r"(?i)key"):
            LessonspaceHook.open(connection(password=password))


# ---- is it right?


def said(school: School) -> tuple[bool, str]:
    return LessonspaceHook(school.conn_id).test_connection()


def test_a_good_key_says_whose_it_is(school: School) -> None:
    assert said(school) == (True, "The key is valid for organisation Sandbox School (4711).")


def test_a_wrong_key_a_missing_key_and_an_absent_server_are_told_apart(school: School) -> None:
    wrong = "00000000-0000-4000-8000-00000000dead"
    school.connect(key=wrong)
    good, words = said(school)
    assert not good
    assert "key" in words.casefold()
    assert wrong not in words
    assert "(connection" not in words  # Airflow's UI tests under a name that it makes up
    school.connect(key="")
    assert said(school)[0] is False
    assert said(school)[1] != words
    school.connect(host="http://127.0.0.1:1/v2", timeout=1)
    good, away = said(school)
    assert not good
    assert away not in (words, "")
    assert KEY not in away


def test_a_server_that_is_something_else_is_told_in_words(school: School) -> None:
    school.sandbox.faults.add("html", status=200, body="<html>a router's login</html>")
    good, words = said(school)
    assert not good
    assert "router" not in words


def test_an_organisation_without_a_name_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.airflow_side.stage import School

    with School.open(monkeypatch, organisation_name="") as nameless:
        assert said(nameless) == (True, "The key is valid for organisation 4711.")


def test_a_refused_key_is_in_no_exception_no_repr_and_no_traceback(school: School) -> None:
    key = "00000000-0000-4000-8000-00000000dead"
    school.connect(key=key)
    hook = LessonspaceHook(school.conn_id)
    with pytest.raises(AuthenticationFailed) as told:
        hook.describe()
    assert key not in "".join(traceback.format_exception(told.value))
    assert key not in repr(vars(hook)) + repr(hook.get_conn()) + repr(hook.platform())


@contextmanager
def silent_host() -> Iterator[tuple[str, list[socket.socket]]]:
    """Return the address of a host that takes connections and never says anything, and those it took."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def take() -> None:
            with suppress(OSError):
                while True:
                    taken.append(door.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", taken
        door.shutdown(socket.SHUT_RDWR)
        thread.join()
    for one in taken:
        one.close()


@pytest.mark.parametrize(
    ("platform", "given"),
    [
        ("lessonspace", {"password": KEY}),
        ("coviu", {"login": "key", "password": "secret"}),
        ("screenleap", {"login": "account", "password": "token"}),
        ("educates", {"login": "robot", "password": "x", "extra": {"client_id": "c", "client_secret": "s"}}),
    ],
)
def test_a_host_that_is_silent_kept_the_test_of_a_connection_waiting_for_four_tries(
    monkeypatch: pytest.MonkeyPatch, platform: str, given: dict[str, Any]
) -> None:
    with silent_host() as (host, taken):
        extra = {**given.get("extra", {}), "timeout": 0.3}
        told = {"conn_type": platform, "host": host, **given, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SILENT", json.dumps(told))
        good, words = hook_class_of(hook_path_of(platform))("silent").test_connection()
        assert not good
        assert words
        assert len(taken) == 2


@pytest.mark.parametrize(
    ("timeout", "used"), [(None, TEST_TIMEOUT), ("", TEST_TIMEOUT), (600, TEST_TIMEOUT), (3, 3), ("4.5", 4.5)]
)
def test_a_test_of_a_connection_waits_no_longer_than_a_proxy(school: School, timeout: object, used: float) -> None:
    school.connect(timeout=timeout)
    hook = LessonspaceHook(school.conn_id)
    tested = hook.connection_to_test()
    assert (tested.conn_id, tested.password) == (school.conn_id, KEY)
    assert tested.host == hook.get_connection(school.conn_id).host
    assert tested.extra_dejson["timeout"] == used
    assert hook.test_connection()[0]


@pytest.mark.parametrize("timeout", [0, -1, "soon", [3]])
def test_a_timeout_that_is_none_is_told_by_the_test_too(school: School, timeout: object) -> None:
    school.connect(timeout=timeout)
    assert "'timeout' has to be a number" in said(school)[1]


# ---- finding a hook


def test_a_hook_is_found_by_its_path() -> None:
    assert hook_class_of(HOOK) is LessonspaceHook


@pytest.mark.parametrize(
    "path", ["", "nowhere", "no.such.module.Hook", "os.path.join", "builtins.dict", f"{HOOK}s", "None", ".", "a b"]
)
def test_a_path_that_leads_to_no_hook_is_a_configuration_error(path: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a live-session hook"):
        hook_class_of(path)


def test_the_default_connection_is_used_unless_another_is_named() -> None:
    assert LessonspaceHook().conn_id == LessonspaceHook.default_conn_name == "lessonspace_default"
    assert LessonspaceHook("mine").conn_id == "mine"
