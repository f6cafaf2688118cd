from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.platforms.coviu.clinic import Clinic

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    with Clinic.open() as opened:
        yield opened
