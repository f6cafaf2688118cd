"""The door: which kind a file is, what of its name is shown, which arguments are refused."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.schedules.timetable import read_timetable, shown_name

if TYPE_CHECKING:
    from airflow_provider.live_sessions.schedules.model import Timetable

START = datetime(2026, 9, 7, tzinfo=UTC)
CSV = b"title,date,start,end\nMaths,2026-09-07,09:00,10:00\n"
ICS = (
    b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:m\r\nSUMMARY:Maths\r\nDTSTART:20260907T070000Z\r\n"
    b"DURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def read(data: bytes, **changes: Any) -> Timetable:
    arguments = {"name": "week.csv", "default_zone": "Europe/Berlin", "window": (START, START + timedelta(days=7))}
    return read_timetable(data, **{**arguments, **changes})


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (CSV, "week.csv"),
        (CSV, "WEEK.TXT"),
        (CSV, "week"),
        (CSV, ""),
        (CSV, "https://school.example/export?format=csv"),
        (ICS, "week.ics"),
        (ICS, "week"),
        (b"\xef\xbb\xbf\r\n" + ICS, "s3://bucket/feed"),
        (ICS, "https://school.example/feed.ics?token=1"),
    ],
)
def test_the_kind_is_known_by_the_name_else_by_the_content(data: bytes, name: str) -> None:
    table = read(data, name=name)
    assert not table.problems
    assert [(one.title, one.start) for one in table.occurrences] == [("Maths", START + timedelta(hours=7))]


def test_a_name_that_says_otherwise_than_the_content_is_a_problem() -> None:
    assert "not an iCalendar file" in read(CSV, name="week.ics").problems[0].reason
    assert "no column title" in str(read(ICS, name="week.csv").problems[1])


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/data/tables/week.csv", "week.csv"),
        ("C:\\tables\\week.csv", "week.csv"),
        ("s3://key:hidden@bucket/tables/week.csv", "week.csv"),
        ("https://calendar.example/ical/a%40b/private-hidden/basic.ics", "basic.ics"),
        ("https://user:hidden@school.example/feed/hidden?token=hidden#hidden", "timetable of school.example"),
        ("https://school.example/week.ics?token=hidden", "week.ics"),
        ("https://[hidden", "timetable"),
        ("", "timetable"),
    ],
)
def test_of_a_url_no_more_is_shown_than_tells_the_file(name: str, shown: str) -> None:
    assert shown_name(name) == shown
    table = read(b"x", name=name)
    assert "hidden" not in "".join(map(str, table.problems))


@given(name=st.text(max_size=40))
def test_any_name_can_be_shown(name: str) -> None:
    assert shown_name(name)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"default_zone": ""}, "no time zone"),
        ({"default_zone": "Berlin"}, "no time zone"),
        ({"window": (START, START)}, "window"),
        ({"window": (START, START - timedelta(days=1))}, "window"),
        ({"window": (START, START + timedelta(days=732))}, "731 days"),
        ({"window": (START.replace(tzinfo=None), START)}, "no time zone"),
        ({"max_bytes": 10}, "more than the 10 allowed"),
    ],
)
def test_arguments_that_make_no_sense_are_a_configuration_error(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(CSV, **changes)


def test_the_window_holds_its_first_moment_and_not_its_last() -> None:
    at = START + timedelta(hours=7)
    for data in (CSV, ICS):
        assert read(data, name="week", window=(at, at + timedelta(hours=1))).occurrences
        assert not read(data, name="week", window=(at - timedelta(hours=1), at)).occurrences


def test_reading_a_csv_loads_no_calendar_library() -> None:
    heavy = "{'icalendar', 'recurring_ical_events', 'dateutil', 'requests', 'pydantic', 'airflow', 'pendulum'}"
    code = (
        "import sys\n"
        "import airflow_provider.live_sessions.schedules.timetable\n"
        f"loaded = {heavy} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # noqa: S603  our own code
    assert (done.returncode, done.stderr) == (0, "")
