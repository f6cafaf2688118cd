"""A watched practice tells each consultation that is over, once, though its triggerers are killed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.hooks.coviu import HOOK
from airflow_provider.live_sessions.triggers import watching
from tests.airflow_side.watcher import AssetStore, Watcher, run, until

if TYPE_CHECKING:
    from tests.airflow_side_coviu.practice import Practice


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "HANDED_ON_SECONDS", 0.05)


def test_a_consultation_is_told_once_after_a_kill_and_where_its_end_comes_before_the_planned_one(
    practice: Practice,
) -> None:
    early = practice.launch(practice.appointment("Early", ahead=600, seconds=3600))
    late = practice.launch(practice.appointment("Late", ahead=1200, seconds=3600))

    async def day() -> None:
        store = AssetStore()
        one = Watcher(practice, store, hook_class=HOOK)  # type: ignore[arg-type]  # as much of a school as is asked
        async with one.triggerer():
            await until(lambda: store.writes)
        await asyncio.to_thread(practice.hold, early, seconds=900)  # with the five minutes for which it must stand
        async with one.triggerer(lose=lambda: True):
            await asyncio.sleep(0.3)
        async with one.triggerer():
            await until(lambda: one.events)
            practice.wait(4200)
            await until(lambda: len(one.events) > 1)
            practice.wait(7200)
            before = len(practice.log(path="/sessions"))
            await until(lambda: len(practice.log(path="/sessions")) > before + 2)
        assert [event["session_id"] for event in one.events] == [
            early["ref"]["session_id"],
            late["ref"]["session_id"],
        ]
        assert [event["held"] for event in one.events] == ["yes", "unknown"]
        told = repr(one.events)
        assert not [each for each in ("Early", "Ada", "dr-1", "http", *practice.secrets) if each in told]

    run(day())
