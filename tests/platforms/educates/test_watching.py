"""How classes stand: one list a tick, one question for each that left it, and no guess where nobody looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider.live_sessions.core.errors import ConfigurationError, Unavailable
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.polling import Conclusion, Goal, GoalKind, conclude, milestone
from airflow_provider.live_sessions.core.status import Absence, Held, State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.educates.judging import BLIND
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from airflow_provider.live_sessions.sandbox.wire import Response
from tests.platforms.educates.lab import ADA, BO, CLASS, CLEO, Lab, plan
from tests.platforms.kit import watch

NOW = datetime(2026, 1, 1, tzinfo=UTC)


# ---- one class


def test_a_class_is_live_as_soon_as_one_is_in_and_over_when_all_are_gone(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO)).ref
    users = {one.learner: one.user for one in seats_of(ref)}
    assert lab.status(ref).why == "Of 2 learners: 2 not yet come."
    lab.activate(ref, "ada")
    status = lab.status(ref)
    assert (status.state, status.people, status.present) == (State.LIVE, 1, frozenset({users["ada"]}))
    assert status.why == "Of 2 learners: 1 in, 1 not yet come."
    lab.finish(ref, "ada")
    status = lab.status(ref)
    assert (status.state, status.why) == (State.LIVE, "Of 2 learners: 1 finished, 1 not yet come.")
    lab.activate(ref, "bo")
    lab.status(ref)
    lab.wait(60)
    lab.finish(ref, "bo")
    status = lab.status(ref)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.YES, 2)
    assert status.present == frozenset(users.values())
    assert status.session_ids == tuple(one.session for one in seats_of(ref))
    assert status.started_at is not None
    assert status.ended_at is not None
    assert status.ended_at - status.started_at >= timedelta(seconds=60)


def test_a_wait_for_everybody_ends_when_the_last_one_has_come(lab: Lab) -> None:
    launched = lab.launch(plan(ADA, BO))
    users = frozenset(one.user for one in seats_of(launched.ref))
    goal = Goal(GoalKind.START, expected=users)
    the_watch = watch(launched.ref)
    lab.activate(launched.ref, "ada")
    assert conclude(goal, lab.status(launched.ref), the_watch.seen) is None
    lab.activate(launched.ref, "bo")
    outcome = conclude(goal, lab.status(launched.ref), the_watch.seen)
    assert outcome is not None
    assert outcome.conclusion is Conclusion.REACHED


def test_stopping_still_counts_as_live_for_it_can_flip_back() -> None:
    with Lab.open(delete_after=5.0) as lab:
        ref = lab.launch().ref
        lab.activate(ref)
        lab.status(ref)
        lab.portal.finish(ref.session_id)
        assert lab.status(ref).state is State.LIVE
        lab.portal.activate(ref.session_id)
        assert lab.status(ref).state is State.LIVE
        lab.wait(6)
        assert lab.status(ref).state is State.ENDED


def test_stopping_that_nobody_had_opened_is_no_use(lab: Lab) -> None:
    with Lab.open(delete_after=5.0) as slow:
        ref = slow.launch().ref
        slow.status(ref)
        slow.portal.finish(ref.session_id)
        status = slow.status(ref)
        assert (status.state, status.people) == (State.SCHEDULED, 0)
        assert status.why == "Of 1 learner: 1 being ended."
        slow.wait(6)
        status = slow.status(ref)
        assert (status.state, status.held) == (State.CANCELLED, Held.NO)


def test_a_use_that_began_and_stopped_between_two_looks_is_not_called_a_no_show() -> None:
    with Lab.open(delete_after=5.0) as lab:
        ref = lab.launch().ref
        lab.status(ref)
        lab.wait(10)
        lab.activate(ref)
        lab.wait(10)
        lab.portal.finish(ref.session_id)
        lab.status(ref)
        lab.wait(6)
        status = lab.status(ref)
        assert (status.state, status.held, status.people) == (State.ENDED, Held.UNKNOWN, None)


def test_a_session_terminated_before_anybody_came_is_cancelled(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.status(ref)
    lab.wait(60)
    lab.finish(ref)
    status = lab.status(ref)
    assert (status.state, status.held) == (State.CANCELLED, Held.NO)
    assert status.why == "Of 1 learner: 1 ended before anybody came."


def test_every_window_lapsed_is_never_held(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO, timeout=120)).ref
    lab.wait(110)
    lab.status(ref)
    lab.wait(30)
    status = lab.status(ref)
    assert (status.state, status.held, status.absence) == (State.NEVER_HELD, Held.NO, Absence.NOBODY)
    assert status.people == 0


def test_one_lapsed_and_one_cancelled_is_never_held(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO, timeout=120)).ref
    lab.wait(100)
    lab.status(ref)
    lab.finish(ref, "ada")
    lab.status(ref)
    lab.wait(40)
    assert lab.status(ref).state is State.NEVER_HELD


def test_by_the_deadline_of_the_wait_nobody_came_although_the_link_still_works(lab: Lab) -> None:
    ref = lab.launch().ref
    deadline = CLASS + timedelta(minutes=5)
    assert lab.status(ref, deadline=deadline).state is State.SCHEDULED
    lab.wait(905)
    status = lab.status(ref, deadline=deadline)
    assert (status.state, status.absence) == (State.NEVER_HELD, Absence.NOBODY)
    assert "Nobody had come by 2026-09-01T08:15" in status.why
    # The other wait, for the end, goes on.
    assert lab.status(ref).state is State.SCHEDULED


# ---- gaps


def test_a_gap_longer_than_a_life_gives_unknown_and_no_guess(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.status(ref)
    lab.wait(BLIND.total_seconds() + 3000)
    status = lab.status(ref)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.UNKNOWN, None)


def test_a_short_use_before_anybody_looked_is_not_called_a_no_show(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.activate(ref)
    lab.wait(20)
    lab.finish(ref)
    status = lab.status(ref)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.UNKNOWN, None)


def test_what_was_seen_live_before_a_restart_is_held(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.activate(ref)
    before = watch(ref).seen
    after = before.after(lab.status(ref))
    stone = milestone(before, after, keeps_history=lab.platform.keeps_history)
    assert stone is not None
    lab.finish(ref)
    lab.wait(7200)
    lab.client.log_in()
    status = lab.status(ref, lab.new_platform(), first_live=stone.seen.first_live)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.YES, 1)
    assert status.ended_at is None  # when it ended nobody saw


def test_after_a_restart_a_class_was_held_but_who_came_is_not_counted(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO)).ref
    lab.activate(ref, "ada")
    seen = watch(ref).seen.after(lab.status(ref))
    lab.finish(ref, "ada", "bo")
    lab.wait(3600)
    status = lab.status(ref, lab.new_platform(), first_live=seen.first_live)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.YES, None)
    assert status.why == "Of 2 learners: 2 gone, and whether they came is not known."


def test_a_class_that_ended_during_a_restart_makes_nobody_a_no_show(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO)).ref
    lab.activate(ref, "ada", "bo")
    seen = watch(ref).seen.after(lab.status(ref))
    lab.finish(ref, "ada", "bo")
    status = lab.status(ref, lab.new_platform(), first_live=seen.first_live)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.YES, None)


def test_a_pending_class_with_one_whose_fate_is_unknown_is_not_a_no_show(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO, timeout=7200)).ref
    lab.finish(ref, "bo")
    lab.wait(3600)
    status = lab.status(ref, lab.new_platform(), deadline=NOW)
    assert (status.state, status.held, status.people) == (State.SCHEDULED, Held.UNKNOWN, None)


# ---- identity


def test_a_redeployed_portal_gives_unknown_whatever_now_bears_the_name(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.status(ref)
    lab.portal.redeploy()
    lab.client.log_in()
    lab.launch(plan(BO, title="Strangers"))
    assert lab.live_rows[0]["name"] == ref.session_id
    status = lab.status(ref)
    assert (status.state, status.held, status.people) == (State.ENDED, Held.UNKNOWN, None)


def test_a_name_that_belongs_to_another_user_is_not_ours(lab: Lab) -> None:
    ref = lab.launch().ref
    seats = ref.detail("seats").replace(seats_of(ref)[0].user, "als1-other")
    status = lab.status(ref.with_details(seats=seats))
    assert (status.state, status.held) == (State.ENDED, Held.UNKNOWN)


@pytest.mark.parametrize("seats", ["", "{}", "[1]", '[{"learner": 1}]', '[{"learner": "a", "user": null}]'])
def test_a_ref_of_another_kind_is_refused(lab: Lab, seats: str) -> None:
    ref = lab.launch().ref.with_details(seats=seats)
    with pytest.raises(ConfigurationError, match="not the reference of a workshop class"):
        lab.status(ref)


# ---- a tick


def test_a_tick_is_one_list_however_many_wait(lab: Lab) -> None:
    refs = [lab.launch(plan(one, title=one.id)).ref for one in (ADA, BO, CLEO)]
    lab.activate(refs[0])
    since = lab.mark()
    statuses = lab.platform.statuses([watch(one) for one in refs] * 10, NOW)
    assert [one.state for one in statuses if one] == [State.LIVE, State.SCHEDULED, State.SCHEDULED] * 10
    assert lab.calls(since) == [("GET", "/workshops/catalog/environments/")]
    assert lab.asked("/environments/")[-1] == {"state": ["RUNNING", "STOPPING"], "sessions": ["true"]}
    assert list(lab.platform.statuses([], NOW)) == []


def test_departures_are_asked_for_by_name_once_and_twenty_a_tick() -> None:
    people = tuple(Participant(f"learner-{number}", "X") for number in range(15))
    with Lab.open(capacity=50, reserved=0) as lab:
        refs = [lab.launch(plan(*people, title=title)).ref for title in ("One", "Two")]
        lab.platform.statuses([watch(one) for one in refs], NOW)
        for ref in refs:
            lab.platform.cancel(ref)
        since = lab.mark()
        first, second = lab.platform.statuses([watch(one) for one in refs], NOW)
        assert first is not None
        assert (first.state, second) == (State.CANCELLED, None)
        assert len(lab.calls(since, "/schedule/")) == 20
        since = lab.mark()
        statuses = lab.platform.statuses([watch(one) for one in refs], NOW)
        assert [one.state for one in statuses if one] == [State.CANCELLED] * 2
        assert len(lab.calls(since, "/schedule/")) == 10
        since = lab.mark()
        lab.platform.statuses([watch(one) for one in refs], NOW)
        assert lab.calls(since, "/schedule/") == []


def test_two_waits_for_one_class_ask_once(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.finish(ref)
    since = lab.mark()
    lab.platform.statuses([watch(ref), watch(ref, deadline=CLASS)], NOW)
    assert len(lab.calls(since, "/schedule/")) == 1


def test_a_session_that_the_list_leaves_out_is_believed_when_it_answers_itself(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.activate(ref)
    lab.tap.answer = lambda request, response: (
        Response.json(200, {"portal": {"uid": ref.detail("portal_uid")}, "environments": []})
        if request.path.endswith("/environments/")
        else response
    )
    assert lab.status(ref).state is State.LIVE


def test_a_list_without_sessions_is_a_failed_poll_and_no_end(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.activate(ref)
    lab.tap.answer = lambda request, response: (
        Response.json(
            200,
            {
                "portal": {"uid": ref.detail("portal_uid")},
                "environments": [{"name": "lab-portal-w01", "state": "RUNNING", "workshop": {"name": "x"}}],
            },
        )
        if request.path.endswith("/environments/")
        else response
    )
    with pytest.raises(Unavailable, match="left the sessions out"):
        lab.platform.statuses([watch(ref)], NOW)


def test_a_question_that_fails_fails_the_poll(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.finish(ref)
    lab.sandbox.faults.add("reset_before", path="/schedule/$")
    with pytest.raises(Unavailable):
        lab.platform.statuses([watch(ref)], NOW)


def test_what_nobody_asks_for_is_forgotten_after_half_a_day(lab: Lab) -> None:
    other = lab.launch(plan(BO, title="Other", timeout=0, workshop="lab-ondemand")).ref
    ref = lab.launch().ref
    lab.activate(ref)
    lab.status(ref)
    lab.wait(13 * 3600)
    lab.status(other)
    # Its memory is gone, so only what the wait wrote down itself still counts.
    assert lab.status(ref).held is Held.UNKNOWN


def test_the_portal_s_clock_counts(lab: Lab) -> None:
    ref = lab.launch().ref
    assert abs((lab.status(ref).observed_at - parse_time(ref.detail("requested_at"))).total_seconds()) < 5
