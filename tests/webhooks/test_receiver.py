"""The receiver over the wire: what it takes over, what it refuses, and that nothing else is there."""

from __future__ import annotations

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests  # noqa: TID253 - a test, not a DAG file

from airflow_provider.live_sessions.core.pacing import Pace
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.webhooks.app import AT_ONCE, AT_ONCE_EACH, MOST_BYTES, receiver
from airflow_provider.live_sessions.webhooks.limits import Allowance, Places
from airflow_provider.live_sessions.webhooks.queue import Job, Queue
from airflow_provider.live_sessions.webhooks.tokens import Addressee, write
from airflow_provider.live_sessions.webhooks.urls import url_of
from tests.webhooks.post import Post, free_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

ME = Addressee("lessonspace", "school", "d", "r", "t")
HEADERS = {"x-webhook-event": "session.end", "x-webhook-id": "d-1", "x-webhook-signature": "00"}
BODY = {"id": "s-1", "room": {"id": "r-1"}}


class Desk:
    """Takes jobs and keeps them."""

    def __init__(self, **limits: Any) -> None:
        self.jobs: list[Job] = []
        self.queue = Queue(self._take, **limits)

    def _take(self, job: Job) -> None:
        self.jobs.append(job)

    def settled(self) -> list[Job]:
        assert self.queue.wait_idle(20)
        return self.jobs


class Door:
    """A receiver on a port, with what it took over."""

    def __init__(self, **how: Any) -> None:
        self.desk = Desk(**how.pop("limits", {}))
        self.port = free_port()
        self.app = receiver(self.desk.queue, **how)

    def send(self, addressee: Addressee = ME, body: Any = None, **headers: str) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body or BODY).encode()
        named = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = requests.post(self.url(addressee), data=raw, headers=named, timeout=20)
        assert answer.content == b""
        return answer.status_code

    def url(self, addressee: Addressee = ME) -> str:
        return f"http://127.0.0.1:{self.port}/{write(addressee, AirflowCipher())}"


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door()
    with serving(made.app, made.port):
        yield made
    made.desk.queue.stop()


def test_a_delivery_is_taken_over_with_what_its_signature_is_checked_with(door: Door) -> None:
    assert door.send() == 202
    (job,) = door.desk.settled()
    assert (job.addressee, job.delivery.session_id, job.delivery.id) == (ME, "s-1", "d-1")
    assert (json.loads(job.body), job.headers) == (BODY, {"x-webhook-signature": "00"})


def test_a_delivery_that_comes_twice_is_answered_alike_and_taken_over_once(door: Door) -> None:
    assert [door.send() for _ in range(3)] == [202, 202, 202]
    assert door.send(x_webhook_id="d-2") == 202
    assert door.send(Addressee("lessonspace", "school", "d", "r", "other")) == 202
    assert [job.delivery.id for job in door.desk.settled()] == ["d-1", "d-2", "d-1"]


def test_a_made_up_delivery_does_not_use_up_the_id_of_a_genuine_one(door: Door) -> None:
    forged: list[dict[str, Any]] = [
        {"body": {**BODY, "room": {"id": "r-2"}}},
        {"x_webhook_signature": "11"},
        {"x_webhook_event": "session.start"},
    ]
    assert [door.send(**one) for one in forged] == [202, 202, 202]
    assert [door.send(), door.send()] == [202, 202]
    genuine = [one for one in door.desk.settled() if one.headers == {"x-webhook-signature": "00"}]
    assert [json.loads(one.body) for one in genuine if one.delivery.event == "session.end"][-1] == BODY
    assert len(door.desk.jobs) == 4


def test_what_nobody_is_told_of_is_answered_and_dropped(door: Door) -> None:
    assert door.send(x_webhook_event="user.join", body={"user": {"name": "Bo"}, "room": {"id": "r"}}) == 202
    assert door.send(body={"room": {"id": "r"}}) == 202
    assert door.desk.settled() == []


@pytest.mark.parametrize("raw", [b"no JSON", b"[]", b"\xff\xfe", b"[" * 60_000])
def test_what_is_no_delivery_is_refused(door: Door, raw: bytes) -> None:
    assert door.send(body=raw) == 400


def test_a_path_that_was_not_given_out_does_not_exist(door: Door) -> None:
    over = Addressee("lessonspace", "school", until=datetime.now(UTC) - timedelta(seconds=1))
    assert door.send(over) == 404
    base = f"http://127.0.0.1:{door.port}"
    for path in ("/", "/x", "/docs", "/openapi.json", "/redoc", "/a/b", "/" + "A" * 5000, "/%00", "/sealed:v1:x"):
        assert requests.post(base + path, json=BODY, timeout=20).status_code == 404, path
    assert door.desk.settled() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_but_a_post_is_answered(door: Door, method: str) -> None:
    assert requests.request(method, door.url(), timeout=20).status_code == 405


