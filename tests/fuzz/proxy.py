"""A proxy on this machine that stands before the sandbox and changes what it answers, on the wire."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


@dataclass
class Reply:
    """An answer on its way.

    Args:
        status: Its status.
        headers: Its headers, but for those about its length.
        body: Its body.
        length: What ``Content-Length`` claims; None for the truth.
        trickle: Written after the body until the client goes away: an answer without an end.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    length: int | None = None
    trickle: bytes = b""


Change = Callable[[Reply], Reply]


@dataclass
class Tampering:
    """Which answers are changed, counted from its beginning, and how.

    Args:
        change: Changes an answer.
        which: The numbers of the answers; None for all.
    """

    change: Change
    which: frozenset[int] | None = None
    seen: int = 0
    changed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, reply: Reply) -> Reply:
        with self.lock:
            number, self.seen = self.seen, self.seen + 1
            if self.which is not None and number not in self.which:
                return reply
            self.changed += 1
        return self.change(reply)


class Proxy:
    """Passes requests on to a sandbox; while tampered with, its answers are not what the sandbox said."""

    def __init__(self) -> None:
        self.tampering: Tampering | None = None
        self.upstream = ""
        self.pause = 0.0
        """Seconds between two pieces of an answer without an end."""
        self.good: list[bytes] = []
        """The bodies as the sandbox made them."""
        self.asked = b""
        """The latest request, whole: what a server that echoes would say."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who is cut off is no news here
        self._server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def via(self, url: str) -> str:
        """Return the address behind this proxy of an address of the sandbox."""
        parts = urlsplit(url)
        self.upstream = f"{parts.scheme}://{parts.netloc}"
        return self.origin + parts.path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Return what the sandbox answers, its own address replaced by the proxy's."""
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=10)
        try:
            connection.request(method, path, body=body or None, headers=headers)
            answer = connection.getresponse()
            content = answer.read().replace(self.upstream.encode(), self.origin.encode())
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
            return Reply(answer.status, kept, content)
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def answer(self) -> None:
                sent = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                sent["Host"] = urlsplit(proxy.upstream).netloc
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if body:
                    sent["Content-Length"] = str(len(body))
                proxy.asked = f"{self.requestline}\r\n{self.headers}".encode() + body
                reply = proxy.ask(self.command, self.path, sent, body)
                proxy.good.append(reply.body)
                if proxy.tampering is not None:
                    reply = proxy.tampering(reply)
                self.write(reply)

            def write(self, reply: Reply) -> None:
                length = len(reply.body) if reply.length is None else reply.length
                lines = [f"HTTP/1.1 {reply.status} Whatever"]
                lines += [f"{name}: {value}" for name, value in reply.headers.items()]
                lies = bool(reply.trickle) or length != len(reply.body)
                if not reply.trickle:
                    lines.append(f"Content-Length: {length}")
                lines.append("Connection: close" if lies else "Connection: keep-alive")
                self.close_connection = lies
                head = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n"
                try:
                    self.wfile.write(head + (b"" if self.command == "HEAD" else reply.body))
                    while reply.trickle:
                        time.sleep(proxy.pause)
                        self.wfile.write(reply.trickle)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the server's own names

        return Handler


@contextmanager
def proxied() -> Iterator[Proxy]:
    """Give a running proxy."""
    proxy = Proxy()
    try:
        yield proxy
    finally:
        proxy.close()
