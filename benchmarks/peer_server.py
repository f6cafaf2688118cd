"""A server for the peers: answers their polls with "not yet", as fast as Python can, and counts."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

RUNNING = json.dumps({"status": {"code": 200}, "data": {"id": 1, "status": 3, "is_complete": False}}).encode()
NOT_YET = b'{"detail": "not yet"}'
SLOW_DOWN = b'{"detail": "slow down"}'


@dataclass(slots=True)
class Counts:
    """What the server saw.

    Args:
        requests: Requests answered.
        opened: Connections opened.
        at_once: The most connections open at the same time.
        last: When the latest request came, Unix time.
    """

    requests: int = 0
    opened: int = 0
    at_once: int = 0
    last: float = field(default=0.0)


class PeerServer:
    """dbt Cloud's run status under ``/api/``, and a resource that is not there yet under any other path.

    Args:
        retry_after: Answer every request with 429 and this many seconds; 0 answers as usual.
    """

    def __init__(self, *, retry_after: int = 0) -> None:
        self.counts = Counts()
        self.port = 0
        self._open = 0
        self._retry_after = retry_after
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="peer-server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def restart(self) -> None:
        """Count from now on."""
        self.counts = Counts(at_once=self._open)

    def answer(self, path: bytes) -> bytes:
        """Count a request and return the whole answer."""
        self.counts.requests += 1
        self.counts.last = time.time()
        if self._retry_after:
            return _response(b"429 Too Many Requests", SLOW_DOWN, b"Retry-After: %d\r\n" % self._retry_after)
        if path.startswith(b"/api/"):
            return _response(b"200 OK", RUNNING)
        return _response(b"404 Not Found", NOT_YET)

    def connected(self, change: int) -> None:
        """Note that a connection came or went."""
        self._open += change
        if change > 0:
            self.counts.opened += 1
            self.counts.at_once = max(self.counts.at_once, self._open)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=4096)
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


class _Connection(asyncio.Protocol):
    def __init__(self, server: PeerServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._server.connected(1)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._server.connected(-1)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer and self._transport is not None:  # polls have no body
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            self._transport.write(self._server.answer(head.split(b" ", 2)[1]))


def _response(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (
        status,
        more,
        len(body),
        body,
    )
