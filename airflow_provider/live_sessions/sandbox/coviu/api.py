"""The REST API under ``/coviu/v1/``: routes and the endpoints themselves (dossier 2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.coviu.listing import page_of
from airflow_provider.live_sessions.sandbox.coviu.shapes import Shapes
from airflow_provider.live_sessions.sandbox.coviu.state import Participant, Session, new_id
from airflow_provider.live_sessions.sandbox.coviu.tokens import unauthorised
from airflow_provider.live_sessions.sandbox.coviu.wire import Problem, bad, body_of, flag, moment
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.coviu.collections import Collections
    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.coviu.presence import Presence
    from airflow_provider.live_sessions.sandbox.coviu.state import Store
    from airflow_provider.live_sessions.sandbox.coviu.tokens import Tokens
    from airflow_provider.live_sessions.sandbox.wire import Request

ROOT = "/coviu/v1"
ROLES = ("HOST", "GUEST", "PARTICIPANT")
SESSION_FIELDS = frozenset({"session_name", "start_time", "end_time", "picture", "participants", "feature_flags"})
PARTICIPANT_FIELDS = frozenset({"display_name", "picture", "role", "state", "phone"})
OK: Mapping[str, bool] = {"ok": True}


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way to an endpoint."""

    request: Request
    now: datetime
    shapes: Shapes
    args: tuple[str, ...]

    @property
    def deleted(self) -> bool:
        """Whether removed participants are asked for."""
        return flag(self.request, "deleted_participants")


