"""From a plan to a request and back: pure rules, by property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import fingerprint
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.platforms.coviu import launching, marks
from airflow_provider.live_sessions.platforms.coviu.dates import read_date, whole_second
from airflow_provider.live_sessions.platforms.coviu.launching import CoviuOptions
from airflow_provider.live_sessions.platforms.coviu.models import Session
from tests.platforms.coviu.clinic import DOCTOR, NOW, PATIENT, START, key_of, plan

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda text: marks.MARK not in text
)
digests = st.text("0123456789abcdef", min_size=32, max_size=32)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    zone = timezone(timedelta(minutes=draw(st.integers(-720, 840))))
    start = datetime(2026, 1, 1, tzinfo=zone) + timedelta(microseconds=draw(st.integers(0, 10**14)))
    ids = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    people = tuple(Participant(one, f"Name {n}", leader=draw(st.booleans())) for n, one in enumerate(ids))
    return Plan(draw(texts), start, start + timedelta(minutes=draw(st.integers(1, 719))), people)


def as_session(the_plan: Plan, request: dict[str, Any]) -> Session:
    """Return the session that Coviu would make of a request."""
    people = [
        {"participant_id": f"p{n}", "entry_url": f"https://coviu.test/{n}", **one}
        for n, one in enumerate(request["participants"])
    ]
    return Session.model_validate({**request, "session_id": "s", "participants": people})


@given(plans(), st.integers(-(10**9), 10**9))
def test_a_request_is_one_that_coviu_takes(the_plan: Plan, before: int) -> None:
    now = the_plan.start - timedelta(microseconds=before)
    options = CoviuOptions.of(the_plan)
    try:
        body = launching.session_request(the_plan, key_of(the_plan), options, now).body()
    except ConfigurationError:
        assert the_plan.end - now < timedelta(seconds=7)
        return
    start, end = read_date(body["start_time"]), read_date(body["end_time"])
    assert now < start < end
    assert start >= the_plan.start
    assert end - start <= timedelta(hours=12)
    states = [one["state"] for one in body["participants"]]
    bearers = [one for one in states if marks.key_in(one) == key_of(the_plan).digest]
    assert bearers == [launching.search_state(the_plan, key_of(the_plan))]
    assert [marks.own_state(one) for one in states] == [one.id for one in the_plan.participants]
    roles = [one["role"] for one in body["participants"]]
    if "host" in roles:
        assert roles[states.index(bearers[0])] == "host"


@given(plans())
def test_a_session_is_known_again_as_its_plans_and_needs_no_change(the_plan: Plan) -> None:
    now = the_plan.start - timedelta(hours=1)
    options = CoviuOptions.of(the_plan)
    body = launching.session_request(the_plan, key_of(the_plan), options, now).body()
    session = as_session(the_plan, body)
    assert launching.plan_mark(session, the_plan) == fingerprint(the_plan)
    assert launching.difference(session, the_plan, options, now) is None


@given(plans(), plans())
def test_another_plan_is_told_apart(one: Plan, other: Plan) -> None:
    now = one.start - timedelta(hours=1)
    body = launching.session_request(one, key_of(one), CoviuOptions.of(one), now).body()
    if launching.plan_mark(as_session(one, body), other) == fingerprint(other):
        assert other.title == one.title
        assert whole_second(other.end) == whole_second(one.end)
        assert {who.id for who in other.participants} <= {who.id for who in one.participants}


@given(texts, digests)
def test_a_mark_is_put_on_and_taken_off(state: str, digest: str) -> None:
    whole = marks.marked(state, digest)
    assert marks.own_state(whole) == state
    assert marks.key_in(whole) == digest
    assert (marks.own_state(state), marks.key_in(state)) == (state, "")


@given(st.none() | st.text(max_size=80))
def test_any_state_of_any_tool_is_read(state: str | None) -> None:
    key, own = marks.key_in(state), marks.own_state(state)
    assert (marks.marked(own, key) if key else own) == (state or "")


@pytest.mark.parametrize(
    ("person", "role"),
    [
        (Participant("a", "A", leader=True), "host"),
        (Participant("a", "A", role="clinician", leader=True), "host"),
        (Participant("a", "A", role="patient"), "guest"),
        (Participant("a", "A", role="Host"), "host"),
        (Participant("a", "A", role="participant"), "participant"),
        (Participant("a", "A", leader=True, options={"role": "guest"}), "guest"),
    ],
)
def test_a_role_follows_from_the_option_then_the_leader_then_the_word(person: Participant, role: str) -> None:
    assert launching.role_of(person) == role


@pytest.mark.parametrize(
    ("the_plan", "told"),
    [
        (plan(people=()), "no participants"),
        (plan(minutes=721), "12 hours"),
        (plan(people=(DOCTOR, Participant("x", "X", options={"state": "dr-1"}))), "same state"),
        (plan(people=(Participant("x" * 201, "X"),)), "longer than 200"),
        (plan(people=(Participant("x|als1:y", "X"),)), "holds"),
        (plan(people=(Participant("x", "X", options={"role": "boss"}),)), "role"),
        (plan(people=(Participant("x", "X", options={"email": "x"}),)), "email"),
        (plan(color="red"), "color"),
        (plan(lead=-1), "lead"),
        (plan(grace=600, moves_within=300), "moves_within"),
    ],
)
def test_a_plan_that_coviu_would_refuse_is_refused_before_anything_is_sent(the_plan: Plan, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        CoviuOptions.of(the_plan)


def test_twelve_hours_are_allowed() -> None:
    CoviuOptions.of(plan(minutes=720))


def test_nothing_is_created_of_which_nothing_is_left() -> None:
    the_plan = plan()
    with pytest.raises(ConfigurationError, match=r"nothing is left of it\. Give a start that lies ahead\."):
        launching.session_request(the_plan, key_of(the_plan), CoviuOptions(), the_plan.end)


def test_a_started_session_has_only_its_name_and_end_brought_up_to_date() -> None:
    body = launching.session_request(plan(), key_of(plan()), CoviuOptions(), NOW).body()
    session = as_session(plan(), body)
    moved = plan("Longer", start=START - timedelta(minutes=10), minutes=60, picture="http://p.test")
    options = CoviuOptions.of(moved)
    after = launching.difference(session, moved, options, START + timedelta(minutes=1))
    assert after is not None
    assert set(after.body()) == {"session_name", "end_time", "picture"}
    before = launching.difference(session, moved, options, NOW)
    assert before is not None
    assert before.body()["start_time"] == "Tue, 01 Sep 2026 08:50:00 GMT"


def test_a_start_that_has_passed_in_the_new_plan_becomes_as_soon_as_possible() -> None:
    body = launching.session_request(plan(), key_of(plan()), CoviuOptions(), NOW).body()
    session = as_session(plan(), body)
    early = plan(start=NOW - timedelta(minutes=10), minutes=100)
    change = launching.difference(session, early, CoviuOptions(), NOW)
    assert change is not None
    assert change.start_time == NOW + timedelta(seconds=5)


def test_a_ref_holds_windows_and_nothing_that_opens_a_door() -> None:
    options = CoviuOptions(lead=60, grace=30, moves_within=120)
    ref = launching.make_ref(plan(), key_of(plan()), options, conn_id="c", session_id="s")
    assert dict(ref.details) == {
        "window_start": "2026-09-01T08:59:00+00:00",
        "window_end": "2026-09-01T09:32:00+00:00",
        "planned_start": "2026-09-01T09:00:00+00:00",
        "planned_end": "2026-09-01T09:30:00+00:00",
        "grace": "30.0",
    }
    assert SessionRef.from_json(ref.to_json()) == ref


@pytest.mark.parametrize("wrong", [{"role": "boss"}, {"state": "x|als1:y"}, {"state": "x" * 201}])
def test_a_change_of_a_participant_is_checked_first(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        launching.participant_update("", wrong)


def test_a_change_of_a_participant_holds_only_what_changes() -> None:
    assert launching.participant_update("New", {"role": "host"}).body() == {"display_name": "New", "role": "host"}
    assert PATIENT.id not in launching.participant_update("", {"state": "z"}).body().values()
    assert START.tzinfo is UTC
