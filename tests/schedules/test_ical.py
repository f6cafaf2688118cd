"""iCalendar timetables: what Google and Outlook export, and what is said where it cannot be read."""

from __future__ import annotations

import time as clock_of_the_test
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.schedules import ical_rules, ical_text, ical_timetable
from airflow_provider.live_sessions.schedules.model import Timetable
from airflow_provider.live_sessions.schedules.timetable import read_timetable

YEAR = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 8, 1, tzinfo=UTC))
SEPTEMBER = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
BERLIN = "TZID=Europe/Berlin"
HOURLY = "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))
BASE = {
    "UID": "m7",
    "SUMMARY": "Maths",
    f"DTSTART;{BERLIN}": "20260907T090000",
    f"DTEND;{BERLIN}": "20260907T094500",
}


def event(*lines: str, **changes: str) -> str:
    """A VEVENT, by default a sound class on Monday 7 September; a change to "" leaves a property out."""
    props = {**BASE, **{name.replace("_", "-"): value for name, value in changes.items()}}
    if "DTSTART" in props:
        props.pop(f"DTSTART;{BERLIN}")
    if "DTEND" in props:
        props.pop(f"DTEND;{BERLIN}")
    body = [f"{name}:{value}" for name, value in props.items() if value]
    return "\r\n".join(["BEGIN:VEVENT", *body, *lines, "END:VEVENT"])


def calendar(*parts: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *parts, "END:VCALENDAR", ""])


def read(text: str, window: tuple[datetime, datetime] = SEPTEMBER, zone: str = "Europe/Berlin") -> Timetable:
    return read_timetable(text.encode(), name="week.ics", default_zone=zone, window=window)


def starts(table: Timetable) -> list[str]:
    return [f"{one.start:%m-%d %H:%M}" for one in table.occurrences]


def reasons(table: Timetable) -> str:
    assert table.problems
    return "\n".join(map(str, table.problems))


def test_a_single_event_is_a_class() -> None:
    (one,) = read(calendar(event())).occurrences
    assert (one.uid, one.title, one.zone, one.source) == ("m7", "Maths", "Europe/Berlin", "week.ics:3")
    assert (one.start, one.end) == (datetime(2026, 9, 7, 7, tzinfo=UTC), datetime(2026, 9, 7, 7, 45, tzinfo=UTC))
    assert one.occurrence_id == "m7@20260907T070000Z"


def test_a_rule_without_end_reaches_as_far_as_the_window() -> None:
    table = read(calendar(event("RRULE:FREQ=WEEKLY")))
    assert starts(table) == ["09-07 07:00", "09-14 07:00", "09-21 07:00", "09-28 07:00"]


@pytest.mark.parametrize(
    "until", ["20260921", "20260921T070000Z", "20260921T215959Z", "20260921T090000", "20260921T235959"]
)
def test_until_is_the_last_class_in_every_form_that_programs_write(until: str) -> None:
    assert starts(read(calendar(event(f"RRULE:FREQ=WEEKLY;UNTIL={until}"))))[-1] == "09-21 07:00"


def test_count_interval_and_days_of_the_week_are_followed() -> None:
    table = read(calendar(event("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=3")))
    assert starts(table) == ["09-07 07:00", "09-09 07:00", "09-21 07:00"]


@pytest.mark.parametrize(
    "exdate",
    [
        f"EXDATE;{BERLIN}:20260914T090000,20260921T090000",
        "EXDATE:20260914T070000Z,20260921T070000Z",
        "EXDATE:20260914T090000,20260921T090000",
        "EXDATE;VALUE=DATE:20260914\r\nEXDATE;VALUE=DATE:20260921",
        "EXDATE;TZID=America/New_York:20260914T030000,20260921T030000",
    ],
)
def test_days_left_out_are_left_out_in_every_form(exdate: str) -> None:
    assert starts(read(calendar(event("RRULE:FREQ=WEEKLY", exdate)))) == ["09-07 07:00", "09-28 07:00"]


