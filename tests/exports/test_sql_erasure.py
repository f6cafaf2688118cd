"""One person leaves the tables too: in one transaction, by the rules of the files, and nothing else changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from airflow_provider.live_sessions.artifacts import sql_erasure
from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export_from
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.row_shapes import SESSIONS
from airflow_provider.live_sessions.core.session_rows import PersonRow, SessionRow
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator
from tests.airflow_side.stage import TaskInstance, context
from tests.artifacts.exported import AT, BO, CEM, Rows, bring, session, sources
from tests.exports.test_sql import ask, database, load, server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from pathlib import Path

TABLES = {
    "sessions": "platform, conn_id, session_id",
    "participants": "platform, conn_id, session_id, position",
    "segments": "platform, conn_id, session_id, segment",
    "classes": "platform, conn_id, class_key",
    "class_people": "platform, conn_id, class_key, position",
}


def forget(folder: Path, conn_id: str, **more: Any) -> dict[str, Any]:
    given = {"person": list(BO), **more}
    operator = RetireArtifactsOperator(task_id="forget", destination=str(folder), sql_conn_id=conn_id, **given)
    return operator.execute(context(TaskInstance("forget")))


def exported(folder: Path, *given: Rows) -> dict[str, Any]:
    storage = LocalStorage(folder)
    names = [name for source in given or sources() for name in bring(storage, source).manifests]
    return {"destination": str(folder), "manifests": names}


def contents(conn_id: str) -> dict[str, list[Any]]:
    return {name: ask(conn_id, f"SELECT * FROM {name} ORDER BY {key}") for name, key in TABLES.items()}  # noqa: S608 - our own words


def test_a_person_leaves_the_tables_and_the_files_alike(
    database: str,  # noqa: F811 - the fixture
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    export = exported(tmp_path)
    load(database, export)
    before = contents(database)
    told = forget(tmp_path, database, report_only=True)
    assert contents(database) == before
    done = forget(tmp_path, database)
    assert done["tables"] == told["tables"]
    assert done["tables"] == {"sessions": 1, "participants": 2, "segments": 2, "classes": 2, "class_people": 2}
    after = contents(database)
    assert "4711" not in repr(after)
    assert "'Bo'" not in repr(after)
    assert [row for row in after["participants"] if row not in before["participants"]] == []
    # What the cleaned files hold is what the cleaned tables hold: loading them again changes places in lists only.
    load(database, export)
    again = contents(database)
    assert {name: again[name] for name in ("sessions", "segments", "classes")} == {
        name: after[name] for name in ("sessions", "segments", "classes")
    }
    assert len(again["participants"]) == len(after["participants"])
    assert "4711" not in caplog.text
    assert json.loads(LocalStorage(tmp_path).get(record_of(done, tmp_path)))["tables"] == done["tables"]
    assert forget(tmp_path, database)["tables"] == done["tables"]  # the record of one task adds up


def record_of(done: dict[str, Any], folder: Path) -> str:
    return str(done["record"]).removeprefix(f"{folder.as_uri()}/")


def test_a_load_of_more_than_a_page_is_looked_through_to_its_end(
    database: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    many = 2 * sql_erasure.PAGE + 1
    load(database, exported(tmp_path, Rows(SESSIONS, [session(number, BO, CEM) for number in range(many)])))
    assert forget(tmp_path / "elsewhere", database)["tables"] == {"sessions": 0, "participants": many}
    assert ask(database, "SELECT DISTINCT name FROM participants") == [("Cem Demir",)]
    assert ask(database, "SELECT COUNT(*) FROM participants") == [(many,)]


BARRIERS = {
    "sqlite": "CREATE TRIGGER barrier BEFORE DELETE ON class_people BEGIN SELECT RAISE(ABORT, 'no'); END",
    "postgresql": "CREATE TABLE barrier (platform TEXT, conn_id TEXT, class_key TEXT, position BIGINT,"
    " FOREIGN KEY (platform, conn_id, class_key, position) REFERENCES class_people)",
}


def test_a_failure_in_the_last_table_leaves_every_table_as_it_was(
    database: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    load(database, exported(tmp_path))
    before = contents(database)
    dialect = BaseHook.get_hook(database).dialect_name
    ask(database, BARRIERS[dialect], fetch=False)
    if dialect == "postgresql":
        fill = "INSERT INTO barrier SELECT platform, conn_id, class_key, position FROM class_people"
        ask(database, fill, fetch=False)
    with pytest.raises(Exception, match=r"no|barrier"):
        forget(tmp_path / "elsewhere", database)
    ask(database, f"DROP {'TABLE' if dialect == 'postgresql' else 'TRIGGER'} barrier", fetch=False)
    assert contents(database) == before


def test_wrong_names_are_refused_before_anything_goes(
    database: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    load(database, exported(tmp_path))
    kept = LocalStorage(tmp_path).list()
    wrong = dict.fromkeys(("sessions_table", "segments_table", "classes_table"), "nowhere")
    people = dict.fromkeys(("participants_table", "class_people_table"), "nobody")
    with pytest.raises(AirflowFailException, match="None of the tables"):
        forget(tmp_path, database, **wrong, **people)
    with pytest.raises(AirflowFailException, match="no name of a table"):
        forget(tmp_path, database, sessions_table="sessions; DROP TABLE sessions")
    assert LocalStorage(tmp_path).list() == kept


def test_words_in_a_table_of_another_name_are_not_left_in_silence(
    database: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    load(database, exported(tmp_path), segments_table="spoken")
    told = forget(tmp_path / "elsewhere", database)
    assert told["left"] == ["There is no table segments in the database, so nothing went from it."]
    assert forget(tmp_path / "elsewhere", database, segments_table="spoken")["left"] == []
    assert ask(database, "SELECT COUNT(*) FROM spoken") == [(2,)]


def retired(folder: Path, conn_id: str, older_than: float, **more: Any) -> dict[str, Any]:
    task = TaskInstance("retire")
    operator = RetireArtifactsOperator(
        task_id="retire", destination=str(folder), sql_conn_id=conn_id, older_than=older_than, **more
    )
    return operator.execute(context(task))


def test_rows_older_than_a_period_leave_the_tables_with_their_people_and_no_other_does(
    database: str,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    load(database, exported(tmp_path))
    hour = (datetime.now(UTC) - timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    people = tuple(PersonRow(who, name=name) for who, name in (BO, CEM))
    young = [SessionRow("lessonspace", "school", "s-0009", hour, participants=people)]
    chunk = Chunk(hour, hour + timedelta(hours=1), f"date={hour:%Y-%m-%d}/hour={hour:%H}")
    plan = ExportPlan(LocalStorage(tmp_path), "school", "sessions")
    later = export_from(Rows(SESSIONS, young), plan, [chunk], say=lambda _: None)
    load(database, {"destination": str(tmp_path), "manifests": later.manifests})
    before = contents(database)
    old = (datetime.now(UTC) - AT).total_seconds()
    long, week = old + 7 * 86_400, 7 * 86_400
    assert set(retired(tmp_path / "one", database, long)["tables"].values()) == {0}
    told = retired(tmp_path / "two", database, week, report_only=True)
    assert contents(database) == before
    spoken = retired(tmp_path / "three", database, week, kinds=["transcript", "segments-jsonl"])
    assert spoken["tables"] == {"segments": 4}
    assert contents(database) == {**before, "segments": []}
    gone = retired(tmp_path / "elsewhere", database, week)
    assert told["tables"] == {"sessions": 3, "participants": 5, "segments": 4, "classes": 3, "class_people": 5}
    assert gone["tables"] == {**told["tables"], "segments": 0}
    assert [len(rows) for rows in contents(database).values()] == [1, 2, 0, 0, 0]
    (record,) = [name for name in LocalStorage(tmp_path / "elsewhere").list("retention") if "report" not in name]
    assert json.loads(LocalStorage(tmp_path / "elsewhere").get(record))["tables"]["participants"] == 5
