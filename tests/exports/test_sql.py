"""Exports loaded into real databases: upserts, one transaction, nothing lost by a load that dies."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.class_source import ClassSource
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, encode
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export, export_from
from airflow_provider.live_sessions.artifacts.export_sources import SegmentSource
from airflow_provider.live_sessions.artifacts.export_sql import BATCH, Tables
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.partitions import Home
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.session_rows import PersonRow, SessionRow
from airflow_provider.live_sessions.operators.sessions_to_sql import SessionsToSqlOperator
from demo.postgres import postgres, programs
from tests.exports.lessonspace_past import fill
from tests.exports.reading import rows
from tests.exports.spoken_past import speak
from tests.platforms.lessonspace.academy import Academy

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN, END = datetime(2026, 8, 28, tzinfo=UTC), datetime(2026, 8, 30, tzinfo=UTC)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    found = programs()
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("There is no PostgreSQL here, and CI has to test with one: install postgresql.")
        pytest.skip("There is no PostgreSQL on this machine: install Debian's postgresql to run this.")
    with tempfile.TemporaryDirectory(prefix="live-sessions-pg-") as folder:
        Path(folder).chmod(0o755)  # the database's own user has to get in
        with postgres(Path(folder) / "database", found) as url:
            yield url.replace("postgresql+psycopg2", "postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A connection to an empty database."""
    conn_id = f"warehouse_{next(_numbers)}"
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    if request.param == "sqlite":
        given = {"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"}
        monkeypatch.setenv(variable, json.dumps(given))
        yield conn_id
        return
    monkeypatch.setenv(variable, request.getfixturevalue("server"))
    yield conn_id
    for table in ("participants", "sessions", "segments", "classes", "class_people"):
        ask(conn_id, f"DROP TABLE IF EXISTS {table}", fetch=False)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, Any]:
    """Two days of sessions, brought home as an export operator tells it."""
    return brought_home(tmp_path / "home")


def brought_home(folder: Path, *formats: FileFormat, sessions: int = 700) -> dict[str, Any]:
    names: list[str] = []
    with Academy.open() as academy:
        fill(academy.sandbox, BEGIN, END - timedelta(hours=22), sessions, rooms=3)
        for file_format in formats or (FileFormat.JSONL,):
            plan = ExportPlan(LocalStorage(folder), academy.client.conn_id, file_format=file_format)
            result = export(academy.platform, plan, cut(BEGIN, END, Period.DAY), say=lambda _: None)
            names += result.manifests
    return {"destination": str(folder), "manifests": names}


def load(conn_id: str, home: Any, **more: Any) -> dict[str, int]:
    return SessionsToSqlOperator(task_id="load", export=home, sql_conn_id=conn_id, **more).execute({})


