"""A watched account tells each share that is over for good, once, though its triggerers are killed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.hooks.screenleap import HOOK
from airflow_provider.live_sessions.triggers import watching
from tests.airflow_side.watcher import AssetStore, Watcher, run, until

if TYPE_CHECKING:
    from tests.airflow_side_screenleap.stage import Studio


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "HANDED_ON_SECONDS", 0.05)


def hold(studio: Studio, record: dict[str, Any]) -> None:
    studio.present(record, "Bo")
    studio.wait(600)
    studio.end(record)


def test_a_share_is_told_once_when_its_end_has_stood_and_by_no_code(studio: Studio) -> None:
    first, second = (studio.launch(title=title) for title in ("First", "Second"))

    async def day() -> None:
        store = AssetStore()
        one = Watcher(studio, store, hook_class=HOOK)  # type: ignore[arg-type]  # as much of a school as is asked
        async with one.triggerer():
            await until(lambda: store.writes)
            hold(studio, first)
            await asyncio.sleep(0.3)
            assert one.events == []  # it may be reopened
        studio.wait(1200)
        async with one.triggerer(lose=lambda: True):
            await asyncio.sleep(0.3)
        async with one.triggerer():
            await until(lambda: one.events)
            hold(studio, second)
            studio.wait(1200)
            await until(lambda: len(one.events) > 1)
            before = len(studio.log(path="/screen-shares"))
            await until(lambda: len(studio.log(path="/screen-shares")) > before + 2)
        assert [event["session"] for event in one.events] == [one["ref"]["key"] for one in (first, second)]
        told = repr(one.events)
        assert not [each for each in ("First", "Bo", "http", *studio.secrets) if each in told]

    run(day())
