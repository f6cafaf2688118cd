"""CSV timetables: what a school's spreadsheet may hold, and what is said where it cannot be read."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.schedules import csv_timetable
from airflow_provider.live_sessions.schedules.model import Timetable
from airflow_provider.live_sessions.schedules.timetable import read_timetable

AUTUMN = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2027, 4, 30, tzinfo=UTC))
WEEK = (datetime(2026, 9, 7, tzinfo=UTC), datetime(2026, 9, 14, tzinfo=UTC))
HEADER = "class_id,title,date,weekdays,from,until,except,start,end,duration_minutes,timezone,teacher,students"


def read(
    text: str | bytes,
    window: tuple[datetime, datetime] = WEEK,
    zone: str = "Europe/Berlin",
    name: str = "week.csv",
) -> Timetable:
    data = text if isinstance(text, bytes) else text.encode()
    return read_timetable(data, name=name, default_zone=zone, window=window)


def row(**cells: str) -> str:
    """A CSV of one row, by default a sound one-off class."""
    cells = {"title": "Maths", "date": "2026-09-07", "start": "09:00", "end": "09:45", **cells}
    cells = {name.replace("__", "."): value for name, value in cells.items()}
    out = io.StringIO()
    csv.writer(out).writerows([list(cells), list(cells.values())])
    return out.getvalue()


def starts(table: Timetable) -> list[str]:
    return [f"{one.start:%m-%d %H:%M}" for one in table.occurrences]


def reasons(table: Timetable) -> str:
    assert table.problems
    return "\n".join(map(str, table.problems))


def test_a_one_off_class_is_local_to_the_default_zone() -> None:
    (one,) = read(row()).occurrences
    assert (one.title, one.start, one.end) == (
        "Maths",
        datetime(2026, 9, 7, 7, tzinfo=UTC),
        datetime(2026, 9, 7, 7, 45, tzinfo=UTC),
    )
    assert (one.zone, one.source, one.cancelled, one.space, one.options) == (
        "Europe/Berlin",
        "week.csv:2",
        False,
        "",
        {},
    )


def test_a_row_may_name_its_own_zone() -> None:
    (one,) = read(row(timezone="america/new_york")).occurrences
    assert one.start == datetime(2026, 9, 7, 13, tzinfo=UTC)
    assert one.zone == "America/New_York"


def test_a_weekly_class_keeps_its_bounds_and_leaves_out_its_exceptions() -> None:
    text = row(
        date="", weekdays="Mon Wed", **{"from": "2026-09-09", "until": "2026-09-23", "except": "2026-09-14"}
    )
    assert starts(read(text, AUTUMN)) == ["09-09 07:00", "09-16 07:00", "09-21 07:00", "09-23 07:00"]


def test_a_weekly_class_without_bounds_reaches_as_far_as_the_window() -> None:
    table = read(row(date="", weekdays="mon"), (WEEK[0], WEEK[0] + timedelta(weeks=4)))
    assert starts(table) == ["09-07 07:00", "09-14 07:00", "09-21 07:00", "09-28 07:00"]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon Wed", [7, 9]),
        ("mo,we", [7, 9]),
        ("Monday; WEDNESDAY", [7, 9]),
        ("Mon/Wed.", [7, 9]),
        ("Mon-Wed", [7, 8, 9]),
        ("Sat \N{EN DASH} Mon", [7, 12, 13]),
        ("thurs & su", [10, 13]),
    ],
)
def test_days_of_the_week_are_read_as_people_write_them(text: str, days: list[int]) -> None:
    table = read(row(date="", weekdays=text))
    assert [one.start.day for one in table.occurrences] == days


@pytest.mark.parametrize("text", ["T", "Mondayish", "Funday", "Mon-Wed-Fri", "M", "-", "1", ","])
def test_what_names_no_day_is_a_problem(text: str) -> None:
    assert "weekdays: " in reasons(read(row(date="", weekdays=text)))


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [("9:00", 7, 0), ("09:00:00", 7, 0), ("9:30 AM", 7, 30), ("12:15 am", 22, 15), ("12:05 PM", 10, 5)],
)
def test_times_of_day_are_read_as_spreadsheets_write_them(text: str, hour: int, minute: int) -> None:
    (one,) = read(
        row(start=text, end="", duration_minutes="30"), (WEEK[0] - timedelta(days=2), WEEK[1])
    ).occurrences
    assert (one.start.hour, one.start.minute) == (hour, minute)


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"title": " "}, "title: it is empty"),
        ({"start": ""}, "start: it is empty"),
        ({"start": "9"}, "start: '9' is not a time of day"),
        ({"start": "25:00"}, "is not a time of day"),
        ({"start": "13:00 pm"}, "is not a time of day"),
        ({"end": "24:00"}, "duration_minutes"),
        ({"end": "08:00"}, "not after the start, 09:00. For a class over midnight"),
        ({"end": "09:00"}, "not after the start"),
        ({"end": ""}, "has no end"),
        ({"duration_minutes": "45"}, "Both end and duration_minutes"),
        ({"end": "", "duration_minutes": "0"}, "from 1 to 1440"),
        ({"end": "", "duration_minutes": "1441"}, "from 1 to 1440"),
        ({"end": "", "duration_minutes": "1h"}, "from 1 to 1440"),
        ({"date": ""}, "names no day"),
        ({"date": "2026-02-30"}, "not a day of the calendar"),
        ({"date": "9/7/2026"}, "month/day to some"),
        ({"date": "soon"}, "is not a date"),
        ({"date": "0001-01-01"}, "outside the years"),
        ({"weekdays": "Mon"}, "weekdays: leave it empty where date"),
        ({"until": "2026-09-09"}, "until: leave it empty where date"),
        ({"date": "", "weekdays": "Mon", "from": "2026-09-09", "until": "2026-09-08"}, "lies before from"),
        ({"date": "", "weekdays": "Mon", "except": "2026-09-08, tomorrow"}, "except: 'tomorrow'"),
        ({"start": "2026-09-07T09:00+02:00", "end": "10:00"}, "date: leave it empty where start"),
        ({"date": "", "start": "2026-09-07T99:00"}, "is not a moment"),
        ({"date": "", "start": "2026-09-07T09:00", "end": "2026-09-07T99:00"}, "end: '2026-09-07T99:00'"),
        ({"date": "", "start": "2026-09-07T09:00", "end": "2026-09-07T08:00"}, "by a day at most"),
        ({"date": "", "start": "2026-09-07T09:00", "end": "2026-09-09T08:00"}, "by a day at most"),
        ({"date": "", "start": "0001-01-01T00:00+14:00"}, "outside the years"),
        ({"timezone": "Berlin"}, "timezone: There is no time zone 'Berlin'"),
        ({"teacher": "Ada <ada>"}, "'ada' is not one mail address"),
        ({"teacher": "Ada <>"}, "holds no whole mail address"),
        ({"teacher": "ada@"}, "holds no whole mail address"),
        ({"teacher": "Ada <a@x.example>; Bo <b@x.example>"}, "teacher: there can be one"),
        ({"students": "A <a@x.example>, B <b@x.example>"}, "with ; between several people"),
        ({"students": "|"}, "neither a name nor a mail address"),
        ({"students": "Bo <b@x.example>; Bob <B@x.example>"}, "names 'b@x.example' twice"),
        ({"teacher": "Bo", "students": "Bo"}, "names 'Bo' twice"),
        ({"students": ";".join(f"s{n}" for n in range(1001))}, "more than a class can hold"),
        ({"status": "maybe"}, "status: 'maybe'"),
        ({"option__meta": "{broken"}, "option.meta: This is not valid JSON"),
        ({"option__meta": "[1e999]"}, "not valid JSON"),
        ({"option__meta": "[" * 5000}, "not valid JSON"),
        ({"students": "#REF!"}, "formula"),
        ({"title": "#N/A"}, "formula"),
    ],
)
def test_a_faulty_cell_is_a_problem_with_file_line_and_advice(cells: dict[str, str], told: str) -> None:
    table = read(row(**cells))
    assert told in reasons(table)
    assert all(problem.where == "week.csv:2" for problem in table.problems)
    assert table.occurrences == ()


def test_every_fault_of_every_row_is_told() -> None:
    text = "title,date,start,end,status\n,x,9,10,y\nMaths,2026-09-07,09:00,10:00,\nB,2026-09-07,09:00,08:00,z\n"
    table = read(text)
    assert [problem.line for problem in table.problems] == [2, 2, 2, 2, 2, 4, 4]
    assert len(table.occurrences) == 1


def test_a_secret_in_a_launch_setting_is_not_shown() -> None:
    assert "hunter2" not in reasons(read(row(option__auth="{hunter2")))


def test_over_midnight_is_written_with_a_length() -> None:
    (one,) = read(row(start="23:30", end="", duration_minutes="60")).occurrences
    assert one.end - one.start == timedelta(hours=1)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2026-09-07T09:00:00+02:00", "2026-09-07T09:45:00+02:00", 45),
        ("2026-09-07T03:00:00-04:00", "2026-09-07T09:45:00+02:00", 45),
        ("2026-09-07 09:00", "2026-09-07 09:45", 45),
        ("2026-09-07T09:00", "09:45", 45),
        ("2026-09-07T07:00Z", "2026-09-07T09:45", 45),
    ],
)
def test_a_whole_moment_may_stand_in_start(start: str, end: str, minutes: int) -> None:
    (one,) = read(row(date="", start=start, end=end)).occurrences
    assert one.start == datetime(2026, 9, 7, 7, tzinfo=UTC)
    assert one.end - one.start == timedelta(minutes=minutes)


def test_a_whole_moment_may_have_a_length() -> None:
    (one,) = read(row(date="", start="2026-09-07T09:00+02:00", end="", duration_minutes="30")).occurrences
    assert one.end - one.start == timedelta(minutes=30)


def test_a_moment_outside_the_window_is_no_class_of_it() -> None:
    assert read(row(date="", start="2026-10-07T09:00+02:00")) == Timetable()


def test_people_are_read_in_each_of_their_forms() -> None:
    students = 't-1|Bo Lind <Bo@x.example>; Cem <cem@x.example>;dana@x.example\nEli; "Fay" <fay@x.example>;'
    (one,) = read(row(teacher="Ada <ada@x.example>", students=students)).occurrences
    assert one.participants == (
        Participant("ada@x.example", "Ada", "ada@x.example", "teacher", leader=True),
        Participant("t-1", "Bo Lind", "Bo@x.example", "student"),
        Participant("cem@x.example", "Cem", "cem@x.example", "student"),
        Participant("dana@x.example", "dana@x.example", "dana@x.example", "student"),
        Participant("Eli", "Eli", "", "student"),
        Participant("fay@x.example", "Fay", "fay@x.example", "student"),
    )


def test_launch_settings_are_typed_as_in_json_and_empty_ones_are_not_set() -> None:
    cells = {
        "option__record_av": "TRUE",
        "option__allow_guests": "false",
        "option__n": "3",
        "option__f": "1.5",
        "option__list": "[1, 2]",
        "option__code": "007",
        "option__text": "plain, text",
        "option__nan": "NaN",
        "option__huge": "1e999",
        "option__quoted": '"12"',
        "option__empty": "",
        "Option__Case": "x",
    }
    (one,) = read(row(**cells)).occurrences
    assert one.options == {
        "record_av": True,
        "allow_guests": False,
        "n": 3,
        "f": 1.5,
        "list": [1, 2],
        "code": "007",
        "text": "plain, text",
        "nan": "NaN",
        "huge": "1e999",
        "quoted": "12",
        "Case": "x",
    }


@pytest.mark.parametrize("day", ["2026-09-07", "2026-9-7", "07.09.2026", "7.9.2026"])
def test_a_date_is_read_as_iso_or_with_dots(day: str) -> None:
    assert starts(read(row(date=day))) == ["09-07 07:00"]


@pytest.mark.parametrize(("status", "cancelled"), [("confirmed", False), ("Cancelled", True), ("canceled", True)])
def test_a_class_may_be_cancelled(status: str, cancelled: bool) -> None:
    (one,) = read(row(status=status)).occurrences
    assert one.cancelled is cancelled


def test_a_class_may_have_a_lasting_room() -> None:
    (one,) = read(row(room="blue")).occurrences
    assert one.space == "blue"


# Identity


def uids(text: str) -> set[str]:
    table = read(text)
    assert not table.problems
    return {one.uid for one in table.occurrences}


def test_a_class_id_is_the_uid() -> None:
    assert uids(row(class_id="m7")) == {"m7"}


def test_without_class_id_the_uid_outlives_changes_of_everything_but_title_day_and_start() -> None:
    before = uids(row(date="", weekdays="Mon"))
    assert before == uids(
        "\n\n" + row(title="MATHS", date="", weekdays="Mon", end="10:00", teacher="Ada", room="b")
    )
    assert before < uids(row(date="", weekdays="Mon Wed"))
    for other in ({"title": "Algebra"}, {"start": "08:59"}, {"weekdays": "Tue"}):
        assert not before & uids(row(**{"date": "", "weekdays": "Mon", **other}))


def test_two_rows_that_are_the_same_class_are_a_problem_naming_both_lines() -> None:
    line = "Maths,2026-09-07,09:00,10:00\n"
    table = read("title,date,start,end\n" + line + line)
    assert "week.csv:3" in reasons(table)
    assert "week.csv:2" in reasons(table)
    assert "class_id" in reasons(table)


def test_a_dated_row_stands_in_for_the_weekly_class_of_that_day() -> None:
    text = (
        "class_id,title,weekdays,date,start,end,teacher,status\n"
        "m7,Maths,Mon Wed,,09:00,10:00,Ada,\n"
        "m7,Maths,,2026-09-09,09:00,10:00,Bo,cancelled\n"
    )
    monday, wednesday = read(text).occurrences
    assert not read(text).problems
    assert (monday.participants[0].name, monday.cancelled) == ("Ada", False)
    assert (wednesday.participants[0].name, wednesday.cancelled) == ("Bo", True)


# The clock change


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2026, 10, 25)),
        ("Europe/Berlin", date(2027, 3, 28)),
        ("America/New_York", date(2026, 11, 1)),
        ("America/New_York", date(2027, 3, 14)),
        ("Australia/Lord_Howe", date(2026, 10, 4)),
        ("Australia/Lord_Howe", date(2027, 4, 4)),
    ],
)
@given(clock=st.times(time(4), time(22)).map(lambda one: one.replace(second=0, microsecond=0)))
def test_a_weekly_class_has_the_same_local_time_on_both_sides_of_a_clock_change(
    zone: str, day: date, clock: time
) -> None:
    text = row(
        date="",
        weekdays="Mon-Sun",
        start=f"{clock:%H:%M}",
        end="",
        duration_minutes="45",
        **{"from": str(day - timedelta(days=3)), "until": str(day + timedelta(days=3))},
    )
    table = read(text, AUTUMN, zone)
    assert len(table.occurrences) == 7
    assert {one.start.astimezone(ZoneInfo(zone)).time() for one in table.occurrences} == {clock}
    assert {one.end - one.start for one in table.occurrences} == {timedelta(minutes=45)}
    assert not table.notes


@pytest.mark.parametrize(
    ("zone", "day", "clock", "shown"),
    [
        ("Europe/Berlin", "2027-03-28", "02:30", "03:30"),
        ("America/New_York", "2027-03-14", "02:30", "03:30"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "02:45"),
    ],
)
def test_a_class_in_the_skipped_hour_starts_later_keeps_its_length_and_is_noted(
    zone: str, day: str, clock: str, shown: str
) -> None:
    table = read(row(date=day, start=clock, end="03:40"), AUTUMN, zone)
    (one,) = table.occurrences
    assert f"{one.start.astimezone(ZoneInfo(zone)):%H:%M}" == shown
    assert one.end - one.start == timedelta(minutes=70 if clock == "02:30" else 85)
    assert not table.problems
    (note,) = table.notes
    assert clock in note.reason
    assert shown in note.reason


def test_a_moment_without_offset_in_the_skipped_hour_is_noted_too() -> None:
    table = read(row(date="", start="2027-03-28 02:30", end="2027-03-28 04:00"), AUTUMN)
    assert "skips 02:30" in table.notes[0].reason


def test_a_class_in_the_repeated_hour_is_in_its_first_occurrence() -> None:
    (one,) = read(row(date="2026-10-25", start="02:30", end="03:30"), AUTUMN).occurrences
    assert one.start == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert one.end - one.start == timedelta(hours=1)


def test_an_abbreviation_without_summer_time_is_noted() -> None:
    assert "summer" in read(row(timezone="EST")).notes[0].reason


def test_an_exception_on_a_day_without_a_class_is_noted() -> None:
    table = read(row(date="", weekdays="Mon", **{"except": "2026-09-08"}))
    assert "2026-09-08" in table.notes[0].reason
    assert not table.problems


# The file


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spreadsheets_delimiters_line_ends_and_byte_order_marks_are_understood(
    delimiter: str, end: str, encoding: str
) -> None:
    lines = ["title,date,start,end", "Deutsch f\u00fcr \u017danar,2026-09-07,09:00,10:00", "", "B,x,09:00,10:00"]
    table = read(end.join(lines).replace(",", delimiter).encode(encoding))
    assert [one.title for one in table.occurrences] == ["Deutsch f\u00fcr \u017danar"]
    assert [problem.line for problem in table.problems] == [4]


def test_excels_hint_of_the_delimiter_is_obeyed_and_counted_as_a_line() -> None:
    table = read("sep=;\r\ntitle;date;start;end\r\nMaths;2026-09-07;09:00;10:00\r\n")
    assert [one.source for one in table.occurrences] == ["week.csv:3"]
    assert read("sep=?\ntitle;date;start;end\nMaths;2026-09-07;09:00;10:00\n").occurrences


def test_lines_are_the_files_own_also_after_quoted_line_breaks_and_comments() -> None:
    head = "# week\ntitle,date,start,end,students\n"
    text = head + '"Maths",2026-09-07,09:00,10:00,"Bo\nCem\nDana"\n\n#x\nB,x,9:00,10:00,\n'
    table = read(text)
    assert [one.source for one in table.occurrences] == ["week.csv:3"]
    assert [problem.line for problem in table.problems] == [8]


def test_another_encoding_is_a_problem_with_its_line_and_no_guess() -> None:
    table = read("title,date,start,end\nFran\u00e7ais,2026-09-07,09:00,10:00\n".encode("cp1252"))
    (problem,) = table.problems
    assert problem.line == 2
    assert "0xE7" in problem.reason
    assert "UTF-8" in problem.reason


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b" \r\n\xc2\xa0", "empty"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
        (b"\xff\xfet", "not UTF-16"),
        (b"# only a comment\n", "no header row"),
        (b"\n\n,,\n", "no header row"),
        (b"a,b\n1,2\n", "no column title and no start"),
        (b"title,date\n", "no column start"),
        (b"title,date,start\n", "neither end nor duration_minutes"),
        (b"title,start,start time,end\n", "Two columns mean 'start'"),
        (b"title,start,end,option.a,OPTION.a\n", "Two columns mean 'a'"),
        (b"title,date,start,end,untill\n", "'untill' is unknown. Did you mean until?"),
        (b"title,date,start,end,qqqqqqq\n", "Known are"),
        (b"title,date,start,end,\nMaths,2026-09-07,09:00,10:00,x\n", "without a name"),
        (b"title,date,start,end\nMaths,2026-09-07,09:00,10:00,x\n", "5 cells, the header only 4"),
        (b'title,date,start,end\n"Maths,2026-09-07\n09:00', "never closed"),
        (b'title,date,start,end\n"Maths"x,2026-09-07,09:00,10:00\n', "do not fit"),
        (b'title,date,start,end\n"' + b"x" * 200_000, "far too long"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, told: str) -> None:
    assert told in reasons(read(data))


def test_after_a_faulty_quotation_mark_reading_goes_on() -> None:
    table = read('title,date,start,end\n"A"x,2026-09-07,09:00,10:00\nB,2026-09-07,09:00,10:00\n')
    assert [one.title for one in table.occurrences] == ["B"]
    assert [problem.line for problem in table.problems] == [2]


def test_a_header_alone_is_an_empty_timetable() -> None:
    assert read(HEADER) == Timetable()


def test_short_rows_and_empty_trailing_columns_are_no_fault() -> None:
    assert not read(
        "title,date,start,end,students,,\nMaths,2026-09-07,09:00,10:00\nB,2026-09-07,09:00,10:00,,,\n"
    ).problems


def test_columns_are_known_under_their_other_names() -> None:
    head = "ID,Subject,Days,Start Date,END_DATE,Start-Time,Minutes,TZ,Tutor,Pupils,Notes,X-room\n"
    text = head + "m,Maths,Mon,2026-09-07,2026-09-07,9:00,30.0,UTC,Ada,Bo,n,y\n"
    (one,) = read(text).occurrences
    assert (one.uid, one.title, one.start.hour, len(one.participants)) == ("m", "Maths", 9, 2)


TINY = "title,date,start,end\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TINY + "M,2020-01-01,9:00,9:30\n" * (csv_timetable.MAX_ROWS + 10), "50,000 rows"),
        (TINY + "M,bad,9:00,9:30\n" * (csv_timetable.MAX_PROBLEMS + 10), "10,000 problems"),
        (TINY + '"a"b\n' * (csv_timetable.MAX_PROBLEMS + 10), "do not fit"),
        (
            "title,weekdays,start,duration\n" + "".join(f"M{n},Mon-Sun,9:00,30\n" for n in range(200)),
            "50,000 classes",
        ),
    ],
    ids=["rows", "problems", "quotation marks", "classes"],
)
def test_a_file_that_is_too_much_is_stopped_and_says_so(text: str, told: str) -> None:
    table = read(text, (WEEK[0], WEEK[0] + timedelta(days=700)))
    assert told in str(table.problems[-1])
    assert len(table.problems) <= csv_timetable.MAX_PROBLEMS + 2
    assert len(table.occurrences) < csv_timetable.MAX_OCCURRENCES + 1000


# Round trip

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters='#;|<>@"'),
    min_size=1,
    max_size=8,
)
weekday_sets = st.sets(st.integers(0, 6), min_size=1)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, str]:
    clock = draw(st.times().map(lambda one: one.replace(second=0, microsecond=0)))
    cells = {
        "class_id": draw(st.uuids()).hex,
        "title": draw(words),
        "start": f"{clock:%H:%M}",
        "duration_minutes": str(draw(st.integers(1, 1440))),
        "timezone": draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])),
        "students": "; ".join(draw(st.lists(words, max_size=3, unique=True))),
        "space": draw(words),
        "date": "",
        "weekdays": "",
    }
    if draw(st.booleans()):
        cells["date"] = str(draw(st.dates(date(2026, 9, 5), date(2026, 9, 16))))
    else:
        cells["weekdays"] = " ".join(
            ("Mon", "tue", "WE", "thursday", "fr", "Sat", "sunday")[day] for day in draw(weekday_sets)
        )
    return cells


@given(
    table=st.lists(rows(), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_generator_writes_reads_back_the_same(
    table: list[dict[str, str]], delimiter: str, end: str
) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]), delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(table)
    got = read(out.getvalue())
    assert not got.problems
    for cells in table:
        mine = [one for one in got.occurrences if one.uid == cells["class_id"]]
        zone = ZoneInfo(cells["timezone"])
        for one in mine:
            local = one.start.astimezone(zone)
            assert f"{local:%H:%M}" == cells["start"]
            assert one.end - one.start == timedelta(minutes=int(cells["duration_minutes"]))
            assert (one.title, one.space, one.zone) == (cells["title"], cells["space"], cells["timezone"])
            assert "; ".join(person.name for person in one.participants) == cells["students"]
            assert cells["date"] in {"", str(local.date())}
        if cells["weekdays"]:
            assert len(mine) == len(cells["weekdays"].split())  # each day once in a window of a week


def test_the_example_is_a_sound_week_in_two_zones() -> None:
    data = (Path(__file__).parents[2] / "dags" / "timetables" / "example.csv").read_bytes()
    table = read(data, name="example.csv").checked(lead=timedelta(minutes=10), grace=timedelta(minutes=10))
    assert table.problems == ()
    assert len(table.occurrences) == 14
    assert {one.zone for one in table.occurrences} == {"Europe/Berlin", "America/New_York"}
