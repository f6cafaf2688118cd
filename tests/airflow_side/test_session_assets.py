"""The example whose tasks name the data they read and bring home."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session
from sqlalchemy import func, select

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from tests.airflow_versions import DagBag
from tests.exports.lessonspace_past import fill
from tests.exports.reading import rows
from tests.exports.spoken_past import speak

if TYPE_CHECKING:
    from tests.airflow_side.stage import School

DAGS = Path(__file__).parents[2] / "dags"
CONNECTION = "lessonspace_default"
TOLD = f"live-sessions://lessonspace/{CONNECTION}/"
GRAPH = {
    "sessions": ({"sessions"}, {"sessions-exported"}),
    "segments": ({"segments"}, {"segments-exported"}),
    "classes": ({"sessions-exported", "segments-exported"}, {"classes-summarised"}),
}


@pytest.fixture(scope="module")
def bag(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS / "session_assets.py"))


def named(assets: Any) -> set[str]:
    return {str(one.uri).removeprefix(TOLD) for one in assets}


def test_each_task_names_what_it_reads_and_what_it_brings_home(bag: DagBag) -> None:
    assert bag.import_errors == {}
    tasks = {one.task_id: (named(one.inlets), named(one.outlets)) for one in bag.dags["session_assets"].tasks}
    assert tasks == GRAPH
    timetable: Any = bag.dags["session_assets_read"].timetable
    condition = timetable.asset_condition
    assert named(getattr(condition, "objects", [condition])) == {"classes-summarised"}


def last_event() -> int:
    """Return the number of the latest event: other tests tell of their assets in the same Airflow."""
    with create_session() as session:
        return session.scalar(select(func.max(AssetEvent.id))) or 0


def test_a_day_that_came_home_lies_in_the_database_as_events_of_its_assets(
    bag: DagBag, school: School, tmp_path: Path
) -> None:
    school.conn_id = CONNECTION
    school.connect()
    last = last_event()
    since = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=5)
    fill(school.sandbox, since, since + timedelta(hours=20), 20)
    speak(school.sandbox)
    conf = {
        "since": since.isoformat(),
        "until": (since + timedelta(days=2)).isoformat(),
        "destination": str(tmp_path),
        "file_format": "jsonl",
    }
    run = bag.dags["session_assets"].test(run_conf=conf)
    assert {ti.task_id: str(ti.state) for ti in run.get_task_instances()} == dict.fromkeys(GRAPH, "success")
    with create_session() as session:
        uris = session.execute(
            select(AssetModel.uri)
            .join(AssetEvent, AssetModel.id == AssetEvent.asset_id)
            .where(AssetEvent.id > last)
        ).scalars()
        home = sorted(uri.removeprefix(TOLD) for uri in uris)
    assert home == ["classes-summarised", "segments-exported", "sessions-exported"]
    told = next(ti for ti in run.get_task_instances() if ti.task_id == "classes").xcom_pull(task_ids="classes")
    assert len(rows(LocalStorage(tmp_path), told["manifests"])) == told["counts"]["classes"] > 0
