"""Screenleap, put together: requests go in by ``handle``, people by the control verbs."""

from __future__ import annotations

import email.utils
import re
from collections import deque
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso, utc
from airflow_provider.live_sessions.sandbox.log import digest
from airflow_provider.live_sessions.sandbox.screenleap.api import ROOT, Api, unauthorised
from airflow_provider.live_sessions.sandbox.screenleap.options import Options
from airflow_provider.live_sessions.sandbox.screenleap.shapes import billed, refuse
from airflow_provider.live_sessions.sandbox.screenleap.state import NotPossibleError, Store
from airflow_provider.live_sessions.sandbox.screenleap.webhooks import Webhooks
from airflow_provider.live_sessions.sandbox.scripts import LEADER, Do, Facts
from airflow_provider.live_sessions.sandbox.world import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.live_sessions.sandbox.screenleap.state import Share
    from airflow_provider.live_sessions.sandbox.scripts import Event
    from airflow_provider.live_sessions.sandbox.wire import Request, Response
    from airflow_provider.live_sessions.sandbox.world import World

VERBS = frozenset(
    (
        "present",
        "view",
        "leave",
        "end",
        "crash",
        "widget",
        "past",
        "codes",
        "secrets",
        "webhooks",
        "wait_for_webhooks",
    )
)
KEPT = 20_000
_CODE_IN_PATH = re.compile(r"(/(?:screen-shares|viewer)/)([^/]+)")