class Api:
    """Coviu's REST API.

    Args:
        store: What exists.
        options: How this Coviu behaves.
        tokens: The credentials.
        presence: Who comes and goes.
        collections: What apps of the account collected.
        team_id: The team.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
        tokens: Tokens,
        presence: Presence,
        collections: Collections,
        team_id: str,
    ) -> None:
        self._store = store
        self._options = options
        self._tokens = tokens
        self._presence = presence
        self._team_id = team_id
        one, person = "/sessions/([^/]+)", "/participants/([^/]+)"
        routes: dict[str, dict[str, Callable[[Call], Response]]] = {
            "/user/team": {"GET": self._team},
            "/sessions": {"GET": self._list, "POST": self._create},
            one: {"GET": self._read, "PUT": self._update, "DELETE": self._cancel},
            f"{one}/summary": {"GET": self._summary},
            f"{one}/participants": {"GET": self._participants, "POST": self._add},
            person: {"GET": self._participant, "PUT": self._change, "DELETE": self._remove},
        }
        self._routes = [(re.compile(path), methods) for path, methods in routes.items()]
        self._collected = [(re.compile(path), answer) for path, answer in collections.routes().items()]

    def answer(self, request: Request, now: datetime) -> Response:
        """Answer a request below ``/coviu/v1``."""
        try:
            return self._dispatch(request, now)
        except Problem as problem:
            return problem.response

    def _dispatch(self, request: Request, now: datetime) -> Response:
        path = request.path.removeprefix(ROOT)
        if path == "/auth/token" and request.method == "POST":
            return self._tokens.answer(request, now)
        self._tokens.check(request, now)
        for pattern, answer in self._collected:
            asked = pattern.fullmatch(path)
            if asked and request.method == "GET":
                return answer(request, asked.groups())
        for pattern, methods in self._routes:
            found = pattern.fullmatch(path)
            if found:
                endpoint = methods.get(request.method)
                if endpoint is None:
                    raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
                shapes = Shapes(self._options, self._team_id, request.door)
                return endpoint(Call(request, now, shapes, found.groups()))
        raise Problem(HTTPStatus.NOT_FOUND, "Not found")

    # ---- sessions

    def _team(self, _call: Call) -> Response:
        return Response.json(
            HTTPStatus.OK, {"team_id": self._team_id, "name": "Sandbox Clinic", "subdomain": "sandbox"}
        )

    def _list(self, call: Call) -> Response:
        return page_of(self._store, self._options, call.request, call.shapes)

    def _create(self, call: Call) -> Response:
        body = _known(body_of(call.request), SESSION_FIELDS)
        people = body.get("participants") or []
        if not isinstance(people, list) or not all(isinstance(one, dict) for one in people):
            raise bad("Invalid `participants`")
        session = Session(
            id=new_id(),
            name=_text(body, "session_name"),
            start=moment(body.get("start_time"), "start_time"),
            end=moment(body.get("end_time"), "end_time"),
            created=call.now,
            picture=_text(body, "picture"),
            feature_flags=[str(one) for one in body.get("feature_flags") or []],
        )
        if session.start <= call.now:
            raise bad("`start_time` must be in the future")
        self._check_length(session.start, session.end)
        made = [_participant(session, one) for one in people]
        self._store.add_session(session)
        for one in made:
            self._store.add_participant(session, one)
        self._presence.planned(session, call.now)
        return Response.json(HTTPStatus.OK, call.shapes.session(session, deleted=False))

    def _read(self, call: Call) -> Response:
        return Response.json(HTTPStatus.OK, call.shapes.session(self._session(call), deleted=call.deleted))

    def _update(self, call: Call) -> Response:
        session = self._session(call)
        body = _known(body_of(call.request), SESSION_FIELDS - {"participants", "feature_flags"})
        if session.finished(call.now):
            raise bad("The session has already finished")
        start = moment(body["start_time"], "start_time") if "start_time" in body else session.start
        end = moment(body["end_time"], "end_time") if "end_time" in body else session.end
        if start != session.start and start <= call.now:
            raise bad("`start_time` must be in the future")
        if end != session.end and end <= call.now:
            raise bad("`end_time` must be in the future")
        self._check_length(start, end)
        moved = (start, end) != (session.start, session.end)
        session.start, session.end = start, end
        if "session_name" in body:
            session.name = _text(body, "session_name")
        if "picture" in body:
            session.picture = _text(body, "picture")
        if moved:
            self._presence.planned(session, call.now)
        return Response.json(HTTPStatus.OK, call.shapes.session(session, deleted=False))

    def _cancel(self, call: Call) -> Response:
        session = self._session(call)
        if call.now >= session.start:
            raise bad("The session has already started")
        session.canceled = call.now
        return Response.json(HTTPStatus.OK, OK)

    def _summary(self, call: Call) -> Response:
        session = self._session(call)
        if self._options.summary_before == "404" and not any(one.visits for one in session.participants):
            raise Problem(HTTPStatus.NOT_FOUND, "Not found")
        return Response.json(HTTPStatus.OK, call.shapes.summary(session))

    # ---- participants

    def _participants(self, call: Call) -> Response:
        session = self._session(call)
        shown = [call.shapes.participant(one) for one in session.shown(deleted=call.deleted)]
        if self._options.participants_page:
            page = {"content": shown, "page": 0, "page_size": len(shown), "more": False}
            return Response.json(HTTPStatus.OK, page)
        return Response.json(HTTPStatus.OK, shown)

    def _add(self, call: Call) -> Response:
        session = self._session(call)
        made = _participant(session, body_of(call.request))
        _refuse_finished(session, call.now)
        self._store.add_participant(session, made)
        self._presence.invited(session, made, call.now)
        return Response.json(HTTPStatus.OK, call.shapes.participant(made))

    def _participant(self, call: Call) -> Response:
        return Response.json(HTTPStatus.OK, call.shapes.participant(self._person(call)[0]))

    def _change(self, call: Call) -> Response:
        person, session = self._person(call)
        body = _known(body_of(call.request), PARTICIPANT_FIELDS - {"phone"})
        _refuse_finished(session, call.now)
        if "role" in body:
            person.role = _role(body)
        for name in ("display_name", "picture", "state"):
            if name in body:
                setattr(person, name, _text(body, name))
        return Response.json(HTTPStatus.OK, call.shapes.participant(person))

    def _remove(self, call: Call) -> Response:
        person, session = self._person(call)
        _refuse_finished(session, call.now)
        person.deleted_at = person.deleted_at or call.now
        return Response.json(HTTPStatus.OK, OK)

    # ---- what the endpoints share

    def _session(self, call: Call) -> Session:
        session = self._store.sessions.get(call.args[0])
        if session is None:
            raise Problem(HTTPStatus.NOT_FOUND, "`session_id` not found")
        if session.canceled is not None:
            # "The session is not gone. You just can't see it any more." (PHP SDK's test)
            if self._options.cancelled_status == HTTPStatus.UNAUTHORIZED:
                raise unauthorised()
            raise Problem(self._options.cancelled_status, "`session_id` not found")
        return session

    def _person(self, call: Call) -> tuple[Participant, Session]:
        person = self._store.participants.get(call.args[0])
        if person is None:
            raise Problem(HTTPStatus.NOT_FOUND, "`participant_id` not found")
        return person, self._store.sessions[person.session_id]

    def _check_length(self, start: datetime, end: datetime) -> None:
        if end <= start:
            raise bad("`end_time` must be after `start_time`")
        if end - start > timedelta(hours=self._options.max_hours):
            raise bad("The session is too long")


def _participant(session: Session, data: Mapping[str, Any]) -> Participant:
    _known(data, PARTICIPANT_FIELDS)
    return Participant(
        id=new_id(),
        session_id=session.id,
        role=_role(data),
        display_name=_text(data, "display_name"),
        picture=_text(data, "picture"),
        state=_text(data, "state"),
        phone=_text(data, "phone"),
    )


def _refuse_finished(session: Session, now: datetime) -> None:
    if session.finished(now):
        raise bad("The session has already finished")


def _known(data: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    unknown = set(data) - fields
    if unknown:
        raise bad(f"Unknown: {', '.join(sorted(unknown))}")
    return dict(data)


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise bad(f"Invalid `{name}`")
    return value


def _role(data: Mapping[str, Any]) -> str:
    role = str(data.get("role", "guest")).upper()
    if role not in ROLES:
        raise bad("Invalid `role`")
    return role
