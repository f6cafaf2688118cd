"""The portal's URLs: who may ask what, in the order in which the real one looks [dossier 2, recorded]."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

from airflow_provider.live_sessions.sandbox.educates import shapes
from airflow_provider.live_sessions.sandbox.educates.pages import (
    Problem,
    broken,
    csrf,
    data,
    no_session,
    not_allowed,
    not_found,
    said,
    stamp,
)
from airflow_provider.live_sessions.sandbox.educates.state import ANONYMOUS, ROBOT, STAFF, State
from airflow_provider.live_sessions.sandbox.wire import HTML, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.educates.accounts import Accounts
    from airflow_provider.live_sessions.sandbox.educates.events import Events
    from airflow_provider.live_sessions.sandbox.educates.lifecycle import Lifecycle
    from airflow_provider.live_sessions.sandbox.educates.options import Options
    from airflow_provider.live_sessions.sandbox.educates.state import Environment, Session, Store
    from airflow_provider.live_sessions.sandbox.wire import Request

ROOT = "/educates"
SLUG = "([-a-zA-Z0-9_]+)"
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to an endpoint."""

    request: Request
    now: datetime
    name: str
    user: str

    @property
    def states(self) -> list[str]:
        """The states asked for, in upper case."""
        return [value.upper() for key, value in self.request.pairs() if key == "state"]

    @property
    def sessions(self) -> bool:
        """Whether sessions are asked for."""
        return self.request.param("sessions").lower() in ("true", "1")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: its path, its methods, and what comes before it."""

    pattern: re.Pattern[str]
    methods: tuple[str, ...]
    answer: Callable[[Call], Response]
    exempt: bool = False  # from the CSRF check that every POST, PUT and DELETE meets
    protected: bool = True


class Api:
    """The portal's URLs.

    Args:
        store: What exists.
        options: How this portal behaves.
        accounts: Knows who asks.
        lifecycle: Lets sessions live.
        events: Reports.
        url: Returns the portal's URL.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
        accounts: Accounts,
        lifecycle: Lifecycle,
        events: Events,
        url: Callable[[], str],
    ) -> None:
        self._store = store
        self._options = options
        self._accounts = accounts
        self._lifecycle = lifecycle
        self._events = events
        self._url = url
        get, post, public = ("GET",), ("POST",), options.catalog_public
        session = f"/workshops/session/{SLUG}"
        environment = f"/workshops/environment/{SLUG}"
        self._routes = (
            _route("/workshops/catalog/environments/", get, self._environments, protected=not public),
            _route("/workshops/catalog/workshops/", get, self._workshops, protected=not public),
            _route(f"{environment}/status/", get, self._status, exempt=True),
            _route(f"{environment}/request/", ("GET", "POST"), self._request, exempt=True),
            _route(f"{session}/schedule/", get, self._schedule),
            _route(f"{session}/extend/", get, self._extend),
            _route(f"{session}/terminate/", get, self._terminate),
            _route(f"{session}/config/", get, self._config),
            _route(f"{session}/authorize/", get, self._authorize),
            _route(f"{session}/event/", post, self._event, exempt=True),
            _route(f"{session}/activate/", get, self._activate, protected=False),
            _route(f"/workshops/user/{SLUG}/sessions/", get, self._user_sessions),
        )

    def answer(self, request: Request, now: datetime) -> Response:
        """Answer a request below the portal's URL."""
        try:
            return self._dispatch(request, now)
        except Problem as problem:
            return problem.response

    def _dispatch(self, request: Request, now: datetime) -> Response:
        path = unquote(request.path.removeprefix(ROOT))
        if path in ("/oauth2/token/", "/oauth2/revoke-token/"):
            return self._accounts.token(request, now) if "revoke" not in path else self._accounts.revoke(request)
        route, name = self._find(path)
        if route is None:
            if not path.endswith("/") and (self._find(f"{path}/")[0] or path.startswith("/oauth2/")):
                query = f"?{request.query}" if request.query else ""
                where = f"{request.path}/{query}"
                return Response(HTTPStatus.MOVED_PERMANENTLY, b"", HTML, (("Location", where),))
            raise not_found()
        if not route.exempt and request.method in ("POST", "PUT", "PATCH", "DELETE"):
            raise csrf()
        if route.protected and not self._accounts.bearer(request, now):
            raise said(HTTPStatus.FORBIDDEN)
        if request.method not in route.methods:
            raise not_allowed(*route.methods)
        return route.answer(Call(request, now, name, self._accounts.acting(request, now)))

    def _find(self, path: str) -> tuple[Route | None, str]:
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if found:
                return route, found[1] if found.groups() else ""
        return None, ""

    # ---- the catalogue

    def _environments(self, call: Call) -> Response:
        robot = self._is_robot(call.user)
        states = {State(one) for one in call.states if one in State.__members__} if robot else set()
        found = shapes.chosen(self._store, call.request.query, states or {State.RUNNING})
        listed = []
        for one in found:
            entry: dict[str, Any] = {
                "name": one.name,
                "state": one.state.value,
                "workshop": shapes.workshop(one),
                **shapes.numbers(one),
            }
            if robot and call.sessions:
                entry["sessions"] = shapes.environment_sessions(one, call.now)
            listed.append(entry)
        return data(HTTPStatus.OK, {"portal": self._portal(), "environments": listed})

    def _workshops(self, _call: Call) -> Response:
        listed = [
            {
                **shapes.workshop(one),
                "environment": {"name": one.name, "state": one.state.value, **shapes.numbers(one)},
            }
            for one in self._store.environments
            if one.state is State.RUNNING
        ]
        return data(HTTPStatus.OK, {"portal": self._portal(), "workshops": listed})

    def _status(self, call: Call) -> Response:
        self._robots_only(call, "Status requests not permitted")
        environment = self._environment(call)
        listed = shapes.environment_sessions(environment, call.now)
        body = {
            "name": environment.name,
            "state": environment.state.value,
            "workshop": shapes.workshop(environment, resource=False),
            **({"sessions": listed} if call.sessions else {}),
            **shapes.numbers(environment),
        }
        return data(HTTPStatus.OK, body)

    # ---- a session is requested

    def _request(self, call: Call) -> Response:
        self._robots_only(call, "Session requests not permitted")
        query = {key: value.strip() for key, value in call.request.pairs()}
        found = self._store.environment(call.name)
        if found is None:
            raise said(HTTPStatus.FORBIDDEN, "Environment does not exist")
        index_url = query.get("index_url") or query.get("redirect_url") or ""
        if not index_url:
            raise said(HTTPStatus.BAD_REQUEST, "Need redirect URL for workshop index")
        if query.get("email") and not EMAIL.fullmatch(query["email"]):
            raise said(HTTPStatus.BAD_REQUEST, "Invalid email address provided")
        try:
            timeout = int(query.get("timeout", "60"))
        except ValueError:
            raise broken() from None
        params = _parameters(call.request.body)
        user = query.get("user") or str(uuid.uuid4())
        self._meet(user, call.now)
        if not found.attached:
            raise broken()
        refusals = self._store.cluster_refuses
        session = self._lifecycle.request(
            found,
            user,
            call.now,
            session_name=query.get("session", ""),
            timeout=timeout,
            params=params,
            index_url=index_url,
            analytics_url=query.get("analytics_url", ""),
            muted=not query.get("user"),
        )
        if session is None:
            raise no_session()
        if self._store.cluster_refuses < refusals and not session.in_cluster:
            raise broken()  # the row stays, STARTING, with its owner [recorded, races 1]
        if not session.token:
            raise no_session("Cannot be reacquired")
        return data(HTTPStatus.OK, _requested(session, index_url))

    def _meet(self, user: str, now: datetime) -> None:
        """Make the user's row, also for a request that is then refused."""
        kind = self._store.users.get(user)
        if kind in (ROBOT, STAFF):
            raise said(HTTPStatus.BAD_REQUEST, "Session requests not permitted for user")
        if kind is None:
            self._store.users[user] = ANONYMOUS
            self._events.user("User/Create", user, now, {"group": ANONYMOUS})

    # ---- sessions

    def _schedule(self, call: Call) -> Response:
        return data(HTTPStatus.OK, shapes.schedule(self._session(call), call.now))

    def _extend(self, call: Call) -> Response:
        session = self._session(call, in_use=True)
        extended = self._lifecycle.extend(session, call.now)
        return data(HTTPStatus.OK, shapes.schedule(session, call.now, extended=extended))

    def _terminate(self, call: Call) -> Response:
        session = self._session(call, in_use=True)
        self._lifecycle.terminate(session, call.now)
        body = {"started": stamp(session.started), "expires": stamp(session.expires)}
        return data(HTTPStatus.OK, body)

    def _config(self, call: Call) -> Response:
        session = self._session(call)
        url = f"http://{session.name}.labs.invalid"
        return data(HTTPStatus.OK, {"url": url, "password": session.password})

    def _authorize(self, call: Call) -> Response:
        session = self._session(call, in_use=True)
        staff = self._store.users.get(call.user) == STAFF
        return data(HTTPStatus.OK, {"owner": session.owner, "user": call.user, "staff": staff})

    def _event(self, call: Call) -> Response:
        session = self._session(call)
        if session.owner is None:
            raise said(HTTPStatus.BAD_REQUEST, "Session was never allocated")
        if call.request.header("content-type").partition(";")[0].strip() != "application/json":
            raise said(HTTPStatus.BAD_REQUEST, "No event data provided")
        try:
            event = json.loads(call.request.body).get("event", {})
            name, more = event.get("name", ""), event.get("data", {})
        except (AttributeError, ValueError):
            raise broken() from None
        if not name:
            raise said(HTTPStatus.BAD_REQUEST, "No event data provided")
        self._events.session(str(name), session, call.now, more)
        return data(HTTPStatus.OK, {})

    def _user_sessions(self, call: Call) -> Response:
        self._robots_only(call, "Session requests not permitted")
        found = (one.session_of(call.name) for one in self._store.environments)
        listed = [shapes.user_session(one, call.now) for one in found if one is not None]
        return data(HTTPStatus.OK, {"user": call.name, "sessions": listed})

    def _activate(self, call: Call) -> Response:
        """Whoever opens the link comes in as its owner: no login is asked for."""
        token = call.request.param("token")
        if not token:
            raise said(HTTPStatus.BAD_REQUEST, "No access token supplied")
        session = self._store.session(call.name)
        if session is None:
            raise said(HTTPStatus.BAD_REQUEST, "Invalid session name supplied")
        if session.token != token:
            raise said(HTTPStatus.BAD_REQUEST, "Invalid access token for session")
        self._lifecycle.activate(session, call.now)
        where = ("Location", f"{ROOT}/workshops/session/{session.name}/")
        return Response(HTTPStatus.FOUND, b"", HTML, (where, *self._accounts.log_in(str(session.owner))))

    # ---- plumbing

    def _portal(self) -> dict[str, Any]:
        return shapes.portal(self._store, self._options, self._url())

    def _is_robot(self, user: str) -> bool:
        return self._store.users.get(user) == ROBOT

    def _robots_only(self, call: Call, sentence: str) -> None:
        if not self._is_robot(call.user):
            raise said(HTTPStatus.FORBIDDEN, sentence)

    def _environment(self, call: Call) -> Environment:
        environment = self._store.environment(call.name)
        if environment is None:
            raise said(HTTPStatus.FORBIDDEN, "Environment does not exist")
        if not environment.attached:
            raise broken()
        return environment

    def _session(self, call: Call, *, in_use: bool = False) -> Session:
        session = self._store.session(call.name)
        if session is None:
            raise not_found()
        if in_use and session.owner is None:
            raise said(HTTPStatus.BAD_REQUEST, "Session is not currently in use")
        if self._store.users.get(call.user) not in (ROBOT, STAFF) and session.owner != call.user:
            raise said(HTTPStatus.FORBIDDEN, "Access to session not permitted")
        return session


