"""Coviu's export operator, from the connection to the file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.operators.coviu import CoviuSessionsToObjectStorageOperator
from tests.airflow_side.stage import context
from tests.exports.reading import rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.airflow_side_coviu.practice import Practice


def test_an_appointment_that_was_launched_and_held_is_exported(practice: Practice, tmp_path: Path) -> None:
    record = practice.launch()
    practice.hold(record)
    practice.wait(86_400)
    day = parse_time(record["end"]).replace(hour=0, minute=0, second=0, microsecond=0)
    operator = CoviuSessionsToObjectStorageOperator(
        task_id="export",
        conn_id=practice.conn_id,
        destination=str(tmp_path),
        since=day,
        until=day + timedelta(days=1),
        wait=False,
    )
    result = operator.execute(context())
    (row,) = rows(LocalStorage(tmp_path), result["manifests"])
    assert (result["status"], row["launch_key"], row["held"]) == ("complete", record["ref"]["key"], "yes")
    assert {one["participant_id"] for one in row["participants"]} == {"dr-1", "p-1"}
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode()
    assert not [secret for secret in practice.secrets if secret in everything]
