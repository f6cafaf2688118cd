"""A clinic at the sandbox's Coviu: the provider's platform on one side, people and a tap on the other."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.keys import KeyKind, LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform
from airflow_provider.live_sessions.sandbox import CoviuOptions as SandboxOptions
from airflow_provider.live_sessions.sandbox import Sandbox
from tests.platforms import kit
from tests.platforms.kit import QUICK, UNHURRIED, Kit, Tap, connection, still

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.models import Launched, SessionRef
    from airflow_provider.live_sessions.core.retry import RetryPolicy

KEY, SECRET = "clinic-api-key", "clinic-key-secret-9b1f"
NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
START = NOW + timedelta(hours=1)
"""When an appointment begins unless told otherwise; it takes half an hour."""

DOCTOR = Participant("dr-1", "Dr. Ada", email="ada@clinic.test", role="clinician", leader=True)
PATIENT = Participant("p-1", "Bo", email="bo@home.test", role="patient")
OTHER = Participant("p-2", "Cleo", role="patient")
PEOPLE = (DOCTOR, PATIENT)


class Clinic(Kit):
    """One team, frozen at ``NOW``, and the platform opened on it."""

    settle = 300.0

    def __init__(self, sandbox: Sandbox, retry: RetryPolicy) -> None:
        self.sandbox = sandbox
        self.tap = Tap(sandbox.coviu, sandbox.clock)
        self.client = self.new_client(retry=retry)
        self.platform: CoviuPlatform = CoviuPlatform(self.client)

    @classmethod
    @contextmanager
    def open(cls, *, start: datetime = NOW, retry: RetryPolicy = QUICK, **options: Any) -> Iterator[Self]:
        # Moved time must not make the tokens old: only some tests are about that.
        chosen = SandboxOptions(**{"api_key": KEY, "key_secret": SECRET, "expires_in": 10**8, **options})
        with Sandbox(start=start, frozen=True, coviu=chosen) as sandbox:
            clinic = cls(sandbox, retry)
            try:
                yield clinic
            finally:
                clinic.client.close()

    def new_client(self, **options: Any) -> CoviuClient:
        """Return one more client; each has a rate budget of its own unless ``conn_id`` says otherwise."""
        given = {
            "api_key": KEY,
            "key_secret": SecretStr(SECRET),
            "conn_id": connection("clinic"),
            "base_url": self.sandbox.coviu.url,
            "requests_per_second": 100_000.0,
            "retry": QUICK,
            "timeout": UNHURRIED,
        }
        client = CoviuClient(**{**given, **options})
        still(client._http)
        return client

    # ---- appointments

    def launch(self, the_plan: Plan | None = None) -> Launched:
        the_plan = the_plan or plan()
        return self.platform.launch(the_plan, key_of(the_plan))

    def hold(self, ref: SessionRef, seconds: float = 1200, *people: str) -> None:
        """Go to the start and let people (doctor and patient) be in for so long."""
        present = people or ("dr-1", "p-1")
        self.go_to(parse_time(ref.detail("planned_start")))
        self.join(ref, *present)
        self.wait(seconds)
        self.leave(ref, *present)

    def join(self, ref: SessionRef, *people: str) -> None:
        for one in people:
            self.sandbox.coviu.join(ref.session_id, one)

    def leave(self, ref: SessionRef, *people: str) -> None:
        for one in people:
            self.sandbox.coviu.leave(ref.session_id, one)

    # ---- time

    def arrive(self, moment: datetime) -> None:
        """Move the time and let the client notice: real clocks do not jump between two answers."""
        self.go_to(moment)
        self.client.team()

    # ---- what went over the wire

    def queries(self, path: str = "/sessions$", **which: Any) -> list[dict[str, list[str]]]:
        return super().queries(path, **{"method": "GET", **which})

    def bodies(self, method: str, path: str) -> list[dict[str, Any]]:
        return [
            json.loads(one.body)
            for one in self.tap.requests
            if one.method == method and one.path.removeprefix("/coviu/v1").startswith(path) and one.body
        ]

    def tokens(self) -> list[dict[str, str]]:
        """Return the forms of all token requests."""
        return [
            {name: values[0] for name, values in parse_qs(one.body.decode()).items()}
            for one in self.tap.requests
            if one.path.endswith("/auth/token")
        ]

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["coviu"]["sessions"])

    @property
    def alive(self) -> list[dict[str, Any]]:
        return [one for one in self.sessions if not one["canceled"]]

    def states(self, number: int = 0) -> list[str]:
        return [one["state"] for one in self.sessions[number]["participants"]]


def plan(
    title: str = "Consultation",
    *,
    start: datetime = START,
    minutes: float = 30,
    people: tuple[Participant, ...] = PEOPLE,
    **options: Any,
) -> Plan:
    return Plan(title, start, start + timedelta(minutes=minutes), people, options)


def key_of(the_plan: Plan) -> LaunchKey:
    return LaunchKey.for_occurrence(conn_id="clinic", timetable="day", uid=the_plan.title, start=START)


def task_key(map_index: int = 0) -> LaunchKey:
    key = LaunchKey.for_task(conn_id="clinic", dag_id="d", run_id="r", task_id="t", map_index=map_index)
    assert key.kind is KeyKind.TASK
    return key


watch = partial(kit.watch, settle=Clinic.settle)