def test_a_day_left_out_in_utc_does_not_hit_the_class_that_has_that_local_time() -> None:
    table = read(calendar(event("RRULE:FREQ=WEEKLY;BYHOUR=9,11;COUNT=4", "EXDATE:20260907T090000Z")))
    assert starts(table) == ["09-07 07:00", "09-14 07:00", "09-14 09:00"]


def test_a_moved_class_of_two_a_day_leaves_the_other_alone() -> None:
    moved = event("RECURRENCE-ID:20260907T090000Z", SUMMARY="Moved")
    table = read(calendar(event("RRULE:FREQ=WEEKLY;BYHOUR=9,11;COUNT=2"), moved.replace("T09", "T15", 2)))
    assert not table.problems
    assert len(table.occurrences) == 2


def test_extra_days_are_added_with_lengths_of_their_own() -> None:
    extra = (
        f"RDATE;{BERLIN}:20260910T100000",
        "RDATE;VALUE=PERIOD:20260911T080000Z/PT2H,20260912T080000Z/20260912T083000Z",
    )
    table = read(calendar(event(*extra)))
    assert starts(table) == ["09-07 07:00", "09-10 08:00", "09-11 08:00", "09-12 08:00"]
    assert [(one.end - one.start).seconds // 60 for one in table.occurrences] == [45, 45, 120, 30]


def test_a_moved_class_keeps_its_identity_and_its_place_is_empty() -> None:
    moved = event(
        f"RECURRENCE-ID;{BERLIN}:20260914T090000",
        f"DTSTART;{BERLIN}:20260915T110000",
        f"DTEND;{BERLIN}:20260915T120000",
        **{f"DTSTART;{BERLIN}": "", f"DTEND;{BERLIN}": "", "SUMMARY": "Maths (moved)"},
    )
    table = read(calendar(event("RRULE:FREQ=WEEKLY;COUNT=3"), moved))
    assert not table.problems
    assert starts(table) == ["09-07 07:00", "09-15 09:00", "09-21 07:00"]
    assert [one.occurrence_id for one in table.occurrences] == [
        "m7@20260907T070000Z",
        "m7@20260914T070000Z",
        "m7@20260921T070000Z",
    ]
    assert table.occurrences[1].title == "Maths (moved)"
    assert table.occurrences[1].source == "week.ics:10"


def test_a_class_moved_twice_is_where_the_latest_revision_says() -> None:
    def change(day: int, sequence: int) -> str:
        text = event("RECURRENCE-ID:20260914T070000Z", f"SEQUENCE:{sequence}")
        return text.replace("0907T", f"09{day}T")

    for order in ((change(15, 1), change(16, 2)), (change(16, 2), change(15, 1))):
        table = read(calendar(event("RRULE:FREQ=WEEKLY;COUNT=2"), *order))
        assert starts(table) == ["09-07 07:00", "09-16 07:00"]
        assert table.occurrences[1].occurrence_id == "m7@20260914T070000Z"


def test_a_class_moved_into_the_window_from_far_away_is_found_and_one_moved_out_is_not() -> None:
    inward = event("RECURRENCE-ID:20270913T070000Z")
    outward = event("RECURRENCE-ID:20260914T070000Z").replace("20260907T", "20270907T")
    table = read(
        calendar(
            event("RRULE:FREQ=WEEKLY").replace("20260907T09", "20260914T09").replace("20260907T", "20260914T"),
            inward,
            outward,
        )
    )
    assert starts(table) == ["09-07 07:00", "09-21 07:00", "09-28 07:00"]
    assert table.occurrences[0].occurrence_id == "m7@20270913T070000Z"


def test_this_and_future_moves_the_following_ones_and_their_identities_stay() -> None:
    change = event(f"RECURRENCE-ID;RANGE=THISANDFUTURE;{BERLIN}:20260914T090000").replace("0907T09", "0914T10")
    table = read(calendar(event("RRULE:FREQ=WEEKLY;COUNT=3"), change))
    assert starts(table) == ["09-07 07:00", "09-14 08:00", "09-21 08:00"]
    assert [one.occurrence_id[3:14] for one in table.occurrences] == ["20260907T07", "20260914T07", "20260921T07"]


def test_a_changed_instance_without_its_series_is_a_class() -> None:
    (one,) = read(calendar(event("RECURRENCE-ID:20260901T070000Z"))).occurrences
    assert one.occurrence_id == "m7@20260901T070000Z"


def test_a_cancelled_class_is_told_as_cancelled() -> None:
    change = event("RECURRENCE-ID:20260914T070000Z", "STATUS:CANCELLED").replace("0907T", "0914T")
    table = read(calendar(event("RRULE:FREQ=WEEKLY;COUNT=3", "STATUS:TENTATIVE"), change))
    assert [one.cancelled for one in table.occurrences] == [False, True, False]


def test_method_cancel_cancels_its_own_calendar_and_no_other() -> None:
    text = calendar("METHOD:CANCEL", event()) + calendar("METHOD:PUBLISH", event(UID="b"))
    assert {one.uid: one.cancelled for one in read(text).occurrences} == {"m7": True, "b": False}


# Times and zones


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("DTSTART:20260907T070000Z", "DTEND:20260907T074500Z", "Europe/Berlin"),
        ("DTSTART:20260907T090000", "DURATION:PT45M", "Europe/Berlin"),
        ("DTSTART;TZID=W. Europe Standard Time:20260907T090000", "DURATION:PT45M", "Europe/Berlin"),
        ('DTSTART;TZID="/vendor.example/Europe/Berlin":20260907T090000', "DURATION:PT45M", "Europe/Berlin"),
        ("DTSTART;TZID=America/New_York:20260907T030000", "DTEND:20260907T074500Z", "America/New_York"),
        (f"DTSTART;{BERLIN}:20260907T090000", "DTEND;TZID=Europe/London:20260907T084500", "Europe/Berlin"),
    ],
)
def test_times_are_read_in_every_form(start: str, end: str, zone: str) -> None:
    text = calendar(event(start, end, **{f"DTSTART;{BERLIN}": "", f"DTEND;{BERLIN}": ""}))
    (one,) = read(text).occurrences
    assert (one.start, one.end) == (datetime(2026, 9, 7, 7, tzinfo=UTC), datetime(2026, 9, 7, 7, 45, tzinfo=UTC))
    assert one.zone == zone


