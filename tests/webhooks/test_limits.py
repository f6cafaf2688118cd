"""What bounds a receiver: it remembers so much, takes so much, and forgets what is oldest."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.deliveries import Delivery
from airflow_provider.live_sessions.core.pacing import Pace
from airflow_provider.live_sessions.webhooks.limits import Allowance, Places, Recent
from airflow_provider.live_sessions.webhooks.queue import MOST_AT_ONCE, MOST_BYTES, WORKERS, Job, Queue
from airflow_provider.live_sessions.webhooks.tokens import Addressee

if TYPE_CHECKING:
    import pytest

ME = Addressee("lessonspace", "school")


def job(addressee: Addressee = ME, size: int = 0) -> Job:
    return Job(addressee, Delivery("session.end", "d-1"), body=b"x" * size)


@given(st.lists(st.tuples(st.floats(0, 2), st.sampled_from("ab"))))
def test_no_sender_gets_more_than_a_burst_and_its_rate(steps: list[tuple[float, str]]) -> None:
    now, taken = 0.0, {"a": 0, "b": 0}
    allowance = Allowance(Pace(rate=2.0, burst=5.0), clock=lambda: now)
    for pause, sender in steps:
        now += pause
        wait = allowance.ask(sender)
        taken[sender] += wait == 0
        assert 0 <= wait <= 0.5 + 1e-9
        assert taken[sender] <= 5 + 2 * now + 1e-6


def test_who_waits_as_long_as_was_said_may_come_again() -> None:
    now = 0.0
    allowance = Allowance(Pace(rate=1.0, burst=1.0), clock=lambda: now)
    assert allowance.ask("a") == 0
    wait = allowance.ask("a")
    assert wait > 0
    now += wait
    assert allowance.ask("a") == 0


def test_one_sender_s_haste_costs_no_other() -> None:
    allowance = Allowance(Pace(rate=1.0, burst=2.0), clock=lambda: 0.0)
    assert [allowance.ask("a") > 0 for _ in range(4)] == [False, False, True, True]
    assert allowance.ask("b") == 0


@given(st.lists(st.integers(0, 20)))
def test_so_many_senders_are_remembered_and_no_more(senders: list[int]) -> None:
    allowance = Allowance(Pace(rate=1.0, burst=2.0), size=4, clock=lambda: 0.0)
    for one in senders:
        allowance.ask(one)
        assert len(allowance._spent) <= 4


@given(st.lists(st.integers(0, 20)))
def test_what_was_met_lately_is_known_and_so_much_is_remembered(met: list[int]) -> None:
    recent, last = Recent(size=4), list[int]()
    for one in met:
        assert recent.add(one) == (one not in last)
        if one not in last:
            last = [*last, one][-4:]


def test_what_is_to_be_forgotten_was_never_met() -> None:
    recent = Recent()
    assert recent.add("a")
    recent.forget("a")
    assert recent.add("a")
    recent.forget("b")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9))))
def test_one_sender_makes_no_other_s_ids_forgotten(met: list[tuple[str, int]]) -> None:
    recent, last = Recent(size=7, size_each=3), {"a": list[int](), "b": list[int]()}
    for sender, one in met:
        assert recent.add(one, sender=sender) == (one not in last[sender])
        if one not in last[sender]:
            last[sender] = [*last[sender], one][-3:]
    assert sum(map(len, recent._of_sender.values())) == len(recent._met) <= 6


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"))))
def test_places_are_given_out_no_oftener_than_there_are_and_to_each_its_share(
    steps: list[tuple[bool, str]],
) -> None:
    places, taken = Places(4, 2), dict.fromkeys("abc", 0)
    for take, sender in steps:
        if take:
            room = sum(taken.values()) < 4 and taken[sender] < 2
            assert places.take(sender) is room
            taken[sender] += room
        elif taken[sender]:
            places.give_back(sender)
            taken[sender] -= 1


# ---- the queue


def test_a_full_queue_takes_nothing_and_has_room_again_when_a_job_is_done() -> None:
    go = threading.Event()

    def handle(one: Job) -> None:
        go.wait(20)

    queue = Queue(handle, most_jobs=2)
    try:
        assert [queue.put(job()) for _ in range(3)] == [True, True, False]
        go.set()
        assert queue.wait_idle(20)
        assert queue.put(job())
        assert queue.wait_idle(20)
    finally:
        queue.stop()


def test_one_address_cannot_crowd_out_the_others() -> None:
    go = threading.Event()

    def handle(one: Job) -> None:
        go.wait(20)

    queue = Queue(handle, most_jobs=10, most_each=2)
    try:
        assert [queue.put(job()) for _ in range(3)] == [True, True, False]
        assert queue.put(job(Addressee("coviu", "clinic")))
        go.set()
        assert queue.wait_idle(20)
    finally:
        queue.stop()


def test_one_address_cannot_use_up_the_bytes_of_the_others() -> None:
    """Five hundred of the longest bodies are twice as much as the whole queue keeps."""
    go = threading.Event()

    def handle(one: Job) -> None:
        go.wait(20)

    queue = Queue(handle)
    try:
        taken = 0
        while queue.put(job(size=64 * 1024)):
            taken += 1
        assert 0 < taken * 64 * 1024 <= MOST_BYTES // 4
        assert queue.put(job(Addressee("lessonspace", "school", "d", "r", "t"), size=64 * 1024))
        go.set()
        assert queue.wait_idle(20)
        assert not queue._bytes
    finally:
        go.set()
        queue.stop()


def test_who_sends_much_makes_another_address_of_the_connection_wait_for_no_more_than_a_turn() -> None:
    go, done = threading.Event(), []

    def handle(one: Job) -> None:
        go.wait(20)
        done.append(one.addressee.run_id)

    queue = Queue(handle)
    try:
        for _ in range(100):
            assert queue.put(job(Addressee("lessonspace", "school", "d", "loud", "t")))
        assert queue.put(job(Addressee("lessonspace", "school", "d", "quiet", "t")))
        deadline = time.monotonic() + 20
        while queue._waiting:  # until the other two have seen that the connection has its share
            assert time.monotonic() < deadline
            time.sleep(0.01)
        go.set()
        assert queue.wait_idle(20)
    finally:
        go.set()
        queue.stop()
    # Those that were being looked at, one that has the next turn, and one that may overtake it.
    assert done.index("quiet") <= 2 * MOST_AT_ONCE + 1
    assert len(done) == 101


def test_a_platform_that_does_not_answer_holds_up_no_other() -> None:
    go, looked = threading.Event(), threading.Event()
    silent: list[str] = []

    def handle(one: Job) -> None:
        if one.addressee.conn_id == "silent":
            silent.append(one.addressee.run_id)
            go.wait(20)
        else:
            looked.set()

    queue = Queue(handle)
    try:
        runs = [str(number) for number in range(2 * WORKERS)]
        for run in runs:
            assert queue.put(job(Addressee("lessonspace", "silent", "d", run, "t")))
        assert queue.put(job(Addressee("lessonspace", "school")))
        assert looked.wait(60)
        assert len(silent) <= MOST_AT_ONCE
        go.set()
        assert queue.wait_idle(20)
        assert sorted(silent) == runs, "each is looked at when there is room for it"
        assert not queue._busy
        assert not queue._held
    finally:
        go.set()
        queue.stop()


def test_bodies_count_until_they_are_let_go() -> None:
    go = threading.Event()
    looked = threading.Event()

    def handle(one: Job) -> float | None:
        if one.body:
            one.body = b""
            return 0.0
        looked.set()
        go.wait(20)
        return None

    queue = Queue(handle, most_bytes=100)
    try:
        assert queue.put(job(size=80))
        assert looked.wait(20)
        assert queue.put(job(size=90))
        assert not queue.put(job(size=101))
        go.set()
        assert queue.wait_idle(20)
        assert queue.put(job(size=100))
    finally:
        queue.stop()


def test_a_job_is_looked_at_so_often_and_then_let_go(caplog: pytest.LogCaptureFixture) -> None:
    looks = []

    def handle(one: Job) -> float:
        looks.append(one.tries)
        return 0.0

    queue = Queue(handle, tries=3)
    try:
        assert queue.put(job())
        assert queue.wait_idle(20)
    finally:
        queue.stop()
    assert looks == [1, 2, 3]
    assert "was not confirmed in 3 looks" in caplog.text


def test_a_look_that_fails_ends_its_job_and_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    def handle(one: Job) -> None:
        raise RuntimeError("https://storage.test/?secret")

    queue = Queue(handle)
    try:
        for _ in range(20):
            assert queue.put(job())
        assert queue.wait_idle(20)
    finally:
        queue.stop()
    assert "RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_a_stopped_queue_takes_nothing() -> None:
    queue = Queue(lambda one: None)
    queue.stop()
    assert not queue.put(job())
