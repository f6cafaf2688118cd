"""One tick of the shared poll: ask about everything that is due, and say who has to be told what.

It runs on the connection's thread and takes longer the more waits there are; the event loop does not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.polling import conclude, milestone
from airflow_provider.live_sessions.triggers.waiter import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.triggers.waiter import News, Waiter


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick found.

    Args:
        asked: Whether the platform was asked; it is not where nobody is due.
        news: Who has to be told what.
        next_due: Unix time from when somebody is due after this; infinite for nobody.
        interval: The shortest interval that anybody wants, in seconds.
    """

    asked: bool
    news: Sequence[tuple[Waiter, News]]
    next_due: float
    interval: float


def look(platform: SessionPlatform, due: Sequence[Waiter], waiters: Sequence[Waiter]) -> Tick:
    """Ask about the waiters who are due.

    Args:
        platform: The open platform.
        due: Those of the waiters who are due.
        waiters: Everybody who waits.

    Raises:
        LiveSessionError: The platform could not be asked; nobody's memory has changed.
    """
    news: list[tuple[Waiter, News]] = []
    if due:
        statuses = platform.statuses([Watch(one.ref, one.seen) for one in due], datetime.now(UTC))
        for waiter, status in zip(due, statuses, strict=True):
            if status is None:
                continue
            told = _tell(waiter, status, keeps_history=platform.keeps_history)
            if told is not None:
                news.append((waiter, told))
    return Tick(
        asked=bool(due),
        news=news,
        next_due=min((one.due for one in waiters if not one.over), default=inf),
        interval=min((one.interval for one in waiters), default=inf),
    )


def due_of(waiters: Sequence[Waiter], now: float) -> list[Waiter]:
    """Return who is due; it takes a moment until the task of one whose outcome is decided has gone."""
    return [one for one in waiters if one.due <= now and not one.over]


def _tell(waiter: Waiter, status: SessionStatus, *, keeps_history: bool) -> News | None:
    """Remember a status; return what its waiter has to know of it."""
    outcome = conclude(waiter.goal, status, waiter.seen)
    before, waiter.seen = waiter.seen, waiter.seen.after(status)
    stone = milestone(before, waiter.seen, keeps_history=keeps_history)
    if outcome is not None or stone is not None:
        waiter.over = True
        return outcome or stone
    told = f"{status.state}: {status.why}"
    if told == waiter.told:
        return None
    waiter.told = told
    return Notice(told)
