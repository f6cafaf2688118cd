"""The trigger behind a watched asset: every session of a connection that ends, told at least once, in order.

What was told is written into the asset's state store when the *next* question is due: by then Airflow has taken
over what the one before gave; written at once, it could outlive an event that was lost on its way. A triggerer
that is killed in between tells the last ones again, under the same ``id``; one that was away asks from where it
stopped.
"""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider.live_sessions.core.ended import Cursor, EndedSession, EndingPlatform
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    RateLimited,
    Refused,
    Unavailable,
    Unsupported,
)
from airflow_provider.live_sessions.core.polling import POLL_INTERVAL, next_delay
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.triggers.poller import account_and_poller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import timedelta

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.triggers.account import Account

STORE_KEY = "live_sessions_ended"
"""The key in the asset's state store."""

SAVE_SECONDS = 60.0
"""How often a cursor that nothing was told behind is written anew, so that a restart looks back only so far."""

_Answer = tuple[Cursor, "Sequence[EndedSession]"]


class SessionsEndedTrigger(BaseEventTrigger):
    """Tells of every session of a connection that ends. It never returns and never fails.

    Args:
        hook_class: Import path of the platform's hook.
        conn_id: The Airflow connection.
        poll_interval: Seconds between two questions.
        asset: The watched asset's address: two assets must not share one cursor.
    """

    supports_triggerer_queue = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self._kwargs = kwargs  # only stored: a constructor that raises takes the whole triggerer down
        self._rng = random.Random()  # noqa: S311 - jitter, no secret
        self._failures = 0
        self._told = ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes this trigger again; it holds no secret."""
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self._kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask, tell, write down what was told, and ask again."""
        account, _ = account_and_poller(str(self._kwargs.get("hook_class")), str(self._kwargs.get("conn_id")))
        account.enter()
        try:
            cursor = await self._recall()
            unsaved, saved_at = cursor is None, time.monotonic()
            while True:
                await asyncio.sleep(max(0.0, account.next_allowed - time.monotonic()))
                started = time.monotonic()
                fresh: Sequence[EndedSession] = ()
                if (answer := await self._ask(account, cursor)) is not None:
                    cursor, fresh = answer
                for one in fresh:
                    yield TriggerEvent(self._event(one))
                if fresh:
                    # Airflow needs a moment to take them over, also where the platform took all of the interval.
                    await asyncio.sleep(self._pause(time.monotonic()))
                unsaved = unsaved or bool(fresh) or time.monotonic() - saved_at >= SAVE_SECONDS
                if cursor is not None and unsaved and await self._save(cursor):
                    unsaved, saved_at = False, time.monotonic()
                if not fresh:
                    await asyncio.sleep(self._pause(started))
        finally:
            account.leave()

    async def _ask(self, account: Account, cursor: Cursor | None) -> _Answer | None:
        """Ask the platform once; None when it could not be asked, which fails nobody."""
        try:
            answer = await account.call(lambda platform: _tick(platform, cursor))
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self._failures += 1  # somebody else's cancellation: as good as a failed question
            return None
        except Exception as error:  # noqa: BLE001 - whatever a question raises, the watching goes on
            self._failures += 1
            if isinstance(error, AuthenticationFailed) or (isinstance(error, Refused) and error.status == 403):
                account.doubt()
            wait = error.retry_after if isinstance(error, RateLimited | Unavailable) else 0.0
            account.next_allowed = max(account.next_allowed, time.monotonic() + wait)
            self._say(
                str(error) if isinstance(error, LiveSessionError) else f"an unexpected {type(error).__name__}"
            )
            return None
        self._failures = 0
        self._say("")
        return answer

    def _pause(self, started: float) -> float:
        interval = self._kwargs.get("poll_interval")
        if not isinstance(interval, int | float) or not interval > 0:
            interval = POLL_INTERVAL
        pause = next_delay(float(interval), self._failures, 0.0, self._rng)
        return max(0.0, started + pause - time.monotonic())

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._told:
            self.log.warning("The ended sessions could not be asked for, the watching goes on: %s", trouble)
        elif self._told and not trouble:
            self.log.info("The ended sessions can be asked for again.")
        self._told = trouble

    def _event(self, one: EndedSession) -> dict[str, Any]:
        return {
            "version": 1,
            "happening": "session-ended",
            "id": one.event_id,
            "conn_id": str(self._kwargs.get("conn_id")),
            "session": one.key,
            "session_id": one.session_id,
            "ended_at": format_time(one.ended_at),
            "held": one.held.value,
        }

    # ---- the cursor

    async def _recall(self) -> Cursor | None:
        """Return up to where was told; None where nothing was written down yet."""
        store = getattr(self, "asset_state_store", None)
        if store is None:
            self.log.warning(
                "This Airflow keeps no state for assets (3.3 does): what ends while no triggerer runs is not told."
            )
            return None
        while True:
            try:
                return Cursor.from_json(await store.aget(STORE_KEY))
            except Exception as error:  # noqa: BLE001 - without the cursor ends would be passed over
                self.log.warning("The cursor cannot be read yet: %s", type(error).__name__)
                await asyncio.sleep(POLL_INTERVAL)

    async def _save(self, cursor: Cursor) -> bool:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return True
        try:
            await store.aset(STORE_KEY, cursor.to_json())
        except Exception as error:  # noqa: BLE001 - it is tried again; until then a restart tells some ends twice
            self.log.warning("The cursor could not be written: %s", type(error).__name__)
            return False
        return True


def _tick(platform: SessionPlatform, cursor: Cursor | None) -> _Answer:
    """Ask for what ended behind the cursor; runs on the connection's thread."""
    if not isinstance(platform, EndingPlatform):
        raise Unsupported(
            "It keeps no list of what has ended.", platform=platform.name, advice="Use the end sensor's outlets."
        )
    overlap: timedelta = platform.ended_overlap
    if cursor is None:
        # Watching begins now: what ended before is not news.
        _, begun_at = platform.ended_since(datetime.now(UTC))  # only for the platform's own time
        found, _ = platform.ended_since(begun_at - overlap)
        old = [one for one in found if one.told_at <= begun_at]
        return Cursor(begun_at).after(old, begun_at, overlap), ()
    found, asked_at = platform.ended_since(cursor.since(overlap))
    fresh = cursor.fresh(found, overlap)
    return cursor.after(fresh, asked_at, overlap), fresh
