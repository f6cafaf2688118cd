from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.airflow_side.post_office import PostOffice, open_post_office
from tests.airflow_side.stage import School
from tests.airflow_versions import DagBag

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE = Path(__file__).parent / "bundle"
LOCAL = "airflow.dag_processing.bundles.local.LocalDagBundle"


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """A school whose clock stands at the present until a test moves it."""
    with School.open(monkeypatch) as opened:
        yield opened


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostOffice]:
    """A mail server behind the connection ``post``."""
    with open_post_office(monkeypatch) as office:
        yield office


@pytest.fixture(scope="module")
def read(airflow_db: None) -> DagBag:
    """The DAGs that authors would write."""
    return DagBag(str(BUNDLE))


@pytest.fixture
def authored(read: DagBag, monkeypatch: pytest.MonkeyPatch) -> DagBag:
    """The same, ready to run: `dag.test` runs only what a bundle holds."""
    bundles = [
        {"name": "dags-folder", "classpath": LOCAL, "kwargs": {}},
        {"name": "authored", "classpath": LOCAL, "kwargs": {"path": str(BUNDLE)}},
    ]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(bundles))
    return read
