"""A connection with nonsense in it is refused in words, by every hook, when it is opened, tested and used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import LiveSessionError
from airflow_provider.live_sessions.hooks.base import hook_class_of
from tests.fuzz.tampering import RAW, VALUES
from tests.fuzz.verdict import cases, played

if TYPE_CHECKING:
    from airflow_provider.live_sessions.hooks.base import LiveSessionHook

HOOKS = {
    name: f"airflow_provider.live_sessions.hooks.{name}.{name.title()}Hook"
    for name in ("lessonspace", "coviu", "screenleap", "educates")
}
SECRET = "a-secret-of-this-connection-0815"
SOUND: dict[str, Any] = {
    "conn_type": "x",
    "login": "account",
    "password": SECRET,
    "host": "http://127.0.0.1:9",  # the discard port: nobody answers
    "extra": {},
}
EXTRAS: tuple[str, ...] = (
    "organisation",
    "requests_per_second",
    "settle",
    "timeout",
    "verify_tls",
    "client_id",
    "client_secret",
)
EXTRAS += ("index_url", "webhook_secret", "", "Timeout")
HOSTS = (
    *(
        "",
        " ",
        "http://",
        "https://[",
        "ftp://h",
        "h:99999999",
        "h:-1",
        "h:x",
        "http://u:p@h",
        "//h",
        "h?x=1",
        "h#x",
    ),
    *(
        "http://127.0.0.1:9/\r\nX: y",
        "\x00",
        "\ud800",
        "é" * 300,
        "http://" + "a" * 5000,
        "127.0.0.1:9/../..",
        "h h",
    ),
)


def _is_json(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


texts = st.sampled_from([*HOSTS, SECRET, "x" * 5000, "a\r\nb: c", "\u202e", "pässword"]) | st.text(max_size=20)
ports = st.sampled_from([0, -1, 1, 9, 65535, 65536, 10**12])
values = st.integers(0, len(VALUES) - 1).map(lambda number: VALUES[number]).filter(_is_json)


connections = st.fixed_dictionaries(
    {},
    optional={
        "login": texts,
        "password": texts,
        "host": texts,
        "schema": texts,
        "port": ports,
        "extra": st.dictionaries(st.sampled_from(EXTRAS), values, max_size=3)
        | st.sampled_from(["", "{", "[]", "null", '"x"', *RAW, *(f'{{"timeout": {one}}}' for one in RAW)]),
    },
).map(lambda changes: {**SOUND, **changes})


def hook_of(name: str, connection: dict[str, Any], patch: pytest.MonkeyPatch) -> LiveSessionHook:
    text = json.dumps(connection)
    patch.setenv("AIRFLOW_CONN_SPOILT", text)
    hook: LiveSessionHook = hook_class_of(HOOKS[name])("spoilt")
    return hook


@pytest.mark.parametrize("name", HOOKS)
@cases(60)
@given(connection=connections)
@example(connection={**SOUND, "extra": {"timeout": 1e300}})
@example(connection={**SOUND, "extra": '{"timeout": 1e400, "requests_per_second": ' + "9" * 400 + "}"})
@example(connection={**SOUND, "extra": {"requests_per_second": 1e-300}})
@example(connection={**SOUND, "extra": '{"settle": ' + "9" * 400 + "}"})
def test_whatever_a_connection_says_it_is_opened_or_refused_in_words(
    name: str, connection: dict[str, Any]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        hook = hook_of(name, connection, patch)
        try:
            platform = played(hook.platform, [SECRET])
        except AirflowNotFoundException:
            return  # Airflow itself could not read it
        if not isinstance(platform, LiveSessionError):
            platform.close()


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("extra", [{"timeout": 1e300}, {"timeout": 1e-300}, {"timeout": 86400 * 365.0}, {}])
def test_test_connection_answers_in_words_whatever_the_extras(
    name: str, extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = {"client_id": "c", "client_secret": SECRET} if name == "educates" else {}
    monkeypatch.setattr("time.sleep", lambda _: None)  # nobody answers: the tries need not be far apart
    told = hook_of(name, {**SOUND, "extra": {**extra, **more}}, monkeypatch).test_connection()
    assert told[0] is False
    assert told[1]
    assert SECRET not in told[1]
