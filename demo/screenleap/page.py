"""The company's page that starts shares, as a small server on loopback: it takes in what Airflow hands over."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = 100_000


class Page:
    """What was handed over, by share and participant.

    Args:
        arrived: Called with each message; from a thread of the server.
        status: What the page answers.
    """

    def __init__(self, arrived: Callable[[dict[str, Any]], None] = lambda _: None, status: int = 204) -> None:
        self.token = secrets.token_urlsafe(24)
        self.port = 0
        self.status = status
        self.messages: list[dict[str, Any]] = []
        self.arrived = arrived

    @contextmanager
    def open(self, port: int = 0) -> Iterator[Page]:
        """Serve until the end of the block; on any free port, or on one that is known."""
        server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        thread = Thread(target=server.serve_forever, name="page", daemon=True)
        thread.start()
        try:
            self.port = server.server_address[1]
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def connection(self, port: int = 0) -> str:
        """Return the Airflow connection; before it is open, of the port it will have."""
        host = f"http://127.0.0.1:{port or self.port}"
        return json.dumps({"conn_type": "http", "host": host, "password": self.token})

    def launch_data(self, title: str) -> dict[str, Any] | None:
        """Return the launch data that came last for a title, None before."""
        given = [one["launch_data"] for one in self.messages if one["title"] == title and one["presenter"]]
        return given[-1] if given else None

    def people(self, title: str) -> set[str]:
        """Return the ids of the participants who got what lets them in."""
        return {one["participant"] for one in self.messages if one["title"] == title}

    def take(self, path: str, body: bytes) -> None:
        """Take a message in."""
        message = {**json.loads(body), "participant": unquote(path.rpartition("/")[2])}
        self.messages.append(message)
        self.arrived(message)

    def _handler(page) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's below
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(min(length, LONGEST))
                known = self.headers.get("Authorization") == f"Bearer {page.token}"
                if known and page.status < 300:
                    page.take(self.path, body)
                self.send_response(page.status if known else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler
