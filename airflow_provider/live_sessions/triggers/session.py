"""The trigger behind every deferred wait for a session's start or end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.errors import ConfigurationError, LiveSessionError
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.polling import Goal, Outcome
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.triggers.base import LiveSessionTrigger
from airflow_provider.live_sessions.triggers.events import milestone_event, outcome_event
from airflow_provider.live_sessions.triggers.poller import account_and_poller
from airflow_provider.live_sessions.triggers.waiter import Notice, Waiter

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.contract import SessionPlatform


LONGEST_INTERVAL = 3600.0
"""Seconds between two polls: a longer interval would sleep past a deadline."""

LONGEST_KILL = 60.0
"""Seconds that a trigger which was taken away stays for its policy: a look, a cancel, their turns in the rate."""


class SessionTrigger(LiveSessionTrigger):
    """Waits until a session has started or ended, sharing one poll with all who wait on its connection.

    Args:
        hook_class: Import path of the platform's hook.
        ref: The session, as :meth:`SessionRef.to_json` wrote it.
        seen: What the wait remembers, as :meth:`Seen.to_json` wrote it.
        goal: What is waited for, as :meth:`Goal.to_json` wrote it.
        due: Unix time from when the session is asked for.
        poll_interval: Seconds between two polls.
        not_before: Unix time before which no event fires.
    """

    async def _wait(self) -> dict[str, Any]:
        ref = SessionRef.from_json(self._mapping("ref"))
        seen = Seen.from_json(self._mapping("seen"))
        waiter = Waiter(
            ref=ref,
            seen=seen,
            goal=Goal.from_json(self._mapping("goal")),
            # At its deadline it has to be looked at in any case: nothing else ends the wait.
            due=min(self._number("due"), seen.deadline.timestamp()),
            interval=min(self._number("poll_interval"), LONGEST_INTERVAL),
        )
        if waiter.interval <= 0:
            raise ConfigurationError("poll_interval has to be above 0 seconds.")
        account, poller = account_and_poller(self._hook_class(), ref.conn_id)
        await account.check(ref)
        async with contextlib.aclosing(poller.wait(waiter)) as told:
            async for news in told:
                if isinstance(news, Notice):
                    (self.log.warning if news.warning else self.log.info)("%s", news.text)
                    continue
                self.log.info("%s", news.why)
                return outcome_event(news) if isinstance(news, Outcome) else milestone_event(news)
        raise AssertionError("a wait ends with an outcome")


class LaunchTrigger(SessionTrigger):
    """Waits for the end of a session that its own task launched, and may cancel it when the task is failed.

    Airflow calls ``on_kill`` also when a triggerer hands its triggers over, and for mark success, skip and
    clear. So the task's state is asked first: only ``failed`` counts, and only then, after a fresh status, the
    session is cancelled as ``cancel_on_kill`` allows. Without an answer nothing is cancelled.

    Args:
        cancel_on_kill: ``never``, ``before_start`` or ``always``; besides those of :class:`SessionTrigger`.
        handed_over: Whether join links had left Airflow when the task deferred.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._killing: asyncio.Task[None] | None = None
        self._killed_by = 0.0

    async def on_kill(self) -> None:
        """Cancel the session when a person failed the task and the policy allows it (Airflow 3.3 and later)."""
        policy = self._kwargs.get("cancel_on_kill", "never")
        if policy not in ("before_start", "always") or self.task_instance is None:
            return
        self._killing = asyncio.create_task(self._follow(policy))
        self._killed_by = time.monotonic() + LONGEST_KILL
        if await self._has_ended(self._killing):
            self._killing.result()  # what nobody foresaw is for Airflow to log

    async def cleanup(self) -> None:
        """Stay until :meth:`on_kill` has done what it began: what comes later is not in the task's log."""
        if self._killing is not None and not await self._has_ended(self._killing):
            self.log.warning("What became of the session was not told within %g s; look there.", LONGEST_KILL)
        await super().cleanup()

    async def _has_ended(self, work: asyncio.Task[None]) -> bool:
        """Wait for a piece of work, and go on waiting when cancelled.

        Once a second Airflow 3.3 cancels a trigger that a person took away, until it is over, and with it its own
        ``on_kill``: what takes longer would be broken off without a word (``TriggerRunnerSupervisor`` sends
        ``cancelling_triggers`` with every answer).
        """
        while not work.done() and (left := self._killed_by - time.monotonic()) > 0:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([work], timeout=left)
        return work.done()

    async def _follow(self, policy: str) -> None:
        """Do what the policy says and write it to the task's log."""
        from airflow_provider.live_sessions.compat.features import state_of_deferred

        state = await state_of_deferred(self.task_instance)
        if state != "failed":
            self.log.info("The wait was taken away while the task is %s; the session is left alone.", state)
            return
        ref = SessionRef.from_json(self._mapping("ref"))
        seen = Seen.from_json(self._mapping("seen"))
        handed_over = bool(self._kwargs.get("handed_over", True))
        account, _ = account_and_poller(self._hook_class(), ref.conn_id)
        account.enter()
        try:
            told = await account.call(
                lambda platform: cancel_if_allowed(
                    platform, ref, seen, only_scheduled=policy == "before_start", handed_over=handed_over
                )
            )
        except LiveSessionError as error:
            self.log.warning("The task was failed, but the session could not be cancelled: %s", error)
            return
        finally:
            account.leave()
        for sentence in told:
            self.log.info("Cancelling, because the task was failed: %s", sentence)


def cancel_if_allowed(
    platform: SessionPlatform, ref: SessionRef, seen: Seen, *, only_scheduled: bool, handed_over: bool
) -> list[str]:
    """Cancel a session after a fresh look at it, and return what was done and what was not.

    Args:
        platform: The open platform.
        ref: The session.
        seen: What its wait remembered.
        only_scheduled: Leave a session alone that somebody has entered.
        handed_over: Whether join links have left Airflow.
    """
    (status,) = platform.statuses([Watch(ref, seen)], datetime.now(UTC))
    if status is None:
        return ["Its state could not be told, so it is left alone."]
    if only_scheduled and status.state is not State.SCHEDULED:
        return [f"It is {status.state}, so it is left alone: {status.why}"]
    outcome = platform.cancel(ref, handed_over=handed_over)
    return [*outcome.done, *(f"Not done: {one}" for one in outcome.not_done)]
