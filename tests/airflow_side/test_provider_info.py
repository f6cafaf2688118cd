"""What Airflow is told of this provider is valid, true, and shown where people look."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import BaseNotifier
from airflow.providers_manager import ProvidersManager
from airflow.sdk import BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator, Connection
from airflow.triggers.base import BaseTrigger

from airflow_provider.live_sessions import hooks, links, notifications, operators, sensors, triggers
from airflow_provider.live_sessions.hooks.base import LiveSessionHook
from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
from airflow_provider.live_sessions.links.page import LiveSessionLink
from airflow_provider.live_sessions.notifications.notifier import SessionNotifier
from airflow_provider.live_sessions.operators.coviu import CoviuLaunchSessionOperator
from airflow_provider.live_sessions.operators.educates import EducatesLaunchSessionOperator
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.operators.screenleap import ScreenleapLaunchSessionOperator
from airflow_provider.live_sessions.plugin.live_sessions import LiveSessionsPlugin
from airflow_provider.live_sessions.provider_info import get_provider_info
from tests.airflow_versions import found

if TYPE_CHECKING:
    from types import ModuleType

DISTRIBUTION = "airflow-provider-live-sessions"
INFO = get_provider_info()
SCHEMA = json.loads((Path(airflow.__path__[0]) / "provider_info.schema.json").read_text())
REGISTRY = json.loads((Path(airflow.__path__[0]) / "provider.yaml.schema.json").read_text())


def _named(key: str, base: type) -> list[Any]:
    """Return the classes of a kind that the modules listed under a key define."""
    modules = [pkgutil.resolve_name(name) for one in INFO[key] for name in one["python-modules"]]
    return [
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, base) and one.__module__ == module.__name__
    ]


def test_the_description_passes_airflow_s_own_schema() -> None:
    jsonschema.Draft7Validator(SCHEMA).validate(INFO)
    assert INFO["package-name"] == DISTRIBUTION


@pytest.mark.parametrize(
    ("key", "base"),
    [("operators", BaseOperator), ("sensors", BaseSensorOperator), ("hooks", BaseHook), ("triggers", BaseTrigger)],
)
def test_every_module_that_is_listed_has_something_of_its_kind(key: str, base: type) -> None:
    for one in INFO[key]:
        assert one["integration-name"] in {known["integration-name"] for known in INFO["integrations"]}
    assert _named(key, base)


def _usable(package: ModuleType, base: type) -> dict[str, type]:
    """Return what people can use as it is, by where it is defined; bases still lack their platform."""
    found = {}
    for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for kind in vars(importlib.import_module(one.name)).values():
            if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == one.name:
                declared = any("hook_class" in vars(part).get("__annotations__", {}) for part in kind.__mro__)
                if (not declared or hasattr(kind, "hook_class")) and kind is not LiveSessionHook:
                    found[f"{one.name}.{kind.__name__}"] = kind
    return found


@pytest.mark.parametrize(
    ("key", "package", "base"),
    [
        ("operators", operators, BaseOperator),
        ("sensors", sensors, BaseSensorOperator),
        ("hooks", hooks, BaseHook),
    ],
)
def test_everything_that_people_can_use_is_in_a_module_that_is_listed_and_says_what_it_does(
    key: str, package: ModuleType, base: type
) -> None:
    listed = {name for one in INFO[key] for name in one["python-modules"]}
    usable = _usable(package, base)
    assert {path.rpartition(".")[0] for path in usable} <= listed
    for path, kind in usable.items():
        assert (vars(kind).get("__doc__") or "").strip(), path


def _concrete(package: ModuleType, base: type) -> set[str]:
    """Return the classes of a kind below a package that no other one there is made from."""
    defined = [
        kind
        for one in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
        for kind in vars(importlib.import_module(one.name)).values()
        if isinstance(kind, type) and issubclass(kind, base) and kind.__module__ == one.name
    ]
    bases = {parent for kind in defined for parent in kind.__mro__[1:]}
    return {f"{kind.__module__}.{kind.__name__}" for kind in defined if kind not in bases}


def test_every_link_notifier_and_trigger_is_listed() -> None:
    assert _concrete(links, BaseOperatorLink) == set(INFO["extra-links"])
    assert _concrete(notifications, BaseNotifier) == set(INFO["notifications"])
    modules = {name for one in INFO["triggers"] for name in one["python-modules"]}
    assert {path.rpartition(".")[0] for path in _concrete(triggers, BaseTrigger)} == modules


@pytest.mark.skipif("lifecycle" not in REGISTRY["properties"], reason="of the time before Airflow's registry")
def test_the_description_is_what_airflow_s_registry_reads() -> None:
    release = {"state": "ready", "source-date-epoch": 0}  # what a release adds
    jsonschema.Draft7Validator(REGISTRY).validate({**INFO, **release})


def test_every_guide_that_is_named_is_a_page() -> None:
    for integration in INFO["integrations"]:
        assert integration["how-to-guide"]
        for path in integration["how-to-guide"]:
            assert (Path(__file__).parents[2] / path.removeprefix("/")).is_file()


def test_every_class_that_is_named_is_there() -> None:
    for connection in INFO["connection-types"]:
        hook = pkgutil.resolve_name(connection["hook-class-name"])
        assert issubclass(hook, LiveSessionHook)
        assert connection["connection-type"] == hook.conn_type
        assert connection["hook-name"] == hook.hook_name
    for path in INFO["extra-links"]:
        assert issubclass(pkgutil.resolve_name(path), BaseOperatorLink)
    for path in INFO["notifications"]:
        assert issubclass(pkgutil.resolve_name(path), SessionNotifier)
    for decorator in INFO["task-decorators"]:
        assert callable(pkgutil.resolve_name(decorator["class-name"]))
    (plugin,) = INFO["plugins"]
    assert pkgutil.resolve_name(plugin["plugin-class"]) is LiveSessionsPlugin
    assert plugin["name"] == LiveSessionsPlugin.name


def test_airflow_is_told_of_itself_by_the_installed_entry_points() -> None:
    (told,) = [one for one in entry_points(group="apache_airflow_provider") if one.dist.name == DISTRIBUTION]  # type: ignore[union-attr]  # all have one
    assert told.load()() == INFO
    (plugin,) = [one for one in entry_points(group="airflow.plugins") if one.dist.name == DISTRIBUTION]  # type: ignore[union-attr]  # all have one
    assert plugin.load() is LiveSessionsPlugin


def test_airflow_shows_the_provider_its_connection_and_its_link() -> None:
    manager = ProvidersManager()
    assert manager.providers[DISTRIBUTION].data["name"] == INFO["name"]
    runtime = found("airflow.sdk.providers_manager_runtime:ProvidersManagerTaskRuntime") or ProvidersManager
    hook = runtime().hooks["lessonspace"]
    assert hook is not None
    assert (hook.hook_class_name, hook.hook_name) == (
        INFO["connection-types"][0]["hook-class-name"],
        "Lessonspace",
    )
    assert hook.connection_testable
    assert set(INFO["extra-links"]) <= set(manager.extra_links_class_names)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("list", DISTRIBUTION),
        ("hooks", "LessonspaceHook"),
        ("links", "LessonspaceRoomLink"),
        ("notifications", "NobodyCameNotifier"),
    ],
)
def test_the_command_line_shows_it(command: str, shown: str) -> None:
    done = subprocess.run(  # noqa: S603 - Airflow's own command
        [sys.executable, "-m", "airflow", "providers", command, "--output", "json"],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


WITHOUT = """
import sys
sys.modules["airflow.providers.common.messaging.providers"] = None
import warnings
warnings.simplefilter("ignore")
from airflow.providers.common.compat.sdk import BaseNotifier
from airflow.providers_manager import ProvidersManager
print([one for one in ProvidersManager().queue_class_names if "live_sessions" in one])
import airflow_provider.live_sessions.assets.watching
"""


def test_without_the_extra_there_is_no_queue_and_all_else_works() -> None:
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("[]")


# ---- the connection form


@pytest.mark.parametrize("connection", INFO["connection-types"], ids=lambda one: str(one["connection-type"]))
def test_the_form_s_fields_are_those_the_hook_takes(connection: dict[str, Any]) -> None:
    module = pkgutil.resolve_name(connection["hook-class-name"].rpartition(".")[0])
    assert set(connection["conn-fields"]) == module.EXTRAS


def test_the_form_as_it_is_filled_in_by_default_opens() -> None:
    fields = INFO["connection-types"][0]["conn-fields"]
    filled = {name: field["schema"].get("default") for name, field in fields.items()}
    connection = Connection(
        conn_id="x", conn_type="lessonspace", password="a-key-for-tests", extra=json.dumps(filled)
    )
    LessonspaceHook.open(connection).close()


def test_the_form_shows_the_port_without_which_the_button_test_connection_is_refused() -> None:
    for connection in INFO["connection-types"]:
        assert "port" not in connection["ui-field-behaviour"]["hidden-fields"]


def test_no_secret_is_asked_for_in_a_field_that_airflow_shows() -> None:
    for connection in INFO["connection-types"]:
        for name, field in connection["conn-fields"].items():
            if any(word in name for word in ("key", "secret", "token", "password")):
                assert field["schema"]["format"] == "password"


def test_the_setting_is_known_to_airflow() -> None:
    option = INFO["config"]["live_sessions"]["options"]["destination"]
    assert option["default"] == ""


# ---- the links of a launch


@pytest.mark.parametrize(
    ("operator", "links"),
    [
        (LessonspaceLaunchSessionOperator, ["Live session", "Lessonspace room", "Lessonspace recording"]),
        (CoviuLaunchSessionOperator, ["Live session", "Coviu room"]),
        (ScreenleapLaunchSessionOperator, ["Live session", "Screenleap viewer"]),
        (EducatesLaunchSessionOperator, ["Live session"]),
    ],
)
def test_a_launch_links_to_pages_that_open_nothing_by_themselves(operator: Any, links: list[str]) -> None:
    task = operator(task_id="launch")
    instance = SimpleNamespace(
        dag_id="d", run_id="manual__2026-09-01T00:00:00+00:00", task_id="launch", map_index=3
    )
    assert [one.name for one in task.operator_extra_links] == links
    for one in task.operator_extra_links:
        address = one.get_link(task, ti_key=instance)
        assert address.startswith("/live-sessions/")
        assert parse_qs(urlsplit(address).query) == {name: [str(value)] for name, value in vars(instance).items()}
        assert f"{type(one).__module__}.{type(one).__name__}" in INFO["extra-links"]


def test_a_link_stays_below_what_airflow_is_served_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/data/")
    place = SimpleNamespace(dag_id="d", run_id="r", task_id="launch", map_index=None)
    address = LiveSessionLink().get_link(LessonspaceLaunchSessionOperator(task_id="launch"), ti_key=place)
    assert address == "/data/live-sessions/?dag_id=d&run_id=r&task_id=launch&map_index=-1"


def test_the_page_of_sessions_finds_launches_by_the_link_that_airflow_keeps() -> None:
    from airflow_provider.live_sessions.plugin.sessions_page.launches import LINK_KEY

    assert LiveSessionLink().xcom_key == LINK_KEY


def test_the_page_is_in_the_navigation() -> None:
    (view,) = LiveSessionsPlugin.external_views
    assert (view["name"], view["href"], view["destination"]) == ("Sessions", "/live-sessions/", "nav")
