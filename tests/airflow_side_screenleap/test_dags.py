"""The example DAGs of Screenleap as Airflow reads and runs them, against the sandbox."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pendulum
import pytest

from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.sandbox import Sandbox, ScreenleapOptions
from demo.screenleap.office import quiet_zone
from tests.airflow_side_screenleap.stage import ACCOUNT, TOKEN, context, deferral
from tests.airflow_versions import DagBag, in_real_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="module")
def bag(airflow_db: None) -> DagBag:
    found = DagBag(str(DAGS))
    # `dag.test` sits out retry delays without a word: thrice five minutes look like a hang.
    for dag in found.dags.values():
        for one in dag.tasks:
            one.retry_delay = timedelta(seconds=1)
            one.retry_exponential_backoff = 0
    return found


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Return an account whose time passes as ours does: these runs wait for real."""
    with Sandbox(screenleap=ScreenleapOptions(account_id=ACCOUNT, authtoken=TOKEN, stop_after=0.2)) as sandbox:
        connection = {"conn_type": "screenleap", "login": ACCOUNT, "password": TOKEN}
        extra = {"requests_per_second": 100}
        host = sandbox.screenleap.url
        monkeypatch.setenv("AIRFLOW_CONN_STUDIO", json.dumps({**connection, "host": host, "extra": extra}))
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        yield sandbox