def test_a_body_that_is_too_long_is_refused_whatever_it_says_of_its_length(door: Door) -> None:
    assert door.send(body=b"[" + b" " * MOST_BYTES + b"]") == 413

    def endless() -> Iterator[bytes]:
        for _ in range(2 * MOST_BYTES // 1024):
            yield b" " * 1024

    try:
        answer = requests.post(door.url(), data=endless(), timeout=20)
    except requests.ConnectionError:
        pass  # refused while the sender was still writing
    else:
        assert answer.status_code == 413
    assert door.send(body=b" " * (MOST_BYTES - 100) + json.dumps(BODY).encode()) == 202
    assert len(door.desk.settled()) == 1


def test_a_sender_that_dawdles_is_not_waited_for() -> None:
    made = Door(patience=0.2)
    with serving(made.app, made.port):
        split = urlsplit(made.url())
        connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=20)
        connection.putrequest("POST", split.path)
        connection.putheader("Content-Length", "100")
        connection.endheaders()
        assert connection.getresponse().status == 408
        connection.close()
        assert made.send() == 202
    made.desk.queue.stop()


def test_a_sender_that_goes_away_leaves_nothing_behind(door: Door) -> None:
    for _ in range(AT_ONCE + 5):
        with socket.create_connection(("127.0.0.1", door.port)) as one:
            path = urlsplit(door.url()).path
            one.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
    deadline = time.monotonic() + 20
    while door.send(x_webhook_id=str(time.monotonic())) != 202:
        assert time.monotonic() < deadline


def dawdle(stack: ExitStack, door: Door, addressee: Addressee) -> None:
    """Begin to send a body and send no more of it until the stack is closed."""
    slow = stack.enter_context(socket.create_connection(("127.0.0.1", door.port)))
    path = urlsplit(door.url(addressee)).path
    slow.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{".encode())


def send_until(door: Door, status: int, addressee: Addressee = ME) -> None:
    """Send until the answer is this one: what dawdles is not met at once."""
    deadline = time.monotonic() + 20
    while (found := door.send(addressee, x_webhook_id=str(time.monotonic()))) != status:
        assert found in (202, 503)
        assert time.monotonic() < deadline


def test_so_many_bodies_are_read_at_once() -> None:
    made = Door(places=Places(1, 1))
    with serving(made.app, made.port), ExitStack() as stack:
        dawdle(stack, made, Addressee("lessonspace", "other"))
        send_until(made, 503)
    made.desk.queue.stop()


def test_a_url_that_leaked_shuts_out_itself_alone(door: Door) -> None:
    """So many slow bodies to one URL as the whole receiver reads were 503 for every other."""
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            dawdle(stack, door, ME)
        send_until(door, 503)
        others = [Addressee("lessonspace", "school", "d", "r", f"t{number}") for number in range(AT_ONCE_EACH)]
        assert [door.send(one) for one in (*others, Addressee("coviu", "clinic"))].count(503) == 0
    send_until(door, 202)


def test_an_address_that_sends_too_much_is_told_when_to_come_again() -> None:
    made = Door(allowance=Allowance(Pace(rate=0.01, burst=3.0)))
    with serving(made.app, made.port):
        assert [made.send(x_webhook_id=str(number)) for number in range(5)] == [202, 202, 202, 429, 429]
        answer = requests.post(made.url(), json=BODY, timeout=20)
        assert 0 < int(answer.headers["Retry-After"]) <= 100
        assert made.send(Addressee("lessonspace", "other")) == 202
    made.desk.queue.stop()


def test_a_delivery_that_found_no_room_is_taken_over_when_it_comes_again() -> None:
    made = Door(limits={"most_bytes": 10})
    with serving(made.app, made.port):
        assert made.send() == 503
        assert made.desk.settled() == []
        made.desk.queue._most_bytes = 1000
        assert made.send() == 202
        assert len(made.desk.settled()) == 1
    made.desk.queue.stop()


def test_many_at_once_are_each_taken_over_once(door: Door) -> None:
    with ThreadPoolExecutor(16) as pool:
        ids = [str(number % 40) for number in range(160)]
        assert set(pool.map(lambda one: door.send(x_webhook_id=one), ids)) == {202}
    assert sorted(job.delivery.id for job in door.desk.settled()) == sorted(set(ids))


def test_a_standing_receiver_answers_below_its_path_alone(post: Post) -> None:
    url = url_of(ME)
    assert url.startswith(post.base + "/")
    answer = requests.post(url, data=b"no JSON", timeout=20)
    assert answer.status_code == 400
    token = url.rpartition("/")[2]
    assert requests.post(f"{post.base.partition('/live')[0]}/{token}", json=BODY, timeout=20).status_code == 404
    for path in (post.base, f"{post.base}/", f"{post.base}/{token}/"):
        assert requests.post(path, json=BODY, timeout=20, allow_redirects=False).status_code == 404, path
