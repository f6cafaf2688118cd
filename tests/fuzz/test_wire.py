"""Answers that no JSON can be: bombs, bodies without an end, lists in circles, servers that only trickle."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import LiveSessionError, OutcomeUnknown, Refused, Unavailable
from airflow_provider.live_sessions.core.http import HttpClient
from tests.fuzz.acts import THEATRES
from tests.fuzz.proxy import Proxy, Reply, Tampering, proxied
from tests.fuzz.verdict import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MEBI = 1024 * 1024
PLATFORMS = list(THEATRES)
READS = {
    "lessonspace": "sessions",
    "coviu": "sessions",
    "screenleap": "recent",
    "educates": "workshops",
}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with proxied() as opened:
        yield opened


def error_of(proxy: Proxy, name: str, act: str, change: Callable[[Reply], Reply]) -> LiveSessionError:
    """Play an act whose answers are all changed, and return the error it ends in."""
    theatre = THEATRES[name]
    with theatre.open() as kit:
        scene = theatre.scene(kit, proxy)
        scene.client._http._exchange._max_body = 2 * MEBI  # the real bound is 64 MiB: a test need not send that
        proxy.tampering = Tampering(change)
        began = time.monotonic()
        try:
            theatre.acts[act](scene)
        except LiveSessionError as error:
            check(error)
            assert time.monotonic() - began < 240, "it hangs"
            return error
        finally:
            proxy.tampering = None
            scene.client.close()
    raise AssertionError("it took the answer for a good one")


def bomb(kind: str) -> Callable[[Reply], Reply]:
    if kind == "gzip":
        body = gzip.compress(b"[" + b" " * (200 * MEBI) + b"]", 9)
    elif kind == "deflate":
        body = zlib.compress(b"[" + b" " * (200 * MEBI) + b"]", 9)
    else:  # a bomb in a bomb: both are said to be there
        body = gzip.compress(gzip.compress(b" " * (200 * MEBI), 9), 9)

    def change(reply: Reply) -> Reply:
        reply.headers["Content-Encoding"] = "gzip, gzip" if kind == "twice" else kind
        reply.body = body
        return reply

    return change


@pytest.mark.parametrize("kind", ["gzip", "deflate", "twice"])
def test_a_compressed_bomb_is_refused_before_it_fills_the_memory(proxy: Proxy, kind: str) -> None:
    change = bomb(kind)
    tracemalloc.start()
    try:
        error_of(proxy, "lessonspace", "sessions", change)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEBI


def endless(reply: Reply) -> Reply:
    reply.body, reply.trickle = b"[", b" " * 65536
    return reply


def endless_refusal(reply: Reply) -> Reply:
    reply.status, reply.body, reply.trickle = 500, b"", b"no " * 30_000
    return reply


@pytest.mark.parametrize("name", PLATFORMS)
@pytest.mark.parametrize("change", [endless, endless_refusal])
def test_a_body_without_an_end_is_cut_off(proxy: Proxy, name: str, change: Callable[[Reply], Reply]) -> None:
    tracemalloc.start()
    try:
        error_of(proxy, name, READS[name], change)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * MEBI


def test_a_body_that_only_trickles_is_given_up() -> None:
    """A byte now and then keeps every timeout between two bytes from firing."""

    def drip(reply: Reply) -> Reply:
        reply.body, reply.trickle = b"[", b" "
        return reply

    with proxied() as slow:
        slow.pause = 0.05
        slow.tampering = Tampering(drip)
        slow.upstream = slow.origin  # nobody is asked
        slow.ask = lambda *_: Reply(200, {}, b"[]")  # type: ignore[method-assign]
        client = HttpClient(platform="Toy", conn_id="t", base_url=slow.origin, timeout=(1.0, 0.2), longest=1.0)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="in time") as told:
            client.request("GET", "x", label="read it")
        check(told.value)
        client.close()
    assert time.monotonic() - began < 120, "it hangs"


def circle(reply: Reply) -> Reply:
    """Announce a further page whatever was asked."""
    body: Any = json.loads(reply.body)
    if isinstance(body, dict) and "results" in body:
        body["next"] = "?include_single_user=true"
    elif isinstance(body, dict) and "content" in body:
        body.update(more=True, page=0)
    reply.body = json.dumps(body).encode()
    return reply


@pytest.mark.parametrize("name", ["lessonspace", "coviu"])
def test_pages_that_run_in_a_circle_are_noticed(proxy: Proxy, name: str) -> None:
    assert isinstance(error_of(proxy, name, "sessions", circle), Unavailable)


def test_pages_without_an_end_stop_at_a_bound(proxy: Proxy) -> None:
    pages = iter(range(2, 10**9))

    def more(reply: Reply) -> Reply:
        body = {"count": 1, "results": [], "next": f"?page={next(pages)}"}
        return Reply(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "airflow_provider.live_sessions.core.paging.walk_envelopes.__kwdefaults__", {"max_pages": 40}
        )
        assert isinstance(error_of(proxy, "lessonspace", "users", more), Refused | Unavailable)


def test_a_write_answered_by_a_bomb_is_unknown(proxy: Proxy) -> None:
    assert isinstance(error_of(proxy, "lessonspace", "launch", bomb("gzip")), OutcomeUnknown)


def test_a_redirect_in_a_circle_ends(proxy: Proxy) -> None:
    def again(reply: Reply) -> Reply:
        reply.status, reply.headers["Location"] = 302, "?again"
        return reply

    assert isinstance(error_of(proxy, "lessonspace", "check the key", again), LiveSessionError)


def test_a_secret_that_a_broken_answer_echoes_is_in_no_message(proxy: Proxy) -> None:
    key = SecretStr("5a11ce00-c1a5-4c00-8000-0123456789ab").get_secret_value()

    def echo(reply: Reply) -> Reply:
        reply.status, reply.body = 400, json.dumps({"detail": f"bad key {key}", key: [key]}).encode()
        return reply

    assert key not in str(error_of(proxy, "lessonspace", "check the key", echo))
