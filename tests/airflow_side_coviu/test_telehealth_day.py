"""The telehealth day: its table, its query, and its DAG."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from airflow_provider.live_sessions.hooks.storage import read_file
from airflow_provider.live_sessions.operators.query_timetable import QueryTimetableOperator, to_timetable
from airflow_provider.live_sessions.platforms.coviu.launching import CoviuOptions, role_of
from airflow_provider.live_sessions.schedules.timetable import read_timetable
from tests.airflow_side.stage import context

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import DAG

DAGS = Path(__file__).parents[2] / "dags"
SYDNEY = timezone(timedelta(hours=10))
WINDOW = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))

COLUMNS = ("class_id", "title", "start", "duration_minutes", "host", "guests", "status")


class Clinics(BaseHook):
    """A database as common.sql's hooks show one: ``run`` with a handler over the cursor."""

    def run(self, sql: str, handler: Callable[[Any], Any]) -> Any:
        with contextlib.closing(sqlite3.connect(":memory:")) as database:
            return handler(database.execute(sql))


class Databases(QueryTimetableOperator):
    """The operator, with the one hook that these tests have."""

    def database(self) -> Any:
        return Clinics()


def test_a_query_s_rows_become_a_timetable_that_is_read_as_appointments(tmp_path: Path) -> None:
    sql = (
        "SELECT 'apt-1' AS class_id, 'Consultation' AS title, '2026-09-10T09:00+10:00' AS start, "
        "30 AS duration_minutes, 'dr-1|Dr. Ada <ada@clinic.test>' AS host, 'p-1|Bo <bo@home.test>' AS guests, "
        "NULL AS status"
    )
    operator = Databases(task_id="table", sql=sql, conn_id="warehouse", destination=str(tmp_path), name="Day 1")
    url = operator.execute(context())
    assert url.startswith(f"{tmp_path}/timetables/day-1/")
    assert operator.execute(context()) == url  # a retry writes the same place
    found = read_timetable(
        read_file(url, max_bytes=10_000), name=url, default_zone="Australia/Sydney", window=WINDOW
    )
    assert not found.problems
    (one,) = found.occurrences
    assert (one.uid, one.start) == ("apt-1", datetime(2026, 9, 9, 23, 0, tzinfo=UTC))
    assert [(who.id, role_of(who)) for who in one.participants] == [("dr-1", "host"), ("p-1", "guest")]
    CoviuOptions.of(one.plan())


def test_a_statement_without_a_result_is_refused(tmp_path: Path) -> None:
    operator = Databases(task_id="t", sql="CREATE TABLE x (y)", conn_id="c", destination=str(tmp_path))
    with pytest.raises(AirflowFailException, match="no result"):
        operator.execute(context())


def test_without_a_query_the_given_timetable_is_handed_on() -> None:
    assert QueryTimetableOperator(task_id="t", timetable="s3://b/day.csv").execute(context()) == "s3://b/day.csv"


def test_a_connection_that_is_no_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NOT_A_DATABASE", '{"conn_type": "coviu", "login": "a", "password": "b"}')
    operator = QueryTimetableOperator(task_id="t", sql="SELECT 1", conn_id="not_a_database")
    with pytest.raises(AirflowFailException, match="not one of a database"):
        operator.execute(context())


def test_values_are_written_so_that_the_timetable_reads_them() -> None:
    row = (
        datetime(2026, 9, 10, 9, 0, 0, 5, tzinfo=SYDNEY),
        datetime(2026, 9, 10, 9, 0),  # noqa: DTZ001 - a database without zones
        date(2026, 9, 10),
        time(9, 30),
        None,
        30,
    )
    assert to_timetable(list("abcdef"), [row]).decode().splitlines()[1] == (
        "2026-09-10T09:00:00+10:00,2026-09-10T09:00:00,2026-09-10,09:30,,30"
    )


def test_the_example_table_is_sound_and_every_row_is_one_that_coviu_takes() -> None:
    data = (DAGS / "timetables" / "appointments.csv").read_bytes()
    found = read_timetable(data, name="appointments.csv", default_zone="Australia/Sydney", window=WINDOW)
    assert not found.problems
    first = [one for one in found.occurrences if one.start < datetime(2026, 9, 11, tzinfo=SYDNEY)]
    assert [one.uid for one in first] == ["apt-1001", "apt-1002", "apt-1003", "apt-1004"]
    assert [one.cancelled for one in first] == [False, False, False, True]
    for one in found.occurrences:
        CoviuOptions.of(one.plan())


@pytest.mark.parametrize("day", [datetime(2026, 11, 21, tzinfo=UTC), datetime(2031, 2, 28, 13, tzinfo=UTC)])
def test_the_example_table_had_nothing_to_launch_but_on_one_day(day: datetime) -> None:
    data = (DAGS / "timetables" / "appointments.csv").read_bytes()
    window = (day, day + timedelta(hours=24))
    found = read_timetable(data, name="appointments.csv", default_zone="Australia/Sydney", window=window)
    assert "apt-1001" in [one.uid for one in found.occurrences]


def test_the_dag_brings_every_appointment_its_attendance_and_reports_last() -> None:
    namespace: dict[str, Any] = {}
    source = (DAGS / "telehealth_day.py").read_text()
    exec(compile(source, "telehealth_day.py", "exec"), namespace)  # noqa: S102 - our own file
    found: DAG = namespace["telehealth_day"]()
    lane = {"launch", "hand_over", "wait_for_end", "retrieve_attendance"}
    assert set(found.task_ids) == {f"appointment.{one}" for one in lane} | {
        "table",
        "select",
        "to_launch",
        "to_cancel",
        "cancel",
        "report",
    }
    assert found.get_task("appointment.wait_for_end").upstream_task_ids >= {"appointment.launch"}
    assert "appointment.hand_over" not in found.get_task("appointment.wait_for_end").upstream_task_ids
    wait: Any = found.get_task("appointment.wait_for_end")
    attendance: Any = found.get_task("appointment.retrieve_attendance")
    assert wait.settle == attendance.settle == "{{ params.settle_seconds }}"
    select: Any = found.get_task("select")
    assert set(select.lane_tasks) <= set(found.task_ids)
    assert found.get_task("report").trigger_rule == "all_done"