def ask(conn_id: str, statement: str, *, fetch: bool = True) -> list[Any]:
    with closing(BaseHook.get_hook(conn_id).get_conn()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(statement)
        found = list(cursor.fetchall()) if fetch else []
        connection.commit()
        return found


def contents(conn_id: str) -> tuple[list[Any], list[Any]]:
    return (
        ask(conn_id, "SELECT * FROM sessions ORDER BY platform, conn_id, session_id"),
        ask(conn_id, "SELECT * FROM participants ORDER BY platform, conn_id, session_id, position"),
    )


def test_what_is_in_the_files_is_in_the_tables_and_loading_again_changes_nothing(
    database: str, home: dict[str, Any]
) -> None:
    found = rows(LocalStorage(home["destination"]), home["manifests"])
    people = [one for row in found for one in row["participants"]]
    assert load(database, home) == {"sessions": len(found), "participants": len(people), "files": 2}
    before = contents(database)
    assert (len(before[0]), len(before[1])) == (len(found), len(people))
    assert {row[6] for row in before[0]} == {row["title"] for row in found}
    ((minutes,),) = ask(database, "SELECT SUM(minutes) FROM sessions")
    assert minutes == pytest.approx(sum(row["minutes"] for row in found))
    load(database, [home, home])
    assert contents(database) == before


def test_a_session_that_changed_is_written_over_with_its_people(database: str, home: dict[str, Any]) -> None:
    load(database, home)
    before = contents(database)
    ask(database, "UPDATE sessions SET title = 'old'", fetch=False)
    ask(database, "UPDATE participants SET position = position + 100", fetch=False)
    load(database, home)
    assert contents(database) == before


def test_a_load_that_dies_leaves_what_was_there(database: str, home: dict[str, Any]) -> None:
    load(database, {**home, "manifests": home["manifests"][1:]})
    ask(database, "UPDATE sessions SET title = 'kept'", fetch=False)
    before = contents(database)
    storage = LocalStorage(home["destination"])
    good = rows(storage, home["manifests"])
    assert len(good) > BATCH  # so that some were sent when the load dies
    writer = Writer(storage, "broken", kind="sessions-jsonl", session_key="k")
    lines = [*(json.dumps(row).encode() for row in good), b'{"platform": "lessonspace"}']
    writer.add("sessions.jsonl", encode(lines, FileFormat.JSONL), media_type="application/x-ndjson")
    broken = writer.finish(Manifest("sessions-jsonl", "lessonspace", "school", "k", Completeness.COMPLETE))
    with pytest.raises(KeyError):
        load(database, {**home, "manifests": [broken.name]})
    assert contents(database) == before


@pytest.mark.parametrize("caught_at", ["its file", "its manifest"])
def test_a_file_that_is_just_being_written_anew_is_loaded_by_the_retry(
    database: str, home: dict[str, Any], caught_at: str
) -> None:
    load(database, home)
    before = contents(database)
    storage = LocalStorage(home["destination"])
    name = next(one for one in storage.list() if one.endswith(".jsonl"))
    file, manifest = storage.get(name), storage.get(home["manifests"][0])
    if caught_at == "its file":
        storage.put(name, [file[:-50]])
    else:  # it is away until its files are there
        storage.delete(home["manifests"][0])
    with pytest.raises(Transient, match=r"the retry") as caught:  # no failure at once
        load(database, home)
    assert ("bytes; " if caught_at == "its file" else "There is no ") in str(caught.value)
    assert contents(database) == before
    storage.put(name, [file])
    storage.put(home["manifests"][0], [manifest])
    load(database, home)
    assert contents(database) == before


def test_parquet_and_json_lines_load_the_same(database: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    both = brought_home(tmp_path / "both", FileFormat.JSONL, FileFormat.PARQUET, sessions=40)
    lines, columns = both["manifests"][:2], both["manifests"][2:]
    load(database, {**both, "manifests": lines})
    before = contents(database)
    ask(database, "DELETE FROM sessions", fetch=False)
    load(database, {**both, "manifests": columns})
    assert contents(database) == before
    assert before[0]


def test_what_was_said_is_replaced_by_session_and_loading_again_changes_nothing(
    database: str, tmp_path: Path
) -> None:
    storage = LocalStorage(tmp_path / "said")
    with Academy.open() as academy:
        fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=2), 60)
        truth = speak(academy.sandbox)
        plan = ExportPlan(storage, "school", prefix="said")
        chunks = list(cut(BEGIN, END, Period.DAY))
        result = export_from(SegmentSource(academy.platform), plan, chunks, say=lambda _: None)
    said = {"destination": str(tmp_path / "said"), "manifests": result.manifests}
    found = rows(storage, result.manifests)
    assert {row["session_id"] for row in found} <= set(truth)
    assert load(database, said) == {"segments": len(found), "files": 2}
    ordered = "SELECT * FROM segments ORDER BY session_id, segment"
    before = ask(database, ordered)
    assert len(before) == len(found) > 20
    ((words,),) = ask(database, "SELECT SUM(words) FROM segments")
    assert words == sum(row["words"] for row in found)
    # A segment that the platform told once and tells no more goes with the next load of its session.
    ask(database, "UPDATE segments SET segment = segment + 100, text = 'old'", fetch=False)
    load(database, [said, said])
    assert ask(database, ordered) == before


def test_classes_are_loaded_with_their_people(database: str, home: dict[str, Any]) -> None:
    storage = LocalStorage(home["destination"])
    sessions = Home.told(storage, home["manifests"])
    assert sessions is not None
    plan = ExportPlan(storage, sessions.conn_id, prefix="classes")
    source = ClassSource(storage, sessions, look_around=timedelta())
    result = export_from(source, plan, sessions.chunks(storage), say=lambda _: None)
    found = rows(storage, result.manifests)
    people = sum(len(row["people"]) for row in found)
    exported = {**home, "manifests": [*result.manifests, *home["manifests"]]}
    loaded = load(database, exported)
    assert (loaded["classes"], loaded["people"], loaded["files"]) == (len(found), people, 4)
    assert load(database, exported) == loaded
    ((number,),) = ask(database, "SELECT COUNT(*) FROM class_people")
    ((listed,),) = ask(database, "SELECT SUM(sessions) FROM classes")
    assert (number, listed) == (people, loaded["sessions"])


