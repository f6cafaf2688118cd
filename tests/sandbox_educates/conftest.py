from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.catcher import Catcher
from tests.sandbox_educates.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def portal() -> Iterator[Portal]:
    with Portal.open() as opened:
        yield opened


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    with Catcher() as opened:
        yield opened
