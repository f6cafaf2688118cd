"""The command: URLs of whole accounts, and a receiver that runs on its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests  # noqa: TID253 - a test, not a DAG file

from airflow_provider.live_sessions.assets.delivering import delivered_uri
from airflow_provider.live_sessions.compat import server
from airflow_provider.live_sessions.compat.features import TASK_KEY
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.webhooks.__main__ import TOKEN_VARIABLE, main
from airflow_provider.live_sessions.webhooks.tokens import Addressee, read
from airflow_provider.live_sessions.webhooks.urls import PREFIX
from tests.airflow_side.stage import School, Store, TaskInstance, context
from tests.webhooks.database import events, named_asset, wrote_down
from tests.webhooks.post import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTING = "AIRFLOW__LIVE_SESSIONS__WEBHOOKS_URL"
ROOT = Path(__file__).parents[2]


def test_an_account_s_url_leads_to_its_connection(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SETTING, "https://airflow.test/live-sessions/webhooks")
    assert main(["url", "--platform", "screenleap", "--conn-id", "studio"]) == 0
    base, _, token = capsys.readouterr().out.strip().rpartition("/")
    assert base == "https://airflow.test/live-sessions/webhooks"
    assert read(token, AirflowCipher(), datetime.now(UTC)) == Addressee("screenleap", "studio")


@pytest.mark.parametrize("platform", ["zoom", "../x", "base", ""])
def test_a_platform_that_is_none_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], platform: str
) -> None:
    monkeypatch.setenv(SETTING, "https://airflow.test/live-sessions/webhooks")
    assert main(["url", "--platform", platform, "--conn-id", "studio"]) == 2
    assert "is no" in capsys.readouterr().err


def test_without_a_token_nothing_is_served(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    (tmp_path / "empty").write_text("\n")
    for more in ((), ("--token-file", str(tmp_path / "missing")), ("--token-file", str(tmp_path / "empty"))):
        assert main(["serve", "--airflow", "http://127.0.0.1:9", *more]) == 2
        assert "no token" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("airflow", "said"),
    [
        ("http://airflow.internal:8080", "not encrypted"),
        ("http://192.0.2.7", "not encrypted"),
        ("airflow.internal", "no address"),
        ("https://[", "no address"),
        ("https://airflow.test/?x=1", "no address"),
    ],
)
def test_the_token_is_sent_to_no_host_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], airflow: str, said: str
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "t")
    assert main(["serve", "--airflow", airflow, "--port", "0"]) == 2
    assert said in capsys.readouterr().err


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def alone(api: str, school: School, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A receiver of its own in front of a real REST API; yields what it writes."""
    port = free_port()
    monkeypatch.setenv(SETTING, f"http://127.0.0.1:{port}{PREFIX}")
    token, log = tmp_path / "token", tmp_path / "log"
    token.write_text(requests.get(f"{api}/auth/token", timeout=30).json()["access_token"])
    command = [sys.executable, "-m", "airflow_provider.live_sessions.webhooks", "serve", "--airflow", api]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - a program of our own
            [*command, "--token-file", str(token), "--port", str(port)],
            cwd=ROOT, env=dict(os.environ), stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 100
            while not answers(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield log
        finally:
            process.terminate()
            process.wait(timeout=30)
    assert token.read_text() not in log.read_text()


@pytest.mark.airflow
def test_a_receiver_of_its_own_confirms_and_tells_through_the_rest_api(alone: Path, school: School) -> None:
    uri = named_asset(delivered_uri("lessonspace", school.conn_id, "session-ended"))
    me, store = TaskInstance(run_id=f"manual__{school.conn_id}+00:00"), Store()
    record = school.launcher(webhooks="auto").execute(context(me, store))
    if server.remembers():
        wrote_down(me.dag_id, me.run_id, me.task_id, me.map_index, store.get(TASK_KEY))
    school.hold(record)
    assert school.sandbox.lessonspace.wait_for_webhooks(30)
    assert {one["outcome"] for one in school.sandbox.lessonspace.webhooks()} == {"delivered"}
    ((extra, _),) = events(uri, patience=60)
    (row,) = school.sandbox.state()["lessonspace"]["sessions"]
    assert (extra["session_id"], extra["from_rest_api"]) == (row["uuid"], True)
    written = alone.read_text()
    for secret in (*school.secrets, "gAAAA"):
        assert secret not in written + json.dumps(extra), "neither a link, a secret nor a URL's token"
