"""A school at the sandbox, seen from Airflow: a connection, tasks that run, a triggerer of one trigger."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import airflow.sdk.execution_time.supervisor  # noqa: F401 - reads the heartbeat before the tests shorten it
from airflow.models.trigger import Trigger
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pytest
    from airflow.providers.common.compat.sdk import BaseOperator, Context
    from airflow.triggers.base import BaseTrigger

    from airflow_provider.live_sessions.sandbox.log import Entry

KEY = "5a11ce00-c1a5-4c00-8000-0123456789ab"
PATIENCE = 60.0
"""Seconds after which a wait is taken for hung."""

TEACHER = Participant("t-1", "Ada Teacher", email="ada@school.test", role="teacher", leader=True)
STUDENT = Participant("s-1", "Bo Student", email="bo@home.test", role="student")
OTHER = Participant("s-2", "Cleo Student", role="student")
PEOPLE = (TEACHER, STUDENT)

_numbers = itertools.count(1)


@dataclass
class TaskInstance:
    """What an operator sees of its task instance; XComs and states are plain dictionaries."""

    task_id: str = "launch"
    dag_id: str = "class_day"
    run_id: str = "run-1"
    map_index: int = -1
    max_tries: int = 2
    xcoms: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    states: dict[str, dict[str, str]] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, self.map_index, key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, map_indexes: int = -1, key: str = "return_value") -> Any:
        return self.xcoms.get((task_ids, map_indexes, key))

    def get_task_states(
        self, dag_id: str, task_ids: list[str] | None = None, run_ids: list[str] | None = None
    ) -> dict[str, dict[str, str]]:
        return {run: self.states[run] for run in run_ids or () if run in self.states}


class Store:
    """Airflow's task state store: it outlives the tries of a task."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, key: str) -> Any:
        return json.loads(self.values[key]) if key in self.values else None

    def set(self, key: str, value: Any) -> None:
        self.values[key] = json.dumps(value)


def context(ti: TaskInstance | None = None, store: Store | None = None, **dag_run: Any) -> Context:
    """Return the context of a task; without a store it is Airflow 3.1's."""
    ti = ti or TaskInstance()
    run = {"run_after": datetime.now(UTC), "run_type": "manual", "dag_id": ti.dag_id, "run_id": ti.run_id}
    found: dict[str, Any] = {"ti": ti, "dag_run": SimpleNamespace(**{**run, **dag_run})}
    if store is not None:
        found["task_state_store"] = store
    return found  # type: ignore[return-value]  # as much of it as the operators look at


def crossed(trigger: BaseTrigger) -> Any:
    """Return the trigger as the triggerer makes it again from the database."""
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    stored = Trigger.encrypt_kwargs(kwargs)
    return getattr(__import__(module, fromlist=[name]), name)(**Trigger._decrypt_kwargs(stored))


def event_of(trigger: BaseTrigger, patience: float = PATIENCE) -> Any:
    """Run a trigger as a triggerer does and return its one event."""

    async def run() -> list[Any]:
        async with asyncio.timeout(patience):
            return [event.payload async for event in crossed(trigger).run()]

    (event,) = asyncio.run(run())
    return event if isinstance(event, datetime) else json.loads(json.dumps(event))


def deferral(operator: BaseOperator, the_context: Context) -> TaskDeferred:
    """Execute until the task defers."""
    try:
        result = operator.execute(the_context)
    except TaskDeferred as deferred:
        return deferred
    raise AssertionError(f"it did not defer but returned {result!r}")


def resume(operator: BaseOperator, the_context: Context, deferred: TaskDeferred, event: Any = None) -> Any:
    """Let the trigger fire, and come back as Airflow does."""
    event = event_of(deferred.trigger) if event is None else event
    return operator.resume_execution(deferred.method_name, {"event": event}, the_context)


