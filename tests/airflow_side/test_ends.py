"""One list for all who watch a connection: whoever comes, falls behind or leaves, each is told every end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.ended import Cursor, EndedSession
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.triggers import ends
from airflow_provider.live_sessions.triggers.account import Account
from airflow_provider.live_sessions.triggers.ends import KEPT, PART, REACH, Ends

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider.live_sessions.core.contract import SessionPlatform

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
OVERLAP = timedelta(minutes=10)
INTERVAL = 30.0
YOUNG = 0.8 * INTERVAL


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


class Ledger:
    """A platform that lists what has ended, each end so many seconds late, and whose pages may be broken."""

    name = "ledger"
    ended_overlap = OVERLAP

    def __init__(self, sessions: Sequence[tuple[float, float]] = ()) -> None:
        self.sessions = [
            (EndedSession(f"s{number}", at(end), at(end), Held.YES), at(end + late))
            for number, (end, late) in enumerate(sessions)
        ]
        self.now = BEGIN
        self.asked: list[tuple[datetime, datetime | None]] = []
        self.broken: Callable[[datetime], bool] = lambda since: False
        self.keeps_to_the_end = True
        """Whether it lists nothing behind the time that was asked for; by-start lists do."""

    def break_behind(self, edge: datetime | None) -> None:
        """Break what lies further back than this; None to mend all."""
        self.broken = lambda since: edge is not None and since < edge

    def ended_since(
        self, since: datetime, until: datetime | None = None
    ) -> tuple[Sequence[EndedSession], datetime]:
        self.asked.append((since, until))
        if self.broken(since):
            raise Unavailable("A page is broken.")
        last = until if until and self.keeps_to_the_end else self.now
        found = [one for one, shown in self.sessions if shown <= self.now and since <= one.told_at <= last]
        return found, self.now


class Desk(Account):
    """A connection whose platform is there already, asked in the event loop."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__("no.hook", "ledger")
        self.ledger = ledger
        self.pause = asyncio.Event()
        self.pause.set()

    async def call(self, work: Callable[[SessionPlatform], Any]) -> Any:
        await asyncio.sleep(0)
        await self.pause.wait()
        return work(cast("SessionPlatform", self.ledger))


