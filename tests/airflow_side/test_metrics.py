"""What goes out through Airflow's own metrics: every name, tag and unit, as a listener on the wire sees it."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.compat import metrics
from airflow_provider.live_sessions.compat.metrics import LONGEST_PART, AirflowMeter, metric_part
from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
from airflow_provider.live_sessions.platforms.lessonspace.filters import SessionFilters
from tests.airflow_side.waiting import fires, wait_for
from tests.airflow_versions import log_metrics_with, send_metrics_to, stop_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.airflow_side.stage import School


class Client:
    """As much of a StatsD client as Airflow's logger calls; it writes what StatsD would."""

    def __init__(self, port: int) -> None:
        self._port = port

    def incr(self, stat: str, count: float = 1, rate: float = 1) -> None:
        self._send(f"{stat}:{count}|c")

    def gauge(self, stat: str, value: float, rate: float = 1, delta: bool = False) -> None:
        self._send(f"{stat}:{value}|g")

    def timing(self, stat: str, delta: Any) -> None:
        self._send(f"{stat}:{delta.total_seconds() * 1000}|ms")

    def timer(self, stat: str, rate: float = 1) -> Any:
        """Airflow 3.2 times its own look-ups of connections; nobody listens to that here."""
        return SimpleNamespace(start=lambda: None, stop=lambda send=True: None)

    def _send(self, line: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(line.encode(), ("127.0.0.1", self._port))


class Listener:
    """What arrived."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        """Return all lines of this package so far."""
        self._socket.settimeout(0.2)
        try:
            while True:
                self._lines.append(self._socket.recv(4096).decode())
        except TimeoutError:
            return [line for line in self._lines if line.startswith("live_sessions")]

    def values(self, name: str) -> list[float]:
        """Return every value of a name."""
        told = (line.rpartition("|")[0].rpartition(":") for line in self.lines())
        return [float(value) for stat, _, value in told if stat == name]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Airflow's metrics, pointed at a listener on this machine."""
    heard = Listener()
    send_metrics_to(Client(heard.port), monkeypatch)
    yield heard
    stop_metrics()
    heard.close()


def tagged(name: str, conn_id: str) -> str:
    return f"live_sessions.{name},platform=lessonspace,conn_id={conn_id}"


def test_a_429_is_counted_with_its_platform_and_connection(school: School, listener: Listener) -> None:
    school.sandbox.faults.add("throttle", retry_after=0, count=2)
    with LessonspaceHook(school.conn_id).get_conn() as client:
        list(client.sessions(SessionFilters()))
    assert listener.values(tagged("rate_limited", school.conn_id)) == [1, 1]
    assert listener.values(f"live_sessions.rate_limited.lessonspace.{school.conn_id}") == [1, 1]


def test_a_poll_tells_its_lag_its_waits_and_the_age_of_the_oldest_until_nobody_waits(
    school: School, listener: Listener
) -> None:
    records = [school.launch(), school.launch()]
    now = time.time()

    async def life() -> None:
        waits = [
            asyncio.create_task(fires(wait_for(record, due=now - age)))
            for record, age in zip(records, (500, 100), strict=True)
        ]
        while not listener_has(2):
            assert not [wait.result() for wait in waits if wait.done()], "nothing ends them"
            await asyncio.sleep(0.05)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        await asyncio.to_thread(until_zero)

    def listener_has(waits: int) -> bool:
        return waits in listener.values(tagged("waits", school.conn_id))

    def until_zero() -> None:
        end = time.monotonic() + 30
        while not listener_has(0) and time.monotonic() < end:
            time.sleep(0.05)

    asyncio.run(life())
    waits = listener.values(tagged("waits", school.conn_id))
    assert waits[-1] == 0
    ages = listener.values(tagged("oldest_wait", school.conn_id))
    assert 500 <= max(ages) < 700
    assert ages[-1] == 0
    lags = listener.values(tagged("poll_lag", school.conn_id))
    assert len(lags) == len(waits) - 1
    assert all(0 <= lag < 60_000 for lag in lags)
    assert listener.values(f"live_sessions.waits.lessonspace.{school.conn_id}") == waits


@given(st.text(max_size=300))
def test_any_connection_id_becomes_one_part_of_a_name(conn_id: str) -> None:
    part = metric_part(conn_id)
    assert 0 < len(part) <= LONGEST_PART
    assert part.isascii()
    assert not set(part) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def test_an_odd_connection_id_still_arrives(listener: Listener) -> None:
    AirflowMeter().count("rate_limited", platform="Toy", conn_id="a=b,c.d/é x")
    assert listener.lines() == [
        "live_sessions.rate_limited,platform=toy,conn_id=a_b_c_d___x:1|c",
        "live_sessions.rate_limited.toy.a_b_c_d___x:1|c",
    ]


def test_the_names_without_tags_go_with_airflow_s_own_switch(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__LEGACY_NAMES_ON", "False")
    AirflowMeter().gauge("waits", 3, platform="Toy", conn_id="one")
    assert listener.lines() == ["live_sessions.waits,platform=toy,conn_id=one:3|g"]


def test_a_broken_metrics_backend_disturbs_nobody(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no such backend")

    log_metrics_with(Broken(), monkeypatch)
    meter = AirflowMeter()
    meter.count("rate_limited", platform="Toy", conn_id="one")
    meter.gauge("waits", 1, platform="Toy", conn_id="one")
    meter.timing("poll_lag", 1.5, platform="Toy", conn_id="one")
    assert listener.lines() == []
    assert metrics.PREFIX == "live_sessions"


def test_a_timing_goes_out_in_milliseconds(listener: Listener) -> None:
    AirflowMeter().timing("poll_lag", 1.5, platform="Toy", conn_id="one")
    assert listener.values("live_sessions.poll_lag.toy.one") == [1500.0]
