"""Which shares of an account have ended for good, from its history.

An end counts when it has stood for the five minutes in which a crash can be undone (``apis/screenleap.md`` section
3). A share that nobody watched is in no history ("Share Session History"), so it is not told here.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.ended import EndedSession
from airflow_provider.live_sessions.platforms.screenleap.filters import ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.judging import BLIND, RETENTION, held
from airflow_provider.live_sessions.platforms.screenleap.marks import split
from airflow_provider.live_sessions.platforms.screenleap.usage import merge

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient

OVERLAP = BLIND
"""How late an end may appear in the history."""


def ended_since(
    client: ScreenleapClient, since: datetime, until: datetime | None = None
) -> tuple[list[EndedSession], datetime]:
    """Return the shares whose end became final from a moment on, and the account's time before it was asked.

    Args:
        client: The account's client.
        since: The moment.
        until: Up to which moment; None for now.
    """
    # The recent list first: a share that leaves it in between is then in it at least.
    began = time.monotonic()
    recent = client.recent()
    # Afterwards, because the answer tells the platform's clock.
    asked_at = client.now() - timedelta(seconds=time.monotonic() - began)
    past = list(client.shares(ShareFilters(ended_after=since - RETENTION, ended_before=until)))
    found = []
    for share in merge(past, recent):
        if share.code is None or share.ended_at is None or share.ended_at + RETENTION > asked_at:
            continue
        found.append(
            EndedSession(
                session_id=client.digest(share.code),
                ended_at=share.ended_at,
                told_at=share.ended_at + RETENTION,
                held=held(share),
                key=split(share.external_id or "")[1],
            )
        )
    return found, asked_at
