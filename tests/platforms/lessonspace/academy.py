"""A school at the sandbox's Lessonspace: the provider's platform on one side, people and a tap on the other."""

from __future__ import annotations

import itertools
import json
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

from hypothesis import HealthCheck, settings
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, ArtifactRules, Watch
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.launching import LessonspaceOptions, make_ref
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from airflow_provider.live_sessions.sandbox import LessonspaceOptions as SandboxOptions
from airflow_provider.live_sessions.sandbox import Sandbox
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_provider.live_sessions.core.contract import ArtifactWait
    from airflow_provider.live_sessions.core.models import Launched, SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.sandbox.log import Entry
    from airflow_provider.live_sessions.sandbox.wire import Request
    from airflow_provider.live_sessions.sandbox.world import Platform

LISTS = "/organisations/4711/sessions/$"
"""Where both lists of a tick are."""
DIRECT = "/spaces/.*/sessions/$"
"""Where one room is read."""

KEY = "5a11ce00-c1a5-4c00-8000-0123456789ab"
ORG = 4711
START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
CLASS = START + timedelta(hours=1)
"""When a class begins unless told otherwise; it takes an hour."""

TEACHER = Participant("t-1", "Ada Teacher", email="ada@school.test", role="teacher", leader=True)
STUDENT = Participant("s-1", "Bo Student", email="bo@home.test", role="student")
OTHER = Participant("s-2", "Cleo Student", role="student")
PEOPLE = (TEACHER, STUDENT)

QUICK = RetryPolicy(attempts=3, base=0.001, cap=0.002, max_wait=0.5)

steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine makes no property false."""

_connections = itertools.count(1)


class Tap:
    """Sits before Lessonspace in the sandbox: keeps whole requests, may change them and their answers."""

    def __init__(self, inner: Platform) -> None:
        self.inner = inner
        self.name = inner.name
        self.requests: list[Request] = []
        self.rewrite: Callable[[Request], Request] = lambda request: request
        self.answer: Callable[[Request, Response], Response] = lambda _, response: response

    def handle(self, request: Request, now: datetime) -> Response:
        self.requests.append(request)
        return self.answer(request, self.inner.handle(self.rewrite(request), now))

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


class Academy:
    """One organisation, frozen at ``START`` (or another moment), and the platform opened on it."""

    def __init__(self, sandbox: Sandbox, retry: RetryPolicy, rate: float) -> None:
        self.sandbox = sandbox
        self.tap = Tap(sandbox.lessonspace)
        sandbox.platforms[sandbox.lessonspace.name] = self.tap
        self.client = self.new_client(retry=retry, requests_per_second=rate)
        self.platform = LessonspacePlatform(self.client)

    @classmethod
    @contextmanager
    def open(
        cls,
        *,
        start: datetime = START,
        retry: RetryPolicy = QUICK,
        rate: float = 100_000.0,
        **options: Any,
    ) -> Iterator[Self]:
        chosen = SandboxOptions(**{"api_key": KEY, "organisation": ORG, "rate_limit": 0, **options})
        with Sandbox(start=start, frozen=True, lessonspace=chosen) as sandbox:
            academy = cls(sandbox, retry, rate)
            try:
                yield academy
            finally:
                academy.client.close()

    def new_client(self, **options: Any) -> LessonspaceClient:
        """Return one more client; each has a rate budget of its own unless ``conn_id`` says otherwise."""
        given = {
            "api_key": SecretStr(KEY),
            "conn_id": f"school_{next(_connections)}",
            "base_url": self.sandbox.lessonspace.url,
            "organisation": ORG,
            "requests_per_second": 100_000.0,
            "retry": QUICK,
            "timeout": (2.0, 5.0),
        }
        return LessonspaceClient(**{**given, **options})

    # ---- classes

    def launch(self, the_plan: Plan | None = None) -> Launched:
        the_plan = the_plan or plan()
        return self.platform.launch(the_plan, key_of(the_plan))

    def hold(self, ref: SessionRef, seconds: float = 1200, *people: str) -> str:
        """Let people (teacher and student) be in for so long, see it end, and return the session's uuid."""
        present = people or ("t-1", "s-1")
        uuid = self.join(ref, *present)
        self.wait(seconds)
        self.leave(ref, *present)
        self.wait(31)
        return uuid

    def join(self, ref: SessionRef, *people: str) -> str:
        uuids = [self.sandbox.lessonspace.join(ref.detail("space"), one)["session"] for one in people]
        return uuids[-1]

    def leave(self, ref: SessionRef, *people: str) -> None:
        for one in people:
            self.sandbox.lessonspace.leave(ref.detail("space"), one)

    # ---- time

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def go_to(self, moment: datetime) -> None:
        self.sandbox.clock.set(moment)

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

    def queries(self, path: str, *, since: int = 0) -> list[dict[str, list[str]]]:
        return [parse_qs(one.query, keep_blank_values=True) for one in self.log(path=path, since=since)]

    def mark(self) -> int:
        """Return the number of the latest request, for ``since``."""
        return max((one.number for one in self.log()), default=0)

    def bodies(self, path: str = "/spaces/launch/") -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.tap.requests if one.path.endswith(path) and one.body]

    @property
    def spaces(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["lessonspace"]["spaces"])

    @property
    def sessions(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["lessonspace"]["sessions"])


def plan(
    title: str = "Algebra 1",
    *,
    start: datetime = CLASS,
    minutes: float = 60,
    people: tuple[Participant, ...] = PEOPLE,
    **options: Any,
) -> Plan:
    return Plan(title, start, start + timedelta(minutes=minutes), people, options)


def key_of(the_plan: Plan) -> LaunchKey:
    return LaunchKey.for_occurrence(conn_id="school", timetable="week", uid=the_plan.title, start=the_plan.start)


def watch(ref: SessionRef, *, deadline: datetime | None = None, settle: float = 600.0) -> Watch:
    end = parse_time(ref.detail("window_end"))
    start, planned_end = parse_time(ref.detail("planned_start")), parse_time(ref.detail("planned_end"))
    return Watch(ref, Seen(start, planned_end, deadline or end, settle))


def bounds(end: datetime, **rules: float) -> ArtifactWait:
    return ArtifactRules.of(rules).after(end) if rules else DEFAULT_RULES.after(end)


def altered(response: Response, change: Callable[[Any], Any]) -> Response:
    """Return the answer with its JSON changed."""
    body = json.dumps(change(json.loads(response.body))).encode()
    return replace(response, body=body)


def said(status: int, data: Any) -> Response:
    return Response.json(status, data)


def nowhere(title: str, **options: Any) -> SessionRef:
    """Return the ref of a class that nobody launched here."""
    the_plan = plan(title, **options)
    return make_ref(
        the_plan,
        key_of(the_plan),
        LessonspaceOptions.of(the_plan),
        conn_id="c",
        room_id=str(uuid.uuid4()),
        session_id=str(uuid.uuid4()),
    )


def weekly(title: str, start: datetime) -> Plan:
    """Return a class in a room over weeks."""
    return plan(title, start=start, minutes=45, space="persistent", space_id="room-1", lead=300, grace=300)


def empty(request: Request, response: Response) -> Response:
    """Answer both lists of a tick with nothing, as if they lagged behind."""
    listing = request.path.endswith("/sessions/") and "organisations" in request.path
    return said(200, {"count": 0, "next": None, "results": []}) if listing else response
