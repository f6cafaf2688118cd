"""A watched connection: every session that ends is told, though the triggerer is killed again and again."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from airflow.triggers.base import BaseEventTrigger
from structlog.testing import capture_logs

from airflow_provider.live_sessions.assets.addresses import read
from airflow_provider.live_sessions.assets.watching import sessions_ended
from airflow_provider.live_sessions.triggers import watching
from airflow_provider.live_sessions.triggers.ended import SessionsEndedTrigger
from tests.airflow_side.watcher import INTERVAL, AssetStore, Watcher, hold, run, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.airflow_side.stage import School

STORE_KEY = SessionsEndedTrigger.store_key


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow takes an event over at once here."""
    monkeypatch.setattr(watching, "HANDED_ON_SECONDS", INTERVAL)


def test_a_session_that_ends_is_told_once_by_its_key(school: School) -> None:
    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        async with watcher.triggerer():
            await watcher.asked()
            keys = [await asyncio.to_thread(hold, school, number) for number in range(3)]
            await until(lambda: len(watcher.events) >= 3)
            await watcher.asked(3)
        assert [one["session"] for one in watcher.events] == keys
        assert {(one["happening"], one["held"]) for one in watcher.events} == {("session-ended", "yes")}
        assert len(set(watcher.ids)) == 3

    run(day())


def test_what_ended_before_the_watching_began_is_not_told(school: School) -> None:
    hold(school, 0)

    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        async with watcher.triggerer():
            await watcher.asked(3)
            key = await asyncio.to_thread(hold, school, 1)
            await until(lambda: watcher.events)
        assert [one["session"] for one in watcher.events] == [key]

    run(day())


def test_what_ends_while_no_triggerer_runs_is_told_afterwards_in_order(school: School) -> None:
    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        async with watcher.triggerer():
            await until(lambda: watcher.store is not None and watcher.store.writes)
        keys = [await asyncio.to_thread(hold, school, number) for number in range(4)]
        async with watcher.triggerer():
            await until(lambda: len(watcher.events) >= 4)
        assert [one["session"] for one in watcher.events] == keys

    run(day())


@pytest.mark.parametrize("seed", range(3))
def test_triggerers_that_are_killed_again_and_again_lose_nothing(school: School, seed: int) -> None:
    """Kills fall anywhere, also between the trigger's yield and the database; duplicates carry the same id."""
    chance = random.Random(seed)  # noqa: S311 - no secret

    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        keys: list[str] = []
        async with watcher.triggerer():
            await until(lambda: watcher.store is not None and watcher.store.writes)
        for number in range(8):
            async with watcher.triggerer(lose=lambda: chance.random() < 0.4):
                if chance.random() < 0.7:
                    keys.append(await asyncio.to_thread(hold, school, number))
                await asyncio.sleep(chance.uniform(0, 3 * INTERVAL))
        async with watcher.triggerer():
            await until(lambda: set(keys) <= {one["session"] for one in watcher.events})
            await watcher.asked(3)
        distinct = {one["id"]: one for one in watcher.events}
        assert [one["session"] for one in sorted(distinct.values(), key=lambda one: one["ended_at"])] == keys

    run(day())


def test_two_assets_with_one_state_are_told_apart_in_words(
    school: School,
) -> None:
    class OfTwoAssets(AssetStore):
        async def aget(self, key: str, default: Any = None) -> Any:
            raise ValueError("Task has 2 concrete inlets and outlets")

    async def day() -> None:
        watcher = Watcher(school, OfTwoAssets())
        async with watcher.triggerer():
            await until(lambda: any("give each one its own asset" in line["event"] for line in lines))
        assert watcher.questions == 0

    with capture_logs() as lines:
        run(day())


def open_day(school: School) -> Callable[[int], None]:
    """Begin a long day in one room; return what lets people meet there so many times."""
    record = school.launch(school.lesson("Open day", seconds=20 * 3600))
    school.go_to(record["start"])

    def meet(times: int) -> None:
        for _ in range(times):
            school.join(record, "t-1", "s-1")
            school.wait(10)
            school.leave(record, "t-1", "s-1")
            school.wait(40)

    return meet


