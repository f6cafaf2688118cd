"""Who was in a session, from its summary. Pure.

Coviu tells the first entry, without the time in a waiting room, and the latest exit of each participant; time
away in between is in it, so a stay is an upper bound. A participant's id opens the session, so the table shows a
digest of it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.attendance import Presence, Stay
from airflow_provider.live_sessions.platforms.coviu import marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import SecretStr

    from airflow_provider.live_sessions.platforms.coviu.models import Participant, Summary

UPPER_BOUND = "First entry to latest exit; time away in between counts."


def digest(participant_id: SecretStr) -> str:
    """Return what tells participants apart and lets nobody in."""
    return hashlib.sha256(participant_id.get_secret_value().encode()).hexdigest()[:16]


def presences(summary: Summary, people: Iterable[Participant], participants: Mapping[str, str]) -> list[Presence]:
    """Return one presence for each participant who entered.

    Args:
        summary: The session's summary.
        people: The session's participants, removed ones among them: the summary has no names.
        participants: The caller's participant id for each state.
    """
    known = {one.participant_id.get_secret_value(): one for one in people}
    found = []
    for entry in summary.participants:
        if entry.entry_time is None:  # invited, never inside
            continue
        person = known.get(entry.participant_id.get_secret_value())
        state = marks.own_state(person.state) if person is not None else ""
        found.append(
            Presence(
                platform_user_id=digest(entry.participant_id),
                stays=(Stay(entry.entry_time, entry.left_at),),
                participant_id=participants.get(state, ""),
                name=(person.display_name or "") if person is not None else "",
                role=entry.role.casefold(),
                note=UPPER_BOUND,
            )
        )
    return found
