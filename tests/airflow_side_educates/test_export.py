"""Educates keeps no history, and its export operator says so instead of exporting nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider.live_sessions.operators.educates import EducatesSessionsToObjectStorageOperator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.airflow_side_educates.lab import Lab


def test_an_export_is_refused_with_what_works_instead(lab: Lab, tmp_path: Path) -> None:
    operator = EducatesSessionsToObjectStorageOperator(
        task_id="export",
        conn_id=lab.conn_id,
        destination=str(tmp_path),
        since="2026-09-01T00:00:00+00:00",
        until="2026-09-02T00:00:00+00:00",
    )
    said = r"no history.*EducatesListWorkshopsOperator.*analytics_url"
    for wait in (True, False):
        operator.wait = wait
        with pytest.raises(AirflowFailException, match=said):
            operator.execute({})
    assert not list(tmp_path.iterdir())
