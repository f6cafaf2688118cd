"""What another run launched, as the task of a form sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.pages import LaunchPlace
from airflow_provider.live_sessions.core.proof import prove
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from tests.airflow_side.stage import TaskInstance

if TYPE_CHECKING:
    from collections.abc import Mapping


class Launched(TaskInstance):
    """A task instance that sees what another run launched."""

    elsewhere: ClassVar[dict[tuple[str, ...], Any]] = {}

    def xcom_pull(self, task_ids: str, *args: Any, **which: Any) -> Any:
        if "run_id" not in which:
            return super().xcom_pull(task_ids, *args, **which)
        return self.elsewhere.get((which["dag_id"], which["run_id"], task_ids))


def launched_there(record: Mapping[str, Any], map_index: int = -1, **place: str) -> dict[str, Any]:
    """Return a record as its launch in that run would have written it."""
    there = {"dag_id": "class_now", "run_id": "run-7", "task_id": "class.launch", **place}
    proven = prove(
        SessionRecord.from_json(record), LaunchPlace(**there, map_index=map_index), AirflowCipher()
    ).to_json()
    return dict(json.loads(json.dumps(proven)))
