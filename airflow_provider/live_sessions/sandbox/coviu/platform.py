"""Coviu, put together: requests go in by ``handle``, people by the control verbs."""

from __future__ import annotations

import email.utils
import hashlib
import html
import math
import re
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.coviu.api import ROOT, Api
from airflow_provider.live_sessions.sandbox.coviu.collections import Collections
from airflow_provider.live_sessions.sandbox.coviu.options import Options
from airflow_provider.live_sessions.sandbox.coviu.presence import NotAdmitted, Presence
from airflow_provider.live_sessions.sandbox.coviu.shapes import ENTRY
from airflow_provider.live_sessions.sandbox.coviu.state import Store, new_id
from airflow_provider.live_sessions.sandbox.coviu.tokens import Tokens, unauthorised
from airflow_provider.live_sessions.sandbox.coviu.webhooks import Webhooks
from airflow_provider.live_sessions.sandbox.coviu.wire import Problem
from airflow_provider.live_sessions.sandbox.wire import Response
from airflow_provider.live_sessions.sandbox.world import ControlError

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.coviu.state import Participant, Session
    from airflow_provider.live_sessions.sandbox.wire import Request
    from airflow_provider.live_sessions.sandbox.world import World

VERBS = frozenset({"join", "leave", "record", "revoke", "secrets", "webhooks", "wait_for_webhooks"})
PAGE = "<!doctype html><title>{title}</title><h1>{title}</h1><p>{text}</p>"
SECRET_PATH = re.compile(r"(/participants/|/coviu/session/)[^/]+")


