"""One poll for all who wait on a connection.

Ten waiting tasks and ten thousand cost the same requests: each tick asks the platform once about everything
that is due, on the connection's thread, decides there, and wakes only those whose session changed. A failed
tick fails nobody; it makes the next one later. Each waiter writes its own log; the poller writes none.

Airflow 3.3 could share such a poll itself (shared streams). It is not used: one registry serves every Airflow
version alike, keeps its pace when the last waiter has gone, and cannot be left dead by a cancelled poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.polling import (
    Goal,
    Milestone,
    Outcome,
    conclude,
    conclude_unreachable,
    milestone,
    next_delay,
)
from airflow_provider.live_sessions.triggers.account import Account
from airflow_provider.live_sessions.triggers.figures import WaitFigures

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import Seen

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
"""Seconds until a poll that broke begins again."""

WAKE_AT_ONCE = 200
"""Waiters woken before the event loop gets its turn again."""


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
    news: asyncio.Queue[News] = field(default_factory=asyncio.Queue)
    told: str = ""
    over: bool = False
    since: float = field(default_factory=time.time)


class Poller:
    """The shared poll of one connection in one event loop.

    Args:
        account: The connection.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._waiters: dict[Waiter, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._asleep_until = 0.0
        self._failures = 0
        self._figures = WaitFigures(account.conn_id)
        self._rng = random.Random()  # noqa: S311 - jitter, no secret

    async def wait(self, waiter: Waiter) -> AsyncGenerator[News]:
        """Yield what happens to a waiter's session; the last item is its outcome or a milestone."""
        self._join(waiter)
        try:
            while True:
                news = await waiter.news.get()
                yield news
                if not isinstance(news, Notice):
                    return
        finally:
            self._leave(waiter)

    def _join(self, waiter: Waiter) -> None:
        self._account.enter()
        self._waiters[waiter] = None
        if max(waiter.due, self._allowed_at()) < self._asleep_until:
            self._wake.set()  # who is due no earlier wakes nobody: ten thousand may join
        if self._task is None:
            self._start()

    def _start(self) -> None:
        # An empty context: the poll belongs to no task, so none of its lines may land in a task's log.
        self._task = asyncio.get_running_loop().create_task(
            self._run(), name=f"live-sessions-poll-{self._account.conn_id}", context=contextvars.Context()
        )
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Begin again when the poll ended though somebody waits: nobody may hang behind a dead poll."""
        if task is not self._task:
            return  # the last waiter left and took it away
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            log.error("The poll of connection %r broke: %r", self._account.conn_id, task.exception())
        # Not at once: a loop that is closing cancels everything, and must not be given a new task.
        asyncio.get_running_loop().call_later(RESTART_SECONDS, self._restart)

    def _restart(self) -> None:
        if self._waiters and self._task is None:
            self._start()

    def _leave(self, waiter: Waiter) -> None:
        self._waiters.pop(waiter, None)
        if not self._waiters:
            self._account.aside(self._figures.nobody_waits)
        self._account.leave()
        if not self._waiters and self._task is not None:
            task, self._task = self._task, None
            task.cancel()

    async def _run(self) -> None:
        while self._waiters:
            self._wake.clear()
            delay = self._until_due()
            if delay > 0:
                self._asleep_until = time.time() + delay
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), delay)
                continue
            due = [waiter for waiter in self._waiters if waiter.due <= time.time() and not waiter.over]
            started = time.monotonic()
            retry_after = 0.0
            try:
                woken = await self._account.call(lambda platform, due=due: self._ask(platform, due))  # type: ignore[misc]  # a default argument binds the loop's value
                self._failures = 0
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
                self._failures += 1  # somebody else's cancellation: as good as a failed poll
                woken = []
            except Exception as error:  # noqa: BLE001 - whatever a poll raises, the waits go on
                self._failures += 1
                retry_after = _asked_wait(error)
                woken = self._after_failure(due, error)
            interval = min((waiter.interval for waiter in self._waiters), default=0.0)
            pause = next_delay(interval, self._failures, retry_after, self._rng)
            # From the start of the tick, so that a slow platform is not asked even less often; what it asked for
            # itself counts from its answer.
            self._account.next_allowed = max(started + pause, time.monotonic() + retry_after)
            await _hand_out(woken)

    def _ask(self, platform: SessionPlatform, due: Sequence[Waiter]) -> list[tuple[Waiter, News]]:
        """Tell the figures of this poll, then ask; runs on the connection's thread."""
        self._figures.poll_began(platform.name, due, waits=len(self._waiters), allowed=self._account.next_allowed)
        return _tick(platform, due)

    def _until_due(self) -> float:
        """Return the seconds until somebody is due and the platform may be asked."""
        waiting = (waiter.due for waiter in self._waiters if not waiter.over)
        first = min(waiting, default=time.time() + 1.0)  # all are on their way out
        return max(self._allowed_at(), first) - time.time()

    def _allowed_at(self) -> float:
        """Return the Unix time from which the platform may be asked."""
        return time.time() + self._account.next_allowed - time.monotonic()

    def _after_failure(self, due: Sequence[Waiter], error: Exception) -> list[tuple[Waiter, News]]:
        if isinstance(error, AuthenticationFailed) or (isinstance(error, Refused) and error.status == 403):
            self._account.doubt()
        reason = str(error) if isinstance(error, LiveSessionError) else f"an unexpected {type(error).__name__}"
        now = datetime.now(UTC)
        woken: list[tuple[Waiter, News]] = []
        for waiter in due:
            outcome = conclude_unreachable(waiter.seen, now, reason)
            if outcome is not None:
                waiter.over = True
                woken.append((waiter, outcome))
            elif waiter.told != reason:
                waiter.told = reason
                woken.append(
                    (waiter, Notice(f"The platform could not be asked, the wait goes on: {reason}", True))
                )
        return woken


def _tick(platform: SessionPlatform, due: Sequence[Waiter]) -> list[tuple[Waiter, News]]:
    """Ask about everything that is due and say who has to be told; runs on the connection's thread."""
    now = datetime.now(UTC)
    statuses = platform.statuses([Watch(waiter.ref, waiter.seen) for waiter in due], now)
    woken: list[tuple[Waiter, News]] = []
    for waiter, status in zip(due, statuses, strict=True):
        if status is None:
            continue
        outcome = conclude(waiter.goal, status, waiter.seen)
        before, waiter.seen = waiter.seen, waiter.seen.after(status)
        told = f"{status.state}: {status.why}"
        stone = milestone(before, waiter.seen, keeps_history=platform.keeps_history)
        if outcome is not None or stone is not None:
            waiter.over = True  # it takes a moment until its task has gone; it is not asked for again
        if outcome is not None:
            woken.append((waiter, outcome))
        elif stone is not None:
            woken.append((waiter, stone))
        elif waiter.told != told:
            waiter.told = told
            woken.append((waiter, Notice(told)))
    return woken


async def _hand_out(woken: Iterable[tuple[Waiter, News]]) -> None:
    for number, (waiter, news) in enumerate(woken, start=1):
        waiter.news.put_nowait(news)
        if number % WAKE_AT_ONCE == 0:
            await asyncio.sleep(0)


def _asked_wait(error: Exception) -> float:
    return error.retry_after if isinstance(error, RateLimited | Unavailable) else 0.0


_ACCOUNTS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], tuple[Account, Poller]]] = (
    WeakKeyDictionary()
)


def account_and_poller(hook_class: str, conn_id: str) -> tuple[Account, Poller]:
    """Return the running event loop's one account and one poller for a connection.

    They stay when nobody waits any more, so that the pace a platform asked for is not forgotten.
    """
    known = _ACCOUNTS.setdefault(asyncio.get_running_loop(), {})
    if (hook_class, conn_id) not in known:
        account = Account(hook_class, conn_id)
        known[hook_class, conn_id] = (account, Poller(account))
    return known[hook_class, conn_id]
