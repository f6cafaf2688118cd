"""A developer account at the sandbox's Screenleap: the provider's platform on one side, people on the other."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
from airflow_provider.live_sessions.platforms.screenleap.platform import ScreenleapPlatform
from airflow_provider.live_sessions.sandbox import Sandbox, ScreenleapOptions
from tests.core.cipher import FernetCipher
from tests.platforms import kit
from tests.platforms.kit import QUICK, UNHURRIED, Kit, Tap, connection, still

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.models import Launched, SessionRef

ACCOUNT = "studio"
TOKEN = "0123456789abcdef-door-opener"
START = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SHOW = START + timedelta(minutes=20)
"""When a share begins unless told otherwise; it takes an hour."""

PRESENTER = Participant("p-1", "Ada Presenter", leader=True)
VIEWER = Participant("v-1", "Bo Viewer")
OTHER = Participant("v-2", "Cleo Viewer")
PEOPLE = (PRESENTER, VIEWER, OTHER)


class Studio(Kit):
    """One account, its clock frozen, and the platform opened on it."""

    settle = 300.0

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.people = sandbox.screenleap
        self.slept: list[float] = []
        self.cipher = FernetCipher()
        self.ciphers = 0
        self.tap = Tap(sandbox.screenleap, sandbox.clock)
        self.client = self.new_client()
        self.platform: ScreenleapPlatform = self.new_platform(self.client)

    @classmethod
    @contextmanager
    def open(cls, **options: Any) -> Iterator[Self]:
        chosen = ScreenleapOptions(**{"account_id": ACCOUNT, "authtoken": TOKEN, **options})
        with Sandbox(start=START, frozen=True, screenleap=chosen) as sandbox:
            studio = cls(sandbox)
            try:
                yield studio
            finally:
                studio.client.close()

    def new_client(self, **options: Any) -> ScreenleapClient:
        given = {
            "account_id": ACCOUNT,
            "authtoken": SecretStr(TOKEN),
            "conn_id": connection("studio"),
            "base_url": self.people.url,
            "requests_per_second": 100_000.0,
            "retry": QUICK,
            "timeout": UNHURRIED,
        }
        client = ScreenleapClient(**{**given, **options})
        still(client._http)
        return client

    def new_platform(self, client: ScreenleapClient | None = None, **options: Any) -> ScreenleapPlatform:
        return ScreenleapPlatform(client or self.client, cipher=self.make_cipher, sleep=self.sleep, **options)

    def make_cipher(self) -> FernetCipher:
        self.ciphers += 1
        return self.cipher

    def sleep(self, seconds: float) -> None:
        """Let the sandbox's time pass instead of ours."""
        self.slept.append(seconds)
        self.wait(seconds)

    # ---- shares

    def launch(self, the_plan: Plan | None = None) -> Launched:
        the_plan = the_plan or plan()
        launched = self.platform.launch(the_plan, key_of(the_plan))
        if launched.afterwards is not None:
            launched.afterwards()
        return launched

    def code(self, ref: SessionRef) -> str:
        return self.platform.code_of(ref).get_secret_value()

    def present(self, ref: SessionRef, *viewers: str) -> None:
        self.people.present(self.code(ref))
        for one in viewers:
            self.people.view(self.code(ref), one)

    def end(self, ref: SessionRef) -> None:
        self.people.end(self.code(ref))

    def hold(self, ref: SessionRef, seconds: float = 1800, viewers: tuple[str, ...] = ("v-1", "v-2")) -> None:
        """Let it be presented to viewers for so long, and end."""
        self.present(ref, *viewers)
        self.wait(seconds)
        self.end(ref)

    # ---- what went over the wire

    def asked(self, path: str, method: str = "GET") -> list[dict[str, str]]:
        """Return the queries of requests; Screenleap's parameters come once each."""
        return [dict(parse_qsl(one.query, keep_blank_values=True)) for one in self.log(path=path, method=method)]

    @property
    def shares(self) -> list[dict[str, Any]]:
        return list(self.sandbox.state()["screenleap"]["shares"])

    @property
    def secrets(self) -> list[str]:
        given = self.people.secrets()
        return [TOKEN, *given["codes"], *given["tokens"], *given["viewer_urls"]]


def plan(
    title: str = "Quarterly demo",
    *,
    start: datetime = SHOW,
    minutes: float = 60,
    people: tuple[Participant, ...] = PEOPLE,
    **options: Any,
) -> Plan:
    given = {"presenterCountryCode": "DE", **options}
    return Plan(
        title,
        start,
        start + timedelta(minutes=minutes),
        people,
        {name: value for name, value in given.items() if value is not None},
    )


def key_of(the_plan: Plan) -> LaunchKey:
    return LaunchKey.for_occurrence(conn_id="studio", timetable="week", uid=the_plan.title, start=the_plan.start)


watch = partial(kit.watch, settle=Studio.settle)
