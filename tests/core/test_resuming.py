"""A file that is cut goes on where it stopped, or is an error; never is it made of two files."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import NotFound, RateLimited, Refused, Unavailable
from airflow_provider.live_sessions.core.parts import Part
from airflow_provider.live_sessions.core.resuming import Transfer, download_resuming
from airflow_provider.live_sessions.core.retry import RetryPolicy
from tests.core import scripted
from tests.core.scripted import Line, ScriptedServer, refused_port

FILE = bytes(range(256)) * 40
OTHER = FILE[::-1]
TAG = {"ETag": '"v1"'}


class Waits:
    """Takes the place of sleeping."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def beginning(sent: int, headers: dict[str, str] | None = None, *, file: bytes = FILE) -> Line:
    """Answer 200 with the file, cut after so many bytes."""
    return scripted.reply(200, file[:sent], TAG if headers is None else headers, length=len(file))


def rest(first: int, headers: dict[str, str] | None = None, *, until: int = len(FILE), file: bytes = FILE) -> Line:
    """Answer 206 from a byte on, cut before another one."""
    told = {"Content-Range": f"bytes {first}-{len(file) - 1}/{len(file)}", **TAG, **(headers or {})}
    return scripted.reply(206, file[first:until], told, length=len(file) - first)


def fetch(server: ScriptedServer, waits: Waits | None = None, **options: Any) -> bytes:
    def address() -> SecretStr:
        return SecretStr(f"{server.url}/recording.webm?sig=deadbeef{len(server.received)}")

    given_options: dict[str, Any] = {"allow_plain_http": True, "timeout": (30.0, 30.0), **options}
    sleep = Waits() if waits is None else waits
    pieces = download_resuming(
        address, platform="Toy", conn_id="toy", label="fetch a file", sleep=sleep, **given_options
    )
    return b"".join(pieces)


def fetched(*script: Line, **options: Any) -> bytes:
    with ScriptedServer(list(script)) as server:
        return fetch(server, **options)


@given(st.lists(st.integers(1, len(FILE) - 1), min_size=1, max_size=4, unique=True))
def test_a_file_that_is_cut_anywhere_any_number_of_times_is_whole(cuts: list[int]) -> None:
    cuts = sorted(cuts)
    ends = [*cuts[1:], len(FILE)]
    script = [beginning(cuts[0]), *(rest(cut, until=end) for cut, end in zip(cuts, ends, strict=True))]
    with ScriptedServer(script) as server:
        assert fetch(server) == FILE
        asked = [one.headers.get("range") for one in server.received]
        assert asked == [None, *(f"bytes={cut}-" for cut in cuts)]
        assert {one.headers.get("if-range") for one in server.received[1:]} == {'"v1"'}


def test_each_transfer_asks_for_a_link_of_its_own() -> None:
    with ScriptedServer([beginning(100), scripted.reply(403, "expired"), rest(100)]) as server:
        assert fetch(server) == FILE
        assert [one[-1] for one in server.targets] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "answer",
    [
        scripted.reply(416),
        rest(101),
        rest(100, {"ETag": '"v2"'}),
        rest(100, {"Content-Range": f"bytes 100-{len(FILE)}/{len(FILE) + 1}"}),
        rest(100, {"Content-Range": f"bytes 100-{len(FILE) - 2}/{len(FILE)}"}),
        rest(100, {"Content-Range": "bytes 100-*/*"}),
        rest(100, {"Content-Range": ""}),
        rest(100, {"Content-Encoding": "gzip"}),
    ],
)
def test_after_an_answer_that_is_not_the_rest_of_the_same_file_the_whole_is_read_over(answer: Line) -> None:
    with ScriptedServer([beginning(100), answer, scripted.reply(200, FILE, TAG)]) as server:
        assert fetch(server) == FILE
        assert [one.headers.get("range") for one in server.received] == [None, "bytes=100-", None]
    with pytest.raises(Refused, match="changed while it came"):
        fetched(beginning(100), answer, scripted.reply(200, OTHER, TAG))


@pytest.mark.parametrize(
    "headers",
    [{}, {"ETag": 'W/"v1"'}, {"ETag": "v1"}, {"Last-Modified": "Tue, 01 Sep 2026 09:00:00 GMT"}],
)
def test_a_file_without_a_name_that_tells_versions_apart_is_read_over(headers: dict[str, str]) -> None:
    with ScriptedServer(
        [beginning(100, headers), beginning(50, headers), beginning(len(FILE), headers)]
    ) as server:
        assert fetch(server) == FILE
        assert {one.headers.get("range") for one in server.received} == {None}


def test_a_file_that_comes_compressed_is_read_over() -> None:
    plain = random.Random(1).randbytes(20_000)  # noqa: S311 - what cannot be made smaller
    packed = gzip.compress(plain)
    head = {**TAG, "Content-Encoding": "gzip"}
    script = [beginning(9_000, head, file=packed), beginning(len(packed), head, file=packed)]
    with ScriptedServer(script) as server:
        assert fetch(server) == plain
        assert {one.headers.get("range") for one in server.received} == {None}


@given(st.integers(1, len(FILE) - 1), st.integers(0, len(FILE) - 1))
def test_a_file_that_is_read_over_and_tells_something_else_is_refused(cut: int, where: int) -> None:
    other = FILE[:where] + bytes([FILE[where] ^ 1]) + FILE[where + 1 :]
    script = [beginning(cut, {}), scripted.reply(200, other)]
    with ScriptedServer(script) as server:
        if where < cut:
            with pytest.raises(Refused, match="changed while it came"):
                fetch(server)
        else:
            assert fetch(server) == other, "a newer version with the same beginning is whole as well"


