"""What differs between Airflow versions, asked here and nowhere else.

| from | what |
| --- | --- |
| 3.1 | the oldest that is supported; Fernet lives in ``airflow.models.crypto`` |
| 3.2 | Fernet in ``airflow.sdk.crypto``, declarative connection forms |
| 3.3 | the task and the asset state store, ``BaseTrigger.on_kill``, partition keys of outlets' events |
| 3.3.2 | an asynchronous look-up of connections that does not break off |

What each of them lacks, as its users see it, is in docs/compatibility.md.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol, cast

from airflow.providers.common.compat.sdk import BaseHook, Connection, conf

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.core.launching import Memory

TASK_KEY = "live_sessions"
"""The key in the task state store under which a launch writes."""

_STATE_STORE_SINCE = (3, 3)


class _Fernet(Protocol):
    is_encrypted: bool

    def encrypt(self, msg: bytes) -> bytes: ...
    def decrypt(self, msg: bytes) -> bytes: ...


def fernet() -> _Fernet:
    """Return Airflow's Fernet, whose ``is_encrypted`` is False when no key is set."""
    try:
        from airflow.sdk.crypto import get_fernet
    except ImportError:  # Airflow 3.1
        from airflow.models.crypto import get_fernet  # type: ignore[no-redef,unused-ignore]
    return cast("_Fernet", get_fernet())


async def connection_of(conn_id: str) -> Connection:
    """Return a connection, asked for on an event loop; in the triggerer that is the loop of all triggers.

    Before Airflow 3.3.2 the asynchronous look-up masks what it read with a synchronous call, which Airflow breaks
    off as a deadlock when another trigger is asking. There the synchronous look-up runs in a thread.

    Args:
        conn_id: The connection's id.

    Raises:
        AirflowNotFoundException: There is no such connection.
    """
    if hasattr(Connection, "aextra_dejson"):  # came with the masking that waits
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async

    return await sync_to_async(BaseHook.get_connection)(conn_id)


def mask_secret(text: str) -> None:
    """Have Airflow write ``***`` for a text in this task's log and on its pages."""
    from airflow.sdk.log import mask_secret as mask  # common.compat has it only since its 1.23

    mask(text)


def defaults_have_to_fit() -> bool:
    """Return whether the form of a DAG that asks for an approval is checked while the DAG is read.

    The standard provider of Airflow 3.1's days does so when it makes the task, with the DAG's whole form; since
    then a field without a value waits for the person who triggers it.
    """
    return tuple(int(part) for part in version("apache-airflow-providers-standard").split(".")[:2]) < (1, 15)


def memory_of(context: Mapping[str, Any]) -> Memory:
    """Return what outlives this task's try: the task state store of Airflow 3.3, or nothing."""
    from airflow_provider.live_sessions.core.launching import Forgetful

    store = context.get("task_state_store")
    return Forgetful() if store is None else _TaskMemory(store)


def add_partition(event: Any, key: str) -> bool:
    """Give an outlet's event a partition key.

    Args:
        event: What ``outlet_events`` has for the outlet.
        key: The partition.

    Returns:
        False where this Airflow has no partition keys (before 3.3): the event is a plain one then.
    """
    if not hasattr(event, "add_partitions"):
        return False
    event.add_partitions(key)
    return True


def asset_store_of(trigger: Any) -> Any:
    """Return the state store of the asset that a trigger watches, which Airflow 3.3 sets on it; else None."""
    return getattr(trigger, "asset_state_store", None)


def keeps_task_state(version: str) -> bool:
    """Return whether another Airflow, known by the version that it tells, keeps what a task writes down.

    Args:
        version: As ``GET /api/v2/version`` tells it, e.g. ``"3.3.2"``.
    """
    numbers = tuple(int(one) for one in version.split(".")[:2] if one.isdecimal())
    return numbers >= _STATE_STORE_SINCE


class _TaskMemory:
    """A launch's memory in Airflow's task state store; survives retries and clears."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def recall(self) -> dict[str, Any]:
        value = self._store.get(TASK_KEY)
        return dict(value) if isinstance(value, dict) else {}

    def record(self, value: dict[str, Any]) -> None:
        self._store.set(TASK_KEY, value)


def deferral_hold() -> float:
    """Return the seconds after a deferral in which its event must not fire.

    Airflow notices that a deferred task's process has ended up to ``[workers] min_heartbeat_interval`` late; an
    event before that makes the scheduler fail the task (apache/airflow#66374). Twice the interval is safe.
    """
    return 2.0 * float(conf.getfloat("workers", "min_heartbeat_interval", fallback=5.0))


async def state_of_deferred(task_instance: Any) -> str | None:
    """Return the state of a trigger's own task, asked from the triggerer; None where it cannot be told."""
    from airflow.sdk.execution_time.comms import GetTaskStates, TaskStatesResult
    from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

    answer = await SUPERVISOR_COMMS.asend(
        GetTaskStates(
            dag_id=task_instance.dag_id,
            task_ids=[task_instance.task_id],
            run_ids=[task_instance.run_id],
            map_index=task_instance.map_index,
        )
    )
    if not isinstance(answer, TaskStatesResult):
        return None
    states = answer.task_states.get(task_instance.run_id, {})
    plain, mapped = task_instance.task_id, f"{task_instance.task_id}_{task_instance.map_index}"
    state = states.get(plain if task_instance.map_index < 0 else mapped)
    return None if state is None else str(state)


def prefer(kwargs: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """Return an operator's arguments with this package's defaults, which give way to the DAG's ``default_args``.

    Args:
        kwargs: What the author and the DAG gave.
        defaults: What stands where neither says anything.
    """
    of_the_dag = kwargs.get("default_args") or {}
    return {**{name: value for name, value in defaults.items() if name not in of_the_dag}, **kwargs}
