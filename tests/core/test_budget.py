from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.budget import RateBudget, budget_for
from airflow_provider.live_sessions.core.errors import ConfigurationError


class FakeTime:
    """A clock that moves only when somebody sleeps."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def budget(fake: FakeTime, rate: float, burst: float = 1.0) -> RateBudget:
    return RateBudget(rate, burst, clock=fake.clock, sleep=fake.sleep)


@given(
    st.floats(0.01, 1000),
    st.floats(1, 50),
    st.lists(st.floats(0, 5), min_size=1, max_size=60),
    st.floats(0, 1e9),
)
def test_no_stretch_of_time_sees_more_than_burst_and_rate_allow(
    rate: float, burst: float, gaps: list[float], start: float
) -> None:
    fake = FakeTime(start)
    bucket = budget(fake, rate, burst)
    granted = []
    for gap in gaps:
        fake.now += gap
        assert bucket.acquire() == 0.0
        granted.append(fake.now)
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            allowed = burst + (granted[last] - granted[first]) * rate
            assert last - first + 1 <= allowed + 0.01 * (1 + rate)


def test_a_burst_is_free_and_then_the_rate_holds() -> None:
    fake = FakeTime()
    bucket = budget(fake, rate=5, burst=3)
    for _ in range(3):
        bucket.acquire()
    assert fake.slept == []
    bucket.acquire()
    assert fake.slept == [pytest.approx(0.2)]


def test_a_pause_stops_everybody_and_no_burst_follows_it() -> None:
    fake = FakeTime()
    bucket = budget(fake, rate=2, burst=10)
    bucket.pause(30)
    bucket.acquire()
    assert fake.now == pytest.approx(1030.0)
    bucket.acquire()
    assert fake.now == pytest.approx(1030.5)


def test_a_shorter_pause_does_not_cut_a_longer_one() -> None:
    fake = FakeTime()
    bucket = budget(fake, rate=100)
    bucket.pause(30)
    bucket.pause(1)
    bucket.pause(-5)
    bucket.acquire()
    assert fake.now == pytest.approx(1030.0)


def test_a_pause_longer_than_ones_patience_is_told_instead_of_waited_for() -> None:
    fake = FakeTime()
    bucket = budget(fake, rate=1)
    bucket.pause(300)
    assert bucket.acquire(patience=60) == pytest.approx(300.0)
    assert fake.slept == []
    fake.now += 300
    assert bucket.acquire(patience=60) == 0.0
    assert fake.slept == []  # the refusal took no token


def test_a_pause_that_comes_while_somebody_sleeps_holds_for_the_sleeper() -> None:
    fake = FakeTime()

    def sleep(seconds: float) -> None:
        first = not fake.slept
        fake.sleep(seconds)
        if first:
            bucket.pause(50)

    bucket = RateBudget(1, 1, clock=fake.clock, sleep=sleep)
    bucket.acquire()
    bucket.acquire()
    assert fake.now == pytest.approx(1051.0)


def test_turns_are_given_in_the_order_of_arrival() -> None:
    served: list[int] = []
    gate = threading.Event()

    def sleep(seconds: float) -> None:
        assert gate.wait(10)
        time.sleep(min(seconds, 0.01))

    bucket = RateBudget(1000, 1, sleep=sleep)
    bucket.pause(0.05)  # nobody is served before all stand in the queue

    def work(number: int) -> None:
        bucket.acquire()
        served.append(number)

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        deadline = time.monotonic() + 5
        while len(bucket._queue) <= number and time.monotonic() < deadline:
            time.sleep(0.001)
    gate.set()
    for thread in threads:
        thread.join(10)
    assert served == list(range(8))


def test_a_waiter_that_dies_blocks_nobody() -> None:
    fake = FakeTime()

    class Killed(BaseException):
        pass

    def sleep(seconds: float) -> None:
        fake.sleep(seconds)
        if len(fake.slept) == 1:
            raise Killed

    bucket = RateBudget(1, 1, clock=fake.clock, sleep=sleep)
    bucket.acquire()
    with pytest.raises(Killed):
        bucket.acquire()
    assert bucket.acquire() == 0.0


def test_the_impatient_leave_the_queue_when_a_pause_is_called() -> None:
    gate = threading.Event()
    left: list[float] = []

    def sleep(_: float) -> None:
        gate.wait(10)

    bucket = RateBudget(1000, 1, sleep=sleep)
    bucket.pause(0.2)
    head = threading.Thread(target=lambda: left.append(bucket.acquire(patience=1)))
    head.start()
    while not bucket._queue:
        time.sleep(0.001)
    behind = threading.Thread(target=lambda: left.append(bucket.acquire(patience=1)))
    behind.start()
    while len(bucket._queue) < 2:
        time.sleep(0.001)
    bucket.pause(100)
    behind.join(10)
    assert len(left) == 1
    assert left[0] > 90
    gate.set()
    head.join(10)
    assert len(left) == 2


def test_two_clients_of_one_connection_share_one_budget() -> None:
    one = budget_for("Shared", "c1", 5, 1)
    assert budget_for("Shared", "c1", 5, 1) is one
    assert budget_for("Shared", "c2", 5, 1) is not one
    assert budget_for("Other", "c1", 5, 1) is not one


def test_the_rate_named_last_holds() -> None:
    fake = FakeTime()
    bucket = budget(fake, rate=1, burst=10)
    bucket.adjust(10, 1)
    bucket.acquire()
    bucket.acquire()
    assert fake.slept == [pytest.approx(0.1)]


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (5, 0.5), (float("nan"), 1), (1, float("inf"))])
def test_a_rate_that_never_serves_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ConfigurationError):
        RateBudget(rate, burst)
