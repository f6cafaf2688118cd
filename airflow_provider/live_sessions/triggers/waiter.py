"""One deferred task as the shared poll knows it, and what it may be told."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.polling import Milestone, Outcome

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.polling import Goal
    from airflow_provider.live_sessions.core.status import Seen


@dataclass(frozen=True, slots=True)
class Notice:
    """Something for a waiter's own log.

    Args:
        text: One sentence.
        warning: True when something is wrong.
    """

    text: str
    warning: bool = False


News = Notice | Milestone | Outcome
"""What a waiter may be told."""


class Mailbox:
    """What one waiter has still to be told; only that waiter reads it.

    There are ten thousand of them in one process, and an ``asyncio.Queue`` takes 3 KiB.
    """

    __slots__ = ("_reader", "_unread")

    def __init__(self) -> None:
        self._unread: tuple[News, ...] = ()
        self._reader: asyncio.Future[None] | None = None

    def put(self, news: News) -> None:
        """Leave something for the waiter and wake it."""
        self._unread = (*self._unread, news)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> News:
        """Take what came first; wait where nothing has come."""
        while not self._unread:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        first, *rest = self._unread
        self._unread = tuple(rest)
        return first


@dataclass(eq=False, slots=True)
class Waiter:
    """One deferred task.

    Args:
        ref: Its session.
        seen: What it remembers.
        goal: What it waits for.
        due: Unix time from when its session is asked for.
        interval: Seconds between polls that it wants.
        news: What it has still to be told.
        told: What it was told last.
        over: True once its outcome is decided.
        since: Unix time from when it waits.
    """

    ref: SessionRef
    seen: Seen
    goal: Goal
    due: float
    interval: float
    news: Mailbox = field(default_factory=Mailbox)
    told: str = ""
    over: bool = False
    since: float = field(default_factory=time.time)
