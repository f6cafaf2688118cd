"""A client of the sandbox's Coviu, as plain as possible: what a program with an API key would do."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - a test's client

from airflow_provider.live_sessions.sandbox import CoviuOptions, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
KEY, SECRET = "the-api-key", "the-key-secret"
PEOPLE = (
    {"display_name": "Dr. Who", "role": "host", "state": "who|mark"},
    {"display_name": "Rory", "role": "Guest", "state": "rory"},
)


def gmt(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


class Practice:
    """One team and its sandbox, frozen at ``NOW``."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.coviu = sandbox.coviu
        self.http = requests.Session()
        self.sign_in()

    @classmethod
    @contextmanager
    def open(cls, **options: Any) -> Iterator[Practice]:
        chosen = CoviuOptions(**{"api_key": KEY, "key_secret": SECRET, "expires_in": 10**8, **options})
        with Sandbox(start=NOW, frozen=True, coviu=chosen) as sandbox:
            practice = cls(sandbox)
            with practice.http:
                yield practice

    def token(self, auth: tuple[str, str] = (KEY, SECRET), **form: Any) -> requests.Response:
        form = form or {"grant_type": "client_credentials"}
        return requests.post(f"{self.coviu.url}/auth/token", data=form, auth=auth, timeout=10)

    def sign_in(self) -> dict[str, Any]:
        given = dict(self.token().json())
        self.http.headers["Authorization"] = f"Bearer {given['access_token']}"
        return given

    def ask(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        return self.http.request(method, f"{self.coviu.url}{path}", timeout=10, **kwargs)

    def get(self, path: str, **params: Any) -> Any:
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def try_create(self, **body: Any) -> requests.Response:
        start = body.pop("start", NOW + timedelta(hours=1))
        given = {
            "session_name": "Visit",
            "start_time": gmt(start),
            "end_time": gmt(start + timedelta(minutes=30)),
            "participants": list(PEOPLE),
        }
        return self.ask("POST", "/sessions", json={**given, **body})

    def create(self, **body: Any) -> dict[str, Any]:
        answer = self.try_create(**body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def start(self, session: dict[str, Any]) -> None:
        self.sandbox.clock.set(
            datetime.strptime(session["start_time"], "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        )


def message(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]
