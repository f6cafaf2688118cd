from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Condition, Event, RLock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.sandbox.agenda import Agenda
from airflow_provider.live_sessions.sandbox.clock import Clock, iso, utc

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def frozen_agenda() -> tuple[Clock, Agenda]:
    guard = RLock()
    clock = Clock(START, frozen=True, lock=guard)
    return clock, Agenda(clock, Condition(guard))


def test_a_clock_without_a_start_tells_the_real_time() -> None:
    assert abs((Clock().now() - datetime.now(UTC)).total_seconds()) < 60


def test_a_frozen_clock_stands_still_until_advanced() -> None:
    clock = Clock(START, frozen=True)
    assert clock.now() == clock.now() == START
    assert clock.advance(90) == later(90) == clock.now()


def test_a_running_clock_goes_on_from_where_it_was_moved_to() -> None:
    clock = Clock(START)
    clock.advance(3600)
    first = clock.now()
    time.sleep(0.002)
    assert later(3600) < first < clock.now() < later(7200)


def test_time_never_goes_back() -> None:
    clock = Clock(START, frozen=True)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="does not go back"):
        clock.set(later(-1))
    assert clock.now() == START


def test_a_clock_can_be_set_stopped_and_let_go() -> None:
    clock = Clock(START)
    clock.set(later(600))
    stopped = clock.freeze()
    assert clock.frozen
    assert clock.now() == stopped >= later(600)
    clock.resume()
    time.sleep(0.002)
    assert not clock.frozen
    assert clock.now() > stopped


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        utc(datetime(2026, 9, 1))  # noqa: DTZ001 - the point


def test_moments_are_written_in_utc() -> None:
    assert iso(datetime.fromisoformat("2026-09-01T10:00:00.5+02:00")) == "2026-09-01T08:00:00.500000Z"


def test_a_frozen_clock_never_reaches_a_future_moment_by_itself() -> None:
    clock = Clock(START, frozen=True)
    assert clock.real_seconds_until(later(1)) is None
    assert clock.real_seconds_until(later(-1)) == 0
    clock.resume()
    assert 0 < (clock.real_seconds_until(later(60)) or 0) <= 60


@given(st.lists(st.integers(0, 100)), st.integers(0, 100))
def test_everything_due_happens_once_in_time_order_and_nothing_else(moments: list[int], until: int) -> None:
    clock, agenda = frozen_agenda()
    happened: list[tuple[int, datetime]] = []
    for number, moment in enumerate(moments):
        agenda.add(later(moment), lambda at, number=number: happened.append((number, at)))  # type: ignore[misc] # mypy cannot type a lambda's defaults
    clock.advance(until)
    agenda.run_due()
    wanted = sorted((moment, number) for number, moment in enumerate(moments) if moment <= until)
    assert happened == [(number, later(moment)) for moment, number in wanted]


def test_what_an_action_plans_within_the_leap_happens_in_the_same_leap_in_order() -> None:
    clock, agenda = frozen_agenda()
    happened: list[tuple[str, datetime]] = []

    def first(at: datetime) -> None:
        happened.append(("first", at))
        agenda.add(at + timedelta(seconds=5), lambda then: happened.append(("planned", then)))

    agenda.add(later(10), first)
    agenda.add(later(20), lambda at: happened.append(("last", at)))
    clock.advance(60)
    assert happened == [("first", later(10)), ("planned", later(15)), ("last", later(20))]


def test_a_moment_that_has_passed_means_now() -> None:
    clock, agenda = frozen_agenda()
    clock.advance(60)
    happened: list[datetime] = []
    agenda.add(START, happened.append)
    agenda.run_due()
    assert happened == [later(60)]


def test_a_dropped_appointment_does_not_happen() -> None:
    clock, agenda = frozen_agenda()
    happened: list[datetime] = []
    agenda.add(later(1), happened.append).drop()
    agenda.add(later(2), happened.append)
    clock.advance(10)
    assert happened == [later(2)]


def test_in_real_time_appointments_happen_by_themselves() -> None:
    guard = RLock()
    agenda = Agenda(Clock(lock=guard), Condition(guard))
    agenda.start()
    try:
        happened = Event()
        agenda.add(datetime.now(UTC) + timedelta(milliseconds=30), lambda _: happened.set())
        assert happened.wait(60)
    finally:
        agenda.stop()


def test_an_agenda_that_was_never_started_can_be_stopped() -> None:
    frozen_agenda()[1].stop()
