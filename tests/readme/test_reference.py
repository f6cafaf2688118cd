"""The reference that ``make docs`` builds leaves out nothing that people import."""

from __future__ import annotations

import re
import tomllib

from tests.readme.pages import ROOT

INSIDE = {"plugin", "compat"}
"""Floors that Airflow or this package itself imports, never a user."""


def test_every_floor_on_airflow_is_in_the_reference_and_nothing_that_is_gone() -> None:
    page = (ROOT / "docs" / "reference" / "index.rst").read_text()
    listed = re.findall(r"^   (airflow_provider[\w.]+)$", page, re.MULTILINE)
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    floors = [name.strip() for layer in contract["layers"] for name in layer.split("|")]
    on_airflow = set(floors[: floors.index("compat")]) - INSIDE
    names = {one.removeprefix("airflow_provider.live_sessions.") for one in listed}
    assert on_airflow <= names
    for name in listed:
        path = ROOT / name.replace(".", "/")
        assert path.with_suffix(".py").is_file() or path.is_dir(), name


def test_a_docstring_of_the_reference_links_only_modules_that_are_in_it() -> None:
    page = (ROOT / "docs" / "reference" / "index.rst").read_text()
    listed = set(re.findall(r"^   (airflow_provider[\w.]+)$", page, re.MULTILINE))
    for name in listed:
        path = (ROOT / name.replace(".", "/")).with_suffix(".py")
        linked = set(re.findall(r":mod:`~?([\w.]+)`", path.read_text())) if path.is_file() else set()
        assert linked <= listed, name
