"""Launching a class: one space, one link a person, and the same space-level fields every time."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests  # noqa: TID253 - a person's browser

from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.platforms.lessonspace.launching import SPACE_LEVEL
from airflow_provider.live_sessions.platforms.lessonspace.platform import planned
from airflow_provider.live_sessions.platforms.lessonspace.refs import settings_in
from tests.platforms.kit import altered
from tests.platforms.lessonspace.academy import CLASS, OTHER, PEOPLE, STUDENT, TEACHER, Academy, plan

HOOKS = {
    "session": {"start": "http://127.0.0.1:9/s", "end": "http://127.0.0.1:9/e"},
    "transcription": {"finish": "http://127.0.0.1:9/t"},
}
SPACE_WIDE: dict[str, Any] = {
    "allow_guests": True,
    "record_av": True,
    "record_content": False,
    "transcribe": True,
    "summarise": True,
    "server": "us-east-1",
    "session_tags": {"term": "autumn"},
    "space_tags": {"room": "blue"},
    "webhooks": HOOKS,
}


def test_each_participant_gets_a_launch_and_a_link_of_one_space(academy: Academy) -> None:
    launched = academy.launch(plan(people=(*PEOPLE, OTHER)))
    (space,) = academy.spaces
    assert space["launches"] == 3
    assert [one["user"] for one in space["links"]] == ["t-1", "s-1", "s-2"]
    assert launched.created
    assert launched.links is not None
    assert [one.participant.id for one in launched.links] == ["t-1", "s-1", "s-2"]
    assert len({one.url.get_secret_value() for one in launched.links}) == 3
    people = {one["external_id"]: str(one["id"]) for one in academy.sandbox.state()["lessonspace"]["people"]}
    assert [one.user_id for one in launched.links] == [people["t-1"], people["s-1"], people["s-2"]]
    assert launched.ref.detail("space") == space["id"]
    assert launched.ref.session_id == space["session_id"]


def test_all_space_level_fields_are_sent_on_every_launch_and_none_is_reset_by_the_second(
    academy: Academy,
) -> None:
    launched = academy.launch(plan(people=(*PEOPLE, OTHER), **SPACE_WIDE))
    bodies = academy.bodies()
    wide = [{name: body[name] for name in (*SPACE_LEVEL, "webhooks", "id")} for body in bodies]
    assert wide[0] == wide[1] == wide[2]
    (space,) = academy.spaces
    assert space["webhooks"] == ["session.end", "session.start", "transcription.finish"]
    assert (space["name"], space["tags"]["room"]) == ("Algebra 1", "blue")
    assert space["session_tags"]["term"] == "autumn"
    academy.go_to(CLASS)
    row = academy.client.session(academy.join(launched.ref, "t-1"))
    assert row.space is not None
    assert (row.space.transcribe, row.space.record_av, row.space.region) == (True, True, "us-east-1")


def test_transcribe_is_not_switched_off_by_the_second_persons_launch(academy: Academy) -> None:
    launched = academy.launch(plan(transcribe=True))
    academy.go_to(CLASS)
    uuid = academy.hold(launched.ref)
    academy.wait(300)
    assert academy.client.transcript(uuid).url is not None


def test_the_webhooks_are_complete_on_every_launch(academy: Academy) -> None:
    academy.launch(plan(webhooks=HOOKS))
    assert [one["webhooks"] for one in academy.bodies()] == [HOOKS, HOOKS]


def test_transcribe_turns_recording_on_because_it_needs_it() -> None:
    with Academy.open(record_av=False) as academy:
        academy.launch(plan(transcribe=True))
        assert [one["record_av"] for one in academy.bodies()] == [True, True]


def test_what_the_organisation_decides_is_left_to_it(academy: Academy) -> None:
    academy.launch()
    for body in academy.bodies():
        assert not {"record_av", "record_content", "summarise", "server", "webhooks"} & set(body)
        assert (body["transcribe"], body["allow_guests"]) == (False, False)


def test_a_flag_that_was_silently_refused_is_told() -> None:
    with Academy.open(recording=False) as academy:
        launched = academy.launch(plan(transcribe=True, record_content=True))
        (warning,) = launched.warnings
        assert warning.startswith("Lessonspace set record_av to false although true was asked for;")
        assert json.loads(launched.ref.detail("room_settings"))["record_av"] is False


def test_nothing_is_told_where_everything_was_taken_over(academy: Academy) -> None:
    assert academy.launch(plan(transcribe=True, summarise=True)).warnings == ()


def test_a_class_that_nobody_leads_was_launched_without_a_word(academy: Academy) -> None:
    (warning,) = academy.launch(plan(people=(STUDENT,))).warnings
    assert warning.startswith("Nobody leads: ")
    (other,) = academy.launch(plan("Open house", people=())).warnings
    assert other.startswith("No participants were named"), "nobody was to lead it"


def test_times_are_sent_with_explicit_offsets(academy: Academy) -> None:
    start = datetime.fromisoformat("2026-09-01T11:00:00+02:00")
    academy.launch(plan(start=start, lead=600, grace=1200))
    assert [one["timeouts"] for one in academy.bodies()] == [
        {"not_before": "2026-09-01T08:50:00+00:00", "not_after": "2026-09-01T10:20:00+00:00"}
    ] * 2


def test_a_link_works_from_the_lead_to_the_grace_and_says_so(academy: Academy) -> None:
    launched = academy.launch(plan(lead=600, grace=1200))
    assert launched.links is not None
    assert {one.not_before for one in launched.links} == {CLASS - timedelta(seconds=600)}
    assert {one.not_after for one in launched.links} == {CLASS + timedelta(seconds=3600 + 1200)}
    (space,) = academy.spaces
    assert {one["not_before"] for one in space["links"]} == {(CLASS - timedelta(seconds=600)).timestamp()}


def test_a_class_without_participants_gets_one_guests_link(academy: Academy) -> None:
    launched = academy.launch(plan(people=()))
    assert launched.links is not None
    (link,) = launched.links
    assert (link.participant.id, link.participant.name) == ("guest", "Guest")
    assert Participant.from_json(link.participant.to_json()) == link.participant
    assert "user" not in academy.bodies()[0]
    assert [one["user"] for one in academy.spaces[0]["links"]] == ["guest"]


def test_an_older_answer_without_a_user_id_gives_a_link_without_one(academy: Academy) -> None:
    academy.tap.answer = lambda _, response: altered(
        response, lambda body: {k: v for k, v in body.items() if k not in ("user_id", "room_settings")}
    )
    launched = academy.launch()
    assert launched.links is not None
    assert [one.user_id for one in launched.links] == ["", ""]
    assert launched.ref.detail("room_settings") == "{}"


def test_a_persons_own_fields_go_to_that_person_only(academy: Academy) -> None:
    shown = Participant(
        "t-1",
        "Ada",
        role="teacher",
        leader=True,
        options={
            "profile_picture": "https://img.test/a.png",
            "single_use": True,
            "session_limit": True,
            "record": False,
            "ghost": False,
            "camera_background_url": "https://img.test/b.png",
            "custom_jwt_parameters": {"meta": {"a": 1}},
            "locale": "pl",
        },
    )
    academy.launch(plan(people=(shown, STUDENT), locale="fr", features={"chat": False}))
    teacher, student = academy.bodies()
    assert teacher["user"] == {
        "id": "t-1",
        "name": "Ada",
        "leader": True,
        "role": "teacher",
        **{name: value for name, value in shown.options.items() if name != "locale"},
    }
    assert student["user"] == {"id": "s-1", "name": "Bo Student", "leader": False, "role": "student"}
    assert (teacher["locale"], student["locale"]) == ("pl", "fr")
    assert teacher["features"] == student["features"] == {"chat": False}


def test_mail_addresses_stay_home_unless_they_are_to_be_shared(academy: Academy) -> None:
    academy.launch()
    assert all("email" not in one["user"] for one in academy.bodies())
    academy.launch(plan("Shared", people=(TEACHER, OTHER), share_emails=True))
    assert [one["user"].get("email") for one in academy.bodies()[2:]] == ["ada@school.test", None]


def test_one_id_that_leads_to_two_rooms_is_refused(academy: Academy) -> None:
    academy.tap.answer = lambda request, response: altered(
        response, lambda body: {**body, "room_id": f"room-{request.connection}-{len(academy.tap.requests)}"}
    )
    with pytest.raises(Refused, match="two rooms"):
        academy.launch()


def test_ids_are_case_sensitive_and_a_name_in_another_case_is_another_room(academy: Academy) -> None:
    academy.launch(plan(space="persistent", space_id="Room-A"))
    academy.launch(plan("Other", space="persistent", space_id="room-a"))
    assert [one["launch_id"] for one in academy.spaces] == ["Room-A", "room-a"]


# ---- hard stop


def test_a_hard_stop_is_in_every_link_and_a_soft_one_in_the_leaders(academy: Academy) -> None:
    academy.launch(plan(people=(*PEOPLE, OTHER), hard_stop=300))
    end = CLASS + timedelta(hours=1)
    jwt = [one["user"]["custom_jwt_parameters"] for one in academy.bodies()]
    assert jwt == [
        {"kickOnExp": True, "softExp": int(end.timestamp())},
        {"kickOnExp": True},
        {"kickOnExp": True},
    ]
    assert {one["timeouts"]["not_after"] for one in academy.bodies()} == {"2026-09-01T10:05:00+00:00"}
    assert all(one["kick"] for one in academy.spaces[0]["links"])


def test_a_hard_stop_keeps_a_persons_own_parameters_but_not_their_way_around_it(academy: Academy) -> None:
    sly = Participant("s-9", "Sly", options={"custom_jwt_parameters": {"kickOnExp": False, "meta": {"a": 1}}})
    academy.launch(plan(people=(sly,), hard_stop=0))
    assert academy.bodies()[0]["user"]["custom_jwt_parameters"] == {"kickOnExp": True, "meta": {"a": 1}}


def test_a_hard_stop_puts_everybody_out_and_the_session_ends_30_s_later(academy: Academy) -> None:
    launched = academy.launch(plan(hard_stop=300))
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1", "s-1")
    out = CLASS + timedelta(seconds=3600 + 300)
    academy.go_to(out - timedelta(seconds=1))
    assert academy.sessions[0]["inside"] == ["t-1", "s-1"]
    assert academy.status(launched.ref).state is State.LIVE
    academy.go_to(out)
    assert academy.sessions[0]["inside"] == []
    academy.go_to(out + timedelta(seconds=29))
    assert academy.status(launched.ref).state is State.LIVE
    academy.go_to(out + timedelta(seconds=30))
    status = academy.status(launched.ref)
    assert (status.state, status.ended_at) == (State.ENDED, out + timedelta(seconds=30))


def test_a_guests_link_is_bounded_by_the_hard_stop_too(academy: Academy) -> None:
    launched = academy.launch(plan(people=(), hard_stop=300))
    assert launched.links is not None
    academy.go_to(CLASS)
    way_in = launched.links[0].url.get_secret_value()
    assert requests.post(f"{way_in}&do=join&browser=b", timeout=30).status_code == 200
    assert academy.sessions[0]["inside"] == ["guest"]
    academy.go_to(CLASS + timedelta(seconds=3600 + 300))
    assert academy.sessions[0]["inside"] == []
    assert academy.bodies()[0]["user"] == {"custom_jwt_parameters": {"kickOnExp": True}}


def test_without_a_hard_stop_nobody_is_put_out(academy: Academy) -> None:
    launched = academy.launch(plan(grace=60))
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1", "s-1")
    academy.wait(7200)
    assert academy.sessions[0]["inside"] == ["t-1", "s-1"]
    assert all("custom_jwt_parameters" not in one["user"] for one in academy.bodies())


# ---- the ref


def test_a_ref_tells_what_was_asked_for_and_when_it_was_planned(academy: Academy) -> None:
    ref = academy.launch(plan(transcribe=True)).ref
    settings = settings_in(ref)
    assert (settings["transcribe"], settings["name"]) == (True, "Algebra 1")
    assert planned(ref) == (CLASS, CLASS + timedelta(hours=1))
    with pytest.raises(ConfigurationError, match="no JSON object"):
        settings_in(ref.with_details(settings="[]"))


def test_a_ref_holds_nothing_that_opens_a_door(academy: Academy) -> None:
    launched = academy.launch(plan(auth_external={"method": "child", "url": "https://a.test/", "token": "hush"}))
    shown = json.dumps(launched.ref.to_json())
    assert not [one for one in ("hush", "http", "secret", "user=") if one in shown]
    assert academy.bodies()[0]["auth_external"]["token"] == "hush"
