"""The ten facts that an implementer would get wrong (apis/educates.md section 12), each with its test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider.live_sessions.core.contract import Unprovable
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)
from airflow_provider.live_sessions.core.status import Absence, Held, State
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from airflow_provider.live_sessions.platforms.educates.users import SLUG
from tests.platforms.educates.lab import ADA, BO, CLEO, DAN, Lab, key_of, links, open_in_browser, plan, query_of


def test_trap_1_a_spent_token_is_an_empty_403_and_one_fresh_login_heals_it(lab: Lab) -> None:
    lab.client.workshops()
    lab.portal.revoke_tokens()
    since = lab.mark()
    lab.client.workshops()
    assert lab.calls(since) == [
        ("GET", "/workshops/catalog/workshops/"),
        ("POST", "/oauth2/token/"),
        ("GET", "/workshops/catalog/workshops/"),
    ]


def test_trap_1_a_second_empty_403_gives_up(lab: Lab) -> None:
    lab.client.workshops()
    lab.sandbox.faults.add("expired", path="/workshops/")
    since = lab.mark()
    with pytest.raises(AuthenticationFailed, match="nor was one from a fresh login") as caught:
        lab.client.workshops()
    assert caught.value.status == 403
    assert len(lab.calls(since)) == 3


def test_trap_1_the_other_403s_say_what_they_mean_and_cost_no_login(lab: Lab) -> None:
    lab.client.workshops()
    since = lab.mark()
    with pytest.raises(NotFound, match="no such environment"):
        lab.client.environment("nope")
    with pytest.raises(NotFound):
        lab.client.request_session("lab-basics", index_url="https://hub.test/", user="ada")
    assert ("POST", "/oauth2/token/") not in lab.calls(since)


def test_trap_2_terminate_is_a_get_below_workshops_and_is_sent_once(lab: Lab) -> None:
    ref = lab.launch().ref
    name = ref.session_id
    since = lab.mark()
    lab.sandbox.faults.add("reset_after", path="/terminate/$", count=1)
    with pytest.raises(OutcomeUnknown):
        lab.client.terminate(name)
    assert lab.calls(since) == [("GET", f"/workshops/session/{name}/terminate/")]
    with pytest.raises(NotFound):
        lab.client.terminate(name)


def test_trap_3_every_user_is_a_slug_and_no_other_is_ever_listed(lab: Lab) -> None:
    odd = [ADA.__class__(one, "X") for one in ("al@x.org", "a b", "é")]
    for users in ("launch", "learner"):
        launched = lab.launch(plan(*odd, title=users, users=users, workshop="lab-ondemand"))
        for seat in seats_of(launched.ref):
            assert SLUG.fullmatch(seat.user)
            assert [one.name for one in lab.client.user_sessions(seat.user).sessions] == [seat.session]
        lab.platform.cancel(launched.ref, force=True)
    since = lab.mark()
    with pytest.raises(ConfigurationError, match="other characters"):
        lab.client.user_sessions("manual__2026-01-01T00:00:00+00:00")
    assert lab.calls(since) == []


def test_trap_4_a_retry_finds_its_session_in_the_environment_that_was_replaced(lab: Lab) -> None:
    first = lab.launch()
    lab.portal.replace_environment("lab-portal-w01")
    again = lab.adopt()
    assert seats_of(again.ref)[0].session == seats_of(first.ref)[0].session
    assert seats_of(again.ref)[0].environment == "lab-portal-w01"
    assert links(again)[0].url == links(first)[0].url
    assert len(lab.live_rows) == 1
    assert seats_of(lab.launch(plan(BO)).ref)[0].environment == "lab-portal-w03"


def test_trap_5_times_are_there_before_anybody_came_and_only_running_means_somebody(lab: Lab) -> None:
    ref = lab.launch().ref
    schedule = lab.client.schedule(ref.session_id)
    assert None not in (schedule.started, schedule.expires, schedule.countdown)
    status = lab.status(ref)
    assert (status.state, status.held, status.people, status.started_at) == (
        State.SCHEDULED,
        Held.UNKNOWN,
        0,
        None,
    )
    lab.activate(ref)
    status = lab.status(ref)
    assert (status.state, status.held, status.people) == (State.LIVE, Held.YES, 1)


def test_trap_6_a_countdown_of_zero_is_no_end_and_a_404_is(lab: Lab) -> None:
    ref = lab.launch().ref
    lab.wait(5)
    lab.activate(ref)
    lab.wait(1800)
    assert lab.client.schedule(ref.session_id).countdown == 0
    assert lab.status(ref).state is State.LIVE
    lab.wait(15)
    status = lab.status(ref)
    assert (status.state, status.held) == (State.ENDED, Held.YES)


def test_trap_7_a_full_portal_is_told_from_an_ingress_that_is_away(lab: Lab) -> None:
    with pytest.raises(
        Unavailable, match=r"lab-portal-w02 is RUNNING with 3 of 3 sessions in use; 3 of 4"
    ) as full:
        lab.launch(plan(ADA, BO, CLEO, DAN, workshop="lab-ondemand"))
    assert "raise the workshop's capacity" in full.value.advice
    lab.sandbox.faults.add("html", path="/request/$", status=503, count=1)
    with pytest.raises(OutcomeUnknown):
        lab.launch(plan(title="Other"))


def test_trap_7_with_room_left_in_the_environment_another_cause_is_named() -> None:
    with Lab.open(maximum=1) as lab:
        lab.launch()
        with pytest.raises(Unavailable, match="so the whole portal is full, or the user has as many"):
            lab.launch(plan(BO, workshop="lab-ondemand"))


def test_trap_8_a_session_that_is_dead_after_a_500_is_recognised_and_replaced(lab: Lab) -> None:
    the_plan = plan(workshop="lab-ondemand")
    lab.portal.refuse_creates()
    with pytest.raises(OutcomeUnknown):
        lab.launch(the_plan)
    assert [one["state"] for one in lab.live_rows] == ["STARTING"]
    launched = lab.adopt(the_plan)
    assert launched.warnings == ("The session of ada was dead at birth; it was replaced.",)
    assert [(one["name"], one["state"]) for one in lab.live_rows] == [("lab-portal-w02-s002", "WAITING")]
    assert seats_of(launched.ref)[0].session == "lab-portal-w02-s002"
    assert len(lab.slept) == 3  # it was given its time
    assert open_in_browser(links(launched)[0].url.get_secret_value()) == 302


def test_trap_8_a_lost_answer_leaks_nothing_because_the_user_is_always_named(lab: Lab) -> None:
    the_plan = plan(ADA, BO)
    lab.sandbox.faults.add("reset_after", path="/request/$", nth=2)
    with pytest.raises(OutcomeUnknown):
        lab.launch(the_plan)
    launched = lab.adopt(the_plan)
    assert len(links(launched)) == len(lab.live_rows) == 2
    assert not launched.created
    assert all("user" in one for one in lab.asked("/request/"))


def test_trap_9_two_clients_of_one_account_leave_each_other_alone(lab: Lab) -> None:
    other = lab.new_client()
    lab.client.workshops()
    other.workshops()
    lab.portal.revoke_tokens()
    lab.client.workshops()
    other.workshops()
    other.close()
    lab.client.workshops()
    forms = [one.body.decode() for one in lab.tap.requests if one.path.endswith("/oauth2/token/")]
    assert len(forms) == 4
    assert all("grant_type=password" in one for one in forms)


def test_trap_10_the_link_is_absolute_a_secret_and_never_opened_by_the_client(lab: Lab) -> None:
    launched = lab.launch()
    (link,) = links(launched)
    url = link.url.get_secret_value()
    assert url.startswith(f"{lab.portal.url}/workshops/session/{launched.ref.session_id}/activate/?token=")
    assert query_of(url)["index_url"] == ["https://hub.test/"]
    assert query_of(url)["token"][0] not in repr(launched) + str(launched.ref.to_json())
    assert open_in_browser(url) == 302
    assert lab.status(launched.ref).state is State.LIVE
    lab.adopt()
    (opened,) = [one for one in lab.tap.requests if one.path.endswith("/activate/")]
    assert "authorization" not in opened.headers
    assert all("cookie" not in one.headers for one in lab.tap.requests if "authorization" in one.headers)


def test_a_session_that_lapsed_leaves_no_trace_and_is_never_taken_for_absent(lab: Lab) -> None:
    the_plan = plan(timeout=60)
    ref = lab.launch(the_plan).ref
    lab.status(ref)
    lab.wait(80)
    status = lab.status(ref)
    assert (status.state, status.held, status.absence) == (State.NEVER_HELD, Held.NO, Absence.NOBODY)
    assert isinstance(lab.platform.find(key_of(the_plan), the_plan), Unprovable)
    lab.wait(timedelta(hours=1).total_seconds())
    assert lab.status(ref).state is State.NEVER_HELD
