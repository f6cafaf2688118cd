"""Who was in a share, from its participants. Pure.

Screenleap tells the first join and the last leave only: breaks in between are not seen, and nothing is told of a
share that nobody watched (PLATFORM-RULES, "Attendance").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.attendance import Presence, Stay
from airflow_provider.live_sessions.platforms.screenleap.judging import PRESENTER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.platforms.screenleap.models import Share

UPPER_BOUND = "From the first join to the last leave; breaks are not told."


def presences(share: Share, participants: Mapping[str, str]) -> list[Presence]:
    """Return one presence for each person of a share.

    Args:
        share: With its participants.
        participants: The caller's participant id for each id that the launch gave out.
    """
    stays: dict[str, list[Stay]] = {}
    for number, one in enumerate(share.participants):
        who = PRESENTER_ID if one.presenter else one.external_id or f"participant {one.id or number}"
        theirs = stays.setdefault(who, [])
        if one.joined_at is not None:
            theirs.append(Stay(one.joined_at, one.left_at))
    return [
        Presence(
            platform_user_id=who,
            stays=tuple(sorted(there, key=lambda stay: stay.joined)),
            participant_id=participants.get(who, ""),
            role="presenter" if who == PRESENTER_ID else "viewer",
            note=UPPER_BOUND,
        )
        for who, there in sorted(stays.items())
    ]
