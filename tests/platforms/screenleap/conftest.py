from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.platforms.screenleap.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio.open() as opened:
        yield opened