def _route(
    path: str,
    methods: tuple[str, ...],
    answer: Callable[[Call], Response],
    *,
    exempt: bool = False,
    protected: bool = True,
) -> Route:
    return Route(re.compile(path), methods, answer, exempt, protected)


def _parameters(body: bytes) -> dict[str, str]:
    if not body:
        return {}
    try:
        sent = json.loads(body)
    except ValueError:
        raise said(HTTPStatus.BAD_REQUEST, "Invalid JSON request payload") from None
    listed = sent.get("parameters", []) if isinstance(sent, dict) else None
    if not isinstance(listed, list):
        raise said(HTTPStatus.BAD_REQUEST, "Malformed JSON request payload")
    read = {}
    for one in listed:
        if not isinstance(one, dict):
            raise broken()
        name, value = one.get("name", ""), one.get("value", "")
        if not name or not isinstance(name, str) or not isinstance(value, str):
            raise said(HTTPStatus.BAD_REQUEST, "Malformed JSON request payload")
        read[name] = value
    return read


def _requested(session: Session, index_url: str) -> dict[str, Any]:
    query = urlencode({"token": session.token, "index_url": index_url})
    return {
        "name": session.name,
        "session": session.name,
        "user": session.owner,
        "url": f"/workshops/session/{session.name}/activate/?{query}",
        "namespace": session.name,
        "workshop": session.environment.workshop.resource,
        "environment": session.environment.name,
    }
