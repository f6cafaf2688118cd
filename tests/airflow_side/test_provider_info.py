"""What Airflow is told of this provider is valid, true, and shown where people look."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk import BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator, Connection
from airflow.triggers.base import BaseTrigger

from airflow_provider.live_sessions.hooks.base import LiveSessionHook
from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
from airflow_provider.live_sessions.links.lessonspace import LessonspaceRoomLink
from airflow_provider.live_sessions.notifications.notifier import SessionNotifier
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceLaunchSessionOperator
from airflow_provider.live_sessions.plugin.live_sessions import LiveSessionsPlugin
from airflow_provider.live_sessions.provider_info import get_provider_info
from tests.airflow_versions import found

DISTRIBUTION = "airflow-provider-live-sessions"
INFO = get_provider_info()
SCHEMA = json.loads((Path(airflow.__path__[0]) / "provider_info.schema.json").read_text())


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


def test_no_secret_is_asked_for_in_a_field_that_airflow_shows() -> None:
    for connection in INFO["connection-types"]:
        for name, field in connection["conn-fields"].items():
            if any(word in name for word in ("key", "secret", "token", "password")):
                assert field["schema"]["format"] == "password"


def test_the_setting_is_known_to_airflow() -> None:
    option = INFO["config"]["live_sessions"]["options"]["destination"]
    assert option["default"] == ""


# ---- the link to the room


def _link(monkeypatch: pytest.MonkeyPatch, record: Any) -> str:
    from airflow_provider.live_sessions.links import lessonspace

    class Kept:
        @staticmethod
        def get_value(*, ti_key: Any, key: str) -> Any:
            assert key == "return_value"
            return record

    monkeypatch.setattr(lessonspace, "XCom", Kept)  # XCom needs Airflow's API server
    operator = LessonspaceLaunchSessionOperator(task_id="launch")
    (link,) = operator.operator_extra_links
    assert isinstance(link, LessonspaceRoomLink)
    return link.get_link(operator, ti_key=None)


def _record(*, guests: bool, space: str = "room/7") -> dict[str, Any]:
    return {"ref": {"details": {"space": space, "settings": json.dumps({"allow_guests": guests})}}}


def test_a_room_is_linked_by_its_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _link(monkeypatch, _record(guests=False)) == "https://www.thelessonspace.com/space/room%2F7"


@pytest.mark.parametrize(
    "record", [_record(guests=True), _record(guests=False, space=""), None, {}, {"ref": None}, "text"]
)
def test_a_room_whose_address_lets_anybody_in_is_not_linked_nor_is_none(
    monkeypatch: pytest.MonkeyPatch, record: Any
) -> None:
    assert _link(monkeypatch, record) == ""
