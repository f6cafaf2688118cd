"""Which sessions of a team are over, asked from a moment on."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.ended import Cursor, EndedSession, EndingPlatform
from airflow_provider.live_sessions.core.status import Held, State
from airflow_provider.live_sessions.platforms.coviu.ended import GRACE, OVERLAP, _told_at
from airflow_provider.live_sessions.platforms.coviu.judging import Sighting, judge
from airflow_provider.live_sessions.platforms.coviu.launching import LONGEST
from tests.platforms.coviu.clinic import START, Clinic, plan

HOUR = timedelta(hours=1)


def test_a_session_is_told_when_its_time_and_a_grace_are_over(clinic: Clinic) -> None:
    assert isinstance(clinic.platform, EndingPlatform)
    the_plan = plan(start=START)
    ref = clinic.launch(the_plan).ref
    clinic.launch(plan("Later", start=START + 5 * HOUR))
    clinic.arrive(the_plan.end + timedelta(seconds=200))
    assert clinic.platform.ended_since(START - HOUR)[0] == []
    clinic.arrive(the_plan.end + timedelta(seconds=400))
    (one,), asked_at = clinic.platform.ended_since(START - HOUR)
    assert (one.session_id, one.ended_at, one.held) == (ref.session_id, the_plan.end, Held.UNKNOWN)
    assert one.told_at == the_plan.end + timedelta(seconds=300) <= asked_at


def test_a_session_that_everybody_left_is_told_with_its_recorded_end(clinic: Clinic) -> None:
    ref = clinic.launch(plan(start=START)).ref
    clinic.arrive(START)
    clinic.hold(ref, 600)
    clinic.arrive(START + HOUR / 5)
    assert clinic.platform.ended_since(START - HOUR)[0] == []  # it may be a break
    clinic.arrive(START + HOUR / 3)
    (one,), _ = clinic.platform.ended_since(START - HOUR)
    assert one.session_id == ref.session_id
    assert one.ended_at < one.told_at


def test_the_longest_session_is_found_from_its_end(clinic: Clinic) -> None:
    the_plan = plan(start=START, minutes=12 * 60)
    ref = clinic.launch(the_plan).ref
    clinic.arrive(the_plan.end + HOUR)
    found, _ = clinic.platform.ended_since(the_plan.end + timedelta(seconds=299))
    assert [one.session_id for one in found] == [ref.session_id]


def test_a_recorded_end_that_is_shown_late_is_told(clinic: Clinic) -> None:
    """Two hours were planned; everybody left after half an hour, and that is shown half an hour later."""
    ref = clinic.launch(plan(start=START, minutes=120)).ref
    clinic.hold(ref, 1800)
    session = clinic.sandbox.coviu._store.sessions[ref.session_id]
    left, session.actual_end = session.actual_end, None
    overlap = clinic.platform.ended_overlap
    cursor = Cursor(START)
    told = []
    for minutes in (40, 50, 60, 70, 125, 140):
        session.actual_end = left if minutes >= 60 else None
        clinic.arrive(START + timedelta(minutes=minutes))
        found, asked_at = clinic.platform.ended_since(cursor.since(overlap))
        fresh = cursor.fresh(found, overlap)
        told += [(minutes, one.session_id) for one in fresh]
        cursor = cursor.after(fresh, asked_at, overlap)
    assert told == [(60, ref.session_id)]


def test_a_part_of_what_ended_holds_all_up_to_its_moment_and_asks_for_no_more(clinic: Clinic) -> None:
    for number in range(3):
        clinic.launch(plan(f"Visit {number}", start=START + number * HOUR))
    clinic.arrive(START + 4 * HOUR)
    found, _ = clinic.platform.ended_since(START)
    first, second, _ = sorted(found, key=lambda one: one.told_at)
    part, _ = clinic.platform.ended_since(START, second.told_at)
    assert {one.session_id for one in part} == {first.session_id, second.session_id}


minutes = st.integers(1, int(LONGEST.total_seconds() // 60))


@example(planned=1, left=7, late=0, pauses=[1, 5, 16, *[120] * 6])  # told by the clock, while they stayed on
@given(minutes, st.integers(0, 800), st.integers(0, 800), st.lists(st.integers(1, 120), max_size=20))
def test_whenever_a_recorded_end_is_shown_its_session_is_told_once(
    planned: int, left: int, late: int, pauses: list[int]
) -> None:
    """Left before or after the planned end, shown at once or much later; asked every so many minutes."""
    end, gone = START + timedelta(minutes=planned), START + timedelta(minutes=left)
    cursor, told, now = Cursor(START), 0, START
    for pause in [*pauses, 60 * 30]:
        now += timedelta(minutes=pause)
        shown = now >= gone + timedelta(minutes=late)
        sighting = Sighting("s", START, end, gone if shown else None)
        over = judge(sighting, now, settle=300, grace=GRACE).state is State.ENDED
        told_at = _told_at(sighting, settle=300, grace=GRACE)
        found = [EndedSession("s", gone if shown else end, told_at, Held.YES)] if over else []
        fresh = cursor.fresh(found, OVERLAP)
        told += len(fresh)
        cursor = cursor.after(fresh, now, OVERLAP)
    assert told == 1
