"""A file in parts: wherever it is cut, what arrives is the file or an error, never something else."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import NotFound, Refused, Unavailable
from airflow_provider.live_sessions.core.resuming import Transfer, download_in_parts
from airflow_provider.live_sessions.core.retry import RetryPolicy
from tests.core import scripted
from tests.core.scripted import Line, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT = bytes(range(256)) * 40
QUICK = RetryPolicy(attempts=3, base=0.0, cap=0.0)


def fetch(
    script: list[Line], transfer: Transfer | None = None, **options: Any
) -> tuple[bytes, list[Mapping[str, str]]]:
    """Return what came, and the headers of each request."""
    given_options: dict[str, Any] = {"policy": QUICK, "sleep": lambda _: None, **options}
    with ScriptedServer(script) as server:
        chunks = download_in_parts(
            SecretStr(f"{server.url}/file"),
            Transfer() if transfer is None else transfer,
            platform="Toy",
            conn_id="toy",
            label="fetch a file",
            allow_plain_http=True,
            timeout=(5.0, 5.0),
            chunk=1000,
            **given_options,
        )
        return b"".join(chunks), [one.headers for one in server.received]


def part(start: int, *, cut: int | None = None, total: int | None = None, **headers: str) -> Line:
    """Answer with the content from a byte on, cut after so many bytes."""
    total = len(CONTENT) if total is None else total
    body = CONTENT[start:]
    told = {"Content-Range": f"bytes {start}-{total - 1}/{total}", **headers}
    return scripted.reply(206, body[:cut], told, length=None if cut is None else len(body))


def whole(cut: int | None = None, content: bytes = CONTENT, **headers: str) -> Line:
    """Answer with all of it, cut after so many bytes."""
    return scripted.reply(200, content[:cut], headers, length=None if cut is None else len(content))


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(1, 3000), max_size=3), st.booleans())
def test_wherever_it_is_cut_the_same_file_arrives(lengths: list[int], ranges: bool) -> None:
    script, at = [], 0
    for length in lengths:
        script.append(part(at, cut=length) if ranges and at else whole(at + length))
        at += length
    script.append(part(at) if ranges and at else whole())
    transfer, parts = Transfer(), len(script)
    content, asked = fetch(script, transfer)
    assert content == CONTENT
    assert (transfer.received, transfer.total, transfer.parts) == (len(CONTENT), len(CONTENT), parts)
    assert transfer.digest == hashlib.sha256(CONTENT).hexdigest()
    starts = [sum(lengths[:number]) for number in range(parts)]
    assert [one.get("range", "") for one in asked] == [f"bytes={one}-" if one else "" for one in starts]


def test_a_part_is_asked_for_on_condition_that_the_file_is_the_same() -> None:
    _, asked = fetch([whole(100, ETag='"v1"'), part(100, ETag='"v1"')])
    assert asked[1]["if-range"] == '"v1"'
    _, asked = fetch([whole(100, ETag='W/"v1"'), part(100)])
    assert "if-range" not in asked[1]


@pytest.mark.parametrize("header", ["Repr-Digest", "Digest"])
def test_the_digest_that_the_server_tells_is_compared(header: str) -> None:
    right, wrong = (base64.b64encode(hashlib.sha256(one).digest()).decode() for one in (CONTENT, b"other"))
    form = "sha-256=:{}:" if header == "Repr-Digest" else "sha-256={}"
    content, _ = fetch([scripted.reply(200, CONTENT, {header: form.format(right)})])
    assert content == CONTENT
    with pytest.raises(Unavailable, match="digest"):
        fetch([scripted.reply(200, CONTENT, {header: form.format(wrong)})])


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (part(100, total=len(CONTENT) + 1), "bytes and has"),
        (part(50), "goes on at byte 50 instead of 100"),
        (whole(content=b"x" * len(CONTENT)), "changed while it came"),
        (scripted.reply(206, CONTENT[100:]), "status 206"),
    ],
)
def test_a_part_that_does_not_belong_to_the_rest_is_refused(second: Line, said: str) -> None:
    with pytest.raises(Refused, match=said):
        fetch([whole(100), second])


def test_parts_that_bring_nothing_are_given_up_and_one_that_does_begins_the_count_anew() -> None:
    nothing = [scripted.reply(503)] * 2
    assert fetch([*nothing, whole(100), *nothing[:1], part(100, cut=100), *nothing[:1], part(200)])[0] == CONTENT
    with pytest.raises(Unavailable):
        fetch([*nothing, scripted.reply(503), whole()])


def test_new_credentials_are_tried_once_and_what_is_not_there_is_told() -> None:
    renewed: list[bool] = []

    def renew() -> bool:
        renewed.append(True)
        return True

    assert fetch([whole(100), scripted.reply(401), part(100)], renew=renew)[0] == CONTENT
    assert len(renewed) == 1
    with pytest.raises(Refused, match="401"):
        fetch([scripted.reply(401), scripted.reply(401)], renew=renew)
    with pytest.raises(NotFound):
        fetch([scripted.reply(404)])
    before: list[int] = []
    fetch([whole(100), part(100)], before=lambda: before.append(1))
    assert before == [1, 1]
