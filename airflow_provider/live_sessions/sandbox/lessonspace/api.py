"""The REST API under ``/lessonspace/v2/``: routes, authentication, rate limit, the endpoints themselves."""

from __future__ import annotations

import email.utils
import hmac
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.lessonspace import filters
from airflow_provider.live_sessions.sandbox.lessonspace.drf import (
    Problem,
    as_uuid,
    body_of,
    invalid,
    page_of,
    refuse,
)
from airflow_provider.live_sessions.sandbox.lessonspace.shapes import Shapes
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.artifacts import Artifacts
    from airflow_provider.live_sessions.sandbox.lessonspace.launch import Launcher
    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Session, Space, Store
    from airflow_provider.live_sessions.sandbox.lessonspace.throttle import Throttle
    from airflow_provider.live_sessions.sandbox.wire import Request

ROOT = "/lessonspace/v2"
SCHEME = "Organisation "
POLICIES = ("participant", "admin", "teacher", "student", "public")
NOT_FOUND_PAGE = "<h1>Not Found</h1><p>The requested resource was not found on this server.</p>"
BROKEN_PAGE = "<h1>Server Error (500)</h1>"


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to an endpoint."""

    request: Request
    now: datetime
    shapes: Shapes
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: its path, what each method does, and which methods are rate limited."""

    pattern: re.Pattern[str]
    methods: dict[str, Callable[[Call], Response]]
    limited: bool = False
    of_organisation: bool = False


