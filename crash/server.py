"""What Airflow's API server would hold of the tasks of one DAG run, and how it answers their messages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import comms
from airflow.sdk.serde import deserialize, serialize

from crash.environment import BUNDLE, DAG_FILE

if TYPE_CHECKING:
    from pydantic import BaseModel

RETURN_VALUE: Final = "return_value"
DAG_ID: Final = "crash_matrix"
RETRIES: Final = 6
"""More than any scene needs: the matrix asks what is left behind, not whether the retries suffice."""


@dataclass
class Row:
    """One task instance.

    Args:
        task_id: Its task.
        map_index: Its lane; -1 for a task that is not mapped.
        state: As Airflow names it.
        try_number: Counts from 1.
        max_tries: How many retries it has.
        id: Another one with every try, as in Airflow.
        store: Its task state store, which outlives tries.
        deferral: What it deferred with.
        next_kwargs: What it is to be resumed with.
    """

    task_id: str
    map_index: int
    state: str = "queued"
    try_number: int = 1
    max_tries: int = RETRIES
    id: UUID = field(default_factory=uuid4)
    store: dict[str, Any] = field(default_factory=dict)
    deferral: comms.DeferTask | None = None
    next_kwargs: Any = None

    def next_try(self) -> None:
        """Begin anew, as after a retry's delay: only what Airflow keeps is kept."""
        self.state, self.id = "queued", uuid4()
        self.try_number += 1
        self.deferral, self.next_kwargs = None, None

    def clear(self) -> None:
        """Begin anew because a person cleared it."""
        self.max_tries = self.try_number + RETRIES
        self.next_try()

    def fired(self, payload: Any) -> None:
        """Resume with a trigger's event."""
        if self.deferral is None:
            raise AssertionError("only a deferred task is resumed")
        given: Any = deserialize(self.deferral.next_kwargs or {})
        self.next_kwargs = serialize({**given, "event": payload})
        self.state = "queued"


class Server:
    """The rows and XComs of one DAG run.

    Args:
        run_id: The run.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.xcoms: dict[tuple[str, int, str], Any] = {}
        self._now = datetime.now(UTC)

    def xcom(self, row: Row, key: str = RETURN_VALUE) -> Any:
        """Return what a task pushed, or None."""
        return self.xcoms.get((row.task_id, row.map_index, key))

    def start(self, row: Row) -> comms.StartupDetails:
        """Start a task's process: the row runs from now on."""
        resumed = row.next_kwargs is not None
        mine = [key for task, index, key in self.xcoms if (task, index) == (row.task_id, row.map_index)]
        run = {
            "dag_id": DAG_ID,
            "run_id": self.run_id,
            "logical_date": self._now,
            "data_interval_start": self._now,
            "data_interval_end": self._now,
            "run_after": self._now,
            "start_date": self._now,
            "end_date": None,
            "run_type": "manual",
            "state": "running",
            "consumed_asset_events": [],
            "partition_key": None,
        }
        context: dict[str, Any] = {
            "dag_run": run,
            "max_tries": row.max_tries,
            "should_retry": row.try_number <= row.max_tries,
            # A resumed task keeps its XComs, a new try loses them.
            "xcom_keys_to_clear": [] if resumed else mine,
        }
        if resumed and row.deferral is not None:
            context |= {"next_method": row.deferral.next_method, "next_kwargs": row.next_kwargs}
        row.state = "running"
        return comms.StartupDetails.model_validate(
            {
                "ti": {
                    "id": row.id,
                    "task_id": row.task_id,
                    "dag_id": DAG_ID,
                    "run_id": self.run_id,
                    "try_number": row.try_number,
                    "map_index": row.map_index,
                    "dag_version_id": uuid4(),
                },
                "dag_rel_path": DAG_FILE,
                "bundle_info": {"name": BUNDLE},
                "start_date": self._now,
                "sentry_integration": "",
                "ti_context": context,
            }
        )

    def handle(self, row: Row, ti_id: UUID, message: BaseModel) -> tuple[BaseModel | None, BaseModel | None]:
        """Do what a task asks for.

        Args:
            row: Its row, as it stands now.
            ti_id: The id its process was started with: an older try's is no longer known.
            message: What it asks for.

        Returns:
            The answer, and the error in its place.
        """
        stale = ti_id != row.id
        match message:
            case comms.GetTaskStateStore():
                if stale or message.key not in row.store:
                    return comms.ErrorResponse(error=ErrorType.TASK_STORE_NOT_FOUND), None
                return comms.TaskStateStoreResult(value=row.store[message.key]), None
            case comms.SetTaskStateStore():
                if stale:
                    return None, _refused("Task instance not found")
                row.store[message.key] = json.loads(json.dumps(message.value))
            case comms.GetXCom() | comms.GetXComSequenceItem() | comms.GetXComCount():
                return self._read(message), None
            case comms.SetXCom():
                index = -1 if message.map_index is None else message.map_index
                self.xcoms[message.task_id, index, message.key] = message.value
            case comms.DeleteXCom():
                index = -1 if message.map_index is None else message.map_index
                self.xcoms.pop((message.task_id, index, message.key), None)
            case comms.DeferTask() | comms.SucceedTask() | comms.RetryTask() | comms.TaskState():
                if stale or row.state != "running":
                    return None, _refused("The task instance is not in a valid state for this")
                self._end(row, message)
            case comms.SetRenderedFields() | comms.SetRenderedMapIndex() | comms.MaskSecret():
                pass
            case _:
                return None, _refused(f"{type(message).__name__} is not for this server")
        return None, None

    def _read(self, message: Any) -> BaseModel:
        """Answer who reads XComs: one value, one of a mapped task's values, or their number."""
        if isinstance(message, comms.GetXCom):
            index = -1 if message.map_index is None else message.map_index
            value = self.xcoms.get((message.task_id, index, message.key))
            return comms.XComResult(key=message.key, value=value)
        lanes = sorted(index for task, index, key in self.xcoms if (task, key) == (message.task_id, message.key))
        if isinstance(message, comms.GetXComCount):
            return comms.XComCountResponse(len=len(lanes))
        return comms.XComSequenceIndexResult(root=self.xcoms[message.task_id, lanes[message.offset], message.key])

    @staticmethod
    def _end(row: Row, message: BaseModel) -> None:
        match message:
            case comms.DeferTask():
                row.state, row.deferral, row.next_kwargs = "deferred", message, None
            case comms.SucceedTask():
                row.state = "success"
            case comms.RetryTask():
                row.state = "up_for_retry"
            case comms.TaskState():
                row.state = message.state.value


def _refused(why: str) -> BaseModel:
    return comms.ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"message": why})