@pytest.mark.parametrize("between", [0, BATCH])
def test_what_is_in_two_files_is_loaded_as_the_later_one_tells_it(home: dict[str, Any], between: int) -> None:
    found = rows(LocalStorage(home["destination"]), home["manifests"])
    early = next(row for row in found if len(row["participants"]) > 1)
    late = {**early, "title": "went on", "participants": early["participants"][:1]}
    others = [row for row in found if row["session_id"] != early["session_id"]][:between]
    tables = Tables("sqlite", "?")
    with closing(sqlite3.connect(":memory:")) as connection:
        cursor = connection.cursor()
        tables.create(cursor)
        tables.load(cursor, [early, *others, late])
        key = (early["session_id"],)
        titles = cursor.execute("SELECT title FROM sessions WHERE session_id = ?", key).fetchall()
        people = cursor.execute("SELECT person_id FROM participants WHERE session_id = ?", key).fetchall()
    assert titles == [("went on",)]
    assert people == [(late["participants"][0]["person_id"],)]


def test_a_session_that_is_in_its_file_no_more_goes_from_the_tables(database: str, home: dict[str, Any]) -> None:
    load(database, home)
    storage = LocalStorage(home["destination"])
    name = next(one for one in home["manifests"] if len(rows(storage, [one])) > 1)
    left = rows(storage, [name])[1:]
    manifest = Manifest.from_bytes(storage.get(name))
    writer = Writer(storage, name.rpartition("/")[0], kind=manifest.kind, session_key=manifest.session_key)
    lines = (json.dumps(row).encode() for row in left)
    writer.add("sessions.jsonl", encode(lines, FileFormat.JSONL), media_type="application/x-ndjson")
    writer.finish(manifest)
    load(database, {**home, "manifests": [name]})
    there = rows(storage, home["manifests"])  # those of the other day are untouched
    keys = {row["session_id"] for row in there}
    assert {row[0] for row in ask(database, "SELECT session_id FROM sessions")} == keys
    assert {row[0] for row in ask(database, "SELECT session_id FROM participants")} == {
        row["session_id"] for row in there if row["participants"]
    }


HOURS = [datetime(2026, 9, 1, hour, tzinfo=UTC) for hour in range(5)]
files = st.tuples(st.integers(0, 3), st.sets(st.integers(0, 5)), st.booleans())


@given(st.lists(files, max_size=8))
def test_the_tables_hold_what_the_last_file_of_each_hour_held(loads: list[tuple[int, set[int], bool]]) -> None:
    """Sessions come, go, and move to another hour; those of another account are nobody's business."""
    tables = Tables("sqlite", "?")
    expected: dict[tuple[str, str], str] = {}
    with closing(sqlite3.connect(":memory:")) as connection:
        cursor = connection.cursor()
        tables.create(cursor)
        for hour, sessions, other in loads:
            account, begin, end = f"c{other}", HOURS[hour].isoformat(), HOURS[hour + 1].isoformat()
            tables.forget(cursor, "p", account, begin, end)
            tables.load(cursor, (session_row(account, one, begin) for one in sorted(sessions)))
            kept = {key: at for key, at in expected.items() if key[0] != account or at != begin}
            expected = {**kept, **{(account, f"s{one}"): begin for one in sessions}}
        there = cursor.execute("SELECT conn_id, session_id, counted_at FROM sessions").fetchall()
        people = cursor.execute("SELECT conn_id, session_id FROM participants").fetchall()
    assert {(conn_id, one): at for conn_id, one, at in there} == expected
    assert sorted(people) == sorted(expected)


def session_row(conn_id: str, number: int, counted_at: str) -> dict[str, Any]:
    """Return a session's row with one person."""
    who = PersonRow("7", name="Ada")
    row = SessionRow("p", conn_id, f"s{number}", datetime.fromisoformat(counted_at), participants=(who,))
    return row.to_json()


