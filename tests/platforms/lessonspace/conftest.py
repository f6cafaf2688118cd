from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.platforms.lessonspace.academy import Academy

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def academy() -> Iterator[Academy]:
    with Academy.open() as opened:
        yield opened
