from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.catcher import Catcher
from tests.sandbox.school import School

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def school() -> Iterator[School]:
    with School.open() as opened:
        yield opened


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    with Catcher() as opened:
        yield opened
