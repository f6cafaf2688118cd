from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_side.stage import School

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """A school whose clock stands at the present until a test moves it."""
    with School.open(monkeypatch) as opened:
        yield opened
