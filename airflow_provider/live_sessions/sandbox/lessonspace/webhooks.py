"""What Lessonspace's webhooks say and how they are signed [dossier 6]."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.delivery import Deliverer, Delivery

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Connection, Session

# One client met "webhooks.user.joined" for user.join; the other names follow its pattern.
PAST = {"join": "joined", "leave": "left", "idle": "idled", "start": "started", "end": "ended", "stop": "stopped"}


class Webhooks:
    """Sends events to the URLs of a space.

    Args:
        options: How this Lessonspace behaves.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.deliverer = Deliverer(
            tries=options.webhook_tries, backoff=options.webhook_backoff, timeout=options.webhook_timeout
        )

    def session(self, event: str, session: Session, at: datetime, *, reason: str = "") -> None:
        """Send an event about a session; the end carries its times and the reason."""
        body: dict[str, Any] = {"id": session.reserved, "room": {"id": session.space.id}}
        if session.ended_at is not None:
            body["summary"] = {"start": iso(session.started_at), "end": iso(session.ended_at)}
            body["reason"] = reason
        self.send(event, session, at, body)

    def user(self, event: str, session: Session, who: Connection, at: datetime, **more: Any) -> None:
        """Send an event about a person."""
        user: dict[str, Any] = {
            "id": who.person.number if who.person else who.guest,
            "name": who.name,
            "role": who.person.role if who.person else "guest",
            "leader": who.leader,
            "meta": dict(who.meta),
        }
        about = {"room": {"id": session.space.id}, "session": {"id": session.reserved}}
        self.send(event, session, at, {"user": user, **about, "timestamp": iso(at), **more})

    def transcription(self, session: Session, url: str, at: datetime) -> None:
        """Say that a transcript is there."""
        about = {"room": {"id": session.space.id}, "session": {"id": session.reserved}}
        self.send("transcription.finish", session, at, {**about, "transcriptionUrl": url})

    def summary(self, session: Session, text: str, at: datetime) -> None:
        """Say that a summary is there."""
        about = {"room": {"id": session.space.id}, "session": {"id": session.reserved}}
        self.send("summary.finish", session, at, {**about, "summary": text})

    def send(self, event: str, session: Session, at: datetime, body: dict[str, Any]) -> None:
        """Send an event, if the space asked for it."""
        space = session.space
        url = space.webhooks.get(event)
        if not url:
            return
        raw = json.dumps(body, separators=(",", ":")).encode()
        number = str(uuid.uuid4())
        headers = {
            "Content-Type": "application/json",
            "x-webhook-id": number,
            "x-webhook-event": self._name(event),
            "x-webhook-timestamp": iso(at),
            "x-webhook-signature": hmac.new(space.secret.encode(), raw, hashlib.sha256).hexdigest(),
        }
        self.deliverer.put(Delivery(number, event, url, (space.id, url), raw, headers))

    def _name(self, event: str) -> str:
        if self._options.webhook_events == "key":
            return event
        group, _, verb = event.partition(".")
        return f"webhooks.{group}.{PAST.get(verb, verb)}"
