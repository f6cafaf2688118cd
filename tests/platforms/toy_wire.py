"""The toy behind real HTTP: a tiny server beside the sandbox's own, a client for it, and the kit of both."""

from __future__ import annotations

import email.utils
import json
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from requests.auth import AuthBase  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.budget import account_of
from airflow_provider.live_sessions.core.errors import OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.retry import Safety
from airflow_provider.live_sessions.core.surroundings import ALONE
from airflow_provider.live_sessions.sandbox import Sandbox
from airflow_provider.live_sessions.sandbox.wire import Response
from tests.platforms.kit import QUICK, UNHURRIED, Kit, Tap, connection, still
from tests.platforms.toy import ToyPlatform, ToySession, ToyWorld

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from requests import PreparedRequest

    from airflow_provider.live_sessions.core.answer import Answer
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.sandbox.wire import Request

KEY = "toy-key-0123456789"
NOW = datetime(2026, 9, 1, 8, tzinfo=UTC)
START = NOW + timedelta(hours=1)
ADA, BO = Participant("ada", "Ada", leader=True), Participant("bo", "Bo")


class ToyServer:
    """The toy's records as one more platform of a sandbox: three calls and a key."""

    name = "toy"

    def __init__(self, world: ToyWorld) -> None:
        self.world = world

    def handle(self, request: Request, now: datetime) -> Response:
        del now
        if self.credentials(request) != KEY:
            return self.unauthorised()
        if request.path == "/toy/sessions" and request.method == "GET":
            return Response.json(200, {"sessions": [_shown(one) for one in self.world.sessions.values()]})
        body = json.loads(request.body)
        if request.path == "/toy/sessions":
            return Response.json(200, _shown(self.world.create(body["key"], body["fingerprint"], body["title"])))
        row = self.world.sessions[request.path.rpartition("/")[2]]
        row.title, row.fingerprint, row.cancelled = body["title"], body["fingerprint"], body["cancelled"]
        return Response.json(200, _shown(row))

    def throttled(self, now: datetime, seconds: float | None, *, as_date: bool) -> Response:
        moment = now + timedelta(seconds=seconds or 0)
        told = email.utils.format_datetime(moment, usegmt=True) if as_date else str(round(seconds or 0))
        return Response.json(429, {"detail": "Slow down."}, ("Retry-After", told))

    def unauthorised(self) -> Response:
        return Response.json(401, {"detail": "That is not the key."})

    def loggable(self, request: Request) -> tuple[str, str]:
        return request.path, request.query

    def credentials(self, request: Request) -> str:
        return request.header("toy-key")

    def verbs(self) -> frozenset[str]:
        return frozenset()

    def info(self) -> Mapping[str, Any]:
        return {}

    def state(self) -> Mapping[str, Any]:
        return {"sessions": [_shown(one) for one in self.world.sessions.values()]}

    def reset(self) -> None:
        self.world.sessions.clear()

    def close(self) -> None:
        """There is no thread to end."""


class ToyAuth(AuthBase):
    """The key, in a header of its own."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["toy-key"] = self._key
        return request


@dataclass
class FarWorld(ToyWorld):
    """The records, at the other end of a wire."""

    http: HttpClient | None = None

    def create(self, key: str, mark: str, title: str) -> ToySession:
        answer = self._ask("POST", "sessions", {"key": key, "fingerprint": mark, "title": title})
        return _row(answer, answer.json(), OutcomeUnknown)

    def rows(self) -> dict[str, ToySession]:
        answer = self._ask("GET", "sessions")
        body = answer.json()
        if not isinstance(body, dict) or not isinstance(body.get("sessions"), list):
            raise _misshapen(answer, Unavailable)
        rows = [_row(answer, one, Unavailable) for one in body["sessions"]]
        return {one.id: one for one in rows}

    def change(self, row: ToySession) -> None:
        body = {"title": row.title, "fingerprint": row.fingerprint, "cancelled": row.cancelled}
        answer = self._ask("PUT", f"sessions/{quote(row.id, safe='')}", body)
        _row(answer, answer.json(), OutcomeUnknown)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        assert self.http is not None
        return self.http.request(
            method, path, label=f"{method} {path}", json=body, limited=True, safety=Safety.of(method)
        )


class Playground(Kit):
    """One toy behind a wire, its clock frozen."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.world = ToyWorld()
        server = ToyServer(self.world)
        self.tap = Tap(server, sandbox.clock)
        sandbox.platforms[server.name] = server
        self.clients: list[HttpClient] = []
        self.platform: ToyPlatform = self.new_platform()

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        with Sandbox(start=NOW, frozen=True) as sandbox:
            playground = cls(sandbox)
            try:
                yield playground
            finally:
                for client in playground.clients:
                    client.close()

    def new_platform(self, key: str = KEY) -> ToyPlatform:
        name = connection("toy")
        http = HttpClient(
            platform="Toy",
            conn_id=name,
            base_url=f"{self.sandbox.url}/toy",
            auth=ToyAuth(key),
            timeout=UNHURRIED,
            retry=QUICK,
            budget=ALONE.budgets.of(account_of("Toy", self.sandbox.url, name), 100_000.0, burst=10),
        )
        still(http)
        self.clients.append(http)
        return ToyPlatform(FarWorld(http=http), name)

    def enter(self, ref: SessionRef) -> None:
        self.world.enter(ref.session_id, "ada", "bo")


def plan() -> Plan:
    return Plan("Algebra", START, START + timedelta(hours=1), (ADA, BO))


def key_of(the_plan: Plan) -> LaunchKey:
    return LaunchKey.for_occurrence(conn_id="toy", timetable="autumn", uid=the_plan.title, start=the_plan.start)


def _shown(row: ToySession) -> dict[str, Any]:
    return {**vars(row), "inside": sorted(row.inside), "came": sorted(row.came)}


def _row(answer: Answer, data: Any, kind: type[OutcomeUnknown | Unavailable]) -> ToySession:
    try:
        return ToySession(
            id=str(data["id"]),
            key=str(data["key"]),
            fingerprint=str(data["fingerprint"]),
            title=str(data["title"]),
            inside={str(one) for one in data["inside"]},
            came={str(one) for one in data["came"]},
            ended=bool(data["ended"]),
            cancelled=bool(data["cancelled"]),
        )
    except (KeyError, TypeError):
        raise _misshapen(answer, kind) from None


def _misshapen(answer: Answer, kind: type[OutcomeUnknown | Unavailable]) -> OutcomeUnknown | Unavailable:
    return kind(
        f"{answer.label}: the answer has an unexpected shape.", platform=answer.platform, conn_id=answer.conn_id
    )
