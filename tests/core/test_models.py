from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import (
    CancelOutcome,
    JoinLink,
    Participant,
    People,
    Plan,
    SessionRef,
)
from airflow_provider.live_sessions.core.status import State
from tests.core.strategies import moments, participants, read_or_refused, refs, spoiled, times

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
ADA = Participant("ada", "Ada", "ada@school.example", "teacher", leader=True, options={"record": True})
REF = SessionRef("toy", "toy_default", "toy-1", "0" * 32, (("room", "blue"), ("window", "w")))


@given(participants())
def test_a_participant_crosses_processes_unchanged(person: Participant) -> None:
    assert Participant.from_json(json.loads(json.dumps(person.to_json()))) == person


@given(spoiled(ADA.to_json()))
@example(5)
@example([])
@example(["id"])
@example("id")
@example({"name": "Ada", "options": 5})
@example({"name": "Ada", "options": ["x"]})
@example({"name": "Ada", "options": "on"})
def test_whatever_is_no_participant_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    person = read_or_refused(Participant.from_json, data)
    assert person is None or (person.id and person.name)


@pytest.mark.parametrize(
    ("data", "ident", "name"),
    [
        ({"name": "Ada"}, "Ada", "Ada"),
        ({"email": "ada@school.example"}, "ada@school.example", "ada@school.example"),
        ({"id": "7"}, "7", "7"),
        ({"id": 7, "name": " Ada "}, "7", "Ada"),
        ({"id": None, "name": "Ada", "email": "a@school.example"}, "a@school.example", "Ada"),
    ],
)
def test_one_of_id_email_and_name_is_enough(data: dict[str, Any], ident: str, name: str) -> None:
    person = Participant.from_json(data)
    assert (person.id, person.name) == (ident, name)


@pytest.mark.parametrize("data", [{}, {"name": "  "}, {"role": "teacher"}])
def test_a_participant_that_nobody_could_tell_from_another_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="neither an id, an email nor a name"):
        Participant.from_json(data)


def test_a_misspelt_field_is_named_and_not_ignored() -> None:
    with pytest.raises(ConfigurationError, match=r"emial, rolle\. Known are id, name, email"):
        Participant.from_json({"name": "Ada", "rolle": "teacher", "emial": "ada@school.example"})


@given(times(), times())
def test_a_plan_keeps_its_times_in_utc(one: datetime, other: datetime) -> None:
    start, end = sorted((one, other), key=datetime.timestamp)
    assume(start.timestamp() != end.timestamp())
    plan = Plan("Algebra", start, end)
    assert plan.start.tzinfo is plan.end.tzinfo is UTC
    assert (plan.start, plan.end) == (start.astimezone(UTC), end.astimezone(UTC))


def test_two_ways_to_write_one_moment_make_one_plan() -> None:
    there = timezone(timedelta(hours=2))
    assert Plan("Algebra", NINE, NINE + timedelta(hours=1)) == Plan(
        "Algebra", NINE.astimezone(there), (NINE + timedelta(hours=1)).astimezone(there)
    )


@given(st.datetimes(), moments())
def test_a_plan_with_a_naive_time_is_refused(naive: datetime, moment: datetime) -> None:
    for start, end in ((naive, moment), (moment, naive)):
        with pytest.raises(ConfigurationError, match="no time zone"):
            Plan("Algebra", start, end)


@given(moments(), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_plan_that_ends_before_or_when_it_starts_is_refused(start: datetime, early: timedelta) -> None:
    with pytest.raises(ConfigurationError, match=r"'Algebra' ends .* not after its start"):
        Plan("Algebra", start, start - early)


def test_two_people_with_one_id_are_refused_by_name() -> None:
    people = tuple(Participant(ident, ident) for ident in ("bo", "ada", "bo", "ada", "cy"))
    with pytest.raises(ConfigurationError, match=r"same participant id twice: ada, bo\. Each person"):
        Plan("Algebra", NINE, NINE + timedelta(hours=1), people)


def test_plans_and_people_with_options_can_be_put_into_sets() -> None:
    plan = Plan("Algebra", NINE, NINE + timedelta(hours=1), (ADA,), {"transcribe": True})
    assert len({plan, Plan("Algebra", NINE, NINE + timedelta(hours=1), (ADA,), {"transcribe": True})}) == 1


@given(refs())
def test_a_ref_crosses_processes_unchanged(ref: SessionRef) -> None:
    again = SessionRef.from_json(json.loads(json.dumps(ref.to_json())))
    assert again == ref
    assert hash(again) == hash(ref)


@given(spoiled(REF.to_json()))
@example({**REF.to_json(), "session_id": 7})
@example({**REF.to_json(), "details": ["ab", 5]})
def test_whatever_is_no_ref_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(SessionRef.from_json, data), SessionRef | None)


@pytest.mark.parametrize("name", ["platform", "conn_id", "session_id", "key"])
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_ref_whose_names_are_no_text_is_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match="not a session reference"):
        SessionRef.from_json({**REF.to_json(), name: value})


@given(refs(), st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), st.text(max_size=5), max_size=3))
def test_changed_details_are_read_back_and_the_others_stay(ref: SessionRef, changes: dict[str, str]) -> None:
    changed = ref.with_details(**changes)
    assert {name: changed.detail(name) for name in changes} == changes
    assert dict(changed.details) == {**dict(ref.details), **changes}
    assert SessionRef.from_json(changed.to_json()) == changed


def test_a_detail_that_is_missing_is_the_default() -> None:
    assert REF.detail("room") == "blue"
    assert REF.detail("door") == ""
    assert REF.detail("door", "shut") == "shut"


def test_a_join_link_shows_nothing_that_opens_the_door() -> None:
    link = JoinLink(ADA, SecretStr("https://toy.example/?token=door-opener"), "u-1", NINE)
    assert "door-opener" not in f"{link!r} {link}"


def test_what_a_cancel_did_is_written_as_plain_json() -> None:
    outcome = CancelOutcome(
        State.SCHEDULED,
        done=("It was struck off.",),
        not_done=("Links stay.",),
        links_valid_until=NINE,
        people_inside=People.NO,
        next="Tell the people.",
    )
    assert json.loads(json.dumps(outcome.to_json())) == {
        "state_before": "scheduled",
        "done": ["It was struck off."],
        "not_done": ["Links stay."],
        "confirmed": False,
        "links_valid_until": "2026-09-01T09:00:00+00:00",
        "links_open_ended": False,
        "people_inside": "no",
        "next": "Tell the people.",
    }


def test_a_cancel_claims_nothing_by_itself() -> None:
    outcome = CancelOutcome(State.LIVE)
    assert not outcome.confirmed
    assert outcome.people_inside is People.UNKNOWN
    assert outcome.to_json()["links_valid_until"] is None


@pytest.mark.parametrize(
    ("given", "leads"), [("false", False), ("True", True), ("no", False), (True, True), (0, False)]
)
def test_a_leader_written_as_text_is_read_as_meant(given: object, leads: bool) -> None:
    assert Participant.from_json({"name": "Ada", "leader": given}).leader is leads


def test_an_id_of_zero_is_an_id() -> None:
    assert Participant.from_json({"id": 0, "name": "Ada"}).id == "0"
