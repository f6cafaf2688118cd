"""Lists: both shapes, pages, unknown fields, filters that the server ignores."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused, Unavailable
from airflow_provider.live_sessions.platforms.lessonspace.filters import (
    SessionFilters,
    SpaceFilters,
    UserFilters,
    tags_match,
)
from airflow_provider.live_sessions.platforms.lessonspace.listed import Session, Space
from airflow_provider.live_sessions.platforms.lessonspace.models import LaunchRequest
from tests.core import scripted
from tests.core.scripted import ScriptedServer
from tests.platforms.kit import altered
from tests.platforms.lessonspace.academy import Academy, plan, steady

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
ALL = SessionFilters(include_single_user=True)


@pytest.mark.parametrize("envelope", [True, False])
def test_both_shapes_of_a_list_are_read(envelope: bool) -> None:
    with Academy.open(envelope=envelope) as academy:
        ref = academy.launch(plan(lead=7200)).ref
        uuid = academy.hold(ref)
        assert [one.uuid for one in academy.client.sessions(ALL)] == [uuid]
        assert [one.uuid for one in academy.client.space_sessions(ref.detail("space"), ALL)] == [uuid]
        assert [one.id for one in academy.client.spaces(SpaceFilters())] == [ref.detail("space")]
        assert len(list(academy.client.users(UserFilters()))) == 2


def test_every_page_is_read_once_with_the_same_filters() -> None:
    with Academy.open(page_size=2) as academy:
        for number in range(5):
            academy.client.launch(LaunchRequest(id=f"room-{number}", space_tags={"a b": "c&d"}))
        rows = list(academy.client.spaces(SpaceFilters(tag_key="a b", tag_value="c&d")))
        assert len({one.id for one in rows}) == len(rows) == 5
        tags = {"tag_key": ["a b"], "tag_value": ["c&d"]}
        assert academy.queries("/spaces/$") == [tags, {**tags, "page": ["2"]}, {**tags, "page": ["3"]}]


def test_a_list_begins_at_the_page_asked_for() -> None:
    with Academy.open(page_size=2) as academy:
        for number in range(5):
            academy.client.launch(LaunchRequest(id=f"room-{number}"))
        assert len(list(academy.client.spaces(SpaceFilters(page=2)))) == 3


def test_a_list_is_asked_for_only_as_far_as_it_is_read() -> None:
    with Academy.open(page_size=1) as academy:
        for number in range(3):
            academy.client.launch(LaunchRequest(id=f"room-{number}"))
        next(iter(academy.client.spaces(SpaceFilters())))
        assert len(academy.queries("/spaces/$")) == 1


def test_a_next_page_on_another_host_is_refused_and_nothing_is_sent_there(academy: Academy) -> None:
    with ScriptedServer([scripted.json([])]) as thief:
        elsewhere = thief.url.replace("127.0.0.1", "localhost") + "/v2/organisations/4711/spaces/?page=2"
        academy.tap.answer = lambda _, response: altered(response, lambda body: {**body, "next": elsewhere})
        with pytest.raises(Refused, match="another host"):
            list(academy.client.spaces(SpaceFilters()))
        assert thief.received == []


def test_a_next_page_on_another_port_is_asked_for_at_the_own_address(academy: Academy) -> None:
    with ScriptedServer([scripted.json([])]) as thief:

        def forged(request: Request, response: Response) -> Response:
            follow = None if request.query else f"{thief.url}/v2/organisations/4711/spaces/?page=1"
            return altered(response, lambda body: {**body, "next": follow})

        academy.tap.answer = forged
        assert list(academy.client.spaces(SpaceFilters())) == []
        assert thief.received == []
        assert academy.queries("/spaces/$") == [{}, {"page": ["1"]}]


def test_pages_in_a_circle_are_noticed(academy: Academy) -> None:
    here = f"{academy.sandbox.lessonspace.url}/organisations/4711/spaces/?page=1"
    academy.tap.answer = lambda _, response: altered(response, lambda body: {**body, "next": here})
    with pytest.raises(Unavailable, match="circle"):
        list(academy.client.spaces(SpaceFilters()))
    assert len(academy.queries("/spaces/$")) == 2


def test_unknown_fields_are_tolerated_everywhere(academy: Academy) -> None:
    def surprise(value: Any) -> Any:
        if isinstance(value, list):
            return [surprise(one) for one in value]
        if isinstance(value, dict):
            return {**{name: surprise(one) for name, one in value.items()}, "surprise": {"x": [1]}}
        return value

    def surprised(_request: Request, response: Response) -> Response:
        return altered(response, surprise)

    ref = academy.launch(plan(lead=7200)).ref
    uuid = academy.hold(ref)
    academy.tap.answer = surprised
    assert academy.launch(plan("Other")).created
    assert [one.uuid for one in academy.client.sessions(ALL)] == [uuid]
    assert academy.client.session(uuid).tags == {
        **academy.client.session(uuid).tags,
        "surprise": "{'x': [1]}",
    }
    assert len(list(academy.client.users(UserFilters()))) == 2
    assert academy.client.my_organisation().id == 4711


def test_what_older_sessions_lack_is_optional() -> None:
    with Academy.open(newer_fields=False) as academy:
        uuid = academy.hold(academy.launch(plan(lead=7200)).ref)
        row = academy.client.session(uuid)
        assert (row.recording_available, row.recording_deleted) == (None, None)
        assert row.space is not None
        assert row.space.transcribe is None


def ignoring(request: Request) -> Request:
    """Ask without any filter, as a server does that knows none of them."""
    return replace(request, query="include_single_user=true" if "sessions" in request.path else "")


def test_filters_that_the_server_ignores_are_checked_again(academy: Academy) -> None:
    early = academy.launch(plan("Early", lead=7200))
    uuid = academy.hold(early.ref)
    live = academy.launch(plan("Late", lead=7200))
    other = academy.join(live.ref, "t-1")
    assert live.links is not None
    teacher, student = (int(one.user_id) for one in live.links)
    academy.tap.rewrite = ignoring
    now = academy.sandbox.clock.now()
    ended, room = academy.client.session(uuid).end_time, early.ref.detail("space")
    assert ended is not None

    def found(**filters: Any) -> set[str]:
        return {one.uuid for one in academy.client.sessions(SessionFilters(**filters))}

    assert found() == {uuid, other}
    assert found(in_progress_only=True) == {other}
    assert found(end_time_after=ended) == found(end_time_before=ended) == {uuid}
    assert found(end_time_after=ended + timedelta(seconds=1)) == set()
    assert found(end_time_before=ended - timedelta(seconds=1)) == set()
    assert found(start_time_after=now) == found(start_time_before=now, in_progress_only=True) == {other}
    assert found(start_time_before=now - timedelta(seconds=1)) == {uuid}
    assert found(space=(room,)) == found(space=(room, "x")) == {uuid}
    assert found(user=(student,)) == {uuid}
    assert found(user=(teacher,)) == {uuid, other}
    assert found(duration_min=1230) == {uuid, other}
    assert found(duration_min=1231) == found(duration_max=1229) == {other}  # how long it lasts is not known yet
    assert found(tags={"ALS_KEY": early.ref.key.upper()}) == {uuid}
    assert found(tags={"als_key": ""}) == {uuid, other}
    spaces = list(academy.client.spaces(SpaceFilters(tag_key="als_key", tag_value=early.ref.key)))
    assert [one.id for one in spaces] == [room]


def test_single_user_sessions_are_left_out_unless_asked_for(academy: Academy) -> None:
    uuid = academy.hold(academy.launch(plan(lead=7200)).ref, 600, "t-1")
    assert list(academy.client.sessions(SessionFilters())) == []
    assert [one.uuid for one in academy.client.sessions(ALL)] == [uuid]


moments = st.integers(-5, 5).map(lambda minutes: NOON + timedelta(minutes=minutes))
maybe = st.none() | moments


@st.composite
def rows(draw: st.DrawFn) -> Session:
    start = draw(moments)
    lasted = draw(st.none() | st.integers(0, 600))
    return Session.model_validate(
        {
            "uuid": "u",
            "start_time": start.isoformat(),
            "end_time": None if lasted is None else (start + timedelta(seconds=lasted)).isoformat(),
            "profiles": [{"user": one} for one in draw(st.sets(st.integers(1, 3)))],
            "tags": draw(st.dictionaries(st.sampled_from("aAb"), st.sampled_from(["x", "X", "y"]))),
        }
    )


filters = st.builds(
    SessionFilters,
    start_time_after=maybe,
    start_time_before=maybe,
    end_time_after=maybe,
    end_time_before=maybe,
    duration_min=st.none() | st.integers(0, 600),
    duration_max=st.none() | st.integers(0, 600),
    in_progress_only=st.none() | st.booleans(),
    user=st.lists(st.integers(1, 3), max_size=2).map(tuple),
)


@steady
@given(rows(), filters)
def test_a_row_is_dropped_exactly_when_it_contradicts_what_was_asked(row: Session, asked: SessionFilters) -> None:
    assert row.start_time is not None
    end, seconds = row.end_time, row.seconds
    contradictions = [
        asked.start_time_after is not None and row.start_time < asked.start_time_after,
        asked.start_time_before is not None and row.start_time > asked.start_time_before,
        asked.end_time_after is not None and (end is None or end < asked.end_time_after),
        asked.end_time_before is not None and (end is None or end > asked.end_time_before),
        asked.duration_min is not None and seconds is not None and seconds < asked.duration_min,
        asked.duration_max is not None and seconds is not None and seconds > asked.duration_max,
        bool(asked.in_progress_only) and end is not None,
        bool(asked.user) and not {str(one) for one in asked.user} & row.people,
    ]
    assert asked.admits(row) is not any(contradictions)


keys = st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=3)
tags = st.dictionaries(keys, st.text(st.characters(codec="ascii"), max_size=3), max_size=3)


@steady
@given(tags, tags)
def test_tags_compare_without_regard_to_case(asked: dict[str, str], present: dict[str, str]) -> None:
    upper = {key.upper(): value.upper() for key, value in present.items()}
    lower = {key.lower(): value.lower() for key, value in present.items()}
    if len(upper) == len(present):  # else two keys became one
        assert tags_match(asked, present) is tags_match(asked, upper) is tags_match(asked, lower)
    assert tags_match({}, present)


@steady
@given(tags.filter(lambda one: len({key.lower() for key in one}) == len(one)), keys)
def test_tags_match_themselves_and_a_bare_key_asks_for_the_key_alone(present: dict[str, str], key: str) -> None:
    assert tags_match(present, present)
    assert tags_match({key: ""}, present) is (key.lower() in {one.lower() for one in present})
    assert not tags_match({key: "never a value"}, present)


@steady
@given(tags)
def test_a_space_without_the_tag_proves_nothing(present: dict[str, str]) -> None:
    row = Space(id="r", tags=present)
    assert SpaceFilters(tag_key="als_key", tag_value="0123").admits(row) is False
    assert SpaceFilters(search="x").admits(row)


def test_a_time_is_sent_with_its_offset_and_a_naive_one_is_refused() -> None:
    east = SessionFilters(start_time_after=datetime.fromisoformat("2026-09-01T12:00:00+05:30"))
    assert east.params() == {"start_time_after": "2026-09-01T06:30:00+00:00"}
    with pytest.raises(ConfigurationError, match="no time zone"):
        SessionFilters(start_time_after=datetime(2026, 9, 1)).params()  # noqa: DTZ001 - that is the point
