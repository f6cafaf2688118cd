"""The file of figures: a section each, none lost, never half a file."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from benchmarks.results import read, record

if TYPE_CHECKING:
    from pathlib import Path


def test_a_section_replaces_its_former_figures_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    record("waits", {"requests_per_tick": 2}, path=path)
    record("budget", {"used": 0.95}, path=path)
    record("waits", {"requests_per_tick": 3}, path=path)
    assert {name: one["figures"] for name, one in read(path).items()} == {
        "waits": {"requests_per_tick": 3},
        "budget": {"used": 0.95},
    }
    assert {"cores", "memory_gib", "python", "airflow"} <= read(path)["waits"]["machine"].keys()


def test_sections_that_end_at_the_same_time_all_stay(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: record(f"section-{number}", {"number": number}, path=path), range(40)))
    assert {one["figures"]["number"] for one in read(path).values()} == set(range(40))
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".part"] == []


@pytest.mark.parametrize("figure", [float("nan"), object()])
def test_what_is_no_json_leaves_the_file_as_it_was(tmp_path: Path, figure: object) -> None:
    path = tmp_path / "results.json"
    record("waits", {"requests_per_tick": 2}, path=path)
    before = path.read_bytes()
    with pytest.raises((TypeError, ValueError)):
        record("waits", {"requests_per_tick": figure}, path=path)
    assert path.read_bytes() == before


def test_a_torn_file_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"waits": {"fig', encoding="utf-8")
    record("waits", {"requests_per_tick": 2}, path=path)
    assert json.loads(path.read_text(encoding="utf-8"))["waits"]["figures"] == {"requests_per_tick": 2}
