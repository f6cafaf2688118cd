"""Airflow's own database, as DAGs and launches leave it."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from airflow_provider.live_sessions.compat.features import TASK_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def database() -> Iterator[Any]:
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session


def forgotten_asset(uri: str, name: str) -> None:
    """Write down an asset as it stays behind when no DAG names it any more."""
    from airflow.models.asset import AssetModel

    with database() as session:
        session.add(AssetModel(name=name, uri=uri, group="asset"))


def told_assets(uri: str) -> list[str]:
    """Return the names of the assets at an address that events were registered of."""
    from airflow.models.asset import AssetEvent, AssetModel

    with database() as session:
        query = select(AssetModel.name).join(AssetEvent, AssetModel.id == AssetEvent.asset_id)
        return list(session.scalars(query.where(AssetModel.uri == uri)))


def named_asset(uri: str) -> str:
    """Write down an asset as a DAG that is scheduled on it does; return its address."""
    from airflow.models.asset import AssetActive, AssetModel

    with database() as session:
        session.add(AssetModel(name=uri, uri=uri, group="asset"))
        session.add(AssetActive(name=uri, uri=uri))
    return uri


def events(uri: str, *, patience: float = 0.0) -> list[tuple[Any, Any]]:
    """Return what an asset's events say, and their partition keys; wait so many seconds for the first."""
    from airflow.models.asset import AssetEvent, AssetModel

    deadline = time.monotonic() + patience
    while True:
        with database() as session:
            query = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            rows = session.scalars(query.where(AssetModel.uri == uri))
            found = [(row.extra, getattr(row, "partition_key", None)) for row in rows]
        if found or time.monotonic() >= deadline:
            return found
        time.sleep(0.05)


def wrote_down(dag_id: str, run_id: str, task_id: str, map_index: int, value: Any) -> None:
    """Write into the task state store as a launch does."""
    from airflow.models.dagrun import DagRun
    from airflow.models.task_state_store import TaskStateStoreModel

    with database() as session:
        run = DagRun(dag_id=dag_id, run_id=run_id, run_type="manual", run_after=datetime.now(UTC))
        session.add(run)
        session.flush()
        session.add(
            TaskStateStoreModel(
                dag_run_id=run.id,
                task_id=task_id,
                map_index=map_index,
                key=TASK_KEY,
                dag_id=dag_id,
                run_id=run_id,
                value=json.dumps(value),
                updated_at=datetime.now(UTC),
            )
        )


def elsewhere_backend() -> type:
    """Return a state backend that keeps everything outside of Airflow's database."""
    from airflow.state.metastore import MetastoreBackend

    class Elsewhere(MetastoreBackend):
        def get(self, scope: Any, key: str, *, session: Any = None) -> str | None:
            return json.dumps({"dag": scope.dag_id, "index": scope.map_index}) if key == TASK_KEY else None

    return Elsewhere
