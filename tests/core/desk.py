"""A client, the server it talks to, and what it slept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse
from requests.auth import AuthBase  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.retry import RetryPolicy
from tests.core import scripted
from tests.core.scripted import Line, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from airflow_provider.live_sessions.core.answer import Answer

KEY = "12345678-aaaa-bbbb-cccc-1234567890ab"
PATIENT = RetryPolicy(attempts=3)


class KeyAuth(AuthBase):
    def __init__(self, key: str = KEY) -> None:
        self.key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Organisation {self.key}"
        return request


class Desk:
    """A client, the server it talks to, and what it slept."""

    def __init__(self, client: HttpClient, server: ScriptedServer, slept: list[float]) -> None:
        self.client = client
        self.server = server
        self.slept = slept

    def get(self, **more: Any) -> Answer:
        return self.client.request("GET", "rooms/secret-room/", label="read a room", **more)

    def post(self, **more: Any) -> Answer:
        return self.client.request("POST", "rooms/", label="make a room", json={"name": "x"}, **more)

    def put(self, **more: Any) -> Answer:
        return self.client.request("PUT", "rooms/7/", label="change a room", json={}, **more)


@contextmanager
def desk(*script: Line, **options: Any) -> Iterator[Desk]:
    slept: list[float] = []
    given_options = {
        "auth": KeyAuth(),
        "secrets": [SecretStr(KEY)],
        "retry": PATIENT,
        "sleep": slept.append,
        "timeout": (30.0, 30.0),
    }
    with ScriptedServer(list(script)) as server:
        base = options.pop("base_url", f"{server.url}/v2/")
        with HttpClient(platform="Toy", conn_id="toy", base_url=base, **{**given_options, **options}) as client:
            yield Desk(client, server, slept)


def ok() -> Line:
    return scripted.json({"ok": True})
