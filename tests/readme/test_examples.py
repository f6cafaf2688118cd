"""The examples on the pages are code of this release: their imports, arguments, commands and files exist."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import textwrap
import tomllib
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions import assets, flows, hooks, operators, sensors
from tests.airflow_versions import DagBag
from tests.readme.code import defined_in
from tests.readme.pages import PAGES, ROOT, Block, blocks, name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OURS = "airflow_provider.live_sessions"
BLOCKS = blocks("python")
DAGS = [block for block in BLOCKS if "from airflow.sdk import dag" in block.text]
QUOTED = re.compile(r"# (tests/[\w/]+\.py)\n")
QUOTES = [block for block in BLOCKS if QUOTED.match(block.text)]
FILE = re.compile(
    r"(?<![\w/])(?:dags|demo|docker|tests|requirements|e2e|benchmarks|crash)/[\w/.*-]*\w\.(?:py|csv|ics|txt|md)\b"
)

EACH_BLOCK = pytest.mark.parametrize("block", BLOCKS, ids=str)
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)


def tree_of(block: Block) -> ast.Module:
    """Parse a block; one may end with a decorator whose function does not matter."""
    last = block.text.rstrip().rpartition("\n")[2]
    return ast.parse(block.text + ("def _(): ..." if last.startswith("@") else ""))


@cache
def offered() -> dict[str, Any]:
    return defined_in(operators, sensors, flows, hooks, assets)


def parameters(kind: Any) -> set[str]:
    """Return what a function, or a class with all its bases, takes by keyword."""
    makers = [vars(one).get("__init__") for one in kind.__mro__] if isinstance(kind, type) else [kind]
    return {name for maker in makers if inspect.isfunction(maker) for name in inspect.signature(maker).parameters}


def calls_of_ours(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Yield each call of something that the package offers, also by ``partial``, with its keywords."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            func = call.func
            if isinstance(func, ast.Attribute) and func.attr in ("partial", "expand"):
                func = func.value
            if isinstance(func, ast.Name) and func.id in offered():
                yield func.id, {one.arg for one in call.keywords if one.arg}


def test_there_are_examples_of_every_kind() -> None:
    assert len(BLOCKS) > 25
    assert len(DAGS) >= 3
    assert len(QUOTES) >= 8


@EACH_BLOCK
def test_what_an_example_imports_exists(block: Block) -> None:
    for node in ast.walk(tree_of(block)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                module = importlib.import_module(node.module)
                assert hasattr(module, one.name) or find_spec(f"{node.module}.{one.name}"), one.name


@EACH_BLOCK
def test_an_example_names_only_arguments_that_exist(block: Block) -> None:
    for name, keywords in calls_of_ours(tree_of(block)):
        known = parameters(offered()[name])
        assert keywords <= known, f"{name} does not take {', '.join(sorted(keywords - known))}"


@EACH_BLOCK
def test_an_operator_that_an_example_uses_is_one_of_ours_or_airflow_s(block: Block) -> None:
    tree = tree_of(block)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and re.fullmatch(r"[A-Z]\w+(Operator|Sensor|Hook)", node.id):
            assert node.id in offered() or node.id in own, node.id


@pytest.mark.parametrize("block", DAGS, ids=str)
def test_a_dag_of_the_pages_is_read_without_an_error(block: Block, tmp_path: Path, airflow_db: None) -> None:
    (tmp_path / "example.py").write_text(block.text)
    bag = DagBag(str(tmp_path))
    assert bag.import_errors == {}
    assert bag.dags


@pytest.mark.parametrize("block", QUOTES, ids=str)
def test_what_is_quoted_from_the_tests_stands_there(block: Block) -> None:
    where = QUOTED.match(block.text)
    assert where
    lines = (ROOT / where[1]).read_text().splitlines()
    quote = block.text[where.end() :].rstrip()
    length = quote.count("\n") + 1
    passages = ("\n".join(lines[at : at + length]) for at in range(len(lines)))
    assert any(textwrap.dedent(passage) == quote for passage in passages)


# ---- commands and files


@EACH_PAGE
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"`+[^`]+`+", page.read_text())
    named = {one for text in code for one in re.findall(r"(?:^|[`\n$&])\s*make ([a-z][a-z0-9-]*)", text)}
    assert named <= targets


@EACH_PAGE
def test_every_module_that_a_page_runs_exists(page: Path) -> None:
    for module in set(re.findall(r"python -m ([\w.]+)", page.read_text())):
        assert importlib.util.find_spec(module), module


@EACH_PAGE
def test_every_extra_that_a_page_installs_exists(page: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"(?:airflow-provider-live-sessions|\.)\[([\w-]+)\]", page.read_text())) <= set(extras)


def test_the_page_on_packages_names_all_that_is_installed_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for many in project["optional-dependencies"].values() for one in many),
    ]
    rows = [one for one in (ROOT / "docs" / "compatibility.md").read_text().splitlines() if one.startswith("| ")]
    table = rows[rows.index("| installed with it | for |") + 2 :]
    named = {one for row in table for one in re.findall(r"`([a-z][\w-]+)`", row.split("|")[1])}
    assert named == {re.split(r"[<>=]", one)[0] for one in wanted} - {"apache-airflow"}


@EACH_PAGE
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    missing = [one for one in set(FILE.findall(page.read_text())) if not list(ROOT.glob(one))]
    assert missing == []
