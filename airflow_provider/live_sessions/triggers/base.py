"""What the triggers of this package share: arguments that are only stored, and exactly one event."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider.live_sessions.core.errors import ConfigurationError, LiveSessionError
from airflow_provider.live_sessions.triggers.events import error_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


LONGEST_HOLD = 600.0
"""Seconds; more than any Airflow needs to see that a task has deferred."""


class LiveSessionTrigger(BaseTrigger):
    """A trigger whose constructor cannot fail: one that raises would take the whole triggerer down.

    What is wrong with the arguments is found in :meth:`run` and reported as an event.

    Args:
        not_before: Unix time before which no event fires: Airflow must have seen the task deferred.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self._kwargs: dict[str, Any] = _named_once(kwargs, 3)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes this trigger again; it holds no secret."""
        return f"{type(self).__module__}.{type(self).__qualname__}", dict(self._kwargs)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, writing what changes to the task's own log, and yield exactly one event."""
        try:
            event = await self._wait()
        except LiveSessionError as error:
            event = error_event(error)
        await asyncio.sleep(min(max(0.0, self._number("not_before", 0.0) - time.time()), LONGEST_HOLD))
        yield TriggerEvent(event)

    @abstractmethod
    async def _wait(self) -> dict[str, Any]:
        """Return the event that ends the wait.

        Raises:
            LiveSessionError: The wait cannot begin.
        """

    def _hook_class(self) -> str:
        return str(self._kwargs.get("hook_class"))

    def _mapping(self, name: str) -> dict[str, Any]:
        value = self._kwargs.get(name)
        return value if isinstance(value, dict) else {}

    def _texts(self, name: str) -> list[str]:
        value = self._kwargs.get(name)
        return [str(one) for one in value] if isinstance(value, list | tuple) else []

    def _numbers(self, name: str) -> list[float]:
        value = self._kwargs.get(name)
        listed = value if isinstance(value, list | tuple) else []
        return [float(one) for one in listed if _is_number(one)]

    def _number(self, name: str, default: float | None = None) -> float:
        value = self._kwargs.get(name)
        if _is_number(value):
            return float(value)  # type: ignore[arg-type]  # _is_number has looked
        if default is None:
            raise ConfigurationError(f"The trigger's {name} is no number.")
        return default


def _named_once(value: Any, depth: int) -> Any:
    """Return a mapping with the names of its fields shared by all triggers: ten thousand have the same thirty.

    Args:
        value: Anything; what is no plain mapping stays as it is.
        depth: How many mappings deep to look; a bound, because a constructor must not fail.
    """
    if depth == 0 or type(value) is not dict:
        return value
    return {
        sys.intern(name) if type(name) is str else name: _named_once(one, depth - 1) for name, one in value.items()
    }


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer larger than any float
        return False
