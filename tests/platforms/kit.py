"""What the test kits of all platforms share: a sandbox with a tap on the wire, its clock, and its log."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.http import HttpClient
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.sandbox import Sandbox
    from airflow_provider.live_sessions.sandbox.clock import Clock
    from airflow_provider.live_sessions.sandbox.log import Entry
    from airflow_provider.live_sessions.sandbox.wire import Request
    from airflow_provider.live_sessions.sandbox.world import Platform

QUICK = RetryPolicy(attempts=3, base=0.001, cap=0.002, max_wait=0.5)

UNHURRIED = (30.0, 30.0)
"""Seconds to connect and until an answer: so long a busy machine may pause without a request being sent twice."""

_connections = itertools.count(1)


def connection(name: str) -> str:
    """Return the name of one more connection: each has a rate budget of its own."""
    return f"{name}_{next(_connections)}"


def still(http: HttpClient) -> None:
    """Let a client's own clock stand as the sandbox's does: what it takes for the platform's time never drifts."""
    moment = datetime.now(UTC)
    http._clock = lambda: moment


class Tap:
    """Sits on the wire before a platform of the sandbox: keeps whole requests, may change them and their answers.

    Args:
        platform: The platform.
        clock: The sandbox's time.
    """

    def __init__(self, platform: Platform, clock: Clock) -> None:
        self.requests: list[Request] = []
        self.before: Callable[[Request], None] = lambda _: None
        self.rewrite: Callable[[Request], Request] = lambda request: request
        self.answer: Callable[[Request, Response], Response] = lambda _, response: response
        self.pass_on = platform.handle
        self._clock = clock
        platform.handle = self._handle  # type: ignore[method-assign]  # a tap on the wire, behind real HTTP

    def _handle(self, request: Request, now: datetime) -> Response:
        self.requests.append(request)
        self.before(request)
        # Whoever looked on before may have moved the time: then it passed while the request was on its way.
        moment = max(now, self._clock.now())
        return self.answer(request, self.pass_on(self.rewrite(request), moment))

    def bodies(self, end: str, method: str = "") -> list[Any]:
        """Return the JSON bodies of the requests to a path's end; None for a request without one."""
        asked = [one for one in self.requests if one.path.endswith(end) and method in ("", one.method)]
        return [json.loads(one.body) if one.body else None for one in asked]


class Kit:
    """One account on one platform of a sandbox, with the provider's platform opened on it."""

    settle = 600.0
    """Seconds that an end must stand, for the waits of this kit."""

    sandbox: Sandbox
    tap: Tap
    platform: SessionPlatform

    # ---- time

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def go_to(self, moment: datetime) -> None:
        self.sandbox.clock.set(moment)

    # ---- waiting

    def tick(self, *watches: Watch) -> list[SessionStatus | None]:
        return list(self.platform.statuses(watches, datetime.now(UTC)))

    def status(self, ref: SessionRef, platform: SessionPlatform | None = None, **seen: Any) -> SessionStatus:
        the_watch = watch(ref, **{"settle": self.settle, **seen})
        (status,) = (platform or self.platform).statuses([the_watch], datetime.now(UTC))
        assert status is not None
        return status

    # ---- what went over the wire

    def log(self, **which: Any) -> list[Entry]:
        return self.sandbox.log.entries(**which)

    def mark(self) -> int:
        """Return the number of the latest request, for ``since``."""
        return max((one.number for one in self.log()), default=0)

    def queries(self, path: str, **which: Any) -> list[dict[str, list[str]]]:
        return [parse_qs(one.query, keep_blank_values=True) for one in self.log(path=path, **which)]


def watch(ref: SessionRef, *, deadline: datetime | None = None, settle: float = 600.0, **seen: Any) -> Watch:
    """Return a wait of a session, until its window ends."""
    planned = {name: parse_time(ref.detail(name)) for name in ("planned_start", "planned_end")}
    end = deadline or parse_time(ref.detail("window_end"))
    return Watch(ref, Seen(**{**planned, "deadline": end, "settle": settle, **seen}))


def altered(response: Response, change: Callable[[Any], Any]) -> Response:
    """Return the answer with its JSON changed."""
    return replace(response, body=json.dumps(change(json.loads(response.body))).encode())


def said(status: int, data: Any) -> Response:
    return Response.json(status, data)
