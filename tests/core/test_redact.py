from __future__ import annotations

import html
import json
import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.redact import (
    guard_urllib3_logs,
    redact,
    sensitive,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDB9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
FERNET = "gAAAAABlZ0000000000000000000000000000000000000000000000000000000000000000000000000=="


no_stars = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=4, max_size=40)


@given(no_stars, st.text(max_size=60), st.text(max_size=60))
def test_a_given_secret_is_gone_in_every_spelling(secret: str, before: str, after: str) -> None:
    for spelling in (secret, html.escape(secret), json.dumps(secret)[1:-1], quote(secret), quote_plus(secret)):
        assert spelling not in redact(f"{before}{spelling}{after}", [SecretStr(secret)])


@pytest.mark.parametrize(
    "spell", [str, quote, quote_plus, lambda s: quote(s, safe=""), lambda s: quote(s).lower()]
)
def test_a_quoted_secret_is_hidden(spell: object) -> None:
    secret = "a b/c+d&e=ü<x>\"y'"
    shown = redact(f"was {spell(secret)} there", [secret])  # type: ignore[operator]  # a few plain functions
    assert shown == "was *** there"


def test_a_secret_inside_a_longer_one_does_not_expose_the_rest() -> None:
    assert redact("it is hunter2-and-more.", ["hunter2", "hunter2-and-more"]) == "it is ***."


def test_what_is_too_short_to_be_a_secret_garbles_nothing() -> None:
    assert redact("a banana", ["a", "", SecretStr("an")]) == "a banana"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://go.room.sh/abc?user=x#frag now", "see https://go.room.sh/*** now"),
        ("see https://api.host:8443/", "see https://api.host:8443/"),
        ("see https://api.host.", "see https://api.host."),
        ("https://user:pass@host/path", "https://host/***"),
        ("https://user:pa/ss@host/path", "https://***"),
        ("https://user@evil@host", "https://host"),
        ("http://[::1]:80?x=1", "http://[::1]:80/***"),
        (r"https:\/\/host\/path\/id", r"https:\/\/host/***"),
        ("to=https%3A%2F%2Fhost%2Fp%3Ft%3D1&x", "to=https%3A%2F%2F***&x"),
        ("GET /v2/x/?page=2&user=Ann failed", "GET /v2/x/?*** failed"),
        ("what? nothing", "what? nothing"),
    ],
)
def test_a_url_keeps_its_host_only(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Organisation 12345678-aaaa-bbbb-cccc-1234567890ab",
        '{"Authorization": "Organisation 12345678-aaaa"}',
        "authtoken: s3cr3tvalue",
        "Cookie: sessionid=12345678-aaaa; x=1",
        "Bearer abcdef123456",
        "Basic dXNlcjpwYXNzd29yZA==",
        f"the token {JWT} expired",
        f"x{JWT}",
        f"sealed:v1:{FERNET}",
        "api_key=12345678aaaa",
        "X-Amz-Signature=abcdefabcdef",
        '{"password": "hunter-12345678"}',
        r"{\"client_secret\": \"12345678aaaa\"}",
        "Invalid API key 12345678-aaaa-bbbb",
        "the secret is 12345678aaaa!",
        "signature: deadbeefdeadbeefdeadbeefdeadbeef",
        "access_token 'abcdefabcdefabcdefabcdefabcdef'",
        "passwd = hunter2",
    ],
)
def test_what_looks_like_a_credential_is_hidden(text: str) -> None:
    shown = redact(text)
    assert "***" in shown
    for value in ("12345678", "s3cr3t", "abcdef", "dXNlcjp", "eyJ", "gAAAAA", "hunter", "deadbeef"):
        assert value not in shown


@pytest.mark.parametrize(
    "text",
    [
        "Invalid API key",
        "Organisation not found.",
        "Ensure this field has no more than 64 characters.",
        "token: This field is required.",
        "Basic authentication is off",
        "No session 0b7d3e5c-1111-2222-3333-444455556666 at 2026-09-01T09:00:00Z",
        "",
    ],
)
def test_plain_words_stay(text: str) -> None:
    assert redact(text) == text


