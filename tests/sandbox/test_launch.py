from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider.live_sessions.sandbox.lessonspace.drf import Problem
from airflow_provider.live_sessions.sandbox.lessonspace.launch_body import read_launch
from airflow_provider.live_sessions.sandbox.lessonspace.links import read, sign
from airflow_provider.live_sessions.sandbox.lessonspace.options import Options
from tests.sandbox.school import School


def claims(launched: dict[str, Any]) -> dict[str, Any]:
    token = parse_qs(urlsplit(launched["client_url"]).query)["user"][0]
    found = read(token, launched["secret"])
    assert found is not None
    return found


def error(school: School, **body: Any) -> Any:
    answer = school.ask("POST", "/spaces/launch/", json={"id": "a", **body})
    assert answer.status_code == 400, answer.text
    assert school.sandbox.state()["lessonspace"]["spaces"] == []
    return answer.json()


def test_the_first_launch_makes_the_space_and_later_ones_find_it(school: School) -> None:
    first, second = school.try_launch("a", "t"), school.try_launch("a", "t")
    assert (first.status_code, second.status_code) == (201, 200)
    same = ("room_id", "secret", "session_id", "user_id", "api_base", "room_settings")
    assert {name: first.json()[name] for name in same} == {name: second.json()[name] for name in same}
    assert first.json()["client_url"] != second.json()["client_url"]
    assert set(first.json()) == {*same, "client_url"}


def test_ids_are_case_sensitive(school: School) -> None:
    assert school.launch("a")["room_id"] != school.launch("A")["room_id"]


def test_an_unused_launch_leaves_no_session(school: School) -> None:
    launched = school.launch("a", "t")
    assert school.sessions(include_single_user="true") == []
    assert school.ask("GET", f"{school.org}/sessions/{launched['session_id']}/").status_code == 404


def test_the_session_id_stays_until_the_session_has_started_and_ended(school: School) -> None:
    reserved = school.launch("a", "t")["session_id"]
    assert school.launch("a", "s")["session_id"] == reserved
    school.join("a", "t")
    assert school.launch("a", "s")["session_id"] == reserved
    school.leave("a", "t")
    school.wait(29)
    assert school.launch("a", "s")["session_id"] == reserved
    school.wait(1)
    renewed = school.launch("a", "s")["session_id"]
    assert renewed != reserved
    assert school.launch("a", "t")["session_id"] == renewed


def test_the_session_goes_under_the_reserved_id(school: School) -> None:
    reserved = school.launch("a", "t")["session_id"]
    school.join("a", "t")
    assert [one["uuid"] for one in school.sessions(include_single_user="true")] == [reserved]


def test_the_sessions_uuid_may_differ_from_the_reserved_id() -> None:
    with School.open(session_id_differs=True) as school:
        reserved = school.launch("a", "t")["session_id"]
        school.join("a", "t")
        (row,) = school.sessions(include_single_user="true")
        assert row["uuid"] != reserved
        assert school.sandbox.state()["lessonspace"]["sessions"][0]["session_id"] == reserved


@pytest.mark.parametrize(
    ("given_name", "name"), [({}, "a"), ({"name": None}, None), ({"name": ""}, ""), ({"name": "N"}, "N")]
)
def test_only_a_missing_name_becomes_the_id(school: School, given_name: dict[str, Any], name: str | None) -> None:
    school.launch("a", **given_name)
    assert school.get(f"{school.org}/spaces/")["results"][0]["name"] == name


def test_the_same_user_id_is_the_same_person_and_the_name_stands_in_for_it(school: School) -> None:
    number = school.launch("a", "t")["user_id"]
    assert school.launch("b", "t", person={"name": "Renamed"})["user_id"] == number
    by_name = school.launch("a", user={"name": "Alex"})["user_id"]
    assert school.launch("b", user={"name": "Alex"})["user_id"] == by_name != number
    assert isinstance(number, int)


def test_a_launch_without_a_person_is_a_guest_link(school: School) -> None:
    launched = school.launch("a")
    assert claims(launched)["guest"] is True
    assert claims(launched)["name"] == "Guest"
    assert school.launch("b")["user_id"] == launched["user_id"]
    assert school.get(f"{school.org}/users/")["results"] == []


def test_an_email_belongs_to_one_person(school: School) -> None:
    school.launch("a", "t", person={"email": "t@example.org"})
    school.launch("b", "t", person={"email": "T@example.org"})
    answer = school.try_launch("c", "other", person={"email": "t@EXAMPLE.org"})
    assert (answer.status_code, list(answer.json()["user"])) == (400, ["email"])
    school.launch("b", "t", person={"email": "new@example.org"})
    school.launch("c", "other", person={"email": "t@example.org"})