def states_of(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


# ---- the night


def night(bag: DagBag, output: Path, **form: Any) -> Any:
    conf = {"conn_id": "studio", "destination": output.as_uri(), "timezone": quiet_zone(datetime.now(UTC)), **form}
    return bag.dags["screen_share_night"].test(run_conf=conf)


def test_a_night_says_first_stops_then_and_writes_the_day_s_usage_twice_alike(
    bag: DagBag, account: Sandbox, tmp_path: Path
) -> None:
    zone = quiet_zone(datetime.now(UTC))  # for both nights: an hour may turn between them
    midnight = pendulum.now(zone).start_of("day")
    people, day = account.screenleap, (midnight.subtract(hours=5), midnight.subtract(hours=4))
    people.past("case-1", day[0].isoformat(), day[1].isoformat(), ["v"])
    people.past("case-2", day[0].isoformat(), day[1].isoformat())  # nobody watched
    people.past("open", (datetime.now(UTC) - timedelta(hours=9)).isoformat())
    assert set(states_of(night(bag, tmp_path, timezone=zone)).values()) == {"success"}
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not any(one["external_id"] == "open" and one["ended_at"] for one in people.state()["shares"])
    assert set(states_of(night(bag, tmp_path, timezone=zone, dry_run=False)).values()) == {"success"}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == first
    (open_one,) = [one for one in people.state()["shares"] if one["external_id"] == "open"]
    assert open_one["ended_at"]
    (usage,) = [json.loads(content) for path, content in first.items() if path.name == "usage.json"]
    assert [(row["external_id"], row["user_minutes"]) for row in usage] == [("case-1", 120)]


def test_a_night_whose_platform_is_away_for_a_moment_tries_again_instead_of_hanging(
    bag: DagBag, account: Sandbox, tmp_path: Path
) -> None:
    account.faults.add("status", path="/recent-screen-shares$", status=503, count=6)
    run = night(bag, tmp_path)
    assert set(states_of(run).values()) == {"success"}
    assert max(ti.try_number for ti in run.get_task_instances()) > 1


def test_a_night_right_after_midnight_waits_without_a_worker(bag: DagBag) -> None:
    export: Any = bag.dags["screen_share_night"].get_task("export_usage")
    now = datetime.now(UTC)
    form = {name: bag.dags["screen_share_night"].params[name] for name in ("timezone", "destination")}
    day = {"since": (now - timedelta(days=1)).isoformat(), "until": now.isoformat()}
    ready = export.prepare_for_execution()
    ti = SimpleNamespace(xcom_pull=lambda task_ids: {"day_before": day}[task_ids])
    ready.render_template_fields({"params": {**form, "conn_id": "studio"}, "ti": ti})
    deferred = deferral(ready, context())
    assert deferred.method_name == "execute_export"
    assert deferred.trigger.serialize()[1]["moment"] == parse_time((now + timedelta(minutes=15)).isoformat())


# ---- support


def support(bag: DagBag, output: Path, **form: Any) -> Any:
    conf = {
        "conn_id": "studio",
        "destination": output.as_uri(),
        "smtp_conn_id": "nowhere",
        "page_conn_id": "nowhere",
        "poll_interval": 0.2,
        "settle_seconds": 1,
        "minutes": 30,  # `dag.test` leaves in the DAG what an earlier run was given
        "ticket": "0123",
        **form,
    }
    return bag.dags["screen_share_support"].test(run_conf=conf)


@contextmanager
def customer(account: Sandbox, *, ends_after: float | None) -> Iterator[None]:
    """Have somebody begin as soon as there is a share, and end it, or go on until its half hour has passed."""

    def come_and_go() -> None:
        deadline = time.monotonic() + 60
        while not (codes := account.screenleap.codes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        account.screenleap.present(codes[0])
        account.screenleap.view(codes[0], "hal@support.example")
        if ends_after is None:
            account.clock.advance(1800)
        else:
            time.sleep(ends_after)
            account.screenleap.end(codes[0])

    thread = Thread(target=come_and_go, daemon=True)
    thread.start()
    yield
    thread.join(60)


def besides_the_hand_over(run: Any) -> dict[str, str]:
    """Return the states of all tasks but one: `dag.test` may hand over before or after the share's end."""
    states = states_of(run)
    assert states.pop("hand_over") in ("success", "failed", "skipped")
    return states


@in_real_seconds
def test_a_support_session_that_is_held_brings_its_cost_and_its_people_home(
    bag: DagBag, account: Sandbox, tmp_path: Path
) -> None:
    with customer(account, ends_after=1):
        run = support(bag, tmp_path)
    assert set(besides_the_hand_over(run).values()) == {"success"}
    (usage,) = [json.loads(path.read_bytes()) for path in tmp_path.rglob("usage.json")]
    assert [row["external_id"] for row in usage] == ["0123"]
    (people,) = [json.loads(path.read_bytes()) for path in tmp_path.rglob("attendance.json")]
    assert {one["participant_id"] for one in people} == {"cora@home.example", "hal@support.example"}
    assert all(one["first_joined"] for one in people)


@in_real_seconds
def test_a_share_that_goes_on_past_its_minutes_is_stopped(bag: DagBag, account: Sandbox, tmp_path: Path) -> None:
    with customer(account, ends_after=None):
        run = support(bag, tmp_path)
    assert set(besides_the_hand_over(run).values()) == {"success"}
    (share,) = account.screenleap.state()["shares"]
    assert share["ended_at"]
    (usage,) = [json.loads(path.read_bytes()) for path in tmp_path.rglob("usage.json")]
    assert len(usage) == 1


@in_real_seconds
def test_nobody_is_waited_for_any_longer_than_the_form_says(bag: DagBag, account: Sandbox, tmp_path: Path) -> None:
    states = besides_the_hand_over(support(bag, tmp_path, no_show_minutes=0.05))
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped == {"wait_for_start", "wait_for_end", "retrieve_usage", "retrieve_attendance"}
    assert {states[name] for name in ("launch", "stop")} == {"success"}
    assert not list(tmp_path.rglob("usage.json"))


def test_a_wait_that_failed_stops_nobody_s_share(bag: DagBag) -> None:
    dag = bag.dags["screen_share_support"]
    stop = dag.get_task("stop")
    assert stop.upstream_task_ids == {"launch", "wait_for_end"}
    assert stop.trigger_rule == "none_failed"
    assert dag.get_task("wait_for_start").upstream_task_ids == {"launch"}
