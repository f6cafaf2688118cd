"""Which Airflow this is, is asked in ``compat`` and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from airflow_provider import live_sessions
from airflow_provider.live_sessions.compat.features import add_partition, asset_store_of, keeps_task_state

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(live_sessions.__file__).parent
BLIND = {"artifacts", "core", "platforms", "sandbox", "schedules"}
"""Floors on which nothing imports Airflow; the import floors hold them to it."""

NOT_OF_AIRFLOW = {
    ("assets/queue.py", "except ImportError"): "the extra `messaging`",
    ("operators/hand_over.py", "except ImportError"): "the extra `smtp`",
    ("notifications/notifier.py", "find_spec airflow.providers.smtp"): "the extra `smtp`",
    ("assets/telling.py", "getattr uri"): "an outlet may be an alias, which has no address",
    ("notifications/notice.py", "getattr log_url"): "a message without a page leaves that line out",
    ("notifications/notifier.py", "getattr session"): "which operator it is",
    ("operators/check_export.py", "hasattr keys"): "a mapping, or not",
    ("operators/export_sessions.py", "getattr data_interval_start"): "a run by hand has none, on every Airflow",
    ("operators/export_sessions.py", "getattr data_interval_end"): "the same",
    ("operators/identity.py", "hasattr keys"): "a mapping, or a list of them",
    ("operators/launch.py", "getattr max_tries"): "a task that is called by hand has none, on every Airflow",
    ("operators/query_timetable.py", "hasattr run"): "a database's hook, or another one",
    ("operators/sessions_to_sql.py", "hasattr keys"): "a mapping, or a list of them",
    ("plugin/sessions_page/launches.py", "getattr value"): "an enumeration's member, or its text",
    ("plugin/sessions_page/telling.py", "getattr status_code"): "which error it is",
    ("plugin/sessions_page/telling.py", "getattr detail"): "which error it is",
}
"""What looks like such a question and is none, each with what it asks for."""


ABSENCES = {"ImportError", "ModuleNotFoundError", "AttributeError"}
VERSIONS = {"airflow", "airflow.version", "importlib.metadata"}


def name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def text_of(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "?"


def questions(source: str) -> Iterator[str]:
    """Yield each place that goes by the presence or the version of something."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            for one in {name_of(kind) for kind in caught} & ABSENCES:
                yield f"except {one}"
        elif isinstance(node, ast.Call):
            name, args = name_of(node.func), node.args
            what = args[1] if name in ("hasattr", "getattr") and len(args) > 1 else None
            if isinstance(what, ast.Constant) and (name == "hasattr" or len(args) > 2):
                yield f"{name} {text_of(what)}"
            elif name == "find_spec":
                yield f"find_spec {text_of(args[0])}"
            elif name == "signature":
                yield "signature"
        elif isinstance(node, ast.ImportFrom) and node.module in VERSIONS:
            yield f"from {node.module} import"
        elif isinstance(node, ast.Attribute) and node.attr == "__version__":
            yield "__version__"


def asked() -> set[tuple[str, str]]:
    """Return every such place outside ``compat``, on the floors that see Airflow."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        inside = path.relative_to(PACKAGE)
        if inside.parts[0] not in BLIND | {"compat"}:
            found |= {(inside.as_posix(), one) for one in questions(path.read_text())}
    return found


def test_no_module_outside_compat_asks_which_airflow_this_is() -> None:
    assert asked() - set(NOT_OF_AIRFLOW) == set()


def test_every_exception_of_that_is_still_there() -> None:
    assert set(NOT_OF_AIRFLOW) - asked() == set()


@pytest.mark.parametrize(
    "source",
    [
        "hasattr(event, 'add_partitions')",
        "getattr(self, 'asset_state_store', None)",
        "try:\n    import airflow.sdk.crypto\nexcept ImportError:\n    pass",
        "try:\n    a.b()\nexcept (KeyError, AttributeError):\n    pass",
        "importlib.util.find_spec('airflow.sdk')",
        "inspect.signature(register).parameters",
        "from airflow import __version__",
        "airflow.__version__ >= '3.3'",
    ],
)
def test_each_way_to_ask_is_seen(source: str) -> None:
    assert len(list(questions(source))) == 1


@pytest.mark.parametrize(
    ("version", "keeps"),
    [("3.1.8", False), ("3.2.2", False), ("3.3.0", True), ("3.10.0", True), ("4.0.0.dev0", True), ("", False)],
)
def test_an_airflow_elsewhere_is_known_by_the_version_it_tells(version: str, keeps: bool) -> None:
    assert keeps_task_state(version) is keeps


def test_an_event_is_a_plain_one_where_airflow_has_no_partition_keys() -> None:
    keys: list[str] = []
    assert add_partition(SimpleNamespace(add_partitions=keys.append), "a-session")
    assert keys == ["a-session"]
    assert not add_partition(SimpleNamespace(), "a-session")


def test_a_watcher_has_no_memory_where_airflow_keeps_none_for_assets() -> None:
    assert asset_store_of(SimpleNamespace(asset_state_store=7)) == 7
    assert asset_store_of(SimpleNamespace()) is None