def test_later_launches_overwrite_the_space_and_an_omitted_transcribe_switches_it_off(school: School) -> None:
    first = school.launch("a", "t", transcribe=True, record_av=True, name="One")
    assert first["room_settings"]["transcribe"] is True
    second = school.launch("a", "s", name="Two", record_av=False)
    assert (second["room_settings"]["transcribe"], second["room_settings"]["record_av"]) == (False, False)
    assert school.get(f"{school.org}/spaces/")["results"][0]["name"] == "Two"


def test_recording_is_silently_refused_where_the_organisation_has_none() -> None:
    with School.open(recording=False) as school:
        assert school.launch("a", record_av=True)["room_settings"]["record_av"] is False


def test_the_organisations_settings_count_where_the_launch_says_nothing() -> None:
    with School.open(record_av=False, record_content=False) as school:
        settings = school.launch("a")["room_settings"]
        assert (settings["record_av"], settings["record_content"]) == (False, False)
        assert school.launch("a", record_av=True)["room_settings"]["record_av"] is True


def test_tags_and_region(school: School) -> None:
    school.launch("a", "t", space_tags={"k": "1"}, session_tags={"run": "7"}, server="us-east-1")
    school.launch("a", "t", space_tags={"k": "2"}, session_tags={"run": "8"}, server="ap-south-1")
    school.join("a", "t")
    (row,) = school.sessions(include_single_user="true")
    assert (row["tags"], row["space"]["tags"], row["space"]["region"]) == ({"run": "8"}, {"k": "2"}, "us-east-1")


def test_a_relaunch_during_the_session_changes_its_tags(school: School) -> None:
    school.launch("a", "t", session_tags={"run": "7"})
    school.join("a", "t")
    school.launch("a", "s", session_tags={"run": "8"})
    assert school.sessions(include_single_user="true")[0]["tags"] == {"run": "8"}


def test_the_spaces_tags_may_be_set_once_only() -> None:
    with School.open(space_tags_replace=False) as school:
        school.launch("a", space_tags={"k": "1"})
        school.launch("a", space_tags={"k": "2"})
        assert school.get(f"{school.org}/spaces/")["results"][0]["tags"] == {"k": "1"}


def test_webhooks_are_replaced_kept_or_removed(school: School) -> None:
    def registered(**body: Any) -> Any:
        school.launch("a", **body)
        return school.sandbox.state()["lessonspace"]["spaces"][0]["webhooks"]

    start, end = ({"session": {name: "http://127.0.0.1:1/x"}} for name in ("start", "end"))
    assert registered(webhooks=start) == ["session.start"]
    assert registered() == ["session.start"]
    assert registered(webhooks=end) == ["session.end"]
    assert registered(webhooks={"session": {"end": None}, "user": {"join": ""}}) == []
    assert registered(webhooks=end) == ["session.end"]
    assert registered(webhooks=None) == []


def test_webhooks_may_be_set_once_only() -> None:
    with School.open(webhooks_replace=False) as school:
        school.launch("a", webhooks={"session": {"start": "http://127.0.0.1:1/"}})
        school.launch("a", webhooks={"session": {"end": "http://127.0.0.1:1/"}})
        assert school.sandbox.state()["lessonspace"]["spaces"][0]["webhooks"] == ["session.start"]