class Api:
    """Lessonspace's REST API.

    Args:
        store: What exists.
        options: How this Lessonspace behaves.
        launcher: Launches.
        artifacts: Knows what is ready.
        throttle: The rate limit.
    """

    def __init__(
        self, store: Store, options: Options, launcher: Launcher, artifacts: Artifacts, throttle: Throttle
    ) -> None:
        self._store = store
        self._options = options
        self._key = options.api_key
        self._launcher = launcher
        self._artifacts = artifacts
        self._throttle = throttle
        org, session = "/organisations/([^/]+)", "/sessions/([^/]+)"
        self._routes = (
            _route("/hello/", {"GET": self._hello}),
            _route("/my-organisation/", {"GET": self._my_organisation}),
            _route("/spaces/launch/", {"POST": self._launch}),
            _route("/spaces/([^/]+)/sessions/", {"GET": self._space_sessions}, limited=True),
            _route(f"{session}/playback/", {"GET": self._playback}),
            _route(f"{org}/sessions/", {"GET": self._sessions}, limited=True),
            _route(f"{org}{session}/", {"GET": self._session, "PATCH": self._change_session}, limited=True),
            _route(f"{org}{session}/transcript/", {"GET": self._transcript}, limited=True),
            _route(f"{org}/spaces/", {"GET": self._spaces}),
            _route(f"{org}/users/", {"GET": self._users}),
            _route(f"{org}/users/([^/]+)/", {"DELETE": self._delete_user}),
        )

    def accept(self, key: str) -> None:
        """Take this API key from now on, and no other."""
        self._key = key

    def answer(self, request: Request, now: datetime) -> Response:
        """Answer a request below ``/lessonspace/v2``."""
        try:
            return self._dispatch(request, now)
        except Problem as problem:
            return problem.response

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        """Return a 429.

        Args:
            now: The sandbox's time, for the date form.
            seconds: The wait to ask for; None asks for none.
            as_date: Write Retry-After as a date.
        """
        if seconds is None:
            return refuse(HTTPStatus.TOO_MANY_REQUESTS, "Request was throttled.").response
        whole = math.ceil(seconds)
        detail = f"Request was throttled. Expected available in {whole} second{'s' * (whole != 1)}."
        value = email.utils.format_datetime(now + timedelta(seconds=whole), usegmt=True) if as_date else str(whole)
        return refuse(HTTPStatus.TOO_MANY_REQUESTS, detail, ("Retry-After", value)).response

    def _dispatch(self, request: Request, now: datetime) -> Response:
        path = request.path.removeprefix(ROOT)
        route, args = self._find(path)
        if route is None:
            if self._find(f"{path}/")[0] is None:
                return Response.html(HTTPStatus.NOT_FOUND, NOT_FOUND_PAGE)
            return _without_slash(request)
        if not hmac.compare_digest(request.header("authorization").encode(), self._expected()):
            raise unauthorised(given=bool(request.header("authorization")))
        if route.of_organisation and args[0] != str(self._options.organisation):
            raise refuse(HTTPStatus.FORBIDDEN, "You do not have permission to perform this action.")
        if route.limited:
            wait = self._throttle.wait(self._key)
            if wait:
                told = None if self._options.retry_after == "none" else wait
                return self.throttled(now, told, as_date=self._options.retry_after == "date")
        endpoint = route.methods.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allow = ", ".join([*route.methods, "HEAD", "OPTIONS"])
            raise refuse(
                HTTPStatus.METHOD_NOT_ALLOWED, f'Method "{request.method}" not allowed.', ("Allow", allow)
            )
        shapes = Shapes(self._options, self._artifacts, request, now)
        return endpoint(Call(request, now, shapes, args))

    def _find(self, path: str) -> tuple[Route | None, tuple[str, ...]]:
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if found:
                return route, found.groups()
        return None, ()

    def _expected(self) -> bytes:
        return f"{SCHEME}{self._key}".encode()

    def _hello(self, _call: Call) -> Response:
        name = self._options.organisation_name
        return Response.json(HTTPStatus.OK, {"response": f"The sun is shining and so are you, {name}"})

    def _my_organisation(self, _call: Call) -> Response:
        one = {"id": self._options.organisation, "name": self._options.organisation_name}
        return Response.json(HTTPStatus.OK, one)

    def _launch(self, call: Call) -> Response:
        return self._launcher.launch(body_of(call.request), call.request.door, call.now)

    def _sessions(self, call: Call) -> Response:
        found = filters.sessions(self._store, call.request)
        return self._page(call, found, call.shapes.session)

    def _space_sessions(self, call: Call) -> Response:
        space = self._space(call.args[0])
        found = filters.sessions(self._store, call.request, space=space)
        return self._page(call, found, call.shapes.space_session)

    def _session(self, call: Call) -> Response:
        return Response.json(HTTPStatus.OK, call.shapes.session(self._row(call.args[1])))

    def _change_session(self, call: Call) -> Response:
        session = self._row(call.args[1])
        body = body_of(call.request)
        if "name" not in body:
            raise invalid("name", "This field is required.")
        if not isinstance(body["name"], str) or not body["name"]:
            raise invalid("name", "This field may not be blank.")
        policy = body.get("recording_access_policy", session.policy)
        if not isinstance(policy, list):
            raise invalid("recording_access_policy", "Expected a list of items.")
        for one in policy:
            if one not in POLICIES:
                raise invalid("recording_access_policy", f'"{one}" is not a valid choice.')
        session.name, session.policy = body["name"], list(policy)
        return Response.json(
            HTTPStatus.OK, {"name": session.name, "recording_access_policy": list(session.policy)}
        )

    def _transcript(self, call: Call) -> Response:
        session = self._row(call.args[1])
        if not self._artifacts.transcript_ready(session, call.now):
            # Not ready, not eligible, not asked for: all look the same [dossier 7].
            raise refuse(HTTPStatus.NOT_FOUND, "Not found.")
        life = self._options.transcript_url_life
        url = self._artifacts.transcript_url(session, call.request.origin, call.now, life)
        return Response.json(HTTPStatus.OK, {"transcriptionUrl": url})

    def _playback(self, call: Call) -> Response:
        session = self._row(call.args[0])
        if self._artifacts.recording_ready(session, call.now):
            url = self._artifacts.recording_url(session, call.request.door, call.now)
            return Response.json(HTTPStatus.OK, {"recording_url": url})
        if self._options.recording_preparing == "empty" and self._artifacts.recorded(session):
            return Response.json(HTTPStatus.OK, {"recording_url": ""})
        raise refuse(HTTPStatus.NOT_FOUND, "Not found.")

    def _spaces(self, call: Call) -> Response:
        return self._page(call, filters.spaces(self._store, call.request), call.shapes.space)

    def _users(self, call: Call) -> Response:
        return self._page(call, filters.members(self._store, call.request), call.shapes.member)

    def _delete_user(self, call: Call) -> Response:
        number = call.args[1]
        person = self._store.people.get(int(number)) if number.isdecimal() else None
        if person is None or not person.member:
            raise refuse(HTTPStatus.NOT_FOUND, "Not found.")
        person.member = False
        return Response(HTTPStatus.NO_CONTENT)

    def _page(self, call: Call, items: list[Any], render: Callable[[Any], object]) -> Response:
        return page_of(
            call.request, items, size=self._options.page_size, envelope=self._options.envelope, render=render
        )

    def _row(self, text: str) -> Session:
        session = self._store.by_uuid.get(as_uuid(text) or "")
        if session is None:
            raise refuse(HTTPStatus.NOT_FOUND, "Not found.")
        return session

    def _space(self, text: str) -> Space:
        space = self._store.spaces.get(as_uuid(text) or "")
        if space is None:
            raise refuse(HTTPStatus.NOT_FOUND, "Not found.")
        return space


def unauthorised(*, given: bool) -> Problem:
    """Return the 401 for missing or wrong credentials."""
    detail = "Invalid API key." if given else "Authentication credentials were not provided."
    return refuse(HTTPStatus.UNAUTHORIZED, detail, ("WWW-Authenticate", "Organisation"))


def _route(path: str, methods: dict[str, Callable[[Call], Response]], *, limited: bool = False) -> Route:
    return Route(re.compile(path), methods, limited, of_organisation=path.startswith("/organisations/"))


def _without_slash(request: Request) -> Response:
    """Django's APPEND_SLASH: a read is sent on, anything with a body fails."""
    if request.method not in ("GET", "HEAD"):
        return Response.html(HTTPStatus.INTERNAL_SERVER_ERROR, BROKEN_PAGE)
    query = f"?{request.query}" if request.query else ""
    return Response(HTTPStatus.MOVED_PERMANENTLY, headers=(("Location", f"{request.path}/{query}"),))