def test_a_floating_time_is_noted() -> None:
    table = read(calendar(event(DTSTART="20260907T090000", DTEND="20260907T094500")), zone="America/New_York")
    assert starts(table) == ["09-07 13:00"]
    assert "America/New_York" in table.notes[0].reason


def test_a_series_in_utc_is_noted() -> None:
    table = read(calendar(event("RRULE:FREQ=WEEKLY", DTSTART="20260907T090000Z", DTEND="20260907T094500Z")))
    assert "UTC" in table.notes[0].reason
    assert not table.problems


def school_zone(standard: str) -> str:
    return "\r\n".join([
        "BEGIN:VTIMEZONE",
        "TZID:School Time",
        "BEGIN:STANDARD",
        "DTSTART:16011028T030000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
        "TZOFFSETFROM:+0200",
        f"TZOFFSETTO:{standard}",
        "END:STANDARD",
        "BEGIN:DAYLIGHT",
        "DTSTART:16010325T020000",
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        f"TZOFFSETFROM:{standard}",
        "TZOFFSETTO:+0200",
        "END:DAYLIGHT",
        "END:VTIMEZONE",
    ])  # fmt: skip


def test_a_zone_that_the_file_defines_is_used_and_forgotten_with_the_file() -> None:
    text = event("RRULE:FREQ=MONTHLY;BYMONTHDAY=7;COUNT=4").replace("Europe/Berlin", "School Time")
    assert starts(read(calendar(school_zone("+0100"), text), YEAR)) == [
        "09-07 07:00",
        "10-07 07:00",
        "11-07 08:00",
        "12-07 08:00",
    ]
    assert starts(read(calendar(school_zone("+0000"), text), YEAR))[-1] == "12-07 09:00"
    assert "'School Time' is unknown" in reasons(read(calendar(text)))


