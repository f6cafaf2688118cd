"""What classes came to, computed from exports that are home; on any platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.artifacts.attendance import LATE_AFTER_SECONDS
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import moment
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.export_sessions import span_of, told, written
from airflow_provider.live_sessions.operators.identity import is_true, records_of
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage
from airflow_provider.live_sessions.operators.sessions_to_sql import folders_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.artifacts.class_source import ClassSource
    from airflow_provider.live_sessions.artifacts.partitions import Home
    from airflow_provider.live_sessions.core.storage import Storage


class SummariseClassesOperator(TellsLineage, BaseOperator):
    """Write a row a class: start, end, minutes a person, who was late or absent, words a speaker.

    A class is all sessions with one launch key, or a single one that was made elsewhere. It belongs to the hour or
    day in which its last session ended; the files within ``look_around`` of one are looked through for other
    sessions of its classes, and while those after it are not home, it is partial. Asks no platform anything.

    Who was expected and when is known from ``launches``, else from the attendance tables that classes brought home
    to the same destination, else where the platform tells it (Coviu). Where nobody knows it, nobody is late or
    absent.

    Args:
        sessions: A sessions' export operator's result.
        segments: The result of an export of what was said in the same time; without it there are no words.
        launches: Launch operators' results.
        until: Files of ``sessions`` that begin at or after it are only looked through; empty for none. An aware
            datetime, or ISO 8601 with an offset.
        prefix: The folder below the exports' destination.
        late_after: Seconds after the planned start up to which a person is in time.
        look_around: How far one session of a class may lie from the next, timedelta or seconds; with files of days
            it means a whole day before and behind. 0 takes each file by itself: a class around midnight is then
            two.
        overwrite: Compute again what is home already.

    Returns:
        As the export operators: ``manifests``, ``status``, ``why``, ``counts`` with ``classes``, ``people``,
        ``class_sessions``, ``words``, ``planned`` (of how many classes the plan is known) and ``in_later_files``.
    """

    template_fields: Sequence[str] = (
        "sessions",
        "segments",
        "launches",
        "until",
        "prefix",
        "late_after",
        "look_around",
        "overwrite",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict.fromkeys(
        ("sessions", "segments", "launches"), "json"
    )
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        sessions: Mapping[str, Any] | XComArg,
        segments: Mapping[str, Any] | XComArg | None = None,
        launches: Sequence[Mapping[str, Any]] | Mapping[str, Any] | XComArg = (),
        until: datetime | str = "",
        prefix: str = "classes",
        late_after: float | str = LATE_AFTER_SECONDS,
        look_around: timedelta | float | str = 6 * 3600.0,
        overwrite: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.sessions = sessions
        self.segments = segments
        self.launches = launches
        self.until = until
        self.prefix = prefix
        self.late_after = late_after
        self.look_around = look_around
        self.overwrite = overwrite

    def execute(self, context: Context) -> dict[str, Any]:
        """Compute each hour's or day's classes that are not home yet, and write them."""
        del context
        from airflow_provider.live_sessions.artifacts.export_files import FileFormat
        from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, export_from

        with airflow_errors():
            given = dict(self.sessions)  # type: ignore[arg-type]  # resolved by now
            storage = open_storage(shared_destination(str(given.get("destination", ""))))
            source = self._source(storage, given)
            plan = ExportPlan(
                storage=storage,
                conn_id=source.sessions.conn_id,
                prefix=self.prefix,
                file_format=FileFormat.of(str(given["file_format"])),
                overwrite=is_true(self.overwrite),
            )
            chunks = list(source.sessions.chunks(storage))
            if self.until:
                until = moment(self.until, "until")
                chunks = [one for one in chunks if one.since < until]
            if not chunks:
                raise ConfigurationError("No file of `sessions` begins before `until`.")
            result = export_from(source, plan, chunks, say=self.log.info)
            where = (source.platform, plan.conn_id, str(given["destination"]), str(given["file_format"]))
            read = [one for one in (given, self.segments) if one]
            self.lineage = lambda: Lineage(folders_read(read), (written(result, storage),))
            return told(result, chunks, *where)

    def _source(self, storage: Storage, given: Mapping[str, Any]) -> ClassSource:
        from airflow_provider.live_sessions.artifacts.class_plans import of_records
        from airflow_provider.live_sessions.artifacts.class_source import ClassSource

        sessions = _home(storage, given, "sessions")
        if sessions is None:
            raise ConfigurationError("`sessions` has no files.", advice="Pass an export operator's output.")
        segments = _home(storage, self.segments, "segments") if self.segments else None
        if segments is not None and (segments.platform, segments.conn_id) != (sessions.platform, sessions.conn_id):
            raise ConfigurationError("`segments` is the export of another account than `sessions`.")
        return ClassSource(
            storage,
            sessions,
            segments,
            of_records(records_of(self.launches)),
            late_after=span_of(self.late_after, "late_after").total_seconds(),
            look_around=span_of(self.look_around, "look_around"),
        )


def _home(storage: Storage, export: Any, kind: str) -> Home | None:
    """Return the files of an export.

    Raises:
        ConfigurationError: It is none, or of something else.
    """
    from airflow_provider.live_sessions.artifacts.partitions import Home

    try:
        found = Home.told(storage, [str(one) for one in export["manifests"]])
    except (KeyError, TypeError):
        found = None
        export = None
    if export is None or (found is not None and found.kind != kind):
        raise ConfigurationError(f"`{kind}` is not the result of an export of {kind}.")
    return found
