"""One poll for all who wait on a connection.

Ten waiting tasks and ten thousand cost the same requests: each tick asks the platform once about everything
that is due, on the connection's thread, decides there, and wakes only those whose session changed. A failed
tick fails nobody; it makes the next one later. Each waiter writes its own log; the poller writes none.

The event loop is everybody's: what takes longer the more waits there are happens on the thread (``tick``), or in
slices between which the loop gets its turn.

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
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.polling import conclude_unreachable, next_delay
from airflow_provider.live_sessions.triggers.account import Account
from airflow_provider.live_sessions.triggers.figures import WaitFigures
from airflow_provider.live_sessions.triggers.tick import due_of, look
from airflow_provider.live_sessions.triggers.waiter import Notice

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.triggers.tick import Tick
    from airflow_provider.live_sessions.triggers.waiter import News, Waiter

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
"""Seconds until a poll that broke begins again."""

AT_ONCE = 25
"""Waiters seen to before the event loop gets its turn again: each writes a line into its task's log."""

LONGEST_SLEEP = 3600.0
"""Seconds after which the poll looks up even where nobody is due."""


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
        self._next_tick = 0.0
        """Monotonic time of the next poll; outlives whoever waits. It holds up nobody else on the connection."""
        self._first_due = inf
        """Unix time from when somebody is due; too early where who was due has left."""
        self._interval = inf
        """Seconds between polls: the shortest that anybody wants."""
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
        self._expect((waiter,))
        if max(waiter.due, self._allowed_at()) < self._asleep_until:
            self._wake.set()  # who is due no earlier wakes nobody: ten thousand may join
        if self._task is None:
            self._start()

    def _expect(self, waiters: Iterable[Waiter]) -> None:
        for waiter in waiters:
            self._interval = min(self._interval, waiter.interval)
            if not waiter.over:
                self._first_due = min(self._first_due, waiter.due)

    def _start(self) -> None:
        self._first_due = self._interval = inf
        self._expect(self._waiters)
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
            delay = min(max(self._allowed_at(), self._first_due) - time.time(), LONGEST_SLEEP)
            if delay > 0:
                self._asleep_until = time.time() + delay
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), delay)
            else:
                await self._poll()

    async def _poll(self) -> None:
        """Make one tick, set the time of the next one, and tell who has to be told."""
        waiters, interval = tuple(self._waiters), self._interval
        self._first_due = self._interval = inf  # who joins meanwhile says what they want
        started = time.monotonic()
        next_due, retry_after = 0.0, 0.0  # who is due stays due after a failure
        told: Iterable[tuple[Waiter, News | None]] = ()
        asked = True
        try:
            tick = await self._account.call(lambda platform: self._ask(platform, waiters))
            asked, told, next_due, interval = tick.asked, tick.news, tick.next_due, tick.interval
            self._failures = 0 if asked else self._failures
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self._failures += 1  # somebody else's cancellation: as good as a failed poll
        except Exception as error:  # noqa: BLE001 - whatever a poll raises, the waits go on
            self._failures += 1
            retry_after = _asked_wait(error)
            if isinstance(error, AuthenticationFailed) or (isinstance(error, Refused) and error.status == 403):
                self._account.doubt()
            told = _unreachable(due_of(waiters, time.time()), error)
        self._first_due = min(self._first_due, next_due)
        self._interval = min(self._interval, interval)
        if asked:
            pause = next_delay(self._interval, self._failures, retry_after, self._rng)
            # From the start of the tick, so that a slow platform is not asked even less often; what it asked for
            # itself counts from its answer.
            self._next_tick = started + pause
            self._account.keep_quiet(retry_after)
        await _hand_out(told)

    def _ask(self, platform: SessionPlatform, waiters: Sequence[Waiter]) -> Tick:
        """Tell the figures of this poll, then ask; runs on the connection's thread."""
        due = due_of(waiters, time.time())
        if due:
            self._figures.poll_began(platform.name, due, waits=len(waiters), allowed=self._allowed())
        return look(platform, due, waiters)

    def _allowed_at(self) -> float:
        """Return the Unix time from which the platform is asked."""
        return time.time() + self._allowed() - time.monotonic()

    def _allowed(self) -> float:
        return max(self._next_tick, self._account.next_allowed)


def _unreachable(due: Sequence[Waiter], error: Exception) -> Iterator[tuple[Waiter, News | None]]:
    """Say, one waiter after the other, what a failed poll means: the end only where the deadline has passed."""
    reason = str(error) if isinstance(error, LiveSessionError) else f"an unexpected {type(error).__name__}"
    notice = Notice(f"The platform could not be asked, the wait goes on: {reason}", warning=True)
    now = datetime.now(UTC)
    for waiter in due:
        outcome = conclude_unreachable(waiter.seen, now, reason)
        if outcome is not None:
            waiter.over = True
            yield waiter, outcome
        elif waiter.told != reason:
            waiter.told = reason
            yield waiter, notice
        else:
            yield waiter, None


async def _hand_out(told: Iterable[tuple[Waiter, News | None]]) -> None:
    for number, (waiter, news) in enumerate(told, start=1):
        if news is not None:
            waiter.news.put(news)
        if number % AT_ONCE == 0:
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