def test_a_file_that_is_shorter_when_it_is_read_over_is_refused() -> None:
    with pytest.raises(Refused, match="changed while it came"):
        fetched(beginning(100, {}), scripted.reply(200, FILE[:50]))


def test_a_server_that_sends_the_whole_where_the_rest_was_asked_for_is_read_over() -> None:
    assert fetched(beginning(100), scripted.reply(200, FILE, {"ETag": '"v2"'})) == FILE


def test_a_new_beginning_that_is_cut_short_of_what_came_before_is_read_over_again() -> None:
    named = {"ETag": '"v2"'}
    script = [beginning(100), beginning(50, named), beginning(len(FILE), named)]
    with ScriptedServer(script) as server:
        assert fetch(server) == FILE
        assert [one.headers.get("range") for one in server.received] == [None, "bytes=100-", None]


@pytest.mark.parametrize("name", ["Repr-Digest", "Digest"])
def test_a_digest_that_the_server_tells_is_held_against_what_came(name: str) -> None:
    def told(content: bytes) -> dict[str, str]:
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return {**TAG, name: f"sha-256=:{digest}:" if name == "Repr-Digest" else f"sha-256={digest}"}

    transfer = Transfer()
    assert fetched(beginning(100, told(FILE)), rest(100), transfer=transfer) == FILE
    assert transfer.digest == transfer.part.sha256 == hashlib.sha256(FILE).hexdigest()
    with pytest.raises(Unavailable, match="digest"):
        fetched(beginning(len(FILE), told(OTHER)))


def test_new_credentials_are_tried_once_after_a_401() -> None:
    script = [scripted.reply(401), beginning(len(FILE))]
    assert fetched(*script, renew=lambda: True) == FILE
    with pytest.raises(Refused):
        fetched(scripted.reply(401), scripted.reply(401), renew=lambda: True)


def test_failures_in_a_row_that_bring_nothing_are_counted_and_those_that_bring_something_are_not() -> None:
    three = RetryPolicy(attempts=3, base=0.0, cap=0.0)
    slow = [rest(at, until=at + 1) for at in range(100, 110)]
    assert fetched(beginning(100), *slow, rest(110), retry=three) == FILE
    with ScriptedServer([beginning(100), *(scripted.reply(503) for _ in range(9))]) as server:
        with pytest.raises(Unavailable, match="503"):
            fetch(server, retry=three)
        assert len(server.received) == 3


def test_a_wait_that_is_asked_for_is_kept_and_one_too_long_is_handed_over() -> None:
    waits = Waits()
    script = [beginning(100), scripted.reply(429, headers={"Retry-After": "120"}), rest(100)]
    with ScriptedServer(script) as server:
        assert fetch(server, waits) == FILE
    assert waits.seconds[1] >= 120
    with pytest.raises(RateLimited):
        fetched(beginning(100), scripted.reply(429, headers={"Retry-After": "301"}), rest(100))


@pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (403, Refused), (400, Refused)])
def test_what_time_does_not_heal_is_not_tried_again(status: int, kind: type[Exception]) -> None:
    with ScriptedServer([scripted.reply(status)]) as server:
        with pytest.raises(kind):
            fetch(server)
        assert len(server.received) == 1


def test_the_bound_is_for_the_whole_file_over_all_its_transfers() -> None:
    def script() -> tuple[Line, Line]:
        return beginning(100, file=FILE[:150]), rest(100, file=FILE[:150])

    assert fetched(*script(), max_bytes=150) == FILE[:150]
    with pytest.raises(Refused, match="longer than 149 bytes"):
        fetched(*script(), max_bytes=149)


def test_a_rest_that_does_not_tell_its_end_and_is_cut_is_gone_on_with() -> None:
    head = f'HTTP/1.1 206 Said\r\nETag: "v1"\r\nContent-Range: bytes 100-{len(FILE) - 1}/{len(FILE)}\r\n\r\n'
    assert fetched(beginning(100), scripted.raw(head.encode() + FILE[100:5000]), rest(5000)) == FILE


def test_a_server_that_is_not_there_is_tried_and_then_unavailable() -> None:
    waits = Waits()
    pieces = download_resuming(
        lambda: SecretStr(f"http://127.0.0.1:{refused_port()}/x?sig=deadbeef"),
        platform="Toy",
        conn_id="toy",
        label="fetch a file",
        sleep=waits,
        allow_plain_http=True,
        retry=RetryPolicy(attempts=3),
    )
    with pytest.raises(Unavailable) as caught:
        next(pieces)
    assert len(waits.seconds) == 2
    assert "deadbeef" not in str(caught.value)


def test_no_link_is_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    fetched(beginning(100), rest(100))
    assert "100 of 10240 bytes" in caplog.text
    assert "deadbeef" not in caplog.text
    assert "recording.webm" not in caplog.text


@given(st.text(), st.text(), st.text())
def test_no_header_breaks_the_judgement(tag: str, length: str, content_range: str) -> None:
    part = Part()
    part.begin({"ETag": tag, "Content-Length": length})
    part.received = 1
    assert part.can_go_on is bool(part.tag and part.length)
    assert part.continued_by({"Content-Range": content_range}) in (True, False)
