"""An account at the sandbox's Screenleap, seen from Airflow: a connection, tasks, one trigger at a time."""

from __future__ import annotations

import asyncio
import itertools
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import airflow.sdk.execution_time.supervisor  # noqa: F401 - reads the heartbeat before the tests shorten it
from airflow.models.trigger import Trigger
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider.live_sessions.core import sealing
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.operators.screenleap import ScreenleapLaunchSessionOperator
from airflow_provider.live_sessions.sandbox import Sandbox, ScreenleapOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pytest
    from airflow.providers.common.compat.sdk import BaseOperator, Context
    from airflow.triggers.base import BaseTrigger

    from airflow_provider.live_sessions.sandbox.log import Entry

ACCOUNT, TOKEN = "studio", "0123456789abcdef-door-opener"
PEOPLE = (
    {"id": "p-1", "name": "Ada", "leader": True},
    {"id": "v-1", "name": "Bo"},
    {"id": "v-2", "name": "Cleo"},
)
PATIENCE = 60.0
"""Seconds after which a wait is taken for hung."""

_numbers = itertools.count(1)


@dataclass
class TaskInstance:
    """What an operator sees of its task instance; XComs are a plain dictionary."""

    task_id: str = "launch"
    dag_id: str = "demo"
    run_id: str = "run-1"
    map_index: int = -1
    max_tries: int = 2
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = json.loads(json.dumps(value))

    def xcom_pull(self, task_ids: str, map_indexes: int = -1, key: str = "return_value") -> Any:
        return self.xcoms.get(key)


def context(ti: TaskInstance | None = None) -> Context:
    """Return the context of a task, without a task state store, as on Airflow 3.1."""
    run = SimpleNamespace(run_after=datetime.now(UTC), run_type="manual")
    return {"ti": ti or TaskInstance(), "dag_run": run}  # type: ignore[typeddict-item]  # as much as is looked at


def event_of(trigger: BaseTrigger) -> Any:
    """Run a trigger as a triggerer does, made again from the database, and return its one event."""
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    stored = Trigger.encrypt_kwargs(kwargs)
    again = getattr(__import__(module, fromlist=[name]), name)(**Trigger._decrypt_kwargs(stored))

    async def run() -> list[Any]:
        async with asyncio.timeout(PATIENCE):
            return [event.payload async for event in again.run()]

    (event,) = asyncio.run(run())
    return json.loads(json.dumps(event))


def deferral(operator: BaseOperator, the_context: Context) -> TaskDeferred:
    """Execute until the task defers."""
    try:
        result = operator.execute(the_context)
    except TaskDeferred as deferred:
        return deferred
    raise AssertionError(f"it did not defer but returned {result!r}")


def resume(operator: BaseOperator, the_context: Context, deferred: TaskDeferred) -> Any:
    """Let the trigger fire, and come back as Airflow does."""
    event = event_of(deferred.trigger)
    return operator.resume_execution(deferred.method_name, {"event": event}, the_context)


class Studio:
    """One account, its clock standing at the present until moved."""

    def __init__(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sandbox = sandbox
        self.people = sandbox.screenleap
        self.conn_id = f"stage_{next(_numbers)}"
        self._monkeypatch = monkeypatch
        self.connect()

    @classmethod
    @contextmanager
    def open(cls, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[Studio]:
        # The hold after a deferral is real time: here it need not outlast a supervisor.
        monkeypatch.setenv("AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL", "0")
        chosen = ScreenleapOptions(**{"account_id": ACCOUNT, "authtoken": TOKEN, "stop_after": 0.0, **options})
        with Sandbox(frozen=True, screenleap=chosen) as sandbox:
            yield cls(sandbox, monkeypatch)

    def connect(self, **changes: Any) -> None:
        """Write the Airflow connection."""
        connection = {
            "conn_type": "screenleap",
            "login": ACCOUNT,
            "password": TOKEN,
            "host": self.people.url,
            "extra": {"requests_per_second": 1000, "timeout": 30},
            **changes,
        }
        self._monkeypatch.setenv(f"AIRFLOW_CONN_{self.conn_id.upper()}", json.dumps(connection))

    def launcher(self, *, ahead: float = 600, **arguments: Any) -> ScreenleapLaunchSessionOperator:
        """Return a launch of a share that begins so many seconds from now and takes an hour."""
        start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp() + ahead), UTC)
        described: dict[str, Any] = {
            "title": "Demo",
            "start": start,
            "end": start + timedelta(hours=1),
            "participants": PEOPLE,
            "presenter_country_code": "DE",
        }
        return ScreenleapLaunchSessionOperator(
            task_id="launch", conn_id=self.conn_id, **{**described, **arguments}
        )

    def launch(self, **arguments: Any) -> dict[str, Any]:
        """Launch a share and return the record that goes to XCom."""
        ti = TaskInstance(task_id=f"launch-{next(_numbers)}")
        return dict(json.loads(json.dumps(self.launcher(**arguments).execute(context(ti)))))

    def code(self, record: Mapping[str, Any]) -> str:
        return sealing.unseal(record["ref"]["details"]["code"], AirflowCipher()).get_secret_value()

    def present(self, record: Mapping[str, Any], *viewers: str) -> None:
        self.people.present(self.code(record))
        for one in viewers:
            self.people.view(self.code(record), one)

    def end(self, record: Mapping[str, Any]) -> None:
        self.people.end(self.code(record))

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def go_to(self, moment: str) -> None:
        self.sandbox.clock.set(parse_time(moment))

    def log(self, **which: Any) -> list[Entry]:
        return self.sandbox.log.entries(**which)

    @property
    def shares(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["screenleap"]["shares"])

    @property
    def secrets(self) -> list[str]:
        given = self.people.secrets()
        return [TOKEN, *given["codes"], *given["tokens"], *given["viewer_urls"]]
