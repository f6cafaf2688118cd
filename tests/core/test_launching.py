from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    OutcomeUnknown,
    Refused,
    Transient,
    Unavailable,
)
from airflow_provider.live_sessions.core.launching import Forgetful, OnExisting, create_or_find
from airflow_provider.live_sessions.core.models import Plan
from airflow_provider.live_sessions.core.status import State
from tests.core.launch_task import (
    CLASS,
    DOWN,
    EARLY,
    KEYS,
    LATE,
    LOST,
    NINE,
    OTHER_PLAN,
    PAST,
    PEOPLE,
    PLAN,
    SILENT,
    TASK,
    Desk,
    Remembering,
)
from tests.platforms.toy import ToyPlatform, ToyWorld

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.keys import LaunchKey


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def forgetful() -> Desk:
    """Below Airflow 3.3: nothing outlives the try."""
    return Desk(memory=Forgetful())


# ---- the first launch


@KEYS
def test_what_was_never_launched_is_created_once_with_a_link_for_everybody(desk: Desk, key: LaunchKey) -> None:
    launched = desk.launch(key=key)
    assert launched.created
    assert launched.ref.key == key.digest
    assert launched.links is not None
    assert [link.participant for link in launched.links] == list(PEOPLE)
    assert desk.world.calls == ["find", "launch"]


def test_memory_and_policy_may_be_left_out() -> None:
    world = ToyWorld()
    assert create_or_find(ToyPlatform(world), PLAN, CLASS, now=EARLY).created
    assert not create_or_find(ToyPlatform(world), PLAN, CLASS, now=EARLY).created
    assert len(world.sessions) == 1


