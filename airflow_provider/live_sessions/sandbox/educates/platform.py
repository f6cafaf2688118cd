"""The portal, put together: requests go in by ``handle``, people and the cluster by the control verbs."""

from __future__ import annotations

import re
import uuid
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.educates.accounts import Accounts
from airflow_provider.live_sessions.sandbox.educates.api import ROOT, Api
from airflow_provider.live_sessions.sandbox.educates.events import Events
from airflow_provider.live_sessions.sandbox.educates.lifecycle import Lifecycle
from airflow_provider.live_sessions.sandbox.educates.options import Options
from airflow_provider.live_sessions.sandbox.educates.state import ROBOT, STAFF, State, Store, Workshop
from airflow_provider.live_sessions.sandbox.scripts import OTHERS, Do, Facts
from airflow_provider.live_sessions.sandbox.wire import HTML, Response
from airflow_provider.live_sessions.sandbox.world import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.educates.state import Environment, Session
    from airflow_provider.live_sessions.sandbox.scripts import Event
    from airflow_provider.live_sessions.sandbox.wire import Request
    from airflow_provider.live_sessions.sandbox.world import World

VERBS = frozenset(
    (
        *("activate", "finish", "vanish", "add_workshop", "replace_environment", "starting_environment"),
        *(
            "refuse_creates",
            "redeploy",
            "revoke_tokens",
            "web_session",
            "webhooks",
            "wait_for_webhooks",
            "secrets",
        ),
    )
)
ADMIN = "educates"
KEPT = 20_000
_HIDDEN = re.compile(r"(?<![^&])(analytics_url|token)=[^&]*")


