from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_side.stage import School
from tests.webhooks.post import Airflow, Post, opened

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def airflow() -> Airflow:
    return Airflow()


@pytest.fixture
def post(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    with opened(airflow, monkeypatch) as up:
        yield up


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """A school whose clock stands at the present until a test moves it."""
    with School.open(monkeypatch) as opened_school:
        yield opened_school