class Screenleap:
    """One developer account at Screenleap.

    Args:
        world: The common ground.
        options: How it behaves; None is as documented.
    """

    name = "screenleap"

    def __init__(self, world: World, options: Options | None = None) -> None:
        self._world = world
        self.options = options or Options()
        self._happened: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._webhooks = Webhooks(self.options)
        self._assemble()

    @property
    def url(self) -> str:
        """The API's base URL, without a slash at the end."""
        return f"{self._world.url}{ROOT}"

    # ---- what people do; a share is named by its code or its external id

    def present(self, share: str) -> dict[str, str]:
        """Let the presenter start a share, or reopen it after a crash.

        Raises:
            ControlError: 404, no such share; 409, it runs or has ended for good.
        """
        return self._act(share, self._store.present)

    def view(self, share: str, viewer: str = "") -> dict[str, str]:
        """Let a viewer in, by the external id of their link; without one they are anonymous.

        Raises:
            ControlError: 404, no such share; 409, nobody is presenting.
        """
        return self._act(share, lambda one, at: self._store.view(one, viewer, at))

    def leave(self, share: str, viewer: str) -> dict[str, str]:
        """Let a viewer leave.

        Raises:
            ControlError: 404, no such share; 409, they are not inside.
        """
        return self._act(share, lambda one, at: self._store.leave(one, viewer, at))

    def end(self, share: str) -> dict[str, str]:
        """Let the presenter press stop.

        Raises:
            ControlError: 404, no such share; 409, it is not running.
        """
        return self._act(share, self._store.end)

    def crash(self, share: str) -> dict[str, str]:
        """Let the presenter's app crash: the share ends, and may be reopened for a while.

        Raises:
            ControlError: 404, no such share; 409, it is not running.
        """
        return self._act(share, lambda one, at: self._store.end(one, at, crashed=True))

    def widget(self, external_id: str = "") -> dict[str, str]:
        """Make and start a share as Screenleap's own widget does: the API may not stop it."""
        with self._world.lock:
            now = self._world.agenda.run_due()
            share = self._store.create(now, api=False, external_id=external_id)
            self._store.present(share, now)
            return {"code": share.code}

    def past(
        self,
        external_id: str,
        started_at: str,
        ended_at: str = "",
        viewers: Sequence[str] = (),
        title: str = "",
        api: bool = True,
    ) -> dict[str, str]:
        """Make a share that began in the past: one that is over, or, without an end, one that runs since then.

        Args:
            external_id: The caller's id.
            started_at: When its presenter began, ISO 8601 with an offset.
            ended_at: When it ended, likewise; its viewers were there from the beginning until then.
            viewers: External ids of the viewers.
            title: Shown to viewers.
            api: False for one that the API may not stop.

        Raises:
            ControlError: A moment lies ahead, or the end before the start.
        """
        begun, over = (utc(datetime.fromisoformat(one)) if one else None for one in (started_at, ended_at))
        with self._world.lock:
            now = self._world.agenda.run_due()
            if begun is None or begun > now or (over is not None and not begun <= over <= now):
                raise ControlError("A past share began, and ended after that, before now.")
            share = self._store.create(begun, api=api, external_id=external_id, title=title)
            self._store.present(share, begun)
            for one in viewers:
                self._store.view(share, one, begun)
            if over is not None:
                self._store.end(share, over)
            return {"share": digest(share.code)}

    def codes(self, external_id: str = "") -> list[str]:
        """Return the codes given out, oldest first; all, or those of an external id or its beginning."""
        with self._world.lock:
            return [
                one.code
                for one in self._store.shares.values()
                if external_id in ("", one.external_id, one.external_id.rpartition("|")[0])
            ]

    def secrets(self) -> dict[str, list[str]]:
        """Return everything given out that opens a door, for who looks whether it leaked."""
        with self._world.lock:
            shares = list(self._store.shares.values())
            return {
                "codes": [one.code for one in shares],
                "tokens": [one.token for one in shares],
                "viewer_urls": [self._api.viewer_url(one, self._world.door) for one in shares],
            }

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the deliveries so far."""
        return self._webhooks.deliverer.listed()

    def wait_for_webhooks(self, seconds: float = 5.0) -> bool:
        """Wait in real time until no delivery is pending; False when it took longer."""
        return self._webhooks.deliverer.wait_idle(seconds)

    # ---- what the sandbox asks of a platform

    def handle(self, request: Request, now: datetime) -> Response:
        """Answer a request."""
        return self._api.answer(request, now)

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        """Return a 429, which Screenleap does not document."""
        said = refuse(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests.")
        if seconds is None:
            return said
        value = str(round(seconds))
        if as_date:
            value = email.utils.format_datetime(now + timedelta(seconds=seconds), usegmt=True)
        return type(said)(said.status, said.body, said.content_type, (("Retry-After", value),))

    def unauthorised(self) -> Response:
        """Return a 401."""
        return unauthorised()

    def loggable(self, request: Request) -> tuple[str, str]:
        """Return path and query, a code in the path as its digest."""
        return _CODE_IN_PATH.sub(lambda found: found[1] + digest(found[2]), request.path), request.query

    def credentials(self, request: Request) -> str:
        """Return the token that was sent."""
        return request.header("authtoken")

    def verbs(self) -> frozenset[str]:
        """Return what the control API may call."""
        return VERBS

    def info(self) -> dict[str, Any]:
        """Return what a client needs to connect."""
        return {"url": self.url, "account_id": self.options.account_id, "authtoken": self.options.authtoken}

    def state(self) -> dict[str, Any]:
        """Return the shares and what scripted people did, without codes and tokens."""
        return {
            "shares": [_shown(one, self.options) for one in self._store.shares.values()],
            "happened": list(self._happened),
        }

    def reset(self) -> None:
        """Forget everything but the credentials."""
        self._happened.clear()
        self._webhooks.deliverer.clear()
        self._assemble()

    def close(self) -> None:
        """End the delivery of webhooks."""
        self._webhooks.deliverer.stop()

    # ---- inside

    def _assemble(self) -> None:
        self._store = Store(self.options)
        self._api = Api(self._store, self.options, self._created, self._stop)

    def _act(self, reference: str, action: Callable[[Share, datetime], None]) -> dict[str, str]:
        with self._world.lock:
            now = self._world.agenda.run_due()
            share = self._store.find(reference)
            if share is None:
                raise ControlError("There is no such share.", HTTPStatus.NOT_FOUND)
            before = share.started_at, share.ended_at
            try:
                action(share, now)
            except NotPossibleError as why:
                raise ControlError(str(why), HTTPStatus.CONFLICT) from None
            self._webhooks.changed(share, before)
            return {"share": digest(share.code)}

    def _stop(self, share: Share, now: datetime) -> None:
        """Send the presenter's app the message; the end comes a little later."""

        def reach(at: datetime) -> None:
            if share.running:
                before = share.started_at, share.ended_at
                self._store.end(share, at)
                self._webhooks.changed(share, before)

        if self.options.stop_after:
            self._world.agenda.add(now + timedelta(seconds=self.options.stop_after), reach)
        else:
            reach(now)

    def _created(self, share: Share, now: datetime) -> None:
        facts = Facts("screenleap", share.external_id, share.title, "", {})
        for script in self._world.scripts.matching(facts):
            for event in script.events:
                self._world.agenda.add(event.moment(now), lambda at, event=event: self._play(share, event, at))  # type: ignore[misc]  # a default argument binds the loop's value

    def _play(self, share: Share, event: Event, at: datetime) -> None:
        why = ""
        leads = event.user == LEADER
        before = share.started_at, share.ended_at
        try:
            if event.do is Do.JOIN and leads:
                self._store.present(share, at)
            elif event.do is Do.JOIN:
                self._store.view(share, event.user, at)
            elif event.do is Do.END or (event.do is Do.LEAVE and leads):
                self._store.end(share, at)
            elif event.do is Do.LEAVE:
                self._store.leave(share, event.user, at)
            else:
                why = "Screenleap has no such thing."
        except NotPossibleError as refused:
            why = str(refused)
        self._webhooks.changed(share, before)
        self._happened.append(
            {"at": iso(at), "share": digest(share.code), "user": event.user, "do": event.do.value, "refused": why}
        )


def _shown(share: Share, options: Options) -> dict[str, Any]:
    minutes, cents = billed(share, options)
    return {
        "share": digest(share.code),
        "external_id": share.external_id,
        "title": share.title,
        "created_at": iso(share.created_at),
        "started_at": iso(share.started_at) if share.started_at else None,
        "ended_at": iso(share.ended_at) if share.ended_at else None,
        "inside": [one.external_id for one in share.people.values() if one.left_at is None and not one.presenter],
        "total_viewers": share.total_viewers,
        "user_minutes": minutes,
        "cost_in_cents": cents,
    }