class Coviu:
    """One team at Coviu.

    Args:
        world: The common ground.
        options: How it behaves; None is as documented.
    """

    name = "coviu"

    def __init__(self, world: World, options: Options | None = None) -> None:
        self._world = world
        self.options = options or Options()
        self.team_id = new_id()
        self._webhooks = Webhooks(self.options, self.team_id)
        self._assemble()

    @property
    def url(self) -> str:
        """The API's base URL, without a slash at the end."""
        return f"{self._world.url}{ROOT}"

    @property
    def api_key(self) -> str:
        """The client id."""
        return self.options.api_key

    @property
    def key_secret(self) -> str:
        """Its secret."""
        return self.options.key_secret

    def join(self, session: str, user: str) -> dict[str, str]:
        """Let a person in.

        Args:
            session: The session's id, or its name.
            user: The person: by ``state``, what stands before ``|`` in it, display name or participant id.

        Raises:
            ControlError: 404, no such session or person; 409, the link does not admit.
        """
        return self._act(session, user, self._presence.enter)

    def leave(self, session: str, user: str) -> dict[str, str]:
        """Let a person leave. Raises as :meth:`join`; 404 too when they are not inside."""
        return self._act(session, user, self._presence.leave)

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the deliveries so far."""
        return self._webhooks.deliverer.listed()

    def wait_for_webhooks(self, seconds: float = 5.0) -> bool:
        """Wait in real time until no delivery is pending; False when it took longer."""
        return self._webhooks.deliverer.wait_idle(seconds)

    def record(self, session: str, *, length: int = 100_000, audio: bool = False) -> dict[str, str]:
        """Keep a recording of a session in the team's collections, as an app of the account would.

        Args:
            session: The session's id, or its name.
            length: Its bytes.
            audio: As an audio recording instead of a video.

        Raises:
            ControlError: 404, no such session.
        """
        with self._world.lock:
            now = self._world.agenda.run_due()
            found = self._find(session)
            body = (found.id.encode() * (length // len(found.id) + 1))[:length]
            kept = self._collections.record(found.id, now, body, audio=audio)
            return {"submission": kept.id, "sha256": hashlib.sha256(body).hexdigest()}

    def revoke(self, *, refresh: bool = False) -> dict[str, str]:
        """Make every access token worthless; with ``refresh`` the refresh tokens too."""
        with self._world.lock:
            self._tokens.revoke(refresh=refresh)
        return {}

    def handle(self, request: Request, now: datetime) -> Response:
        """Answer a request."""
        if request.path.startswith(f"{ROOT}/"):
            return self._api.answer(request, now)
        return self._door(request, now)

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        """Return a 429; Coviu documents none, so this is the generic one."""
        headers: list[tuple[str, str]] = []
        if seconds is not None:
            whole = math.ceil(seconds)
            late = email.utils.format_datetime(now + timedelta(seconds=whole), usegmt=True)
            headers.append(("Retry-After", late if as_date else str(whole)))
        return Problem(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", *headers).response

    def unauthorised(self) -> Response:
        """Return a 401."""
        return unauthorised().response

    def loggable(self, request: Request) -> tuple[str, str]:
        """Return path and query without participant ids: whoever knows one can enter."""
        return SECRET_PATH.sub(r"\1***", request.path), request.query

    def credentials(self, request: Request) -> str:
        """Return the token or the client's credentials that were sent."""
        return request.header("authorization").partition(" ")[2]

    def verbs(self) -> frozenset[str]:
        """Return what the control API may call."""
        return VERBS

    def info(self) -> dict[str, Any]:
        """Return what a client needs to connect."""
        return {"url": self.url, "api_key": self.api_key, "key_secret": self.key_secret}

    def state(self) -> dict[str, Any]:
        """Return the sessions and what scripted people did, without secrets and links."""
        return {
            "sessions": [_session_state(one) for one in self._store.sessions.values()],
            "happened": list(self._presence.happened),
        }

    def secrets(self) -> dict[str, list[str]]:
        """Return what opens a door, for who looks whether any of it leaked."""
        people = list(self._store.participants)
        return {
            "participant_ids": people,
            "links": [f"{self._world.door}{ENTRY}{one}" for one in people],
            "tokens": self._tokens.all(),
        }

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self._webhooks.deliverer.clear()
        self._assemble()

    def close(self) -> None:
        """End the delivery of webhooks."""
        self._webhooks.deliverer.stop()

    def _assemble(self) -> None:
        self._store = Store()
        self._tokens = Tokens(self.options, self.team_id)
        self._presence = Presence(self.options, self._world.agenda, self._world.scripts, self._webhooks)
        self._collections = Collections(self.options, self.team_id)
        self._api = Api(self._store, self.options, self._tokens, self._presence, self._collections, self.team_id)

    def _act(self, reference: str, user: str, act: Any) -> dict[str, str]:
        with self._world.lock:
            now = self._world.agenda.run_due()
            session = self._find(reference)
            named = [one for one in session.participants if one.is_called(user)]
            if not named:
                raise ControlError(f"{user!r} has no link to this session.", HTTPStatus.NOT_FOUND)
            try:
                act(session, named[-1], now)
            except NotAdmitted as why:
                raise ControlError(str(why), HTTPStatus.CONFLICT) from None
            except LookupError as why:
                raise ControlError(str(why), HTTPStatus.NOT_FOUND) from None
            return {"session": session.id}

    def _find(self, reference: str) -> Session:
        found = self._store.sessions.get(reference)
        by_name = [one for one in self._store.sessions.values() if one.name == reference]
        if found is None and not by_name:
            raise ControlError(f"There is no session {reference!r}.", HTTPStatus.NOT_FOUND)
        return found or by_name[-1]

    def _door(self, request: Request, now: datetime) -> Response:
        """Answer at an entry URL: a GET shows the page, a POST joins, ``?do=leave`` leaves."""
        person = self._store.participants.get(request.path.removeprefix(ENTRY))
        if person is None:
            return _page(HTTPStatus.NOT_FOUND, "Not found", "There is no such session.")
        session = self._store.sessions[person.session_id]
        try:
            self._presence.admit(session, person, now)
            if request.method == "POST":
                leaving = request.param("do") == "leave"
                (self._presence.leave if leaving else self._presence.enter)(session, person, now)
        except (NotAdmitted, LookupError) as why:
            return _page(HTTPStatus.FORBIDDEN, "No entry", str(why))
        return _page(HTTPStatus.OK, session.name or "Session", person.display_name or "Guest")


def _page(status: int, title: str, text: str) -> Response:
    return Response.html(status, PAGE.format(title=html.escape(title), text=html.escape(text)))


def _session_state(one: Session) -> dict[str, Any]:
    return {
        "session_id": one.id,
        "name": one.name,
        "start_time": iso(one.start),
        "end_time": iso(one.end),
        "canceled": one.canceled is not None,
        "actual_end_time": iso(one.actual_end) if one.actual_end else None,
        "participants": [_person_state(person) for person in one.participants],
    }


def _person_state(one: Participant) -> dict[str, Any]:
    return {
        "state": one.state,
        "display_name": one.display_name,
        "role": one.role,
        "deleted": one.deleted_at is not None,
        "visits": len(one.visits),
        "inside": one.inside,
    }
