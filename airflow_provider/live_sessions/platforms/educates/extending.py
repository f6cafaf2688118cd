"""Extending sessions that are about to end: the portal decides, and says so only in its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import NotFound, OutcomeUnknown
from airflow_provider.live_sessions.core.times import format_optional_time
from airflow_provider.live_sessions.platforms.educates.models import Phase

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
    from airflow_provider.live_sessions.platforms.educates.models import Schedule
    from airflow_provider.live_sessions.platforms.educates.seats import Seat

SLACK = timedelta(seconds=1)
"""Less than that is no extension: the shortest one is five minutes."""


@dataclass(frozen=True, slots=True)
class Extension:
    """What became of one session.

    Args:
        learner: The participant's id.
        session: The session's name.
        extended: Whether the portal extended it.
        expires: When it ends now; None when it is over, or never ends.
        why: One sentence.
    """

    learner: str
    session: str
    extended: bool
    expires: datetime | None
    why: str

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "learner": self.learner,
            "session": self.session,
            "extended": self.extended,
            "expires": format_optional_time(self.expires),
            "why": self.why,
        }


def extend(client: EducatesClient, seat: Seat) -> Extension:
    """Extend one session; an answer that was lost is settled by looking.

    Raises:
        OutcomeUnknown: The answer was lost, and the end has not moved.
    """
    try:
        before = client.schedule(seat.session)
        try:
            answer = client.extend(seat.session)
        except OutcomeUnknown:
            answer = client.schedule(seat.session)
            if answer.expires is None or before.expires is None or answer.expires < before.expires + SLACK:
                raise
            return Extension(seat.learner, seat.session, True, answer.expires, "It was extended.")
    except NotFound:
        return Extension(seat.learner, seat.session, False, None, "It is over.")
    if answer.extended:
        return Extension(seat.learner, seat.session, True, answer.expires, "It was extended.")
    return Extension(seat.learner, seat.session, False, answer.expires, _why_not(answer))


def _why_not(answer: Schedule) -> str:
    if answer.status is not Phase.RUNNING:
        return f"It is {answer.status}: only a session that somebody has opened can be extended."
    if answer.expires is None:
        return "It has no end that could be moved."
    return (
        "It is too early, or its deadline is reached: a session is extended only shortly before its end, never "
        "beyond its workshop's deadline, which is that very end unless the portal sets a later one."
    )
