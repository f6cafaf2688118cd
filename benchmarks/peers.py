"""The released providers measured beside this one: their triggers as their operators defer them.

They come from the dependency group ``bench``; without it nothing here can run, and :func:`installed` says so.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from benchmarks.subject import PRELUDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Peer:
    """One released provider.

    Args:
        name: As tables show it.
        distribution: Its package.
        waits: Makes so many waits at an interval.
        environment: The settings for a server's port.
    """

    name: str
    distribution: str
    waits: Callable[[int, float], Iterator[tuple[str, dict[str, Any]]]]
    environment: Callable[[int], dict[str, str]]


def installed() -> dict[str, str]:
    """Return the peers' versions; empty when they are not all there."""
    try:
        return {one.name: version(one.distribution) for one in PEERS}
    except PackageNotFoundError:
        return {}


def dbt_over_http() -> None:
    """Let dbt Cloud's hook speak plain HTTP: its address is https always, and TLS must not count against it."""
    from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook

    original = DbtCloudHook.get_request_url_params

    def plain(*args: Any, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        url, params = original(*args, **kwargs)
        return url.replace("https://", "http://", 1), params

    DbtCloudHook.get_request_url_params = staticmethod(plain)


def _dbt_waits(count: int, interval: float) -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(count):
        yield (
            "airflow.providers.dbt.cloud.triggers.dbt.DbtCloudRunJobTrigger",
            {
                "conn_id": "bench",
                "run_id": number + 1,
                "account_id": 1,
                "end_time": time.time() + 86_400,
                "poll_interval": interval,
            },
        )


def _http_waits(count: int, interval: float) -> Iterator[tuple[str, dict[str, Any]]]:
    for number in range(count):
        yield (
            "airflow.providers.http.triggers.http.HttpSensorTrigger",
            {"endpoint": f"wait/{number}", "http_conn_id": "bench", "poke_interval": interval},
        )


def _dbt_environment(port: int) -> dict[str, str]:
    connection = {"conn_type": "dbt_cloud", "login": "1", "password": "token", "host": f"127.0.0.1:{port}"}
    return {"AIRFLOW_CONN_BENCH": json.dumps(connection), PRELUDE: f"{__name__}:{dbt_over_http.__name__}"}


def _http_environment(port: int) -> dict[str, str]:
    return {"AIRFLOW_CONN_BENCH": json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{port}"})}


DBT = Peer("dbt Cloud", "apache-airflow-providers-dbt-cloud", _dbt_waits, _dbt_environment)
HTTP = Peer("HttpSensor", "apache-airflow-providers-http", _http_waits, _http_environment)
PEERS = (DBT, HTTP)
