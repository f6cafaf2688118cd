from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import JoinLink, Launched, Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord
from airflow_provider.live_sessions.core.sealing import unseal
from airflow_provider.live_sessions.core.status import Held, SessionStatus, State
from tests.core.cipher import FernetCipher
from tests.core.strategies import (
    BEYOND_THE_CALENDAR,
    moments,
    participants,
    plans,
    read_or_refused,
    refs,
    some_text,
    spoiled,
)

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
CIPHER = FernetCipher()
ADA = Participant("ada", "Ada", "ada@school.example", "teacher", leader=True)
BO = Participant("bo", "Bo")
PLAN = Plan("Algebra", NINE, NINE + timedelta(hours=1), (ADA, BO))
REF = SessionRef("toy", "toy_default", "toy-1", "0" * 32)
LAUNCHED = Launched(
    REF,
    (
        JoinLink(ADA, SecretStr("https://toy.example/?token=for-ada"), "u-1", NINE, NINE + timedelta(hours=1)),
        JoinLink(BO, SecretStr("https://toy.example/?token=for-bo")),
    ),
    created=True,
    warnings=("It records nothing.",),
)
RECORD = SessionRecord.of(LAUNCHED, PLAN, CIPHER, hand_over_at=NINE - timedelta(minutes=10))


@st.composite
def records(draw: st.DrawFn) -> SessionRecord:
    plan = draw(plans())
    link = st.builds(
        SealedLink,
        participant=participants(),
        url=st.text(max_size=8).map("sealed:v1:{}".format),
        user_id=st.text(max_size=8),
        not_before=st.none() | moments(),
        not_after=st.none() | moments(),
    )
    return SessionRecord(
        ref=draw(refs()),
        title=plan.title,
        start=plan.start,
        end=plan.end,
        participants=plan.participants,
        links=draw(st.none() | st.lists(link, max_size=2).map(tuple)),
        created=draw(st.booleans()),
        state=draw(st.sampled_from(State)),
        hand_over_at=draw(st.none() | moments()),
        warnings=tuple(draw(st.lists(some_text(), max_size=2))),
    )


@settings(max_examples=40)  # large values
@given(records())
def test_a_record_crosses_processes_unchanged(record: SessionRecord) -> None:
    assert SessionRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_record_names_the_session_as_it_was_planned_and_launched() -> None:
    assert (RECORD.ref, RECORD.title, RECORD.start, RECORD.end) == (REF, "Algebra", PLAN.start, PLAN.end)
    assert RECORD.participants == (ADA, BO)
    assert (RECORD.created, RECORD.state, RECORD.warnings) == (True, State.SCHEDULED, ("It records nothing.",))


def test_a_record_shows_no_join_link_in_any_form() -> None:
    for shown in (repr(RECORD), str(RECORD), json.dumps(RECORD.to_json())):
        assert "for-ada" not in shown
        assert "for-bo" not in shown


def test_each_person_s_link_opens_again_with_its_bounds() -> None:
    assert RECORD.links is not None
    opened = [(one.participant, unseal(one.url, CIPHER).get_secret_value()) for one in RECORD.links]
    assert opened == [
        (ADA, "https://toy.example/?token=for-ada"),
        (BO, "https://toy.example/?token=for-bo"),
    ]
    assert (RECORD.links[0].not_before, RECORD.links[0].not_after) == (NINE, NINE + timedelta(hours=1))


def test_a_session_that_gives_no_links_is_recorded_without_any() -> None:
    status = SessionStatus(State.ENDED, Held.YES, "everybody left", NINE)
    record = SessionRecord.of(Launched(REF, None, created=False, status=status), PLAN, CIPHER)
    assert (record.links, record.created, record.state) == (None, False, State.ENDED)
    assert SessionRecord.from_json(record.to_json()) == record
    assert record.participants_by_user_id() == {}


def test_a_link_in_clear_text_is_refused_and_not_shown() -> None:
    data = RECORD.to_json()
    data["links"][0]["url"] = "https://toy.example/?token=for-ada"
    with pytest.raises(ConfigurationError, match="not sealed") as caught:
        SessionRecord.from_json(data)
    assert "for-ada" not in f"{caught.value} {caught.value!r}"


@given(spoiled(RECORD.to_json()))
@example({**RECORD.to_json(), "start": BEYOND_THE_CALENDAR[0]})
@example({**RECORD.to_json(), "participants": [5]})
@example({**RECORD.to_json(), "links": [{}]})
@example({**RECORD.to_json(), "links": [5]})
@example({**RECORD.to_json(), "ref": None})
def test_whatever_is_no_record_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(SessionRecord.from_json, data), SessionRecord | None)


def test_a_wrong_argument_is_told_with_what_to_pass() -> None:
    with pytest.raises(ConfigurationError, match=r"not the record of a launched session.*launch\.output"):
        SessionRecord.from_json({"title": "Algebra"})


@pytest.mark.parametrize(
    ("hand_over_at", "now", "out"),
    [
        (None, NINE - timedelta(days=1), True),
        (NINE, NINE - timedelta(seconds=1), False),
        (NINE, NINE, True),
    ],
)
def test_links_may_be_out_from_the_hand_over_on(hand_over_at: datetime | None, now: datetime, out: bool) -> None:
    assert replace(RECORD, hand_over_at=hand_over_at).handed_over(now) is out


def test_people_are_known_by_the_platform_s_ids_where_it_told_them() -> None:
    assert RECORD.participants_by_user_id() == {"u-1": "ada"}


def test_the_sessions_that_a_wait_found_travel_with_the_record() -> None:
    found = RECORD.with_session_ids(("s-1", "s-2"))
    assert found.ref.detail("session_ids") == "s-1,s-2"
    assert replace(found, ref=RECORD.ref) == RECORD


def test_a_session_found_without_links_may_have_had_some_handed_over_before() -> None:
    record = SessionRecord.of(Launched(REF, None, created=False), PLAN, CIPHER)
    assert record.handed_over(NINE)


def test_a_record_of_a_later_release_is_refused_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match="later release"):
        SessionRecord.from_json({**RECORD.to_json(), "version": 99})
