from __future__ import annotations

import gzip
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.download import download
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from tests.core import scripted
from tests.core.certificates import self_signed
from tests.core.scripted import Line, ScriptedServer, refused_port

if TYPE_CHECKING:
    from pathlib import Path

SIGNED = "/bucket/transcript.json?X-Amz-Signature=deadbeef"


def fetch(url: str, **options: Any) -> bytes:
    given_options: dict[str, Any] = {"allow_plain_http": True, "timeout": (30.0, 30.0), **options}
    chunks = download(SecretStr(url), platform="Toy", conn_id="toy", label="fetch a file", **given_options)
    return b"".join(chunks)


def fetched(*script: Line, **options: Any) -> bytes:
    with ScriptedServer(list(script)) as server:
        return fetch(server.url + SIGNED, **options)


@pytest.mark.parametrize("size", [0, 1, 65_536, 700_001])
def test_a_whole_file_comes_in_chunks(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    assert fetched(scripted.reply(200, content), chunk=10_000) == content


def test_chunks_are_no_longer_than_asked_for() -> None:
    with ScriptedServer([scripted.reply(200, b"x" * 100_000)]) as server:
        url = SecretStr(server.url + SIGNED)
        chunks = list(download(url, platform="Toy", conn_id="toy", label="f", chunk=30_000, allow_plain_http=True))
        assert max(len(one) for one in chunks) <= 30_000
        assert b"".join(chunks) == b"x" * 100_000


def test_a_chunked_transfer_is_read_to_its_end() -> None:
    line = scripted.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    assert fetched(line) == b"abcde"


def test_nothing_but_the_request_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password stolen\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with ScriptedServer([scripted.reply(200, "x")]) as server:
        fetch(server.url + SIGNED)
        received = server.received[0]
    assert received.target == SIGNED
    assert "authorization" not in received.headers
    assert "cookie" not in received.headers
    assert received.headers["accept-encoding"] == "identity"


def test_nothing_is_sent_before_the_first_piece_is_asked_for() -> None:
    with ScriptedServer([]) as server:
        download(SecretStr(server.url + SIGNED), platform="Toy", conn_id="toy", label="f", allow_plain_http=True)
        assert server.received == []


@pytest.mark.parametrize(
    "line",
    [
        scripted.reply(200, b"half", length=8),
        scripted.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        scripted.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        scripted.hang_up(),
        scripted.reset(),
        scripted.reply(200, b"no gzip at all", {"Content-Encoding": "gzip"}),
    ],
)
def test_a_cut_transfer_is_an_error_and_never_a_file(line: Line) -> None:
    with pytest.raises(Unavailable) as caught:
        fetched(line)
    assert caught.value.__context__ is None


def test_a_file_without_a_told_length_is_refused_unless_allowed() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\nabc"
    with pytest.raises(Refused, match="length"):
        fetched(scripted.raw(endless))
    assert fetched(scripted.raw(endless), length_required=False) == b"abc"


@pytest.mark.parametrize(
    "line",
    [
        scripted.reply(200, b"x" * 1001),
        scripted.raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
        ),
        scripted.reply(200, gzip.compress(b"x" * 100_000), {"Content-Encoding": "gzip"}),
    ],
)
def test_a_file_beyond_the_bound_is_refused(line: Line) -> None:
    with pytest.raises(Refused, match="longer than 1000 bytes"):
        fetched(line, max_bytes=1000)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, Refused),
        (206, Refused),
        (304, Refused),
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, NotFound),
        (410, NotFound),
        (408, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_an_answer_that_is_no_file_is_told_by_its_status(status: int, kind: type[LiveSessionError]) -> None:
    with pytest.raises(kind) as caught:
        fetched(scripted.reply(status, "<Error>SignatureDoesNotMatch deadbeef</Error>"))
    assert type(caught.value) is kind
    assert str(status) in str(caught.value)
    assert "deadbeef" not in str(caught.value)


@pytest.mark.parametrize("date", [{}, {"Date": "Tue, 01 Sep 2026 09:00:00 GMT"}])
def test_a_wait_asked_for_is_handed_over(date: dict[str, str]) -> None:
    with pytest.raises(RateLimited) as caught:
        fetched(scripted.reply(429, headers={"Retry-After": "30", **date}))
    assert caught.value.retry_after == 30.0


def test_a_redirect_on_the_same_host_is_followed() -> None:
    assert fetched(scripted.reply(302, headers={"Location": "/there"}), scripted.reply(200, "x")) == b"x"


def test_redirects_in_a_circle_end() -> None:
    with ScriptedServer([scripted.reply(302, headers={"Location": "/x"}) for _ in range(9)]) as server:
        with pytest.raises(Refused, match="redirect"):
            fetch(server.url + SIGNED)
        assert len(server.received) == 6


def test_a_redirect_to_another_host_is_refused() -> None:
    with ScriptedServer([scripted.reply(200, "x")]) as other:
        with pytest.raises(Refused, match="redirect"):
            fetched(scripted.reply(302, headers={"Location": f"{other.url}/x"}))
        assert other.received == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x?sig=deadbeef",
        "ftp://h/deadbeef",
        "deadbeef",
        "https://u:deadbeef@h/",
        "https://[",
        "",
    ],
)
def test_a_link_that_is_not_https_is_refused_unseen(url: str) -> None:
    with pytest.raises(Refused) as caught:
        fetch(url, allow_plain_http=False)
    assert "deadbeef" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable_and_the_url_is_not_shown() -> None:
    with pytest.raises(Unavailable) as caught:
        fetch(f"http://127.0.0.1:{refused_port()}{SIGNED}")
    assert "deadbeef" not in str(caught.value)
    assert "bucket" not in str(caught.value)


def test_an_untrusted_certificate_is_a_matter_of_configuration_and_a_trusted_one_works(tmp_path: Path) -> None:
    import ssl

    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with ScriptedServer([], tls=context) as server, pytest.raises(ConfigurationError):
        fetch(server.url + SIGNED)
    with ScriptedServer([scripted.reply(200, "x")], tls=context) as server:
        assert fetch(server.url + SIGNED, verify=str(certificate), allow_plain_http=False) == b"x"


def test_the_url_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        fetched(scripted.reply(200, "x"))
    assert "deadbeef" not in caplog.text
    assert "bucket" not in caplog.text
    assert '"GET /*** HTTP/1.1" 200' in caplog.text


@given(st.text())
def test_no_link_breaks_the_check(url: str) -> None:
    with pytest.raises(LiveSessionError):
        fetch(url, allow_plain_http=False)