def test_the_intent_is_recorded_before_the_create_and_the_ref_after_it(desk: Desk) -> None:
    desk.world.fail("launch answered", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch()
    assert "intent" in desk.memory.recall()
    assert "ref" not in desk.memory.recall()
    desk.launch()
    assert desk.memory.recall()["ref"]["session_id"] == "toy-1"


def test_what_is_recorded_holds_no_join_link(desk: Desk) -> None:
    desk.launch()
    assert isinstance(desk.memory, Remembering)
    assert "door-opener" not in desk.memory.text


# ---- retries


@KEYS
@pytest.mark.parametrize("remembers", [True, False], ids=["remembering", "forgetful"])
def test_a_lost_answer_is_unknown_and_the_next_try_finds_the_one_session(remembers: bool, key: LaunchKey) -> None:
    desk = Desk(memory=None if remembers else Forgetful())
    desk.world.fail("launch answered", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch(key=key)
    launched = desk.launch(key=key)
    assert not launched.created
    assert launched.links is not None
    assert desk.created == 1


def test_a_create_that_never_arrived_is_made_up_for_by_the_next_try(desk: Desk) -> None:
    desk.world.fail("launch sent", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch()
    assert desk.launch().created
    assert desk.created == 1


@pytest.mark.parametrize("error", [DOWN, Transient("not now"), Refused("no", status=403)], ids=repr)
def test_a_failed_lookup_is_unknown_not_absent_and_creates_nothing(desk: Desk, error: LiveSessionError) -> None:
    desk.world.fail("find", error)
    assert desk.refused(type(error), str(error)) is error
    assert desk.world.calls == ["find"]
    assert desk.memory.recall() == {}


@given(
    st.lists(st.sampled_from(["find", "launch sent", "launch answered"]), max_size=8),
    st.booleans(),
    st.sampled_from([CLASS, TASK]),
)
def test_whatever_is_lost_in_whatever_order_one_session_stands_at_the_end(
    losses: list[str], remembers: bool, key: LaunchKey
) -> None:
    desk = Desk(memory=None if remembers else Forgetful())
    for step in losses:
        desk.world.fail(step, DOWN if step == "find" else LOST)
    for _ in range(len(losses) + 1):
        try:
            desk.launch(key=key)
        except (OutcomeUnknown, Unavailable):
            continue
        break
    assert desk.created == 1
    assert len(desk.world.standing()) == 1


# ---- found


@KEYS
@pytest.mark.parametrize("inside", [(), ("ada",)], ids=["scheduled", "live"])
def test_what_is_not_over_is_adopted_with_links(desk: Desk, key: LaunchKey, inside: tuple[str, ...]) -> None:
    first = desk.launch(key=key)
    desk.world.enter("toy-1", *inside)
    again = desk.launch(key=key)
    assert (again.ref, again.created) == (first.ref, False)
    assert again.links is not None
    assert again.status is not None
    assert again.status.state is (State.LIVE if inside else State.SCHEDULED)


def test_an_adopted_class_is_brought_up_to_date(desk: Desk) -> None:
    desk.launch(key=CLASS)
    renamed = Plan("Algebra II", NINE, NINE + timedelta(hours=2), PEOPLE)
    assert not desk.launch(renamed, CLASS).created
    assert [one.title for one in desk.world.sessions.values()] == ["Algebra II"]


@KEYS
def test_what_is_over_is_adopted_as_over_and_never_created_again(desk: Desk, key: LaunchKey) -> None:
    desk.launch(key=key)
    desk.world.enter("toy-1", "ada")
    desk.world.end("toy-1")
    again = desk.launch(key=key, now=PAST)
    assert (again.links, again.created) == (None, False)
    assert again.status is not None
    assert again.status.state is State.ENDED
    assert desk.world.calls == ["find", "launch", "find"]


@KEYS
def test_what_was_cancelled_stays_cancelled(desk: Desk, key: LaunchKey, caplog: pytest.LogCaptureFixture) -> None:
    ToyPlatform(desk.world).cancel(desk.launch(key=key).ref)
    with caplog.at_level(logging.WARNING):
        again = desk.launch(key=key)
    assert (again.links, again.created) == (None, False)
    assert "stays cancelled" in caplog.text
    assert desk.world.standing() == []


@KEYS
def test_what_was_cancelled_comes_back_only_when_asked_for(desk: Desk, key: LaunchKey) -> None:
    ToyPlatform(desk.world).cancel(desk.launch(key=key).ref)
    again = desk.launch(key=key, revive=True)
    assert again.links is not None
    assert not again.created
    assert [one.id for one in desk.world.standing()] == ["toy-1"]


def test_reviving_brings_nothing_back_that_has_ended(desk: Desk) -> None:
    desk.launch()
    desk.world.end("toy-1")
    assert desk.launch(revive=True).links is None
    assert desk.world.standing() == []


def test_a_late_retry_still_finds_its_own(desk: Desk) -> None:
    desk.launch()
    assert desk.launch(now=LATE).links is not None
    assert desk.launch(now=PAST).links is not None
    assert desk.created == 1


@pytest.mark.parametrize("state", ["scheduled", "live", "ended", "cancelled"])
def test_fail_refuses_whatever_was_launched_before_and_says_how_it_stands(desk: Desk, state: str) -> None:
    ref = desk.launch().ref
    if state == "live":
        desk.world.enter("toy-1", "ada")
    if state == "ended":
        desk.world.end("toy-1")
    if state == "cancelled":
        ToyPlatform(desk.world).cancel(ref)
    desk.refused(Refused, f"'Algebra' was launched before and is {state}", on_existing=OnExisting.FAIL)


def test_fail_creates_what_was_never_launched(desk: Desk) -> None:
    assert desk.launch(on_existing=OnExisting.FAIL).created


# ---- a task that meets another plan


@pytest.mark.parametrize("on_existing", [OnExisting.ADOPT, OnExisting.FAIL])
def test_a_task_whose_map_index_moved_on_never_adopts_its_neighbour_s_session(
    desk: Desk, on_existing: OnExisting
) -> None:
    desk.launch(PLAN, TASK)
    error = desk.refused(
        ConfigurationError,
        "launched another session before than 'Biology' at 2026-09-01T09:00",
        plan=OTHER_PLAN,
        key=TASK,
        on_existing=on_existing,
    )
    assert "`session`" in error.advice


def test_a_platform_that_carries_no_fingerprint_leaves_the_task_its_session(desk: Desk) -> None:
    desk.world.shows_fingerprint = False
    desk.launch(PLAN, TASK)
    assert not desk.launch(OTHER_PLAN, TASK).created


def test_a_recorded_ref_carries_the_fingerprint_the_platform_does_not(desk: Desk) -> None:
    desk.launch(PLAN, TASK)
    desk.world.fail("find", SILENT)
    desk.refused(ConfigurationError, "launched another session before", plan=OTHER_PLAN, key=TASK)


# ---- a start that has passed


@KEYS
def test_a_start_in_the_past_is_refused_so_a_backfill_makes_no_sessions(desk: Desk, key: LaunchKey) -> None:
    for now in (NINE, LATE):
        error = desk.refused(ConfigurationError, "was to start at .*, which has passed", key=key, now=now)
        assert "create_in_past=True" in error.advice
    assert "intent" not in desk.memory.recall()


def test_a_moment_before_the_start_is_early_enough(desk: Desk) -> None:
    assert desk.launch(now=NINE - timedelta(microseconds=1)).created


def test_a_late_launch_is_made_when_asked_for(desk: Desk) -> None:
    assert desk.launch(now=LATE, create_in_past=True).created


@pytest.mark.parametrize("now", [PAST, PAST + timedelta(days=30)])
def test_nothing_is_created_for_what_is_over_whatever_is_asked_for(desk: Desk, now: datetime) -> None:
    desk.world.fail("launch sent", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch()  # even the intent of an earlier try
    for asked in (True, False):
        desk.refused(ConfigurationError, "nothing is created for what is over", now=now, create_in_past=asked)


def test_a_try_that_began_in_time_may_be_finished_late(desk: Desk) -> None:
    desk.world.fail("launch sent", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch(now=EARLY)
    assert desk.launch(now=LATE).created
    assert desk.created == 1


def test_without_a_memory_a_late_try_cannot_know_that_it_began_in_time(forgetful: Desk) -> None:
    forgetful.world.fail("launch sent", LOST)
    with pytest.raises(OutcomeUnknown):
        forgetful.launch(now=EARLY)
    forgetful.refused(ConfigurationError, "which has passed", now=LATE)


@pytest.mark.parametrize(("plan", "key"), [(OTHER_PLAN, CLASS), (PLAN, TASK)], ids=["plan", "key"])
def test_the_intent_of_another_launch_excuses_no_late_one(desk: Desk, plan: Plan, key: LaunchKey) -> None:
    desk.world.fail("launch sent", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch(now=EARLY)
    desk.refused(ConfigurationError, "which has passed", plan=plan, key=key, now=LATE)


# ---- a look-up that proves nothing


def test_what_cannot_be_ruled_out_is_created_before_the_start(desk: Desk) -> None:
    desk.world.fail("find", SILENT)
    assert desk.launch().created


def test_what_cannot_be_ruled_out_is_created_late_with_a_warning(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.world.fail("find", SILENT)
    with caplog.at_level(logging.WARNING):
        assert desk.launch(now=LATE, create_in_past=True).created
    assert "cannot be ruled out: its list reaches back one day. Where this is the first" in caplog.text


def test_what_cannot_be_ruled_out_is_never_created_after_the_end(desk: Desk) -> None:
    desk.world.fail("find", SILENT)
    desk.refused(ConfigurationError, "nothing is created", now=PAST, create_in_past=True)


@KEYS
def test_the_recorded_ref_finds_what_the_lookup_cannot_show(desk: Desk, key: LaunchKey) -> None:
    first = desk.launch(key=key)
    desk.world.fail("find", SILENT)
    again = desk.launch(key=key)
    assert (again.ref, again.created) == (first.ref, False)
    assert desk.created == 1


def test_the_recorded_ref_of_another_key_is_left_aside(desk: Desk) -> None:
    desk.launch(key=TASK)
    assert desk.launch(key=CLASS).created
    assert "statuses of 1" not in desk.world.calls


def test_a_recorded_session_whose_state_cannot_be_asked_is_never_doubled(desk: Desk) -> None:
    desk.launch()
    desk.world.fail("find", SILENT)
    desk.world.fail("statuses", DOWN)
    assert desk.refused(Unavailable, "it is down") is DOWN


def test_a_recorded_session_whose_state_has_to_wait_is_never_doubled(desk: Desk) -> None:
    desk.launch()
    desk.world.fail("find", SILENT)
    desk.world.fail("statuses", None)
    desk.refused(Unavailable, "was launched before, but how it stands cannot be told yet")
    assert not desk.launch().created


def test_a_record_that_is_no_ref_is_told_and_creates_nothing(desk: Desk) -> None:
    desk.memory.record({"ref": {"session_id": 7}})
    desk.refused(ConfigurationError, "not a session reference")