@given(st.text(), st.lists(st.text(), max_size=3))
def test_no_text_breaks_it(text: str, secrets: list[str]) -> None:
    assert isinstance(redact(text, secrets), str)


@given(
    st.lists(
        st.sampled_from(
            ["key", "token", "=", ":", " ", "://", "@", "eyJ", "gAAAAA", ".", "?", "a", '"', "\\", "is"]
        )
    )
)
def test_no_mix_of_what_it_looks_for_breaks_it(parts: list[str]) -> None:
    assert isinstance(redact("".join(parts)), str)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "key",
        "key ",
        "eyJ",
        "gAAAAA",
        "://",
        "a://",
        "?a",
        "?a=",
        "token:",
        "Bearer ",
        "\\",
        "@",
        "is ",
        "=",
        "%3A%2F%2F",
    ],
)
def test_the_work_grows_with_the_length_and_no_faster(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        best = float("inf")
        for _ in range(3):
            started = time.perf_counter()
            redact(text)
            best = min(best, time.perf_counter() - started)
        return best

    # Eight times the text: linear work takes 8 times as long, quadratic work 64 times.
    assert seconds(160_000) < 40 * max(seconds(20_000), 0.0005)


@given(st.text(), st.integers(1, 400))
def test_a_shortened_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = shorten(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line


def test_a_platform_cannot_forge_a_log_line() -> None:
    assert shorten("no\r\n2026-09-01 ERROR\x1b[31m all\u2028lost\u202e") == "no 2026-09-01 ERROR [31m all lost"


def test_a_long_text_ends_with_an_ellipsis() -> None:
    assert shorten("x" * 301) == "x" * 299 + "…"
    assert shorten("x" * 300) == "x" * 300


class Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def urllib3_lines() -> Iterator[list[str]]:
    logger = logging.getLogger("urllib3.connectionpool")
    collector = Collector()
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    guard_urllib3_logs()
    guard_urllib3_logs()
    yield collector.lines
    logger.removeHandler(collector)
    logger.setLevel(level)


FORMAT = '%s://%s:%s "%s %s %s" %s %s'


def log_like_urllib3(url: str) -> None:
    logger = logging.getLogger("urllib3.connectionpool")
    logger.debug(FORMAT, "https", "host", 443, "GET", url, "HTTP/1.1", 200, None)


def test_urllib3s_lines_lose_the_query(urllib3_lines: list[str]) -> None:
    log_like_urllib3("/v2/x/?name=Ann")
    log_like_urllib3("/v2/x/")
    log_like_urllib3("http://host/v2/x?name=Ann")  # through a proxy
    assert urllib3_lines == [
        'https://host:443 "GET /v2/x/?*** HTTP/1.1" 200 None',
        'https://host:443 "GET /v2/x/ HTTP/1.1" 200 None',
        'https://host:443 "GET http://host/*** HTTP/1.1" 200 None',
    ]


def test_a_sensitive_requests_line_loses_its_path_too(urllib3_lines: list[str]) -> None:
    with sensitive():
        log_like_urllib3("/secret-room?x=1")
    log_like_urllib3("/open")
    assert urllib3_lines == [
        'https://host:443 "GET /*** HTTP/1.1" 200 None',
        'https://host:443 "GET /open HTTP/1.1" 200 None',
    ]


def test_a_line_without_arguments_is_redacted_as_it_stands(urllib3_lines: list[str]) -> None:
    logging.getLogger("urllib3.connectionpool").debug("Redirecting to https://host/a?b=c")
    assert urllib3_lines == ["Redirecting to https://host/***"]


@pytest.mark.parametrize(
    "said",
    [
        '{"screenShareCode":"050720088","presenterParams":"p1 p2"}',
        "participant_id=4f1c2d3e5a6b",
        "share_code: 050720088",
    ],
)
def test_an_id_that_is_as_good_as_the_link_it_ends_is_taken_out_of_an_echo(said: str) -> None:
    told = redact(said)
    assert not any(one in told for one in ("050720", "p1 p2", "4f1c2d3e5a6b"))
