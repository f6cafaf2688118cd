"""Every call of the specification, with every parameter, as it goes over the wire."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import ConfigurationError, NotFound
from airflow_provider.live_sessions.platforms.lessonspace import models
from airflow_provider.live_sessions.platforms.lessonspace.filters import (
    SessionFilters,
    SpaceFilters,
    UserFilters,
)
from tests.platforms.lessonspace.academy import KEY, ORG, Academy, plan

ROOM, ROOM_2 = "0b1c7a52-1c52-4b9e-9d84-0a2a3f1f0001", "0b1c7a52-1c52-4b9e-9d84-0a2a3f1f0002"
NOON = datetime(2026, 9, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
SENT = "2026-09-01T12:00:00+00:00"

ALL_SESSION_FILTERS: dict[str, Any] = {
    "search": "alg",
    "page": 1,
    "include_single_user": True,
    "duration_min": 60,
    "duration_max": 7200,
    "start_time_after": NOON,
    "start_time_before": NOON,
    "end_time_after": NOON,
    "end_time_before": NOON,
    "date_after": NOON,
    "date_before": NOON,
    "user": (1, 2),
    "space": (ROOM, ROOM_2),
    "launch_id": "Algebra-1",
    "in_progress_only": True,
    "tags": {"term": "autumn", "als_key": ""},
    "user_external_id": "T-1",
    "user_name": "ada",
}
SESSION_QUERY = {
    "search": ["alg"],
    "page": ["1"],
    "include_single_user": ["true"],
    "duration_min": ["60"],
    "duration_max": ["7200"],
    "start_time_after": [SENT],
    "start_time_before": [SENT],
    "end_time_after": [SENT],
    "end_time_before": [SENT],
    "date_after": [SENT],
    "date_before": [SENT],
    "user": ["1&2"],
    "space": [f"{ROOM}&{ROOM_2}"],
    "launch_id": ["Algebra-1"],
    "in_progress_only": ["true"],
    "tags": ['{"als_key":"","term":"autumn"}'],
    "user_external_id": ["T-1"],
    "user_name": ["ada"],
}


def names(kind: type[Any]) -> set[str]:
    return {one.name for one in fields(kind)}


def test_the_organisations_sessions_take_every_documented_parameter(academy: Academy) -> None:
    assert list(academy.client.sessions(SessionFilters(**ALL_SESSION_FILTERS))) == []
    assert academy.queries(f"/organisations/{ORG}/sessions/$") == [SESSION_QUERY]
    assert set(SESSION_QUERY) == names(SessionFilters)


def test_a_spaces_sessions_take_the_same_without_the_space(academy: Academy) -> None:
    space = academy.launch().ref.detail("space")
    filters = SessionFilters(**{**ALL_SESSION_FILTERS, "space": ()})
    assert list(academy.client.space_sessions(space, filters)) == []
    asked = {name: value for name, value in SESSION_QUERY.items() if name != "space"}
    assert academy.queries(f"/spaces/{space}/sessions/$") == [asked]


def test_the_spaces_take_every_documented_parameter(academy: Academy) -> None:
    filters = SpaceFilters(
        session=(ROOM, ROOM_2),
        date="2026-09-01",
        tag_key="term",
        tag_value="autumn",
        user=(1, 2),
        assigned_to=(3,),
        search="alg",
        page=1,
        date_after=NOON,
        date_before=NOON,
    )
    assert list(academy.client.spaces(filters)) == []
    sent = {
        "session": [ROOM, ROOM_2],
        "date": ["2026-09-01"],
        "tag_key": ["term"],
        "tag_value": ["autumn"],
        "user": ["1", "2"],
        "assigned_to": ["3"],
        "search": ["alg"],
        "page": ["1"],
        "date_after": [SENT],
        "date_before": [SENT],
    }
    assert academy.queries(f"/organisations/{ORG}/spaces/$") == [sent]
    assert set(sent) == names(SpaceFilters)


def test_the_users_take_every_documented_parameter(academy: Academy) -> None:
    filters = UserFilters(role="teacher", space=(ROOM,), session=(ROOM_2,), search="ada", page=1)
    assert list(academy.client.users(filters)) == []
    sent = {"role": ["teacher"], "space": [ROOM], "session": [ROOM_2], "search": ["ada"], "page": ["1"]}
    assert academy.queries(f"/organisations/{ORG}/users/$") == [sent]
    assert set(sent) == names(UserFilters)


def test_the_users_are_asked_for_by_several_roles_at_once(academy: Academy) -> None:
    academy.launch()
    found = academy.client.users(UserFilters(role=("student", "admin")))
    assert [one.external_id for one in found] == ["s-1"]
    assert academy.queries(f"/organisations/{ORG}/users/$") == [{"role": ["student", "admin"]}]


def test_a_filter_that_was_not_given_is_not_sent(academy: Academy) -> None:
    list(academy.client.sessions(SessionFilters()))
    list(academy.client.sessions(SessionFilters(include_single_user=False, duration_min=0)))
    assert academy.queries("/sessions/$") == [{}, {"include_single_user": ["false"], "duration_min": ["0"]}]


def test_one_session_is_addressed_by_its_uuid(academy: Academy) -> None:
    uuid = academy.hold(academy.launch(plan(lead=7200)).ref)
    session = academy.client.session(uuid)
    assert (session.uuid, session.seconds) == (uuid, 1230.0)
    assert academy.log()[-1].path == f"/lessonspace/v2/organisations/{ORG}/sessions/{uuid}/"
    with pytest.raises(NotFound):
        academy.client.session(ROOM)


def test_a_session_is_renamed_with_and_without_a_recording_policy(academy: Academy) -> None:
    uuid = academy.hold(academy.launch(plan(lead=7200)).ref)
    kept = academy.client.update_session(uuid, name="Algebra, first")
    assert (kept.name, kept.recording_access_policy) == ("Algebra, first", ())
    given = academy.client.update_session(uuid, name="Algebra", recording_access_policy=("admin", "student"))
    assert given.recording_access_policy == ("admin", "student")
    own = academy.client.update_session(uuid, name="Algebra", recording_access_policy=())
    assert own.recording_access_policy == ()
    assert academy.bodies(f"/sessions/{uuid}/") == [
        {"name": "Algebra, first"},
        {"name": "Algebra", "recording_access_policy": ["admin", "student"]},
        {"name": "Algebra", "recording_access_policy": []},
    ]
    assert {one.method for one in academy.log(path=f"/sessions/{uuid}/$")} == {"PATCH"}


def test_transcript_and_playback_take_search_and_page(academy: Academy) -> None:
    uuid = academy.hold(academy.launch(plan(lead=7200, transcribe=True)).ref)
    academy.wait(300)
    assert academy.client.transcript(uuid, search="x", page=2).url is not None
    assert academy.client.playback(uuid, search="y", page=3).recording_url is not None
    assert academy.client.transcript(uuid).url is not None
    assert academy.queries("/transcript/$") == [{"search": ["x"], "page": ["2"]}, {}]
    assert academy.queries("/playback/$") == [{"search": ["y"], "page": ["3"]}]
    assert academy.log(path="/playback/$")[0].path == f"/lessonspace/v2/sessions/{uuid}/playback/"


def test_people_are_listed_and_removed(academy: Academy) -> None:
    academy.launch()
    everyone = list(academy.client.users(UserFilters()))
    assert [(one.external_id, one.role, one.name) for one in everyone] == [
        ("t-1", "teacher", "Ada Teacher"),
        ("s-1", "student", "Bo Student"),
    ]
    (teacher,) = academy.client.users(UserFilters(role="teacher"))
    academy.client.remove_user(teacher.user.id)
    assert [one.external_id for one in academy.client.users(UserFilters())] == ["s-1"]
    gone = academy.log(method="DELETE")[0]
    assert (gone.path, gone.status) == (f"/lessonspace/v2/organisations/{ORG}/users/{teacher.user.id}/", 204)
    with pytest.raises(NotFound):
        academy.client.remove_user(teacher.user.id)


def test_the_key_is_checked_with_hello(academy: Academy) -> None:
    assert academy.client.hello() == "The sun is shining and so are you, Sandbox School"
    academy.sandbox.faults.add("status", status=200, body='["hello"]', path="/hello/")
    assert academy.client.hello() == ""


def test_an_organisation_that_was_not_named_is_asked_for_once(academy: Academy) -> None:
    with academy.new_client(organisation=None) as client:
        list(client.sessions(SessionFilters()))
        list(client.users(UserFilters()))
        assert client.my_organisation().name == "Sandbox School"
    paths = [one.path.removeprefix("/lessonspace/v2") for one in academy.log()]
    assert paths == [
        "/my-organisation/",
        f"/organisations/{ORG}/sessions/",
        f"/organisations/{ORG}/users/",
        "/my-organisation/",
    ]


def test_the_header_says_organisation_in_british_spelling(academy: Academy) -> None:
    academy.client.hello()
    assert academy.tap.requests[-1].header("authorization") == f"Organisation {KEY}"


def test_every_path_ends_with_a_slash(academy: Academy) -> None:
    ref = academy.launch(plan(lead=7200, transcribe=True)).ref
    uuid = academy.hold(ref)
    academy.wait(300)
    academy.client.hello()
    academy.client.my_organisation()
    list(academy.client.spaces(SpaceFilters()))
    list(academy.client.space_sessions(ref.detail("space"), SessionFilters()))
    academy.client.update_session(uuid, name="x")
    academy.client.transcript(uuid)
    academy.client.playback(uuid)
    (teacher,) = academy.client.users(UserFilters(role="teacher"))
    academy.client.remove_user(teacher.user.id)
    assert all(one.path.endswith("/") for one in academy.log())
    assert {one.status for one in academy.log()} == {200, 201, 204}


def full_launch() -> models.LaunchRequest:
    hook = "http://127.0.0.1:9/"
    return models.LaunchRequest(
        id="algebra-1",
        name=None,
        allow_guests=False,
        record_av=True,
        record_content=False,
        transcribe=True,
        summarise=True,
        user=models.LaunchUser(
            name="Ada",
            id="t-1",
            email="ada@school.test",
            role="teacher",
            leader=True,
            profile_picture="https://img.test/ada.png",
            camera_background_url="https://img.test/wall.png",
            single_use=True,
            session_limit=True,
            custom_jwt_parameters=models.JwtParameters(kickOnExp=True, softExp=1_788_257_000, meta={"a": 1}),
            record=False,
            ghost=False,
        ),
        webhooks=models.Webhooks(
            session=models.SessionWebhooks(start=f"{hook}1", idle=f"{hook}2", end=f"{hook}3"),
            user=models.UserWebhooks(join=f"{hook}4", idle=f"{hook}5", leave=f"{hook}6"),
            transcription=models.TranscriptionWebhooks(finish=f"{hook}7"),
            cobrowser=models.CobrowserWebhooks(start=f"{hook}8", stop=f"{hook}9"),
            chat=models.ChatWebhooks(message=f"{hook}10"),
            summary={"finish": f"{hook}11"},  # newer events pass through
        ),
        timeouts=models.Timeouts(not_before=SENT, not_after="2026-09-01T13:00:00+00:00"),
        features={"chat": True, "av.screenShare": False},
        theme={"primary": "#123456"},
        video_layout_mode="grid",
        locale="fr",
        server="eu-west-1",
        session_tags={"term": "autumn"},
        space_tags={"room": "blue"},
        invite_url="https://school.test/invite",
        resource_url="https://school.test/resource",
        holodeck_parameters=models.HolodeckParameters(
            customCloseUrl="https://school.test/bye", customCloseName="Bye", customCloseAutomatic="true"
        ),
        auth_external=models.AuthExternal(
            method="redirect", url="https://school.test/auth", token=SecretStr("external-token"), ephemeral=True
        ),
    )


FULL_BODY = {
    "id": "algebra-1",
    "name": None,
    "allow_guests": False,
    "record_av": True,
    "record_content": False,
    "transcribe": True,
    "summarise": True,
    "user": {
        "name": "Ada",
        "id": "t-1",
        "email": "ada@school.test",
        "role": "teacher",
        "leader": True,
        "profile_picture": "https://img.test/ada.png",
        "camera_background_url": "https://img.test/wall.png",
        "single_use": True,
        "session_limit": True,
        "custom_jwt_parameters": {"kickOnExp": True, "softExp": 1_788_257_000, "meta": {"a": 1}},
        "record": False,
        "ghost": False,
    },
    "webhooks": {
        "session": {
            "start": "http://127.0.0.1:9/1",
            "idle": "http://127.0.0.1:9/2",
            "end": "http://127.0.0.1:9/3",
        },
        "user": {"join": "http://127.0.0.1:9/4", "idle": "http://127.0.0.1:9/5", "leave": "http://127.0.0.1:9/6"},
        "transcription": {"finish": "http://127.0.0.1:9/7"},
        "cobrowser": {"start": "http://127.0.0.1:9/8", "stop": "http://127.0.0.1:9/9"},
        "chat": {"message": "http://127.0.0.1:9/10"},
        "summary": {"finish": "http://127.0.0.1:9/11"},
    },
    "timeouts": {"not_before": SENT, "not_after": "2026-09-01T13:00:00+00:00"},
    "features": {"chat": True, "av.screenShare": False},
    "theme": {"primary": "#123456"},
    "video_layout_mode": "grid",
    "locale": "fr",
    "server": "eu-west-1",
    "session_tags": {"term": "autumn"},
    "space_tags": {"room": "blue"},
    "invite_url": "https://school.test/invite",
    "resource_url": "https://school.test/resource",
    "holodeck_parameters": {
        "customCloseUrl": "https://school.test/bye",
        "customCloseName": "Bye",
        "customCloseAutomatic": "true",
    },
    "auth_external": {
        "method": "redirect",
        "url": "https://school.test/auth",
        "token": "external-token",
        "ephemeral": True,
    },
}


def test_a_launch_carries_every_documented_field(academy: Academy) -> None:
    answer = academy.client.launch(full_launch(), client_ip="192.0.2.7")
    assert academy.bodies() == [FULL_BODY]
    assert set(FULL_BODY) == set(models.LaunchRequest.model_fields)
    assert academy.tap.requests[-1].header("x-forwarded-for") == "192.0.2.7"
    assert academy.log()[-1].status == 201
    assert (answer.created, answer.user_id) == (True, 100_002)
    assert answer.room_settings.summarise is True


def test_a_launch_without_a_client_ip_forwards_none(academy: Academy) -> None:
    academy.client.launch(models.LaunchRequest(id="a"))
    assert "x-forwarded-for" not in academy.tap.requests[-1].headers
    assert academy.bodies() == [{"id": "a"}]


def test_a_name_set_to_null_is_sent_as_null_and_one_left_out_is_not(academy: Academy) -> None:
    academy.client.launch(models.LaunchRequest(id="a", name=None))
    academy.client.launch(models.LaunchRequest(id="b"))
    assert [one["name"] for one in academy.spaces] == [None, "b"]


def test_a_second_launch_of_an_id_is_not_created(academy: Academy) -> None:
    first = academy.client.launch(models.LaunchRequest(id="a"))
    again = academy.client.launch(models.LaunchRequest(id="a"))
    assert (first.created, again.created) == (True, False)
    assert (first.room_id, first.session_id) == (again.room_id, again.session_id)


def test_the_close_flag_is_a_string_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="customCloseAutomatic"):
        models.HolodeckParameters.model_validate({"customCloseAutomatic": True})


def test_an_older_launch_answer_without_user_and_settings_is_read(academy: Academy) -> None:
    short = {"client_url": "https://go.room.sh/x", "room_id": "r", "session_id": "s"}
    academy.sandbox.faults.add("status", status=200, body=json.dumps(short), path="/launch/")
    answer = academy.client.launch(models.LaunchRequest(id="a"))
    assert (answer.user_id, answer.secret, answer.room_settings.transcribe) == (None, None, None)


@pytest.mark.parametrize("uuid", ["", ".."])
def test_an_id_that_would_lead_to_another_call_is_refused_before_it_is_sent(academy: Academy, uuid: str) -> None:
    with pytest.raises(ConfigurationError):
        academy.client.session(uuid)
    assert academy.log() == []


def test_an_id_with_a_slash_stays_one_part_of_the_path(academy: Academy) -> None:
    with pytest.raises(NotFound):
        academy.client.session("../../users/1")
    assert academy.log()[-1].path.endswith("/sessions/..%2F..%2Fusers%2F1/")


def test_a_connection_without_a_key_says_so(academy: Academy) -> None:
    with pytest.raises(ConfigurationError, match="no API key"):
        academy.new_client(api_key=SecretStr("  "))


def test_the_client_tells_the_platforms_time(academy: Academy) -> None:
    academy.client.hello()
    assert academy.client.now() == academy.sandbox.clock.now()
    academy.wait(90)
    academy.client.hello()
    assert academy.client.now() == academy.sandbox.clock.now()


def test_the_client_s_offset_is_the_platform_s_clock_less_its_own(academy: Academy) -> None:
    own = [datetime.now(UTC)]
    academy.client._http._clock = lambda: own[0]
    academy.client.hello()
    assert academy.client.clock_offset == academy.sandbox.clock.now() - own[0]
    own[0] += timedelta(hours=1)
    assert academy.client.now() == academy.sandbox.clock.now() + timedelta(hours=1)


def test_the_participants_address_is_sent_with_every_launch_of_a_plan(academy: Academy) -> None:
    academy.launch(plan(client_ip="192.0.2.9"))
    launches = [one for one in academy.tap.requests if one.path.endswith("/launch/")]
    assert [one.header("x-forwarded-for") for one in launches] == ["192.0.2.9"] * 2
