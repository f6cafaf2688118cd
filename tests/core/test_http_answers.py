from __future__ import annotations

import gzip
import json as json_module

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.answer import Answer, words_of
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from tests.core import scripted
from tests.core.desk import KEY, desk


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Refused),
        (401, AuthenticationFailed),
        (403, Refused),
        (404, NotFound),
        (409, Refused),
        (410, NotFound),
        (422, Refused),
        (300, Refused),
        (304, Refused),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_refusal_is_told_once_with_the_platforms_words(status: int, kind: type[Refused], method: str) -> None:
    with desk(scripted.json({"detail": f"No. {KEY}"}, status)) as at:
        with pytest.raises(kind) as caught:
            at.client.request(method, "rooms/secret-room/", label="read a room")
        assert len(at.server.received) == 1
    assert type(caught.value) is kind
    assert caught.value.status == status
    if status >= 400:
        assert caught.value.words == "No. ***"
        assert "No. ***" in str(caught.value)
    for hidden in (KEY, "secret-room", "127.0.0.1"):
        assert hidden not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Not yours."}, "Not yours."),
        ({"message": "Not yours."}, "Not yours."),
        ({"error": "invalid_grant", "error_description": "Wrong."}, "Wrong.; invalid_grant"),
        ({"error": {"message": "Not yours."}}, "Not yours."),
        ({"errorMessage": "Not yours."}, "Not yours."),
        ({"non_field_errors": ["One.", "Two."]}, "One.; Two."),
        ({"id": ["Too long."], "user": {"name": ["Blank."]}}, "id: Too long.; user: name: Blank."),
        (["One."], "One."),
        ("Plain.", "Plain."),
        ({"code": 7}, '{"code": 7}'),
        (7, "7"),
    ],
)
def test_the_platforms_words_are_found_where_each_puts_them(body: object, words: str) -> None:
    assert words_of(Answer(400, {}, json_module.dumps(body).encode())) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"Environment does not exist", "Environment does not exist"),
        (b"", ""),
        (b"<html><style>b {}</style><title>403 Forbidden</title><p>CSRF</p>", "403 Forbidden CSRF"),
        (b"a\r\nb\x00c\xff", "a b c\ufffd"),
        (b"see https://go.room.sh/x?user=1", "see https://go.room.sh/***"),
        (b"x" * 9000, ""),
    ],
)
def test_a_bare_text_is_quoted_on_one_line(content: bytes, words: str) -> None:
    assert words_of(Answer(403, {}, content)) == words


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda s: st.lists(s) | st.dictionaries(st.text(), s),
    )
)
def test_no_body_of_an_error_breaks_the_telling(body: object) -> None:
    assert len(words_of(Answer(400, {}, json_module.dumps(body).encode()))) <= 300


def test_a_refusal_whose_body_is_cut_or_endless_is_a_refusal_all_the_same() -> None:
    with desk(scripted.reply(404, "gone", length=900)) as at, pytest.raises(NotFound):
        at.post()
    with desk(scripted.reply(403, "no " * 60_000)) as at, pytest.raises(Refused) as caught:
        at.post()
    assert caught.value.words.startswith("no no")
    assert len(caught.value.words) == 300


def test_an_empty_403_has_no_words() -> None:
    with desk(scripted.reply(403)) as at, pytest.raises(Refused) as caught:
        at.get()
    assert caught.value.words == ""


def test_an_answer_is_bounded_also_when_it_grows_on_unpacking() -> None:
    bomb = gzip.compress(b'"' + b"x" * 3_000_000 + b'"')
    assert len(bomb) < 10_000
    for line in (scripted.reply(200, b"x" * 200_001), scripted.reply(200, bomb, {"Content-Encoding": "gzip"})):
        with desk(line, max_body=200_000) as at:
            with pytest.raises(Refused, match="longer than 200000 bytes"):
                at.get()
            assert len(at.server.received) == 1
    bombed = scripted.reply(200, bomb, {"Content-Encoding": "gzip"})
    with desk(bombed, max_body=200_000) as at, pytest.raises(OutcomeUnknown):
        at.post()


def test_a_compressed_answer_is_read() -> None:
    with desk(scripted.reply(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})) as at:
        assert at.get().json() == {"a": 1}


def test_no_content_is_an_answer() -> None:
    with desk(scripted.raw(b"HTTP/1.1 204 No Content\r\n\r\n"), scripted.raw(b"HTTP/1.1 200 OK\r\n\r\n")) as at:
        assert at.client.request("DELETE", "users/1/", label="remove").json() is None
        assert at.client.request("HEAD", "users/1/", label="look").status == 200


def test_a_call_that_expects_no_json_takes_any_body_and_never_mistakes_it_for_json() -> None:
    with desk(scripted.reply(200, "done"), scripted.reply(200, "done"), scripted.reply(200)) as at:
        read = at.get(expect_json=False)
        assert read.text == "done"
        assert not read.is_json
        with pytest.raises(Unavailable):
            read.json()
        with pytest.raises(OutcomeUnknown):
            at.post(expect_json=False).json()
        assert at.post(expect_json=False).json() is None


@pytest.mark.parametrize(
    ("content_type", "content", "text"),
    [
        ("text/plain; charset=latin-1", b"\xe9", "é"),
        ("text/plain; charset=nonsense", b"\xc3\xa9", "é"),
        ("text/plain; charset=hex", b"zz", "zz"),
        ("text/plain", b"\xff", "\ufffd"),
    ],
)
def test_text_is_read_in_its_charset(content_type: str, content: bytes, text: str) -> None:
    assert Answer(200, {"Content-Type": content_type}, content).text == text


def test_an_answer_shows_nothing_of_its_content() -> None:
    assert "s3cret" not in repr(Answer(200, {"X": "s3cret"}, b"s3cret"))
