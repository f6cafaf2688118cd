"""Waiting for shares: once, in a slot, in the triggerer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.sensors.screenleap import (
    ScreenleapSessionEndSensor,
    ScreenleapSessionStartSensor,
)
from tests.airflow_side_screenleap.stage import Studio, context, deferral, event_of, resume


def end_sensor(record: Any, **arguments: Any) -> ScreenleapSessionEndSensor:
    given = {"poll_interval": 0.05, "deferrable": True, **arguments}
    return ScreenleapSessionEndSensor(task_id="end", session=record, **given)


def start_sensor(record: Any, **arguments: Any) -> ScreenleapSessionStartSensor:
    given = {"poll_interval": 0.05, "deferrable": True, **arguments}
    return ScreenleapSessionStartSensor(task_id="start", session=record, **given)


def test_an_end_is_waited_for_and_written_down_anew_when_it_is_first_live(studio: Studio) -> None:
    record = studio.launch(ahead=30)
    sensor = end_sensor(record)
    deferred = deferral(sensor, context())
    studio.present(record, "v-1")
    event = event_of(deferred.trigger)
    assert event["kind"] == "milestone"
    assert event["seen"]["first_live"]
    again = None
    try:
        sensor.resume_execution(deferred.method_name, {"event": event}, context())
    except BaseException as raised:  # noqa: BLE001 - a deferral is one
        again = raised
    assert again is not None
    row = again.trigger.serialize()[1]  # type: ignore[attr-defined]  # TaskDeferred
    assert row["seen"]["first_live"] == event["seen"]["first_live"]
    assert not [secret for secret in studio.secrets if secret in json.dumps(row)]
    studio.wait(600)
    studio.end(record)
    studio.wait(301)
    result = resume(sensor, context(), again)  # type: ignore[arg-type]  # TaskDeferred
    assert (result["conclusion"], result["status"]["held"]) == ("reached", "yes")
    assert (result["present"], result["missing"]) == (["p-1", "v-1"], ["v-2"])


def test_an_end_that_settled_before_needs_no_deferral(studio: Studio) -> None:
    record = studio.launch(ahead=30)
    studio.present(record, "v-1")
    studio.end(record)
    studio.wait(60)
    assert end_sensor(record, settle=30).execute(context())["conclusion"] == "reached"
    deferral(end_sensor(record), context())
    studio.wait(242)  # the platform tells its time in whole seconds
    assert end_sensor(record, deferrable=False).execute(context())["conclusion"] == "reached"


def test_a_share_that_nobody_started_is_never_held(studio: Studio) -> None:
    record = studio.launch(ahead=30)
    studio.go_to(record["ref"]["details"]["window_end"])
    with pytest.raises(AirflowSkipException, match="never held"):
        end_sensor(record).execute(context())
    with pytest.raises(AirflowFailException, match="nobody"):
        end_sensor(record, on_no_show="fail").execute(context())


def test_a_start_is_the_presenter_s_and_company_a_viewer_s(studio: Studio) -> None:
    record = studio.launch(ahead=30)
    sensor = start_sensor(record)
    deferred = deferral(sensor, context())
    studio.present(record)
    assert resume(sensor, context(), deferred)["present"] == ["p-1"]
    company = start_sensor(record, expect="company")
    deferred = deferral(company, context())
    studio.people.view(studio.code(record), "v-2")
    # The wait is written down anew first: it had not seen the share live.
    event = event_of(deferred.trigger)
    assert event["kind"] in ("milestone", "outcome")
    assert start_sensor(record, expect="company").execute(context())["missing"] == ["v-1"]


def test_no_poll_comes_less_often_than_ends_stay_listed(studio: Studio) -> None:
    record = SessionRecord.from_json(studio.launch())
    for sensor in (end_sensor(None, poll_interval=3600), start_sensor(None, poll_interval="3600")):
        assert sensor.session_wait(record).poll_interval == 120.0
    assert end_sensor(None).session_wait(record).settle == 300.0
    assert end_sensor(None, settle="60").session_wait(record).settle == 60.0


def test_a_time_limit_ends_a_wait_without_an_error_only_where_it_is_asked_for(studio: Studio) -> None:
    record = studio.launch(ahead=30)
    studio.present(record, "v-1")
    limit = datetime.now(UTC) + timedelta(seconds=30)
    studio.wait(60)
    result = end_sensor(record, deadline=limit, on_deadline="succeed").execute(context())
    assert (result["conclusion"], result["status"]["state"]) == ("deadline", "live")
    with pytest.raises(Unavailable, match="passed while the session was live"):
        end_sensor(record, deadline=limit).execute(context())
    with pytest.raises(ValueError, match="on_deadline is one of"):
        end_sensor(record, on_deadline="skip")


def test_a_time_limit_is_no_answer_where_the_platform_could_not_be_asked(studio: Studio) -> None:
    record = studio.launch(ahead=30)
    studio.sandbox.faults.add("status", path="/recent-screen-shares$", status=500)
    studio.connect(extra={"requests_per_second": 1000, "timeout": 1})
    sensor = end_sensor(record, deadline=datetime.now(UTC) - timedelta(seconds=1), on_deadline="succeed")
    with pytest.raises(Unavailable, match="could not be asked"):
        sensor.execute(context())