def test_the_load_that_comes_last_says_in_which_hour_a_session_is(database: str, tmp_path: Path) -> None:
    """No file tells when its platform was asked, so an older one cannot be known for that: docs/exports.md."""
    storage = LocalStorage(tmp_path / "hours")
    home = str(tmp_path / "hours")

    def hour(number: int, *sessions: int) -> dict[str, Any]:
        since, until = HOURS[number], HOURS[number + 1]
        writer = Writer(storage, f"hour={number}", kind="sessions-jsonl", session_key="k")
        lines = [json.dumps(session_row("c", one, since.isoformat())).encode() for one in sessions]
        writer.add("sessions.jsonl", encode(lines, FileFormat.JSONL), media_type="application/x-ndjson")
        told = Manifest(
            "sessions-jsonl", "p", "c", "k", Completeness.COMPLETE, planned_start=since, planned_end=until
        )
        return {"destination": home, "manifests": [writer.finish(told).name]}

    def where() -> dict[str, int]:
        asked = "SELECT session_id, counted_at FROM sessions"
        found = {one: str(at).replace(" ", "T") for one, at in ask(database, asked)}
        return {one: HOURS.index(datetime.fromisoformat(at)) for one, at in found.items()}

    older, newer = hour(1, 1, 2), hour(2, 2, 3)  # 2 ended later than was told first, and the older file is stale
    load(database, older)
    load(database, newer)
    assert where() == {"s1": 1, "s2": 2, "s3": 2}
    load(database, older)  # cleared by itself
    assert where() == {"s1": 1, "s2": 1, "s3": 2}
    load(database, newer)
    assert where() == {"s1": 1, "s2": 2, "s3": 2}
    load(database, hour(1, 1))  # asked for again before it is loaded again
    assert where() == {"s1": 1, "s2": 2, "s3": 2}
    load(database, hour(1, 1, 2))  # it ended earlier after all
    load(database, hour(2, 3))
    assert where() == {"s1": 1, "s2": 1, "s3": 2}


def test_tables_that_are_not_there_are_not_made_against_the_author_s_will(
    database: str, home: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match=r"participants|sessions"):
        load(database, home, create_tables="false")


@pytest.mark.parametrize("name", ["", "a b", "x; DROP TABLE y", "a.b.c", '"q"', "1a", "ä"])
def test_a_table_s_name_cannot_be_a_statement(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no name of a table"):
        Tables("sqlite", "?", name)


def test_a_database_of_another_kind_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r"mysql.*Known are sqlite, postgresql"):
        Tables("mysql", "%s")


@pytest.mark.parametrize("export", [None, {"a": 1}, ["x"], [{"manifests": ["m"]}]])
def test_what_is_no_export_is_refused(database: str, export: Any) -> None:
    with pytest.raises(AirflowFailException, match="not the result of an export"):
        load(database, export)


KILLED = """
import itertools, os, signal, sys
from airflow.providers.common.compat.sdk import BaseHook
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode
from airflow_provider.live_sessions.artifacts.export_sql import BATCH, Tables

conn_id, name = sys.argv[1:]
hook = BaseHook.get_hook(conn_id)
tables = Tables(hook.dialect_name, hook.placeholder)
connection = hook.get_conn()

def rows():
    with open(name, "rb") as file:
        yield from itertools.islice(decode(file, FileFormat.JSONL), BATCH + 1)
    print("some were sent", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

tables.load(connection.cursor(), rows())
"""


def test_a_load_whose_process_is_killed_leaves_what_was_there_and_the_next_one_heals_it(
    database: str, home: dict[str, Any]
) -> None:
    load(database, home)
    ask(database, "UPDATE sessions SET title = 'kept'", fetch=False)
    before = contents(database)
    storage = LocalStorage(home["destination"])
    name = max((one for one in storage.list() if one.endswith(".jsonl")), key=lambda one: len(storage.get(one)))
    program = [sys.executable, "-c", KILLED, database, f"{home['destination']}/{name}"]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own
    assert (done.returncode, "some were sent" in done.stdout) == (-signal.SIGKILL, True), done.stderr
    assert contents(database) == before
    load(database, home)
    titles = {row["title"] for row in rows(storage, home["manifests"])}
    assert {row[6] for row in contents(database)[0]} == titles
