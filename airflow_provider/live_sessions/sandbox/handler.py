"""One connection's requests: read, hand over, carry out the fault, log, answer."""

from __future__ import annotations

import email.utils
import socket
import struct
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.sandbox.faults import Kind
from airflow_provider.live_sessions.sandbox.wire import JSON, Request, Response

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.desk import Desk
    from airflow_provider.live_sessions.sandbox.faults import Fault

MAX_BODY = 4_000_000
DRIPS = 20
# Linger for zero seconds: close() sends RST instead of FIN.
RESET = struct.pack("ii", 1, 0)


class Handler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    desk: ClassVar[Desk]
    number: int

    def setup(self) -> None:
        """Begin a connection."""
        super().setup()
        self.number = self.desk.connected(self.connection)

    def finish(self) -> None:
        """End a connection."""
        super().finish()
        self.desk.disconnected(self.connection)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Print nothing; the request log keeps what matters."""

    def serve(self) -> None:
        """Answer one request."""
        request = self._read()
        if request is None:
            return
        if request.path.startswith("/_sandbox/"):
            self._send(self.desk.control(request))
            return
        strike = self.desk.strike(request)
        if strike is None:
            self._send(self.desk.serve(request, None))
            return
        fault = strike.fault
        if fault.delay:
            self.desk.pause(fault.delay)
        if fault.kind is Kind.HOLD_BEFORE and not strike.gate.come():
            fault = replace(fault, kind=Kind.RESET_BEFORE)
        response = self.desk.serve(request, fault)
        dropped = fault.kind is Kind.HOLD_AFTER and not strike.gate.come()
        if dropped or fault.kind in (Kind.RESET_BEFORE, Kind.RESET_AFTER):
            self._reset()
        else:
            self._send_faulty(response, fault)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = serve  # noqa: N815 - http.server's names

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > MAX_BODY or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._send(Response.json(HTTPStatus.BAD_REQUEST, {"detail": "Send a body with its length."}))
            return None
        path, _, query = self.path.partition("?")
        return Request(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
            connection=self.number,
            public=self.desk.public,
        )

    def _send(self, response: Response) -> None:
        self.wfile.write(self._head(response) + (b"" if self.command == "HEAD" else response.body))

    def _send_faulty(self, response: Response, fault: Fault) -> None:
        if fault.kind is Kind.TRUNCATE:
            self.close_connection = True
            self.wfile.write(self._head(response) + response.body[: fault.sent])
        elif fault.kind is Kind.MALFORMED:
            body = fault.body.encode() or response.body[: max(1, len(response.body) // 2)]
            self._send(replace(response, body=body, content_type=JSON))
        elif fault.kind is Kind.DRIP:
            step = max(1, -(-len(response.body) // DRIPS))
            starts = range(0, len(response.body), step)
            self.wfile.write(self._head(response))
            for start in starts:
                self.desk.pause(fault.seconds / len(starts))
                self.wfile.write(response.body[start : start + step])
        else:
            self._send(response)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def _head(self, response: Response) -> bytes:
        try:
            phrase = HTTPStatus(response.status).phrase
        except ValueError:
            phrase = "Unknown"
        lines = [
            f"HTTP/1.1 {response.status} {phrase}",
            f"Date: {email.utils.format_datetime(self.desk.now(), usegmt=True)}",
        ]
        if response.content_type:
            lines.append(f"Content-Type: {response.content_type}")
        lines += [f"{name}: {value}" for name, value in response.headers]
        if response.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(response.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")
