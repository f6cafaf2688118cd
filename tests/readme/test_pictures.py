"""The pictures on the pages show the house as it is."""

from __future__ import annotations

import re
import tomllib

from airflow_provider.live_sessions.core.status import State
from tests.readme.pages import ROOT, blocks

PICTURES = {
    block.text.split()[0] + (" of the house" if "subgraph" in block.text else ""): block.text
    for block in blocks("mermaid")
    if block.page == "docs/how-it-works.md"
}


def test_the_picture_of_the_floors_has_every_floor_in_the_order_that_is_enforced() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    floors = [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]
    picture = PICTURES["flowchart of the house"]
    shown = re.findall(r"\b(\w+)/", picture)
    assert set(shown) == {name for floor in floors for name in floor} | {"dags", "sandbox"}
    assert [name for name in shown if name not in ("dags", "sandbox")] == [name for one in floors for name in one]


def test_the_picture_of_the_states_has_every_state() -> None:
    assert set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)?\b", PICTURES["stateDiagram-v2"])) == {
        one.name for one in State
    }


def test_no_box_is_called_end_which_mermaid_takes_for_the_end_of_a_group_and_draws_nothing() -> None:
    for block in blocks("mermaid"):
        if block.text.startswith("flowchart"):
            assert not re.search(r"\bend\b(?!\s*$)", re.sub(r'"[^"]*"', "", block.text), re.MULTILINE), str(block)
