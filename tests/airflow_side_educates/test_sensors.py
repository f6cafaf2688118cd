"""Waiting for learners and for the end, in the triggerer and in a slot, with what must not be forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred

from airflow_provider.live_sessions.core.polling import Conclusion, Outcome
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Held, SessionStatus, State
from airflow_provider.live_sessions.sensors.educates import EducatesActivationSensor, EducatesSessionEndSensor
from tests.airflow_side.stage import Store, TaskInstance, context, deferral, event_of, meanwhile, resume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.airflow_side_educates.lab import Lab

QUICK = 0.02


def for_learners(record: Mapping[str, Any], **arguments: Any) -> EducatesActivationSensor:
    given = {"task_id": "learners", "session": record, "deferrable": True, "poll_interval": QUICK, **arguments}
    return EducatesActivationSensor(**given)


def for_the_end(record: Mapping[str, Any], **arguments: Any) -> EducatesSessionEndSensor:
    given = {"task_id": "end", "session": record, "deferrable": True, "poll_interval": QUICK, **arguments}
    return EducatesSessionEndSensor(**given)


def polls(lab: Lab) -> int:
    return len(lab.sandbox.log.entries(path="/catalog/environments/"))


def test_learners_who_came_and_who_did_not(lab: Lab) -> None:
    record = lab.launch()
    lab.activate(record, "ada")
    result = for_learners(record).execute(context())
    assert (result["conclusion"], result["present"], result["missing"]) == ("reached", ["ada"], ["bo"])


def test_a_wait_for_everybody_is_written_down_anew_when_the_first_one_comes(lab: Lab) -> None:
    record = lab.launch()
    sensor, the_context = for_learners(record, expect="everyone"), context(TaskInstance(task_id="learners"))
    first = deferral(sensor, the_context)
    assert record["links"][0]["url"] not in json.dumps(first.trigger.serialize()[1])
    before = polls(lab)
    with meanwhile(lambda: polls(lab) > before, lambda: lab.activate(record, "ada")):
        event = event_of(first.trigger)
    assert event["kind"] == "milestone"
    with pytest.raises(TaskDeferred) as again:
        resume(sensor, the_context, first, event)
    assert again.value.trigger.serialize()[1]["seen"]["first_live"] is not None
    lab.activate(record, "bo")
    result = resume(sensor, the_context, again.value)
    assert (result["present"], result["missing"]) == (["ada", "bo"], [])


def test_the_end_is_waited_for_and_a_restart_forgets_no_use(lab: Lab) -> None:
    record = lab.launch()
    sensor, the_context = for_the_end(record), context(TaskInstance(task_id="end"))
    first = deferral(sensor, the_context)
    lab.activate(record, "ada", "bo")
    event = event_of(first.trigger)
    assert event["kind"] == "milestone"
    with pytest.raises(TaskDeferred) as again:
        resume(sensor, the_context, first, event)
    lab.finish(record, "ada", "bo")
    result = resume(sensor, the_context, again.value)
    assert (result["conclusion"], result["status"]["held"]) == ("reached", "yes")
    # Nobody looked while they left, so who came cannot be told: no no-show is made up.
    assert result["missing"] is None


def test_a_class_that_nobody_came_to_is_skipped_as_never_held(lab: Lab) -> None:
    record = lab.launch(options={"timeout": 60})
    ti = TaskInstance(task_id="end")
    sensor, the_context = for_the_end(record), context(ti)
    first = deferral(sensor, the_context)
    before = polls(lab)

    def time_passes() -> None:
        lab.sandbox.clock.advance(90)

    with (
        meanwhile(lambda: polls(lab) > before + 1, time_passes),
        pytest.raises(AirflowSkipException, match="never held"),
    ):
        resume(sensor, the_context, first)
    assert ti.xcoms["end", -1, "outcome"]["missing"] == ["ada", "bo"]


def test_a_class_that_was_ended_before_anybody_came_is_skipped_as_cancelled(lab: Lab) -> None:
    record = lab.launch()
    sensor, the_context = for_the_end(record), context(TaskInstance(task_id="end"))
    first = deferral(sensor, the_context)
    before = polls(lab)
    with (
        meanwhile(lambda: polls(lab) > before + 1, lambda: lab.finish(record, "ada", "bo")),
        pytest.raises(AirflowSkipException, match="was cancelled"),
    ):
        resume(sensor, the_context, first)


def test_what_nobody_watched_is_no_no_show(lab: Lab) -> None:
    record = lab.launch()
    lab.activate(record, "ada")
    lab.sandbox.clock.advance(4000)
    result = for_the_end(record).execute(context())
    assert (result["conclusion"], result["status"]["held"], result["missing"]) == ("reached", "unknown", None)


def test_without_a_triggerer_the_slot_waits(lab: Lab) -> None:
    record = lab.launch()
    before = polls(lab)
    with meanwhile(lambda: polls(lab) > before + 1, lambda: lab.activate(record, "bo")):
        result = for_learners(record, deferrable=False).execute(context())
    assert result["present"] == ["bo"]


def test_a_spent_token_only_makes_the_wait_log_in_again(lab: Lab) -> None:
    record = lab.launch()
    sensor, the_context = for_learners(record), context(TaskInstance(task_id="learners"))
    first = deferral(sensor, the_context)
    before = polls(lab)

    def spend() -> None:
        lab.portal.revoke_tokens()
        lab.activate(record, "ada", "bo")

    with meanwhile(lambda: polls(lab) > before, spend):
        event = event_of(first.trigger)
    assert event["kind"] in ("milestone", "outcome")


def test_who_has_finished_still_counts_when_the_launch_is_cleared_meanwhile(lab: Lab) -> None:
    lesson, store = lab.lesson(), Store()
    record = dict(lab.launcher(lesson).execute(context(store=store)))
    lab.activate(record, "ada", "bo")
    lab.finish(record, "bo")
    repeated = lab.launcher(lesson).execute(context(store=store))
    assert [one["participant"]["id"] for one in repeated["links"]] == ["ada"]
    users = {one["user"] for one in lab.sandbox.state()["educates"]["sessions"] if one["user"]}
    now = datetime.now(UTC)
    status = SessionStatus(State.ENDED, Held.YES, "Over.", now, people=2, present=frozenset(users))
    # The wait comes back from the triggerer to the record of the repeated launch.
    result = for_the_end(repeated).result(
        SessionRecord.from_json(repeated), Outcome(Conclusion.REACHED, "Over.", status)
    )
    assert (result["present"], result["missing"]) == (["ada", "bo"], [])