def test_the_links_token_says_what_was_asked_for(school: School) -> None:
    launched = school.launch(
        "a",
        "t",
        person={
            "leader": True,
            "single_use": True,
            "session_limit": True,
            "ghost": False,
            "camera_background_url": "https://example.org/b.png",
            "custom_jwt_parameters": {"kickOnExp": True, "softExp": 1788253200, "meta": {"k": "v"}},
        },
        timeouts={"not_before": "2026-09-01T10:00:00+02:00", "not_after": "2026-09-01T09:00"},
    )
    found = claims(launched)
    assert found["nbf"] == 1788249600
    assert found["exp"] == 1788253200
    assert (found["canLead"], found["guest"], found["singleUse"]) == (True, False, True)
    assert (found["kickOnExp"], found["softExp"], found["meta"]) == (True, 1788253200, {"k": "v"})
    assert found["sessionLimit"] == launched["session_id"]
    assert (found["id"], found["name"], found["ghost"]) == (launched["user_id"], "T", False)
    assert found["cameraBackgroundUrl"] == "https://example.org/b.png"
    token = parse_qs(urlsplit(launched["client_url"]).query)["user"][0]
    head = token.split(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["alg"] == "HS256"


def test_the_link_carries_the_rooms_parameters_and_drops_invalid_ones(school: School) -> None:
    launched = school.launch(
        "a",
        features={"chat": False, "av.screenShare": True, "nonsense": True, "timer": "yes"},
        theme={"primary": "#fff", "nonsense": "#000", "logo": 5},
        video_layout_mode="grid",
        locale="fr",
        invite_url="https://example.org/invite",
        holodeck_parameters={"customCloseUrl": "https://example.org", "customCloseAutomatic": True},
        auth_external={"method": "child", "url": "https://example.org", "token": "t"},
    )
    found = {name: one[0] for name, one in parse_qs(urlsplit(launched["client_url"]).query).items()}
    assert found["features"] == "chat=false,av.screenShare=true"
    assert found["theme"] == "primary=#fff"
    assert (found["video_layout_mode"], found["locale"]) == ("grid", "fr")
    assert (found["invite_url"], found["customCloseUrl"]) == ("https://example.org/invite", "https://example.org")
    assert "customCloseAutomatic" not in found
    assert launched["room_id"] in found["inviteUrl"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "x" * 65}, "id"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"id": []}, "id"),
        ({"id": True}, "id"),
        ({"record_av": "perhaps"}, "record_av"),
        ({"summarise": True}, "summarise"),
        ({"name": {}}, "name"),
        ({"user": "t"}, "user"),
        ({"user": {"email": "nobody"}}, "user.email"),
        ({"user": {"leader": 7}}, "user.leader"),
        ({"user": {"profile_picture": "no url"}}, "user.profile_picture"),
        ({"user": {"custom_jwt_parameters": []}}, "user.custom_jwt_parameters"),
        ({"timeouts": {"not_before": "soon"}}, "timeouts.not_before"),
        ({"timeouts": {"not_after": 5}}, "timeouts.not_after"),
        ({"webhooks": {"session": {"end": "ftp://x"}}}, "webhooks.session.end"),
        ({"webhooks": {"session": "http://x"}}, "webhooks.session"),
        ({"video_layout_mode": "cinema"}, "video_layout_mode"),
        ({"locale": "de"}, "locale"),
        ({"session_tags": ["a"]}, "session_tags"),
        ({"auth_external": {"url": "http://x", "token": "t"}}, "auth_external.method"),
        ({"auth_external": {"method": "popup", "url": "http://x", "token": "t"}}, "auth_external.method"),
    ],
)
def test_a_wrong_field_is_a_400_that_names_it_and_makes_nothing(
    school: School, body: dict[str, Any], field: str
) -> None:
    found = error(school, **body)
    for part in field.split("."):
        assert list(found) == [part]
        found = found[part]
    assert all(isinstance(one, str) for one in found)


def test_the_id_is_required(school: School) -> None:
    answer = school.ask("POST", "/spaces/launch/", json={"name": "a"})
    assert (answer.status_code, answer.json()) == (400, {"id": ["This field is required."]})


def test_a_number_will_do_as_id_and_64_characters_too(school: School) -> None:
    assert school.try_launch(5).status_code == 201
    assert school.try_launch("x" * 64).status_code == 201


@pytest.mark.parametrize("value", ["true", 1, "no", 0])
def test_booleans_come_in_many_forms(school: School, value: Any) -> None:
    settings_ = school.launch("a", record_content=value)["room_settings"]
    assert settings_["record_content"] is (value in ("true", 1))


NAMES = ["id", "name", "user", "webhooks", "timeouts", "features", "theme", "session_tags", "space_tags",
         "server", "record_av", "transcribe", "summarise", "locale", "auth_external", "holodeck_parameters",
         "leader", "email", "session", "end", "not_before", "custom_jwt_parameters", "method",
         "url", "token"]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), JSON))
def test_any_json_is_a_launch_or_a_400(body: dict[str, Any]) -> None:
    try:
        asked = read_launch(body, Options())
    except Problem as problem:
        refused = problem.response
    else:
        assert 1 <= len(asked.id) <= 64
        return
    assert refused.status == 400
    assert json.loads(refused.body)


@given(st.dictionaries(st.text(), JSON), st.text(min_size=1), st.text(min_size=1))
def test_a_token_is_read_with_its_secret_only(what: dict[str, Any], secret: str, other: str) -> None:
    token = sign(what, secret)
    assert read(token, secret) == what
    if other != secret and other.strip("\0") != secret.strip("\0"):
        assert read(token, other) is None
    assert read(token[:-1], secret) is None
    assert read("", secret) is None


def test_a_token_that_is_no_object_is_none() -> None:
    assert read(sign([1], "s"), "s") is None  # type: ignore[arg-type] # the point


def test_what_was_given_out_can_be_asked_for_and_is_in_no_state(school: School) -> None:
    given = [school.try_launch("a", "t").json(), school.try_launch("b", "t").json()]
    asked = school.sandbox.lessonspace.secrets()
    assert asked["links"] == [one["client_url"] for one in given]
    assert asked["secrets"] == [one["secret"] for one in given]
    state = json.dumps(school.sandbox.state())
    assert not any(secret in state for secrets in asked.values() for secret in secrets)
