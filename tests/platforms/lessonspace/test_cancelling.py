"""An honest cancel: every state, handed over or not; what was done, and what could not be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.live_sessions.core.errors import OutcomeUnknown
from airflow_provider.live_sessions.core.models import CancelOutcome, People, SessionRef
from airflow_provider.live_sessions.core.polling import Goal, GoalKind, conclude
from airflow_provider.live_sessions.core.status import Held, State
from airflow_provider.live_sessions.platforms.lessonspace.launching import SPACE_LEVEL
from tests.platforms.kit import watch
from tests.platforms.lessonspace.academy import CLASS, START, Academy, plan

END = CLASS + timedelta(hours=1)
LINKS_END = END + timedelta(hours=1)


def weekly(academy: Academy) -> SessionRef:
    return academy.launch(plan(space="persistent", space_id="room-1")).ref


def told(outcome: CancelOutcome) -> str:
    return json.dumps(outcome.to_json())


# ---- scheduled


def test_a_scheduled_class_is_marked_and_its_links_are_named_as_still_good(academy: Academy) -> None:
    outcome = academy.platform.cancel(academy.launch().ref)
    assert outcome.state_before is State.SCHEDULED
    assert outcome.done == (
        "The space was marked as cancelled: tasks that wait for the class see it, people do not.",
    )
    assert outcome.not_done == (
        "A link that has left Airflow cannot be revoked; it works until 2026-09-01T11:00:00+00:00.",
    )
    assert (outcome.confirmed, outcome.links_valid_until, outcome.people_inside) == (False, LINKS_END, People.NO)
    assert outcome.next == "Tell the participants yourself: nobody else does."


def test_a_scheduled_class_whose_links_never_left_is_cancelled_completely(academy: Academy) -> None:
    outcome = academy.platform.cancel(academy.launch().ref, handed_over=False)
    assert outcome.confirmed
    assert outcome.not_done == ()
    assert (outcome.links_valid_until, outcome.links_open_ended, outcome.next) == (None, False, "")
    assert outcome.done[1:] == ("No link had left Airflow, so nobody can come.",)


def test_after_the_links_end_nobody_can_come_any_more(academy: Academy) -> None:
    ref = academy.launch(plan(hard_stop=0)).ref
    academy.go_to(END + timedelta(minutes=1))
    outcome = academy.platform.cancel(ref)
    assert (outcome.state_before, outcome.confirmed, outcome.links_valid_until) == (State.SCHEDULED, True, None)
    assert (outcome.not_done, outcome.next) == ((), "")


def test_the_mark_repeats_the_full_set_and_is_read_back(academy: Academy) -> None:
    hooks = {"session": {"end": "http://127.0.0.1:9/e"}}
    ref = academy.launch(
        plan(
            transcribe=True,
            summarise=True,
            record_content=False,
            allow_guests=True,
            server="us-east-1",
            session_tags={"term": "autumn"},
            space_tags={"room": "blue"},
            webhooks=hooks,
        )
    ).ref
    first, *_, since = academy.bodies()[0], academy.mark()
    (before,) = academy.spaces
    academy.platform.cancel(ref)
    mark = academy.bodies()[-1]
    same = [name for name in SPACE_LEVEL if name != "space_tags"]
    assert {name: mark[name] for name in same} == {name: first[name] for name in same}
    assert mark["id"] == first["id"]
    assert mark["space_tags"] == {**first["space_tags"], "als_cancelled": "2026-09-01"}
    assert mark["user"] == {"id": "als-cancel", "name": "Cancelled", "leader": False}
    (after,) = academy.spaces
    assert (after["webhooks"], after["name"]) == (["session.end"], "Algebra 1")  # they tell who came anyway
    assert (after["session_tags"], after["session_id"]) == (before["session_tags"], before["session_id"])
    reads = academy.queries("/spaces/$", since=since)
    assert reads == [{"tag_key": ["als_cancelled"], "tag_value": ["2026-09-01"]}] * 2
    calls = [one.path for one in academy.log(since=since)]
    assert calls.index("/lessonspace/v2/spaces/launch/") == len(calls) - 2


def test_transcribe_is_still_on_for_who_comes_anyway(academy: Academy) -> None:
    ref = academy.launch(plan(transcribe=True)).ref
    academy.platform.cancel(ref)
    academy.go_to(CLASS)
    uuid = academy.hold(ref)
    academy.wait(300)
    assert academy.client.transcript(uuid).url is not None


def test_the_marks_own_link_is_dead_at_once_and_thrown_away(academy: Academy) -> None:
    outcome = academy.platform.cancel(academy.launch().ref)
    dead = academy.spaces[0]["links"][-1]
    assert dead["user"] == "als-cancel"
    assert dead["not_after"] <= START.timestamp() + 2
    assert datetime.fromisoformat(academy.bodies()[-1]["timeouts"]["not_after"]).utcoffset() == timedelta(0)
    assert not [one for one in ("http", "room.sh", "eyJ", "user=") if one in told(outcome) + repr(outcome)]


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_mark_that_cannot_be_read_back_is_not_claimed(handed_over: bool) -> None:
    with Academy.open(space_tags_replace=False) as academy:
        ref = academy.launch().ref
        outcome = academy.platform.cancel(ref, handed_over=handed_over)
        assert "marked" not in "".join(outcome.done)
        assert "cannot be read back" in outcome.not_done[0]
        assert not outcome.confirmed  # a hand-over that is still waiting looks for the mark
        assert academy.status(ref).state is State.SCHEDULED


def test_a_lost_answer_of_the_mark_is_unknown(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.sandbox.faults.add("reset_after", path="/launch/")
    with pytest.raises(OutcomeUnknown):
        academy.platform.cancel(ref)
    academy.sandbox.faults.clear()
    assert academy.platform.cancel(ref).state_before is State.CANCELLED


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_room_over_weeks_is_not_marked(academy: Academy, handed_over: bool) -> None:
    ref = weekly(academy)
    launches = academy.spaces[0]["launches"]
    outcome = academy.platform.cancel(ref, handed_over=handed_over)
    assert academy.spaces[0]["launches"] == launches
    assert "als_cancelled" not in academy.spaces[0]["tags"]
    assert "A persistent space is not marked" in outcome.not_done[0]
    assert not outcome.confirmed
    assert handed_over or "still waiting" in outcome.not_done[1]
    assert outcome.links_valid_until == (LINKS_END if handed_over else None)
    assert academy.queries("/spaces/$") == []


def test_a_teachers_early_test_does_not_keep_a_class_from_being_cancelled(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS - timedelta(minutes=20))
    academy.hold(ref, 60, "t-1")
    outcome = academy.platform.cancel(ref)
    assert (outcome.state_before, len(outcome.done)) == (State.SCHEDULED, 1)
    assert academy.status(ref).state is State.CANCELLED


# ---- live


@pytest.mark.parametrize("handed_over", [True, False])
@pytest.mark.parametrize("force", [True, False])
def test_a_live_class_is_not_ended_and_its_bound_is_named(
    academy: Academy, handed_over: bool, force: bool
) -> None:
    ref = academy.launch(plan(hard_stop=300)).ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    launches = academy.spaces[0]["launches"]
    outcome = academy.platform.cancel(ref, force=force, handed_over=handed_over)
    assert (outcome.state_before, outcome.done, outcome.confirmed) == (State.LIVE, (), False)
    assert outcome.not_done == (
        "Lessonspace has no call that ends a session or puts people out.",
        "Every link puts its bearer out at 2026-09-01T10:05:00+00:00; the session ends some 30 seconds later.",
    )
    assert outcome.links_valid_until == END + timedelta(seconds=300)
    assert outcome.people_inside is People.YES
    assert "End Session for All" in outcome.next
    assert academy.spaces[0]["launches"] == launches
    assert academy.sessions[0]["inside"] == ["t-1", "s-1"]


def test_a_live_class_without_a_bound_says_that_nothing_puts_people_out(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1")
    outcome = academy.platform.cancel(ref)
    assert "launched without hard_stop" in outcome.not_done[1]
    assert outcome.links_valid_until == LINKS_END


def test_a_class_in_its_break_is_live_with_nobody_inside(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.hold(ref, 600)
    outcome = academy.platform.cancel(ref)
    assert (outcome.state_before, outcome.people_inside) == (State.LIVE, People.NO)
    assert not outcome.confirmed


# ---- over


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_class_that_ended_needs_nothing(academy: Academy, handed_over: bool) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.hold(ref, 3600)
    outcome = academy.platform.cancel(ref, handed_over=handed_over)
    assert (outcome.state_before, outcome.confirmed, outcome.people_inside) == (State.ENDED, True, People.NO)
    assert outcome.done[0].startswith("Nothing had to be done: It ended at")
    assert outcome.links_valid_until == (LINKS_END if handed_over else None)


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_class_that_was_never_held_needs_nothing(academy: Academy, handed_over: bool) -> None:
    ref = academy.launch().ref
    academy.go_to(LINKS_END)
    outcome = academy.platform.cancel(ref, handed_over=handed_over)
    assert (outcome.state_before, outcome.confirmed) == (State.NEVER_HELD, True)
    assert outcome.links_valid_until is None


@pytest.mark.parametrize("handed_over", [True, False])
def test_a_second_cancel_marks_nothing_and_claims_no_more_than_the_first(
    academy: Academy, handed_over: bool
) -> None:
    ref = academy.launch().ref
    academy.platform.cancel(ref, handed_over=handed_over)
    launches = academy.spaces[0]["launches"]
    outcome = academy.platform.cancel(ref, handed_over=handed_over)
    assert (outcome.state_before, outcome.confirmed) == (State.CANCELLED, not handed_over)
    assert outcome.links_valid_until == (LINKS_END if handed_over else None)
    assert academy.spaces[0]["launches"] == launches


# ---- what others see of it


def test_a_cancelled_class_is_seen_cancelled_by_a_wait(academy: Academy) -> None:
    ref, other = academy.launch().ref, academy.launch(plan("Other")).ref
    academy.platform.cancel(ref)
    cancelled, kept = academy.tick(watch(ref), watch(other))
    assert cancelled is not None
    assert kept is not None
    assert (cancelled.state, cancelled.held, kept.state) == (State.CANCELLED, Held.NO, State.SCHEDULED)
    outcome = conclude(Goal(GoalKind.END), cancelled, watch(ref).seen)
    assert outcome is not None
    assert outcome.conclusion == "cancelled"


def test_a_class_that_people_hold_in_spite_of_its_cancel_is_live(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.platform.cancel(ref)
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    assert academy.status(ref).state is State.LIVE
    assert academy.platform.current(ref).state is State.LIVE


def test_a_cancelled_class_launched_again_is_scheduled_again(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.platform.cancel(ref)
    academy.launch()
    assert academy.status(ref).state is State.SCHEDULED
    assert academy.platform.current(ref).state is State.SCHEDULED


def test_a_class_after_midnight_is_marked_with_its_day_in_utc(academy: Academy) -> None:
    start = datetime.fromisoformat("2026-09-02T01:30:00+02:00")
    ref = academy.launch(plan(start=start)).ref
    academy.platform.cancel(ref)
    assert academy.spaces[0]["tags"]["als_cancelled"] == start.astimezone(UTC).date().isoformat() == "2026-09-01"
    assert academy.status(ref).state is State.CANCELLED


def test_a_mark_is_told_from_others_where_the_server_ignores_the_filter(academy: Academy) -> None:
    marked, other = academy.launch().ref, academy.launch(plan("Other")).ref
    academy.platform.cancel(marked)
    academy.tap.rewrite = lambda request: (
        replace(request, query="") if request.path.endswith("/spaces/") else request
    )
    assert academy.status(other).state is State.SCHEDULED
    assert academy.status(marked).state is State.CANCELLED


def test_the_current_state_is_read_from_the_space_itself(academy: Academy) -> None:
    ref = academy.launch().ref
    since = academy.mark()
    assert academy.platform.current(ref).state is State.SCHEDULED
    assert academy.log(since=since)[0].path.endswith(f"/spaces/{ref.detail('space')}/sessions/")
    assert academy.platform.session_ids(ref) == ()


def test_a_room_that_is_gone_is_a_room_with_nothing_in_it(academy: Academy) -> None:
    ref = academy.launch().ref.with_details(space="0b1c7a52-1c52-4b9e-9d84-0a2a3f1f0001")
    assert academy.platform.current(ref).state is State.SCHEDULED
