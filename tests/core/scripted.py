"""A real HTTP server on 127.0.0.1 that answers each request with the next line of a script."""

from __future__ import annotations

import contextlib
import json as json_module
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Received:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass
class Line:
    """One exchange: acts on the socket, returns whether the connection stays open."""

    act: Callable[[socket.socket, threading.Event], bool]


def raw(payload: bytes, *, keep: bool = False) -> Line:
    """Send exactly these bytes; close unless told otherwise."""

    def act(peer: socket.socket, _: threading.Event) -> bool:
        peer.sendall(payload)
        return keep

    return Line(act)


def reply(
    status: int = 200,
    body: bytes | str = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
    keep: bool = True,
) -> Line:
    """Answer; a length beyond the body's makes a truncated answer."""
    content = body.encode() if isinstance(body, str) else body
    given = {"Content-Length": str(len(content) if length is None else length), **(headers or {})}
    head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return raw(head.encode("latin-1") + b"\r\n" + content, keep=keep and length is None)


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Line:
    """Answer with JSON."""
    return reply(status, json_module.dumps(value), {"Content-Type": "application/json", **(headers or {})})


def hang_up() -> Line:
    """Read the request and close without a word."""
    return raw(b"")


def reset() -> Line:
    """Read the request and reset the connection."""

    def act(peer: socket.socket, _: threading.Event) -> bool:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return Line(act)


def silence() -> Line:
    """Never answer."""

    def act(_: socket.socket, over: threading.Event) -> bool:
        over.wait(30)
        return False

    return Line(act)


@dataclass
class ScriptedServer:
    """Plays the script; a request after its end is answered with 599.

    A greeting is sent to whoever connects, before anything is read, and nothing after it.
    """

    script: list[Line]
    tls: ssl.SSLContext | None = None
    greeting: bytes = b""
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._peers: list[socket.socket] = []
        self.connections = 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for peer in self._peers:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [one.target for one in self.received]

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with self._lock:
                self._peers.append(peer)
            self._start(self._serve, peer, self.connections)

    def _serve(self, peer: socket.socket, connection: int) -> None:
        with contextlib.suppress(OSError), peer:
            if self.greeting:
                peer.sendall(self.greeting)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(65536):  # closing with unread data would reset the greeting away
                    pass
                return
            if self.tls is not None:
                peer = self.tls.wrap_socket(peer, server_side=True)
            with peer, peer.makefile("rb") as stream:
                while (received := self._read(stream, connection)) is not None:
                    with self._lock:
                        self.received.append(received)
                        line = self.script.pop(0) if self.script else reply(599, "the script is over")
                    if not line.act(peer, self._over):
                        return

    def _read(self, stream: Any, connection: int) -> Received | None:
        first = stream.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers: dict[str, str] = {}
        while (line := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", "0")))
        return Received(first[0], first[1], headers, body, connection)


def refused_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
