"""The ten facts about Coviu that an implementer would get wrong, each as a test over the wire."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider.live_sessions.core.contract import Ability, Absent, ArtifactWait, Found
from airflow_provider.live_sessions.core.errors import AuthenticationFailed, NotFound, Refused, Unsupported
from airflow_provider.live_sessions.core.models import People
from airflow_provider.live_sessions.core.status import Held, State
from airflow_provider.live_sessions.platforms.coviu.dates import read_date
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters
from airflow_provider.live_sessions.platforms.coviu.models import ParticipantRequest
from tests.platforms.coviu.clinic import NOW, START, Clinic, key_of, plan


def test_trap_1_the_list_is_asked_for_at_sessions_and_never_at_session(clinic: Clinic) -> None:
    list(clinic.client.sessions(SessionFilters()))
    assert [one.path for one in clinic.log(method="GET")] == ["/coviu/v1/sessions"]


def test_trap_2_a_401_that_repeats_after_one_new_token_means_gone(clinic: Clinic) -> None:
    session_id = clinic.launch().ref.session_id
    clinic.client.cancel_session(session_id)
    before = clinic.mark()
    with pytest.raises(NotFound) as caught:
        clinic.client.session(session_id)
    assert caught.value.status == 401
    sent = [(one.method, one.path.rpartition("/")[2], one.status) for one in clinic.log(since=before)]
    assert sent == [
        ("GET", session_id, 401),
        ("POST", "token", 200),
        ("GET", session_id, 401),
        ("GET", "sessions", 200),
    ]


def test_trap_2_twenty_cancelled_sessions_cost_one_new_token(clinic: Clinic) -> None:
    launched = [clinic.launch(plan(f"Visit {number}")) for number in range(20)]
    for one in launched:
        clinic.client.cancel_session(one.ref.session_id)
    tokens = len(clinic.tokens())
    for one in launched:
        with pytest.raises(NotFound):
            clinic.client.session(one.ref.session_id)
    assert len(clinic.tokens()) == tokens + 1


def test_trap_2_a_401_to_every_call_is_bad_credentials_and_nothing_is_called_gone(clinic: Clinic) -> None:
    session_id = clinic.launch().ref.session_id
    clinic.sandbox.faults.add("expired", path="/sessions")
    with pytest.raises(AuthenticationFailed):
        clinic.client.session(session_id)
    with pytest.raises(AuthenticationFailed):
        list(clinic.client.sessions(SessionFilters()))


def test_trap_3_there_is_no_status_so_the_clock_and_the_recorded_end_decide(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    assert clinic.status(ref).state is State.SCHEDULED
    clinic.go_to(START)
    assert clinic.status(ref).state is State.LIVE
    clinic.wait(1800)
    assert clinic.status(ref).state is State.LIVE  # the grace
    clinic.wait(301)
    ended = clinic.status(ref)
    assert (ended.state, ended.held, ended.ended_at) == (State.ENDED, Held.UNKNOWN, None)


def test_trap_4_a_start_is_sent_as_a_future_whole_second(clinic: Clinic) -> None:
    late = plan(start=NOW - timedelta(minutes=5))
    launched = clinic.launch(late)
    (body,) = clinic.bodies("POST", "/sessions")
    sent = read_date(body["start_time"])
    assert NOW + timedelta(seconds=5) <= sent <= NOW + timedelta(seconds=30)
    assert launched.links is not None
    assert launched.links[0].not_before == sent


def test_trap_5_a_started_session_is_not_cancelled_and_nothing_claims_to_end_it(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    clinic.go_to(START)
    clinic.join(ref, "dr-1")
    before = clinic.mark()
    outcome = clinic.platform.cancel(ref)
    assert (outcome.state_before, outcome.confirmed, outcome.people_inside) == (State.LIVE, False, People.UNKNOWN)
    assert "force=True" in " ".join(outcome.not_done)
    assert outcome.links_valid_until == START + timedelta(minutes=30)
    assert {one.method for one in clinic.log(since=before)} == {"GET"}
    with pytest.raises(Refused, match="already started"):
        clinic.client.cancel_session(ref.session_id)


@pytest.mark.parametrize("dates", ["rfc1123", "iso"])
def test_trap_6_both_date_formats_are_read_and_one_is_sent(dates: str) -> None:
    with Clinic.open(dates=dates) as clinic:
        ref = clinic.launch().ref
        session = clinic.client.session(ref.session_id)
        assert (session.start_time, session.end_time) == (START, START + timedelta(minutes=30))
        assert clinic.bodies("POST", "/sessions")[0]["start_time"].endswith(" GMT")


def test_trap_7_a_creation_answers_200_and_a_deletion_200_with_ok(clinic: Clinic) -> None:
    ref = clinic.launch().ref
    assert clinic.platform.cancel(ref).confirmed
    assert [one.status for one in clinic.log(method="POST", path="/sessions$")] == [200]
    assert [one.status for one in clinic.log(method="DELETE")] == [200]


def test_trap_8_the_key_is_in_the_creating_request_on_the_host_and_found_there(clinic: Clinic) -> None:
    the_plan = plan()
    key = key_of(the_plan)
    assert isinstance(clinic.platform.find(key, the_plan), Absent)
    clinic.launch(the_plan)
    (body,) = clinic.bodies("POST", "/sessions")
    assert [one["state"] for one in body["participants"]] == [f"dr-1|als1:{key.digest}", "p-1"]
    assert isinstance(clinic.platform.find(key, the_plan), Found)


def test_trap_8_a_cancelled_session_is_found_by_its_key_as_well(clinic: Clinic) -> None:
    the_plan = plan()
    clinic.platform.cancel(clinic.launch(the_plan).ref)
    found = clinic.platform.find(key_of(the_plan), the_plan)
    assert isinstance(found, Found)
    assert found.status.state is State.CANCELLED


def test_trap_8_a_mark_that_was_overwritten_is_not_found_and_the_platform_is_asked_twice(clinic: Clinic) -> None:
    the_plan = plan()
    ref = clinic.launch(the_plan).ref
    host = clinic.client.session(ref.session_id).participants[0]
    clinic.client.update_participant(host.participant_id, ParticipantRequest(state="somebody else's"))
    before = clinic.mark()
    assert isinstance(clinic.platform.find(key_of(the_plan), the_plan), Absent)
    assert len(clinic.queries(since=before)) == 2


def test_trap_9_the_list_goes_on_while_there_is_more_whatever_the_page_size_says() -> None:
    with Clinic.open(max_page_size=2) as clinic:
        for number in range(5):
            clinic.launch(plan(f"Visit {number}"))
        before = clinic.mark()
        rows = list(clinic.client.sessions(SessionFilters()))
        assert len({one.session_id for one in rows}) == 5
        assert [one["page"] for one in clinic.queries(since=before)] == [["0"], ["1"], ["2"]]


def test_trap_9_a_participants_id_is_as_secret_as_the_link(clinic: Clinic) -> None:
    launched = clinic.launch()
    secrets = clinic.sandbox.coviu.secrets()
    shown = f"{launched!r} {launched.ref.to_json()} {clinic.log()!r}"
    assert not [one for one in (*secrets["participant_ids"], *secrets["links"]) if one in shown]
    assert launched.links is not None
    assert {one.url.get_secret_value() for one in launched.links} == set(secrets["links"])


@pytest.mark.parametrize("ability", [Ability.TRANSCRIPT, Ability.RECORDING, Ability.ATTENDANCE])
def test_trap_10_there_is_no_transcript_and_nothing_to_wait_for(clinic: Clinic, ability: Ability) -> None:
    ref = clinic.launch().ref
    wait = ArtifactWait(START, START, 0, 0)
    with pytest.raises(Unsupported) as caught:
        clinic.platform.readiness(ability, ref, ref.session_id, wait)
    assert caught.value.advice
    assert not {Ability.TRANSCRIPT, Ability.RECORDING, Ability.END_LIVE} & clinic.platform.abilities
