"""Screenleap's sensors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.hooks.screenleap import HOOK
from airflow_provider.live_sessions.platforms.screenleap.judging import LONGEST_INTERVAL, SETTLE
from airflow_provider.live_sessions.sensors.session import SessionEndSensor, SessionStartSensor

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.triggers.waiting import SessionWait


class ScreenleapSessionStartSensor(SessionStartSensor):
    """Wait until a share is presented, and tell who never came.

    All arguments of :class:`SessionStartSensor` apply. Screenleap tells who watches with some delay; ``anyone`` is
    the presenter. The poll interval is 120 s at most.
    """

    hook_class: ClassVar[str] = HOOK

    def session_wait(self, record: SessionRecord) -> SessionWait:
        """Wait for the start."""
        wait = super().session_wait(record)
        return replace(wait, poll_interval=min(wait.poll_interval, LONGEST_INTERVAL))


class ScreenleapSessionEndSensor(SessionEndSensor):
    """Wait until a share has ended for good; tell ended, stopped and never started apart.

    All arguments of :class:`SessionEndSensor` apply. An end counts when it stood for ``settle`` seconds, 300 by
    default: after a crash a share may be reopened within 5 minutes. Never held means that nobody started it; a
    share that nobody watched has ended, and ``status.held`` says ``no``. The poll interval is 120 s at most.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, settle: float | str = SETTLE, **kwargs: Any) -> None:
        super().__init__(settle=settle, **kwargs)

    def session_wait(self, record: SessionRecord) -> SessionWait:
        """Wait for the end."""
        wait = super().session_wait(record)
        return replace(wait, poll_interval=min(wait.poll_interval, LONGEST_INTERVAL))
