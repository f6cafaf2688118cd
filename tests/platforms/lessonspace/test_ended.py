"""Which sessions of an organisation have ended, asked from a moment on."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider.live_sessions.core.contract import Ability
from airflow_provider.live_sessions.core.ended import EndingPlatform
from airflow_provider.live_sessions.core.status import Held
from tests.platforms.lessonspace.academy import CLASS, START, Academy, plan

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


def lacking(academy: Academy) -> list[frozenset[Ability]]:
    found, _ = academy.platform.ended_since(START)
    return [one.lacks for one in sorted(found, key=lambda one: one.ended_at)]


def test_what_a_session_lacks_for_good_is_told_as_far_as_the_list_shows_it(academy: Academy) -> None:
    with_one, without = (academy.launch(plan(name, transcribe=name == "With")).ref for name in ("With", "Without"))
    academy.go_to(CLASS)
    academy.hold(with_one, 600)
    academy.hold(with_one, 600, "t-1")
    academy.hold(without, 600)
    assert lacking(academy) == [frozenset(), frozenset({Ability.TRANSCRIPT}), frozenset({Ability.TRANSCRIPT})]
    academy.sandbox.lessonspace.delete_recording(academy.sessions[0]["uuid"])
    assert lacking(academy)[0] == {Ability.TRANSCRIPT, Ability.RECORDING}


def test_what_a_room_is_set_to_long_after_the_end_proves_nothing(academy: Academy) -> None:
    ref = academy.launch(plan(transcribe=False)).ref
    academy.go_to(CLASS)
    academy.hold(ref, 600)
    academy.wait(3600)
    assert lacking(academy) == [frozenset()]


def test_a_part_of_what_ended_holds_all_up_to_its_moment_and_asks_for_no_more(academy: Academy) -> None:
    ref = academy.launch(plan(minutes=600)).ref
    academy.go_to(CLASS)
    for _ in range(3):
        academy.hold(ref, 600)
        academy.wait(600)
    found, _ = academy.platform.ended_since(START)
    first, second, _ = sorted(found, key=lambda one: one.told_at)
    part, _ = academy.platform.ended_since(START, second.told_at)
    assert {one.session_id for one in part} == {first.session_id, second.session_id}
