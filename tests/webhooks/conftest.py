from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_side.stage import School
from tests.webhooks.post import Airflow, Post, free_port, opened, serving

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


@pytest.fixture(scope="module")
def api(airflow_db: None) -> Iterator[str]:
    """Airflow's own REST API on a local port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "0123456789abcdef" * 4)
        from airflow.api_fastapi.app import create_app, purge_cached_app

        purge_cached_app()
        port = free_port()
        with serving(create_app(apps="core"), port):
            yield f"http://127.0.0.1:{port}"
        purge_cached_app()
