"""Lessonspace, put together: requests go in by ``handle``, people by the control verbs."""

from __future__ import annotations

import uuid
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.lessonspace.actors import Actors, newest
from airflow_provider.live_sessions.sandbox.lessonspace.api import ROOT, SCHEME, Api, unauthorised
from airflow_provider.live_sessions.sandbox.lessonspace.artifacts import Artifacts
from airflow_provider.live_sessions.sandbox.lessonspace.doors import Doors, invite
from airflow_provider.live_sessions.sandbox.lessonspace.launch import Launcher
from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
from airflow_provider.live_sessions.sandbox.lessonspace.presence import NotAdmitted, Presence
from airflow_provider.live_sessions.sandbox.lessonspace.state import Store
from airflow_provider.live_sessions.sandbox.lessonspace.throttle import Throttle
from airflow_provider.live_sessions.sandbox.lessonspace.webhooks import Webhooks
from airflow_provider.live_sessions.sandbox.scripts import GUEST, Do, Event, read_lines
from airflow_provider.live_sessions.sandbox.world import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.state import Link, Session, Space
    from airflow_provider.live_sessions.sandbox.wire import Request, Response
    from airflow_provider.live_sessions.sandbox.world import World

VERBS = frozenset(
    (
        *("join", "leave", "idle", "chat", "end"),
        *("delete_recording", "set_transcript", "webhooks", "wait_for_webhooks", "secrets"),
    )
)


