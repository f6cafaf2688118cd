"""Waiting for a moment: without a worker slot where the task may be deferred, in short sleeps where not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.compat.features import deferral_hold

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator


def wait_until(operator: BaseOperator, moment: datetime, *, method_name: str, deferrable: bool) -> None:
    """Return once the moment has come; a deferred task comes back through ``method_name`` instead.

    A wait says in the task's log until when it lasts: one of a quarter of an hour looks like a hang else.

    Args:
        operator: The task's operator.
        moment: When to go on, aware.
        method_name: The operator's method for the way back; it is called with ``context`` and ``event``.
        deferrable: Whether to give the worker slot back while waiting.
    """
    remaining = (moment - datetime.now(UTC)).total_seconds()
    if remaining > 0:
        operator.log.info("Waiting until %s, %.0f s from now.", moment.isoformat(timespec="seconds"), remaining)
    if deferrable and remaining > deferral_hold():
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        operator.defer(trigger=DateTimeTrigger(moment=moment), method_name=method_name)
    while remaining > 0:
        time.sleep(min(remaining, 1.0))
        remaining = (moment - datetime.now(UTC)).total_seconds()
