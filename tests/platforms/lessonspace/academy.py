"""A school at the sandbox's Lessonspace: the provider's platform on one side, people and a tap on the other."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from hypothesis import HealthCheck, settings
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, ArtifactRules
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.platforms.lessonspace.client import LessonspaceClient
from airflow_provider.live_sessions.platforms.lessonspace.launching import LessonspaceOptions, make_ref
from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
from airflow_provider.live_sessions.sandbox import LessonspaceOptions as SandboxOptions
from airflow_provider.live_sessions.sandbox import Sandbox
from tests.platforms.kit import QUICK, UNHURRIED, Kit, Tap, connection, said, still

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.contract import ArtifactWait
    from airflow_provider.live_sessions.core.models import Launched, SessionRef
    from airflow_provider.live_sessions.core.retry import RetryPolicy
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

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

steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine makes no property false."""


class Academy(Kit):
    """One organisation, frozen at ``START`` (or another moment), and the platform opened on it."""

    def __init__(self, sandbox: Sandbox, retry: RetryPolicy, rate: float) -> None:
        self.sandbox = sandbox
        self.tap = Tap(sandbox.lessonspace, sandbox.clock)
        self.client = self.new_client(retry=retry, requests_per_second=rate)
        self.platform: LessonspacePlatform = LessonspacePlatform(self.client)

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
            "conn_id": connection("school"),
            "base_url": self.sandbox.lessonspace.url,
            "organisation": ORG,
            "requests_per_second": 100_000.0,
            "retry": QUICK,
            "timeout": UNHURRIED,
        }
        client = LessonspaceClient(**{**given, **options})
        still(client._http)
        return client

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

    # ---- what went over the wire

    def bodies(self, path: str = "/spaces/launch/") -> list[dict[str, Any]]:
        return [one for one in self.tap.bodies(path) if one]

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


def bounds(end: datetime, **rules: float) -> ArtifactWait:
    return ArtifactRules.of(rules).after(end) if rules else DEFAULT_RULES.after(end)


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
