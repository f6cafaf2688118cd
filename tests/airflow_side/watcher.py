"""Triggerers that watch a connection and are killed, for the tests of every watched asset."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger

from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.triggers.ended import SessionsEndedTrigger
from tests.airflow_side.stage import School, crossed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from airflow_provider.live_sessions.triggers.watching import WatchTrigger

INTERVAL = 0.05


class AssetStore:
    """The state of an asset: it outlives the triggerers, and may be away."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.away = False
        self.writes = 0

    async def aget(self, key: str, default: Any = None) -> Any:
        self._answer()
        return json.loads(self.values[key]) if key in self.values else default

    async def aset(self, key: str, value: Any) -> None:
        self._answer()
        self.writes += 1
        self.values[key] = json.dumps(value)

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("Airflow is away")


class Watcher:
    """Triggerers that come and go; what they told lies in Airflow's database."""

    def __init__(
        self,
        school: School,
        store: AssetStore | None = None,
        kind: type[WatchTrigger[Any]] = SessionsEndedTrigger,
        **arguments: Any,
    ) -> None:
        self.school = school
        self.store = store
        self._made: Callable[[], WatchTrigger[Any]] = lambda: kind(
            **{"hook_class": HOOK, "conn_id": school.conn_id, "poll_interval": INTERVAL, "asset": "a", **arguments}
        )
        self.events: list[dict[str, Any]] = []

    @contextlib.asynccontextmanager
    async def triggerer(self, *, lose: Callable[[], bool] = lambda: False) -> AsyncIterator[None]:
        """Run until the body ends, then kill. What is lost on its way to the database was not told."""
        trigger = crossed(self._made())
        assert isinstance(trigger, BaseEventTrigger)
        trigger.asset_state_store = self.store  # type: ignore[assignment]  # as much of it as the trigger uses
        task = asyncio.create_task(self._run(trigger, lose))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self, trigger: BaseEventTrigger, lose: Callable[[], bool]) -> None:
        async for event in trigger.run():
            if lose():
                await asyncio.Event().wait()  # the triggerer is dead; nothing more comes of it
            self.events.append(json.loads(json.dumps(event.payload)))

    @property
    def ids(self) -> list[str]:
        return [one["id"] for one in self.events]

    async def asked(self, times: int = 2) -> None:
        """Wait for so many more questions."""
        wanted = self.questions + times
        await until(lambda: self.questions >= wanted)

    @property
    def questions(self) -> int:
        return len(self.asked_for())

    def asked_for(self) -> list[str]:
        """Return the query of each question for what has ended, in order."""
        return [one.query for one in self.school.log(path="/organisations/.*/sessions/$", query="end_time")]


async def until(condition: Callable[[], object], patience: float = 60.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.01)


def run(work: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await work

    asyncio.run(bounded())


def hold(school: School, number: int) -> str:
    """Hold a class of its own, long enough after the one before; return its launch key."""
    record = school.launch(school.lesson(f"Class {number}", ahead=1200 + 4000 * number, seconds=600))
    school.hold(record, seconds=600)
    school.wait(600)
    return str(record["ref"]["key"])
