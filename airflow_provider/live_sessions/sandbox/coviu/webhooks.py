"""What Coviu reports to a team's URL: one try, no signature, no id, seconds since 1970 [dossier 4]."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.delivery import Deliverer, Delivery

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.coviu.state import Participant


class Webhooks:
    """Reports people who come and go; the other events are not played.

    Args:
        options: How this Coviu behaves.
        team_id: The team.
    """

    def __init__(self, options: Options, team_id: str) -> None:
        self._team_id = team_id
        self._url = options.webhook
        self.deliverer = Deliverer(tries=1, backoff=1.0, timeout=options.webhook_timeout)

    def participant(self, what: str, person: Participant, at: datetime) -> None:
        """Report that a participant joined or left."""
        if not self._url:
            return
        body = {
            "type": f"participant:{what}",
            "createdAt": round(at.timestamp()),
            "payload": {
                "teamId": self._team_id,
                "sessionId": person.session_id,
                "waitingQueueId": None,
                "participantId": person.id,
            },
        }
        headers = {"Content-Type": "application/json"}
        raw = json.dumps(body).encode()
        self.deliverer.put(
            Delivery(str(uuid.uuid4()), str(body["type"]), self._url, (person.session_id, self._url), raw, headers)
        )
