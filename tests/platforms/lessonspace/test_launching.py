"""From a plan to launch requests, without a wire."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import fingerprint
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.platforms.lessonspace import launching
from airflow_provider.live_sessions.platforms.lessonspace.launching import LessonspaceOptions
from airflow_provider.live_sessions.platforms.lessonspace.models import RoomSettings
from tests.platforms.lessonspace.academy import PEOPLE, key_of, plan, steady

titles = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
flags = st.none() | st.booleans()


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    zone = timezone(timedelta(minutes=draw(st.integers(-720, 840))))
    start = datetime(2026, 1, 1, tzinfo=zone) + timedelta(seconds=draw(st.integers(0, 10**9)))
    ids = draw(st.lists(titles.filter(bool), max_size=4, unique=True))
    people = tuple(Participant(one, f"Name {n}", leader=draw(st.booleans())) for n, one in enumerate(ids))
    transcribe = draw(st.booleans())
    options: dict[str, Any] = {
        "transcribe": transcribe,
        "record_content": draw(flags),
        "summarise": draw(flags),
        "hard_stop": draw(st.none() | st.integers(0, 600)),
        "lead": draw(st.integers(0, 3600)),
        "grace": draw(st.integers(600, 7200)),
        "session_tags": draw(st.dictionaries(st.just("t"), titles)),
    }
    if not transcribe:
        options["record_av"] = draw(flags)
    if draw(st.booleans()):
        options |= {"space": "persistent", "space_id": "room"}
    return Plan(draw(titles), start, start + timedelta(minutes=draw(st.integers(1, 600))), people, options)


@steady
@given(plans())
@example(plan("Математика для девятого класса, понедельник"))
@example(plan("数学" * 60))
@example(plan("é" * 64))
@example(plan(""))
def test_every_launch_is_of_one_id_within_64_characters(the_plan: Plan) -> None:
    options = LessonspaceOptions.of(the_plan)
    ids = {request.id for _, request in launching.requests_of(the_plan, key_of(the_plan), options)}
    (one,) = ids
    assert 0 < len(one) <= 64
    if options.space == "occurrence":
        assert one == f"als-{key_of(the_plan).digest}"  # the key alone: a class that is renamed keeps its room


@steady
@given(plans())
def test_launches_differ_in_nothing_but_the_person(the_plan: Plan) -> None:
    options = LessonspaceOptions.of(the_plan)
    launches = launching.requests_of(the_plan, key_of(the_plan), options)
    bodies = [request.body() for _, request in launches]
    assert len(launches) == max(1, len(the_plan.participants))
    people = [body.pop("user", {}) for body in bodies]
    assert all(body == bodies[0] for body in bodies)
    assert set(launching.space_level(the_plan, key_of(the_plan), options)) <= set(bodies[0])
    assert [one.get("id") for one in people] == [
        one.id for one in the_plan.participants
    ] or not the_plan.participants
    bound = options.hard_stop is not None
    assert {one.get("custom_jwt_parameters", {}).get("kickOnExp", False) for one in people} == {bound}


@steady
@given(plans())
def test_every_time_has_its_offset(the_plan: Plan) -> None:
    (_, request), *_ = launching.requests_of(the_plan, key_of(the_plan), LessonspaceOptions.of(the_plan))
    times = request.body()["timeouts"]
    assert set(times) == {"not_before", "not_after"}
    assert all(datetime.fromisoformat(one).utcoffset() == timedelta(0) for one in times.values())
    assert datetime.fromisoformat(times["not_before"]) <= the_plan.start
    assert datetime.fromisoformat(times["not_after"]) >= the_plan.end


@steady
@given(plans())
def test_a_ref_survives_its_journey_and_repeats_the_settings(the_plan: Plan) -> None:
    options, key = LessonspaceOptions.of(the_plan), key_of(the_plan)
    ref = launching.make_ref(
        the_plan, key, options, conn_id="c", room_id="r", session_id="s", settings=RoomSettings(record_av=False)
    )
    assert SessionRef.from_json(json.loads(json.dumps(ref.to_json()))) == ref
    mark = launching.cancel_mark(ref, the_plan.start).body()
    ours = {**launching.space_level(the_plan, key, options)}
    ours["space_tags"] = {**ours["space_tags"], "als_cancelled": launching.cancelled_day(ref)}
    assert {name: mark[name] for name in ours} == ours
    assert set(mark) - set(ours) == {"id", "user", "timeouts"}
    assert mark["id"] == launching.space_id(key, options)


def test_the_marks_of_a_class_are_on_session_and_space() -> None:
    the_plan = plan(session_tags={"term": "autumn"}, space_tags={"room": "blue"})
    level = launching.space_level(the_plan, key_of(the_plan), LessonspaceOptions.of(the_plan))
    ours = {"als_key": key_of(the_plan).digest, "als_plan": fingerprint(the_plan)}
    assert level["session_tags"] == {"term": "autumn", **ours}
    assert level["space_tags"] == {"room": "blue", **ours, "als_cancelled": "no"}


def test_a_persistent_space_carries_no_mark_of_one_class() -> None:
    the_plan = plan(space="persistent", space_id="room", space_tags={"room": "blue"})
    level = launching.space_level(the_plan, key_of(the_plan), LessonspaceOptions.of(the_plan))
    assert level["space_tags"] == {"room": "blue"}
    assert "als_key" in level["session_tags"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"space": "persistent"}, "needs a space_id"),
        ({"space_id": "room"}, "space_id is for space='persistent'"),
        ({"space": "persistent", "space_id": "x" * 65}, "space_id: String should have at most 64"),
        ({"space": "weekly"}, "space: Input should be"),
        ({"transcribe": True, "record_av": False}, "transcribe needs record_av"),
        ({"hard_stop": 3601}, "hard_stop lies after grace"),
        ({"hard_stop": -1}, "hard_stop: Input should be greater"),
        ({"hard_stop": 60, "allow_guests": True}, "hard_stop bounds personal links only"),
        ({"lead": -1}, "lead: Input should be greater"),
        ({"session_tags": {"als_key": "x"}}, "tags that begin with als_"),
        ({"space_tags": {"als_x": "x"}}, "tags that begin with als_"),
        ({"transcrib": True}, "transcrib is unknown, did you mean transcribe?"),
        ({"video_layout_mode": "wall"}, "video_layout_mode: Input"),
        ({"holodeck_parameters": {"customCloseAutomatic": True}}, "holodeck_parameters.customCloseAutomatic"),
    ],
)
def test_options_that_do_not_fit_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        LessonspaceOptions.of(plan(**options), "school")
    assert words in str(caught.value)
    assert "'Algebra 1'" in str(caught.value)
    assert caught.value.conn_id == "school"


def test_all_wrong_options_are_named_at_once() -> None:
    people = (Participant("a", "A", options={"singleuse": True}),)
    with pytest.raises(ConfigurationError, match=r"x is unknown; y is unknown"):
        LessonspaceOptions.of(plan(x=1, y=2))
    with pytest.raises(ConfigurationError, match="singleuse"):
        LessonspaceOptions.of(plan(people=people))


def test_a_wrong_option_is_named_without_its_value() -> None:
    external = {"method": "child", "url": "https://a.test/", "token": ["hush-hush"]}
    with pytest.raises(ConfigurationError, match=r"auth_external\.token") as caught:
        LessonspaceOptions.of(plan(auth_external=external))
    assert "hush" not in f"{caught.value!r}{caught.value.__cause__!r}"


def test_a_session_limit_is_refused_in_a_persistent_space_only() -> None:
    limited = (Participant("a", "A", options={"session_limit": True}),)
    with pytest.raises(ConfigurationError, match="early test"):
        LessonspaceOptions.of(plan(people=limited, space="persistent", space_id="room"))
    LessonspaceOptions.of(plan(people=limited))
    LessonspaceOptions.of(plan(people=PEOPLE, space="persistent", space_id="room"))


def test_the_token_of_an_external_login_is_shown_to_the_platform_only() -> None:
    external = {"method": "child", "url": "https://a.test/", "token": "hush"}
    the_plan = plan(auth_external=external)
    (_, request), _ = launching.requests_of(the_plan, key_of(the_plan), LessonspaceOptions.of(the_plan))
    assert request.body()["auth_external"]["token"] == "hush"
    assert "hush" not in repr(request)
