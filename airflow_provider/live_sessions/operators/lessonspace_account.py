"""Lessonspace's operators for a whole organisation: its sessions as files, and what was said in them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.artifacts.export_lacks import PATIENCE
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, ArtifactRules
from airflow_provider.live_sessions.hooks.lessonspace import HOOK, LessonspaceHook
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.export_sessions import (
    SessionsToObjectStorageOperator,
    look_back_of,
)
from airflow_provider.live_sessions.operators.identity import records_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import XComArg

    from airflow_provider.live_sessions.artifacts.export_sources import Source
    from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform


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


class LessonspaceTranscriptsToObjectStorageOperator(SessionsToObjectStorageOperator):
    """Bring home what was said in every session of the organisation that ended within a time: a row a segment.

    Files, manifests and intervals are those of
    :class:`~airflow_provider.live_sessions.operators.export_sessions.SessionsToObjectStorageOperator`. Nothing
    lists transcripts: each session with two people or more costs a request, each transcript its file. Whether one
    will come cannot be told from that it is late, so the task waits until ``rules`` give up on the last session (a
    day after ``until``); with ``wait=False`` what is not there yet makes the file partial, and the next run asks
    again.

    The rows are people's words, of children too.

    Args:
        conn_id: The Airflow connection.
        launches: Launch operators' results: who is behind a user id, as those launches told it, and the name they
            were launched with. Of other classes the attendance tables tell it that they brought home to the same
            destination, else the organisation's list of users. A table that comes home later is taken in with
            ``recheck``.
        rules: From when on a session has a transcript, and how long one is waited for (see ``ArtifactRules``).
        prefix: The folder below the destination.
        kwargs: As above, but ``attendance``, and ``patience``: the ``rules`` have it.

    Returns:
        As above; ``counts`` has ``segments``, ``words``, and by what became of their transcript the sessions:
        ``transcripts``, ``never``, ``pending``, ``failed``.
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = (*SessionsToObjectStorageOperator.template_fields, "launches", "rules")
    template_fields_renderers: ClassVar[dict[str, str]] = {"launches": "json"}

    def __init__(
        self,
        *,
        conn_id: str = LessonspaceHook.default_conn_name,
        launches: Sequence[Mapping[str, Any]] | Mapping[str, Any] | XComArg = (),
        rules: ArtifactRules | Mapping[str, float] | str = DEFAULT_RULES,
        prefix: str = "transcripts",
        **kwargs: Any,
    ) -> None:
        super().__init__(conn_id=conn_id, prefix=prefix, attendance=False, patience=PATIENCE, **kwargs)
        self.launches = launches
        self.rules = rules

    def _caught_up_after(self) -> timedelta:
        return max(timedelta(seconds=ArtifactRules.of(self.rules).give_up_after), super()._caught_up_after())

    def _source(self, platform: LessonspacePlatform) -> Source:
        from airflow_provider.live_sessions.artifacts.class_plans import participants_of
        from airflow_provider.live_sessions.artifacts.export_sources import SegmentSource

        return SegmentSource(
            platform,
            ArtifactRules.of(self.rules),
            participants_of(records_of(self.launches)),
            look_back_of(self.look_back),
            open_storage(self.destination),
        )
