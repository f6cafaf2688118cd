"""The sandbox: local servers that behave as the platforms do, in this process.

::

    with Sandbox() as sandbox:
        requests.get(f"{sandbox.lessonspace.url}/hello/", headers=...)
        sandbox.clock.advance(3600)
"""

from __future__ import annotations

import selectors
import socket
import socketserver
import sys
from http.server import ThreadingHTTPServer
from threading import Condition, RLock, Thread
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.agenda import Agenda
from airflow_provider.live_sessions.sandbox.clock import Clock
from airflow_provider.live_sessions.sandbox.control import Control
from airflow_provider.live_sessions.sandbox.coviu.platform import Coviu
from airflow_provider.live_sessions.sandbox.desk import Desk
from airflow_provider.live_sessions.sandbox.educates.platform import Educates
from airflow_provider.live_sessions.sandbox.faults import Faults
from airflow_provider.live_sessions.sandbox.handler import RESET, Handler
from airflow_provider.live_sessions.sandbox.lessonspace.platform import Lessonspace
from airflow_provider.live_sessions.sandbox.log import RequestLog
from airflow_provider.live_sessions.sandbox.screenleap.platform import Screenleap
from airflow_provider.live_sessions.sandbox.scripts import Scripts
from airflow_provider.live_sessions.sandbox.world import World

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from airflow_provider.live_sessions.sandbox.coviu.options import Options as CoviuOptions
    from airflow_provider.live_sessions.sandbox.educates.options import Options as EducatesOptions
    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.screenleap.options import Options as ScreenleapOptions
    from airflow_provider.live_sessions.sandbox.world import Platform


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    timeout = 0.0

    def __init__(self, address: tuple[str, int], handler: type[Handler]) -> None:
        self._alarm, self._ring = socket.socketpair()
        super().__init__(address, handler)

    def serve(self) -> None:
        """Accept connections until :meth:`ring`; sleeps in between, and stops at once."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.register(self._alarm, selectors.EVENT_READ)
            while all(key.fileobj is not self._alarm for key, _ in selector.select()):
                self.handle_request()

    def ring(self) -> None:
        """Have :meth:`serve` return."""
        self._ring.send(b"!")

    def server_close(self) -> None:
        """Give back the sockets."""
        super().server_close()
        self._alarm.close()
        self._ring.close()

    def server_bind(self) -> None:
        # http.server would look up the host's name here, which may ask a name server.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def shutdown_request(self, request: Any) -> None:
        # A polite shutdown sends FIN first, and the client would see a clean end instead of a reset.
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(RESET)) == RESET:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients may go away at any time, and faults make them.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Sandbox:
    """All platforms on one port.

    Args:
        port: 0 picks a free one.
        host: The address to bind; anything but a loopback address shows the control API to the network.
        start: The time to begin at, aware; None is the real time.
        frozen: Let time stand still until it is advanced.
        public_url: What the links that people follow begin with, where a browser does not reach the sandbox under
            the address that programs use; empty is the address that each program uses.
        lessonspace: Lessonspace's thresholds and credentials.
        coviu: Coviu's thresholds and credentials.
        screenleap: Screenleap's thresholds and credentials.
        educates: The Educates portal's thresholds and credentials.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        start: datetime | None = None,
        frozen: bool = False,
        public_url: str = "",
        lessonspace: Options | None = None,
        coviu: CoviuOptions | None = None,
        screenleap: ScreenleapOptions | None = None,
        educates: EducatesOptions | None = None,
    ) -> None:
        guard = RLock()
        lock = Condition(guard)
        self.clock = Clock(start, frozen=frozen, lock=guard)
        self.agenda = Agenda(self.clock, lock)
        self.scripts = Scripts()
        self.faults = Faults()
        self.log = RequestLog()
        self._address = (host, port)
        self._world = World(lock, self.clock, self.agenda, self.scripts, public=public_url.rstrip("/"))
        self.lessonspace = Lessonspace(self._world, lessonspace)
        self.coviu = Coviu(self._world, coviu)
        self.screenleap = Screenleap(self._world, screenleap)
        self.educates = Educates(self._world, educates)
        everything: tuple[Platform, ...] = (self.lessonspace, self.coviu, self.screenleap, self.educates)
        self.platforms: dict[str, Platform] = {one.name: one for one in everything}
        self._desk = Desk(self._world, self.platforms, self.faults, self.log, Control(self).answer)
        self._server: _Server | None = None
        self._thread: Thread | None = None

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return self._world.url

    @property
    def world(self) -> World:
        """The common ground of the platforms."""
        return self._world

    def start(self) -> Sandbox:
        """Listen; the address is known when this returns."""
        handler = type("SandboxHandler", (Handler,), {"desk": self._desk})
        self._server = _Server(self._address, handler)
        host, port = self._server.server_name, self._server.server_port
        self._world.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104 - compared, not bound
        self._thread = Thread(target=self._server.serve, name="sandbox", daemon=True)
        self._thread.start()
        self.agenda.start()
        return self

    def stop(self) -> None:
        """Stop listening, end every connection and thread."""
        if self._server is None or self._thread is None:
            return
        self._server.ring()
        self._thread.join()
        self._server.server_close()
        self.faults.clear()  # or what they hold would keep its thread
        self._desk.close()
        self.agenda.stop()
        for platform in self.platforms.values():
            platform.close()
        self._server = None

    def reset(self) -> None:
        """Forget everything but the credentials, and set the clock to where it began."""
        with self._world.lock:
            self.agenda.clear()
            self.clock.restart()
            self.agenda.clear()
            self.scripts.clear()
            self.faults.clear()
            self.log.clear()
            for platform in self.platforms.values():
                platform.reset()

    def state(self) -> dict[str, Any]:
        """Return what exists on every platform, as plain data without secrets."""
        with self._world.lock:
            self.agenda.run_due()
            return {name: dict(platform.state()) for name, platform in self.platforms.items()}

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
