"""Educates' operators against a real server: launched once, ended truthfully, extended where the portal does."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.errors import OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.hooks.sealing import reveal, seal
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.educates import (
    EducatesExtendSessionOperator,
    EducatesHandOverLinksOperator,
    EducatesListWorkshopsOperator,
    EducatesTerminateSessionOperator,
)
from airflow_provider.live_sessions.schedules.claims import ClaimBook, Ticket
from tests.airflow_side.stage import Store, TaskInstance, context
from tests.airflow_side_educates.lab import CLEO, Lab
from tests.schedules.test_claims import CLAIM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def terminate(session: Mapping[str, Any], **arguments: Any) -> dict[str, Any]:
    operator = EducatesTerminateSessionOperator(task_id="end", session=session, **arguments)
    return dict(operator.execute(context()))


# ---- launch


def test_each_learner_gets_a_sealed_link_that_opens_their_session(lab: Lab) -> None:
    record = lab.launch()
    assert (record["created"], record["state"]) == (True, "scheduled")
    opened = [reveal(link["url"], mask=False) for link in record["links"]]
    tokens = [parse_qs(urlsplit(one).query)["token"][0] for one in opened]
    assert sorted(tokens) == sorted(lab.portal.secrets()["links"])
    assert [link["participant"]["id"] for link in record["links"]] == ["ada", "bo"]


def test_no_link_token_or_value_stands_in_the_result_or_the_log(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    hook = seal(SecretStr("https://hook.test/?token=hook-secret"))
    record = lab.launch(parameters={"SECRET": seal(SecretStr("s3cret-value"))}, analytics_url=hook)
    told = json.dumps(record) + "".join(f"{line.getMessage()}{line.args}" for line in caplog.records)
    given = lab.portal.secrets()
    assert given["parameters"] == ["s3cret-value"] * 2
    info = lab.portal.info()
    for one in (*given["links"], *given["secrets"], "s3cret-value", "hook-secret", info["password"]):
        assert one not in told
    assert info["client_secret"] not in told


def test_a_retry_after_a_lost_answer_doubles_nothing(lab: Lab) -> None:
    lesson, store = lab.lesson(), Store()
    lab.sandbox.faults.add("reset_after", path="/request/$", nth=2)
    with pytest.raises(OutcomeUnknown):
        lab.launcher(lesson).execute(context(store=store))
    record = lab.launcher(lesson).execute(context(store=store))
    assert len(record["links"]) == lab.standing == 2


def test_a_retry_after_the_end_restarts_nothing(lab: Lab) -> None:
    lesson, store = lab.lesson(), Store()
    first = lab.launcher(lesson).execute(context(store=store))
    lab.activate(first, "ada", "bo")
    lab.finish(first, "ada", "bo")
    record = lab.launcher(lesson).execute(context(store=store))
    assert (record["links"], lab.standing) == (None, 0)


def test_arguments_and_options_reach_the_portal(lab: Lab) -> None:
    lab.launch(
        index_url="https://own.test/",
        activate_within="120",
        users="learner",
        options={"timeout": 77, "grace": 60},
        parameters={"WHO": "x"},
    )
    query = parse_qs(lab.sandbox.log.entries(path="/request/")[0].query)
    assert (query["index_url"], query["user"], query["timeout"]) == (["https://own.test/"], ["ada"], ["77"])


def test_a_launch_that_describes_itself(lab: Lab) -> None:
    start = datetime.now(UTC) + timedelta(minutes=10)
    record = lab.launch(
        title="Own", start=start, end=start + timedelta(hours=1), participants=[{"id": "ada"}], conn_id=lab.conn_id
    )
    assert len(record["links"]) == 1


def test_a_full_portal_is_worth_a_retry_and_may_be_taken_in_part(lab: Lab) -> None:
    people = tuple(CLEO.__class__(f"learner-{number}", "X") for number in range(4))
    lesson = lab.lesson(people=people)
    with pytest.raises(Unavailable, match="3 of 4 learners"):
        lab.launch(lesson)
    record = lab.launch(lesson, allow_partial="true")
    assert len(record["links"]) == 3
    assert record["warnings"]


def test_what_no_retry_heals_fails_at_once(lab: Lab) -> None:
    for arguments in (
        {"workshop": "nope"},
        {"workshop": ""},
        {"options": {"nonsense": 1}},
        {"users": "learner", "on_existing": "replace"},
        {"options": {"users": "learner"}, "on_existing": "replace"},
    ):
        with pytest.raises(AirflowFailException):
            lab.launch(**arguments)
    with pytest.raises(AirflowFailException, match="no lasting rooms"):
        lab.launch(lab.lesson(space="room"))
    assert lab.standing == 0


# ---- terminate


def test_a_whole_class_is_ended_at_the_end_of_the_day(lab: Lab) -> None:
    record = lab.launch()
    lab.activate(record, "bo")
    outcome = terminate(record, if_live="end")
    assert (outcome["state_before"], outcome["confirmed"], lab.standing) == ("live", True, 0)
    again = terminate(record, if_live="end")
    assert (again["state_before"], again["confirmed"]) == ("ended", True)


def test_somebody_inside_fails_the_task_unless_it_says_otherwise(lab: Lab) -> None:
    record = lab.launch()
    lab.activate(record, "bo")
    with pytest.raises(AirflowFailException, match="is live and was not ended: bo: somebody is in it"):
        terminate(record)
    outcome = terminate(record, if_live="report")
    assert (outcome["confirmed"], outcome["people_inside"], lab.standing) == (False, "yes", 1)
    with pytest.raises(ValueError, match="if_live is one of"):
        EducatesTerminateSessionOperator(task_id="end", session=record, if_live="never")


def test_a_run_that_was_marked_as_failed_ended_the_workshop_that_people_were_in(lab: Lab) -> None:
    record = lab.launch()
    lab.activate(record, "bo")
    now = datetime.now(UTC)
    early = terminate(record, if_live="end", end_live_from=(now + timedelta(hours=1)).isoformat())
    assert (early["confirmed"], early["people_inside"], lab.standing) == (False, "yes", 1)
    # A worker's clock may be a little behind the triggerer's, which said that it is time.
    told = terminate(record, if_live="end", end_live_from=(now + timedelta(seconds=30)).isoformat())
    assert (told["confirmed"], lab.standing) == (True, 0)
    with pytest.raises(AirflowFailException, match="is not an ISO 8601 time"):
        terminate(record, if_live="end", end_live_from="closing time")


def test_what_a_template_says_of_somebody_inside_is_looked_at_before_anything_is_ended(lab: Lab) -> None:
    record = lab.launch()
    operator = EducatesTerminateSessionOperator(task_id="end", session=record, if_live="{{ params.if_live }}")
    with pytest.raises(AirflowFailException, match="if_live is one of fail, report, end, not"):
        operator.execute(context())  # as it would be with a template that says something else
    assert lab.standing == 2
    operator.if_live = "end"
    assert operator.execute(context())["confirmed"]


def test_a_lane_s_clean_up_ended_the_sessions_of_the_run_that_had_taken_its_class_over(
    lab: Lab, tmp_path: Path
) -> None:
    record = {**lab.launch(), "claim": Ticket(str(tmp_path), "labs", CLAIM).to_json()}
    book = ClaimBook(open_storage(str(tmp_path)), "labs")
    book.write(replace(CLAIM, run_id="ten"))
    with pytest.raises(AirflowSkipException, match="taken over by run 'ten'"):
        terminate(record, if_live="end")
    assert lab.standing == 2
    book.write(CLAIM)
    assert terminate(record, if_live="end")["confirmed"]


def test_a_lane_s_clean_up_took_the_reason_away_from_the_person_who_had_cancelled(lab: Lab) -> None:
    record, lane = lab.launch(), TaskInstance(task_id="clean_up")
    assert terminate(record, if_live="end", reason="The room is flooded")["state_before"] == "scheduled"
    EducatesTerminateSessionOperator(task_id="clean_up", session=record, if_live="end").execute(context(lane))
    assert lane.xcoms == {}, "the page shows the last one that was left"


def test_only_some_learners_are_ended(lab: Lab) -> None:
    record = lab.launch()
    assert terminate(record, learners=["ada"])["confirmed"]
    assert lab.standing == 1
    with pytest.raises(AirflowFailException, match="no session for zoe"):
        terminate(record, learners=["zoe"])
    with pytest.raises(AirflowFailException, match="list of participant ids"):
        terminate(record, learners="ada")
    assert terminate(record, learners="")["confirmed"]


def test_a_class_of_a_timetable_is_found_by_its_identity(lab: Lab) -> None:
    lesson = lab.lesson()
    lab.launch(lesson, timetable="autumn")
    arguments = {"conn_id": lab.conn_id, "timetable": "autumn", "options": {"workshop": "lab-basics"}}
    assert terminate(lesson, **arguments)["confirmed"]
    gone = terminate(lesson, **arguments)
    assert (gone["state_before"], gone["confirmed"]) == ("unknown", False)


def test_what_is_not_gone_yet_is_worth_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab.open(monkeypatch) as lab:
        record = lab.launch()
        lab.sandbox.faults.add("status", path="/schedule/$", status=400, body="no", count=1)
        with pytest.raises(Unavailable, match="not all ended"):
            terminate(record, if_live="end")
        assert terminate(record, if_live="end")["confirmed"]


def test_shared_sessions_need_force(lab: Lab) -> None:
    lesson = lab.lesson()
    lab.launch(lesson, users="learner")
    record = lab.launch(lesson, users="learner")
    with pytest.raises(AirflowFailException, match="force=True"):
        terminate(record, if_live="end")
    assert lab.standing == 2
    assert terminate(record, if_live="end", force=True)["confirmed"]


# ---- extend, list, hand over


def extend(record: Mapping[str, Any], **arguments: Any) -> dict[str, Any]:
    return dict(EducatesExtendSessionOperator(task_id="extend", session=record, **arguments).execute(context()))


def test_sessions_are_extended_near_their_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab.open(monkeypatch, deadline=7200) as lab:
        record = lab.launch()
        lab.activate(record, "ada")
        assert extend(record)["extended"] == 0
        with pytest.raises(AirflowFailException, match="No session of 'Kubernetes' was extended"):
            extend(record, on_refused="fail")
        lab.sandbox.clock.advance(1700)
        result = extend(record, learners=["ada"])
        assert (result["extended"], [one["learner"] for one in result["sessions"]]) == (1, ["ada"])
        with pytest.raises(AirflowFailException, match="on_refused is report or fail"):
            extend(record, on_refused="cry")


def rooms(lab: Lab, **arguments: Any) -> dict[str, Any]:
    operator = EducatesListWorkshopsOperator(task_id="rooms", conn_id=lab.conn_id, **arguments)
    return dict(operator.execute(context()))


def test_the_catalogue_tells_what_there_is_and_how_much_room(lab: Lab) -> None:
    lab.launch()
    found = rooms(lab, names=["lab-basics"], labels={"difficulty": "easy"}, seats="1")
    assert found["workshops"] == [
        {
            "workshop": "lab-basics",
            "title": "Lab-Basics",
            "environment": "lab-portal-w01",
            "capacity": 3,
            "allocated": 2,
            "free": 1,
            "duration": 1800,
            "labels": {"difficulty": "easy"},
        }
    ]
    assert found["portal"]["allocated"] == 2
    assert len(rooms(lab)["workshops"]) == 2
    with pytest.raises(Unavailable, match="2 seats are needed; lab-basics has 1"):
        rooms(lab, names=["lab-basics"], seats=2)
    with pytest.raises(Unavailable, match="nope has 0"):
        rooms(lab, names=["nope"], seats=1)
    with pytest.raises(AirflowFailException, match="seats is a number"):
        rooms(lab, seats="many")


def test_no_room_is_seen_where_the_whole_portal_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab.open(monkeypatch, maximum=3) as lab:
        lab.launch()
        (found,) = rooms(lab, names=["lab-ondemand"])["workshops"]
        assert (found["capacity"], found["allocated"], found["free"]) == (3, 0, 1)
        with pytest.raises(Unavailable, match="2 seats are needed; lab-ondemand has 1"):
            rooms(lab, names=["lab-ondemand"], seats=2)


def test_links_are_handed_over_and_not_once_the_class_is_off(lab: Lab, tmp_path: Any) -> None:
    from airflow.providers.common.compat.sdk import AirflowSkipException

    record = lab.launch()
    operator = EducatesHandOverLinksOperator(
        task_id="hand_over", session=record, smtp_conn_id=None, destination=str(tmp_path)
    )
    served = operator.execute(context(TaskInstance()))["handed_over"]
    assert [(one["participant"], one["by"]) for one in served] == [("ada", "xcom"), ("bo", "xcom")]
    assert all(one["url"].startswith("sealed:v1:") for one in served)
    terminate(record)
    with pytest.raises(AirflowSkipException):
        operator.execute(context(TaskInstance()))
