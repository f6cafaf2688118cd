from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.attendance import Attendance, AttendanceRow
from airflow_provider.live_sessions.artifacts.tables import COLUMNS, to_csv, to_json, write_attendance
from airflow_provider.live_sessions.artifacts.writer import Writer
from tests.artifacts.memory import MemoryStorage

JOINED = datetime(2026, 9, 1, 7, 0, 30, tzinfo=UTC)

texts = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("=+-@\t\r\n,\";' \x00\uff1d"), max_size=12
)


def row(**changes: Any) -> AttendanceRow:
    given_: dict[str, Any] = {
        "participant_id": "ada",
        "platform_user_id": "u1",
        "name": "Ada",
        "role": "teacher",
        "expected": True,
        "first_joined": JOINED,
        "last_left": None,
        "seconds_present": 60,
        "joins": 1,
        "late_seconds": 30,
        "status": Attendance.PRESENT,
    }
    return AttendanceRow(**{**given_, **changes})


def read(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True))


def test_a_table_as_csv() -> None:
    assert to_csv([row(name='Ada "A", Lovelace', late_seconds=None, expected=False)]) == (
        b"participant_id,platform_user_id,name,role,expected,first_joined,last_left,seconds_present,joins,"
        b"late_seconds,status,note\r\n"
        b'ada,u1,"Ada ""A"", Lovelace",teacher,false,2026-09-01T07:00:30+00:00,,60,1,,present,\r\n'
    )


def test_times_are_told_in_the_zone_asked_for_with_their_offset() -> None:
    (line,) = read(to_csv([row()], zone=ZoneInfo("Europe/Berlin")))
    assert line["first_joined"] == "2026-09-01T09:00:30+02:00"


@given(texts, texts, texts)
def test_csv_gives_back_every_text_and_no_cell_is_a_formula(name: str, role: str, note: str) -> None:
    (line,) = read(to_csv([row(name=name, role=role, note=note)]))
    for column, given_ in (("name", name), ("role", role), ("note", note)):
        plain = given_.replace("\x00", "")
        assert line[column] in {plain, f"'{plain}"}
        assert line[column][:1] not in set("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
        assert line[column].lstrip()[:1] not in set("=+-@")


@pytest.mark.parametrize("name", ["=1+1", "+49", "-2", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1"])
def test_a_name_that_a_spreadsheet_would_run_is_guarded_in_every_text_column(name: str) -> None:
    (line,) = read(to_csv([row(participant_id=name, platform_user_id=name, name=name, role=name, note=name)]))
    for column in ("participant_id", "platform_user_id", "name", "role", "note"):
        assert line[column] == f"'{name}"


@pytest.mark.parametrize("name", ["Ada", "O'Neil", "a=b", "Jean-Luc", "Ødegård", "李"])
def test_an_ordinary_name_is_left_alone(name: str) -> None:
    assert read(to_csv([row(name=name)]))[0]["name"] == name


def test_a_table_as_json_has_the_same_columns_and_real_values() -> None:
    (record,) = json.loads(to_json([row(name="=Ødegård")]))
    assert tuple(record) == COLUMNS == tuple(read(to_csv([row()]))[0])
    assert record["name"] == "=Ødegård"
    assert record["first_joined"] == "2026-09-01T07:00:30+00:00"
    assert (record["expected"], record["last_left"], record["late_seconds"]) == (True, None, 30)
    assert "Ødegård".encode() in to_json([row(name="Ødegård")])


def test_an_empty_table_still_has_its_header() -> None:
    assert read(to_csv([])) == []
    assert to_csv([]).startswith(b"participant_id,")
    assert json.loads(to_json([])) == []


def test_odd_text_of_a_platform_never_stops_the_writing() -> None:
    assert read(to_csv([row(name="half \ud83d")]))[0]["name"] == "half ?"
    assert json.loads(to_json([row(name="half \ud83d")]))[0]["name"] == "half ?"


def test_the_table_is_written_twice_and_counted() -> None:
    storage = MemoryStorage()
    writer = Writer(storage, "day/class", kind="attendance", session_key="1f0c")
    table = [row(), row(participant_id="bo", status=Attendance.ABSENT), row(expected=False)]
    entries = write_attendance(writer, table, zone=ZoneInfo("Europe/Berlin"))
    assert storage.list("day/class") == ("day/class/attendance.csv", "day/class/attendance.json")
    assert b"09:00:30+02:00" in storage.get("day/class/attendance.csv")
    for entry in entries:
        assert dict(entry.counts) == {
            "rows": 3, "expected": 2, "unexpected": 1, "present": 1, "late": 0, "absent": 1, "unknown": 0,
        }  # fmt: skip
