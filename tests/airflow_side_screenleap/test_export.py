"""Screenleap's export operators tell of the same shares."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.operators.screenleap_account import (
    ScreenleapExportUsageOperator,
    ScreenleapSessionsToObjectStorageOperator,
)
from tests.airflow_side_screenleap.stage import context
from tests.exports.reading import rows

if TYPE_CHECKING:
    from pathlib import Path

    from tests.airflow_side_screenleap.stage import Studio


def test_the_usage_export_and_the_rows_tell_of_the_same_shares_at_the_same_cost(
    studio: Studio, tmp_path: Path
) -> None:
    records = [studio.launch() for _ in range(2)]
    for record in records:
        studio.present(record, "v-1")
        studio.wait(1800)
        studio.end(record)
    begin = parse_time(records[0]["start"]).replace(hour=0, minute=0, second=0, microsecond=0)
    studio.wait(3 * 86_400)
    time: dict[str, Any] = {"conn_id": studio.conn_id, "destination": str(tmp_path), "since": begin, "wait": False}
    until = begin + timedelta(days=2)
    usage = ScreenleapExportUsageOperator(task_id="usage", until=until, **time).execute(context())
    told = ScreenleapSessionsToObjectStorageOperator(task_id="export", until=until, **time).execute(context())
    found = rows(LocalStorage(tmp_path), told["manifests"])
    assert [row["session_id"] for row in found] == usage["session_ids"]
    assert len(found) == 2
    assert sum(row["cost_in_cents"] for row in found) == pytest.approx(
        usage["extra"]["totals"]["cost_in_cents"], abs=1
    )
