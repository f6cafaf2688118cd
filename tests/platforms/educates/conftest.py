from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.platforms.educates.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab.open() as opened:
        yield opened
