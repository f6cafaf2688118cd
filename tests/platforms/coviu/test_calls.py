"""Every call of the specification, with every parameter, as it goes over the wire."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.platforms.coviu.filters import SessionFilters
from airflow_provider.live_sessions.platforms.coviu.models import (
    ParticipantRequest,
    SessionRequest,
    SessionUpdate,
)
from tests.platforms.coviu.clinic import KEY, NOW, SECRET, Clinic
from tests.platforms.kit import altered, said

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

SYDNEY = timezone(timedelta(hours=10))
NINE = datetime(2026, 9, 1, 19, 0, tzinfo=SYDNEY)
HALF_PAST = NINE + timedelta(minutes=30)
SENT_NINE, SENT_HALF_PAST = "Tue, 01 Sep 2026 09:00:00 GMT", "Tue, 01 Sep 2026 09:30:00 GMT"

HOST = ParticipantRequest(display_name="Dr. Who", role="host", picture="http://pic.test/1", state="drwho1234")
GUEST = ParticipantRequest(display_name="Rory", role="guest", state="rory", phone="+61 2 5550 0000")


def request(**more: object) -> SessionRequest:
    given = {"session_name": "Visit", "start_time": NINE, "end_time": HALF_PAST, **more}
    return SessionRequest.model_validate(given)


def made(clinic: Clinic) -> str:
    return clinic.client.create_session(request(participants=[HOST, GUEST])).session_id


def test_a_session_is_created_with_every_documented_field(clinic: Clinic) -> None:
    flags = ["session;enforce-participant-uniqueness"]
    session = clinic.client.create_session(
        request(picture="http://pic.test/room", participants=[HOST, GUEST], feature_flags=flags)
    )
    assert clinic.bodies("POST", "/sessions") == [
        {
            "session_name": "Visit",
            "start_time": SENT_NINE,
            "end_time": SENT_HALF_PAST,
            "picture": "http://pic.test/room",
            "participants": [
                {
                    "display_name": "Dr. Who",
                    "picture": "http://pic.test/1",
                    "role": "host",
                    "state": "drwho1234",
                },
                {"display_name": "Rory", "role": "guest", "state": "rory", "phone": "+61 2 5550 0000"},
            ],
            "feature_flags": flags,
        }
    ]
    assert session.start_time == NINE
    assert [one.role for one in session.participants] == ["HOST", "GUEST"]


def test_a_session_is_read_with_and_without_removed_participants(clinic: Clinic) -> None:
    session_id = made(clinic)
    clinic.client.cancel_participant(clinic.client.session(session_id).participants[1].participant_id)
    assert len(clinic.client.session(session_id).participants) == 1
    whole = clinic.client.session(session_id, deleted_participants=True)
    assert [one.deleted_at is not None for one in whole.participants] == [False, True]
    sent = [one.query for one in clinic.log(method="GET", path=f"/sessions/{session_id}$")]
    assert sent[-2:] == ["", "deleted_participants=true"]


def test_a_session_is_updated_with_every_documented_field(clinic: Clinic) -> None:
    update = SessionUpdate(
        session_name="Moved",
        start_time=HALF_PAST,
        end_time=HALF_PAST + timedelta(hours=1),
        picture="http://p.test",
    )
    session = clinic.client.update_session(made(clinic), update)
    assert clinic.bodies("PUT", "/sessions/") == [
        {
            "session_name": "Moved",
            "start_time": SENT_HALF_PAST,
            "end_time": "Tue, 01 Sep 2026 10:30:00 GMT",
            "picture": "http://p.test",
        }
    ]
    assert (session.session_name, session.start_time) == ("Moved", HALF_PAST)


def test_a_session_is_cancelled(clinic: Clinic) -> None:
    clinic.client.cancel_session(made(clinic))
    assert [one["canceled"] for one in clinic.sessions] == [True]


def test_the_list_takes_every_documented_parameter(clinic: Clinic) -> None:
    filters = SessionFilters(
        page=0,
        page_size=50,
        start_time=NINE,
        end_time=HALF_PAST,
        order="reverse",
        include_canceled=True,
        deleted_participants=True,
        state="a|b&c",
    )
    assert list(clinic.client.sessions(filters)) == []
    assert clinic.queries() == [
        {
            "page": ["0"],
            "page_size": ["50"],
            "start_time": [SENT_NINE],
            "end_time": [SENT_HALF_PAST],
            "order": ["reverse"],
            "include_canceled": ["true"],
            "deleted_participants": ["true"],
            "state": ["a|b&c"],
        }
    ]


def test_the_summary_is_read(clinic: Clinic) -> None:
    session_id = made(clinic)
    clinic.go_to(NINE.astimezone(UTC))
    clinic.sandbox.coviu.join(session_id, "rory")
    summary = clinic.client.summary(session_id)
    (entry,) = summary.came
    assert (entry.role, entry.entry_time, entry.left_at) == ("GUEST", NINE, None)
    assert summary.end_time == HALF_PAST


def test_participants_are_listed_added_read_changed_and_removed(clinic: Clinic) -> None:
    client, session_id = clinic.client, made(clinic)
    added = client.add_participant(session_id, GUEST.model_copy(update={"state": "amy"}))
    assert client.participant(added.participant_id).state == "amy"
    change = ParticipantRequest(display_name="Amy", picture="http://p.test/a", role="host", state="amy-2")
    changed = client.update_participant(added.participant_id, change)
    assert (changed.display_name, changed.role, changed.state) == ("Amy", "HOST", "amy-2")
    assert clinic.bodies("PUT", "/participants/") == [
        {"display_name": "Amy", "picture": "http://p.test/a", "role": "host", "state": "amy-2"}
    ]
    client.cancel_participant(added.participant_id)
    assert [one.state for one in client.participants(session_id)] == ["drwho1234", "rory"]
    everybody = client.participants(session_id, deleted_participants=True)
    assert [one.state for one in everybody] == ["drwho1234", "rory", "amy-2"]
    asked = clinic.queries(f"/sessions/{session_id}/participants$")
    assert asked == [{}, {"deleted_participants": ["true"]}]


def test_the_participants_may_also_come_as_a_page() -> None:
    with Clinic.open(participants_page=True) as clinic:
        assert len(clinic.client.participants(made(clinic))) == 2


def test_the_participants_may_also_come_as_several_pages(clinic: Clinic) -> None:
    session_id = made(clinic)

    def one_a_page(asked: Request, response: Response) -> Response:
        if not asked.path.endswith("/participants"):
            return response
        page = int(asked.param("page", "0"))
        return altered(
            response,
            lambda rows: {"content": rows[page : page + 1], "page": page, "page_size": 1, "more": page == 0},
        )

    clinic.tap.answer = one_a_page
    assert [one.state for one in clinic.client.participants(session_id)] == ["drwho1234", "rory"]


def test_the_team_is_told(clinic: Clinic) -> None:
    assert clinic.client.team().name == "Sandbox Clinic"


# ---- tokens


def test_the_token_is_asked_for_with_basic_credentials_and_a_form(clinic: Clinic) -> None:
    clinic.client.team()
    (asked,) = [one for one in clinic.tap.requests if one.path.endswith("/auth/token")]
    assert asked.header("authorization") == "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert asked.header("content-type") == "application/x-www-form-urlencoded"
    assert clinic.tokens() == [{"grant_type": "client_credentials"}]
    bearer = clinic.tap.requests[-1].header("authorization")
    assert bearer.startswith("Bearer eyJ")


def test_an_authorisation_code_is_exchanged_and_never_falls_back_to_our_own_team() -> None:
    with Clinic.open(authorization_code="c-1", refresh_works=False) as clinic:
        clinic.client.authorize("c-1")
        clinic.client.team()
        assert clinic.tokens() == [{"grant_type": "authorization_code", "code": "c-1"}]
        clinic.sandbox.coviu.revoke()
        with pytest.raises(AuthenticationFailed, match="refresh"):
            clinic.client.team()
        assert [one["grant_type"] for one in clinic.tokens()] == ["authorization_code", "refresh_token"]
        with pytest.raises(AuthenticationFailed, match="authorization code"):
            clinic.client.authorize("c-1")


def test_a_lost_answer_to_a_token_request_is_asked_for_again(clinic: Clinic) -> None:
    clinic.sandbox.faults.add("reset_after", path="/auth/token", count=1)
    assert clinic.client.team().name
    assert len(clinic.tokens()) == 2


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", " ")])
def test_a_client_without_credentials_is_not_even_made(clinic: Clinic, key: str, secret: str) -> None:
    with pytest.raises(ConfigurationError, match="lacks the API key"):
        clinic.new_client(api_key=key, key_secret=SecretStr(secret))


def test_wrong_credentials_are_told_as_such_without_showing_them(clinic: Clinic) -> None:
    with clinic.new_client(key_secret=SecretStr("not-the-key-secret")) as client:
        with pytest.raises(AuthenticationFailed, match="Check API key") as caught:
            client.session("3f0c0000-0000-4000-8000-000000000000")
        assert "not-the-key-secret" not in f"{caught.value}{caught.value.words}{client!r}"


# ---- what can go wrong


def test_a_deletion_that_says_not_ok_is_no_success(clinic: Clinic) -> None:
    session_id = made(clinic)
    clinic.tap.answer = lambda asked, response: said(200, {"ok": False}) if asked.method == "DELETE" else response
    with pytest.raises(Refused, match="was not done"):
        clinic.client.cancel_session(session_id)


def test_a_created_session_of_an_odd_shape_is_unknown_and_a_read_one_unavailable(clinic: Clinic) -> None:
    session_id = made(clinic)
    clinic.tap.answer = lambda asked, response: (
        altered(response, lambda one: {"session_id": one.get("session_id")})
        if "/sessions" in asked.path
        else response
    )
    with pytest.raises(OutcomeUnknown, match=r"start_time"):
        clinic.client.create_session(request())
    with pytest.raises(Unavailable, match=r"end_time"):
        clinic.client.session(session_id)


def test_a_session_that_never_was_is_not_found(clinic: Clinic) -> None:
    with pytest.raises(NotFound) as caught:
        clinic.client.session("3f0c0000-0000-4000-8000-000000000000")
    assert caught.value.status == 404


def test_a_participants_id_is_in_no_error_and_no_log(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    session_id = made(clinic)
    person = clinic.client.session(session_id).participants[0]
    secret = person.participant_id.get_secret_value()
    clinic.tap.answer = lambda asked, response: said(400, {"error": {"message": f"no {secret} here"}})
    with caplog.at_level("DEBUG"), pytest.raises(Refused) as caught:
        clinic.client.update_participant(person.participant_id, ParticipantRequest(display_name="x"))
    shown = f"{caught.value} {caught.value.words} {caplog.text} {person!r} {caught.value.__cause__}"
    assert secret not in shown
    assert "https://" not in repr(person)


def test_a_participant_that_answers_401_is_gone_and_refused_credentials_are_not(clinic: Clinic) -> None:
    person = clinic.client.session(made(clinic)).participants[0].participant_id
    clinic.sandbox.faults.add("expired", path="/participants/")
    with pytest.raises(NotFound):
        clinic.client.participant(person)
    clinic.sandbox.faults.clear()
    clinic.sandbox.faults.add("expired")
    with clinic.new_client() as client, pytest.raises(AuthenticationFailed, match="get a token"):
        client.participant(person)


def test_optional_fields_may_be_missing_or_null(clinic: Clinic) -> None:
    session_id = made(clinic)

    def bare(asked: Request, response: Response) -> Response:
        kept = {
            "session_id": session_id,
            "start_time": SENT_NINE,
            "end_time": SENT_HALF_PAST,
            "session_name": None,
            "participants": None,
        }
        return response if asked.path.endswith("token") else said(200, kept)

    clinic.tap.answer = bare
    session = clinic.client.session(session_id)
    assert (session.session_name, session.participants, session.actual_end_time) == (None, (), None)


def test_the_requests_hold_no_null(clinic: Clinic) -> None:
    assert SessionUpdate(session_name="x", picture=None).body() == {"session_name": "x"}
    assert json.dumps(request().body()).count("null") == 0
    assert NOW < NINE