def test_a_backlog_is_listed_once_and_not_again_for_each_lot(school: School) -> None:
    meet = open_day(school)

    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        async with watcher.triggerer():
            await until(lambda: watcher.store is not None and watcher.store.writes)
        number = 2 * watching.AT_ONCE + 50
        await asyncio.to_thread(meet, number)  # nobody watches
        mark = watcher.questions
        async with watcher.triggerer():
            await until(lambda: len(watcher.events) >= watching.AT_ONCE)
        killed = watcher.questions  # in the middle: whoever comes next lists again from what was written down
        async with watcher.triggerer():
            await until(lambda: len(set(watcher.ids)) >= number)
            asked = watcher.asked_for()
        assert len(asked[mark:killed]) == len(set(asked[mark:killed]))
        assert len(asked[killed:]) == len(set(asked[killed:]))

    run(day())


def test_a_thousand_sessions_and_five_kills_are_a_thousand_events(school: School) -> None:
    """One long day in one room, each meeting a session of its own, while triggerers come and go."""
    meet = open_day(school)

    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        chance = random.Random(7)  # noqa: S311 - no secret
        async with watcher.triggerer():
            await until(lambda: watcher.store is not None and watcher.store.writes)
        for _ in range(5):
            async with watcher.triggerer(lose=lambda: chance.random() < 0.002):
                await asyncio.to_thread(meet, 120)
            await asyncio.to_thread(meet, 20)  # nobody watches
        await asyncio.to_thread(meet, 300)  # more than is told at once
        async with watcher.triggerer():
            await until(lambda: len(set(watcher.ids)) >= 1000)
            await watcher.asked(3)
        assert len(set(watcher.ids)) == 1000

    run(day())


def test_a_platform_or_a_database_that_is_away_ends_no_watching(school: School) -> None:
    async def day() -> None:
        store = AssetStore()
        watcher = Watcher(school, store)
        async with watcher.triggerer():
            await until(lambda: store.writes)
            school.connect(key="5a11ce00-0000-4000-8000-000000000000")  # the key was changed, Airflow not told yet
            await asyncio.sleep(10 * INTERVAL)
            school.connect()
            store.away = True
            key = await asyncio.to_thread(hold, school, 0)
            await until(lambda: watcher.events)
            store.away = False
            before = store.writes
            await until(lambda: store.writes > before)
        assert watcher.events[0]["session"] == key

    run(day())


def test_without_a_state_store_it_watches_from_now_on(school: School) -> None:
    async def day() -> None:
        watcher = Watcher(school)
        async with watcher.triggerer():
            await watcher.asked()
            key = await asyncio.to_thread(hold, school, 0)
            await until(lambda: watcher.events)
        assert watcher.events[0]["session"] == key

    run(day())


def test_a_cursor_that_is_nonsense_is_none(school: School) -> None:
    async def day() -> None:
        store = AssetStore()
        store.values[STORE_KEY] = json.dumps(["of", "another", "release"])
        watcher = Watcher(school, store)
        async with watcher.triggerer():
            await until(lambda: store.writes)
        assert json.loads(store.values[STORE_KEY])["version"] == 1

    run(day())


def test_an_event_names_nobody(school: School) -> None:
    async def day() -> None:
        watcher = Watcher(school, AssetStore())
        async with watcher.triggerer():
            await watcher.asked()
            await asyncio.to_thread(hold, school, 0)
            await until(lambda: watcher.events)
        told = json.dumps(watcher.events)
        assert not [one for one in ("Class", "Student", "Ada", "t-1", *school.secrets) if one in told]

    run(day())


@pytest.mark.parametrize("kwargs", [{}, {"hook_class": "no.such.Hook", "conn_id": 7}, {"poll_interval": "soon"}])
def test_arguments_that_are_nonsense_take_no_triggerer_down(kwargs: dict[str, Any]) -> None:
    async def some_time() -> None:
        told = SessionsEndedTrigger(**kwargs).run()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(told)), 0.3)

    asyncio.run(some_time())


# ---- the asset


def test_an_asset_watches_a_connection_and_two_dags_share_one_trigger() -> None:
    one, other = (sessions_ended("lessonspace", "school") for _ in range(2))
    assert read(one.uri) == ("lessonspace", "school", "session-ended-watched")
    (first,), (second,) = one.watchers, other.watchers
    hashes = {BaseEventTrigger.hash(*watcher.trigger.serialize()) for watcher in (first, second)}
    assert len(hashes) == 1
    elsewhere = sessions_ended("lessonspace", "another").watchers[0].trigger
    assert BaseEventTrigger.hash(*elsewhere.serialize()) not in hashes


def test_a_platform_that_keeps_nothing_after_the_end_says_what_works() -> None:
    with pytest.raises(ValueError, match="outlets_for"):
        sessions_ended("educates", "lab")
