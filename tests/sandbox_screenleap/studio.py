"""A client of the sandbox's Screenleap, as plain as possible: what a program with an auth token would do."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import Sandbox, ScreenleapOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
MS = int(START.timestamp() * 1000)
ACCOUNT, TOKEN = "studio", "a-token-of-the-studio"


class Studio:
    """One account and its sandbox, frozen at ``START``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.people = sandbox.screenleap
        self.http = requests.Session()
        self.http.headers.update({"accountid": ACCOUNT, "authtoken": TOKEN})

    @classmethod
    @contextmanager
    def open(cls, **options: Any) -> Iterator[Studio]:
        chosen = ScreenleapOptions(**{"account_id": ACCOUNT, "authtoken": TOKEN, **options})
        with Sandbox(start=START, frozen=True, screenleap=chosen) as sandbox:
            studio = cls(sandbox)
            with studio.http:
                yield studio

    def ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.http.request(method, f"{self.people.url}{path}", timeout=10, **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def create(self, **params: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/screen-shares", params=params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def code(self, **params: Any) -> str:
        return str(self.create(**params)["screenShareCode"])

    def recent(self) -> list[dict[str, Any]]:
        return list(self.get("/recent-screen-shares"))

    def one(self, code: str) -> dict[str, Any]:
        return dict(self.get(f"/screen-shares/{code}"))

    def past(self, **filters: Any) -> list[str]:
        return [row["sessionId"] for row in self.get("/screen-shares", **filters)]

    def stop(self, code: str) -> int:
        return self.ask("POST", f"/screen-shares/{code}/stop").status_code

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def hold(self, seconds: float = 600, **params: Any) -> str:
        code = self.code(**params)
        self.people.present(code)
        self.people.view(code, "v-1")
        self.wait(seconds)
        self.people.end(code)
        return code
