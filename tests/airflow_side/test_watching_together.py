"""Watchers of one connection, of whatever kind: they ask as often as one, and each tells what is its own."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.triggers import account, watching
from airflow_provider.live_sessions.triggers.poller import account_and_poller
from airflow_provider.live_sessions.triggers.ready import ArtifactsReadyTrigger
from tests.airflow_side.test_shared_poll import only_event, wait
from tests.airflow_side.watcher import AssetStore, Watcher, run, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.airflow_side.stage import School

INTERVAL = 0.5
SPACING = 0.05


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow takes an event over at once here, and artifacts are asked for faster."""
    monkeypatch.setattr(watching, "HANDED_ON_SECONDS", SPACING)
    monkeypatch.setattr(account, "ARTIFACT_SPACING", SPACING)


def five(school: School, *, stores: bool) -> list[Watcher]:
    """Two assets of ends, one of them a message queue's; two of transcripts; one of recordings."""

    def one(asset: str, *kind: Any, **arguments: Any) -> Watcher:
        store = AssetStore() if stores else None
        return Watcher(school, store, *kind, poll_interval=INTERVAL, asset=asset, **arguments)

    rules = {"min_seconds": 1, "sure_seconds": 1}
    return [
        one("ends"),
        one("ends-queue"),
        one("transcripts", ArtifactsReadyTrigger, ability="TRANSCRIPT", rules=rules),
        one("transcripts-queue", ArtifactsReadyTrigger, ability="TRANSCRIPT", rules=rules),
        one("recordings", ArtifactsReadyTrigger, ability="RECORDING", rules=rules),
    ]


@contextlib.asynccontextmanager
async def at_work(watchers: Sequence[Watcher]) -> Any:
    async with contextlib.AsyncExitStack() as stack:
        for one in watchers:
            await stack.enter_async_context(one.triggerer())
        yield


def hold(school: School) -> None:
    """Hold a class and wait until its transcript is asked for."""
    record = school.launch(school.lesson(ahead=1200, seconds=600), transcribe=True)
    school.hold(record, seconds=600)
    school.wait(300)


def paced_for_one(school: School) -> bool:
    """Return whether the list was asked for as often as one watcher may; two questions begin the watching."""
    begun, *asked = [one.real for one in school.log(path="/organisations/.*/sessions/$", query="end_time")]
    # From the very first one: the second may reach the sandbox late, and those behind it do not.
    return (len(asked) - 1) * watching.YOUNG * INTERVAL <= asked[-1] - begun + INTERVAL


@pytest.mark.parametrize("stores", [True, False], ids=["with-a-state-store", "as-before-airflow-3.3"])
def test_five_watchers_of_a_connection_ask_as_often_as_one(school: School, stores: bool) -> None:
    async def day() -> None:
        watchers = five(school, stores=stores)
        async with at_work(watchers):
            await watchers[0].asked(3)
            await asyncio.to_thread(hold, school)
            await until(lambda: all(one.events for one in watchers))
            await watchers[0].asked(3)
        assert [[event["happening"] for event in one.events] for one in watchers] == [
            ["session-ended"],
            ["session-ended"],
            ["transcript-ready"],
            ["transcript-ready"],
            ["recording-ready"],
        ]

    run(day())
    assert paced_for_one(school)


def test_an_edited_connection_is_not_answered_with_what_the_old_one_said(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "REREAD_SECONDS", 0.0)

    async def day() -> None:
        first, second = (Watcher(school, AssetStore(), poll_interval=600.0, asset=name) for name in "ab")
        async with first.triggerer():
            await until(lambda: first.store is not None and first.store.writes)
            mark = first.questions
            school.connect(timeout=11)
            shared, _ = account_and_poller(HOOK, school.conn_id)
            await shared.call(lambda platform: None)  # any question notices it
            async with second.triggerer():
                await until(lambda: second.store is not None and second.store.writes)
        assert first.questions > mark

    run(day())


def test_a_sensor_that_asks_seldom_holds_up_no_watcher_of_its_connection(school: School) -> None:
    record = school.launch()

    async def day() -> None:
        seldom = wait(SessionRef.from_json(record["ref"]), poll_interval=600.0)
        waiting = asyncio.create_task(only_event(seldom))
        await until(lambda: school.polls)
        watcher = Watcher(school, AssetStore())
        async with watcher.triggerer():
            await watcher.asked(3)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    run(day())


def test_the_quiet_that_a_watcher_was_asked_for_outlives_a_poll_that_was_under_way(school: School) -> None:
    record = school.launch()

    async def day() -> None:
        shared, _ = account_and_poller(HOOK, school.conn_id)
        held = school.sandbox.faults.add("hold_before")
        waiting = asyncio.create_task(only_event(wait(SessionRef.from_json(record["ref"]))))
        assert await asyncio.to_thread(school.sandbox.faults.wait_held, held) == 1
        shared.next_allowed = quiet = time.monotonic() + 600.0
        school.sandbox.faults.release(held)
        await until(lambda: school.polls)
        await asyncio.sleep(0.3)
        assert shared.next_allowed == quiet
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    run(day())
