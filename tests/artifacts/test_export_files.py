"""Rows as files, and times cut into files: for any input."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.export_chunks import Chunk, Period, before, cut, floor
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode, encode, rows_of
from airflow_provider.live_sessions.artifacts.export_run import PROGRESS_SECONDS, Progress
from airflow_provider.live_sessions.artifacts.export_spool import Spool
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.session_rows import (
    LogRow,
    PersonRow,
    SessionRow,
    Tally,
    finite,
    minutes_between,
)
from airflow_provider.live_sessions.core.status import Held
from tests.artifacts.memory import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by the zone
texts = st.text(max_size=12)
numbers = st.none() | st.floats(0, 1e6)
people = st.builds(PersonRow, texts, texts, texts, texts, st.none() | moments, st.none() | moments, numbers)
entries = st.builds(LogRow, moments, texts, texts, texts)
ids = st.text("abc", min_size=1, max_size=2)
rows = st.builds(
    SessionRow,
    platform=texts,
    conn_id=texts,
    session_id=ids,
    counted_at=moments,
    title=texts,
    started_at=st.none() | moments,
    ended_at=st.none() | moments,
    held=st.sampled_from(Held),
    minutes=numbers,
    participants=st.lists(people, max_size=3).map(tuple),
    attendance_known=st.booleans(),
    logs=st.lists(entries, max_size=3).map(tuple),
    cost_in_cents=numbers,
    extras=st.dictionaries(texts, texts | st.integers(0, 9) | st.none(), max_size=2),
)
zones = st.sampled_from(
    [UTC, *map(ZoneInfo, ("Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo", "Pacific/Apia"))]
)


def spooled(given_rows: list[SessionRow]) -> tuple[list[bytes], dict[str, int]]:
    with Spool() as spool:
        for row in given_rows:
            spool.add(row)
        return list(spool.lines()), spool.counts()


@given(st.lists(rows, max_size=6), st.sampled_from(FileFormat), st.integers(1, 50))
def test_what_is_written_is_read_again_and_the_same_rows_are_the_same_bytes(
    given_rows: list[SessionRow], file_format: FileFormat, size: int
) -> None:
    if file_format is FileFormat.PARQUET:
        pytest.importorskip("pyarrow")
    lines, _ = spooled(given_rows)
    content = b"".join(encode(lines, file_format))
    assert content == b"".join(encode(lines, file_format))
    parts = (content[at : at + size] for at in range(0, len(content), size))
    assert list(decode(parts, file_format)) == [json.loads(line) for line in lines]


@given(st.lists(rows, max_size=8), st.randoms())
def test_each_session_is_spooled_once_in_one_order_whatever_order_it_came_in(
    given_rows: list[SessionRow], chance: st.DrawFn
) -> None:
    lines, counts = spooled(given_rows)
    kept = [json.loads(line) for line in lines]
    assert {row["session_id"] for row in kept} == {row.session_id for row in given_rows}
    assert counts["sessions"] == len(kept) == len(given_rows) - counts["duplicates"]
    assert counts["participants"] == sum(len(row["participants"]) for row in kept)
    assert counts["log_lines"] == sum(len(row["logs"]) for row in kept)
    marks = [(datetime.fromisoformat(row["counted_at"]), row["session_id"]) for row in kept]
    assert marks == sorted(marks)
    for row in kept:
        versions = [one for one in given_rows if one.session_id == row["session_id"]]
        best = max(one.knowledge for one in versions)
        assert len(row["participants"]) + len(row["logs"]) == best % 1_000_000
    once_each = list({row.session_id: row for row in given_rows}.values())
    shuffled = once_each.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # it is a Random
    assert spooled(shuffled)[0] == spooled(once_each)[0]


@given(rows)
def test_a_line_says_what_its_row_says(row: SessionRow) -> None:
    (line,), _ = spooled([row])
    assert json.loads(line) == row.to_json()


def test_a_lone_surrogate_in_a_name_stops_no_export() -> None:
    row = SessionRow("p", "c", "s\ud800", datetime(2026, 9, 1, tzinfo=UTC), title="a\udfffb")
    lines, _ = spooled([row])
    (found,) = decode([b"".join(encode(lines, FileFormat.JSONL))], FileFormat.JSONL)
    assert (found["session_id"], found["title"]) == ("s?", "a?b")


@given(moments, st.integers(1, 60), st.sampled_from(Period), zones)
def test_files_join_each_other_and_hold_the_whole_time(
    moment: datetime, periods: int, period: Period, zone: ZoneInfo
) -> None:
    zone = zone if period is Period.DAY else ZoneInfo("UTC")
    since = floor(moment, period, zone)
    until = floor(since + periods * timedelta(hours=30), period, zone)
    chunks = list(cut(since, until, period, zone))
    assert (chunks[0].since, chunks[-1].until) == (since, until)
    assert all(one.until == two.since for one, two in itertools.pairwise(chunks))
    assert all(one.since < one.until for one in chunks)
    assert len({one.partition for one in chunks}) == len(chunks)
    assert [one.partition for one in chunks] == sorted(one.partition for one in chunks)


@given(moments, st.sampled_from(Period), zones)
def test_the_last_whole_period_is_over_and_is_one(moment: datetime, period: Period, zone: ZoneInfo) -> None:
    zone = zone if period is Period.DAY else ZoneInfo("UTC")
    since, until = before(moment, period, zone)
    assert since < until <= moment
    assert len(list(cut(since, until, period, zone))) == 1


def test_a_connection_s_name_is_one_part_of_the_path() -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    chunk = Chunk(at, at, "date=2026-09-01")
    assert (
        chunk.folder("/a/b/", "coviu", "x/../y z") == "a/b/platform=coviu/conn_id=x%2F..%2Fy%20z/date=2026-09-01"
    )
    assert chunk.folder("", "coviu", "c") == "platform=coviu/conn_id=c/date=2026-09-01"


def test_parquet_without_pyarrow_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigurationError, match=r"\[parquet\]"):
        FileFormat.of("parquet")
    assert FileFormat.of("jsonl") is FileFormat.JSONL


def test_a_long_export_says_every_half_minute_how_far_it_is() -> None:
    said: list[str] = []
    now = [0.0]
    at = datetime(2026, 9, 1, tzinfo=UTC)
    progress = Progress(said.append, clock=lambda: now[0])
    tally = Tally(pages=3, listed=250, told=400)
    for _ in range(90):
        now[0] += 1.0
        progress.row(Chunk(at, at, "date=2026-09-01"), tally)
    assert len(said) == 90 // PROGRESS_SECONDS
    assert said[0] == "date=2026-09-01: 250 of 400 sessions, 3 pages; 30 rows."


@given(st.none() | st.floats())
def test_a_number_that_is_none_never_reaches_a_file(value: float | None) -> None:
    told = finite(value)
    assert told is None or json.loads(json.dumps(told, allow_nan=False)) == value


def test_minutes_are_of_two_known_times() -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    assert minutes_between(at, at + timedelta(seconds=100)) == 1.667
    assert minutes_between(None, at) is None
    assert minutes_between(at, None) is None


@pytest.mark.parametrize("file_format", FileFormat)
def test_duckdb_reads_the_files_where_they_lie_with_their_partitions(
    file_format: FileFormat, tmp_path: Path
) -> None:
    duckdb = pytest.importorskip("duckdb")
    moment = datetime(2026, 9, 1, 9, tzinfo=UTC)
    for conn_id in ("north", "south"):
        folder = tmp_path / f"platform=toy/conn_id={conn_id}/date=2026-09-01"
        folder.mkdir(parents=True)
        people = (PersonRow("p-1", minutes=30.0), PersonRow("p-2", minutes=12.5))
        lines, _ = spooled([SessionRow("toy", conn_id, "s-1", moment, participants=people, extras={"a": 1})])
        (folder / f"sessions.{file_format}").write_bytes(b"".join(encode(lines, file_format)))
    reader = "read_parquet" if file_format is FileFormat.PARQUET else "read_json"
    files = f"{reader}('{tmp_path}/*/*/*/sessions.{file_format}', hive_partitioning=true)"
    with duckdb.connect() as connection:
        asked = (
            f"SELECT conn_id, date::TEXT, one.minutes FROM {files}, UNNEST(participants) AS _(one) ORDER BY 1, 3"  # noqa: S608 - our own words
        )
        found = connection.sql(asked).fetchall()
    assert found == [(where, "2026-09-01", minutes) for where in ("north", "south") for minutes in (12.5, 30.0)]


class Replaced(MemoryStorage):
    """An object store in which a file is replaced while somebody reads it piece by piece."""

    def read(self, name: str) -> Iterator[bytes]:
        before = self.get(name)
        middle = before.index(b"\n") + 1
        yield before[:middle]
        yield before[middle:].replace(b"Ada", b"Bob")


def test_rows_of_two_files_are_not_taken_for_those_of_one() -> None:
    storage = Replaced()
    writer = Writer(storage, "day", kind="sessions-jsonl", session_key="k")
    lines = [json.dumps({"session_id": str(number), "title": "Ada"}).encode() for number in range(3)]
    writer.add("sessions.jsonl", encode(lines, FileFormat.JSONL), media_type="application/x-ndjson")
    manifest = writer.finish(Manifest("sessions-jsonl", "lessonspace", "school", "k", Completeness.COMPLETE))
    with pytest.raises(Transient, match=r"day/sessions\.jsonl was written anew meanwhile"):
        list(rows_of(storage, manifest))
