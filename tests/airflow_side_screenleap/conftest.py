from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_side_screenleap.stage import Studio

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    with Studio.open(monkeypatch) as opened:
        yield opened
