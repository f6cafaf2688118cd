"""A clinic at the sandbox's Coviu: the provider's platform on one side, people and a tap on the other."""

from __future__ import annotations

import itertools
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.keys import KeyKind, LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform
from airflow_provider.live_sessions.sandbox import CoviuOptions as SandboxOptions
from airflow_provider.live_sessions.sandbox import Sandbox
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider.live_sessions.core.models import Launched, SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.sandbox.clock import Clock
    from airflow_provider.live_sessions.sandbox.log import Entry
    from airflow_provider.live_sessions.sandbox.wire import Request
    from airflow_provider.live_sessions.sandbox.world import Platform

KEY, SECRET = "clinic-api-key", "clinic-key-secret-9b1f"
NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
START = NOW + timedelta(hours=1)
"""When an appointment begins unless told otherwise; it takes half an hour."""

DOCTOR = Participant("dr-1", "Dr. Ada", email="ada@clinic.test", role="clinician", leader=True)
PATIENT = Participant("p-1", "Bo", email="bo@home.test", role="patient")
OTHER = Participant("p-2", "Cleo", role="patient")
PEOPLE = (DOCTOR, PATIENT)

QUICK = RetryPolicy(attempts=3, base=0.001, cap=0.002, max_wait=0.5)

_connections = itertools.count(1)


class Tap:
    """Sits before Coviu in the sandbox: keeps whole requests, may change them and their answers."""

    def __init__(self, inner: Platform, clock: Clock) -> None:
        self.inner = inner
        self.clock = clock
        self.name = inner.name
        self.requests: list[Request] = []
        self.answer: Callable[[Request, Response], Response] = lambda _, response: response
        self.before: Callable[[Request], None] = lambda _: None

    def handle(self, request: Request, now: datetime) -> Response:
        self.requests.append(request)
        self.before(request)
        # Whoever looked on before may have moved the time: then it passed while the request was on its way.
        return self.answer(request, self.inner.handle(request, max(now, self.clock.now())))

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        return self.inner.throttled(now, seconds, as_date=as_date)

    def unauthorised(self) -> Response:
        return self.inner.unauthorised()

    def loggable(self, request: Request) -> tuple[str, str]:
        return self.inner.loggable(request)

    def credentials(self, request: Request) -> str:
        return self.inner.credentials(request)

    def verbs(self) -> frozenset[str]:
        return self.inner.verbs()

    def info(self) -> Mapping[str, Any]:
        return self.inner.info()

    def state(self) -> Mapping[str, Any]:
        return self.inner.state()

    def reset(self) -> None:
        self.inner.reset()

    def close(self) -> None:
        self.inner.close()


class Clinic:
    """One team, frozen at ``NOW``, and the platform opened on it."""

    def __init__(self, sandbox: Sandbox, retry: RetryPolicy) -> None:
        self.sandbox = sandbox
        self.tap = Tap(sandbox.coviu, sandbox.clock)
        sandbox.platforms[sandbox.coviu.name] = self.tap
        self.client = self.new_client(retry=retry)
        self.platform = CoviuPlatform(self.client)

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
            "conn_id": f"clinic_{next(_connections)}",
            "base_url": self.sandbox.coviu.url,
            "requests_per_second": 100_000.0,
            "retry": QUICK,
            "timeout": (2.0, 5.0),
        }
        return CoviuClient(**{**given, **options})

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

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def go_to(self, moment: datetime) -> None:
        self.sandbox.clock.set(moment)

    def arrive(self, moment: datetime) -> None:
        """Move the time and let the client notice: real clocks do not jump between two answers."""
        self.go_to(moment)
        self.client.team()

    # ---- waiting

    def tick(self, *watches: Watch) -> list[SessionStatus | None]:
        return list(self.platform.statuses(watches, datetime.now(UTC)))

    def status(self, ref: SessionRef, **seen: Any) -> SessionStatus:
        (status,) = self.tick(watch(ref, **seen))
        assert status is not None
        return status

    # ---- what went over the wire

    def log(self, **which: Any) -> list[Entry]:
        return self.sandbox.log.entries(**which)

    def queries(self, path: str = "/sessions$", *, since: int = 0) -> list[dict[str, list[str]]]:
        return [
            parse_qs(one.query, keep_blank_values=True) for one in self.log(path=path, since=since, method="GET")
        ]

    def mark(self) -> int:
        """Return the number of the latest request, for ``since``."""
        return max((one.number for one in self.log()), default=0)

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


def watch(ref: SessionRef, *, deadline: datetime | None = None, settle: float = 300.0, **seen: Any) -> Watch:
    end = parse_time(ref.detail("window_end"))
    start, planned_end = parse_time(ref.detail("planned_start")), parse_time(ref.detail("planned_end"))
    return Watch(ref, Seen(start, planned_end, deadline or end, settle, **seen))


def altered(response: Response, change: Callable[[Any], Any]) -> Response:
    """Return the answer with its JSON changed."""
    body = json.dumps(change(json.loads(response.body))).encode()
    return replace(response, body=body)


def said(status: int, data: Any) -> Response:
    return Response.json(status, data)
