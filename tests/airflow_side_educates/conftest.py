from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_side_educates.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with Lab.open(monkeypatch) as opened:
        yield opened
