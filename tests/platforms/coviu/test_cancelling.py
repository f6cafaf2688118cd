"""A cancel does what Coviu can, confirms it by reading, and names what nobody knows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.contract import Found
from airflow_provider.live_sessions.core.errors import OutcomeUnknown
from airflow_provider.live_sessions.core.models import People
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.sandbox import ControlError
from tests.platforms.coviu.clinic import START, Clinic, key_of, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.wire import Request


def test_a_scheduled_session_is_cancelled_and_its_links_let_nobody_in(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    outcome = clinic.platform.cancel(ref)
    assert (outcome.state_before, outcome.confirmed, outcome.people_inside) == (
        State.SCHEDULED,
        True,
        People.NO,
    )
    assert outcome.links_valid_until is None
    clinic.go_to(START)
    with pytest.raises(ControlError, match="cancelled"):
        clinic.join(ref, "p-1")


@pytest.mark.parametrize("status", [401, 404])
def test_a_repeat_finds_it_cancelled_whichever_way_coviu_says_so(status: int) -> None:
    with Clinic.open(cancelled_status=status) as clinic:
        ref = clinic.launch().ref
        clinic.platform.cancel(ref)
        again = clinic.platform.cancel(ref)
        assert (again.state_before, again.confirmed) == (State.CANCELLED, True)
        assert len(clinic.log(method="DELETE")) == 1


def test_a_lost_answer_to_a_cancel_is_settled_by_reading(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.sandbox.faults.add("reset_after", method="DELETE")
    assert clinic.platform.cancel(ref).confirmed


def test_a_cancel_that_never_arrived_is_unknown_and_not_claimed(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.sandbox.faults.add("reset_before", method="DELETE")
    with pytest.raises(OutcomeUnknown):
        clinic.platform.cancel(ref)
    assert len(clinic.alive) == 1


def test_a_cancel_that_coviu_refuses_is_told_with_its_words(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.sandbox.faults.add("status", status=403, method="DELETE", body='{"error": {"message": "Not your day"}}')
    outcome = clinic.platform.cancel(ref)
    assert (outcome.confirmed, outcome.done) == (False, ())
    assert "Not your day" in outcome.not_done[0]
    assert outcome.links_valid_until == START + timedelta(minutes=30)


def test_a_cancel_that_coviu_only_says_it_did_is_not_claimed(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.sandbox.faults.add("status", status=200, method="DELETE", body='{"ok": true}')
    outcome = clinic.platform.cancel(ref)
    assert not outcome.confirmed
    assert "still shows" in outcome.not_done[0]


def test_a_start_that_came_first_is_reported_as_live(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.go_to(START - timedelta(seconds=1))

    def passes(request: Request) -> None:
        if request.method == "DELETE":
            clinic.go_to(START)

    clinic.tap.before = passes
    outcome = clinic.platform.cancel(ref)
    assert [one.status for one in clinic.log(method="DELETE")] == [400]
    assert (outcome.state_before, outcome.confirmed) == (State.LIVE, False)
    assert "force=True" in " ".join(outcome.not_done)


def test_a_session_that_is_over_needs_nothing(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.hold(ref, 600)
    clinic.wait(301)
    outcome = clinic.platform.cancel(ref)
    assert (outcome.state_before, outcome.confirmed) == (State.ENDED, True)
    assert not clinic.log(method="DELETE")


def test_links_that_never_left_are_not_said_to_be_out(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.go_to(START)
    outcome = clinic.platform.cancel(ref, handed_over=False)
    assert (outcome.links_valid_until, outcome.confirmed) == (None, False)


def test_force_closes_a_started_session_and_claims_nothing_about_who_is_inside(clinic: Clinic) -> None:
    the_plan = plan()
    ref = clinic.launch(the_plan).ref
    clinic.go_to(START + timedelta(minutes=1))
    clinic.join(ref, "dr-1")
    outcome = clinic.platform.cancel(ref, force=True)
    assert (outcome.state_before, outcome.confirmed, outcome.people_inside) == (State.LIVE, True, People.UNKNOWN)
    assert "not known" in " ".join(outcome.not_done)
    (body,) = clinic.bodies("PUT", "/sessions/")
    assert set(body) == {"end_time"}
    assert all(one["deleted"] for one in clinic.sessions[0]["participants"])
    with pytest.raises(ControlError):
        clinic.join(ref, "p-1")
    clinic.wait(60)
    found = clinic.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    assert found.status.state is State.ENDED


def test_force_names_what_was_refused(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.go_to(START)
    clinic.sandbox.faults.add("status", status=400, method="PUT", body='{"error": {"message": "No"}}')
    clinic.sandbox.faults.add("status", status=400, method="DELETE", body='{"error": {"message": "No"}}', count=1)
    outcome = clinic.platform.cancel(ref, force=True)
    assert outcome.confirmed is False
    assert "1 of 2 participants" in " ".join(outcome.done)
    assert outcome.links_valid_until == START + timedelta(minutes=30)
    assert len([one for one in outcome.not_done if "No" in one]) == 2


def test_force_changes_nothing_for_a_session_that_has_not_started(clinic: Clinic) -> None:
    assert clinic.platform.cancel(clinic.launch().ref, force=True).state_before is State.SCHEDULED
    assert not clinic.log(method="PUT")
