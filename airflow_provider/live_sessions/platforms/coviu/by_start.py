"""The team's sessions by their start, held against that order: a walk that stops at a start trusts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters
    from airflow_provider.live_sessions.platforms.coviu.models import Session


def by_start(
    client: CoviuClient, filters: SessionFilters, *, on_page: Callable[[Any], None] | None = None
) -> Iterator[Session]:
    """Yield sessions, earliest start first.

    Args:
        client: The team's client.
        filters: Which sessions; their order is forward.
        on_page: Sees each page's JSON as it comes.

    Raises:
        Unavailable: A session starts before the one in front of it: what lies behind could be missed.
    """
    last = None
    for session in client.sessions(filters, on_page=on_page):
        if last is not None and session.start_time < last:
            raise Unavailable(
                "list sessions: the list is not in the order of the starts, so sessions could be missed.",
                platform="Coviu",
                conn_id=client.conn_id,
                advice="The list may be changing: let the task try again later.",
            )
        last = session.start_time
        yield session
