"""What has ended on a connection, asked for once however many watch it.

Each watcher has its own cursor and memory; what they have in common is the platform's list. A list that was read
from further back is as good for whoever is further on, so the last answers are kept for a moment, and who comes
while they are young takes one instead of asking. A question reaches back for those who are a little behind too.
Who is far behind asks alone, for a part at a time, so that the others get their turn in between. All else stays
each one's own: a cursor moves only by what its watcher took.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.ended import WOBBLE, Backlog, Cursor, EndingPlatform
from airflow_provider.live_sessions.core.errors import Unsupported
from airflow_provider.live_sessions.core.times import later

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.triggers.account import Account

REACH = timedelta(minutes=10)
"""How far a question reaches back for others: a page more at most, on a busy account."""

PART = timedelta(hours=6)
"""How much is asked for at once of what ended while nobody watched; more where ends appear very late."""

KEPT = 4
"""Answers that are kept: the last of those who are up to date, and of some who catch up."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the platform answered.

    Args:
        behind: The earliest cursor behind which nothing is missing.
        asked_at: The platform's time before it was asked.
        began: Monotonic time of that moment.
        backlog: The list.
    """

    behind: datetime
    asked_at: datetime
    began: float
    backlog: Backlog

    @property
    def part(self) -> bool:
        """Whether more has ended behind it already."""
        return self.backlog.up_to < self.asked_at

    def serves(self, behind: datetime | None) -> bool:
        """Return whether nothing is missing behind a cursor; None for one that begins with now."""
        if behind is None:
            return not self.part
        up_to = self.backlog.up_to
        return self.behind <= behind and (behind < up_to if self.part else behind <= up_to + WOBBLE)

    def cursor(self, known: Cursor | None) -> Cursor:
        """Return the cursor to take from the list with: the one that is known, else one that begins with now."""
        if known is not None:
            return known
        # What ended before is not news.
        old = [one for one in self.backlog.found if one.told_at <= self.asked_at]
        return Cursor(self.asked_at).after(old, self.asked_at, self.backlog.overlap)

    def platform_time(self) -> datetime:
        """Return the platform's time now."""
        return later(self.asked_at, time.monotonic() - self.began)


@dataclass(frozen=True, slots=True)
class _Failed:
    """A question that failed: whoever would ask the very same one need not."""

    behind: datetime | None
    began: float
    error: Exception


class Ends:
    """The list of what has ended, of one connection in one event loop.

    Args:
        account: The connection.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._turn = asyncio.Lock()
        self._asked: deque[Listed | _Failed] = deque(maxlen=KEPT)
        """The latest first."""
        self._wanted: dict[object, datetime] = {}
        """From where each watcher asks next."""

    async def listed(self, who: object, cursor: Cursor | None, *, young: float) -> Listed:
        """Return what ended behind a cursor, or the first part of it, and maybe more.

        Args:
            who: The watcher; it says when it leaves.
            cursor: Up to where it told ends; None where the watching begins.
            young: For how many seconds an answer to somebody else will do.

        Raises:
            LiveSessionError: The platform could not be asked.
        """
        behind = None if cursor is None else cursor.up_to
        if behind is not None:
            self._wanted[who] = behind
        async with self._turn:
            listed = self._known(behind, young) or await self._ask(self._reach(behind))
            self._wanted[who] = listed.backlog.up_to
            return listed

    def leave(self, who: object) -> None:
        """Reach back for this watcher no more."""
        self._wanted.pop(who, None)

    def forget(self) -> None:
        """Forget what was answered: the connection may lead elsewhere now."""
        self._asked.clear()

    def _known(self, behind: datetime | None, young: float) -> Listed | None:
        """Return the latest answer that will do.

        Raises:
            LiveSessionError: The same question has just failed.
        """
        now = time.monotonic()
        for one in self._asked:
            if now - one.began >= young:
                return None
            if isinstance(one, Listed):
                if one.serves(behind):
                    return one
            elif one.behind == behind:
                raise one.error.with_traceback(None)
        return None

    def _reach(self, behind: datetime | None) -> datetime | None:
        """Return from where to ask, so that those a little behind need not ask again."""
        if behind is None:
            return None
        return min((one for one in self._wanted.values() if behind - REACH <= one < behind), default=behind)

    async def _ask(self, behind: datetime | None) -> Listed:
        began = time.monotonic()
        try:
            listed = await self._account.call(_question(behind))
        except Exception as error:
            self._asked.appendleft(_Failed(behind, began, error))
            # It may have failed for what lies further back: only who is there may fail by that again.
            self._wanted.clear()
            raise
        # Nothing came between the answer and this: had the connection been opened anew since, it would be lost.
        self._asked.appendleft(listed)
        return listed


def _question(behind: datetime | None) -> Callable[[SessionPlatform], Listed]:
    """Return what asks for the list behind a cursor, on the connection's thread."""

    def ask(platform: SessionPlatform) -> Listed:
        if not isinstance(platform, EndingPlatform):
            raise Unsupported(
                "It keeps no list of what has ended.",
                platform=platform.name,
                advice="Use the end sensor's outlets.",
            )
        overlap = platform.ended_overlap
        start, until = behind, None
        if start is None:
            _, start = platform.ended_since(datetime.now(UTC))  # only for the platform's own time
        elif (end := start + max(PART, 2 * overlap)) < datetime.now(UTC) - overlap:
            until = end
        began = time.monotonic()
        found, asked_at = platform.ended_since(start - overlap, until)
        if until is None or until >= asked_at:
            return Listed(start, asked_at, began, Backlog(found, asked_at, overlap))
        # A platform that lists by the start shows some that ended behind the part: their turn comes with the next.
        found = [one for one in found if one.told_at <= until]
        return Listed(start, asked_at, began, Backlog(found, until, overlap))

    return ask
