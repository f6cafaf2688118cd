"""The search through the REST API finds a secret in every kind of answer, so its silence means something."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import pytest

from demo import clear_text, rest_scan

SECRET = "5ecc0de5-aaaa-bbbb-cccc-0123456789ab"
RUN = "/api/v2/dags/d/dagRuns/r%201"
TASK = RUN + "/taskInstances/t"
ROWS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "/api/v2/dags": ("dags", [{"dag_id": "d"}]),
    "/api/v2/dags/d/dagRuns": ("dag_runs", [{"dag_run_id": "r 1"}]),
    RUN + "/taskInstances": (
        "task_instances",
        [{"task_id": "t", "map_index": number, "try_number": 1} for number in range(150)],
    ),
    TASK + "/xcomEntries": ("xcom_entries", [{"key": "return_value"}]),
    TASK + "/state-store": ("task_state_store", [{"key": "session"}]),
    "/api/v2/variables": ("variables", [{"key": "v"}]),
}
PLACES = [
    *("/api/v2/dags", "/api/v2/dags/{dag_id}/dagRuns", "/api/v2/variables", "/api/v2/eventLogs"),
    *(f"/api/v2/dags/{{dag_id}}/dagRuns/{{dag_run_id}}{tail}" for tail in ("", "/taskInstances")),
    *(
        f"/api/v2/dags/{{dag_id}}/dagRuns/{{dag_run_id}}/taskInstances/{{task_id}}{tail}"
        for tail in (
            *("/{map_index}", "/xcomEntries", "/xcomEntries/{xcom_key}", "/state-store", "/state-store/{key}"),
            *("/logs/{try_number}", "/links"),
        )
    ),
    "/api/v2/variables/{variable_key}",
    "/api/v2/of/tomorrow",
]


class Airflow:
    """Answers as Airflow does, with a secret where it is told to."""

    def __init__(self, leak: str = "") -> None:
        self.leak = leak
        self.asked: list[str] = []

    def fetch(self, path: str) -> bytes:
        self.asked.append(path)
        where, _, query = path.partition("?")
        if where == "/openapi.json":
            return json.dumps({"paths": {place: {"get": {}} for place in PLACES}}).encode()
        told: dict[str, Any] = {"told": SECRET if self._leaks(path) else "***"}
        if where in ROWS:
            name, rows = ROWS[where]
            offset = int(parse_qs(query)["offset"][0])
            told[name] = rows[offset : offset + rest_scan.PAGE]
        return json.dumps(told).encode()

    def _leaks(self, path: str) -> bool:
        return bool(self.leak) and bool(re.fullmatch(self.leak, path))


def scan(airflow: Airflow) -> rest_scan.Scan:
    return rest_scan.scan(airflow, clear_text.needles([SECRET]))


def test_a_clean_airflow_is_clean_and_everything_it_can_tell_was_asked() -> None:
    airflow = Airflow()
    found = scan(airflow)
    assert found.found == ()
    assert set(PLACES) <= found.places
    assert len(set(airflow.asked)) == len(airflow.asked)  # nothing twice


@pytest.mark.parametrize(
    "place",
    [
        r"/api/v2/dags\?.*",
        r"/api/v2/eventLogs\?.*",
        re.escape(RUN),
        re.escape(RUN) + r"/taskInstances\?limit=100&offset=100",
        re.escape(TASK) + "/149",
        re.escape(TASK) + r"/xcomEntries/return_value\?.*map_index=149.*",
        re.escape(TASK) + r"/state-store/session\?.*",
        re.escape(TASK) + r"/logs/1\?.*",
        "/api/v2/variables/v",
        "/api/v2/of/tomorrow",
    ],
)
def test_a_secret_in_any_answer_is_found(place: str) -> None:
    found = scan(Airflow(place))
    assert found.found
    assert all(re.fullmatch(place, path) for path in found.found)


def test_what_is_left_out_is_told_elsewhere() -> None:
    lists = {path.partition("?")[0] for path, _, _ in rest_scan.LISTS}
    assert not lists & rest_scan.TELLS_NOTHING_NEW


def test_the_credentials_of_connections_and_airflows_own_keys_are_looked_for() -> None:
    settings = {
        "AIRFLOW__CORE__FERNET_KEY": "fernet-key-0123456789",
        "AIRFLOW_CONN_A": json.dumps({"conn_type": "a", "password": "the-password-of-a"}),
        "AIRFLOW_CONN_B": json.dumps({"password": "short", "extra": {"client_secret": "secret-of-b", "a": 5}}),
        "AIRFLOW_CONN_C": json.dumps({"extra": json.dumps({"access_token": "token-of-c"})}),
        "PATH": "/usr/bin",
    }
    assert clear_text.credentials_of(settings) == [
        "fernet-key-0123456789",
        "secret-of-b",
        "the-password-of-a",
        "token-of-c",
    ]
