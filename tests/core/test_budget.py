from __future__ import annotations

import threading
import time

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.budget import Line, Lines, MemoryLedger, RateBudget, account_of


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
    return RateBudget(rate, burst, line=Line(MemoryLedger(fake.clock), fake.sleep))


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

    bucket = RateBudget(1, 1, line=Line(MemoryLedger(fake.clock), sleep))
    bucket.acquire()
    bucket.acquire()
    assert fake.now == pytest.approx(1051.0)


def test_turns_are_given_in_the_order_of_arrival() -> None:
    fake = FakeTime()
    served: list[int] = []
    gate = threading.Event()

    def sleep(seconds: float) -> None:
        assert gate.wait(60)
        fake.sleep(seconds)

    line = Line(MemoryLedger(fake.clock), sleep)
    bucket = RateBudget(1000, 1, line=line)
    bucket.pause(0.05)  # nobody is served before all stand in the queue

    def work(number: int) -> None:
        bucket.acquire()
        served.append(number)

    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=work, args=(number,)))
        threads[-1].start()
        deadline = time.monotonic() + 30
        while line.waiting <= number and time.monotonic() < deadline:
            time.sleep(0.001)
    gate.set()
    for thread in threads:
        thread.join(60)
    assert served == list(range(8))


def test_a_waiter_that_dies_blocks_nobody() -> None:
    fake = FakeTime()

    class Killed(BaseException):
        pass

    def sleep(seconds: float) -> None:
        fake.sleep(seconds)
        if len(fake.slept) == 1:
            raise Killed

    bucket = RateBudget(1, 1, line=Line(MemoryLedger(fake.clock), sleep))
    bucket.acquire()
    with pytest.raises(Killed):
        bucket.acquire()
    assert bucket.acquire() == 0.0


def test_the_impatient_leave_the_queue_when_a_pause_is_called() -> None:
    gate = threading.Event()
    left: list[float] = []

    def sleep(_: float) -> None:
        gate.wait(60)

    line = Line(MemoryLedger(FakeTime().clock), sleep)  # a pause in real time might be over before anybody queues
    bucket = RateBudget(1000, 1, line=line)
    bucket.pause(0.2)
    head = threading.Thread(target=lambda: left.append(bucket.acquire(patience=1)))
    head.start()
    while not line.waiting:
        time.sleep(0.001)
    behind = threading.Thread(target=lambda: left.append(bucket.acquire(patience=1)))
    behind.start()
    while line.waiting < 2:
        time.sleep(0.001)
    bucket.pause(100)
    behind.join(60)
    assert len(left) == 1
    assert left[0] > 90
    gate.set()
    head.join(60)
    assert len(left) == 2


KEY = SecretStr("12345678-aaaa-bbbb-cccc-1234567890ab")


def test_two_connections_of_one_account_spend_from_one_budget() -> None:
    fake = FakeTime()
    lines = Lines(lambda _: MemoryLedger(fake.clock))
    account = account_of("Toy", "https://toy.test/v2", KEY)
    lines.of(account, 2).acquire()
    lines.of(account, 5).pause(30)
    assert lines.of(account, 5).acquire(patience=10) == pytest.approx(30.0)
    assert lines.of(account_of("Toy", "https://toy.test/v2", "another"), 5).acquire(patience=10) == 0.0


def test_an_account_is_known_by_platform_server_and_credential_and_by_nothing_else() -> None:
    one = account_of("Toy", "https://toy.test/v2", KEY)
    assert account_of("Toy", "https://TOY.test:443/v3/", KEY.get_secret_value()) == one
    others = [
        account_of("Other", "https://toy.test/v2", KEY),
        account_of("Toy", "http://toy.test/v2", KEY),
        account_of("Toy", "https://toy.test:8443/v2", KEY),
        account_of("Toy", "https://toy.test/v2", "another"),
        account_of("Toy", "https://toy.test/v2"),
        account_of("Toy", "https://toy.test/v2", KEY, ""),
        account_of("Toy", "http://[", KEY),
    ]
    assert len({one, *others}) == 8
    assert KEY.get_secret_value().encode() not in one


def test_a_place_left_behind_by_an_interrupted_call_does_not_block_the_thread_that_comes_again() -> None:
    line = Line(MemoryLedger())
    line.join()  # and an exception strikes before anything else is done
    assert RateBudget(1000.0, line=line).acquire() == 0.0
    assert line.waiting == 0


def test_a_place_left_behind_by_a_thread_that_ended_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider.live_sessions.core.budget.LOOK_AGAIN", 0.01)
    line = Line(MemoryLedger())
    ended = threading.Thread(target=line.join)
    ended.start()
    ended.join()
    assert line.waiting == 1
    assert RateBudget(1000.0, line=line).acquire() == 0.0
    assert line.waiting == 0
