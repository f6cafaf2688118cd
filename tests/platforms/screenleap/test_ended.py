"""Which shares of an account have ended for good, asked from a moment on."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider.live_sessions.core.ended import EndingPlatform
from airflow_provider.live_sessions.core.status import Held
from tests.platforms.screenleap.studio import START, Studio, plan


def test_a_share_is_told_when_its_end_can_no_longer_be_undone(studio: Studio) -> None:
    assert isinstance(studio.platform, EndingPlatform)
    ref = studio.launch(plan()).ref
    studio.hold(ref)
    studio.wait(200)
    assert studio.platform.ended_since(START)[0] == []
    studio.wait(800)  # the history is late
    (one,), asked_at = studio.platform.ended_since(START)
    assert (one.session_id, one.key, one.held) == (ref.session_id, ref.key, Held.YES)
    assert one.told_at == one.ended_at + timedelta(seconds=300) <= asked_at


def test_no_code_of_a_share_is_in_what_is_told(studio: Studio) -> None:
    ref = studio.launch(plan()).ref
    studio.hold(ref)
    studio.wait(1000)
    (one,), _ = studio.platform.ended_since(START)
    assert studio.code(ref) not in repr(one)


def test_each_end_is_found_from_just_before_it_was_final(studio: Studio) -> None:
    for number in range(3):
        studio.hold(studio.launch(plan(externalId=f"case-{number}")).ref)
        studio.wait(1000)
    found, _ = studio.platform.ended_since(START)
    assert len(found) == 3
    for one in found:
        again, _ = studio.platform.ended_since(one.told_at - timedelta(seconds=1))
        assert one.session_id in {other.session_id for other in again}


def test_a_part_of_what_ended_holds_all_up_to_its_moment_and_asks_for_no_more(studio: Studio) -> None:
    for number in range(3):
        studio.hold(studio.launch(plan(externalId=f"case-{number}")).ref)
        studio.wait(20_000)
    found, _ = studio.platform.ended_since(START)
    first, second, _ = sorted(found, key=lambda one: one.told_at)
    for until in (second.told_at, second.told_at + timedelta(seconds=1)):
        part, _ = studio.platform.ended_since(START, until)
        assert {one.session_id for one in part} == {first.session_id, second.session_id}
