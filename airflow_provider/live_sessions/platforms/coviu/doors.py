"""A way into a session's room for somebody who was not on the list: a guest, whom a host lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import NotFound, Refused
from airflow_provider.live_sessions.platforms.coviu import launching, people

if TYPE_CHECKING:
    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.models import Participant, SessionRef
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient


def open_room(client: CoviuClient, ref: SessionRef, visitor: Participant) -> SecretStr:
    """Return a link into the session's room; the visitor is added once and found again after that.

    Args:
        client: The team's client.
        ref: The session.
        visitor: Who comes in; the others see their name.

    Raises:
        Refused: The session is over or cancelled.
    """
    try:
        session = client.session(ref.session_id)
    except NotFound:
        raise _refused(client, "Coviu no longer shows the session: it was cancelled.") from None
    if session.end_time <= client.now():
        raise _refused(client, "The session is over, and so is its room.")
    there, _ = people.add(client, ref.session_id, visitor)
    if there.deleted_at is not None:
        raise _refused(client, "You were removed from this session.")
    return there.entry_url


def _refused(client: CoviuClient, what: str) -> Refused:
    advice = "Ask who leads the session, or launch another one."
    return Refused(what, platform=launching.LABEL, conn_id=client.conn_id, advice=advice)
