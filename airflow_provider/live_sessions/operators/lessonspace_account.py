"""Lessonspace's operator for a whole organisation: its sessions as files."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_provider.live_sessions.hooks.lessonspace import HOOK, LessonspaceHook
from airflow_provider.live_sessions.operators.export_sessions import SessionsToObjectStorageOperator


class LessonspaceSessionsToObjectStorageOperator(SessionsToObjectStorageOperator):
    """Bring home every session of the organisation that ended within a time, as JSON Lines or Parquet.

    A session is one stretch of presence in a room, as Lessonspace counts them; also those of one person, and those
    that were not launched from here. With ``attendance`` each room with a session costs a request of its own.

    Args and returns: see
    :class:`~airflow_provider.live_sessions.operators.export_sessions.SessionsToObjectStorageOperator`.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, conn_id: str = LessonspaceHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
