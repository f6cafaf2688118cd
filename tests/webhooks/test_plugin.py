"""The receiver as the plugin gives it to Airflow's api-server, with a real database behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests  # noqa: TID253 - a test, not a DAG file
from starlette.applications import Starlette
from starlette.routing import Mount

from airflow_provider.live_sessions.assets.delivering import delivered_uri
from airflow_provider.live_sessions.compat import server
from airflow_provider.live_sessions.compat.features import TASK_KEY
from airflow_provider.live_sessions.plugin.lazy import LazyApp
from airflow_provider.live_sessions.plugin.live_sessions import LiveSessionsPlugin
from airflow_provider.live_sessions.plugin.webhooks import URL_PREFIX, apps
from airflow_provider.live_sessions.webhooks.tokens import Addressee
from airflow_provider.live_sessions.webhooks.urls import PREFIX, url_of
from tests.airflow_side.stage import School, Store, TaskInstance, context
from tests.webhooks.database import events, named_asset, wrote_down
from tests.webhooks.post import free_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTING = "AIRFLOW__LIVE_SESSIONS__WEBHOOKS_URL"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The plugin's application, mounted as the api-server does."""
    found = free_port()
    monkeypatch.setenv(SETTING, f"http://127.0.0.1:{found}{PREFIX}")
    (one,) = apps()
    with serving(Starlette(routes=[Mount(one["url_prefix"], one["app"])]), found):
        yield found


def test_nothing_is_mounted_where_no_address_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    assert apps() == []
    assert [one["name"] for one in LiveSessionsPlugin.fastapi_apps] == ["Live sessions"]
    monkeypatch.setenv(SETTING, "https://airflow.test/live-sessions/webhooks")
    (one,) = apps()
    assert isinstance(one["app"], LazyApp)
    assert (one["url_prefix"], URL_PREFIX) == (PREFIX, PREFIX)


def test_a_setting_that_is_wrong_is_said_and_nothing_is_received(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, port: int
) -> None:
    monkeypatch.setenv("AIRFLOW__LIVE_SESSIONS__WEBHOOKS_SIGNATURE", "md5")
    url = url_of(Addressee("lessonspace", "school"))
    assert [requests.post(url, json={}, timeout=20).status_code for _ in range(2)] == [503, 503]
    assert caplog.text.count("Webhooks are not received") == 1


@pytest.mark.airflow
def test_a_class_s_end_is_an_event_of_the_asset_in_airflow_s_own_database(
    airflow_db: None, school: School, port: int
) -> None:
    uri = named_asset(delivered_uri("lessonspace", school.conn_id, "session-ended"))
    me, store = TaskInstance(run_id=f"manual__{school.conn_id}"), Store()
    record = school.launcher(webhooks="auto").execute(context(me, store))
    if server.remembers():
        wrote_down(me.dag_id, me.run_id, me.task_id, me.map_index, store.get(TASK_KEY))
    school.hold(record)
    assert school.sandbox.lessonspace.wait_for_webhooks(20)
    assert {one["outcome"] for one in school.sandbox.lessonspace.webhooks()} == {"delivered"}
    ((extra, _),) = events(uri, patience=20)
    (row,) = school.sandbox.state()["lessonspace"]["sessions"]
    assert (extra["session_id"], extra["session"], extra["held"]) == (row["uuid"], record["ref"]["key"], "yes")
    for secret in school.secrets:
        assert secret not in json.dumps(extra)
