"""The task groups of screen shares and workshops: mapped over a timetable, and each case to its end."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import DAG

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.flows.coviu import coviu_appointment
from airflow_provider.live_sessions.flows.educates import educates_workshop
from airflow_provider.live_sessions.flows.lane import HAND_OVER_RETRIES
from airflow_provider.live_sessions.flows.lessonspace import lessonspace_class
from airflow_provider.live_sessions.flows.screenleap import screenleap_share
from airflow_provider.live_sessions.operators.hand_over import HandOverLinksOperator
from airflow_provider.live_sessions.plugin.sessions_page.rows import HAND_OVER
from airflow_provider.live_sessions.sandbox import Sandbox, ScreenleapOptions
from airflow_provider.live_sessions.schedules.model import Occurrence
from tests.airflow_side.stage import context, deferral
from tests.airflow_side.test_dags import states_of
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import ACCOUNT, TOKEN
from tests.airflow_versions import in_real_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.airflow_side.post_office import PostOffice
    from tests.airflow_versions import DagBag


PEOPLE = (Participant("customer", "Cora", leader=True), Participant("helper", "Hal"))


def planned(title: str, *people: Participant) -> dict[str, Any]:
    """Return a session that begins now and takes an hour."""
    start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp()), UTC)
    end = start + timedelta(hours=1)
    return Occurrence(uid=title, title=title, start=start, end=end, participants=people).to_json()


# ---- read


def test_a_share_s_waits_depend_on_its_launch_and_its_stop_on_waits_that_did_not_fail(read: DagBag) -> None:
    tasks = read.dags["shares"].task_dict
    assert set(tasks) == {
        "timetable",
        *(f"share.{one}" for one in ("launch", "hand_over", "wait_for_start", "wait_for_end", "stop")),
        *("share.retrieve_usage", "share.retrieve_attendance"),
    }
    assert tasks["share.wait_for_start"].upstream_task_ids == {"share.launch"}
    assert tasks["share.stop"].trigger_rule == "none_failed"
    assert tasks["share.stop"].upstream_task_ids == {"share.launch", "share.wait_for_end"}
    hand_over: Any = tasks["share.hand_over"]
    assert (hand_over.retries, hand_over.retry_delay) == (HAND_OVER_RETRIES, timedelta(seconds=10))


def test_a_workshop_is_cleaned_up_by_a_teardown_of_its_launch(read: DagBag) -> None:
    tasks = read.dags["workshops"].task_dict
    assert tasks["workshop.clean_up"].is_teardown
    assert tasks["workshop.launch"].is_setup
    assert tasks["workshop.closing_time"].upstream_task_ids == {"workshop.launch"}
    assert tasks["workshop.clean_up"].upstream_task_ids == {"workshop.launch", "workshop.closing_time"}
    assert tasks["workshop.clean_up"].end_live_from == tasks["workshop.closing_time"].target_time


@pytest.mark.parametrize("group", [lessonspace_class, coviu_appointment, screenleap_share, educates_workshop])
def test_a_lane_whose_launch_waited_for_the_end_handed_its_links_over_after_it(group: Any) -> None:
    more = {"workshop": "lab-basics"} if group is educates_workshop else {}
    with DAG("waiting", schedule=None), pytest.raises(ValueError, match="a lane waits for the end by itself"):
        group(planned("Algebra", *PEOPLE), launch={"wait_for_completion": True}, **more)


@pytest.mark.parametrize("group", [lessonspace_class, coviu_appointment, screenleap_share, educates_workshop])
def test_a_task_group_that_was_not_to_defer_needed_a_triggerer_all_the_same(group: Any) -> None:
    more = {"workshop": "lab-basics"} if group is educates_workshop else {}
    with DAG("waiting", schedule=None) as dag:
        group(planned("Algebra", *PEOPLE), deferrable=False, **more)
    defer = [one.task_id for one in dag.tasks if isinstance(one, DateTimeSensorAsync)]
    defer += [one.task_id for one in dag.tasks if getattr(one, "deferrable", False)]
    assert defer == []


def test_a_time_limit_for_all_sensors_ended_a_workshop_before_its_closing_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__SENSORS__DEFAULT_TIMEOUT", "60")
    lesson = planned("Algebra", *PEOPLE)
    with DAG("waiting", schedule=None, default_args={"timeout": 60.0}) as dag:
        educates_workshop(lesson, workshop="lab-basics", deferrable=False)
    closing: Any = dag.get_task("workshop.closing_time")
    assert closing.timeout >= 30 * 86_400.0


@pytest.mark.parametrize("deferrable", [True, False])
def test_one_worker_lost_while_a_workshop_ran_ended_it_at_once(
    monkeypatch: pytest.MonkeyPatch, deferrable: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DEFAULT_TASK_RETRIES", "0")
    with DAG("waiting", schedule=None, default_args={"retries": 0}) as dag:
        educates_workshop(planned("Algebra", *PEOPLE), workshop="lab-basics", deferrable=deferrable)
    closing: Any = dag.get_task("workshop.closing_time")
    assert closing.downstream_task_ids == {"workshop.clean_up"}
    assert closing.retries >= 5


def test_workshop_sessions_are_made_only_so_long_before_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab.open(monkeypatch) as lab:
        lesson = lab.lesson(ahead=600)
        operator = lab.launcher(lesson, provision_before="300", deferrable=True)
        deferred = deferral(operator, context())
        assert deferred.trigger.moment == datetime.fromisoformat(lesson["start"]) - timedelta(seconds=300)
        assert lab.standing == 0
        assert lab.launch(lesson, provision_before=900)["created"]


@pytest.mark.parametrize(
    ("group", "arguments"),
    [
        (lessonspace_class, {}),
        (coviu_appointment, {}),
        (screenleap_share, {}),
        (educates_workshop, {"workshop": "lab-basics"}),
    ],
)
def test_a_task_group_takes_what_its_hand_over_mails(group: Any, arguments: dict[str, Any]) -> None:
    mail = {
        "subject": {"teacher": "You teach $title", "default": "$title"},
        "html_body": {"teacher": '<a href="$url">Open</a>', "default": '<a href="$url">Come in</a>'},
        "from_email": "office@school.test",
    }
    with DAG("mailing", schedule=None) as dag:
        group(planned("Algebra", *PEOPLE), hand_over=mail, **arguments)
    (task,) = [one for one in dag.tasks if isinstance(one, HandOverLinksOperator)]
    assert {name: getattr(task, name) for name in mail} == mail
    assert task.retries == HAND_OVER_RETRIES
    assert task.task_id.rpartition(".")[2] == HAND_OVER, "the page of sessions knows it by this name"


# ---- run


@contextmanager
def customer(account: Sandbox) -> Iterator[None]:
    """Have somebody begin the first share, and end it a second later."""

    def come_and_go() -> None:
        deadline = time.monotonic() + 120
        while not (codes := account.screenleap.codes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        account.screenleap.present(codes[0])
        account.screenleap.view(codes[0], "helper")
        time.sleep(1)
        account.screenleap.end(codes[0])

    thread = Thread(target=come_and_go, daemon=True)
    thread.start()
    yield
    thread.join(120)


@in_real_seconds
def test_shares_of_a_timetable_each_come_to_their_own_end(
    authored: DagBag, post: PostOffice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = ScreenleapOptions(account_id=ACCOUNT, authtoken=TOKEN, stop_after=0.2)
    with Sandbox(screenleap=options) as account:
        extra = {"requests_per_second": 100}
        connection = {"conn_type": "screenleap", "login": ACCOUNT, "password": TOKEN, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_STUDIO", json.dumps({**connection, "host": account.screenleap.url}))
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        classes = [planned(title, *PEOPLE) for title in ("Begun", "Forgotten")]
        conf = {"conn_id": "studio", "classes": classes, "destination": tmp_path.as_uri()}
        with customer(account):
            run = authored.dags["shares"].test(run_conf=conf)
    states = states_of(run)
    # `dag.test` runs one task after the other: a hand-over that comes after the end fails, for nobody got a link.
    failed = {name.rpartition("_")[0] for name, state in states.items() if state == "failed"}
    assert failed <= {"share.hand_over"}, states
    ends = sorted(
        (states[f"share.wait_for_start_{lane}"], states[f"share.retrieve_usage_{lane}"]) for lane in (0, 1)
    )
    assert ends == [("skipped", "skipped"), ("success", "success")]
    assert {states[f"share.stop_{lane}"] for lane in (0, 1)} == {"success"}
    assert len(list(tmp_path.rglob("usage.json"))) == 1
    assert [str(mail["Subject"]).partition(":")[0] for _, mail in post.mails] == ["Nobody came to a session"]


@in_real_seconds
def test_workshops_of_a_timetable_are_cleaned_up_at_their_end(
    authored: DagBag, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Lab.open(monkeypatch) as lab:
        classes = [planned(title, PEOPLE[0]) for title in ("Git", "Kubernetes")]
        conf = {"conn_id": lab.conn_id, "classes": classes, "destination": tmp_path.as_uri()}
        marked = r"workshop\.(wait_for_learners|wait_for_end|closing_time)"  # as if the end had come
        run = authored.dags["workshops"].test(run_conf=conf, mark_success_pattern=marked)
        states = states_of(run)
        assert {states[f"workshop.clean_up_{lane}"] for lane in (0, 1)} == {"success"}, states
        failed = {name.rpartition("_")[0] for name, state in states.items() if state == "failed"}
        assert failed <= {"workshop.hand_over"}, states  # as above
        assert len(lab.sandbox.state()["educates"]["sessions"]) >= 2
        assert lab.standing == 0
