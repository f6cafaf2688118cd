"""A connection is asked once per interval, whoever looks; nobody waits for it, and what it says stays shown."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.errors import RateLimited, Unavailable
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.plugin.sessions_page.live import KEPT_INTERVALS, LiveStates, Told
from tests.platforms.toy import ToyPlatform, ToyWorld

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider.live_sessions.core.contract import Watch
    from airflow_provider.live_sessions.core.status import SessionStatus

ACCOUNT = ("toy", "toy")
NOW = datetime.now(UTC)
SEEN = Seen(NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2))


class Slow(ToyPlatform):
    """Answers when it is let."""

    let = threading.Event()

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        assert self.let.wait(30)
        return super().statuses(watches, now)


class Onlooker:
    """People who look at the page, with a clock that only they move."""

    def __init__(
        self, platform: type[ToyPlatform] = ToyPlatform, *, interval: float = 30, step: float = 0
    ) -> None:
        self.world = ToyWorld()
        self.time = 1000.0
        self.opened: list[ToyPlatform] = []
        self.states = LiveStates(interval=interval, opening=self._open, clock=self._tick)
        self._platform = platform
        self._step = step

    def _tick(self) -> float:
        self.time += self._step
        return self.time

    def _open(self, ref: SessionRef) -> ToyPlatform:
        self.opened.append(self._platform(self.world, ref.conn_id))
        return self.opened[-1]

    def session(self, name: str) -> SessionRef:
        row = self.world.create(name, "", name)
        return SessionRef("toy", "toy", row.id, name)

    def look(self, *refs: SessionRef) -> Told:
        return self.states.look({ACCOUNT: dict.fromkeys(refs, SEEN)})[ACCOUNT]

    def told(self, *refs: SessionRef) -> Told:
        """Look until nothing is being asked."""
        deadline = time.monotonic() + 30
        while (told := self.look(*refs)).asking:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return told

    @property
    def questions(self) -> int:
        return len([one for one in self.world.calls if one.startswith("statuses")])


@pytest.fixture
def onlooker() -> Iterator[Onlooker]:
    one = Onlooker()
    yield one
    one.states.close()


def test_it_is_asked_once_per_interval_however_many_look(onlooker: Onlooker) -> None:
    ref = onlooker.session("algebra")
    assert onlooker.told(ref).statuses[ref].state is State.SCHEDULED
    onlooker.world.enter(ref.session_id, "ada")
    for _ in range(20):
        assert onlooker.told(ref).statuses[ref].state is State.SCHEDULED
    assert onlooker.questions == 1
    onlooker.time += 30
    assert onlooker.told(ref).statuses[ref].state is State.LIVE
    assert onlooker.questions == 2


def test_nobody_waits_for_a_platform() -> None:
    onlooker = Onlooker(Slow)
    Slow.let.clear()
    ref = onlooker.session("algebra")
    try:
        first, second = onlooker.look(ref), onlooker.look(ref)
        assert first.asking
        assert second.asking
        assert not second.statuses
        assert second.asked_at is None
    finally:
        Slow.let.set()
    assert onlooker.told(ref).statuses[ref].state is State.SCHEDULED
    onlooker.states.close()


def test_a_platform_that_is_away_is_told_in_words_and_what_was_known_stays(onlooker: Onlooker) -> None:
    ref = onlooker.session("algebra")
    before = onlooker.told(ref)
    onlooker.world.fail("statuses", Unavailable("The platform is away.", platform="Toy", conn_id="toy"))
    onlooker.time += 30
    told = onlooker.told(ref)
    assert "away" in told.problem
    assert (told.asked_at, told.statuses) == (before.asked_at, before.statuses)
    assert onlooker.opened[0].closed
    onlooker.time += 30
    assert onlooker.told(ref).problem == ""


def test_what_nobody_foresaw_is_told_without_its_words(onlooker: Onlooker) -> None:
    ref = onlooker.session("algebra")
    onlooker.world.fail("statuses", ZeroDivisionError("https://room.example/?token=door-opener"))
    problem = onlooker.told(ref).problem
    assert "ZeroDivisionError" in problem
    assert "door-opener" not in problem


def test_a_platform_that_asks_for_time_gets_it(onlooker: Onlooker) -> None:
    ref = onlooker.session("algebra")
    onlooker.world.fail("statuses", RateLimited("Slow down.", retry_after=300))
    assert onlooker.told(ref).problem
    onlooker.time += 299
    onlooker.told(ref)
    assert onlooker.questions == 1
    onlooker.time += 1
    assert onlooker.told(ref).statuses[ref].state is State.SCHEDULED


def test_an_answer_that_has_to_wait_leaves_what_was_known(onlooker: Onlooker) -> None:
    ref = onlooker.session("algebra")
    known = onlooker.told(ref).statuses
    onlooker.world.fail("statuses", None)
    onlooker.time += 30
    assert onlooker.told(ref).statuses == known


def test_a_session_that_nobody_looks_at_any_more_is_let_go(onlooker: Onlooker) -> None:
    old, new = onlooker.session("old"), onlooker.session("new")
    onlooker.told(old)
    onlooker.time += 30
    onlooker.told(new)
    assert onlooker.world.calls[-1] == "statuses of 2"
    onlooker.time += 30 * KEPT_INTERVALS
    onlooker.told(new)
    assert onlooker.world.calls[-1] == "statuses of 1"


def test_each_is_told_only_what_they_may_see(onlooker: Onlooker) -> None:
    mine, theirs = onlooker.session("mine"), onlooker.session("theirs")
    onlooker.told(mine, theirs)
    assert set(onlooker.told(mine).statuses) == {mine}


def test_without_an_interval_a_session_is_still_asked_about() -> None:
    onlooker = Onlooker(interval=0, step=1)  # some time passes before a thread is free
    ref = onlooker.session("algebra")
    onlooker.look(ref)
    onlooker.states._threads.shutdown(wait=True)
    known = onlooker.states._known[ACCOUNT]
    assert (known.problem, known.statuses[ref].state) == ("", State.SCHEDULED)


def test_sessions_that_nobody_looks_at_any_more_cost_no_question_and_no_error(
    onlooker: Onlooker, caplog: pytest.LogCaptureFixture
) -> None:
    ref = onlooker.session("algebra")
    onlooker.told(ref)
    onlooker.time += 30 * KEPT_INTERVALS + 1
    known = onlooker.states._known[ACCOUNT]
    known.asking = True
    onlooker.states._ask(known)  # as a thread that was free too late
    assert (onlooker.questions, known.problem, known.asking) == (1, "", False)
    assert "could not ask" not in caplog.text
