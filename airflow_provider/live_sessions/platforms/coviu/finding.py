"""Looking for the session of a launch, and for its double (PLATFORM-RULES, "Launch keys and look-ups")."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import NotFound, OutcomeUnknown, Refused
from airflow_provider.live_sessions.platforms.coviu import launching, marks
from airflow_provider.live_sessions.platforms.coviu.dates import MARGIN
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import Plan
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.models import Session

log = logging.getLogger(__name__)


def find(client: CoviuClient, plan: Plan, key: LaunchKey) -> tuple[Session | None, bool]:
    """Return the session that bears the key, and whether it was cancelled.

    One that lives goes before one that was cancelled; of several, the first that was made. A list that includes
    cancelled sessions may show one as if it lived, so each candidate is read by itself.

    Args:
        client: The team's client.
        plan: The session as it is meant to be.
        key: The launch's identity.
    """
    cancelled: Session | None = None
    for candidate in _candidates(client, plan, key):
        if candidate.canceled_time is None:
            try:
                return client.session(candidate.session_id, deleted_participants=True), False
            except NotFound:
                pass
        cancelled = candidate
    return cancelled, cancelled is not None


def _candidates(client: CoviuClient, plan: Plan, key: LaunchKey) -> Iterator[Session]:
    state = launching.search_state(plan, key)
    told: set[str] = set()
    for row in client.sessions(SessionFilters(state=state, include_canceled=True, deleted_participants=True)):
        told.add(row.session_id)
        yield row
    if told:
        return
    # The bearer's own state may have changed, and whether a removed bearer is found is not known.
    since = SessionFilters(
        start_time=plan.start - MARGIN, order="forward", include_canceled=True, deleted_participants=True
    )
    for row in client.sessions(since):
        if row.start_time > plan.end:
            return
        if marks.carries(row, key.digest):
            yield row


def settle_doubles(client: CoviuClient, made: Session, state: str, key: LaunchKey) -> tuple[Session, list[str]]:
    """Look again after a create: keep the first of several, and cancel the others unless they have started.

    The first in order of creation is kept, not the smallest id: who looked before the other's create saw only
    their own and has handed it on, and theirs is the older one.

    Args:
        client: The team's client.
        made: What was just created.
        state: The exact state to search by.
        key: The launch's identity.

    Returns:
        The session to go on with, and what had to be said about the others.
    """
    rows = [row for row in client.sessions(SessionFilters(state=state)) if marks.carries(row, key.digest)]
    if not rows or [one.session_id for one in rows] == [made.session_id]:
        return made, []
    kept = rows[0]
    told = [f"The session was launched {len(rows)} times; the first is kept."]
    for other in {one.session_id: one for one in (*rows, made)}.values():
        if other.session_id == kept.session_id:
            continue
        try:
            client.cancel_session(other.session_id)
        except NotFound:
            pass  # whoever made it cancelled it
        except (Refused, OutcomeUnknown) as error:
            told.append(f"A double was not cancelled: {error.what}")
    return (made if kept.session_id == made.session_id else client.session(kept.session_id)), told
