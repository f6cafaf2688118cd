"""Where requests arrive: finds the platform, applies the fault, keeps the log. Knows no sockets' protocol."""

from __future__ import annotations

import itertools
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from threading import Event, Lock, Thread, current_thread
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.faults import Kind
from airflow_provider.live_sessions.sandbox.log import digest
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.faults import Fault, Faults, Strike
    from airflow_provider.live_sessions.sandbox.log import RequestLog
    from airflow_provider.live_sessions.sandbox.wire import Request
    from airflow_provider.live_sessions.sandbox.world import Platform, World

PAGE = "<!doctype html><title>Error</title><h1>Something went wrong</h1>"


class Desk:
    """Serves every connection of one sandbox.

    Args:
        world: The common ground.
        platforms: By the first part of the path.
        faults: What goes wrong.
        log: What was asked.
        control: Answers the control API.
    """

    def __init__(
        self,
        world: World,
        platforms: Mapping[str, Platform],
        faults: Faults,
        log: RequestLog,
        control: Callable[[Request], Response],
    ) -> None:
        self._world = world
        self._platforms = platforms
        self._faults = faults
        self._log = log
        self.control = control
        self._stopping = Event()
        self._closed = False
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._open: dict[socket.socket, Thread] = {}

    def connected(self, connection: socket.socket) -> int:
        """Note a new connection and return its number."""
        with self._lock:
            self._open[connection] = current_thread()
            if self._closed:
                # It was accepted just before the end; nobody will serve it.
                connection.shutdown(socket.SHUT_RDWR)
            return next(self._numbers)

    def disconnected(self, connection: socket.socket) -> None:
        """Note that a connection ended."""
        with self._lock:
            self._open.pop(connection, None)

    def now(self) -> datetime:
        """Return the sandbox's time, for the Date header."""
        return self._world.clock.now()

    @property
    def public(self) -> str:
        """The base URL of the links that people follow; empty for wherever the client is."""
        return self._world.public

    def pause(self, seconds: float) -> None:
        """Wait in real time, unless the sandbox stops."""
        self._stopping.wait(seconds)

    def strike(self, request: Request) -> Strike | None:
        """Return the fault that befalls a request."""
        return self._faults.strike(request)

    def _elsewhere(self, path: str) -> Response:
        """Answer an address that is no platform's: who opens the printed URL is told where they are."""
        if path != "/":
            return Response.json(HTTPStatus.NOT_FOUND, {"detail": "No platform lives here."})
        places = ", ".join(f"/{name}" for name in sorted(filter(None, self._platforms)))
        return Response.json(HTTPStatus.OK, {"detail": f"This is the sandbox. Its platforms live at {places}."})

    def serve(self, request: Request, fault: Fault | None) -> Response:
        """Do what was asked for, unless a fault forbids it, and log it before anything is sent."""
        platform = self._platforms.get(request.path.split("/", 2)[1])
        with self._world.lock:
            now = self._world.agenda.run_due()
            effect = platform is not None and (fault is None or fault.does_its_work)
            if platform is None:
                response = self._elsewhere(request.path)
            else:
                response = platform.handle(request, now) if effect else Response(HTTPStatus.OK)
                if fault is not None:
                    response = _answer(platform, fault, response, now)
            path, query = platform.loggable(request) if platform else (request.path, "")
            reset = fault is not None and fault.kind in (Kind.RESET_BEFORE, Kind.RESET_AFTER)
            self._log.add(
                platform=platform.name if platform else "",
                method=request.method,
                path=path,
                query=query,
                status=0 if reset else response.status,
                effect=effect,
                fault="" if fault is None else fault.kind.value,
                at=iso(now),
                real=time.time(),
                connection=request.connection,
                key=digest(platform.credentials(request)) if platform else "",
            )
            return response

    def close(self) -> None:
        """End every connection and wait for its thread."""
        with self._lock:
            self._closed = True
            open_now = dict(self._open)
        for connection in open_now:
            # The client may have closed it already.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        # Only now, or a request that is being delayed would still be answered.
        self._stopping.set()
        for thread in open_now.values():
            thread.join(timeout=5)


def _answer(platform: Platform, fault: Fault, response: Response, now: datetime) -> Response:
    """Return what a fault makes of an answer; how the bytes travel is the handler's part."""
    if fault.kind is Kind.THROTTLE:
        return platform.throttled(now, fault.retry_after, as_date=fault.retry_after_date)
    if fault.kind is Kind.EXPIRED:
        return platform.unauthorised()
    headers = tuple(fault.headers.items())
    if fault.kind is Kind.HTML:
        return Response.html(fault.status, fault.body or PAGE, *headers)
    if fault.kind is Kind.STATUS:
        return Response(fault.status, fault.body.encode(), "application/json" if fault.body else "", headers)
    return response