def test_a_skipped_time_moves_forward_in_a_zone_that_the_file_defines_too() -> None:
    text = event(DTSTART="x", DTEND="y").replace("DTSTART:x", "DTSTART;TZID=School Time:20270328T023000")
    text = text.replace("DTEND:y", "DURATION:PT30M")
    assert starts(read(calendar(school_zone("+0100"), text), YEAR)) == ["03-28 01:30"]


@pytest.mark.parametrize(
    ("zone", "first", "clock", "odd", "shown"),
    [
        ("Europe/Berlin", "20270327", "0230", "03-28", "03:30"),
        ("America/New_York", "20270313", "0230", "03-14", "03:30"),
        ("Australia/Lord_Howe", "20261003", "0215", "10-04", "02:45"),
        ("Europe/Berlin", "20261024", "0230", "10-25", "02:30"),
        ("America/New_York", "20261031", "0130", "11-01", "01:30"),
        ("Australia/Lord_Howe", "20270403", "0145", "04-04", "01:45"),
    ],
)
def test_daily_classes_over_a_clock_change_keep_local_time_and_length(
    zone: str, first: str, clock: str, odd: str, shown: str
) -> None:
    text = event("DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", DTSTART="x", DTEND="").replace(
        "DTSTART:x", f"DTSTART;TZID={zone}:{first}T{clock}00"
    )
    table = read(calendar(text), YEAR)
    local = {
        f"{one.start.astimezone(ZoneInfo(zone)):%m-%d}": one.start.astimezone(ZoneInfo(zone))
        for one in table.occurrences
    }
    assert [f"{one:%H%M}" for day, one in local.items() if day != odd] == [clock, clock]
    assert f"{local[odd]:%H:%M}" == shown
    assert local[odd].utcoffset() == max(one.utcoffset() or timedelta(0) for one in local.values())
    assert {one.end - one.start for one in table.occurrences} == {timedelta(hours=1)}
    assert len(table.notes) == (shown.replace(":", "") != clock)


# People and settings


def test_people_are_read_leaders_first_and_rooms_left_out() -> None:
    table = read(
        calendar(
            event(
                "ORGANIZER;CN=Office:mailto:office@school.example",
                "ATTENDEE;CN=Bo Lind;PARTSTAT=DECLINED:mailto:Bo@x.example",
                'ATTENDEE;CN="Brandt, Ada";ROLE=CHAIR:MAILTO:ada@x.example',
                "ATTENDEE;CUTYPE=ROOM:mailto:room@x.example",
                "ATTENDEE;CUTYPE=RESOURCE:mailto:beamer@x.example",
                "ATTENDEE;ROLE=NON-PARTICIPANT:mailto:boss@x.example",
                "ATTENDEE;CN=Ada:mailto:ada@x.example",
                "ATTENDEE:urn:uuid:7",
            )
        )
    )
    assert table.occurrences[0].participants == (
        Participant("ada@x.example", "Brandt, Ada", "ada@x.example", "teacher", leader=True),
        Participant("bo@x.example", "Bo Lind", "Bo@x.example", "student"),
        Participant("urn:uuid:7", "urn:uuid:7", "", "student"),
    )


def test_without_a_chair_the_organizer_leads_also_when_among_the_attendees() -> None:
    text = event(
        "ATTENDEE;CN=Bo:mailto:bo@x.example",
        "ATTENDEE:mailto:ada@x.example",
        "ORGANIZER;CN=Ada:mailto:Ada@x.example",
    )
    people = read(calendar(text)).occurrences[0].participants
    assert [(one.name, one.leader) for one in people] == [("Ada", True), ("Bo", False)]


def test_who_is_named_by_something_else_than_a_mail_address_is_not_mailed() -> None:
    people = read(calendar(event("ATTENDEE:sip:bo@x.example"))).occurrences[0].participants
    assert people == (Participant("sip:bo@x.example", "sip:bo@x.example", "", "student"),)


def test_a_calendar_is_nobody() -> None:
    text = event("ORGANIZER;CN=School:mailto:abc@group.calendar.google.com")
    assert read(calendar(text)).occurrences[0].participants == ()


