from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Refused
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.launching import Forgetful
from tests.core.launch_task import (
    CLASS,
    EARLY,
    KEYS,
    LATE,
    LOST,
    NINE,
    OTHER_PLAN,
    PAST,
    REPLACE,
    Desk,
)
from tests.platforms.toy import ToyPlatform

if TYPE_CHECKING:
    from datetime import datetime


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_replace_creates_what_was_never_launched(desk: Desk) -> None:
    launched = desk.launch(on_existing=REPLACE)
    assert launched.created
    assert launched.ref.key == CLASS.digest


@KEYS
@pytest.mark.parametrize("forgets", [False, True], ids=["keeps-cancelled", "forgets-cancelled"])
@pytest.mark.parametrize("remembers", [True, False], ids=["remembering", "forgetful"])
def test_replace_cancels_the_first_and_launches_anew(key: LaunchKey, forgets: bool, remembers: bool) -> None:
    desk = Desk(memory=None if remembers else Forgetful())
    desk.world.forgets_cancelled = forgets
    first = desk.launch(key=key)
    second = desk.launch(OTHER_PLAN, key, on_existing=REPLACE, generation=1)
    assert second.created
    assert second.ref.key == key.successor(1).digest
    assert second.ref != first.ref
    assert [one.title for one in desk.world.standing()] == ["Biology"]


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps-cancelled", "forgets-cancelled"])
@pytest.mark.parametrize("remembers", [True, False], ids=["remembering", "forgetful"])
@pytest.mark.parametrize("lost", ["launch answered", "launch sent", "cancel", "none"])
def test_a_retry_of_a_replace_never_doubles_the_replacement(lost: str, forgets: bool, remembers: bool) -> None:
    desk = Desk(memory=None if remembers else Forgetful())
    desk.world.forgets_cancelled = forgets
    desk.launch()
    desk.world.fail(lost, LOST)
    for _ in range(3):  # two more than needed
        try:
            desk.launch(on_existing=REPLACE, generation=1)
        except OutcomeUnknown:
            continue
    assert len(desk.world.standing()) == 1
    # Who remembers nothing may replace what its own first try made under the first key, but leaves one standing.
    assert 2 <= desk.created <= (2 if remembers else 3)


def test_the_retry_of_a_replace_cancels_nobody_s_replacement(desk: Desk) -> None:
    desk.launch()
    replacement = desk.launch(on_existing=REPLACE, generation=1)
    desk.world.enter(replacement.ref.session_id, "ada")
    again = desk.launch(on_existing=REPLACE, generation=1, now=LATE)
    assert (again.ref, again.created) == (replacement.ref, False)
    assert desk.world.sessions[replacement.ref.session_id].inside == {"ada"}


def test_a_retry_adopts_what_its_own_generation_made_although_it_may_replace(desk: Desk) -> None:
    desk.world.fail("launch answered", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch(on_existing=REPLACE, generation=1)
    desk.world.enter("toy-1", "ada")
    again = desk.launch(on_existing=REPLACE, generation=1, now=LATE)
    assert (again.ref.session_id, again.created) == ("toy-1", False)
    assert "cancel" not in desk.world.calls


def test_nobody_is_put_out_by_a_replace(desk: Desk) -> None:
    desk.launch()
    desk.world.enter("toy-1", "ada")
    desk.refused(Refused, "has people in it: 1 inside", on_existing=REPLACE, generation=1)
    assert "cancel" not in desk.world.calls


@pytest.mark.parametrize("end", ["ended", "cancelled"])
def test_what_is_over_is_replaced_without_a_cancel(desk: Desk, end: str) -> None:
    ref = desk.launch().ref
    if end == "ended":
        desk.world.end("toy-1")
    else:
        ToyPlatform(desk.world).cancel(ref)
    cancels = desk.world.calls.count("cancel")
    assert desk.launch(on_existing=REPLACE, generation=1).created
    assert desk.world.calls.count("cancel") == cancels


@pytest.mark.parametrize("now", [LATE, PAST])
def test_what_may_not_be_created_any_more_is_not_cancelled_either(desk: Desk, now: datetime) -> None:
    desk.launch()
    desk.refused(ConfigurationError, "passed|over", on_existing=REPLACE, generation=1, now=now)
    assert [one.id for one in desk.world.standing()] == ["toy-1"]


def test_a_replace_that_began_in_time_may_be_finished_late(desk: Desk) -> None:
    desk.launch()
    desk.world.fail("cancel", LOST)
    with pytest.raises(OutcomeUnknown):
        desk.launch(on_existing=REPLACE, generation=1, now=EARLY)
    assert desk.launch(on_existing=REPLACE, generation=1, now=LATE).created
    assert len(desk.world.standing()) == 1


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps-cancelled", "forgets-cancelled"])
@pytest.mark.parametrize("lost", ["launch answered", "none"])
def test_each_deliberate_relaunch_replaces_the_one_before_it(desk: Desk, lost: str, forgets: bool) -> None:
    desk.world.forgets_cancelled = forgets
    desk.launch()
    desk.world.fail(lost, LOST)
    for generation in (1, 2, 3):
        try:
            desk.launch(on_existing=REPLACE, generation=generation)
        except OutcomeUnknown:
            continue  # not even retried: a person clears the task at once
    assert [one.key for one in desk.world.standing()] == [CLASS.successor(3).digest]


def test_after_a_replace_the_replacement_is_what_is_adopted(desk: Desk) -> None:
    desk.launch()
    replacement = desk.launch(on_existing=REPLACE, generation=1)
    again = desk.launch()
    assert (again.ref, again.created) == (replacement.ref, False)
    assert again.links is not None


def test_a_replacement_of_another_key_in_the_same_memory_is_left_alone(desk: Desk) -> None:
    desk.launch()
    desk.launch(on_existing=REPLACE, generation=1)
    other = LaunchKey.for_occurrence(conn_id="toy", timetable="autumn", uid="biology", start=NINE)
    assert desk.launch(OTHER_PLAN, other, on_existing=REPLACE, generation=2).created
    assert [one.title for one in desk.world.standing()] == ["Algebra", "Biology"]


def test_a_replace_tells_what_the_cancel_did(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.launch()
    with caplog.at_level(logging.INFO):
        desk.launch(on_existing=REPLACE, generation=1)
    assert "Replacing: It was struck off." in caplog.text


def test_no_line_of_the_log_shows_a_join_link(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        desk.launch()
        desk.launch()
        desk.launch(on_existing=REPLACE, generation=1)
    assert caplog.text
    assert "door-opener" not in caplog.text
