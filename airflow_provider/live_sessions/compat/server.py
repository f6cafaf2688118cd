"""Airflow's own database, for what runs inside its api-server.

Airflow's supported way to tell of an asset from outside a task is its REST API (``POST /api/v2/assets/events``). A
plugin inside the api-server has no user to call that with, and no public Python function does the same; so this
calls what that endpoint calls, in the versions that the tests run on. Whoever wants the public interface alone
runs the receiver on its own.
"""

from __future__ import annotations

import inspect
import json
from functools import cache
from typing import Any


def register_asset_event(uri: str, extra: dict[str, Any], partition_key: str | None) -> bool:
    """Tell of an asset, as ``POST /api/v2/assets/events`` does.

    Args:
        uri: The asset's address.
        extra: What the event says.
        partition_key: The event's partition; left out where this Airflow has none.

    Returns:
        False where no DAG names the asset (any more), so that nobody could be told.
    """
    from airflow.assets.manager import asset_manager
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    more: dict[str, Any] = {}
    if partition_key is not None and "partition_key" in _parameters(asset_manager.register_asset_change):
        more["partition_key"] = partition_key
    with create_session() as session:
        asset = session.scalar(select(AssetModel).where(AssetModel.uri == uri, AssetModel.active.has()).limit(1))
        if asset is None:
            return False
        event = asset_manager.register_asset_change(asset=asset, extra=extra, session=session, **more)
        return event is not None


def _parameters(function: Any) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


@cache
def remembers() -> bool:
    """Return whether this Airflow keeps what a task writes down: 3.3 does."""
    try:
        import airflow.models.task_state_store  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def task_state(dag_id: str, run_id: str, task_id: str, map_index: int, key: str) -> Any:
    """Return what a task wrote into its state store, or None; through the backend that the deployment has set.

    Args:
        dag_id: The task's DAG.
        run_id: Its run.
        task_id: Its id.
        map_index: Its index, -1 where it is not mapped.
        key: Under which key.
    """
    if not remembers():
        return None
    from airflow.state import TaskScope, get_state_backend

    value = get_state_backend().get(TaskScope(dag_id, run_id, task_id, map_index), key)
    return None if value is None else json.loads(value)
