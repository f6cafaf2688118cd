"""What sensors tell through assets: the right session, to whom it was promised, and nothing that names anybody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.assets import Asset
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.providers_manager import ProvidersManager
from airflow.sdk.execution_time.context import OutletEventAccessor, OutletEventAccessors
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.assets.addresses import (
    Happening,
    create_asset,
    outlets_for,
    read,
    sanitize_uri,
)
from airflow_provider.live_sessions.sensors.lessonspace import (
    LessonspaceSessionEndSensor,
    LessonspaceSessionStartSensor,
    LessonspaceTranscriptSensor,
)
from tests.airflow_side.stage import School, context, deferral, resume
from tests.airflow_versions import found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.sdk import Context


def telling(**more: Any) -> tuple[Context, OutletEventAccessors]:
    events = OutletEventAccessors()
    found = context(**more)
    found["outlet_events"] = events
    return found, events


def outlets(school: School, happening: Happening = Happening.ENDED) -> list[Asset]:
    return outlets_for("lessonspace", school.conn_id, happening)


def partitions(event: Any) -> set[str]:
    return set(getattr(event, "partition_keys", ()))


def by_key(record: Mapping[str, Any]) -> set[str]:
    """Return the partitions of a session's event; before Airflow 3.3 there are none."""
    return {record["ref"]["key"]} if hasattr(OutletEventAccessor, "add_partitions") else set()


# ---- addresses


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.sampled_from(Happening), st.booleans())
def test_an_address_says_platform_connection_and_what_happens(
    conn_id: str, happening: Happening, by_session: bool
) -> None:
    asset = create_asset(platform="coviu", conn_id=conn_id, happening=happening, by_session=by_session)
    assert read(asset.uri) == ("coviu", conn_id, happening + ("-by-session" if by_session else ""))
    assert sanitize_uri(urlsplit(asset.uri)) == urlsplit(asset.uri)


@pytest.mark.parametrize(
    "uri",
    [
        "live-sessions://lessonspace",
        "live-sessions:///school/session-ended",
        "live-sessions://lessonspace//session-ended",
        "live-sessions://lessonspace/school/session-exploded",
        "live-sessions://lessonspace/school/session-ended/more",
        "live-sessions://lessonspace/school/session-ended?token=x",
    ],
)
def test_an_address_of_another_form_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="URI format"):
        sanitize_uri(urlsplit(uri))


def test_airflow_knows_the_scheme() -> None:
    runtime = found("airflow.sdk.providers_manager_runtime:ProvidersManagerTaskRuntime") or ProvidersManager
    manager = runtime()
    assert manager.asset_uri_handlers["live-sessions"] is sanitize_uri
    assert manager.asset_factories["live-sessions"] is create_asset


# ---- what is told


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_end_is_told_to_both_assets_and_one_has_the_session_as_its_partition(
    school: School, deferrable: bool
) -> None:
    record = school.launch()
    school.hold(record)
    the_context, events = telling()
    assets = outlets(school)
    LessonspaceSessionEndSensor(task_id="wait", session=record, deferrable=deferrable, outlets=assets).execute(
        the_context
    )
    plain, by_session = (events[one] for one in assets)
    assert partitions(plain) == set()
    assert partitions(by_session) == by_key(record)
    assert plain.extra == by_session.extra
    assert plain.extra["session"] == record["ref"]["key"]
    assert (plain.extra["happening"], plain.extra["conclusion"]) == ("session-ended", "reached")
    assert plain.extra["held"] == "yes"


def test_an_end_that_the_triggerer_saw_is_told_as_well(school: School) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    assets = outlets(school)
    the_context, events = telling()
    sensor = LessonspaceSessionEndSensor(
        task_id="wait", session=record, deferrable=True, poll_interval=0.1, outlets=assets
    )
    deferred = deferral(sensor, the_context)
    school.wait(3600)
    school.leave(record, "t-1", "s-1")
    school.wait(7200)
    resume(sensor, the_context, deferred)
    assert partitions(events[assets[1]]) == by_key(record)


def test_a_start_and_a_transcript_are_told_too(school: School) -> None:
    record = school.launch(transcribe=True)
    school.hold(record)
    school.wait(30)
    started, ready = outlets(school, Happening.STARTED), outlets(school, Happening.TRANSCRIPT)
    the_context, events = telling()
    LessonspaceSessionStartSensor(task_id="start", session=record, outlets=started).execute(the_context)
    rules = {"min_seconds": 1, "sure_seconds": 1, "give_up_after": 600, "give_up_after_short": 600}
    LessonspaceTranscriptSensor(task_id="wait", session=record, rules=rules, outlets=ready).execute(the_context)
    assert events[started[0]].extra["happening"] == "session-started"
    assert events[ready[1]].extra["ready"] == 1
    assert partitions(events[ready[1]]) == by_key(record)


def test_no_event_names_anybody_or_opens_anything(school: School) -> None:
    record = school.launch(school.lesson("Reading with Bo Student"))
    school.hold(record)
    the_context, events = telling()
    assets = outlets(school)
    LessonspaceSessionEndSensor(task_id="wait", session=record, outlets=assets).execute(the_context)
    told = json.dumps([events[one].extra for one in assets]) + "".join(one.uri for one in assets)
    assert not [one for one in ("Reading", "Student", "Ada", "s-1", *school.secrets) if one in told]


def test_a_class_that_was_never_held_is_not_told_as_ended(school: School) -> None:
    record = school.launch()
    school.go_to(record["end"])
    school.wait(86_400)
    the_context, events = telling()
    sensor = LessonspaceSessionEndSensor(task_id="wait", session=record, outlets=outlets(school))
    with pytest.raises(AirflowSkipException):
        sensor.execute(the_context)
    assert len(events) == 0


@pytest.mark.parametrize("happening", [Happening.STARTED, Happening.ENDED])
def test_an_outlet_that_would_tell_a_lie_is_refused(school: School, happening: Happening) -> None:
    record = school.launch()
    conn_id = school.conn_id if happening is Happening.STARTED else "another_school"
    sensor = LessonspaceSessionEndSensor(
        task_id="wait", session=record, outlets=outlets_for("lessonspace", conn_id, happening)
    )
    with pytest.raises(AirflowFailException, match="does not fit"):
        sensor.execute(telling()[0])


def test_outlets_of_other_schemes_are_left_alone(school: School) -> None:
    record = school.launch()
    school.hold(record)
    the_context, events = telling()
    LessonspaceSessionEndSensor(
        task_id="wait", session=record, outlets=[Asset("file:///report"), *outlets(school)]
    ).execute(the_context)
    assert "file:///report" not in {one.uri for one in events if isinstance(one, Asset)}