@contextmanager
def meanwhile(condition: Callable[[], object], action: Callable[[], None]) -> Iterator[None]:
    """While the body runs: once the condition holds, do something, as other people would."""
    gone, wrong = threading.Event(), []

    def other_people() -> None:
        try:
            while not gone.is_set():
                if condition():
                    return action()
                time.sleep(0.01)
        except Exception as error:  # noqa: BLE001 - told to the test below
            wrong.append(error)

    thread = threading.Thread(target=other_people)
    thread.start()
    try:
        yield
    finally:
        gone.set()
        thread.join()
    if wrong:
        raise wrong[0]


class School:
    """One organisation at the sandbox, its clock standing at the present until moved."""

    def __init__(self, sandbox: Sandbox, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self.conn_id = conn_id
        self._monkeypatch = monkeypatch
        self.connect()

    @classmethod
    @contextmanager
    def open(cls, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[School]:
        chosen: dict[str, Any] = {
            "api_key": KEY,
            "rate_limit": 0,
            "transcript_min": 0,
            "transcript_after": 5,
            "recording_after": 5,
            **options,
        }
        # The hold after a deferral is real time: here it need not outlast a supervisor.
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        with Sandbox(frozen=True, lessonspace=LessonspaceOptions(**chosen)) as sandbox:
            yield cls(sandbox, f"school_{next(_numbers)}", monkeypatch)

    def connect(self, *, key: str = KEY, host: str | None = None, **extra: Any) -> None:
        """Write the Airflow connection."""
        connection = {
            "conn_type": "lessonspace",
            "password": key,
            "host": self.sandbox.lessonspace.url if host is None else host,
            "extra": {"requests_per_second": 1000, "timeout": 30, **extra},
        }
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{self.conn_id.upper()}", json.dumps(connection))

    # ---- classes

    def lesson(
        self,
        title: str = "Algebra 1",
        *,
        ahead: float = 1200,
        seconds: float = 3600,
        people: tuple[Participant, ...] = PEOPLE,
        **more: Any,
    ) -> dict[str, Any]:
        """Return a class of a timetable that starts so many seconds from now."""
        start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp() + ahead), UTC)
        end = start + timedelta(seconds=seconds)
        return Occurrence(uid=title, title=title, start=start, end=end, participants=people, **more).to_json()

    def launcher(
        self, lesson: Mapping[str, Any] | None = None, **arguments: Any
    ) -> LessonspaceLaunchSessionOperator:
        return LessonspaceLaunchSessionOperator(
            task_id="launch", conn_id=self.conn_id, session=lesson or self.lesson(), **arguments
        )

    def launch(self, lesson: Mapping[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        """Launch a class and return the record that goes to XCom."""
        result = self.launcher(lesson, **arguments).execute(context())
        return dict(json.loads(json.dumps(result)))

    def join(self, record: Mapping[str, Any], *people: str) -> None:
        for one in people:
            self.sandbox.lessonspace.join(record["ref"]["details"]["space"], one)

    def leave(self, record: Mapping[str, Any], *people: str) -> None:
        for one in people:
            self.sandbox.lessonspace.leave(record["ref"]["details"]["space"], one)

    def hold(self, record: Mapping[str, Any], *people: str, seconds: float = 3600) -> None:
        """Let people come at the planned start, stay, and leave; then let the session end."""
        present = people or ("t-1", "s-1")
        self.go_to(record["start"])
        self.join(record, *present)
        self.wait(seconds)
        self.leave(record, *present)
        self.wait(60)

    # ---- time, and what went over the wire

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def go_to(self, moment: str) -> None:
        self.sandbox.clock.set(parse_time(moment))

    @property
    def polls(self) -> int:
        """How often the list of running sessions was asked for: once a tick."""
        return len(self.log(path="/organisations/.*/sessions/$", query="in_progress_only"))

    def log(self, **which: Any) -> list[Entry]:
        return self.sandbox.log.entries(**which)

    @property
    def launches(self) -> int:
        """How often a space was launched, for whomever."""
        return len(self.log(method="POST", path="/spaces/launch/$"))

    @property
    def spaces(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["lessonspace"]["spaces"])

    @property
    def secrets(self) -> list[str]:
        """Every join link and space secret that was given out."""
        given = self.sandbox.lessonspace.secrets()
        return [*given["links"], *given["secrets"]]
