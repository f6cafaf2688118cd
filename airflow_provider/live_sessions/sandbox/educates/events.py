"""What the portal reports to analytics webhooks: one try, no signature, no order promised [dossier 4]."""

from __future__ import annotations

import json
import uuid
from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.delivery import Deliverer, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.educates.options import Options
    from airflow_provider.live_sessions.sandbox.educates.state import Session, Store


class Events:
    """Reports what happens.

    Args:
        options: How this portal behaves.
        store: Returns what exists.
        url: Returns the portal's URL.
    """

    def __init__(self, options: Options, store: Callable[[], Store], url: Callable[[], str]) -> None:
        self._options = options
        self._store = store
        self._url = url
        self.deliverer = Deliverer(tries=1, backoff=1.0, timeout=options.webhook_timeout)

    def session(self, name: str, session: Session, at: datetime, data: dict[str, Any] | None = None) -> None:
        """Report about a session, to the portal's webhook and to the session's own."""
        if session.muted:
            return  # the user's id was a UUID object that JSON refuses; the event is lost [dossier 4]
        store = self._store()
        body = {
            "portal": {**self._portal(), "uid": store.uid, "generation": store.generation},
            "event": {
                "name": name,
                "timestamp": _stamp(at),
                "user": session.owner,
                "session": session.name,
                "environment": session.environment.name,
                "workshop": session.environment.workshop.resource,
                "data": data or {},
            },
        }
        self._send(name, body, session.name, self._options.webhook, session.analytics_url)

    def user(self, name: str, user: str, at: datetime, data: dict[str, Any]) -> None:
        """Report about a user, to the portal's webhook only."""
        event = {"name": name, "timestamp": _stamp(at), "user": user, "data": data}
        self._send(name, {"portal": self._portal(), "event": event}, user, self._options.webhook)

    def _portal(self) -> dict[str, Any]:
        return {"name": self._options.portal, "url": self._url()}

    def _send(self, name: str, body: dict[str, Any], lane: str, *urls: str) -> None:
        raw = json.dumps(body).encode()
        for url in filter(None, urls):
            headers = {"Content-Type": "application/json"}
            self.deliverer.put(Delivery(str(uuid.uuid4()), name, url, (lane, url), raw, headers))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
