"""What Screenleap reports to the account's one URL: one try, no signature, no id [dossier 4]."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.delivery import Deliverer, Delivery

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.screenleap.options import Options
    from airflow_provider.live_sessions.sandbox.screenleap.state import Share

Stand = tuple["datetime | None", "datetime | None"]
"""When a share started and ended."""


class Webhooks:
    """Reports what happens to shares.

    Args:
        options: How this Screenleap behaves.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self.deliverer = Deliverer(tries=1, backoff=1.0, timeout=options.webhook_timeout)

    def changed(self, share: Share, before: Stand) -> None:
        """Report what has happened to a share since it stood as before: its first start, or an end."""
        started, ended = before
        if started is None and share.started_at is not None:
            self._send("PRESENTER_CONNECT", share, {})
        if share.ended_at is not None and share.ended_at != ended:
            minutes = (share.ended_at - (share.started_at or share.ended_at)).total_seconds() / 60
            more = {
                "endTime": _millis(share.ended_at),
                "totalViewers": share.total_viewers,
                "durationInMinutes": minutes,
                "centsPerUserPerMinute": self._options.cents_per_minute,
            }
            self._send("SHARE_END", share, more)

    def _send(self, event: str, share: Share, more: dict[str, Any]) -> None:
        url = self._options.webhook
        if not url:
            return
        body = {
            "eventType": event,
            "screenShareCode": share.code,
            "isSecure": False,
            "externalId": share.external_id,
            "startTime": _millis(share.started_at) if share.started_at else None,
            **more,
        }
        headers = {"Content-Type": "application/json"}
        raw = json.dumps(body).encode()
        self.deliverer.put(Delivery(str(uuid.uuid4()), event, url, (share.code, url), raw, headers))


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
