"""The connection, the provider's registration, and the example DAG."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import seconds_of
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.screenleap import HOOK, ScreenleapHook
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.provider_info import get_provider_info
from tests.airflow_side_screenleap.stage import TOKEN, Studio

ROOT = Path(__file__).parents[2]


def test_a_connection_that_works_says_whose_it_is(studio: Studio) -> None:
    assert hook_class_of(HOOK) is ScreenleapHook
    studio.people.widget()
    tested, told = ScreenleapHook(studio.conn_id).test_connection()
    assert (tested, told) == (True, "The account studio answers; 1 share is running.")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"password": "wrong"}, "missing or incorrect"),
        ({"login": ""}, "lacks the account id"),
        ({"password": ""}, "lacks the account id or the auth token"),
        ({"extra": {"settel": 3}}, "settel"),
        ({"extra": {"settle": "soon"}}, "'settle' has to be a number"),
        ({"extra": {"timeout": 0}}, "'timeout' has to be a number"),
        ({"host": "http://api.screenleap.com/v2"}, "plain http"),
        ({"host": "api.screenleap.com", "schema": "http", "port": 81}, "plain http"),
    ],
)
def test_a_connection_that_does_not_work_says_why(studio: Studio, changes: dict[str, Any], complaint: str) -> None:
    studio.connect(**changes)
    hook = ScreenleapHook(studio.conn_id)
    try:
        tested, told = hook.test_connection()
    except ConfigurationError as error:
        tested, told = False, str(error)
    assert tested is False
    assert complaint in told
    assert TOKEN not in told


def test_without_a_host_the_public_address_is_meant(studio: Studio) -> None:
    studio.connect(host="", extra={})
    with ScreenleapHook(studio.conn_id).get_conn() as client:
        assert client._http.base_url.rstrip("/") == "https://api.screenleap.com/v2"
    studio.connect(host="127.0.0.1", schema="http", port=99, extra={"verify_tls": False})
    with ScreenleapHook(studio.conn_id).get_conn() as client:
        assert client._http.base_url.rstrip("/") == "http://127.0.0.1:99"


def test_the_provider_names_everything_of_screenleap() -> None:
    info = get_provider_info()
    (connection,) = [one for one in info["connection-types"] if one["connection-type"] == "screenleap"]
    assert connection["hook-class-name"] == HOOK
    fields = {"requests_per_second", "rate_share", "settle", "timeout", "verify_tls"}
    assert set(connection["conn-fields"]) == fields
    for kind in ("operators", "sensors", "hooks"):
        modules = [
            name for one in info[kind] if one["integration-name"] == "Screenleap" for name in one["python-modules"]
        ]
        assert modules
        assert all(__import__(name, fromlist=["x"]) for name in modules)


@pytest.mark.parametrize("name", ["screen_share_night", "screen_share_support"])
def test_parsing_the_dag_loads_no_client(name: str) -> None:
    script = (
        f"import sys, runpy; runpy.run_path('dags/{name}.py');"
        "import json; print(json.dumps([m for m in sys.modules if m.startswith('airflow_provider')]))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert any(one.startswith("airflow_provider.live_sessions.operators.screenleap") for one in loaded)
    heavy = {
        f"airflow_provider.live_sessions.platforms.screenleap.{name}" for name in ("client", "models", "launching")
    }
    assert not heavy & loaded


def test_the_night_has_a_reaper_that_only_says_at_first_and_an_export() -> None:
    dag = runpy.run_path(str(ROOT / "dags" / "screen_share_night.py"))["screen_share_night"]()
    assert {task.task_id for task in dag.tasks} == {"reap", "day_before", "export_usage", "tell_cost"}
    assert dag.params["dry_run"] is True
    assert dag.get_task("export_usage").upstream_task_ids == {"day_before"}
    assert dag.get_task("reap").upstream_task_ids == set()


def test_the_night_s_templates_become_what_its_operators_take() -> None:
    dag = runpy.run_path(str(ROOT / "dags" / "screen_share_night.py"))["screen_share_night"]()
    params = {name: dag.params[name] for name in dag.params}
    day = {"since": "2026-08-31T00:00:00+02:00", "until": "2026-09-01T00:00:00+02:00"}
    ti = SimpleNamespace(xcom_pull=lambda task_ids: {"day_before": day}[task_ids])
    reap, export = dag.get_task("reap"), dag.get_task("export_usage")
    for task in (reap, export):
        task.render_template_fields({"params": params, "ti": ti})
    assert (seconds_of(reap.older_than, "older_than"), is_true(reap.report_only)) == (28_800.0, True)
    since, until = export._window()
    assert (until - since, export.conn_id) == (timedelta(days=1), "screenleap_default")
