"""A client of the sandbox, as plain as possible: what a program with an API key would do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
KEY = "11111111-2222-4333-8444-555555555555"


class School:
    """One organisation and its sandbox, frozen at ``START``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Organisation {sandbox.lessonspace.api_key}"
        self.org = f"/organisations/{sandbox.lessonspace.organisation}"

    @classmethod
    def open(cls, *, frozen: bool = True, **options: Any) -> AbstractContextManager[School]:
        from contextlib import contextmanager

        @contextmanager
        def opened() -> Iterator[School]:
            chosen = LessonspaceOptions(**{"api_key": KEY, "rate_limit": 0, **options})
            with Sandbox(start=START, frozen=frozen, lessonspace=chosen) as sandbox:
                school = cls(sandbox)
                with school.http:
                    yield school

        return opened()

    def ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        url = f"{self.sandbox.lessonspace.url}{path}"
        return self.http.request(method, url, allow_redirects=False, **{"timeout": 30, **kwargs})

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def launch(self, space: str = "algebra-1", user: str | None = None, /, **body: Any) -> dict[str, Any]:
        answer = self.try_launch(space, user, **body)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    def try_launch(self, space: Any = "algebra-1", user: str | None = None, /, **body: Any) -> requests.Response:
        person = {"user": {"id": user, "name": user.title(), **body.pop("person", {})}} if user else {}
        return self.ask("POST", "/spaces/launch/", json={"id": space, **person, **body})

    def sessions(self, **filters: Any) -> list[dict[str, Any]]:
        return list(self.get(f"{self.org}/sessions/", **filters)["results"])

    def logs(self, room: str) -> list[dict[str, Any]]:
        found = self.get(f"/spaces/{room}/sessions/", include_single_user="true")["results"]
        return [line for one in reversed(found) for line in one["logs"]]

    def join(self, space: str, *users: str) -> None:
        for user in users:
            self.sandbox.lessonspace.join(space, user)

    def leave(self, space: str, *users: str) -> None:
        for user in users:
            self.sandbox.lessonspace.leave(space, user)

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)

    def hold(self, space: str = "algebra-1", seconds: float = 600, **body: Any) -> dict[str, Any]:
        """Hold a class of two, so long, and see it end. Returns the session's row."""
        for user in ("teacher", "student"):
            self.launch(space, user, **body)
        self.join(space, "teacher", "student")
        self.wait(seconds)
        self.leave(space, "teacher", "student")
        self.wait(31)
        return self.sessions(launch_id=space)[0]


def seconds_between(row: dict[str, Any]) -> float:
    start, end = (datetime.fromisoformat(row[name]) for name in ("start_time", "end_time"))
    return (end - start).total_seconds()
