"""A list in pages, canned: a platform that answers at once, but so many milliseconds away.

Run as ``python -m benchmarks.page_server``: it takes its orders as one line of JSON on its input (the file of rows
to repeat, how many sessions, how many a page, the latency in seconds, the requests allowed a second), prints its
port, and tells what it counted for each further line.

It is the partner of ``export_speed`` because the sandbox, which looks through its sessions for every page, would
be measured instead of whoever reads from it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

BOUND = 1.0
"""Seconds of the sliding window in which requests are counted."""


@dataclass(slots=True)
class Counts:
    """What the server saw.

    Args:
        served: Requests answered with a page.
        refused: Requests answered with 429.
        first: When the first came, on a clock that only grows.
        last: When the last came.
    """

    served: int = 0
    refused: int = 0
    first: float = 0.0
    last: float = 0.0


class Pages:
    """The list.

    Args:
        rows: What is repeated; each copy has an id of its own.
        sessions: How many there are.
        size: How many a page.
        rate: Requests allowed in a sliding second; 0 for any number.
    """

    def __init__(self, rows: list[dict[str, Any]], sessions: int, size: int, rate: float) -> None:
        self.counts = Counts()
        self._sessions = sessions
        self._rate = rate
        self._recent: deque[float] = deque()
        copies = (
            json.dumps({**rows[number % len(rows)], "uuid": uuid_of(number), "id": number + 1}).encode()
            for number in range(sessions)
        )
        self._pages: list[bytes] = []
        page: list[bytes] = []
        for copy in copies:
            page.append(copy)
            if len(page) == size:
                self._pages.append(b",".join(page))
                page = []
        if page:
            self._pages.append(b",".join(page))

    def answer(self, path: str, query: str, host: str) -> bytes:
        """Return a whole answer."""
        now = time.monotonic()
        if self._rate and not self._allowed(now):
            self.counts.refused += 1
            return _response(b"429 Too Many Requests", b'{"detail": "Request was throttled."}')
        self.counts.first = self.counts.first or now
        self.counts.last = now
        self.counts.served += 1
        asked = parse_qs(query)
        if "in_progress_only" in asked:
            return _response(b"200 OK", b'{"count": 0, "next": null, "previous": null, "results": []}')
        number = int(asked.get("page", ["1"])[0])
        following = "null"
        if number < len(self._pages):
            kept = [(name, text) for name, text in parse_qsl(query) if name != "page"]
            following = json.dumps(f"http://{host}{path}?{urlencode([*kept, ('page', number + 1)])}")
        head = f'{{"count": {self._sessions}, "next": {following}, "previous": null, "results": ['
        return _response(b"200 OK", head.encode() + self._pages[number - 1] + b"]}")

    def _allowed(self, now: float) -> bool:
        while self._recent and now - self._recent[0] >= BOUND:
            self._recent.popleft()
        if len(self._recent) >= self._rate:
            return False
        self._recent.append(now)
        return True


def uuid_of(number: int) -> str:
    """Return the id of the session of that number."""
    return str(uuid.UUID(int=number + 1))


class _Connection(asyncio.Protocol):
    def __init__(self, pages: Pages, latency: float) -> None:
        self._pages = pages
        self._latency = latency
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:  # reads have no body
            head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            path, _, query = lines[0].split(" ")[1].partition("?")
            host = next(line[5:].strip() for line in lines if line.lower().startswith("host:"))
            answer = self._pages.answer(path, query, host)
            asyncio.get_running_loop().call_later(self._latency, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


def _response(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


async def _serve(pages: Pages, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(pages, latency), "127.0.0.1", 0, backlog=64)
    over = asyncio.Event()

    def listen() -> None:
        for _ in sys.stdin:
            counts = pages.counts
            pages.counts = Counts()
            _say(
                {
                    "served": counts.served,
                    "refused": counts.refused,
                    "seconds": counts.last - counts.first,
                }
            )
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=listen, daemon=True).start()
    _say({"port": server.sockets[0].getsockname()[1]})
    await over.wait()
    server.close()


def _say(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until the input ends."""
    orders = json.loads(sys.stdin.readline())
    rows = json.loads(Path(orders["rows"]).read_text(encoding="utf-8"))
    pages = Pages(rows, orders["sessions"], orders["size"], orders["rate"])
    asyncio.run(_serve(pages, orders["latency"]))


if __name__ == "__main__":
    main()
