"""Each platform's page is a guide of its own: its connection, its operators, its limits."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions import operators, sensors
from tests.readme.code import defined_in
from tests.readme.pages import ROOT, anchors

if TYPE_CHECKING:
    from pathlib import Path

PLATFORMS = sorted(one.stem for one in (ROOT / "docs" / "platforms").glob("*.md"))
SECTIONS = ("connection", "every-call", "a-retry-can-prove", "cannot-do")

EACH = pytest.mark.parametrize("platform", PLATFORMS)


def page_of(platform: str) -> Path:
    return ROOT / "docs" / "platforms" / f"{platform}.md"


def test_there_is_a_page_for_every_connection_type() -> None:
    forms = ROOT / "airflow_provider" / "live_sessions" / "connections"
    of_all = "port"
    assert sorted(one.stem for one in forms.glob("[!_]*.py") if one.stem != of_all) == PLATFORMS


@EACH
def test_a_page_says_how_to_connect_what_is_called_what_a_retry_proves_and_what_cannot_be(
    platform: str,
) -> None:
    there = " ".join(anchors(page_of(platform)))
    assert [one for one in SECTIONS if one not in there] == []


@EACH
def test_a_page_names_every_field_of_its_connection_form(platform: str) -> None:
    form = importlib.import_module(f"airflow_provider.live_sessions.connections.{platform}").FORM
    page = page_of(platform).read_text()
    assert [name for name in form["conn-fields"] if f"`{name}`" not in page] == []


@EACH
def test_a_page_calls_a_connection_s_fields_by_the_names_of_its_form_and_by_airflow_s(platform: str) -> None:
    form = importlib.import_module(f"airflow_provider.live_sessions.connections.{platform}").FORM
    labels = {name: label.partition(" (")[0] for name, label in form["ui-field-behaviour"]["relabeling"].items()}
    page = page_of(platform).read_text()
    assert [name for name, label in labels.items() if f"{label} (Airflow's *{name}*)" not in page] == []


@EACH
def test_a_page_names_every_operator_and_sensor_of_its_platform(platform: str) -> None:
    own = [
        name
        for name in defined_in(operators, sensors)
        if name.lower().startswith(platform) and re.search(r"(Operator|Sensor)$", name)
    ]
    page = page_of(platform).read_text()
    assert own
    assert [name for name in own if f"`{name}" not in page] == []
