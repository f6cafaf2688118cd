from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox_coviu.practice import Practice

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def practice() -> Iterator[Practice]:
    with Practice.open() as opened:
        yield opened