def test_own_properties_set_the_room_and_the_launch() -> None:
    text = event(
        "X-LIVE-SESSIONS-SPACE:blue\\, big",
        "X-LIVE-SESSIONS-RECORD-AV:TRUE",
        'X-LIVE-SESSIONS-OPTIONS:{"record_av": false\\, "meta": {"a": 1}}',
        "X-LIVE-SESSIONS-EMPTY:",
    )
    (one,) = read(calendar(text)).occurrences
    assert one.space == "blue, big"
    assert one.options == {"record_av": True, "meta": {"a": 1}}


# What is wrong


@pytest.mark.parametrize(
    ("lines", "changes", "line", "told"),
    [
        ((), {"UID": ""}, 3, "no UID"),
        ((), {"SUMMARY": ""}, 3, "no SUMMARY"),
        (("SUMMARY:B",), {}, 5, "SUMMARY more than once"),
        ((), {f"DTSTART;{BERLIN}": ""}, 3, "no DTSTART"),
        ((), {f"DTEND;{BERLIN}": ""}, 3, "neither an end"),
        (("DTEND;VALUE=DATE:20260908",), {f"DTEND;{BERLIN}": ""}, 3, "neither an end"),
        ((), {f"DTEND;{BERLIN}": "20260907T090000"}, 7, "end after its start"),
        ((), {f"DTEND;{BERLIN}": "20260909T090000"}, 7, "by a day at most"),
        (("DURATION:-PT1H",), {f"DTEND;{BERLIN}": ""}, 7, "end after its start"),
        (("DURATION:tomorrow",), {f"DTEND;{BERLIN}": ""}, 7, "DURATION of the event cannot be read"),
        ((), {f"DTSTART;{BERLIN}": "20260230T090000"}, 6, "DTSTART of the event cannot be read"),
        ((), {f"DTSTART;{BERLIN}": "00010101T000000"}, 6, "outside the calendar|by a day at most"),
        ((), {"DTSTART;VALUE=DATE": "20260907", f"DTSTART;{BERLIN}": ""}, 7, "all-day"),
        ((), {"DTSTART;VALUE=TIME": "090000", f"DTSTART;{BERLIN}": ""}, 7, "neither a date nor a time"),
        ((), {"DTSTART;TZID=Europe": "20260907T090000", f"DTSTART;{BERLIN}": ""}, 7, "'Europe' is unknown"),
        (('EXDATE;TZID="Ba:d":20260907T090000',), {}, 8, "'Ba:d' is unknown"),
        (("SEQUENCE:zz",), {}, 8, "SEQUENCE of the event cannot be read"),
        (("RECURRENCE-ID;VALUE=DATE:20260907",), {}, 8, "RECURRENCE-ID is a date"),
        (("EXRULE:FREQ=DAILY",), {}, 8, "EXRULE is not supported"),
        (("RDATE;VALUE=DATE:20260908",), {}, 8, "RDATE names a day"),
        (("RDATE;VALUE=PERIOD:20260908T090000Z/P3D",), {}, 8, "period of RDATE"),
        (("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), {}, 8, "several RRULEs"),
        (("RRULE:FREQ=SOMETIMES",), {}, 8, "RRULE of the event cannot be read"),
        (("RRULE:nonsense",), {}, 8, "RRULE"),
        (("RRULE:FREQ=HOURLY",), {}, 8, "DAILY, WEEKLY, MONTHLY or YEARLY"),
        (("RRULE:FREQ=DAILY;INTERVAL=0",), {}, 8, "INTERVAL"),
        (("RRULE:FREQ=DAILY;COUNT=0",), {}, 8, "COUNT"),
        (("RRULE:FREQ=DAILY;BYEASTER=1",), {}, 8, "not supported"),
        (("RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5",), {}, 8, "24 times a day"),
        (("RRULE:FREQ=DAILY;BYMONTHDAY=" + ",".join(["1"] * 500),), {}, 8, "more than 400 values"),
        (("RRULE:FREQ=WEEKLY;BYDAY=99MO,XX",), {}, 8, "RRULE"),
        (("no colon here",), {}, 8, "no NAME:VALUE"),
        (("ATTENDEE;:x",), {}, 3, "cannot be read"),
        (("ATTENDEE:mailto:a@x.example,b@x.example",), {}, 8, "'a@x.example,b@x.example' is not one mail address"),
        (
            ("ORGANIZER:mailto:a@x.example;b@x.example",),
            {},
            8,
            "ORGANIZER: 'a@x.example;b@x.example' is not one mail address",
        ),
        (("SUMMARY:" + "x" * 200_000,), {"SUMMARY": ""}, 7, "longer than"),
        (('X-LIVE-SESSIONS-OPTIONS:{"a": hunter2',), {}, 8, "no JSON object"),
        (("X-LIVE-SESSIONS-OPTIONS:[1]",), {}, 8, "no JSON object"),
        (("X-LIVE-SESSIONS-META:{hunter2",), {}, 8, "not valid JSON"),
    ],
)
def test_a_faulty_event_is_a_problem_with_its_line_and_spoils_no_other(
    lines: tuple[str, ...], changes: dict[str, str], line: int, told: str
) -> None:
    sound = event(UID="other")
    table = read(calendar(event(*lines, **changes), sound))
    assert any(part in reasons(table) for part in told.split("|"))
    assert "hunter2" not in reasons(table)
    assert [problem.line for problem in table.problems] == [line]
    assert [one.uid for one in table.occurrences if one.title == "Maths"][-1:] == ["other"]


def test_a_series_with_a_faulty_change_is_left_out_as_a_whole() -> None:
    table = read(calendar(event("RRULE:FREQ=WEEKLY"), event("RECURRENCE-ID:nonsense")))
    assert "RECURRENCE-ID of the event cannot be read" in reasons(table)
    assert table.occurrences == ()


def test_an_all_day_event_outside_the_window_troubles_nobody() -> None:
    def day(text: str, *lines: str) -> str:
        return calendar(
            event(*lines, **{"DTSTART;VALUE=DATE": text, f"DTSTART;{BERLIN}": "", f"DTEND;{BERLIN}": ""})
        )

    assert not read(day("20250101")).problems
    assert not read(day("20270101")).problems
    assert read(day("20260925")).problems
    assert read(day("20260825", "DTEND;VALUE=DATE:20260905")).problems
    assert read(day("20250101", "RRULE:FREQ=YEARLY")).problems


def test_two_events_with_one_uid_are_a_problem_and_neither_is_launched() -> None:
    table = read(calendar(event(), event(SUMMARY="Other")))
    assert "UID of line 3" in reasons(table)
    assert table.problems[0].line == 9
    assert table.occurrences == ()


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("hello", 1, "not an iCalendar file"),
        ("BEGIN:VEVENT\nEND:VEVENT", 1, "not an iCalendar file"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a", 2, "cut off"),
        ("BEGIN:VCALENDAR\n", 1, "cut off"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\n", 3, "line 2 is still open"),
        ("END:VCALENDAR\n", 1, "closes nothing"),
        ("BEGIN:VCALENDAR\n" * 20, 9, "too deep|cut off"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\nUID:x", 3, "outside"),
    ],
)
def test_a_broken_file_is_a_problem_with_its_line(text: str, line: int, told: str) -> None:
    table = read(text)
    assert any(part in reasons(table) for part in told.split("|"))
    assert line in [problem.line for problem in table.problems]
    assert table.occurrences == ()


def test_a_file_cut_off_is_a_problem_although_its_first_events_are_whole() -> None:
    text = calendar(event(), event(UID="b"))
    for length in range(text.index("END:VEVENT") + 12, len(text) - len("END:VCALENDAR\r\n"), 7):
        assert read(text[:length]).problems


def test_a_text_without_anything_is_no_calendar() -> None:
    table = ical_timetable.read_ical("", source="week.ics", default_zone="Europe/Berlin", window=SEPTEMBER)
    assert "no BEGIN:VCALENDAR" in reasons(table)


def test_a_calendar_without_events_is_an_empty_timetable() -> None:
    assert read(calendar()) == Timetable()


def test_alarms_unknown_parts_and_properties_that_do_not_matter_are_nobodys_problem() -> None:
    alarm = "BEGIN:VALARM\r\nTRIGGER:nonsense\r\nnot even a line\r\nEND:VALARM"
    todo = "BEGIN:VTODO\r\nDTSTART:nonsense\r\nEND:VTODO"
    text = calendar(event("CREATED:nonsense", "GEO:x", "DESCRIPTION:a\r\n b\r\n\tc", alarm), todo)
    assert not read(text).problems
    assert len(read(text).occurrences) == 1


def test_folded_lines_and_any_line_ends_are_understood() -> None:
    text = calendar(event()).replace("SUMMARY:Maths", "SUMM\r\n ARY:Ma\r\n\tths")
    for end in ("\r\n", "\n", "\r"):
        (one,) = read(text.replace("\r\n", end)).occurrences
        assert one.title == "Maths"


# Bombs


@pytest.mark.parametrize(
    "text",
    [
        event("RRULE:FREQ=SECONDLY", DTSTART="19700101T000000Z", DTEND="19700101T000001Z"),
        event("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
        event("RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5"),
        event("RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYDAY=MO;BYSETPOS=5"),
        event("RRULE:FREQ=DAILY;COUNT=1000000"),
        event("RRULE:FREQ=DAILY", DTSTART="16010101T000000", DTEND="16010101T010000"),
        event("RRULE:FREQ=WEEKLY;INTERVAL=999999999"),
        event(HOURLY, DTSTART="19700101T000000Z", DTEND="19700101T000001Z"),
        school_zone("+0100").replace("FREQ=YEARLY", "FREQ=SECONDLY"),
        school_zone("+0100").replace("FREQ=YEARLY", "FREQ=YEARLY;INTERVAL=0"),
        school_zone("+0100").replace("FREQ=YEARLY", "FREQ=YEARLY;BYSECOND=1,2,3"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_rule_that_would_run_for_hours_is_stopped_at_once(text: str) -> None:
    began = clock_of_the_test.monotonic()
    table = read(calendar(text), YEAR)
    assert clock_of_the_test.monotonic() - began < 120
    assert len(table.occurrences) < 400
    for problem in table.problems:
        assert "RRULE" in problem.reason


def test_rules_that_together_are_too_much_are_stopped_with_a_problem() -> None:
    start = {"DTSTART": "19000101T090000Z", "DTEND": "19000101T100000Z"}
    many = [
        event("RRULE:FREQ=DAILY;UNTIL=19000103T090000Z", f"RDATE:20260907T{n:06}Z", UID=f"a{n}", **start)
        for n in range(3)
    ]
    many += [
        event("RRULE:FREQ=YEARLY", UID=f"b{n}", **start) for n in range(ical_rules.MAX_TOTAL_STEPS // 46_000 + 1)
    ]
    table = read(calendar(*many))
    assert "the file's rules together" in table.problems[-1].reason


def test_more_classes_than_anybody_has_are_stopped_with_a_problem() -> None:
    many = [event(HOURLY, UID=f"u{n}") for n in range(ical_timetable.MAX_OCCURRENCES // (24 * 300) + 2)]
    table = read(calendar(*many), YEAR)
    assert "50,000 classes" in reasons(table)


def test_more_events_zones_or_faults_than_anybody_has_are_stopped_with_a_problem() -> None:
    events = ["BEGIN:VEVENT\r\nEND:VEVENT"] * (ical_text.MAX_EVENTS + 2)
    assert "20,000 VEVENT" in reasons(read(calendar(*events)))
    zones = ["BEGIN:VTIMEZONE\r\nEND:VTIMEZONE"] * (ical_text.MAX_ZONES + 2)
    assert "100 VTIMEZONE" in reasons(read(calendar(*zones)))
    faults = read(calendar("BEGIN:VEVENT", *["x"] * (ical_text.MAX_PROBLEMS + 9), "END:VEVENT"))
    assert len(faults.problems) <= ical_text.MAX_PROBLEMS + 2
    assert "10,000 problems" in faults.problems[-1].reason


def test_a_series_that_ended_years_ago_costs_nothing() -> None:
    old = [
        event(
            "RRULE:FREQ=DAILY;UNTIL=20200101T000000Z",
            UID=f"u{n}",
            DTSTART="19700101T090000",
            DTEND="19700101T100000",
        )
        for n in range(100)
    ]
    assert not read(calendar(*old)).problems


def test_a_rule_that_ends_before_its_series_begins_makes_no_class() -> None:
    assert read(calendar(event("RRULE:FREQ=WEEKLY;UNTIL=20200101T000000Z"))) == Timetable()


# Round trip


@st.composite
def weekly(draw: st.DrawFn) -> tuple[str, str, date, time, int, set[int], int]:
    return (
        draw(st.uuids()).hex,
        draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])),
        draw(st.dates(date(2026, 9, 2), date(2027, 3, 1))),
        draw(st.times(time(4), time(22))).replace(second=0, microsecond=0),
        draw(st.integers(1, 1440)),
        draw(st.sets(st.integers(0, 6), min_size=1)),
        draw(st.integers(1, 8)),
    )


@given(table=st.lists(weekly(), min_size=1, max_size=4))
def test_what_a_generator_writes_reads_back_the_same(
    table: list[tuple[str, str, date, time, int, set[int], int]],
) -> None:
    texts, wanted = [], set()
    for uid, zone, first, clock, minutes, days, weeks in table:
        begin = min(
            first + timedelta(days=step) for step in range(7) if (first + timedelta(days=step)).weekday() in days
        )
        last = begin + timedelta(weeks=weeks)
        names = ",".join(("MO", "TU", "WE", "TH", "FR", "SA", "SU")[day] for day in sorted(days))
        texts.append(
            event(
                f"DTSTART;TZID={zone}:{datetime.combine(begin, clock):%Y%m%dT%H%M%S}",
                f"DURATION:PT{minutes}M",
                f"RRULE:FREQ=WEEKLY;BYDAY={names};UNTIL={last:%Y%m%d}",
                **{"UID": uid, f"DTSTART;{BERLIN}": "", f"DTEND;{BERLIN}": ""},
            )
        )
        for step in range((last - begin).days + 1):
            day = begin + timedelta(days=step)
            if day.weekday() in days:
                start = datetime.combine(day, clock, ZoneInfo(zone)).astimezone(UTC)
                wanted.add((uid, start, start + timedelta(minutes=minutes), zone))
    got = read(calendar(*texts), YEAR)
    assert not got.problems
    assert {(one.uid, one.start, one.end, one.zone) for one in got.occurrences} == wanted
    assert all(one.original_start == one.start for one in got.occurrences)


@given(cuts=st.lists(st.integers(1, 29 * 24 * 60), min_size=1, max_size=4, unique=True).map(sorted))
def test_reading_adjoining_windows_gives_each_class_once(cuts: list[int]) -> None:
    text = calendar(
        event("RRULE:FREQ=DAILY"),
        event("RECURRENCE-ID:20260910T070000Z", SUMMARY="Moved").replace("0907T", "0925T"),
    )
    edges = [SEPTEMBER[0], *(SEPTEMBER[0] + timedelta(minutes=one) for one in cuts), SEPTEMBER[1]]
    parts = [read(text, window).occurrences for window in pairwise(edges)]
    assert tuple(one for part in parts for one in part) == read(text).occurrences


def test_the_example_is_a_sound_week_in_two_zones() -> None:
    data = (Path(__file__).parents[2] / "dags" / "timetables" / "example.ics").read_text()
    table = read(data, (datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 9, 14, tzinfo=UTC)))
    assert table.checked(lead=timedelta(minutes=10), grace=timedelta(minutes=10)).problems == ()
    assert len(table.occurrences) == 14
    assert {one.zone for one in table.occurrences} == {"Europe/Berlin", "America/New_York"}
    assert [one.occurrence_id for one in table.occurrences if one.start != one.key_start] == [
        "maths-7@school.example@20260909T070000Z"
    ]
