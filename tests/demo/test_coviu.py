"""The clinic of the demo: its table is one that the DAG takes, and a link in the wrong mailbox does not pass."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.platforms.coviu.launching import CoviuOptions
from airflow_provider.live_sessions.sandbox.scripts import Script
from airflow_provider.live_sessions.schedules.timetable import read_timetable
from demo.coviu.bring_home import Records, Row, compare
from demo.coviu.clinic import CANCELLED, HELD, NOBODY, Appointment, Change, appointments, script, table
from demo.coviu.mailbox import HOST, Mail, Mailboxes

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider.live_sessions.schedules.model import Occurrence

BEGIN = datetime(2026, 9, 10, 9, 0, tzinfo=UTC)
DAY = appointments(BEGIN)
WINDOW = (BEGIN - timedelta(hours=1), BEGIN + timedelta(hours=1))


def read(*, changed: bool) -> dict[str, Occurrence]:
    found = read_timetable(table(DAY, changed=changed), name="day.csv", default_zone="UTC", window=WINDOW)
    assert not found.problems
    return {one.occurrence_id: one for one in found.occurrences}


def test_every_row_is_one_that_coviu_takes_and_names_the_people_who_are_expected() -> None:
    rows = read(changed=True)
    assert len(rows) == len(DAY)
    for row, planned in zip(
        sorted(rows.values(), key=lambda one: (one.uid, one.start)),
        sorted(DAY, key=lambda one: (one.class_id, one.start)),
        strict=True,
    ):
        CoviuOptions.of(row.plan())
        people = [(one.id, one.name, one.email) for one in row.participants]
        assert people == [(one.id, one.name, one.email) for one in planned.people]
        assert (row.title, row.start, row.end) == (planned.title, planned.start, planned.end)


def test_the_changed_table_cancels_one_row_and_moves_another_by_a_row_of_its_own() -> None:
    before, after = read(changed=False), read(changed=True)
    assert not any(one.cancelled for one in before.values())
    assert {after[name].title for name in before if after[name].cancelled} == {"Skin check", "Vaccination advice"}
    (new,) = (one for name, one in after.items() if name not in before)
    assert (new.title, new.cancelled) == ("Skin check", False)
    assert new.uid in {one.uid for one in before.values()}


def test_those_that_are_called_off_would_start_last_so_that_they_are_launched_last() -> None:
    launched = sorted((one for one in DAY if one.change is not Change.MOVED_HERE), key=lambda one: one.start)
    assert {one.fate for one in launched[-2:]} == {CANCELLED}
    assert Change.POSTPONE not in {one.change for one in launched[:4]}  # one of these has its answer lost


@given(pace=st.floats(1.0, 3.5))
def test_on_a_slow_machine_everything_lasts_longer_but_for_what_people_do(pace: float) -> None:
    for usual, slow in zip(DAY, appointments(BEGIN, pace), strict=True):
        assert abs(slow.length - usual.length * pace) <= 0.5
        assert (slow.leave, slow.away) == (usual.leave, usual.away)
        assert slow.stay <= slow.length
        assert slow.start.microsecond == slow.end.microsecond == 0


def test_whoever_comes_is_in_the_script_and_leaves_again_in_the_end() -> None:
    for planned in DAY:
        wanted = script(planned)
        if wanted is None:
            assert planned.fate in (NOBODY, CANCELLED)
            continue
        events = Script.from_json(1, wanted).events
        assert {one.user for one in events} == {one.id for one in planned.people if one.comes}
        for person in {one.user for one in events}:
            done = [one.do.value for one in sorted(events, key=lambda one: one.after) if one.user == person]
            assert done == ["join", "leave"] * (2 if planned.away else 1)


# ---- holding a row against the plan

PLANNED = next(one for one in DAY if one.title == "First consultation")
LINKS = {("s-1", one.id): f"http://coviu.test/{one.id}" for one in PLANNED.people}
MAILS = [Mail(one.email, "Your link", LINKS["s-1", one.id]) for one in PLANNED.people]


def row(planned: Appointment = PLANNED, **more: Any) -> Row:
    told = {
        "session": "s-1",
        "mailed": 2,
        "outcome": HELD,
        "reported": "held",
        "started": format_time(planned.start),
        "ended": format_time(planned.end),
    }
    return Row(planned, 0, **{**told, **more})


def problems(one: Row, tmp_path: Path, **more: Any) -> list[str]:
    session = {"session_id": "s-1", "canceled": one.planned.fate == CANCELLED}
    known = {"sessions": [session], "links": LINKS, "mails": MAILS}
    compare(one, Records(storage=LocalStorage(tmp_path), **{**known, **more}))
    return one.problems


def test_a_row_that_became_what_was_planned_has_no_problem(tmp_path: Path) -> None:
    assert problems(row(), tmp_path) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"outcome": NOBODY}, "is nobody, should be held"),
        ({"reported": "never_held"}, "report calls it never_held"),
        ({"mailed": 1}, "1 links mailed"),
        ({"ended": format_time(PLANNED.start)}, "ended at 09:00"),
        ({"started": None}, "began at -"),
        ({"session": "s-2"}, "0 sessions for it"),
    ],
)
def test_what_is_not_as_planned_is_told(wrong: dict[str, Any], told: str, tmp_path: Path) -> None:
    assert any(told in one for one in problems(row(**wrong), tmp_path))


def test_a_link_in_somebody_elses_mailbox_is_told(tmp_path: Path) -> None:
    first, second = MAILS
    swapped = [Mail(first.to, "", second.link), Mail(second.to, "", first.link)]
    assert len(problems(row(), tmp_path, mails=swapped)) == 2
    assert len(problems(row(), tmp_path, mails=[*MAILS, first])) == 1


def test_a_cancelled_appointment_that_coviu_still_shows_is_told(tmp_path: Path) -> None:
    off = next(one for one in DAY if one.change is Change.CANCEL)
    gone = row(off, outcome=CANCELLED, reported=CANCELLED, mailed=0, started=None, ended=None)
    alive = [{"session_id": "s-1", "canceled": False}]
    assert problems(gone, tmp_path, sessions=alive) == ["the platform shows it alive"]


def test_a_mail_is_kept_with_its_recipient_and_its_link() -> None:
    mail = EmailMessage()
    mail["Subject"] = "Your link"
    mail.set_content('<a href="http://coviu.test/1?a=b&amp;c=d">Join</a>', subtype="html")
    with Mailboxes.opened() as mailboxes, smtplib.SMTP(HOST, mailboxes.port, timeout=30) as server:
        server.send_message(mail, "desk@clinic.example", ["pt-1@home.example"])
    assert mailboxes.mails == [Mail("pt-1@home.example", "Your link", "http://coviu.test/1?a=b&c=d")]
    assert "coviu.test" not in repr(mailboxes.mails)
