"""Ending and extending on purpose: owners checked, ends seen, and nothing called done that was not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider.live_sessions.core.contract import Ability, ArtifactRules, SessionPlatform
from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Unavailable, Unsupported
from airflow_provider.live_sessions.core.models import People
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.educates.ending import REDEPLOYED, SHARED
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from airflow_provider.live_sessions.sandbox.wire import Response
from tests.platforms.educates.lab import ADA, BO, CLEO, Lab, key_of, plan
from tests.platforms.educates.test_calls import altered

# ---- ending


@pytest.mark.parametrize("opened", [False, True])
def test_ending_a_class_is_seen_through_to_the_404(lab: Lab, opened: bool) -> None:
    ref = lab.launch(plan(ADA, BO, CLEO)).ref
    if opened:
        lab.activate(ref, "bo")
    outcome = lab.platform.cancel(ref)
    assert outcome.state_before is (State.LIVE if opened else State.SCHEDULED)
    assert outcome.done == ("3 sessions are ended, and gone from the portal.",)
    assert (outcome.confirmed, outcome.not_done, outcome.people_inside) == (True, (), People.NO)
    assert (outcome.links_valid_until, outcome.links_open_ended, outcome.next) == (None, False, "")
    assert lab.live_rows == []


def test_handed_over_or_not_the_links_die_with_their_sessions(lab: Lab) -> None:
    outcome = lab.platform.cancel(lab.launch().ref, handed_over=False)
    assert outcome.confirmed


def test_each_session_s_owner_is_checked_before_it_is_ended(lab: Lab) -> None:
    ref = lab.launch().ref
    since = lab.mark()
    lab.platform.cancel(ref)
    path = f"/workshops/session/{ref.session_id}"
    assert [one for _, one in lab.calls(since)] == [
        "/workshops/catalog/environments/",
        f"{path}/authorize/",
        f"{path}/terminate/",
        f"{path}/schedule/",
    ]


def test_a_session_that_went_to_somebody_else_is_left_alone(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.tap.answer = altered("/authorize/", lambda body: {**body, "owner": "mallory"})
    outcome = lab.platform.cancel(ref)
    assert outcome.not_done == ("ada: the session belongs to somebody else.",)
    assert (outcome.confirmed, len(lab.live_rows)) == (False, 1)
    lab.tap.answer = lambda _, response: response
    seats = ref.detail("seats").replace(seats_of(ref)[0].user, "als1-other")
    assert lab.platform.cancel(ref.with_details(seats=seats)).done == ("1 session is gone already.",)
    assert len(lab.live_rows) == 1


def test_what_is_over_already_is_as_good_as_ended(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO)).ref
    lab.finish(ref, "bo")
    outcome = lab.platform.cancel(ref)
    assert outcome.done == ("1 session is ended, and gone from the portal.", "1 session is gone already.")
    again = lab.platform.cancel(ref)
    assert (again.state_before, again.confirmed) == (State.ENDED, True)
    assert again.done == ("2 sessions are gone already.",)


def test_a_404_on_the_way_is_done(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.tap.answer = lambda request, response: (
        Response.html(404, "Not Found") if request.path.endswith("/terminate/") else response
    )
    assert lab.platform.cancel(ref).done == ("1 session is gone already.",)


def test_a_lost_answer_is_settled_by_looking(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.sandbox.faults.add("reset_after", path="/terminate/$")
    outcome = lab.platform.cancel(ref)
    assert (outcome.confirmed, outcome.done) == (True, ("1 session is ended, and gone from the portal.",))
    assert len(lab.calls(path="/terminate/")) == 1


def test_an_answer_lost_before_the_effect_is_not_called_done(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.sandbox.faults.add("reset_before", path="/terminate/$", count=1)
    outcome = lab.platform.cancel(ref)
    assert (outcome.confirmed, outcome.done, outcome.people_inside) == (False, (), People.UNKNOWN)
    assert "not gone yet: lab-portal-w01-s001" in outcome.not_done[0]
    assert "Run it again" in outcome.next
    assert lab.platform.cancel(ref).confirmed


def test_a_slow_portal_is_waited_for() -> None:
    with Lab.open(delete_after=2.5) as lab:
        ref = lab.launch().ref
        lab.while_sleeping = lambda: lab.wait(1)
        assert lab.platform.cancel(ref).confirmed
        assert len(lab.slept) == 3


def test_a_portal_that_cannot_be_asked_afterwards_leaves_it_open(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.sandbox.faults.add("status", path="/schedule/$", status=500)
    outcome = lab.platform.cancel(ref)
    assert not outcome.confirmed
    assert any("cannot be read" in one for one in outcome.not_done)


def test_nothing_is_ended_when_how_it_stands_cannot_be_read(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.sandbox.faults.add("reset_before", path="/catalog/")
    with pytest.raises(Unavailable):
        lab.platform.cancel(ref)
    assert len(lab.live_rows) == 1


def test_only_some_learners_sessions(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO, CLEO)).ref
    assert lab.platform.end(ref, learners=["bo"]).confirmed
    assert {one.learner for one in seats_of(ref) if one.user in {row["user"] for row in lab.live_rows}} == {
        "ada",
        "cleo",
    }
    with pytest.raises(ConfigurationError, match="no session for zoe"):
        lab.platform.end(ref, learners=["zoe"])


def test_sessions_that_somebody_opened_are_left_alone_where_that_was_asked(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO)).ref
    lab.activate(ref, "bo")
    outcome = lab.platform.end(ref, live=False)
    assert outcome.state_before is State.LIVE
    assert outcome.not_done == ("bo: somebody is in it, and it was not asked to end such sessions.",)
    assert (outcome.confirmed, outcome.people_inside) == (False, People.YES)
    assert [row["state"] for row in lab.live_rows] == ["RUNNING"]


def test_who_comes_in_between_the_list_and_the_end_is_not_put_out(lab: Lab) -> None:
    ref = lab.launch().ref

    def comes_in(request: Any, response: Any) -> Any:
        if request.path.endswith("/authorize/"):
            lab.activate(ref)
        return response

    lab.tap.answer = comes_in
    outcome = lab.platform.end(ref, live=False)
    assert (outcome.state_before, outcome.people_inside) == (State.SCHEDULED, People.YES)
    assert [row["state"] for row in lab.live_rows] == ["RUNNING"]


def test_a_refusal_of_one_session_does_not_stop_the_others(lab: Lab) -> None:
    ref = lab.launch(plan(ADA, BO)).ref
    lab.activate(ref, "ada")
    lab.sandbox.faults.add("status", path=f"{lab.session(ref, 'ada')}/terminate/$", status=400, body="no")
    outcome = lab.platform.cancel(ref)
    assert outcome.done == ("1 session is ended, and gone from the portal.",)
    assert outcome.not_done[0].startswith("ada: terminate a session: refused")
    assert outcome.people_inside is People.YES


def test_a_redeployed_portal_s_sessions_are_not_touched(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.portal.redeploy()
    lab.client.log_in()
    lab.launch(plan(title="Strangers"))
    outcome = lab.platform.cancel(ref)
    assert (outcome.state_before, outcome.done, outcome.confirmed) == (State.ENDED, (REDEPLOYED,), True)
    assert len(lab.live_rows) == 1


@pytest.mark.parametrize(("timeout", "bounded"), [(300, True), (0, False)])
def test_a_shared_session_is_ended_only_by_force(timeout: int, bounded: bool) -> None:
    with Lab.open(duration=0) as lab:
        the_plan = plan(users="learner", timeout=timeout)
        lab.launch(the_plan)
        shared = lab.adopt(the_plan).ref
        outcome = lab.platform.cancel(shared)
        assert (outcome.confirmed, outcome.not_done, outcome.people_inside) == (False, (SHARED,), People.NO)
        assert (outcome.links_valid_until is not None, outcome.links_open_ended) == (bounded, not bounded)
        lab.activate(shared)
        assert lab.platform.cancel(shared).people_inside is People.YES
        assert lab.platform.cancel(shared, force=True).confirmed
        assert lab.platform.cancel(shared).state_before is State.ENDED


# ---- extending


def test_a_session_is_extended_near_its_end() -> None:
    with Lab.open(deadline=7200) as lab:
        ref = lab.launch(plan(ADA, BO)).ref
        lab.activate(ref, "ada")
        early, pending = lab.platform.extend(ref)
        assert (early.extended, early.why.split(",")[0]) == (False, "It is too early")
        assert pending.why.startswith("It is WAITING")
        lab.finish(ref, "bo")
        lab.wait(1700)
        near, over = lab.platform.extend(ref)
        assert near.extended
        assert near.expires is not None
        assert early.expires is not None
        assert (near.expires - early.expires).total_seconds() == 450
        assert (over.extended, over.expires, over.why) == (False, None, "It is over.")
        (only,) = lab.platform.extend(ref, learners=["ada"])
        assert only.to_json() == {
            "learner": "ada",
            "session": lab.session(ref),
            "extended": False,
            "expires": near.expires.isoformat(),
            "why": only.why,
        }


def test_a_session_without_an_end_has_none_to_move() -> None:
    with Lab.open(duration=0) as lab:
        ref = lab.launch().ref
        lab.activate(ref)
        (one,) = lab.platform.extend(ref)
        assert (one.extended, one.why) == (False, "It has no end that could be moved.")
        lab.sandbox.faults.add("reset_before", path="/extend/$")
        with pytest.raises(OutcomeUnknown):
            lab.platform.extend(ref)


def test_a_lost_answer_to_an_extension_is_settled_by_the_end_that_moved() -> None:
    with Lab.open(deadline=7200) as lab:
        ref = lab.launch().ref
        lab.activate(ref)
        lab.wait(1700)
        lab.sandbox.faults.add("reset_after", path="/extend/$", count=1)
        (one,) = lab.platform.extend(ref)
        assert one.extended
        lab.sandbox.faults.add("reset_before", path="/extend/$")
        with pytest.raises(OutcomeUnknown):
            lab.platform.extend(ref)
        assert len(lab.calls(path="/extend/")) == 2


# ---- what there is and what there is not


def test_it_is_a_platform_and_says_what_it_can(lab: Lab) -> None:
    assert isinstance(lab.platform, SessionPlatform)
    assert not lab.platform.keeps_history
    assert lab.platform.abilities == {Ability.CANCEL_SCHEDULED, Ability.END_LIVE, Ability.EXTEND}
    assert lab.platform.name == "educates"


@pytest.mark.parametrize("ability", [Ability.TRANSCRIPT, Ability.RECORDING, Ability.ATTENDANCE])
def test_there_is_nothing_left_to_bring_home(lab: Lab, ability: Ability) -> None:
    ref = lab.launch().ref
    with pytest.raises(Unsupported, match="nothing at all is left") as caught:
        lab.platform.readiness(ability, ref, ref.session_id, ArtifactRules().after(datetime.now(UTC)))
    assert "analytics_url" in caught.value.advice


def test_closing_the_platform_gives_back_the_token(lab: Lab) -> None:
    platform = lab.new_platform(lab.new_client())
    platform.find(key_of(plan()), plan())
    platform.close()
    assert lab.tap.requests[-1].path.endswith("/oauth2/revoke-token/")
