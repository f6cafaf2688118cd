"""Reading a DAG file costs no platform client, no HTTP library and no timetable reader."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import pytest

OURS = "airflow_provider.live_sessions"
AIRFLOW = """
import airflow.sdk, airflow.triggers.base
from airflow.providers.common.compat.sdk import (
    AirflowPlugin, BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator, XCom, conf
)
"""
ENTRANCES = [
    "operators.lessonspace",
    "operators.classes",
    "operators.lessonspace_account",
    "sensors.lessonspace",
    "flows.lessonspace",
    "plugin.live_sessions",
    "provider_info",
    "triggers.session",
    "triggers.artifact",
    "triggers.ended",
    "triggers.ready",
    "assets.addresses",
    "assets.watching",
    "operators.retention",
    "hooks.lessonspace",
    "decorators.live_session",
    "decorators.lessonspace",
    "notifications.nobody_came",
    "notifications.not_launched",
    "notifications.artifacts",
    "operators.notify",
    "operators.launched_in_time",
    "operators.find_launched",
    "forms.fields",
    "forms.session",
]


@cache
def loaded_by(*modules: str, beyond: str = AIRFLOW) -> frozenset[str]:
    """Return what a fresh interpreter loads for these modules, beyond what Airflow itself loads."""
    program = f"""{beyond}
import importlib, json, sys
before = set(sys.modules)
for name in {list(modules)!r}:
    importlib.import_module("{OURS}." + name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run(  # noqa: S603 - a program of our own
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    return frozenset(json.loads(done.stdout.splitlines()[-1]))


def ours(loaded: frozenset[str]) -> set[str]:
    """Return this package's modules among those loaded, without the connection forms, which are plain data."""
    return {name for name in loaded if name.startswith(OURS) and not name.startswith(f"{OURS}.connections")}


def test_the_measure_itself_can_tell() -> None:
    heavy = loaded_by("platforms.lessonspace.client")
    assert f"{OURS}.core.http" in heavy
    assert "requests" in heavy


@pytest.mark.parametrize(
    "banned",
    [
        "requests",
        "urllib3",
        "icalendar",
        "recurring_ical_events",
        "fsspec",
        "pyarrow",
        f"{OURS}.platforms",
        f"{OURS}.core.http",
        f"{OURS}.sandbox",
        f"{OURS}.schedules.ical",
        f"{OURS}.schedules.csv",
        f"{OURS}.schedules.timetable",
    ],
)
def test_no_entrance_of_a_dag_file_loads_what_only_a_running_task_needs(banned: str) -> None:
    loaded = loaded_by(*ENTRANCES)
    assert f"{OURS}.operators.lessonspace" in loaded
    assert sorted(name for name in loaded if name == banned or name.startswith((f"{banned}.", f"{banned}_"))) == []


def test_the_provider_s_description_loads_nothing_else_and_not_even_airflow() -> None:
    loaded = loaded_by("provider_info", beyond="")
    assert ours(loaded) == {OURS, f"{OURS}.provider_info"}
    assert not any(name.partition(".")[0] == "airflow" for name in loaded)


def test_the_plugin_that_every_component_loads_loads_nothing_else_of_ours() -> None:
    loaded = loaded_by("plugin.live_sessions", beyond="")
    itself = {OURS, *(f"{OURS}.plugin{one}" for one in ("", ".lazy", ".live_sessions", ".webhooks"))}
    where_its_page_is = {f"{OURS}.plugin.sessions_page{one}" for one in ("", ".mount")}
    assert ours(loaded) - {f"{OURS}.provider_info"} == {
        *itself,
        *where_its_page_is,
        f"{OURS}.core",
        f"{OURS}.core.pages",
    }
