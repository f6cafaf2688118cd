"""A real local receiver of webhooks."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, ClassVar


@dataclass(frozen=True)
class Caught:
    path: str
    headers: dict[str, str]
    body: bytes


class Catcher:
    """Answers each request with the next of ``statuses``, then with 200."""

    def __init__(self) -> None:
        self.caught: list[Caught] = []
        self.statuses: deque[int] = deque()
        self._lock = Condition()
        handler = type("CatcherHandler", (_Handler,), {"catcher": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, one: Caught) -> int:
        with self._lock:
            self.caught.append(one)
            self._lock.notify_all()
            return self.statuses.popleft() if self.statuses else 200

    def wait_for(self, count: int, seconds: float = 60.0) -> list[Caught]:
        with self._lock:
            assert self._lock.wait_for(lambda: len(self.caught) >= count, seconds), self.caught
            return list(self.caught)

    def events(self) -> list[str]:
        return [one.headers["x-webhook-event"] for one in self.caught]

    def __enter__(self) -> Catcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    catcher: ClassVar[Catcher]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status = self.catcher.take(Caught(self.path, headers, body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        pass


def until(true: Any, seconds: float = 60.0) -> None:
    """Wait until a condition holds; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