class Educates:
    """One training portal.

    Args:
        world: The common ground.
        options: How it behaves; None is as documented.
    """

    name = "educates"

    def __init__(self, world: World, options: Options | None = None) -> None:
        self._world = world
        self.options = options or Options()
        self._happened: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._store = Store("")
        self._events = Events(self.options, lambda: self._store, lambda: self.url)
        self._assemble()

    @property
    def url(self) -> str:
        """The portal's URL, without a slash at the end."""
        return f"{self._world.url}{ROOT}"

    # ---- people and the cluster

    def activate(self, session: str) -> dict[str, str]:
        """Open a session's link, as its learner does.

        Args:
            session: The session's name, or its user's id.

        Raises:
            ControlError: 404, no such session.
        """
        with self._world.lock:
            now = self._world.agenda.run_due()
            one = self._session(session)
            self._lifecycle.activate(one, now)
            return {"session": one.name, "state": one.state.value}

    def finish(self, session: str) -> dict[str, str]:
        """End a session from inside, as its learner does with "Finish workshop". Raises as :meth:`activate`."""
        with self._world.lock:
            now = self._world.agenda.run_due()
            one = self._session(session)
            self._lifecycle.terminate(one, now)
            return {"session": one.name, "state": one.state.value}

    def vanish(self, session: str) -> dict[str, str]:
        """Delete a session behind the portal's back. Raises as :meth:`activate`."""
        with self._world.lock:
            now = self._world.agenda.run_due()
            one = self._session(session)
            self._lifecycle.vanish(one, now)
            return {"session": one.name}

    def web_session(self, environment: str, user: str) -> dict[str, str]:
        """Make a session as the portal's web page does: running, without a token.

        Raises:
            ControlError: 404, no such environment; 409, no session is to be had.
        """
        with self._world.lock:
            now = self._world.agenda.run_due()
            self._store.users.setdefault(user, "registered")
            one = self._lifecycle.request(
                self._environment(environment),
                user,
                now,
                session_name="",
                timeout=60,
                params={},
                index_url="",
                analytics_url="",
                muted=False,
            )
            if one is None:
                raise ControlError("No session available.", HTTPStatus.CONFLICT)
            one.token = ""
            self._lifecycle.activate(one, now)
            return {"session": one.name}

    def add_workshop(
        self,
        resource: str,
        *,
        alias: str = "",
        capacity: int = 3,
        reserved: int = 0,
        duration: float | None = None,
        deadline: float | None = None,
        overtime: float | None = None,
        labels: Mapping[str, str] | None = None,
        params: tuple[str, ...] | list[str] = (),
    ) -> dict[str, str]:
        """Offer one more workshop and start its environment; what is not given is as in the options."""
        chosen = self.options
        lasts = chosen.duration if duration is None else duration
        until = chosen.deadline if deadline is None else deadline
        with self._world.lock:
            workshop = Workshop(
                resource,
                alias or resource,
                capacity,
                reserved,
                lasts,
                until or lasts,
                chosen.overtime if overtime is None else overtime,
                dict(labels or {}),
                tuple(params),
            )
            return {"environment": self._lifecycle.open(workshop, self._world.agenda.run_due()).name}

    def replace_environment(self, environment: str) -> dict[str, str]:
        """Replace an environment, as an update of its workshop or a refresh does.

        Raises:
            ControlError: 404, no such environment.
        """
        with self._world.lock:
            now = self._world.agenda.run_due()
            return {"environment": self._lifecycle.replace(self._environment(environment), now).name}

    def starting_environment(self, environment: str, *, starting: bool = True) -> dict[str, str]:
        """Put an environment back to STARTING, without its workshop, or bring it up. Raises as above."""
        with self._world.lock:
            one = self._environment(environment)
            one.state, one.attached = (State.STARTING, False) if starting else (State.RUNNING, True)
            return {"environment": one.name, "state": one.state.value}

    def refuse_creates(self, times: int = 1) -> dict[str, int]:
        """Let the cluster refuse to make the next sessions: a 500, and a row that stays STARTING."""
        with self._world.lock:
            self._store.cluster_refuses = int(times)
            return {"times": self._store.cluster_refuses}

    def redeploy(self) -> dict[str, str]:
        """Deploy the portal anew: another uid, no sessions, no tokens, and names that begin from 1 again."""
        with self._world.lock:
            self._world.agenda.run_due()
            self._assemble()
            return {"uid": self._store.uid}

    def revoke_tokens(self) -> dict[str, str]:
        """Make every token worthless, as time does."""
        with self._world.lock:
            self._accounts.revoke_all()
            return {}

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the analytics deliveries so far."""
        return self._events.deliverer.listed()

    def wait_for_webhooks(self, seconds: float = 5.0) -> bool:
        """Wait in real time until no delivery is pending; False when it took longer."""
        return self._events.deliverer.wait_idle(seconds)

    # ---- what the sandbox asks of a platform

    def handle(self, request: Request, now: datetime) -> Response:
        """Answer a request."""
        return self._api.answer(request, now)

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        """Return a 429 as an ingress before the portal writes it; the portal itself knows none."""
        del now, as_date
        page = "<html>\n<head><title>429 Too Many Requests</title></head>\n<body></body>\n</html>\n"
        headers = () if seconds is None else (("Retry-After", str(int(seconds))),)
        return Response.html(HTTPStatus.TOO_MANY_REQUESTS, page, *headers)

    def unauthorised(self) -> Response:
        """Return a 403 with an empty body: what a bad token gets."""
        return Response(HTTPStatus.FORBIDDEN, b"", HTML)

    def loggable(self, request: Request) -> tuple[str, str]:
        """Return path and query without activation tokens and webhook URLs, which open doors."""
        return request.path, _HIDDEN.sub(r"\1=***", request.query)

    def credentials(self, request: Request) -> str:
        """Return the bearer token that was sent."""
        return request.header("authorization").removeprefix("Bearer ")

    def verbs(self) -> frozenset[str]:
        """Return what the control API may call."""
        return VERBS

    def info(self) -> dict[str, Any]:
        """Return what a client needs to connect."""
        one = self.options
        return {
            "url": self.url,
            "username": one.username,
            "password": one.password,
            "client_id": one.client_id,
            "client_secret": one.client_secret,
        }

    def state(self) -> dict[str, Any]:
        """Return environments, sessions and users, without tokens and passwords."""
        return {
            "uid": self._store.uid,
            "environments": [
                {
                    "name": one.name,
                    "state": one.state.value,
                    "workshop": one.workshop.resource,
                    "capacity": one.capacity,
                }
                for one in self._store.environments
            ],
            "sessions": [_session_state(one) for one in self._store.sessions()],
            "users": dict(self._store.users),
            "happened": list(self._happened),
        }

    def secrets(self) -> dict[str, list[str]]:
        """Return every activation token, OAuth token, session password and webhook URL, to look for leaks."""
        rows = list(self._store.sessions())
        return {
            "links": [one.token for one in rows if one.token],
            "secrets": [one.password for one in rows] + [one.analytics_url for one in rows if one.analytics_url],
            "tokens": self._accounts.tokens(),
            "parameters": [value for one in rows for value in one.params.values() if value],
        }

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self._events.deliverer.clear()
        self._happened.clear()
        self._assemble()

    def close(self) -> None:
        """End the delivery of analytics events."""
        self._events.deliverer.stop()

    def _assemble(self) -> None:
        now = self._world.clock.now()
        self._store = Store(str(uuid.uuid4()))
        self._store.users = {self.options.username: ROBOT, ADMIN: STAFF}
        self._accounts = Accounts(self.options)
        self._lifecycle = Lifecycle(
            self._store, self.options, self._world.agenda, self._events, self._set_in_motion, now
        )
        self._api = Api(self._store, self.options, self._accounts, self._lifecycle, self._events, lambda: self.url)
        one = self.options
        for resource, reserved in (("lab-basics", one.reserved), ("lab-ondemand", 0)):
            self._lifecycle.open(
                Workshop(
                    resource,
                    resource,
                    one.capacity,
                    reserved,
                    one.duration,
                    one.deadline or one.duration,
                    one.overtime,
                    {"difficulty": "easy"},
                    ("WHO", "SECRET"),
                ),
                now,
            )

    def _set_in_motion(self, session: Session, at: datetime) -> None:
        """Let scripts act on a session that was just given out: ``join`` opens its link, ``end`` finishes it."""
        user = str(session.owner)
        facts = Facts("educates", session.name, session.environment.workshop.resource, user, {})
        for script in self._world.scripts.matching(facts):
            for event in script.events:
                if event.user in (OTHERS, user) and event.do in (Do.JOIN, Do.END):
                    moment = event.moment(at)
                    self._world.agenda.add(moment, lambda when, event=event: self._play(session, event, when))  # type: ignore[misc]  # a default argument binds the loop's value

    def _play(self, session: Session, event: Event, at: datetime) -> None:
        refused = "" if session.state is not State.STOPPED else "The session is gone."
        if not refused:
            act = self._lifecycle.activate if event.do is Do.JOIN else self._lifecycle.terminate
            act(session, at)
        self._happened.append({"at": iso(at), "session": session.name, "do": event.do.value, "refused": refused})

    def _environment(self, name: str) -> Environment:
        found = self._store.environment(name)
        if found is None:
            raise ControlError(f"There is no environment {name!r}.", HTTPStatus.NOT_FOUND)
        return found

    def _session(self, reference: str) -> Session:
        owned = self._store.allocated(reference)
        found = self._store.session(reference) or next((one for one in owned if not one.stopping), None)
        if found is None:
            raise ControlError(f"There is no session {reference!r}.", HTTPStatus.NOT_FOUND)
        return found


def _session_state(session: Session) -> dict[str, Any]:
    return {
        "name": session.name,
        "environment": session.environment.name,
        "workshop": session.environment.workshop.resource,
        "state": session.state.value,
        "user": session.owner,
        "started": None if session.started is None else iso(session.started),
        "expires": None if session.expires is None else iso(session.expires),
        "activated": session.activated,
        "in_cluster": session.in_cluster,
        "params": sorted(session.params),
    }
