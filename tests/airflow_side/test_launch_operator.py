"""The launch operator against a real server: one class however often it is tried, and no link in the clear."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.triggers.temporal import DateTimeTrigger

from airflow_provider.live_sessions.core.errors import OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.hooks.sealing import reveal
from airflow_provider.live_sessions.operators.lessonspace import (
    LessonspaceCancelSessionOperator,
    LessonspaceLaunchSessionOperator,
)
from airflow_provider.live_sessions.triggers.session import LaunchTrigger
from tests.airflow_side.stage import School, Store, TaskInstance, context, deferral, meanwhile, resume

if TYPE_CHECKING:
    from collections.abc import Mapping


def plain(school: School, **changes: Any) -> LessonspaceLaunchSessionOperator:
    """Return a launch that describes its session itself."""
    start = datetime.now(UTC) + timedelta(minutes=20)
    described: dict[str, Any] = {
        "title": "Algebra",
        "start": start,
        "end": (start + timedelta(hours=1)).isoformat(),
        "participants": [{"name": "Ada", "role": "teacher", "leader": True}, {"email": "bo@home.test"}],
    }
    return LessonspaceLaunchSessionOperator(task_id="launch", conn_id=school.conn_id, **{**described, **changes})


def cancel(school: School, record: Mapping[str, Any]) -> None:
    LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())


# ---- the result


def test_a_launch_gives_each_participant_a_link_of_their_own_sealed(school: School) -> None:
    result = school.launch()
    assert result["created"]
    assert result["state"] == "scheduled"
    assert [link["participant"]["id"] for link in result["links"]] == ["t-1", "s-1"]
    opened = [reveal(link["url"], mask=False) for link in result["links"]]
    assert len(set(opened)) == 2
    assert set(opened) <= set(school.secrets)


def test_no_link_and_no_secret_of_the_space_stands_in_the_result_or_the_log(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    told = json.dumps(school.launch())
    told += "".join(f"{line.getMessage()}{line.args}" for line in caplog.records)
    assert len(school.secrets) >= 3
    for secret in school.secrets:
        assert secret not in told
        assert secret.partition("?")[2] not in told or "?" not in secret


def test_the_record_can_be_read_back_by_whoever_comes_next(school: School) -> None:
    record = SessionRecord.from_json(school.launch())
    assert record.title == "Algebra 1"
    assert record.ref.conn_id == school.conn_id
    assert record.hand_over_at is None
    assert set(record.participants_by_user_id().values()) == {"t-1", "s-1"}


def test_links_may_leave_only_so_long_before_the_start_as_was_said(school: School) -> None:
    for before in (600, "600", timedelta(minutes=10)):
        record = SessionRecord.from_json(school.launch(hand_over_before=before))
        assert record.hand_over_at == record.start - timedelta(seconds=600)


def test_a_session_may_be_described_without_a_timetable(school: School) -> None:
    result = plain(school).execute(context())
    assert [link["participant"]["name"] for link in result["links"]] == ["Ada", "bo@home.test"]
    (space,) = school.spaces
    assert space["name"] == "Algebra"


# ---- once, however often


def test_a_second_try_finds_the_first_one_s_class_with_a_task_store(school: School) -> None:
    store, operator = Store(), school.launcher()
    first = operator.execute(context(store=store))
    second = operator.execute(context(store=store))
    assert first["created"]
    assert not second["created"]
    assert second["ref"]["key"] == first["ref"]["key"]
    assert second["ref"]["details"]["space"] == first["ref"]["details"]["space"]
    assert len(school.spaces) == 1


def test_a_second_try_finds_the_first_one_s_class_without_a_task_store(school: School) -> None:
    operator = school.launcher()
    first, second = operator.execute(context()), operator.execute(context())
    assert (first["created"], second["created"]) == (True, False)
    assert len(school.spaces) == 1


def test_the_task_store_holds_no_link(school: School) -> None:
    store = Store()
    school.launcher().execute(context(store=store))
    assert store.values
    for secret in school.secrets:
        assert secret not in "".join(store.values.values())


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "malformed"])
def test_a_lost_answer_passes_as_unknown_and_the_retry_doubles_nothing(school: School, kind: str) -> None:
    operator, store = school.launcher(), Store()
    school.sandbox.faults.add(kind, method="POST", path="/spaces/launch/")
    with pytest.raises(OutcomeUnknown):
        operator.execute(context(store=store))
    school.sandbox.faults.clear()
    result = operator.execute(context(store=store))
    assert len(school.spaces) == 1
    assert len(result["links"]) == 2


def test_another_run_that_meets_the_same_class_means_the_same_session(school: School) -> None:
    lesson = school.lesson()
    school.launcher(lesson).execute(context(TaskInstance(run_id="morning", map_index=3)))
    second = school.launcher(lesson).execute(context(TaskInstance(run_id="midday", map_index=0)))
    assert not second["created"]
    assert len(school.spaces) == 1


def test_sessions_without_a_timetable_are_told_apart_by_run_and_map_index(school: School) -> None:
    operator = plain(school)
    for ti in (TaskInstance(), TaskInstance(run_id="run-2"), TaskInstance(map_index=0)):
        assert operator.execute(context(ti))["created"]
    assert len(school.spaces) == 3


def test_a_task_whose_session_became_another_one_is_refused(school: School) -> None:
    plain(school).execute(context())
    with pytest.raises(AirflowFailException, match="launched another session before"):
        plain(school, title="Geometry").execute(context())
    assert len(school.spaces) == 1


# ---- on_existing


def test_fail_refuses_what_was_launched_before(school: School) -> None:
    lesson = school.lesson()
    school.launch(lesson)
    with pytest.raises(AirflowFailException, match=r"Refused.*was launched before"):
        school.launch(lesson, on_existing="fail")


def test_replace_launches_anew_once_a_generation(school: School) -> None:
    lesson, store = school.lesson(), Store()
    first = school.launcher(lesson).execute(context(store=store))
    operator = school.launcher(lesson, on_existing="replace")
    cleared = TaskInstance(max_tries=4)
    second = operator.execute(context(cleared, store))
    again = operator.execute(context(cleared, store))
    assert second["created"]
    assert second["ref"]["key"] != first["ref"]["key"]
    assert (again["created"], again["ref"]["key"]) == (False, second["ref"]["key"])
    assert len(school.spaces) == 2


def test_replace_leaves_a_class_with_people_in_it_alone(school: School) -> None:
    lesson = school.lesson()
    record = school.launch(lesson)
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    with pytest.raises(AirflowFailException, match="has people in it"):
        school.launch(lesson, on_existing="replace")


def test_an_unknown_on_existing_is_refused_before_anything_is_asked(school: School) -> None:
    with pytest.raises(AirflowFailException, match="adopt, replace, fail"):
        school.launch(on_existing="maybe")
    assert school.launches == 0


def test_a_cancelled_class_stays_cancelled_unless_it_is_revived(school: School) -> None:
    lesson = school.lesson()
    cancel(school, school.launch(lesson))
    found = school.launch(lesson)
    assert (found["state"], found["links"], found["created"]) == ("cancelled", None, False)
    revived = school.launch(lesson, revive="True")
    assert (revived["state"], len(revived["links"])) == ("scheduled", 2)


def test_a_class_that_is_over_is_adopted_as_ended_without_links(school: School) -> None:
    lesson = school.lesson()
    school.hold(school.launch(lesson))
    launches = school.launches
    found = school.launch(lesson)
    assert (found["state"], found["links"]) == (State.ENDED, None)
    assert school.launches == launches


# ---- the past


def test_what_has_begun_is_launched_only_on_request_and_what_is_over_never(school: School) -> None:
    begun, over = school.lesson(ahead=-60), school.lesson("Latin", ahead=-7200)
    with pytest.raises(AirflowFailException, match="create_in_past"):
        school.launch(begun)
    with pytest.raises(AirflowFailException, match="nothing is created for what is over"):
        school.launch(over, create_in_past=True)
    assert school.launches == 0
    assert school.launch(begun, create_in_past="true")["created"]


# ---- the border to Airflow


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": ""}, "not described"),
        ({"end": None}, "not described"),
        ({"start": "tomorrow"}, "start"),
        ({"start": "2026-09-01T08:00:00"}, "start"),
        ({"participants": [{"nick": "bo"}]}, "unknown fields: nick"),
        ({"session": {"uid": "x"}}, "not both"),
        ({"participants": [{"id": "a"}, {"id": "a"}]}, "same participant id twice"),
    ],
)
def test_wrong_arguments_fail_without_retry_and_without_a_request(
    school: School, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=f"ConfigurationError: .*{said}"):
        plain(school, **changes).execute(context())
    assert not school.log()


def test_a_session_that_is_no_class_is_refused(school: School) -> None:
    with pytest.raises(AirflowFailException, match="not a str"):
        LessonspaceLaunchSessionOperator(
            task_id="launch",
            conn_id=school.conn_id,
            session="{{ oops }}",
        ).execute(context())


def test_a_refused_key_fails_without_retry(school: School) -> None:
    school.connect(key="00000000-0000-4000-8000-00000000dead")
    with pytest.raises(AirflowFailException, match="AuthenticationFailed") as told:
        school.launch()
    assert "dead" not in str(told.value)
    assert told.value.__cause__ is None


def test_an_outage_passes_as_it_is_so_that_airflow_tries_again(school: School) -> None:
    school.sandbox.faults.add("status", status=503)
    with pytest.raises(Unavailable):
        school.launch()
    assert not school.spaces


def test_a_connection_that_does_not_exist_launches_nothing(school: School) -> None:
    with pytest.raises(Exception, match="nowhere"):
        LessonspaceLaunchSessionOperator(task_id="launch", conn_id="nowhere", session=school.lesson()).execute(
            context()
        )


def test_an_unknown_cancel_on_kill_is_found_when_the_dag_is_read(school: School) -> None:
    with pytest.raises(ValueError, match="never, before_start, always"):
        school.launcher(cancel_on_kill="perhaps")


# ---- rooms


def test_launch_settings_reach_the_platform_by_their_api_names(school: School) -> None:
    result = school.launch(
        transcribe="True", allow_guests=False, record_av=True, hard_stop="60", options={"locale": "en"}
    )
    details = result["ref"]["details"]
    assert json.loads(details["settings"])["transcribe"] is True
    assert details["hard_stop"]
    assert details["mode"] == "occurrence"


def test_what_the_timetable_says_for_itself_goes_before_the_operator_s_settings(school: School) -> None:
    lesson = school.lesson(options={"transcribe": True})
    details = school.launch(lesson, transcribe=False)["ref"]["details"]
    assert json.loads(details["settings"])["transcribe"] is True


def test_a_lasting_room_is_launched_when_its_window_opens_and_not_before(school: School) -> None:
    lesson = school.lesson(ahead=2400, space="room-7")
    operator, where = school.launcher(lesson, deferrable=True), context()
    deferred = deferral(operator, where)
    assert deferred.method_name == "execute_launch"
    assert isinstance(deferred.trigger, DateTimeTrigger)
    assert deferred.trigger.moment == datetime.fromisoformat(lesson["start"]) - timedelta(seconds=1800)
    assert school.launches == 0
    result = resume(operator, where, deferred, event=deferred.trigger.moment)
    assert result["ref"]["details"]["mode"] == "persistent"


def test_without_deferral_a_lasting_room_is_waited_for_in_the_slot(school: School) -> None:
    lesson = school.lesson(ahead=1802)
    result = school.launch(lesson, space_id="room-8", deferrable=False)
    assert result["ref"]["details"]["mode"] == "persistent"
    assert datetime.now(UTC) >= datetime.fromisoformat(lesson["start"]) - timedelta(seconds=1800)


def test_launch_not_before_is_kept_and_the_later_of_two_moments_counts(school: School) -> None:
    operator = school.launcher(
        school.lesson(ahead=1900, space="room-9"), launch_not_before="2099-01-01T00:00:00Z", deferrable=True
    )
    assert deferral(operator, context()).trigger.moment.year == 2099


# ---- a launch that waits


def test_a_launch_that_waits_returns_its_record_when_the_class_has_ended(school: School) -> None:
    operator = school.launcher(wait_for_completion=True, deferrable=True, poll_interval="0.05")
    where = context()
    deferred = deferral(operator, where)
    record = where["ti"].xcom_pull("launch")
    assert record["created"]
    assert isinstance(deferred.trigger, LaunchTrigger)
    kwargs = deferred.trigger.serialize()[1]
    assert (kwargs["cancel_on_kill"], kwargs["handed_over"]) == ("before_start", True)
    for secret in school.secrets:
        assert secret not in json.dumps(kwargs)
    school.hold(record)
    assert resume(operator, where, deferred) == record


def test_a_launch_that_waits_in_its_slot_does_the_same(school: School) -> None:
    where = context()
    operator = school.launcher(wait_for_completion=True, deferrable=False, poll_interval=0.05)
    with meanwhile(lambda: school.polls >= 2, lambda: school.hold(where["ti"].xcom_pull("launch"))):
        result = operator.execute(where)
    assert result["created"]


def test_a_class_that_is_over_is_not_waited_for(school: School) -> None:
    lesson = school.lesson()
    school.hold(school.launch(lesson))
    assert school.launch(lesson, wait_for_completion=True, deferrable=True)["state"] == "ended"


def test_links_kept_back_are_told_to_the_trigger(school: School) -> None:
    operator = school.launcher(
        wait_for_completion=True, deferrable=True, hand_over_before=60, cancel_on_kill="always"
    )
    kwargs = deferral(operator, context()).trigger.serialize()[1]
    assert (kwargs["cancel_on_kill"], kwargs["handed_over"]) == ("always", False)


def test_participants_come_through_a_template_as_they_are(school: School) -> None:
    people = [Participant("x", "Xen", options={"single_use": True}).to_json()]
    result = plain(school, participants=people).execute(context())
    assert result["participants"] == people
