"""The sensors, deferred and in their slot: what ends a wait, what skips it, and what they tell of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseSensorOperator

from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator
from airflow_provider.live_sessions.sensors import lessonspace
from airflow_provider.live_sessions.sensors.lessonspace import (
    LessonspaceSessionEndSensor,
    LessonspaceSessionStartSensor,
    LessonspaceTranscriptSensor,
)
from airflow_provider.live_sessions.sensors.session import SessionSensor
from airflow_provider.live_sessions.triggers.artifact import ArtifactTrigger
from airflow_provider.live_sessions.triggers.session import LaunchTrigger, SessionTrigger
from tests.airflow_side.stage import OTHER, PEOPLE, School, TaskInstance, context, deferral, meanwhile, resume

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def end(record: Mapping[str, Any], **more: Any) -> LessonspaceSessionEndSensor:
    given = {"poll_interval": 0.05, "deferrable": True, **more}
    return LessonspaceSessionEndSensor(task_id="wait_for_end", session=record, **given)


def start(record: Mapping[str, Any], **more: Any) -> LessonspaceSessionStartSensor:
    given = {"poll_interval": 0.05, "deferrable": True, **more}
    return LessonspaceSessionStartSensor(task_id="wait_for_start", session=record, **given)


def transcript(record: Mapping[str, Any], **more: Any) -> LessonspaceTranscriptSensor:
    given = {"check_delays": [0.05], "deferrable": True, **more}
    return LessonspaceTranscriptSensor(task_id="wait_for_transcript", session=record, **given)


class Waiting:
    """Runs a sensor in one of its two ways while the school goes on."""

    def __init__(self, school: School, *, deferrable: bool) -> None:
        self.school = school
        self.deferrable = deferrable
        self.context = context(TaskInstance(task_id="wait"))

    @property
    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = self.context["ti"].xcom_pull("wait", key="outcome")
        return found

    def run(self, sensor: BaseSensorOperator, life: Callable[[], None]) -> dict[str, Any]:
        sensor.deferrable = self.deferrable
        before = self.school.polls
        if not self.deferrable:
            with meanwhile(lambda: self.school.polls >= before + 2, life):
                return dict(sensor.execute(self.context))
        deferred = deferral(sensor, self.context)
        assert not isinstance(deferred.trigger, LaunchTrigger)
        life()
        return dict(resume(sensor, self.context, deferred))


@pytest.fixture(params=[True, False], ids=["deferred", "in its slot"])
def waiting(school: School, request: pytest.FixtureRequest) -> Waiting:
    return Waiting(school, deferrable=request.param)


def nothing() -> None:
    """Happens."""


# ---- the end


def test_a_class_that_was_held_is_reached_and_tells_who_came(school: School, waiting: Waiting) -> None:
    record = school.launch(school.lesson(people=(*PEOPLE, OTHER)))
    result = waiting.run(end(record), lambda: school.hold(record))
    assert result["conclusion"] == "reached"
    assert (result["present"], result["missing"]) == (["s-1", "t-1"], ["s-2"])
    assert (result["status"]["state"], result["status"]["held"]) == ("ended", "yes")
    assert len(result["status"]["session_ids"]) == 1
    assert (result["title"], result["key"]) == ("Algebra 1", record["ref"]["key"])
    assert waiting.outcome == result


@pytest.mark.parametrize(("people", "absence"), [((), "nobody"), (("t-1",), "alone")])
def test_a_class_never_held_skips_and_says_why_in_xcom_first(
    school: School, waiting: Waiting, people: tuple[str, ...], absence: str
) -> None:
    record = school.launch()

    def life() -> None:
        if people:
            school.hold(record, *people)
        school.go_to(record["ref"]["details"]["window_end"])

    with pytest.raises(AirflowSkipException, match=rf"never held \({absence}\)"):
        waiting.run(end(record), life)
    assert waiting.outcome["conclusion"] == "never_held"
    assert waiting.outcome["status"]["absence"] == absence


@pytest.mark.parametrize(("reaction", "error"), [("fail", AirflowFailException), ("skip", AirflowSkipException)])
@pytest.mark.parametrize("which", ["on_no_show", "on_cancelled"])
def test_a_no_show_and_a_cancel_do_what_was_said(
    school: School, which: str, reaction: str, error: type[Exception]
) -> None:
    waiting, record = Waiting(school, deferrable=True), school.launch()
    life = _cancelled(record) if which == "on_cancelled" else _missed(school, record)
    with pytest.raises(error):
        waiting.run(end(record, **{which: reaction}), life)
    assert waiting.outcome["conclusion"] == ("cancelled" if which == "on_cancelled" else "never_held")


@pytest.mark.parametrize("which", ["on_no_show", "on_cancelled"])
def test_a_no_show_and_a_cancel_may_be_a_success(school: School, waiting: Waiting, which: str) -> None:
    record = school.launch()
    life = _cancelled(record) if which == "on_cancelled" else _missed(school, record)
    result = waiting.run(end(record, **{which: "succeed"}), life)
    assert result["conclusion"] in ("cancelled", "never_held")


def _cancelled(record: Mapping[str, Any]) -> Callable[[], None]:
    def life() -> None:
        LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())

    return life


def _missed(school: School, record: Mapping[str, Any]) -> Callable[[], None]:
    return lambda: school.go_to(record["ref"]["details"]["window_end"])


def test_what_is_over_at_the_first_look_never_defers(school: School) -> None:
    record, where = school.launch(), context()
    school.hold(record)
    assert end(record).execute(where)["conclusion"] == "reached"


def test_a_break_shorter_than_the_settle_ends_nothing_and_a_longer_one_does(
    school: School, waiting: Waiting
) -> None:
    record = school.launch()
    school.hold(record, seconds=900)
    school.wait(240)
    result = waiting.run(end(record, settle="400"), lambda: school.wait(200))
    assert result["conclusion"] == "reached"
    assert "nobody came back" in result["why"]


def test_a_deadline_while_the_class_is_live_is_unavailable_so_that_a_retry_looks_again(
    school: School, waiting: Waiting
) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    deadline = datetime.fromisoformat(record["start"]) + timedelta(minutes=30)
    with pytest.raises(Unavailable, match=r"deadline .* passed while the session was live"):
        waiting.run(end(record, deadline=deadline.isoformat()), lambda: school.wait(1801))
    assert waiting.outcome is None


def test_the_deadline_ends_the_wait_for_a_platform_that_stays_away(school: School) -> None:
    record = school.launch()
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    school.sandbox.faults.add("status", status=503)
    sensor = end(record, deadline=deadline, poll_interval=0.2)
    where = context()
    with pytest.raises(Unavailable, match="while the platform could not be asked"):
        resume(sensor, where, deferral(sensor, where))


def test_a_first_look_that_fails_defers_all_the_same(school: School) -> None:
    record = school.launch()
    school.sandbox.faults.add("status", status=401, body='{"detail": "no"}')
    where, sensor = context(), end(record)
    deferred = deferral(sensor, where)
    school.sandbox.faults.clear()
    school.hold(record)
    assert resume(sensor, where, deferred)["conclusion"] == "reached"


def test_in_its_slot_a_failed_poll_fails_no_wait(school: School) -> None:
    record = school.launch()
    school.sandbox.faults.add("malformed", path="/sessions/$", count=2)
    school.sandbox.faults.add("expired", path="/sessions/$", count=2)
    waiting = Waiting(school, deferrable=False)

    def life() -> None:
        school.connect()  # as somebody does who renews a key: the connection is read anew
        school.hold(record)

    assert waiting.run(end(record), life)["conclusion"] == "reached"


def test_a_class_whose_window_is_far_off_is_deferred_without_a_request(school: School) -> None:
    record = school.launch(school.lesson(ahead=7200))
    asked = len(school.log())
    trigger = deferral(end(record), context()).trigger
    assert len(school.log()) == asked
    kwargs = trigger.serialize()[1]
    window = datetime.fromisoformat(record["ref"]["details"]["window_start"])
    assert kwargs["due"] == window.timestamp()


def test_a_session_without_a_window_is_due_half_an_hour_before_its_start(school: School) -> None:
    record = school.launch(school.lesson(ahead=7200))
    del record["ref"]["details"]["window_start"]
    kwargs = deferral(end(record, deadline="2099-01-01T00:00:00Z"), context()).trigger.serialize()[1]
    assert kwargs["due"] == datetime.fromisoformat(record["start"]).timestamp() - 1800


def test_nothing_a_sensor_defers_with_opens_a_door(school: School) -> None:
    record = school.launch()
    for sensor in (end(record), start(record, expect="everyone")):
        kwargs = json.dumps(deferral(sensor, context()).trigger.serialize())
        assert "sealed:v1:" not in kwargs
        for secret in school.secrets:
            assert secret not in kwargs


def test_an_event_of_another_release_is_named_for_what_it_is(school: School) -> None:
    record = school.launch()
    sensor = end(record)
    for event in (None, "done", {"kind": "artifact", "verdicts": {}}, {"version": 9}):
        with pytest.raises(Unavailable, match="same release"):  # so the retry waits on
            sensor.execute_complete(context(), event)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(AirflowFailException, match="not the outcome of a wait"):
        sensor.execute_complete(context(), {"kind": "outcome", "outcome": {"conclusion": "?"}})


def test_a_row_that_the_triggerer_cannot_read_costs_a_try_and_not_the_wait(school: School) -> None:
    sensor = end(school.launch())
    event = {"kind": "error", "error": "ConfigurationError", "message": "no such hook"}
    with pytest.raises(Unavailable, match=r"no such hook\. The retry looks anew"):
        sensor.execute_complete(context(), event)


def test_an_error_of_the_trigger_keeps_its_class_at_the_border(school: School) -> None:
    sensor = end(school.launch())
    with pytest.raises(Unavailable, match="later"):
        sensor.execute_complete(context(), {"kind": "error", "error": "Unavailable", "message": "later"})


# ---- the start


@pytest.mark.parametrize(
    ("expect", "enough"), [("anyone", ("t-1",)), ("company", ("t-1", "s-1")), ("everyone", ("t-1", "s-1", "s-2"))]
)
def test_a_start_is_reached_when_those_have_come_who_were_expected(
    school: School, waiting: Waiting, expect: str, enough: tuple[str, ...]
) -> None:
    record = school.launch(school.lesson(people=(*PEOPLE, OTHER)))
    school.go_to(record["start"])
    school.join(record, *enough[:-1])
    result = waiting.run(start(record, expect=expect), lambda: school.join(record, enough[-1]))
    assert result["conclusion"] == "reached"
    assert result["present"] == sorted(enough)
    assert result["missing"] == sorted({"t-1", "s-1", "s-2"} - set(enough))


def test_who_had_not_come_by_the_no_show_moment_is_the_answer(school: School, waiting: Waiting) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1")
    result = waiting.run(start(record, expect="everyone", no_show_after="300"), lambda: school.wait(301))
    assert (result["conclusion"], result["missing"]) == ("deadline", ["s-1"])


def test_a_start_that_nobody_came_to_is_a_no_show(school: School, waiting: Waiting) -> None:
    record = school.launch()
    school.go_to(record["start"])
    with pytest.raises(AirflowSkipException, match=r"never held \(nobody\)"):
        waiting.run(start(record), lambda: school.wait(901))
    assert waiting.outcome["missing"] == ["s-1", "t-1"]


def test_who_is_missing_cannot_be_told_of_a_session_without_links(school: School) -> None:
    record = school.launch()
    record["links"] = None
    school.hold(record)
    assert end(record).execute(context())["missing"] is None


# ---- arguments


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"on_no_show": "shrug"}, "on_no_show is one of"),
        ({"on_cancelled": ""}, "on_cancelled is one of"),
        ({"poll_interval": "often"}, "poll_interval"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"settle": "long"}, "settle"),
        ({"deadline": "later"}, "deadline"),
    ],
)
def test_wrong_arguments_fail_without_retry_and_without_a_request(
    school: School, arguments: dict[str, Any], said: str
) -> None:
    record = school.launch()
    asked = len(school.log())
    with pytest.raises(AirflowFailException, match=said):
        end(record, **arguments).execute(context())
    assert len(school.log()) == asked


def test_an_unknown_expectation_is_found_when_the_dag_is_read() -> None:
    with pytest.raises(ValueError, match="anyone, company, everyone"):
        start({}, expect="somebody")


@pytest.mark.parametrize("sensor", [end, start, transcript])
@pytest.mark.parametrize("session", [None, "text", {}, {"ref": {}}])
def test_what_is_no_record_is_refused(sensor: Callable[..., BaseSensorOperator], session: Any) -> None:
    with pytest.raises(AirflowFailException, match=r"not the record of a launched session|not a session ref"):
        sensor(session).execute(context())


def test_the_shared_sensor_by_itself_waits_for_nothing(school: School) -> None:
    with pytest.raises(NotImplementedError):
        SessionSensor(task_id="x", session=school.launch()).execute(context())


def test_a_sensor_retries_by_default_because_airflow_may_fail_a_deferral() -> None:
    for make in (end, start, transcript):
        assert make({}).retries == 2


def test_an_event_is_held_until_airflow_has_seen_the_deferral(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "7")
    now = datetime.now(UTC).timestamp()
    trigger = deferral(end(school.launch()), context()).trigger
    assert isinstance(trigger, SessionTrigger)
    assert 14 <= trigger.serialize()[1]["not_before"] - now < 74


# ---- the transcript


def held(school: School, **launch: Any) -> dict[str, Any]:
    record = school.launch(**{"transcribe": True, **launch})
    school.hold(record, seconds=3600 - 26)
    return record


SURE = {"min_seconds": 1, "sure_seconds": 2}


def test_a_transcript_that_is_there_needs_no_wait(school: School) -> None:
    record = held(school)
    school.wait(60)
    result = transcript(record).execute(context())
    assert (result["ready"], result["title"]) == (1, "Algebra 1")
    (verdict,) = result["verdicts"].values()
    assert verdict["readiness"] == "ready"


def late(school: School) -> Callable[[], bool]:
    """Let the transcript be late; the return value tells whether it was asked for twice."""
    school.sandbox.faults.add("status", path="/transcript/$", status=404, body='{"detail": "none"}')
    return lambda: len(school.log(path="/transcript/$")) >= 2


def test_a_late_transcript_is_waited_for_in_the_triggerer(school: School) -> None:
    record = held(school)
    school.wait(60)
    late(school)
    where, sensor = context(), transcript(record)
    deferred = deferral(sensor, where)
    assert isinstance(deferred.trigger, ArtifactTrigger)
    kwargs = deferred.trigger.serialize()[1]
    assert (kwargs["asked"], len(kwargs["session_ids"])) == (1, 1)
    assert "sealed:v1:" not in json.dumps(kwargs)
    school.sandbox.faults.clear()
    assert resume(sensor, where, deferred)["ready"] == 1


def test_a_late_transcript_is_waited_for_in_the_slot(school: School) -> None:
    record = held(school)
    school.wait(60)
    asked_twice = late(school)
    with meanwhile(asked_twice, school.sandbox.faults.clear):
        assert transcript(record, deferrable=False).execute(context())["ready"] == 1


def test_in_the_slot_it_is_asked_for_fourteen_times_and_no_more(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessonspace, "seconds_left", lambda _: 0.2)  # the last question waits for the deadline
    record = held(school)
    school.wait(60)
    late(school)
    with pytest.raises(AirflowFailException, match="are missing"):
        transcript(record, deferrable=False, check_delays=[0.01]).execute(context())
    assert len(school.log(path="/transcript/$")) == 14


def test_a_transcript_missing_after_its_deadline_fails_without_retry(school: School) -> None:
    record = held(school)
    late(school)
    school.wait(1000)
    with pytest.raises(AirflowFailException, match="deadline has passed"):
        transcript(record, rules={**SURE, "give_up_after": 600, "give_up_after_short": 600}).execute(context())


@pytest.mark.parametrize(("reaction", "error"), [("skip", AirflowSkipException), ("fail", AirflowFailException)])
def test_a_class_that_never_has_one_skips_or_fails_as_was_said(
    school: School, reaction: str, error: type[Exception]
) -> None:
    record = held(school, transcribe=False)
    with pytest.raises(error, match="has no transcript"):
        transcript(record, on_none=reaction).execute(context())
    assert not school.log(path="/transcript/$")


def test_a_class_that_never_has_one_succeeds_by_default_and_so_does_one_nobody_came_to(school: School) -> None:
    result = transcript(held(school, transcribe=False)).execute(context())
    assert result["ready"] == 0
    assert [one["readiness"] for one in result["verdicts"].values()] == ["never"]
    assert transcript(school.launch(school.lesson("Empty"))).execute(context())["verdicts"] == {}


@pytest.mark.parametrize(
    "arguments",
    [
        {"on_none": "shrug"},
        {"check_delays": "300"},
        {"check_delays": []},
        {"check_delays": ["soon"]},
        {"check_delays": [0]},
        {"rules": "none"},
    ],
)
def test_wrong_arguments_of_a_transcript_wait_are_refused(school: School, arguments: dict[str, Any]) -> None:
    with pytest.raises(AirflowFailException, match="ConfigurationError"):
        transcript(school.launch(), **arguments).execute(context())


def test_a_transcript_the_trigger_gave_up_on_fails_the_task(school: School) -> None:
    sensor = transcript(school.launch())
    event = {"kind": "artifact", "verdicts": {"s": {"readiness": "failed", "why": "in vain"}}}
    with pytest.raises(AirflowFailException, match="s: in vain"):
        sensor.execute_complete(context(), event)