class Lessonspace:
    """One organisation at Lessonspace.

    Args:
        world: The common ground.
        options: How it behaves; None is as documented.
    """

    name = "lessonspace"

    def __init__(self, world: World, options: Options | None = None) -> None:
        self._world = world
        self.options = options or Options()
        self._webhooks = Webhooks(self.options)
        self._throttle = Throttle(self.options.rate_limit)
        self._assemble()

    @property
    def url(self) -> str:
        """The API's base URL, without a slash at the end."""
        return f"{self._world.url}{ROOT}"

    @property
    def api_key(self) -> str:
        """The organisation's key."""
        return self.options.api_key

    @property
    def organisation(self) -> int:
        """The organisation's id."""
        return self.options.organisation

    def join(self, space: str, user: str = GUEST, *, browser: str = "") -> dict[str, str]:
        """Let a person in by their newest link, or a guest by the invite URL.

        Args:
            space: The space's launch id or uuid.
            user: The person's external id, or ``guest``.
            browser: A name for the browser; a single-use link admits one. Each join is a connection.

        Returns:
            The ``connection`` and the ``session``'s uuid.

        Raises:
            ControlError: 404, no such space or link; 409, the link does not admit.
        """
        return self._act(space, Event(user, Do.JOIN, browser=browser))

    def leave(self, space: str, user: str = GUEST, *, browser: str = "") -> dict[str, str]:
        """Let a person leave: all their connections, or the one of a browser.

        Raises:
            ControlError: 404, no such space, or the person is not inside.
        """
        return self._act(space, Event(user, Do.LEAVE, browser=browser))

    def idle(self, space: str, user: str = GUEST, *, browser: str = "") -> dict[str, str]:
        """Mark a person idle. Raises as :meth:`leave`."""
        return self._act(space, Event(user, Do.IDLE, browser=browser))

    def chat(self, space: str, user: str = GUEST, *, text: str = "") -> dict[str, str]:
        """Let a person say something. Raises as :meth:`leave`."""
        return self._act(space, Event(user, Do.CHAT, text=text))

    def end(self, space: str) -> dict[str, str]:
        """End a space's session as a leader does with "End Session for All".

        Raises:
            ControlError: 404, nothing is in progress.
        """
        with self._world.lock:
            now = self._world.agenda.run_due()
            live = self._space(space).live
            if live is None:
                raise ControlError("Nothing is in progress there.", HTTPStatus.NOT_FOUND)
            self._presence.end(live, now, "ended by a leader")
            return {"session": live.uuid}

    def delete_recording(self, session: str) -> dict[str, str]:
        """Delete a session's recording; its transcript goes with it.

        Raises:
            ControlError: 404, no such session.
        """
        with self._world.lock:
            self._world.agenda.run_due()
            row = self._session(session)
            row.recording_deleted = True
            return {"session": row.uuid}

    def set_transcript(self, session: str, lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Say what a session's transcript holds: a list of {"user", "text"}, as in a script.

        Raises:
            ControlError: 404, no such session.
            ValueError: A line is not as it should be.
        """
        given = read_lines(lines)
        with self._world.lock:
            row = self._session(session)
            row.lines = given
            return {"session": row.uuid}

    def replace_key(self) -> str:
        """Make a new API key and return it; the old one is refused from now on."""
        with self._world.lock:
            self.options = replace(self.options, api_key=str(uuid.uuid4()))
            self._api.accept(self.options.api_key)
            return self.options.api_key

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the deliveries so far, with each try and its outcome."""
        return self._webhooks.deliverer.listed()

    def wait_for_webhooks(self, seconds: float = 5.0) -> bool:
        """Wait in real time until no delivery is pending; False when it took longer."""
        return self._webhooks.deliverer.wait_idle(seconds)

    def handle(self, request: Request, now: datetime) -> Response:
        """Answer a request."""
        if request.path.startswith(f"{ROOT}/"):
            return self._api.answer(request, now)
        return self._doors.answer(request, now)

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        """Return a 429."""
        return self._api.throttled(now, seconds, as_date=as_date)

    def unauthorised(self) -> Response:
        """Return a 401."""
        return unauthorised(given=True).response

    def loggable(self, request: Request) -> tuple[str, str]:
        """Return path and query; outside the API the query is the key, so it stays out."""
        return request.path, request.query if request.path.startswith(f"{ROOT}/") else ""

    def credentials(self, request: Request) -> str:
        """Return the API key that was sent."""
        return request.header("authorization").removeprefix(SCHEME)

    def verbs(self) -> frozenset[str]:
        """Return what the control API may call."""
        return VERBS

    def info(self) -> dict[str, Any]:
        """Return what a client needs to connect."""
        return {"url": self.url, "api_key": self.api_key, "organisation": self.organisation}

    def state(self) -> dict[str, Any]:
        """Return spaces, sessions, people and what scripted people did, without secrets and links."""
        return {
            "spaces": [_space_state(one) for one in self._store.spaces.values()],
            "sessions": [_session_state(one) for one in self._store.sessions],
            "people": [
                {"id": one.number, "external_id": one.external_id, "name": one.name, "member": one.member}
                for one in self._store.people.values()
            ],
            "happened": list(self._actors.happened),
        }

    def secrets(self) -> dict[str, list[str]]:
        """Return every join link and space secret given out, for who looks whether one of them leaked."""
        with self._world.lock:
            spaces = list(self._store.spaces.values())
            return {
                "links": [link.url for space in spaces for link in space.links],
                "secrets": [space.secret for space in spaces],
            }

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self._webhooks.deliverer.clear()
        self._throttle.clear()
        self._assemble()

    def close(self) -> None:
        """End the delivery of webhooks."""
        self._webhooks.deliverer.stop()

    def _assemble(self) -> None:
        world, options = self._world, self.options
        self._store = Store()
        self._artifacts = Artifacts(options, world.agenda, self._webhooks, lambda: world.url)
        self._presence = Presence(
            self._store, options, world.agenda, self._webhooks, self._artifacts.session_ended
        )
        self._actors = Actors(world.scripts, world.agenda, self._presence)
        launcher = Launcher(self._store, options, self._actors.launched)
        self._api = Api(self._store, options, launcher, self._artifacts, self._throttle)
        self._doors = Doors(self._store, self._presence, self._artifacts)

    def _act(self, reference: str, event: Event) -> dict[str, str]:
        with self._world.lock:
            now = self._world.agenda.run_due()
            space = self._space(reference)
            link = invite(space) if event.user == GUEST else newest(space, event.user, now)
            if link is None:
                raise ControlError(f"{event.user!r} has no link to this space.", HTTPStatus.NOT_FOUND)
            session = space.live
            try:
                who = self._actors.act(space, link, event, now)
            except NotAdmitted as why:
                raise ControlError(str(why), HTTPStatus.CONFLICT) from None
            except LookupError as why:
                raise ControlError(str(why), HTTPStatus.NOT_FOUND) from None
            session = session or space.live
            return {"connection": who.socket_id, "session": session.uuid if session else ""}

    def _space(self, reference: str) -> Space:
        space = self._store.find_space(reference)
        if space is None:
            raise ControlError(f"There is no space {reference!r}.", HTTPStatus.NOT_FOUND)
        return space

    def _session(self, uuid: str) -> Session:
        session = self._store.by_uuid.get(uuid)
        if session is None:
            raise ControlError(f"There is no session {uuid!r}.", HTTPStatus.NOT_FOUND)
        return session


def _space_state(space: Space) -> dict[str, Any]:
    return {
        "id": space.id,
        "launch_id": space.launch_id,
        "name": space.name,
        "launches": space.launches,
        "links": [_link_state(one) for one in space.links],
        "session_id": space.reserved,
        "session_tags": dict(space.session_tags),
        "tags": dict(space.tags),
        "webhooks": sorted(space.webhooks),
        "created_at": iso(space.created_at),
    }


def _link_state(link: Link) -> dict[str, Any]:
    return {
        "user": link.person.external_id if link.person else GUEST,
        "leader": link.leader,
        "not_before": link.not_before,
        "not_after": link.not_after,
        "kick": link.kick,
    }


def _session_state(session: Session) -> dict[str, Any]:
    return {
        "uuid": session.uuid,
        "session_id": session.reserved,
        "space": session.space.id,
        "launch_id": session.space.launch_id,
        "start_time": iso(session.started_at),
        "end_time": iso(session.ended_at) if session.ended_at else None,
        "people": [one.external_id for one in session.people.values()],
        "guests": len(session.guests),
        "inside": [one.person.external_id if one.person else GUEST for one in session.inside],
    }
