"""Which sessions of an organisation have ended, asked from a moment on."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider.live_sessions.core.ended import EndingPlatform
from airflow_provider.live_sessions.core.status import Held
from tests.platforms.lessonspace.academy import CLASS, START, Academy

HOUR = timedelta(hours=1)


def test_a_session_is_told_when_it_has_ended_by_its_launch_key(academy: Academy) -> None:
    assert isinstance(academy.platform, EndingPlatform)
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    academy.wait(600)
    assert academy.platform.ended_since(START)[0] == []
    academy.leave(ref, "t-1", "s-1")
    academy.wait(600)
    (one,), asked_at = academy.platform.ended_since(START)
    assert (one.key, one.held) == (ref.key, Held.YES)
    assert one.ended_at == one.told_at <= asked_at


def test_somebody_alone_is_told_as_not_held(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.hold(ref, 600, "t-1")
    academy.wait(600)
    (one,), _ = academy.platform.ended_since(START)
    assert one.held is Held.NO


def test_what_ended_before_the_moment_is_not_told_again(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.hold(ref, 600)
    academy.wait(600)
    (one,), _ = academy.platform.ended_since(START)
    assert academy.platform.ended_since(one.ended_at)[0] == [one]
    assert academy.platform.ended_since(one.ended_at + HOUR)[0] == []


def test_the_time_told_is_the_platforms_and_not_ours(academy: Academy) -> None:
    _, asked_at = academy.platform.ended_since(START)
    assert abs(asked_at - START) < timedelta(minutes=1)
