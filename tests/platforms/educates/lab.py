"""A portal at the sandbox: the provider's platform on one side, learners and a tap on the other."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import requests  # noqa: TID253 - not at DAG parse
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.platforms.educates.client import EducatesClient
from airflow_provider.live_sessions.platforms.educates.launching import Patience
from airflow_provider.live_sessions.platforms.educates.platform import EducatesPlatform
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from airflow_provider.live_sessions.sandbox import EducatesOptions, Sandbox
from tests.core.cipher import FernetCipher
from tests.platforms.kit import QUICK, UNHURRIED, Kit, Tap, connection, still

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider.live_sessions.core.contract import Found
    from airflow_provider.live_sessions.core.models import JoinLink, Launched, SessionRef
    from airflow_provider.live_sessions.sandbox.educates.platform import Educates
    from airflow_provider.live_sessions.sandbox.log import Entry

START = datetime(2026, 9, 1, 8, 0, 3, tzinfo=UTC)
CLASS = START + timedelta(minutes=10)
"""When a class begins unless told otherwise; it takes two hours."""

HUB = "https://hub.test/"
ADA, BO, CLEO, DAN = (Participant(one, one.title()) for one in ("ada", "bo", "cleo", "dan"))
CREDENTIALS: dict[str, Any] = {
    "username": "robot@educates",
    "password": "robot-password-0123456789",
    "client_id": "client-0123456789",
    "client_secret": "client-secret-0123456789",
}


class Lab(Kit):
    """One portal whose clock stands until moved, and the platform opened on it."""

    def __init__(self, sandbox: Sandbox, **platform: Any) -> None:
        self.sandbox = sandbox
        self.portal: Educates = sandbox.educates
        self.tap = Tap(sandbox.educates, sandbox.clock)
        self.slept: list[float] = []
        self.while_sleeping: Callable[[], object] = lambda: None
        self.cipher = FernetCipher()
        self.ciphers = 0
        self.client = self.new_client()
        self.platform: EducatesPlatform = self.new_platform(self.client, **platform)

    @classmethod
    @contextmanager
    def open(cls, *, platform: dict[str, Any] | None = None, **options: Any) -> Iterator[Self]:
        chosen = EducatesOptions(**{**CREDENTIALS, "delete_after": 0.0, **options})
        with Sandbox(start=START, frozen=True, educates=chosen) as sandbox:
            lab = cls(sandbox, **(platform or {}))
            try:
                yield lab
            finally:
                lab.client.close()

    def new_client(self, **options: Any) -> EducatesClient:
        """Return one more client; each logs in for itself."""
        given: dict[str, Any] = {
            **{
                name: SecretStr(one) if "pass" in name or "secret" in name else one
                for name, one in CREDENTIALS.items()
            },
            "base_url": self.portal.url,
            "conn_id": connection("lab"),
            "requests_per_second": 100_000.0,
            "retry": QUICK,
            "timeout": UNHURRIED,
        }
        client = EducatesClient(**{**given, **options})
        still(client._http)
        return client

    def new_platform(self, client: EducatesClient | None = None, **options: Any) -> EducatesPlatform:
        """Return one more platform, with a memory of its own."""
        given: dict[str, Any] = {
            "cipher": self._cipher,
            "index_url": HUB,
            "patience": Patience(starting=3.0, stopping=3.0, pause=1.0, sleep=self._sleep),
        }
        return EducatesPlatform(client or self.client, **{**given, **options})

    def _cipher(self) -> FernetCipher:
        self.ciphers += 1
        return self.cipher

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.while_sleeping()

    # ---- classes

    def launch(self, the_plan: Plan | None = None, key: LaunchKey | None = None) -> Launched:
        the_plan = the_plan or plan()
        return self.platform.launch(the_plan, key or key_of(the_plan))

    def found(self, the_plan: Plan | None = None) -> Found:
        from airflow_provider.live_sessions.core.contract import Found

        the_plan = the_plan or plan()
        found = self.platform.find(key_of(the_plan), the_plan)
        assert isinstance(found, Found)
        return found

    def adopt(self, the_plan: Plan | None = None) -> Launched:
        the_plan = the_plan or plan()
        return self.platform.adopt(self.found(the_plan), the_plan, key_of(the_plan))

    def session(self, ref: SessionRef, learner: str = "ada") -> str:
        (seat,) = seats_of(ref, [learner])
        return seat.session

    def activate(self, ref: SessionRef, *learners: str) -> None:
        for one in learners or ("ada",):
            self.portal.activate(self.session(ref, one))

    def finish(self, ref: SessionRef, *learners: str) -> None:
        for one in learners or ("ada",):
            self.portal.finish(self.session(ref, one))
        self.wait(0)

    # ---- what went over the wire

    def calls(self, since: int = 0, path: str = "") -> list[tuple[str, str]]:
        """Return method and path of the requests, without the portal's prefix."""
        entries: list[Entry] = self.sandbox.log.entries(since=since, path=path)
        return [(one.method, one.path.removeprefix("/educates")) for one in entries]

    def asked(self, path: str) -> list[dict[str, list[str]]]:
        """Return the queries of the requests to a path's end."""
        return [
            parse_qs(one.query, keep_blank_values=True) for one in self.tap.requests if one.path.endswith(path)
        ]

    def bodies(self, path: str) -> list[Any]:
        return self.tap.bodies(path)

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [one for one in self.sandbox.state()["educates"]["sessions"] if one["user"] is not None]

    @property
    def live_rows(self) -> list[dict[str, Any]]:
        return [one for one in self.rows if one["state"] != "STOPPED"]


def plan(
    *people: Participant,
    title: str = "Kubernetes",
    start: datetime = CLASS,
    minutes: float = 120,
    workshop: str = "lab-basics",
    **options: Any,
) -> Plan:
    given = {"workshop": workshop, **options}
    return Plan(title, start, start + timedelta(minutes=minutes), people or (ADA,), given)


def key_of(the_plan: Plan) -> LaunchKey:
    return LaunchKey.for_occurrence(conn_id="lab", timetable="week", uid=the_plan.title, start=the_plan.start)


def links(launched: Launched) -> tuple[JoinLink, ...]:
    assert launched.links is not None
    return launched.links


def open_in_browser(url: str) -> int:
    """Open an activation link as a browser does, with cookies of its own."""
    with requests.Session() as browser:
        browser.trust_env = False
        return browser.get(url, allow_redirects=False, timeout=30).status_code


def query_of(url: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(url).query)
