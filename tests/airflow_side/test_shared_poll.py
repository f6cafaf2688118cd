"""The shared poll with many waiters: nothing that grows with them happens on the event loop in one go."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.polling import Goal, GoalKind
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.hooks import base
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.triggers.poller import AT_ONCE
from airflow_provider.live_sessions.triggers.session import SessionTrigger
from airflow_provider.live_sessions.triggers.waiter import Mailbox, Notice
from tests.airflow_side.stage import PATIENCE, School, crossed
from tests.platforms import counted_hook
from tests.platforms.toy_hook import HOOK as TOY

if TYPE_CHECKING:
    from collections.abc import Callable

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def wait(ref: SessionRef, hook: str = HOOK, *, deadline: datetime | None = None, **changes: Any) -> SessionTrigger:
    seen = Seen(LONG_AGO, LONG_AGO, deadline or datetime.now(UTC) + timedelta(hours=1))
    return SessionTrigger(
        **{
            "hook_class": hook,
            "ref": ref.to_json(),
            "seen": seen.to_json(),
            "goal": Goal(GoalKind.END).to_json(),
            "due": 0.0,
            "poll_interval": 0.05,
            "not_before": 0.0,
            **changes,
        }
    )


async def only_event(trigger: SessionTrigger) -> Any:
    async with asyncio.timeout(PATIENCE):
        (event,) = [one.payload async for one in trigger.run()]
        return event


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def test_the_loop_gets_its_turn_between_the_slices_of_a_thousand_waiters() -> None:
    nowhere = [SessionRef("toy", "nowhere_at_all", str(number), "k") for number in range(1000)]

    async def life() -> Counter[int]:
        turn = 0
        told_in: Counter[int] = Counter()

        async def count_turns() -> None:
            nonlocal turn
            while True:
                turn += 1
                await asyncio.sleep(0)

        async def one(ref: SessionRef) -> None:
            event = await only_event(wait(ref, TOY, deadline=LONG_AGO))
            assert event["kind"] == "outcome"
            told_in[turn] += 1

        counting = asyncio.create_task(count_turns())
        await asyncio.gather(*(one(ref) for ref in nowhere))
        counting.cancel()
        return told_in

    told_in = asyncio.run(life())
    assert told_in.total() == 1000
    assert max(told_in.values()) <= 2 * AT_ONCE


def test_the_hook_is_looked_for_once_however_many_begin_to_wait() -> None:
    async def life() -> None:
        await only_event(wait(SessionRef("toy", "nowhere", "1", "k"), counted_hook.HOOK, deadline=LONG_AGO))
        before = counted_hook.looked_for
        more = [SessionRef("toy", "nowhere", str(number), "k") for number in range(50)]
        await asyncio.gather(*(only_event(wait(ref, counted_hook.HOOK, deadline=LONG_AGO)) for ref in more))
        # Opening the connection looks for it too, on the connection's own thread, once a tick.
        assert counted_hook.looked_for - before < len(more)

    asyncio.run(life())
    assert base.hook_class_of(counted_hook.HOOK).__name__ == "ToyHook"


def test_who_was_due_and_left_costs_no_request_when_the_time_comes(school: School) -> None:
    record = school.launch()
    ref = SessionRef.from_json(record["ref"])

    async def came_and_left() -> tuple[asyncio.Task[Any], float]:
        """Come for a moment and leave before it; later ones where a busy machine lets them pass meanwhile."""
        for ahead in (0.5, 5.0, 30.0):
            due = time.time() + ahead
            soon = asyncio.create_task(only_event(wait(ref, due=due)))
            await asyncio.sleep(0.1)
            soon.cancel()
            await asyncio.sleep(0)
            if time.time() < due:
                return soon, due
        raise AssertionError("this machine stands still")

    async def life() -> None:
        later = asyncio.create_task(only_event(wait(ref, due=time.time() + 3600)))
        soon, due = await came_and_left()
        before = school.polls
        await asyncio.sleep(due + 0.4 - time.time())
        assert school.polls == before
        third = asyncio.create_task(only_event(wait(ref)))  # and whoever comes is not made to wait for that
        await until(lambda: school.polls > before)
        for one in (soon, later, third):
            one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await one

    asyncio.run(life())


def test_triggers_share_the_names_of_their_fields() -> None:
    first, second = (crossed(wait(SessionRef("toy", "c", number, "k", (("space", number),)))) for number in "12")
    for path in ((), ("ref",), ("ref", "details"), ("seen",)):
        one, other = first.serialize()[1], second.serialize()[1]
        for step in path:
            one, other = one[step], other[step]
        assert [id(name) for name in one] == [id(name) for name in other]


def test_arguments_nested_without_end_do_not_make_a_constructor_raise() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"ref": deep}
    assert SessionTrigger(ref=deep).serialize()[1]["ref"] is not None
    while deep:  # taken apart one by one: freeing it in one go is another recursion
        deep = deep.pop("ref")


@given(st.lists(st.lists(st.integers(0, 99), max_size=4), max_size=6))
def test_a_mailbox_gives_everything_in_order_and_loses_nothing(batches: list[list[int]]) -> None:
    async def life() -> list[str]:
        mailbox = Mailbox()
        read: list[str] = []

        async def reader() -> None:
            while len(read) < sum(map(len, batches)):
                news = await mailbox.get()
                assert isinstance(news, Notice)
                read.append(news.text)

        reading = asyncio.create_task(reader())
        for batch in batches:
            for number in batch:
                mailbox.put(Notice(str(number)))
            await asyncio.sleep(0)
        await asyncio.wait_for(reading, PATIENCE)
        return read

    assert asyncio.run(life()) == [str(number) for batch in batches for number in batch]


def test_a_reader_that_is_cancelled_leaves_its_mailbox_usable() -> None:
    async def life() -> str:
        mailbox = Mailbox()
        first = asyncio.create_task(mailbox.get())
        await asyncio.sleep(0)
        first.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await first
        mailbox.put(Notice("later"))
        news = await mailbox.get()
        assert isinstance(news, Notice)
        return news.text

    assert asyncio.run(life()) == "later"
