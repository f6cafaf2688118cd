"""The partners of the export's and the download's measurements serve what they say."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from typing import Any

import pytest

from benchmarks.file_server import BLOCK, WEBM, File, serve
from benchmarks.page_server import Pages, uuid_of

HOST = "127.0.0.1:1"


def page(pages: Pages, query: str) -> dict[str, Any]:
    head, _, body = pages.answer("/v2/things/", query, HOST).partition(b"\r\n\r\n")
    assert int(head.rpartition(b": ")[2]) == len(body)
    found: dict[str, Any] = json.loads(body)
    return found


@pytest.mark.parametrize(("sessions", "size"), [(7, 3), (6, 3), (1, 100)])
def test_the_canned_pages_hold_each_session_once_and_lead_to_each_other(sessions: int, size: int) -> None:
    pages = Pages([{"name": "a"}, {"name": "b"}], sessions, size, 0)
    found: list[dict[str, Any]] = []
    query = "day=2026-09-01T00%3A00%3A00%2B00%3A00"
    while True:
        one = page(pages, query)
        assert one["count"] == sessions
        found += one["results"]
        if one["next"] is None:
            break
        assert one["next"].startswith(f"http://{HOST}/v2/things/?day=2026-09-01T00%3A00%3A00%2B00%3A00&page=")
        query = one["next"].partition("?")[2]
    assert [row["uuid"] for row in found] == [uuid_of(number) for number in range(sessions)]
    assert {row["name"] for row in found} <= {"a", "b"}
    assert page(pages, "in_progress_only=true")["results"] == []


def test_more_than_is_allowed_in_a_second_is_refused_and_counted() -> None:
    pages = Pages([{}], 1, 1, 2)
    answers = [pages.answer("/", "", HOST)[9:12] for _ in range(4)]
    assert answers == [b"200", b"200", b"429", b"429"]
    assert (pages.counts.served, pages.counts.refused) == (2, 2)


def asked(file: File, request: str) -> tuple[str, bytes]:
    here, there = socket.socketpair()
    thread = threading.Thread(target=serve, args=(there, file))
    thread.start()
    with here:
        here.sendall(f"{request}\r\n\r\n".encode())
        received = b""
        while piece := here.recv(1 << 20):
            received += piece
    thread.join()
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode(), body


def test_the_large_file_is_served_whole_in_part_and_cut() -> None:
    file = File(100_000)
    whole = b"".join(file.parts(0, file.size))
    assert whole.startswith(WEBM)
    assert file.sha256() == hashlib.sha256(whole).hexdigest()
    assert asked(file, "GET /whole HTTP/1.1")[1] == whole
    head, body = asked(file, "GET /whole HTTP/1.1\r\nRange: bytes=99000-")
    assert (body, "206" in head) == (whole[99_000:], True)
    assert re.search(r"Content-Range: bytes 99000-99999/100000", head)
    assert asked(file, "GET /cut HTTP/1.1")[1] == whole[:37_000]


def test_a_rest_of_the_large_file_that_lies_in_the_wrong_place_shows() -> None:
    file = File(3 * BLOCK)
    (at_a_block,) = file.parts(BLOCK, BLOCK + 8)
    (at_a_power,) = file.parts(1 << 26, (1 << 26) + 8)
    assert bytes(at_a_block) != bytes(at_a_power)
