"""What is asked of Airflow itself, and how this package's errors meet it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowNotFoundException,
    BaseHook,
    Connection,
)
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, GetTaskStates, TaskStatesResult

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import (
    connection_of,
    deferral_hold,
    memory_of,
    state_of_deferred,
)
from airflow_provider.live_sessions.core import errors
from airflow_provider.live_sessions.core.errors import LiveSessionError
from tests.airflow_side.stage import Store

FINAL = [
    errors.ConfigurationError,
    errors.Refused,
    errors.AuthenticationFailed,
    errors.NotFound,
    errors.Unsupported,
    errors.TooLate,
]
PASSING = [errors.Transient, errors.RateLimited, errors.Unavailable, errors.OutcomeUnknown]


@pytest.mark.parametrize("kind", FINAL)
def test_what_a_retry_cannot_heal_fails_at_once_in_its_own_words(kind: type[LiveSessionError]) -> None:
    with pytest.raises(AirflowFailException) as told, airflow_errors():
        raise kind("it is so", advice="Do that.")
    assert str(told.value) == f"{kind.__name__}: it is so Do that."
    assert told.value.__suppress_context__


@pytest.mark.parametrize("kind", [*PASSING, KeyError, ValueError])
def test_everything_else_passes_as_it_is(kind: type[Exception]) -> None:
    error = kind("later")
    with pytest.raises(kind) as told, airflow_errors():
        raise error
    assert told.value is error


def test_an_error_of_this_package_is_on_one_side_of_the_border() -> None:
    def below(kind: type[LiveSessionError]) -> set[type[LiveSessionError]]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    known = {one for one in below(LiveSessionError) if one.__module__ == errors.__name__}
    assert known - {LiveSessionError} == {*FINAL, *PASSING}


def test_the_memory_of_a_task_is_airflow_s_store_or_nothing() -> None:
    store = Store()
    memory = memory_of({"task_state_store": store})
    assert memory.recall() == {}
    memory.record({"ref": {"a": 1}})
    assert memory_of({"task_state_store": store}).recall() == {"ref": {"a": 1}}
    store.set("live_sessions", "what somebody else put there")
    assert memory.recall() == {}
    without = memory_of({})
    without.record({"ref": 1})
    assert without.recall() == {}


def test_many_read_their_connections_on_one_event_loop_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"compat_{number}" for number in range(5)]
    for name in names:
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", f'{{"conn_type": "lessonspace", "login": "{name}"}}')

    async def read() -> list[Connection]:
        return await asyncio.gather(*(connection_of(name) for name in names))

    assert [one.login for one in asyncio.run(read())] == names


def test_an_airflow_that_masks_synchronously_is_asked_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Connection, "aextra_dejson", raising=False)
    monkeypatch.setattr(BaseHook, "aget_connection", None, raising=False)  # whoever calls it fails
    monkeypatch.setenv("AIRFLOW_CONN_COMPAT", '{"conn_type": "lessonspace", "login": "one"}')
    assert asyncio.run(connection_of("compat")).login == "one"
    with pytest.raises(AirflowNotFoundException):
        asyncio.run(connection_of("compat_nowhere"))


def test_the_hold_after_a_deferral_is_twice_the_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    for interval, hold in (("5", 10.0), ("1", 2.0), ("0", 0.0)):
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", interval)
        assert deferral_hold() == hold


class Supervisor:
    """Answers the triggerer's questions."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[GetTaskStates] = []

    async def asend(self, question: GetTaskStates) -> Any:
        self.asked.append(question)
        return self.answer


@pytest.mark.parametrize(
    ("map_index", "states", "state"),
    [
        (-1, {"launch": "failed"}, "failed"),
        (3, {"launch_3": "deferred", "launch": "failed"}, "deferred"),
        (3, {"launch_2": "failed"}, None),
        (-1, {"launch": None}, None),
        (-1, {}, None),
    ],
)
def test_the_state_of_a_trigger_s_own_task_is_asked_for_by_its_map_index(
    monkeypatch: pytest.MonkeyPatch, map_index: int, states: dict[str, Any], state: str | None
) -> None:
    supervisor = Supervisor(TaskStatesResult(task_states={"run-1": states}))
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    ti = SimpleNamespace(dag_id="d", task_id="launch", run_id="run-1", map_index=map_index)
    assert asyncio.run(state_of_deferred(ti)) == state
    (asked,) = supervisor.asked
    assert (asked.dag_id, asked.task_ids, asked.run_ids, asked.map_index) == (
        "d",
        ["launch"],
        ["run-1"],
        map_index,
    )


@pytest.mark.parametrize("answer", [None, ErrorResponse(), TaskStatesResult(task_states={})])
def test_without_an_answer_the_state_is_not_known(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Supervisor(answer), raising=False)
    ti = SimpleNamespace(dag_id="d", task_id="launch", run_id="run-1", map_index=-1)
    assert asyncio.run(state_of_deferred(ti)) is None
