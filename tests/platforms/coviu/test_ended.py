"""Which sessions of a team are over, asked from a moment on."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider.live_sessions.core.ended import EndingPlatform
from airflow_provider.live_sessions.core.status import Held
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
