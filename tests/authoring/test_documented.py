"""Every example of docs/authoring.md is a DAG that Airflow reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.airflow_versions import DagBag

PAGE = Path(__file__).parents[2] / "docs" / "authoring.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def named() -> list[tuple[str, str]]:
    """Return each example with the name of its DAG, which its last line calls."""
    return [(re.findall(r"^(\w+)\(\)$", example, flags=re.MULTILINE)[-1], example) for example in EXAMPLES]


@pytest.mark.parametrize(("name", "example"), named())
def test_an_example_of_the_page_is_read_without_an_error(
    name: str, example: str, tmp_path: Path, airflow_db: None
) -> None:
    (tmp_path / f"{name}.py").write_text(example)
    bag = DagBag(str(tmp_path))
    assert bag.import_errors == {}
    assert list(bag.dags) == [name]
    assert bag.dags[name].tasks


def test_the_page_has_an_example_for_each_of_its_means() -> None:
    assert {name for name, _ in named()} == {"tutoring", "workshops", "watched", "consultation_now"}
