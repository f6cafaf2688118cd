"""The warehouse DAG as Airflow reads and runs it, against the sandbox and a real database; and its checks."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.core.errors import Transient
from airflow_provider.live_sessions.operators.check_export import CheckSessionsExportOperator
from airflow_provider.live_sessions.operators.lessonspace_account import LessonspaceSessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.sessions_to_sql import SessionsToSqlOperator
from airflow_provider.live_sessions.operators.summarise_classes import SummariseClassesOperator
from tests.airflow_side.stage import School, context
from tests.exports.lessonspace_past import ended, fill
from tests.exports.spoken_past import speak

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

DAGS = Path(__file__).parents[2] / "dags"
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
AT_ONCE = {"classes_after_hours": 1, "class_spread_hours": 0}
"""What ended two hours ago is settled: no transcript is waited for, no later hour has to be home."""


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    with School.open(monkeypatch) as opened:
        yield opened


@pytest.fixture
def warehouse(airflow_db: None) -> DAG:
    bag = DagBag(str(DAGS / "session_warehouse.py"))
    assert bag.import_errors == {}
    found: DAG = bag.dags["session_warehouse"]
    return found


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    given = {"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(given))
    return "warehouse"


def argument(dag: DAG, task_id: str, name: str) -> Any:
    """Return what a task of a DAG is given."""
    task: Any = dag.task_dict[task_id]
    return getattr(task, name)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def count(conn_id: str, table: str) -> int:
    with closing(BaseHook.get_hook(conn_id).get_conn()) as connection, closing(connection.cursor()) as cursor:
        return int(cursor.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])  # noqa: S608 - a test's own words


def total(conn_id: str, table: str, column: str) -> int:
    with closing(BaseHook.get_hook(conn_id).get_conn()) as connection, closing(connection.cursor()) as cursor:
        return int(cursor.execute(f"SELECT SUM({column}) FROM {table}").fetchone()[0])  # noqa: S608 - our own words


def test_hours_of_a_school_come_home_are_checked_and_loaded(
    warehouse: DAG, school: School, database: str, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    since, until = NOW - 6 * HOUR, NOW - 2 * HOUR
    truth = ended(fill(school.sandbox, NOW - 12 * HOUR, NOW - 3 * HOUR, 80), since, until)
    conf = {
        "connections": {"lessonspace": school.conn_id},
        "since": since.isoformat(),
        "until": until.isoformat(),
        "destination": (tmp_path / "home").as_uri(),
        "sql_conn_id": database,
        **AT_ONCE,
    }
    run = warehouse.test(run_conf=conf)
    ran = states(run)
    assert str(run.state) == "success", ran
    ours = {name: state for name, state in ran.items() if name.startswith("lessonspace.")}
    assert set(ours.values()) == {"success"}, ran
    assert {ran["coviu.export"], ran["screenleap.load"]} == {"skipped"}
    assert count(database, "sessions") == len(truth) > 10
    assert count(database, "participants") == sum(len(one["participants"]) for one in truth.values())
    files = LocalStorage(tmp_path / "home").list()
    assert sum(name.endswith("/sessions.parquet") for name in files) == 4


def test_what_was_said_and_what_classes_came_to_is_loaded_and_agrees(
    warehouse: DAG, school: School, database: str, tmp_path: Path
) -> None:
    since, until = NOW - 6 * HOUR, NOW - 2 * HOUR
    sessions = ended(fill(school.sandbox, NOW - 12 * HOUR, NOW - 3 * HOUR, 80), since, until)
    truth = {key: one for key, one in speak(school.sandbox).items() if key in sessions}
    conf = {
        "connections": {"lessonspace": school.conn_id},
        "since": since.isoformat(),
        "until": until.isoformat(),
        "destination": (tmp_path / "home").as_uri(),
        "file_format": "jsonl",
        "sql_conn_id": database,
        **AT_ONCE,
    }
    run = warehouse.test(run_conf=conf)
    ran = states(run)
    assert str(run.state) == "success", ran
    assert ran["lessonspace.classes.transcripts_table"] == "success"
    assert count(database, "segments") == sum(map(len, truth.values())) > 20
    assert count(database, "classes") == len(sessions)
    words = sum(one["words"] for segments in truth.values() for one in segments)
    assert total(database, "segments", "words") == total(database, "class_people", "words") == words
    assert count(database, "class_people") == sum(len(one["participants"]) for one in sessions.values())


def test_without_a_database_the_files_are_checked_and_that_is_all(
    warehouse: DAG, school: School, tmp_path: Path
) -> None:
    conf = {
        "connections": {"lessonspace": school.conn_id},
        "since": (NOW - 3 * HOUR).isoformat(),
        "until": (NOW - 2 * HOUR).isoformat(),
        "destination": (tmp_path / "home").as_uri(),
        "file_format": "jsonl",
        **AT_ONCE,
    }
    ran = states(warehouse.test(run_conf=conf))
    assert (ran["lessonspace.check_files"], ran["lessonspace.load"]) == ("success", "skipped")


def test_until_connections_are_set_a_run_does_nothing(warehouse: DAG) -> None:
    run = warehouse.test(run_conf={})
    ran = states(run)
    assert str(run.state) == "success"
    assert {state for name, state in ran.items() if name.endswith(".export")} == {"skipped"}


def test_the_form_is_sound_and_knows_its_platforms(warehouse: DAG) -> None:
    warehouse.params.validate()
    assert warehouse.catchup is False
    tasks = warehouse.task_dict
    assert tasks["coviu.load"].upstream_task_ids == {"coviu.has_database", "coviu.export"}
    assert not any(name.startswith("educates") for name in tasks)


# ---- the checks


def exported(school: School, folder: Path, since: datetime, until: datetime, **more: Any) -> dict[str, Any]:
    operator = LessonspaceSessionsToObjectStorageOperator(
        task_id="export",
        conn_id=school.conn_id,
        destination=str(folder),
        since=since,
        until=until,
        period="hour",
        **more,
    )
    return dict(json.loads(json.dumps(operator.execute(context()))))


def check(export: Any, **more: Any) -> dict[str, int]:
    return CheckSessionsExportOperator(task_id="check", export=export, **more).execute(context())


def test_a_missing_hour_since_the_export_before_fails_loudly_until_it_is_filled(
    school: School, tmp_path: Path
) -> None:
    fill(school.sandbox, NOW - 12 * HOUR, NOW - 3 * HOUR, 40)
    check(exported(school, tmp_path, NOW - 8 * HOUR, NOW - 7 * HOUR))
    late = exported(school, tmp_path, NOW - 5 * HOUR, NOW - 4 * HOUR)
    with pytest.raises(Transient, match=f"nothing is home from .*T{NOW - 7 * HOUR:%H}:00"):
        check(late)
    check(late, no_gap="False")
    exported(school, tmp_path, NOW - 7 * HOUR, NOW - 5 * HOUR)
    assert check(late)["files"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [*rows, rows[0]], "there twice"),
        (lambda rows: [{**rows[0], "ended_at": "2020-01-01T00:00:00+00:00"}, *rows[1:]], "before it started"),
        (lambda rows: [{**rows[0], "counted_at": "2020-01-01T00:00:00+00:00"}, *rows[1:]], "outside"),
        (lambda rows: rows[1:], "were counted"),
    ],
)
def test_rows_that_cannot_be_true_fail_loudly(school: School, tmp_path: Path, change: Any, said: str) -> None:
    from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode, encode
    from airflow_provider.live_sessions.artifacts.writer import Writer

    fill(school.sandbox, NOW - 6 * HOUR, NOW - 6 * HOUR + timedelta(minutes=10), 40)
    told = exported(school, tmp_path, NOW - 6 * HOUR, NOW - 5 * HOUR)
    storage = LocalStorage(tmp_path)
    (name,) = told["manifests"]
    manifest = Manifest.from_bytes(storage.get(name))
    rows = list(decode(storage.read(manifest.files[0].name), FileFormat.JSONL))
    assert check(told)["sessions"] == len(rows) > 1
    writer = Writer(storage, name.rpartition("/")[0], kind=manifest.kind, session_key=manifest.session_key)
    writer.add(
        "sessions.jsonl",
        encode((json.dumps(row).encode() for row in change(rows)), FileFormat.JSONL),
        media_type="application/x-ndjson",
    )
    writer.finish(manifest)
    with pytest.raises(AirflowFailException, match=said):
        check(told)


def test_an_hour_is_not_failed_for_the_hour_before_it_that_a_run_beside_it_is_still_bringing_home(
    school: School, tmp_path: Path
) -> None:
    fill(school.sandbox, NOW - 12 * HOUR, NOW - 3 * HOUR, 40)
    check(exported(school, tmp_path, NOW - 8 * HOUR, NOW - 7 * HOUR))
    mine = exported(school, tmp_path, NOW - 6 * HOUR, NOW - 5 * HOUR)
    with pytest.raises(Transient):  # which Airflow retries
        check(mine)
    exported(school, tmp_path, NOW - 7 * HOUR, NOW - 6 * HOUR)
    assert check(mine)["files"] == 1


def test_a_deleted_room_is_an_error_in_the_log_and_keeps_its_hour_from_nothing(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = NOW - 6 * HOUR
    truth = ended(fill(school.sandbox, begin, begin + timedelta(minutes=10), 20), begin, begin + HOUR)
    room = next(iter(truth.values()))["room"]
    school.sandbox.faults.add("status", status=404, path=f"/spaces/{room}/sessions/$")
    told = exported(school, tmp_path, begin, begin + HOUR, retry_partial=True)
    assert (told["status"], len(told["why"])) == ("partial", 1)
    checked = check(told)
    assert (checked["lost"], checked["sessions"]) == (1, len(truth))
    assert "Lost for good" in capsys.readouterr().out


def test_what_may_still_come_is_asked_for_again_by_the_export_and_waited_for_by_the_check(
    school: School, tmp_path: Path
) -> None:
    fill(school.sandbox, NOW - 12 * HOUR, NOW - 3 * HOUR, 20)
    ahead = NOW + 24 * HOUR  # whenever this file was read
    early: dict[str, Any] = {"since": ahead, "until": ahead + HOUR, "wait": False}
    with pytest.raises(Transient, match="caught up"):
        exported(school, tmp_path, **early, retry_partial="True")
    with pytest.raises(Transient, match="caught up"):
        check(exported(school, tmp_path, **early))


def test_an_hour_waits_for_what_is_late_for_as_long_as_it_is_told_to_and_no_longer(
    warehouse: DAG, school: School, tmp_path: Path
) -> None:
    begin = NOW - 6 * HOUR
    fill(school.sandbox, begin, begin + timedelta(minutes=10), 20)
    late = next(
        one for one in school.sandbox.lessonspace._store.sessions if one.ended_at and one.ended_at < begin + HOUR
    )
    late.logs = []
    with pytest.raises(Transient, match="1 sessions are not in their room's list, or without a log"):
        exported(school, tmp_path, begin, begin + HOUR, retry_partial=True)
    asked = argument(warehouse, "lessonspace.classes.again", "patience")
    assert asked == "{{ params.classes_after_hours * 3600 }}"
    for number, patience in enumerate(("14400.0", 0, timedelta(hours=3))):
        folder = tmp_path / str(number)
        told = exported(school, folder, begin, begin + HOUR, retry_partial=True, patience=patience)
        assert (told["status"], check(told)["lost"]) == ("partial", 1)
        (row,) = [
            row
            for row in rows_of(
                LocalStorage(folder), Manifest.from_bytes(LocalStorage(folder).get(told["manifests"][0]))
            )
            if row["session_id"] == late.uuid
        ]
        assert row["attendance_known"] is False
    with pytest.raises(AirflowFailException, match="patience"):
        exported(school, tmp_path, begin, begin + HOUR, patience="soon")


@pytest.mark.parametrize("name", ["listed", "outside", "not_held", "duplicates"])
def test_a_listed_session_that_is_in_no_count_fails_loudly(school: School, tmp_path: Path, name: str) -> None:
    fill(school.sandbox, NOW - 6 * HOUR, NOW - 6 * HOUR + timedelta(minutes=10), 10)
    told = exported(school, tmp_path, NOW - 6 * HOUR, NOW - 5 * HOUR)
    storage = LocalStorage(tmp_path)
    manifest = Manifest.from_bytes(storage.get(told["manifests"][0]))
    counts = dict(manifest.extra["counts"])
    counts[name] += 1
    counts["told_by_platform"] = counts["listed"]
    storage.put(manifest.name, [replace(manifest, extra={**manifest.extra, "counts": counts}).to_bytes()])
    with pytest.raises(AirflowFailException, match="accounted for"):
        check(told)


def test_an_end_that_was_written_late_is_in_the_file_and_the_table_a_day_later(
    warehouse: DAG, school: School, database: str, tmp_path: Path
) -> None:
    since, until = NOW - 6 * HOUR, NOW - 5 * HOUR
    truth = ended(fill(school.sandbox, NOW - 12 * HOUR, NOW - 5 * HOUR, 80), since, until)
    late = next(one for one in school.sandbox.lessonspace._store.sessions if one.uuid in truth)
    end, late.ended_at = late.ended_at, None
    place = (tmp_path / "home").as_uri()
    operator = LessonspaceSessionsToObjectStorageOperator(
        task_id="export",
        conn_id=school.conn_id,
        destination=place,
        prefix="warehouse",
        since=since,
        until=until,
        period="hour",
    )
    first = operator.execute(context())
    assert first["counts"]["sessions"] == len(truth) - 1
    late.ended_at = end
    conf = {
        "connections": {"lessonspace": school.conn_id},
        "since": since.isoformat(),
        "until": until.isoformat(),
        "destination": place,
        "file_format": "jsonl",
        "sql_conn_id": database,
        **AT_ONCE,
    }
    run = warehouse.test(run_conf=conf)
    ran = states(run)
    assert str(run.state) == "success", ran
    assert count(database, "sessions") == len(truth)
    told = Manifest.from_bytes(LocalStorage(tmp_path / "home").get(first["manifests"][0]))
    assert (told.status, told.extra["counts"]["sessions"]) == (Completeness.COMPLETE, len(truth))


def test_a_class_that_goes_on_in_an_end_written_late_is_in_one_file_of_classes(
    warehouse: DAG, school: School, tmp_path: Path
) -> None:
    fill(school.sandbox, NOW - 12 * HOUR, NOW - 11 * HOUR, 3)
    first, second = school.sandbox.lessonspace._store.sessions[:2]
    for session, minutes in ((first, 50), (second, 70)):
        session.tags = {"als_key": "k" * 32}
        session.ended_at = NOW - 9 * HOUR + timedelta(minutes=minutes)
    end, second.ended_at = second.ended_at, None
    exported(school, tmp_path, NOW - 9 * HOUR, NOW - 5 * HOUR)
    second.ended_at = end
    recheck = argument(warehouse, "lessonspace.classes.sessions", "recheck")
    counted = []
    for hour in (NOW - 9 * HOUR, NOW - 8 * HOUR):  # a day later, one run after the other
        exported(school, tmp_path, hour, hour + HOUR, recheck=True)
        sessions = exported(school, tmp_path, hour, hour + 3 * HOUR, recheck=recheck)
        more: dict[str, Any] = {"until": (hour + HOUR).isoformat(), "look_around": 2 * 3600.0}
        SummariseClassesOperator(task_id="summarise", sessions=sessions, **more).execute(context())
    storage = LocalStorage(tmp_path)
    for name in storage.list("classes"):
        if name.endswith("manifest.json"):
            counted += list(rows_of(storage, Manifest.from_bytes(storage.get(name))))
    assert [row["sessions"] for row in counted if row["class_key"] == "k" * 32] == [2]


def test_the_classes_of_a_day_ago_do_not_hang_on_the_last_hour(warehouse: DAG) -> None:
    again = warehouse.task_dict["lessonspace.classes.again"]
    assert again.trigger_rule == "all_done"
    assert "lessonspace.check_files" in again.upstream_task_ids
    assert "lessonspace.classes.again" in warehouse.task_dict["lessonspace.classes.load_classes"].upstream_task_ids


def test_an_export_that_is_partial_or_harmed_fails_loudly(school: School, tmp_path: Path) -> None:
    fill(school.sandbox, NOW - 6 * HOUR, NOW - 5 * HOUR, 20)
    told = exported(school, tmp_path, NOW - 6 * HOUR, NOW - 3 * HOUR)
    storage = LocalStorage(tmp_path)
    name = next(one for one in storage.list() if one.endswith(".jsonl"))
    storage.put(name, [b"{}"])
    with pytest.raises(Transient, match="bytes"):  # another run may be writing it; the last retry fails as loudly
        check(told)
    with pytest.raises(AirflowFailException, match="not the result of an export"):
        check({"manifests": []})


@pytest.mark.parametrize("hour", [0, 1])
def test_an_hour_that_a_run_is_just_writing_anew_is_waited_for(school: School, tmp_path: Path, hour: int) -> None:
    """A manifest is away while the files it describes are replaced."""
    fill(school.sandbox, NOW - 6 * HOUR, NOW - 5 * HOUR, 20)
    told = exported(school, tmp_path, NOW - 6 * HOUR, NOW - 4 * HOUR)
    LocalStorage(tmp_path).delete(told["manifests"][hour])
    for operator in (
        CheckSessionsExportOperator(task_id="check", export=told),
        SummariseClassesOperator(task_id="summarise", sessions=told),
    ):
        with pytest.raises(Transient, match=r"There is no .*the retry finds it"):
            operator.execute(context())


def test_what_only_one_machine_sees_is_not_looked_for_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.delenv("AIRFLOW__LIVE_SESSIONS__DESTINATION")
    told = {"destination": "", "manifests": ["sessions/m.json"], "counts": {}}
    for operator in (
        CheckSessionsExportOperator(task_id="check", export=told),
        SessionsToSqlOperator(task_id="load", export=told, sql_conn_id="none"),
    ):
        with pytest.raises(AirflowFailException, match="no destination is set"):
            operator.execute(context())
