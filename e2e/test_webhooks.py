"""Webhooks on a real Airflow: from the platform to a run, through the api-server and a receiver of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - a test, no DAG

from airflow_provider.live_sessions.webhooks.urls import PREFIX
from demo.airflow_stack import StackError, free_port
from e2e.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e2e.world import World

DAG_ID = "class_with_webhooks"

SIGN = """
import sys
from airflow_provider.live_sessions.core.signatures import Signature
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.core.sealing import unseal
from airflow_provider.live_sessions.webhooks.tokens import Addressee, write
sealed, body, run_id = sys.argv[1:]
addressee = Addressee("lessonspace", "lessonspace_default", "class_with_webhooks", run_id, "launch")
print(write(addressee, AirflowCipher()), Signature().sign(unseal(sealed, AirflowCipher()), body.encode()))
"""
"""What the platform knows of a class, made by who has the Fernet key: the end of its URL, and its signature."""


def runs(world: World, dag_id: str) -> list[dict[str, Any]]:
    found = world.stack.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
    return [one for one in found if one["state"] == "success"]


def events(world: World) -> list[dict[str, Any]]:
    """Return the plain asset's events, oldest first, as far as they are among the latest hundred of all.

    Airflow 3.3.2 answers 500 while a run that was made of one has not begun.
    """

    def told() -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = world.stack.call("GET", "/api/v2/assets/events?limit=100&order_by=-timestamp")
        except StackError:
            return None
        return answer

    found = until("Airflow tells its events", told)["asset_events"]
    return [one for one in reversed(found) if str(one["uri"]).endswith("/session-ended-delivered")]


def state_of(world: World, run_id: str) -> dict[str, Any]:
    path = f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/launch/state-store/live_sessions"
    return dict(world.stack.call("GET", path)["value"])


@contextmanager
def standing_alone(world: World, folder: Path) -> Iterator[str]:
    """Run a receiver of its own; yield its address."""
    port = free_port()
    name, password = world.stack.login
    answer = requests.post(
        f"{world.stack.url}/auth/token", json={"username": name, "password": password}, timeout=30
    )
    token = folder / "token"
    token.write_text(answer.json()["access_token"])
    log = folder / "receiver.log"
    command = [sys.executable, "-m", "airflow_provider.live_sessions.webhooks", "serve"]
    arguments = ["--airflow", world.stack.url, "--token-file", str(token), "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command + arguments, env=world.stack.environment, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            until(f"the receiver answers: {log.read_text()}", lambda: _listening(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)
    told = log.read_text()
    assert token.read_text() not in told
    assert "sealed:" not in told


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_webhook_starts_a_run_for_all_and_a_run_for_its_session(world: World) -> None:
    race = world.lesson("webhooks-inside", dag_id=DAG_ID, lasts=5)
    race.until_task("success", task_id="launch")
    until("a run for all", lambda: runs(world, "told_by_webhook"))
    each = until("a run for the session", lambda: runs(world, "told_by_webhook_each"))
    (session,) = world.sessions("webhooks-inside")
    (event,) = events(world)
    assert (event["extra"]["session_id"], event["extra"]["held"]) == (session["uuid"], "yes")
    assert [one["partition_key"] for one in each] == [session["uuid"]]
    sent = world.control.do("lessonspace", "webhooks")
    assert {one["outcome"] for one in sent} == {"delivered"}
    assert {one["url"].rpartition("/")[0] for one in sent} == {world.stack.url + PREFIX}


def test_nothing_of_the_receiver_is_there_for_who_has_no_url(world: World) -> None:
    before = len(events(world))
    base = world.stack.url + PREFIX
    for path in ("", "/", "/x", "/docs", "/openapi.json", "/a/b"):
        assert requests.get(base + path, timeout=30, allow_redirects=False).status_code in (401, 404, 405), path
        assert requests.post(base + path, json={}, timeout=30, allow_redirects=False).status_code in (
            401,
            404,
            405,
        ), path
    assert len(events(world)) == before


def test_the_secret_of_a_space_rests_sealed(world: World) -> None:
    sealed = state_of(world, "webhooks-inside")["webhook_secret"]
    assert sealed.startswith("sealed:v1:")
    for secret in world.control.do("lessonspace", "secrets")["secrets"]:
        assert secret not in json.dumps(state_of(world, "webhooks-inside"))


def test_a_receiver_of_its_own_checks_confirms_and_tells_through_the_rest_api(
    world: World, tmp_path: Path
) -> None:
    (session,) = world.sessions("webhooks-inside")
    record = state_of(world, "webhooks-inside")
    room = record["ref"]["details"]["space"]
    body = json.dumps({"id": session["uuid"], "room": {"id": room}})
    token, signature = world.inside(SIGN, record["webhook_secret"], body, "webhooks-inside").split()
    before = len(events(world))
    headers = {"x-webhook-event": "session.end"}
    with standing_alone(world, tmp_path) as url:
        forged = {**headers, "x-webhook-id": "forged", "x-webhook-signature": "00" * 32}
        genuine = {**headers, "x-webhook-id": "genuine", "x-webhook-signature": signature}
        for one in (forged, genuine, genuine):
            answer = requests.post(f"{url}{PREFIX}/{token}", data=body, headers=one, timeout=30)
            assert answer.status_code == 202
        assert requests.post(f"{url}{PREFIX}/x", data=body, headers=genuine, timeout=30).status_code == 404
        until("the event is there", lambda: len(events(world)) > before)
    told = events(world)[before:]
    assert [one["extra"]["session_id"] for one in told] == [session["uuid"]]
    assert told[0]["extra"]["from_rest_api"] is True