class One:
    """A watcher: it remembers up to where it told, and what."""

    def __init__(self, list_of: Ends, cursor: Cursor | None = None) -> None:
        self.ends = list_of
        self.cursor = cursor
        self.told: list[str] = []
        self.begun_at: datetime | None = None if cursor is None else cursor.up_to
        self.asked_at: list[datetime] = []

    async def look(self, young: float = YOUNG) -> bool:
        """Look until nothing more is there at once; return whether the platform could be asked."""
        more = True
        while more:
            try:
                listed = await self.ends.listed(self, self.cursor, young=young)
            except Unavailable:
                return False
            cursor = listed.cursor(self.cursor)
            self.begun_at = self.begun_at or cursor.up_to
            self.asked_at.append(listed.asked_at)
            self.cursor, fresh, _ = listed.backlog.take(cursor, None)
            self.told += [one.session_id for one in fresh]
            more = listed.part
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Clock:
    """Our time and the platform's, which go together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        self.ledgers: list[Ledger] = []
        monkeypatch.setattr(ends, "time", SimpleNamespace(monotonic=lambda: self.seconds))
        monkeypatch.setattr(ends, "datetime", SimpleNamespace(now=lambda _: at(self.seconds)))

    def desk(self, *sessions: tuple[float, float]) -> tuple[Ledger, Ends]:
        ledger = Ledger(sessions)
        ledger.now = at(self.seconds)
        self.ledgers.append(ledger)
        return ledger, Desk(ledger).ends

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        for one in self.ledgers:
            one.now = at(self.seconds)


def test_who_comes_while_an_answer_is_young_takes_it_and_is_told_the_same(clock: Clock) -> None:
    ledger, list_of = clock.desk((10, 0), (50, 0))

    async def day() -> None:
        watchers = [One(list_of, Cursor(BEGIN)) for _ in range(5)]
        for _ in range(4):
            clock.wait(INTERVAL)
            await asyncio.gather(*(one.look() for one in watchers))
        assert [one.told for one in watchers] == 5 * [["s0", "s1"]]
        assert len(ledger.asked) == 4

    asyncio.run(day())


def test_watchers_that_begin_together_cost_the_two_questions_of_one(clock: Clock) -> None:
    ledger, list_of = clock.desk((-5, 0), (10, 0))

    async def day() -> None:
        watchers = [One(list_of) for _ in range(5)]
        await asyncio.gather(*(one.look() for one in watchers))
        assert len(ledger.asked) == 2
        clock.wait(INTERVAL)
        await asyncio.gather(*(one.look() for one in watchers))
        assert [one.told for one in watchers] == 5 * [["s1"]]
        assert len(ledger.asked) == 3

    asyncio.run(day())


def test_a_watcher_that_joins_between_two_questions_asks_nothing_and_misses_nothing(clock: Clock) -> None:
    ledger, list_of = clock.desk((35, 0), (55, 0))

    async def day() -> None:
        old = One(list_of, Cursor(BEGIN))
        clock.wait(INTERVAL)
        await old.look()
        clock.wait(10)
        joins = One(list_of)
        await joins.look()
        assert len(ledger.asked) == 1
        clock.wait(20)
        await joins.look()
        await old.look()
        assert (old.told, joins.told) == (["s0", "s1"], ["s0", "s1"]), "it began with the answer it took"
        assert len(ledger.asked) == 2

    asyncio.run(day())


def test_a_watcher_that_asks_seldom_or_is_slow_takes_what_the_others_asked_for(clock: Clock) -> None:
    ledger, list_of = clock.desk((100, 0))

    async def day() -> None:
        quick, slow = One(list_of, Cursor(BEGIN)), One(list_of, Cursor(BEGIN))
        await slow.look()
        for _ in range(15):
            clock.wait(INTERVAL)
            await quick.look()
        before = len(ledger.asked)
        await slow.look()
        assert len(ledger.asked) == before
        assert slow.told == quick.told == ["s0"]

    asyncio.run(day())


def test_who_is_three_days_behind_walks_alone_in_parts_and_the_others_get_their_turn(clock: Clock) -> None:
    days = [(hour * 3600.0, 0.0) for hour in range(72)]
    clock.seconds = 72 * 3600.0
    ledger, list_of = clock.desk(*days)

    async def day() -> None:
        behind, fresh = One(list_of, Cursor(BEGIN)), One(list_of, Cursor(ledger.now))
        await asyncio.gather(behind.look(), fresh.look())
        assert behind.told == [f"s{number}" for number in range(72)]
        assert [since for since, _ in ledger.asked].index(at(72 * 3600.0) - OVERLAP) == 1, "after the first part"
        assert all((until or ledger.now) - since <= PART + OVERLAP for since, until in ledger.asked)
        before = len(ledger.asked)
        clock.wait(INTERVAL)
        await asyncio.gather(behind.look(), fresh.look())
        assert len(ledger.asked) == before + 1, "they are together from now on"

    asyncio.run(day())


def test_a_backlog_is_told_in_order_though_the_platform_lists_more_than_a_part(clock: Clock) -> None:
    clock.seconds = 24 * 3600.0
    ledger, list_of = clock.desk(*((hour * 3600.0, 0.0) for hour in range(24)))
    ledger.keeps_to_the_end = False

    async def day() -> None:
        behind = One(list_of, Cursor(BEGIN))
        listed = await list_of.listed(behind, behind.cursor, young=YOUNG)
        assert listed.part
        assert max(one.told_at for one in listed.backlog.found) == at(PART.total_seconds())
        await behind.look()
        assert behind.told == [f"s{number}" for number in range(24)]

    asyncio.run(day())


def test_a_cursor_does_not_go_back_to_an_older_answer_to_somebody_else(clock: Clock) -> None:
    hours = 12 * 3600.0
    clock.seconds = hours
    _, list_of = clock.desk((hours + 600, 0))

    async def day() -> None:
        seldom, behind = One(list_of, Cursor(at(hours - 60))), One(list_of, Cursor(at(hours + 1500) - PART))
        await seldom.look(young=2880.0)
        clock.wait(2400)
        listed = await list_of.listed(behind, behind.cursor, young=YOUNG)
        assert listed.part
        behind.cursor, fresh, _ = listed.backlog.take(listed.cursor(behind.cursor), None)
        assert [one.session_id for one in fresh] == ["s0"]
        told_up_to = listed.backlog.up_to
        again = await list_of.listed(behind, behind.cursor, young=2880.0)
        assert again.backlog.up_to >= told_up_to

    asyncio.run(day())


def test_all_who_are_behind_together_walk_once(clock: Clock) -> None:
    clock.seconds = 72 * 3600.0
    ledger, list_of = clock.desk(*((hour * 3600.0, 0.0) for hour in range(72)))

    async def day() -> None:
        watchers = [One(list_of, Cursor(at(number))) for number in (50, 20, 0, 40, 10)]
        await asyncio.gather(*(one.look() for one in watchers))
        assert [one.told for one in watchers] == 5 * [[f"s{number}" for number in range(72)]]
        assert len(ledger.asked) <= 1 + 72 / 6, "the first one may not know of the others yet"

    asyncio.run(day())


def test_a_page_that_fails_for_one_who_is_behind_fails_nobody_else(clock: Clock) -> None:
    clock.seconds = 3600.0
    ledger, list_of = clock.desk((3590, 0), (3650, 0), (3700, 0))
    far = REACH / 2
    ledger.broken = lambda since: since < at(3600) - OVERLAP

    async def day() -> None:
        behind, fresh = One(list_of, Cursor(at(3600) - far)), One(list_of, Cursor(at(3600)))
        done = list(await asyncio.gather(behind.look(), fresh.look()))
        assert done == [False, True]
        for _ in range(5):
            clock.wait(INTERVAL)
            assert await fresh.look()
            assert not await behind.look()
        assert fresh.told == ["s0", "s1", "s2"]
        ledger.broken = lambda since: False
        clock.wait(INTERVAL)
        assert await behind.look()
        assert behind.told == ["s0", "s1", "s2"]

    asyncio.run(day())


def test_a_platform_that_is_away_is_asked_by_one_for_all(clock: Clock) -> None:
    ledger, list_of = clock.desk()
    ledger.broken = lambda since: True

    async def day() -> None:
        watchers = [One(list_of, Cursor(BEGIN)) for _ in range(5)]
        assert await asyncio.gather(*(one.look() for one in watchers)) == 5 * [False]
        assert len(ledger.asked) == 1

    asyncio.run(day())


def test_a_watcher_that_leaves_while_it_asks_takes_nobody_with_it(clock: Clock) -> None:
    ledger, list_of = clock.desk((-5, 0))
    desk = cast("Desk", list_of._account)

    async def day() -> None:
        leaves, stays = One(list_of, Cursor(at(-60))), One(list_of, Cursor(at(-60)))
        desk.pause.clear()
        asking, waiting = asyncio.create_task(leaves.look()), asyncio.create_task(stays.look())
        await asyncio.sleep(0.01)
        asking.cancel()
        list_of.leave(leaves)
        desk.pause.set()
        assert await waiting
        assert (stays.told, len(ledger.asked)) == (["s0"], 1)

    asyncio.run(day())


def test_what_an_edited_connection_answered_before_is_forgotten(clock: Clock) -> None:
    ledger, list_of = clock.desk()

    async def day() -> None:
        one = One(list_of, Cursor(BEGIN))
        await one.look()
        list_of.forget()
        await one.look()
        assert len(ledger.asked) == 2

    asyncio.run(day())


sessions = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 590)), max_size=15)
steps = st.lists(
    st.tuples(
        st.integers(1, 700),  # seconds that pass
        st.lists(st.integers(0, 5), max_size=6, unique=True),  # who looks, in this order, at once
        st.sampled_from([1.0, YOUNG, 240.0]),  # how often they ask
        st.sampled_from(["", "", "", "all", "behind"]),  # what is broken
        st.booleans(),  # whether one of them is killed, and begins again from what was written down
    ),
    max_size=15,
)


@given(sessions, steps)
def test_each_watcher_is_told_every_end_once_whatever_the_others_do(
    all_ends: list[tuple[int, int]], life: list[tuple[int, list[int], float, str, bool]]
) -> None:
    async def day(clock: Clock) -> None:
        ledger, list_of = clock.desk(*all_ends)
        watchers = [One(list_of, Cursor(at(-20_000 * number))) for number in range(3)]  # some far behind
        watchers += [One(list_of) for _ in range(3)]
        for seconds, who, young, broken, killed in life:
            clock.wait(seconds)
            ledger.break_behind(
                {"": None, "all": ledger.now}.get(broken, ledger.now - OVERLAP - timedelta(seconds=200))
            )
            await asyncio.gather(*(watchers[number].look(young) for number in who))
            if killed:
                list_of.leave(watchers[0])
                again = One(list_of, watchers[0].cursor)
                again.begun_at, again.told = watchers[0].begun_at, watchers[0].told
                watchers[0] = again
        ledger.break_behind(None)
        clock.wait(6000)
        await asyncio.gather(*(one.look(young=0.0) for one in watchers))
        for one in watchers:
            assert one.begun_at is not None
            wanted = {end.session_id for end, _ in ledger.sessions if end.told_at > one.begun_at}
            assert wanted <= set(one.told)
            assert len(one.told) == len(set(one.told))
        assert len(list_of._asked) <= KEPT

    with pytest.MonkeyPatch.context() as patch:
        asyncio.run(day(Clock(patch)))
