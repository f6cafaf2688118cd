"""``make up``: its people fit the forms as they stand there, and its words name what a newcomer needs in order."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from smtplib import SMTP
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import Connection

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.forms.people import people_of_form
from airflow_provider.live_sessions.operators.screenleap_hand_over import page_client
from airflow_provider.live_sessions.sandbox.scripts import Script
from demo.__main__ import SCENARIOS
from demo.coviu.mailbox import HOST, Mailboxes
from demo.home import new_home
from demo.lessonspace.day import API_KEY
from demo.screenleap.page import Page
from demo.up import (
    CANCEL_DAG,
    FIRST_DAG,
    FORMS,
    OPENS,
    PAGE_CONNECTION,
    STAYS,
    banner,
    people,
    settings_of,
    tell,
    zone_here,
)
from tests.airflow_side.stage import School
from tests.airflow_versions import DagBag

if TYPE_CHECKING:
    from collections.abc import Iterator

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """A school to which people come by themselves, whose clock stands at the present until a test moves it."""
    with School.open(monkeypatch) as opened:
        for platform in OPENS:
            opened.sandbox.scripts.add(people(platform))
        yield opened


@pytest.fixture(scope="module")
def examples(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS))


def start_of(examples: DagBag, school: School, output: Path, **form: object) -> datetime:
    """Launch a class by the form's own defaults, and return its planned start."""
    given = {"conn_id": school.conn_id, "destination": output.as_uri(), **form}
    run = examples.dags[FIRST_DAG].test(run_conf=given, mark_success_pattern=r"class\.(?!launch$).*")
    assert str(run.state) == "success"
    assert run.run_after is not None
    planned: datetime = run.run_after.replace(microsecond=0) + timedelta(minutes=2)
    return planned


@pytest.mark.timeout(300)
def test_a_class_now_by_the_form_s_defaults_is_empty_then_live_with_two_and_ended_when_planned(
    examples: DagBag, school: School, tmp_path: Path
) -> None:
    start = start_of(examples, school, tmp_path)

    def sessions(after: float) -> list[dict[str, object]]:
        school.sandbox.clock.set(start + timedelta(seconds=after))
        return list(school.sandbox.state()["lessonspace"]["sessions"])

    assert sessions(-1) == [], "nobody is there before it begins"
    (live,) = sessions(60)
    assert (live["inside"], live["end_time"]) == (["tess@school.example", "sam@home.example"], None)
    (still,) = sessions(STAYS)
    assert still["end_time"] is None
    (over,) = sessions(3600)
    assert (over["uuid"], over["inside"]) == (live["uuid"], []), "one session, and nobody stays behind"
    assert parse_time(str(over["end_time"])) == start + timedelta(seconds=5 + STAYS)


@pytest.mark.timeout(300)
def test_a_class_now_in_an_hour_stays_empty_for_an_hour(examples: DagBag, school: School, tmp_path: Path) -> None:
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    start_of(examples, school, tmp_path, start=later.isoformat())
    school.sandbox.clock.set(later)
    assert school.sandbox.state()["lessonspace"]["sessions"] == [], "there is time to cancel it"
    school.wait(60)
    assert [len(one["inside"]) for one in school.sandbox.state()["lessonspace"]["sessions"]] == [2]


def test_people_come_on_every_platform_that_is_played() -> None:
    played = {one.name for one in SCENARIOS} & {"lessonspace", "coviu", "screenleap", "educates"}
    assert set(OPENS) == played
    for platform in OPENS:
        assert Script.from_json(1, people(platform)).match == {"platform": platform}


def test_what_a_newcomer_needs_is_named_in_that_order() -> None:
    told = banner("http://127.0.0.1:8080", ("admin", "open-sesame"), "http://127.0.0.1:8899", "/home/files")
    steps = [f"/dags/{FIRST_DAG}", "/plugin/live-sessions", f"/dags/{CANCEL_DAG}", "/required_actions"]
    found = [told.index(f"http://127.0.0.1:8080{one}\n") for one in ("", *steps)]
    assert found == sorted(found)
    assert told.index("open-sesame") < found[1]
    assert told.index(CANCEL_DAG, found[4]) > found[4], "it says what the required action is for"
    assert "host http://127.0.0.1:8899/lessonspace/v2\n" in told
    assert "port 443" in told, "Test connection answers Bad Request without one"
    assert API_KEY in told, "the form of a connection could not be tried"


def test_the_class_was_too_short_for_the_transcript_that_the_page_promises() -> None:
    comes, *_, ends = (one["after"] for one in people("lessonspace")["events"])
    assert ends - comes > DEFAULT_RULES.min_seconds


@pytest.mark.parametrize("dag_id", [one for one in FORMS if not one.startswith("session_")])
def test_everybody_who_stands_in_a_form_at_first_can_be_sent_a_link(examples: DagBag, dag_id: str) -> None:
    params = examples.dags[dag_id].params
    people = people_of_form(params["learners" if dag_id == "workshop_day" else "participants"])
    assert len(people) == 2
    for one in people:
        assert one.email.endswith(".example"), "a name that is nobody's"


@pytest.mark.parametrize("dag_id", FORMS)
def test_what_make_up_unpauses_runs_only_when_it_is_triggered(examples: DagBag, dag_id: str) -> None:
    assert examples.dags[dag_id].schedule is None


def test_the_page_of_screen_shares_was_named_to_airflow_and_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    with Page(tell).open() as page:
        given = json.loads(settings_of("http://127.0.0.1:1", 1, page)[PAGE_CONNECTION])
        way_in = {"title": "Support", "name": "Cora", "presenter": True, "launch_data": {"key": "s3cret"}}
        with page_client(Connection(conn_id="screen_share_page", **given)) as client:
            client.request("PUT", "key/cora", label="hand over", json=way_in, expect_json=False)
        assert page.people("Support") == {"cora"}
    assert capsys.readouterr().out == "To the page of screen shares: Cora, Support\n"


def test_others_on_the_machine_could_read_the_demo_s_database_and_logs(tmp_path: Path) -> None:
    home, before = tmp_path / "run" / "up", os.umask(0o022)
    try:
        new_home(home)
        (home / "old").touch()
        new_home(home)
        assert list(home.iterdir()) == []
        (home / "airflow.db").touch()
    finally:
        os.umask(before)
    for path in (home, home / "airflow.db"):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_the_mail_server_s_talk_drowned_what_a_newcomer_was_to_read(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Mailboxes.opened() as mailboxes, SMTP(HOST, mailboxes.port, timeout=30) as client:
        client.sendmail("desk@school.example", ["ada@school.example"], "Subject: Algebra\n\nCome")
    assert [one.subject for one in mailboxes.mails] == ["Algebra"]
    assert not [one for one in caplog.records if one.name == "mail.log"]


def test_the_forms_zone_is_the_machine_s(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, zone in (("Europe/Vienna", "Europe/Vienna"), ("UTC", "UTC"), ("+02:00", "UTC")):
        monkeypatch.setattr("demo.up.pendulum.now", lambda name=name: SimpleNamespace(timezone_name=name))
        assert zone_here() == zone
