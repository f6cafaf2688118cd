"""A portal at the sandbox, asked with plain HTTP: nothing of the provider is used."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import requests  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.sandbox import EducatesOptions, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2026, 11, 20, 17, 12, 11, 723_000, tzinfo=UTC)
HUB = "https://hub.test/"

ROBOT = {
    "username": "robot@educates",
    "password": "robot-password-0123456789",
    "client_id": "client-0123456789",
    "client_secret": "client-secret-0123456789",
}


class Portal:
    """One portal whose clock stands until moved."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.educates = sandbox.educates
        self.http = requests.Session()
        self.http.trust_env = False
        self.token = ""

    @classmethod
    @contextmanager
    def open(cls, **options: Any) -> Iterator[Self]:
        chosen = EducatesOptions(**{**ROBOT, **options})
        with Sandbox(start=START, frozen=True, educates=chosen) as sandbox:
            portal = cls(sandbox)
            portal.log_in()
            try:
                yield portal
            finally:
                portal.http.close()

    def raw(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request as it is: no token, no redirects."""
        return self.http.request(method, self.educates.url + path, allow_redirects=False, timeout=10, **more)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request with the robot's token, and forget every cookie."""
        headers = {"Authorization": f"Bearer {self.token}", **more.pop("headers", {})}
        answer = self.raw(method, path, headers=headers, **more)
        self.http.cookies.clear()
        return answer

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params=params or None)

    def grant(self, **form: Any) -> requests.Response:
        return self.raw("POST", "/oauth2/token/", data=form)

    def log_in(self) -> dict[str, Any]:
        given = self.grant(grant_type="password", **ROBOT).json()
        self.token = given["access_token"]
        return dict(given)

    def request(
        self, user: str | None = None, environment: str = "lab-portal-w01", **params: Any
    ) -> dict[str, Any]:
        """Request a session that is to be had."""
        who = {} if user is None else {"user": user}
        answer = self.get(f"/workshops/environment/{environment}/request/", index_url=HUB, **who, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def schedule(self, session: str) -> dict[str, Any] | None:
        answer = self.get(f"/workshops/session/{session}/schedule/")
        return None if answer.status_code == 404 else dict(answer.json())

    def status(self, session: str) -> str:
        found = self.schedule(session)
        return "gone" if found is None else str(found["status"])

    def sessions(self, user: str) -> list[str]:
        return [one["name"] for one in self.get(f"/workshops/user/{user}/sessions/").json()["sessions"]]

    def wait(self, seconds: float) -> None:
        self.sandbox.clock.advance(seconds)
