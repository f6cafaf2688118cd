"""What the triggers behind watched assets share: ask, tell, write down what was told, and ask again.

What was told is written into the asset's state store only when Airflow has taken over the events before; written
at once, it could outlive an event that was lost on its way. A triggerer that is killed in between tells the last
ones again, under the same ``id``; one that was away asks from where it stopped.

Between a trigger and the database lie two hands: the triggerer's runner passes events on once a second, and its
supervisor writes them one by one, giving no sign of life meanwhile, before it reads the next request. So what is
told at once is bounded (``AT_ONCE``), and what was told is written down ``HANDED_ON_SECONDS`` after the supervisor
has answered: that request then stands behind the events.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider.live_sessions.compat.features import asset_store_of
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    LiveSessionError,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.polling import POLL_INTERVAL, next_delay
from airflow_provider.live_sessions.triggers.poller import account_and_poller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from airflow_provider.live_sessions.triggers.account import Account

SAVE_SECONDS = 60.0
"""How often a memory that nothing was told behind is written anew, so that a restart looks back only so far."""

HANDED_ON_SECONDS = 3.0
"""Seconds in which the triggerer's runner has passed an event on; it does so once a second."""

YOUNG = 0.8
"""The part of the interval for which another's answer will do: less than the least pause (:func:`next_delay`)."""

AT_ONCE = 100
"""Events told before they are written down: the supervisor writes some twenty to a hundred a second."""


class Memory(Protocol):
    """What a watcher has to remember."""

    def to_json(self) -> dict[str, Any]:
        """Write it for the asset's state store."""


_Memory = TypeVar("_Memory", bound=Memory)


@dataclass(frozen=True, slots=True)
class Look(Generic[_Memory]):
    """What one look at the platform gave.

    Args:
        memory: What is remembered once the events are told.
        asked: Monotonic time at which the platform was asked; maybe by another, so that all go on in step.
        events: What to tell, in order.
        more: Whether there is more to tell at once.
    """

    memory: _Memory
    asked: float
    events: Sequence[dict[str, Any]] = ()
    more: bool = False


class WatchTrigger(BaseEventTrigger, Generic[_Memory]):
    """Tells of what happens on a connection. It never returns and never fails.

    Args:
        hook_class: Import path of the platform's hook.
        conn_id: The Airflow connection.
        poll_interval: Seconds between two questions.
        asset: The watched asset's address: two assets must not share one memory.
    """

    supports_triggerer_queue = True
    store_key: ClassVar[str]
    """The key in the asset's state store."""
    subject: ClassVar[str]
    """What is asked for, in the plural, for the log."""

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
        account, _ = account_and_poller(str(self._kwargs.get("hook_class")), self._conn_id)
        account.enter()
        try:
            memory = await self._recall()
            unsaved, saved_at = memory is None, time.monotonic()
            while True:
                await asyncio.sleep(max(0.0, account.next_allowed - time.monotonic()))
                started = time.monotonic()
                look = await self._ask(account, memory)
                memory = memory if look is None else look.memory
                events = () if look is None else look.events
                for event in events:
                    yield TriggerEvent(event)
                if events:
                    await self._handed_on()
                unsaved = unsaved or bool(events) or time.monotonic() - saved_at >= SAVE_SECONDS
                if memory is not None and unsaved and await self._save(memory):
                    unsaved, saved_at = False, time.monotonic()
                if look is None or not look.more:
                    await asyncio.sleep(self._pause(started if look is None else look.asked))
        finally:
            account.ends.leave(self)
            account.leave()

    @abstractmethod
    async def _look(self, account: Account, memory: _Memory | None) -> Look[_Memory]:
        """Look once; ``memory`` is None where the watching begins.

        Raises:
            LiveSessionError: The platform could not be asked; it is asked again.
        """

    @abstractmethod
    def _read(self, data: object) -> _Memory | None:
        """Return what was written down; None for anything else: then the watching begins anew."""

    @property
    def _conn_id(self) -> str:
        return str(self._kwargs.get("conn_id"))

    @property
    def _interval(self) -> float:
        interval = self._kwargs.get("poll_interval")
        return float(interval) if isinstance(interval, int | float) and interval > 0 else POLL_INTERVAL

    @property
    def _young(self) -> float:
        return YOUNG * self._interval

    async def _ask(self, account: Account, memory: _Memory | None) -> Look[_Memory] | None:
        """Ask the platform once; None when it could not be asked, which fails nobody."""
        try:
            look = await self._look(account, memory)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            self._failures += 1  # somebody else's cancellation: as good as a failed question
            return None
        except Exception as error:  # noqa: BLE001 - whatever a question raises, the watching goes on
            self._failures += 1
            if isinstance(error, AuthenticationFailed) or (isinstance(error, Refused) and error.status == 403):
                account.doubt()
            account.keep_quiet(error.retry_after if isinstance(error, RateLimited | Unavailable) else 0.0)
            self._say(
                str(error) if isinstance(error, LiveSessionError) else f"an unexpected {type(error).__name__}"
            )
            return None
        self._failures = 0
        self._say("")
        return look

    def _pause(self, started: float) -> float:
        pause = next_delay(self._interval, self._failures, 0.0, self._rng)
        return max(0.0, started + pause - time.monotonic())

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._told:
            self.log.warning("The %s could not be asked for, the watching goes on: %s", self.subject, trouble)
        elif self._told and not trouble:
            self.log.info("The %s can be asked for again.", self.subject)
        self._told = trouble

    # ---- the memory

    async def _recall(self) -> _Memory | None:
        """Return what was remembered; None where nothing was written down yet."""
        store = asset_store_of(self)
        if store is None:
            self.log.warning(
                "This Airflow keeps no state for assets (3.3 does): what happens without a triggerer is not told."
            )
            return None
        while True:
            try:
                return self._read(await store.aget(self.store_key))
            except ValueError:  # whose state it is cannot be told
                self.log.error("Two assets share this trigger and its state: give each one its own asset=...")  # noqa: TRY400
            except Exception as error:  # noqa: BLE001 - without the cursor something would be passed over
                self.log.warning("The cursor cannot be read yet: %s", type(error).__name__)
            await asyncio.sleep(POLL_INTERVAL)

    async def _handed_on(self) -> None:
        """Wait until what was told stands in front of whatever is asked of the supervisor next."""
        if (store := asset_store_of(self)) is not None:
            with contextlib.suppress(Exception):  # away: then it cannot be written down either
                await store.aget(self.store_key)
        await asyncio.sleep(HANDED_ON_SECONDS)

    async def _save(self, memory: _Memory) -> bool:
        store = asset_store_of(self)
        if store is None:
            return True
        try:
            await store.aset(self.store_key, memory.to_json())
        except Exception as error:  # noqa: BLE001 - it is tried again; until then a restart tells some twice
            self.log.warning("The cursor could not be written: %s", type(error).__name__)
            return False
        return True
