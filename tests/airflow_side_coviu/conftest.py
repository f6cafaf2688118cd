from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.airflow_side_coviu.practice import Practice

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def practice(monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    """A practice whose clock stands at the present until a test moves it."""
    with Practice.open(monkeypatch) as opened:
        yield opened
