"""The instruments tell what is there: a stall that happens is seen, a request is counted once."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from datetime import UTC, datetime

from benchmarks.gauge import Gauge
from benchmarks.peer_server import PeerServer
from benchmarks.resumption import resumed


def test_a_loop_that_is_blocked_is_a_stall_of_that_length() -> None:
    async def life() -> float:
        gauge = Gauge()
        gauge.start()
        await asyncio.sleep(0.02)
        gauge.begin()
        time.sleep(0.2)  # the fault to be seen
        await asyncio.sleep(0.02)
        return gauge.read().stall_wall_s

    assert asyncio.run(life()) >= 0.15


def asked(port: int, path: str, times: int) -> bytes:
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for _ in range(times):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            answer = connection.recv(4096)
        return answer


def test_the_peers_server_counts_requests_and_connections() -> None:
    with PeerServer() as server:
        assert b'"status": 3' in asked(server.port, "/api/v2/accounts/1/runs/1/", 3)
        assert asked(server.port, "/wait/1", 2).startswith(b"HTTP/1.1 404 ")
        assert (server.counts.requests, server.counts.opened) == (5, 2)
        server.restart()
        assert server.counts.requests == 0


def test_the_peers_server_asks_for_quiet_when_told_to() -> None:
    with PeerServer(retry_after=30) as server:
        answer = asked(server.port, "/wait/1", 1)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: 30\r\n" in answer


def test_a_task_runs_again_when_it_executes_after_its_deferral_whatever_its_trigger_wrote() -> None:
    lines = [
        {"timestamp": "2026-09-01T09:00:00Z", "event": "Pre Execute"},
        {"timestamp": "2026-09-01T09:00:02Z", "event": "Pausing task as DEFERRED. "},
    ]
    lines += [{"timestamp": "2026-09-01T09:00:03Z", "event": "trigger starting"}]
    first = "\n".join(map(json.dumps, lines))
    assert resumed(first) is None
    again = json.dumps({"timestamp": "2026-09-01T09:00:09Z", "event": "Pre Execute"})
    assert resumed(f"{first}\nnot a line of the log\n{again}") == datetime(2026, 9, 1, 9, 0, 9, tzinfo=UTC)
