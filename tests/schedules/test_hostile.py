"""Whatever the bytes, the reader answers in bounded time with classes and problems, or a ConfigurationError."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.schedules.model import Timetable
from airflow_provider.live_sessions.schedules.timetable import read_timetable

WINDOW = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
EXAMPLES = Path(__file__).parents[2] / "dags" / "timetables"
SOUND = [(EXAMPLES / name).read_bytes() for name in ("example.csv", "example.ics")]


def read(data: bytes, name: str = "week") -> Timetable:
    try:
        return read_timetable(data, name=name, default_zone="Europe/Berlin", window=WINDOW)
    except ConfigurationError:
        return Timetable()


def check(table: Timetable) -> None:
    for one in table.occurrences:
        assert WINDOW[0] <= one.start < WINDOW[1]
        assert one.start < one.end <= one.start + timedelta(days=1)
    assert len({one.occurrence_id for one in table.occurrences}) == len(table.occurrences)
    for problem in table.problems:
        assert problem.source
        assert "Traceback" not in problem.reason


@given(data=st.binary(max_size=300), name=st.sampled_from(["a.csv", "a.ics", "a"]))
@example(data=b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:\nEND:VEVENT\nEND:VCALENDAR", name="a")
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    check(read(data, name))


TOKENS = [one.encode() for one in (*'";,:=-TZ\\{[\n<@', "0", "9999", "\n ")]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """One of the examples with some lines dropped, doubled, cut or spoilt."""
    lines = draw(st.sampled_from(SOUND)).splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["drop", "double", "cut", "insert", "swap"]))
        line = lines[at]
        where = draw(st.integers(0, len(line)))
        if how == "drop" and len(lines) > 1:
            del lines[at]
        elif how == "double":
            lines.insert(at, line)
        elif how == "cut":
            lines[at] = line[:where]
        elif how == "insert":
            lines[at] = line[:where] + draw(st.binary(max_size=4) | st.sampled_from(TOKENS)) + line[where:]
        else:
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], line
    return b"".join(lines)


@settings(max_examples=150)
@given(data=damaged())
def test_a_damaged_timetable_is_read_or_refused(data: bytes) -> None:
    check(read(data))


parts = st.sampled_from([
    "FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "FREQ=HOURLY", "INTERVAL=0", "INTERVAL=2",
    "INTERVAL=99999999999", "COUNT=3", "COUNT=99999999999", "COUNT=-1", "UNTIL=20260920", "UNTIL=20260920T000000Z",
    "UNTIL=00010101", "UNTIL=99991231T235959", "BYDAY=MO", "BYDAY=5MO", "BYDAY=-54SU", "BYMONTH=13", "BYMONTH=2",
    "BYMONTHDAY=30", "BYMONTHDAY=-32", "BYYEARDAY=366", "BYWEEKNO=53", "BYSETPOS=9", "BYSETPOS=0", "BYHOUR=25",
    "BYHOUR=1,2", "BYMINUTE=61", "BYSECOND=60", "WKST=MO", "SKIP=OMIT", "RSCALE=GREGORIAN", "X=1", "=",
])  # fmt: skip
lines = st.sampled_from([
    "EXDATE:20260914T070000Z", "EXDATE;VALUE=DATE:20260914", "EXDATE:", "RDATE:20260915T070000", "RDATE:",
    "RDATE;VALUE=PERIOD:20260915T070000Z/PT1H", "RDATE;VALUE=PERIOD:20260915T070000Z/20260914T070000Z",
    "RECURRENCE-ID:20260914T070000Z", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260914T090000", "SEQUENCE:-1",
    "SEQUENCE:99999999999999999999", "DURATION:P1W", "DURATION:PT0S", "DTEND:99991231T235959Z",
    "DTEND:00010101T000000", "DTSTART:99991231T235959", "DTSTART:00010101T000000Z",
    "DTSTART;TZID=America:20260907T090000", "UID:b", "UID:",
    "ATTENDEE:", "ATTENDEE;CN=:mailto:", "ORGANIZER:x", "STATUS:?", "X-LIVE-SESSIONS-:x", "X-LIVE-SESSIONS-A:[",
    "X-LIVE-SESSIONS-SPACE;VALUE=DATE:x", "SUMMARY;VALUE=DATE:x", "SUMMARY;LANGUAGE=de:\\n",
    "DTSTART;VALUE=PERIOD:x/y",
])  # fmt: skip


@st.composite
def odd_calendars(draw: st.DrawFn) -> str:
    events = []
    for _ in range(draw(st.integers(1, 3))):
        body = ["UID:a", "SUMMARY:Maths", "DTSTART;TZID=Europe/Berlin:20260907T090000", "DTEND:20260907T080000Z"]
        body = [line for line in body if draw(st.integers(0, 9))]
        if draw(st.booleans()):
            body.append("RRULE:" + ";".join(draw(st.lists(parts, max_size=5))))
        body += draw(st.lists(lines, max_size=3))
        events += ["BEGIN:VEVENT", *draw(st.permutations(body)), "END:VEVENT"]
    return "\n".join(["BEGIN:VCALENDAR", *events, "END:VCALENDAR", ""])


@settings(max_examples=250)
@given(text=odd_calendars())
def test_an_odd_calendar_is_read_or_refused_in_bounded_time(text: str) -> None:
    began = time.monotonic()
    check(read(text.encode(), "a.ics"))
    assert time.monotonic() - began < 120


@pytest.mark.parametrize(
    "data",
    [
        b"\n" * 2_000_000,
        b"title,date,start,end\n" + b"x," * 500_000,
        b"title,date,start,end\n" + b"a,b,c,d\n" * 200_000,
        b'"' * 1_000_000,
        b"title,start,end,date\n" + b"x" * 2_000_000,
        b"sep=" + b";" * 1_000_000,
        b"BEGIN:VCALENDAR\n" + b" \n" * 500_000,
        b"BEGIN:VCALENDAR\n" * 100_000,
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:" + b"\\,;:" * 20_000 + b"\nEND:VEVENT\nEND:VCALENDAR\n",
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + b"x" * 2_000_000 + b"\nEND:VEVENT\nEND:VCALENDAR\n",
        b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n" + b"ATTENDEE:mailto:a@b\n" * 20_000 + b"END:VEVENT\nEND:VCALENDAR\n",
    ],
    ids=range(11),
)
def test_a_large_hostile_file_costs_little_time_and_memory(data: bytes) -> None:
    tracemalloc.start()
    began = time.monotonic()
    try:
        table = read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - began < 120  # a run without end takes hours; tracing alone takes seconds
    assert peak < 40 * len(data) + 20_000_000
    assert table.problems
    assert table.occurrences == ()
