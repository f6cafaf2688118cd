"""The events as Airflow's database holds them: who is woken by which, and what each DAG makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.asset import AssetEvent, AssetModel
from airflow.sdk.execution_time.context import OutletEventAccessor
from airflow.utils.session import create_session
from sqlalchemy import select

from tests.airflow_side.stage import School, meanwhile
from tests.airflow_side.test_dags import school_day
from tests.airflow_side.test_session_assets import last_event
from tests.airflow_versions import DagBag, found

if TYPE_CHECKING:
    from airflow.sdk import Asset

PartitionedAssetTimetable: Any = found("airflow.sdk:PartitionedAssetTimetable")
DagSerialization: Any = found("airflow.serialization.serialized_objects:DagSerialization")
if not hasattr(OutletEventAccessor, "add_partitions"):
    pytest.skip("events have partition keys from Airflow 3.3 on", allow_module_level=True)

DAGS = Path(__file__).parents[2] / "dags"
CONNECTION = "lessonspace_default"


@pytest.fixture(scope="module")
def bag(airflow_db: None) -> DagBag:
    return DagBag(str(DAGS / "on_session_end.py"))


def assets(bag: DagBag, name: str) -> list[Asset]:
    timetable: Any = bag.dags[name].timetable
    return list(getattr(timetable.asset_condition, "objects", [timetable.asset_condition]))


def uris(bag: DagBag, name: str) -> set[str]:
    return {asset.uri for asset in assets(bag, name)}


def report(bag: DagBag, name: str, monkeypatch: pytest.MonkeyPatch, **context: Any) -> Any:
    """Run a consumer's function with what Airflow would hand it."""
    task: Any = bag.dags[name].get_task("report")
    monkeypatch.setitem(task.python_callable.__globals__, "get_current_context", lambda: context)
    return task.python_callable()


def test_each_consumer_waits_for_the_asset_that_wakes_it(bag: DagBag) -> None:
    told = f"live-sessions://lessonspace/{CONNECTION}/session-ended"
    assert bag.import_errors == {}
    assert uris(bag, "on_session_end_plain") == {told}
    assert uris(bag, "on_session_end_each") == {f"{told}-by-session"}
    assert uris(bag, "on_session_end_watched") == {f"{told}-watched"}
    assert isinstance(bag.dags["on_session_end_each"].timetable, PartitionedAssetTimetable)
    assert {one.uri for one in bag.dags["on_session_end"].get_task("wait").outlets} == {told, f"{told}-by-session"}


def test_an_end_lies_in_the_database_once_plain_and_once_by_its_session(
    bag: DagBag, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    school.conn_id = CONNECTION
    school.connect()
    last = last_event()
    settings = {"in_minutes": 20, "minutes": 45}
    with meanwhile(lambda: school.polls >= 2, school_day(school, 3000)):
        run = bag.dags["on_session_end"].test(run_conf=settings)
    assert {str(ti.state) for ti in run.get_task_instances()} == {"success"}
    with create_session() as session:
        events = session.execute(
            select(AssetModel.uri, AssetEvent.partition_key, AssetEvent.extra)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetEvent.id > last)
        ).all()
    told = f"live-sessions://lessonspace/{CONNECTION}/session-ended"
    keys = {uri: key for uri, key, _ in events}
    assert len(events) == 2
    assert keys[told] is None
    (extra, other) = (extra for _, _, extra in events)
    assert extra == other
    assert keys[f"{told}-by-session"] == extra["session"]
    assert report(
        bag, "on_session_end_each", monkeypatch, dag_run=SimpleNamespace(partition_key=extra["session"])
    ) == str(extra["session"])


def test_the_watching_dag_counts_a_session_once_though_it_was_told_twice(
    bag: DagBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    (asset,) = assets(bag, "on_session_end_watched")
    events = [
        SimpleNamespace(extra={"payload": {"id": name, "ended_at": f"2026-09-01T0{hour}:00:00+00:00"}})
        for name, hour in (("b", 9), ("a", 8), ("b", 9))
    ]
    found = report(bag, "on_session_end_watched", monkeypatch, triggering_asset_events={asset: events})
    assert [one["id"] for one in found] == ["a", "b"]


def test_airflow_stores_the_watcher_with_its_arguments(bag: DagBag) -> None:
    stored = json.dumps(DagSerialization.to_dict(bag.dags["on_session_end_watched"]))
    assert "triggers.ended.SessionsEndedTrigger" in stored
    assert f"live-sessions://lessonspace/{CONNECTION}/session-ended-watched" in stored
