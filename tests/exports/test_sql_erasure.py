"""One person leaves the tables too: in one transaction, by the rules of the files, and nothing else changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from airflow_provider.live_sessions.artifacts import sql_erasure
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.row_shapes import SESSIONS
from airflow_provider.live_sessions.operators.retention import RetireArtifactsOperator
from tests.airflow_side.stage import TaskInstance, context
from tests.artifacts.exported import BO, CEM, Rows, bring, session, sources
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


def test_wrong_names_and_periods_are_refused_before_anything_goes(
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
    with pytest.raises(AirflowFailException, match="not of a period"):
        forget(tmp_path, database, person=[], older_than=100 * 86_400)
    assert LocalStorage(tmp_path).list() == kept
