"""The measurement of exports sees each kind of wrong row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.export_files import FileFormat, encode
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.session_rows import PersonRow, SessionRow
from benchmarks.exports import _differences, _digest
from tests.exports.lessonspace_past import of_row

if TYPE_CHECKING:
    from pathlib import Path

ENDED = datetime(2026, 9, 1, 9, tzinfo=UTC)
ROWS = [
    SessionRow(
        "p", "bench", one, ENDED, title="Algebra", participants=(PersonRow("p"),), extras={"tags": {}}
    ).to_json()
    for one in "abc"
]
TRUTH = {row["session_id"]: _digest(of_row(row)) for row in ROWS}


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        (ROWS, 0),
        (ROWS[1:], 1),
        ([*ROWS, ROWS[0]], 1),
        ([*ROWS, {**ROWS[0], "session_id": "d"}], 1),
        ([{**ROWS[0], "title": "y"}, *ROWS[1:]], 1),
        ([{**ROWS[0], "participants": []}, *ROWS[1:]], 1),
        ([{**ROWS[0], "extras": {"tags": {"a": "b"}}}, *ROWS[1:]], 1),
        ([{**ROWS[0], "conn_id": "another"}, *ROWS[1:]], 1),
    ],
)
def test_a_row_that_is_missing_doubled_made_up_or_changed_is_counted(
    rows: list[dict[str, Any]], wrong: int, tmp_path: Path
) -> None:
    writer = Writer(LocalStorage(tmp_path), "", kind="sessions-jsonl", session_key="k")
    writer.add(
        "sessions.jsonl",
        encode((json.dumps(row).encode() for row in rows), FileFormat.JSONL),
        media_type="text/plain",
    )
    manifest = writer.finish(Manifest("sessions-jsonl", "p", "c", "k", Completeness.COMPLETE))
    assert len(set(_differences(TRUTH, LocalStorage(tmp_path), [manifest.name]))) == wrong
