"""Data checks over an export, that fail loudly."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook, BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage
from airflow_provider.live_sessions.operators.sessions_to_sql import folders_read
from airflow_provider.live_sessions.operators.sql_tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.core.storage import Storage

SHOWN = 20
"""Problems that are told one by one."""


class CheckSessionsExportOperator(TellsLineage, BaseOperator):
    """Fail unless an export can be true.

    Checked: every file is as its manifest says and lacks nothing that may still come; the counts agree, also with
    the platform's own; no session, segment or class is there twice, ended before it started, or lies outside its
    file's time; nothing is missing between this export and the one before it; with ``against`` the sessions in it
    are those of the sessions' export; with ``sql_conn_id`` the table holds for each file's time as many rows as
    the file.

    What may heal by itself is told by failing for a retry: an hour before it that another run is still bringing
    home, what the platform has still to tell. What it will never tell (a deleted room's attendance, a transcript
    that failed) is an error in the log, is counted, and fails nothing.

    Args:
        export: An export operator's result: of sessions, of what was said, or of classes.
        against: The export of the sessions of the same time, for what was said and for classes.
        no_gap: Look for a gap before it. Off for the first export into a place that fills the past backwards.
        sql_conn_id: The database it was loaded into; empty for none.
        sessions_table: The table of sessions.
        segments_table: The table of what was said.
        classes_table: The table of classes.

    Returns:
        ``files``, and ``sessions``, ``segments`` or ``classes``: how many were checked; ``lost``: in how many
        files something is lost for good.

    Raises:
        AirflowFailException: What is wrong, sentence by sentence. A retry heals none of it.
        Transient: Nothing is wrong, but something is not there yet.
    """

    template_fields: Sequence[str] = (
        "export",
        "against",
        "no_gap",
        "sql_conn_id",
        "sessions_table",
        "segments_table",
        "classes_table",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"export": "json", "against": "json"}
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        export: Mapping[str, Any] | XComArg,
        against: Mapping[str, Any] | XComArg | None = None,
        no_gap: bool | str = True,
        sql_conn_id: str = "",
        sessions_table: str = "sessions",
        segments_table: str = "segments",
        classes_table: str = "classes",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.export = export
        self.against = against
        self.no_gap = no_gap
        self.sql_conn_id = sql_conn_id
        self.sessions_table = sessions_table
        self.segments_table = segments_table
        self.classes_table = classes_table

    def execute(self, context: Context) -> dict[str, int]:
        """Check everything, then say all that is wrong."""
        del context
        from airflow_provider.live_sessions.artifacts.export_checks import disagreements, gap_before, problems

        with airflow_errors():
            told = _told(self.export, "export")
            names = [str(one) for one in told["manifests"]]
            storage = open_storage(shared_destination(str(told["destination"])))
            found = problems(storage, names)
            if is_true(self.no_gap):
                found.passing += filter(None, [gap_before(storage, names)])
            if self.against:
                found.wrong += disagreements(storage, names, _told(self.against, "against")["manifests"])
            if self.sql_conn_id:
                found.wrong += self._missing_rows(names, storage)
            self.lineage = lambda: Lineage(read=folders_read(told))
        for one in found.lost[:SHOWN]:
            self.log.error("Lost for good: %s", one)
        failed = [*found.wrong, *found.passing]
        for one in failed[:SHOWN]:
            self.log.error("%s", one)
        if found.wrong:
            raise AirflowFailException(f"{len(failed)} checks failed. {' '.join(failed[:SHOWN])}")
        if failed:
            raise Transient(
                f"{len(failed)} checks failed. {' '.join(failed[:SHOWN])}",
                advice="What comes by itself is there at a retry; export a missing time, then clear this task.",
            )
        rows = _rows(names, told["counts"])
        self.log.info("%d files are sound: %s; %d lack something for good.", len(names), rows, len(found.lost))
        return {"files": len(names), **rows, "lost": len(found.lost)}

    def _missing_rows(self, names: Sequence[str], storage: Storage) -> list[str]:
        """Return a sentence for each file whose time the table holds another number of rows for."""
        from airflow_provider.live_sessions.artifacts.export_checks import read
        from airflow_provider.live_sessions.artifacts.row_shapes import shape_of

        hook = BaseHook.get_hook(self.sql_conn_id)
        tables = tables_of(self, hook)
        found = []
        with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            for name in names:
                manifest = read(storage, name)
                shape = shape_of(manifest.kind)
                if shape is None or manifest.planned_start is None or manifest.planned_end is None:
                    continue
                since, until = format_time(manifest.planned_start), format_time(manifest.planned_end)
                there = tables.count(cursor, manifest.platform, manifest.conn_id, since, until, shape)
                expected = manifest.extra["counts"][shape.name]
                if there != expected:
                    time = f"{since} to {until}"
                    found.append(f"The table holds {there} {shape.name} of {time}, the file {expected}.")
        return found


def _told(export: Any, argument: str) -> dict[str, Any]:
    if not hasattr(export, "keys") or not {"manifests", "destination", "counts"} <= set(export):
        raise ConfigurationError(
            f"`{argument}` is not the result of an export.", advice="Pass an export operator's output."
        )
    return dict(export)


def _rows(names: Sequence[str], counts: Mapping[str, Any]) -> dict[str, int]:
    """Return how many rows an export has, by what they are."""
    from airflow_provider.live_sessions.artifacts.row_shapes import shape_of

    shape = shape_of(names[0].rpartition("/")[2]) if names else None
    return {} if shape is None else {shape.name: int(counts.get(shape.name, 0))}
