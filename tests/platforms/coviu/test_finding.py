"""A retry finds its own session, one of two doubles goes, and adopting brings things up to date."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import Absent, Found
from airflow_provider.live_sessions.core.errors import ConfigurationError, OutcomeUnknown, Refused, Transient
from airflow_provider.live_sessions.core.keys import fingerprint
from airflow_provider.live_sessions.core.launching import LaunchPolicy, OnExisting, create_or_find
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.coviu.launching import participant_request
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest
from tests.platforms.coviu.clinic import DOCTOR, NOW, OTHER, PATIENT, START, Clinic, key_of, plan, task_key
from tests.platforms.kit import altered

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Launched, Plan
    from airflow_provider.live_sessions.sandbox.wire import Request, Response


def create(clinic: Clinic, the_plan: Plan | None = None, *, key: Any = None, **policy: Any) -> Launched:
    the_plan = the_plan or plan()
    return create_or_find(
        clinic.platform,
        the_plan,
        key or key_of(the_plan),
        now=clinic.client.now(),
        policy=LaunchPolicy(**policy),
    )


@pytest.mark.parametrize("fault", ["reset_after", "truncate", "malformed"])
def test_a_lost_answer_is_unknown_never_absent_and_the_retry_adopts(clinic: Clinic, fault: str) -> None:
    clinic.sandbox.faults.add(fault, method="POST", path="/sessions$", count=1)
    with pytest.raises(OutcomeUnknown):
        create(clinic)
    launched = create(clinic)
    assert not launched.created
    assert len(clinic.sessions) == 1
    assert launched.links is not None
    assert len(launched.links) == 2


def test_a_request_that_never_arrived_is_unknown_too_and_the_retry_creates_once(clinic: Clinic) -> None:
    clinic.sandbox.faults.add("reset_before", method="POST", path="/sessions$", count=1)
    with pytest.raises(OutcomeUnknown):
        create(clinic)
    assert create(clinic).created
    assert len(clinic.sessions) == 1


def test_a_call_without_a_host_was_launched_without_a_word(clinic: Clinic) -> None:
    assert create(clinic).warnings == ()
    guests = plan("Two guests", people=(PATIENT, replace(OTHER, leader=False, role="")))
    (warning,) = create(clinic, guests).warnings
    assert warning.startswith("Nobody leads: ")
    ref = create(clinic, guests).ref
    clinic.client.add_participant(ref.session_id, participant_request(DOCTOR))
    assert not any("Nobody leads" in one for one in create(clinic, guests).warnings), "a host was added since"


def test_a_look_up_that_fails_creates_nothing(clinic: Clinic) -> None:
    clinic.sandbox.faults.add("status", status=503, method="GET", path="/sessions$")
    with pytest.raises(Transient):
        create(clinic)
    assert clinic.sessions == []


def test_a_session_whose_host_was_exchanged_is_found_by_its_planned_time(clinic: Clinic) -> None:
    create(clinic)
    substitute = replace(DOCTOR, id="dr-2", name="Dr. Finn")
    launched = create(clinic, plan(people=(substitute, PATIENT)))
    assert not launched.created
    assert len(clinic.sessions) == 1
    assert launched.links is not None
    assert [one.participant.id for one in launched.links] == ["dr-2", "p-1"]
    assert any("not in the plan" in one for one in launched.warnings)


def test_a_session_whose_bearer_was_removed_is_found(clinic: Clinic) -> None:
    ref = create(clinic).ref
    host = clinic.client.session(ref.session_id).participants[0]
    clinic.client.cancel_participant(host.participant_id)
    launched = create(clinic)
    assert launched.ref.session_id == ref.session_id
    assert any("was removed" in one for one in launched.warnings)
    assert launched.links is not None
    assert [one.participant.id for one in launched.links] == ["p-1"]


def test_the_planned_time_is_not_searched_beyond_its_end(clinic: Clinic) -> None:
    for number in range(3):
        clinic.launch(plan(f"Later {number}", start=START + timedelta(hours=2 + number)))
    assert isinstance(clinic.platform.find(key_of(plan()), plan()), Absent)


def test_rows_that_another_filter_would_give_are_not_taken_for_ours(clinic: Clinic) -> None:
    # A server that ignored `state` would return the whole account.
    clinic.launch(plan("Another", start=START - timedelta(minutes=30)))

    def everything(request: Request, response: Response) -> Response:
        if not request.param("state"):
            return response
        rows = [{name: one[name] for name in ("session_id", "start_time", "end_time")} for one in clinic.sessions]
        return altered(response, lambda page: {**page, "content": rows})

    clinic.tap.answer = everything
    assert isinstance(clinic.platform.find(key_of(plan()), plan()), Absent)


def test_a_cancelled_session_that_the_list_shows_as_alive_is_not_adopted() -> None:
    with Clinic.open(canceled_time=False) as clinic:
        first = create(clinic)
        clinic.platform.cancel(first.ref)
        launched = create(clinic)
        assert launched.status is not None
        assert launched.status.state is State.CANCELLED
        assert launched.links is None


def test_a_revived_session_is_a_new_one_and_found_before_the_cancelled_one(clinic: Clinic) -> None:
    first = create(clinic)
    clinic.platform.cancel(first.ref)
    second = create(clinic, revive=True)
    assert second.created
    assert second.ref.session_id != first.ref.session_id
    again = create(clinic, revive=True)
    assert (again.ref.session_id, again.created) == (second.ref.session_id, False)
    assert len(clinic.alive) == 1


def test_a_session_that_is_over_is_adopted_as_ended_and_never_created_again(clinic: Clinic) -> None:
    first = create(clinic)
    clinic.hold(first.ref, 1800)
    clinic.wait(600)
    again = create(clinic)
    assert again.ref.session_id == first.ref.session_id
    assert again.status is not None
    assert (again.status.state, again.links) == (State.ENDED, None)


def test_a_late_retry_finds_its_own_and_a_late_first_try_is_refused(clinic: Clinic) -> None:
    first = create(clinic)
    clinic.go_to(START + timedelta(minutes=5))
    assert create(clinic).ref.session_id == first.ref.session_id
    with pytest.raises(ConfigurationError, match="has passed"):
        create(clinic, plan("Another"))


def test_replacing_cancels_the_first_and_makes_another_under_its_own_key(clinic: Clinic) -> None:
    first = create(clinic)
    second = create(clinic, on_existing=OnExisting.REPLACE, generation=1)
    third = create(clinic, on_existing=OnExisting.REPLACE, generation=1)
    assert second.created
    assert third.ref.session_id == second.ref.session_id != first.ref.session_id
    assert [one["canceled"] for one in clinic.sessions] == [True, False]


# ---- a task's key


def test_a_task_s_key_adopts_only_the_session_of_its_own_plan(clinic: Clinic) -> None:
    create(clinic, key=task_key())
    assert not create(clinic, key=task_key()).created
    with pytest.raises(ConfigurationError, match="another session before"):
        create(clinic, plan(people=(DOCTOR, OTHER)), key=task_key())
    with pytest.raises(ConfigurationError, match="another session before"):
        create(clinic, plan(start=START + timedelta(minutes=5)), key=task_key())
    assert len(clinic.sessions) == 1


def test_a_task_that_launched_late_knows_its_session_again(clinic: Clinic) -> None:
    late = plan(start=NOW - timedelta(minutes=2))
    create(clinic, late, key=task_key(), create_in_past=True)
    again = create(clinic, late, key=task_key(), create_in_past=True)
    assert not again.created
    found = clinic.platform.find(task_key(), late)
    assert isinstance(found, Found)
    assert found.fingerprint == fingerprint(late)


def test_a_participant_added_since_does_not_make_it_another_session(clinic: Clinic) -> None:
    launched = create(clinic, key=task_key())
    clinic.platform.add_participant(launched.ref, OTHER)
    assert not create(clinic, key=task_key()).created


# ---- adopting


def test_adopting_brings_name_times_and_people_up_to_date(clinic: Clinic) -> None:
    first = create(clinic)
    changed = plan(
        "Consultation",
        start=START + timedelta(minutes=30),
        minutes=45,
        people=(replace(DOCTOR, name="Dr. A."), OTHER),
    )
    launched = create(clinic, changed, key=key_of(plan()))
    assert launched.ref.session_id == first.ref.session_id
    (session,) = clinic.sessions
    assert session["start_time"].startswith("2026-09-01T09:30:00")
    assert session["end_time"].startswith("2026-09-01T10:15:00")
    assert [one["display_name"] for one in session["participants"]] == ["Dr. A.", "Bo", "Cleo"]
    assert launched.links is not None
    assert launched.links[0].not_before == START + timedelta(minutes=30)
    assert launched.ref.detail("planned_end") == "2026-09-01T10:15:00+00:00"


def test_adopting_what_is_as_planned_writes_nothing(clinic: Clinic) -> None:
    create(clinic)
    before = clinic.mark()
    create(clinic)
    assert {one.method for one in clinic.log(since=before)} == {"GET"}


def test_links_stay_the_same_when_a_session_is_adopted(clinic: Clinic) -> None:
    first, again = create(clinic), create(clinic)
    assert first.links is not None
    assert again.links is not None
    assert [one.url for one in first.links] == [one.url for one in again.links]


def test_a_live_session_can_be_adopted_and_prolonged(clinic: Clinic) -> None:
    create(clinic)
    clinic.go_to(START + timedelta(minutes=1))
    launched = create(clinic, plan(minutes=60))
    assert clinic.sessions[0]["end_time"].startswith("2026-09-01T10:00:00")
    assert launched.status is not None
    assert launched.status.state is State.LIVE


# ---- doubles


def test_of_two_at_the_same_time_the_older_one_stays(clinic: Clinic) -> None:
    the_plan = plan()
    fired: list[str] = []

    def somebody_else_first(request: Request) -> None:
        if request.method == "POST" and request.path.endswith("/sessions") and not fired:
            fired.append("now")
            clinic.tap.pass_on(request, clinic.sandbox.clock.now())

    clinic.tap.before = somebody_else_first
    launched = clinic.launch(the_plan)
    assert len(clinic.sessions) == 2
    assert [one["canceled"] for one in clinic.sessions] == [False, True]
    assert launched.ref.session_id == clinic.sessions[0]["session_id"]
    assert not launched.created
    assert any("launched 2 times" in one for one in launched.warnings)
    assert launched.links is not None
    secrets = clinic.sandbox.coviu.secrets()["links"]
    assert [one.url.get_secret_value() for one in launched.links] == secrets[:2]


def test_of_two_the_newer_one_is_cancelled_by_who_made_the_older(clinic: Clinic) -> None:
    fired: list[Request] = []

    def somebody_else_after(request: Request, response: Response) -> Response:
        if request.method == "POST" and request.path.endswith("/sessions") and not fired:
            fired.append(request)
            clinic.tap.pass_on(request, clinic.sandbox.clock.now())
        return response

    clinic.tap.answer = somebody_else_after
    launched = clinic.launch()
    assert launched.created
    assert [one["canceled"] for one in clinic.sessions] == [False, True]


@pytest.mark.parametrize(("status", "told"), [(400, True), (404, False)])
def test_a_double_that_cannot_be_cancelled_is_told_and_one_that_went_is_not(
    clinic: Clinic, status: int, told: bool
) -> None:
    fired: list[Request] = []

    def somebody_else_after(request: Request, response: Response) -> Response:
        if request.method == "POST" and request.path.endswith("/sessions") and not fired:
            fired.append(request)
            clinic.tap.pass_on(request, clinic.sandbox.clock.now())
        return response

    clinic.tap.answer = somebody_else_after
    clinic.sandbox.faults.add("status", status=status, method="DELETE")
    launched = clinic.launch()
    assert any("not cancelled" in one for one in launched.warnings) is told


def test_a_look_for_doubles_that_fails_is_told_and_the_launch_stands(clinic: Clinic) -> None:
    clinic.sandbox.faults.add("status", status=503, method="GET", path="/sessions$")
    launched = clinic.launch()
    assert launched.created
    assert any("could not be looked up" in one for one in launched.warnings)


# ---- participants


def test_adding_a_participant_twice_adds_one(clinic: Clinic) -> None:
    ref = create(clinic).ref
    clinic.sandbox.faults.add("reset_after", method="POST", path="/participants$", count=1)
    with pytest.raises(OutcomeUnknown):
        clinic.platform.add_participant(ref, OTHER)
    link, created = clinic.platform.add_participant(ref, OTHER)
    assert not created
    assert len(clinic.states()) == 3
    assert link.url.get_secret_value() in clinic.sandbox.coviu.secrets()["links"]


def test_a_new_state_of_the_bearer_keeps_the_key_behind_it(clinic: Clinic) -> None:
    ref = create(clinic).ref
    clinic.platform.update_participant(ref, "dr-1", ParticipantRequest(state="dr-9"))
    assert clinic.states()[0] == f"dr-9|als1:{ref.key}"
    clinic.platform.update_participant(ref, "dr-1", ParticipantRequest(state="dr-9"))  # a retry
    clinic.platform.update_participant(ref, "p-1", ParticipantRequest(display_name="B."))
    assert clinic.states() == [f"dr-9|als1:{ref.key}", "p-1"]


def test_a_participant_that_is_not_there_or_whose_state_is_taken_is_not_changed(clinic: Clinic) -> None:
    ref = create(clinic).ref
    with pytest.raises(ConfigurationError, match="no participant"):
        clinic.platform.update_participant(ref, "nobody", ParticipantRequest(display_name="x"))
    with pytest.raises(ConfigurationError, match="Another participant"):
        clinic.platform.update_participant(ref, "p-1", ParticipantRequest(state="dr-1"))


def test_before_its_bearer_is_removed_the_mark_moves(clinic: Clinic) -> None:
    the_plan = plan()
    ref = create(clinic, the_plan).ref
    told = clinic.platform.remove_participant(ref, "dr-1")
    assert clinic.states() == [f"dr-1|als1:{ref.key}", f"p-1|als1:{ref.key}"]
    assert "moved" in told[0]
    assert clinic.platform.remove_participant(ref, "dr-1") == []
    order = [(one.method, one.path.rpartition("/")[2]) for one in clinic.log(path="/participants/")]
    assert order == [("PUT", "***"), ("DELETE", "***")]
    last = clinic.platform.remove_participant(ref, "p-1")
    assert "Nobody is left" in last[0]
    assert isinstance(clinic.platform.find(key_of(the_plan), the_plan), Found)


def test_a_host_inherits_the_mark_before_a_guest(clinic: Clinic) -> None:
    nurse = Participant("n-1", "Nurse", role="host")
    ref = create(clinic, plan(people=(DOCTOR, PATIENT, nurse))).ref
    clinic.platform.remove_participant(ref, "dr-1")
    assert clinic.states()[1:] == ["p-1", f"n-1|als1:{ref.key}"]


def test_a_removal_whose_answer_was_lost_is_looked_up(clinic: Clinic) -> None:
    ref = create(clinic).ref
    clinic.sandbox.faults.add("reset_after", method="DELETE")
    assert clinic.platform.remove_participant(ref, "p-1")
    assert clinic.sessions[0]["participants"][1]["deleted"]


def test_a_removal_that_is_refused_says_so(clinic: Clinic) -> None:
    ref = create(clinic).ref
    clinic.go_to(START + timedelta(hours=2))
    with pytest.raises(Refused, match="finished"):
        clinic.platform.remove_participant(ref, "p-1")
