"""A trigger that does nothing: what Airflow itself costs, to be taken off everybody's figures."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = "benchmarks.idle.IdleTrigger"


class IdleTrigger(BaseTrigger):
    """Waits for ever.

    Args:
        number: Tells one from the other.
    """

    def __init__(self, number: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self._number = number

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes it again."""
        return PATH, {"number": self._number}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait."""
        await asyncio.Event().wait()
        yield TriggerEvent(self._number)
