"""Waiting for a Coviu session, deferred and not, to whichever end it comes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.operators.coviu import CoviuCancelSessionOperator, CoviuUpdateSessionOperator
from airflow_provider.live_sessions.sensors.coviu import CoviuSessionEndSensor, CoviuSessionStartSensor
from tests.airflow_side.stage import TaskInstance, context, deferral, meanwhile, resume
from tests.airflow_side_coviu.practice import Practice


def end_sensor(record: Any, **arguments: Any) -> CoviuSessionEndSensor:
    return CoviuSessionEndSensor(task_id="wait", session=record, poll_interval=0.05, **arguments)


def start_sensor(record: Any, **arguments: Any) -> CoviuSessionStartSensor:
    return CoviuSessionStartSensor(task_id="wait", session=record, poll_interval=0.05, **arguments)


def test_a_session_that_was_held_tells_who_came_and_who_did_not(practice: Practice) -> None:
    record = practice.launch()
    practice.hold(record)
    result = end_sensor(record).execute(context())
    assert (result["conclusion"], result["status"]["held"]) == ("reached", "yes")
    assert (result["present"], result["missing"]) == (["dr-1", "p-1"], [])


def test_one_entry_alone_is_unknown_and_names_who_is_missing(practice: Practice) -> None:
    record = practice.launch()
    practice.hold(record, "dr-1")
    result = end_sensor(record).execute(context())
    assert (result["conclusion"], result["status"]["held"], result["missing"]) == ("reached", "unknown", ["p-1"])


@pytest.mark.parametrize(
    ("reaction", "raised"), [("skip", AirflowSkipException), ("fail", AirflowFailException), ("succeed", None)]
)
def test_a_no_show_is_known_from_the_summary(practice: Practice, reaction: str, raised: Any) -> None:
    record = practice.launch()
    practice.go_to(record["end"])
    practice.wait(400)
    ti = TaskInstance(task_id="wait")
    sensor = end_sensor(record, on_no_show=reaction)
    if raised is None:
        assert sensor.execute(context(ti))["conclusion"] == "never_held"
    else:
        with pytest.raises(raised, match="nobody"):
            sensor.execute(context(ti))
    assert ti.xcom_pull("wait", key="outcome")["missing"] == ["dr-1", "p-1"]


def test_a_missing_summary_never_makes_a_no_show(monkeypatch: pytest.MonkeyPatch) -> None:
    with Practice.open(monkeypatch, summary_before="404") as practice:
        record = practice.launch()
        practice.go_to(record["end"])
        practice.wait(400)
        result = end_sensor(record).execute(context())
        assert (result["conclusion"], result["status"]["held"], result["missing"]) == ("reached", "unknown", None)


def test_a_summary_that_is_refused_does_not_undo_the_end(practice: Practice) -> None:
    record = practice.launch()
    practice.hold(record)
    practice.sandbox.faults.add("status", status=403, path="/summary$")
    result = end_sensor(record).execute(context())
    assert (result["conclusion"], result["missing"]) == ("reached", None)


def test_a_summary_that_is_away_is_asked_for_by_the_retry(practice: Practice) -> None:
    record = practice.launch()
    practice.hold(record)
    practice.sandbox.faults.add("status", status=503, path="/summary$", count=4)
    with pytest.raises(Unavailable):
        end_sensor(record).execute(context())
    assert end_sensor(record).execute(context())["status"]["held"] == "yes"


def test_a_deferred_wait_ends_with_the_session_and_its_row_shows_no_secret(practice: Practice) -> None:
    record = practice.launch(lead=7200)
    the_context = context()
    sensor = end_sensor(record, deferrable=True)
    deferred = deferral(sensor, the_context)
    row = json.dumps(deferred.trigger.serialize(), default=str)
    assert not [one for one in practice.secrets if one in row]
    reads = "/sessions"
    asked = len(practice.log(path=reads))
    with meanwhile(lambda: len(practice.log(path=reads)) > asked + 1, lambda: practice.hold(record)):
        result = resume(sensor, the_context, deferred)
    assert (result["conclusion"], result["status"]["held"]) == ("reached", "yes")


def test_a_cancel_ends_a_deferred_wait(practice: Practice) -> None:
    record = practice.launch(lead=7200)
    the_context = context()
    sensor = end_sensor(record, deferrable=True)
    deferred = deferral(sensor, the_context)
    CoviuCancelSessionOperator(task_id="cancel", session=record).execute(context())
    with pytest.raises(AirflowSkipException, match="was cancelled"):
        resume(sensor, the_context, deferred)


def test_a_reschedule_moves_the_wait(practice: Practice) -> None:
    record = practice.launch(lead=7200)
    start = datetime.fromisoformat(record["start"]) + timedelta(hours=3)
    update = CoviuUpdateSessionOperator(
        task_id="update", session=record, start=start, end=start + timedelta(minutes=30)
    )
    moved = update.execute(context())
    practice.go_to(record["end"])
    practice.wait(600)
    the_context = context()
    sensor = end_sensor(record, deferrable=True)  # it knows the old times only
    deferred = deferral(sensor, the_context)
    practice.hold(moved)
    assert resume(sensor, the_context, deferred)["conclusion"] == "reached"


def test_a_start_is_the_opening_and_says_nothing_of_who_came(practice: Practice) -> None:
    record = practice.launch()
    practice.go_to(record["start"])
    result = start_sensor(record).execute(context())
    assert (result["conclusion"], result["status"]["state"], result["missing"]) == ("reached", "live", None)


def test_a_start_that_was_moved_is_waited_for(practice: Practice) -> None:
    record = practice.launch(lead=7200)
    start = datetime.fromisoformat(record["start"]) + timedelta(hours=2)
    CoviuUpdateSessionOperator(
        task_id="update", session=record, start=start, end=start + timedelta(minutes=30)
    ).execute(context())
    practice.go_to(record["start"])
    practice.wait(1000)  # beyond the time in which other platforms' people must have come
    the_context = context()
    sensor = start_sensor(record, deferrable=True)
    deferred = deferral(sensor, the_context)
    practice.go_to(start.isoformat())
    assert resume(sensor, the_context, deferred)["conclusion"] == "reached"


def test_a_session_moved_out_of_sight_fails_the_wait_for_its_start(practice: Practice) -> None:
    record = practice.launch(lead=7200, moves_within=600)
    start = datetime.fromisoformat(record["start"]) + timedelta(days=2)
    CoviuUpdateSessionOperator(
        task_id="update", session=record, start=start, end=start + timedelta(minutes=30)
    ).execute(context())
    practice.go_to(record["end"])
    practice.wait(700)
    with pytest.raises(Unavailable, match="moves_within"):
        start_sensor(record).execute(context())


@pytest.mark.parametrize("expect", ["company", "everyone"])
def test_nobody_can_be_expected_where_nobody_is_shown(practice: Practice, expect: str) -> None:
    with pytest.raises(ValueError, match="does not tell who is inside"):
        start_sensor({}, expect=expect)


def test_thirty_waits_share_one_poll(practice: Practice) -> None:
    # Each trigger below has an event loop of its own, so one loop is made for all of them here.
    import asyncio

    records = [practice.launch(practice.appointment(f"Visit {one}"), lead=7200) for one in range(30)]
    practice.go_to(records[0]["start"])
    practice.wait(1)
    triggers = [deferral(end_sensor(one, deferrable=True), context()).trigger for one in records]
    before = max(one.number for one in practice.log())
    practice.go_to(records[0]["end"])
    practice.wait(400)

    async def all_of_them() -> list[Any]:
        async def one(trigger: Any) -> Any:
            (event,) = [event.payload async for event in trigger.run()]
            return event

        async with asyncio.timeout(60):
            return list(await asyncio.gather(*(one(trigger) for trigger in triggers)))

    events = asyncio.run(all_of_them())
    assert {one["outcome"]["conclusion"] for one in events} == {"reached"}
    asked = [one for one in practice.log(since=before) if one.method == "GET"]
    assert len(asked) < 10
