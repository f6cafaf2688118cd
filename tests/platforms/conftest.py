"""Each test begins with rate budgets that nobody has spent of."""

from __future__ import annotations

import pytest

from airflow_provider.live_sessions.core.budget import Lines
from airflow_provider.live_sessions.core.surroundings import ALONE


@pytest.fixture(autouse=True)
def unspent() -> None:
    """Forget what sandboxes before this one asked for: a port that is used again is the same account."""
    assert isinstance(ALONE.budgets, Lines)
    ALONE.budgets._lines.clear()
