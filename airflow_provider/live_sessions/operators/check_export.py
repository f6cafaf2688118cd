"""Data checks over an export, that fail loudly."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook, BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage
from airflow_provider.live_sessions.operators.sessions_to_sql import folders_read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.core.storage import Storage

SHOWN = 20
"""Problems that are told one by one."""


class CheckSessionsExportOperator(TellsLineage, BaseOperator):
    """Fail unless an export can be true.

    Checked: every file is as its manifest says and complete; the counts agree, also with the platform's own; no
    session is there twice, ended before it started, or lies outside its file's time; nothing is missing between
    this export and the one before it; with ``sql_conn_id`` the table holds for each file's time as many sessions
    as the file.

    Args:
        export: An export operator's result.
        no_gap: Look for a gap before it. Off for the first export into a place that fills the past backwards.
        sql_conn_id: The database it was loaded into; empty for none.
        sessions_table: The table of sessions.

    Returns:
        ``files`` and ``sessions``: how many were checked.

    Raises:
        AirflowFailException: What is wrong, sentence by sentence. A retry heals none of it.
    """

    template_fields: Sequence[str] = ("export", "no_gap", "sql_conn_id", "sessions_table")
    template_fields_renderers: ClassVar[dict[str, str]] = {"export": "json"}
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        export: Mapping[str, Any] | XComArg,
        no_gap: bool | str = True,
        sql_conn_id: str = "",
        sessions_table: str = "sessions",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.export = export
        self.no_gap = no_gap
        self.sql_conn_id = sql_conn_id
        self.sessions_table = sessions_table

    def execute(self, context: Context) -> dict[str, int]:
        """Check everything, then say all that is wrong."""
        del context
        from airflow_provider.live_sessions.artifacts.export_checks import gap_before, problems

        with airflow_errors():
            told = self._told()
            names = [str(one) for one in told["manifests"]]
            storage = open_storage(shared_destination(str(told["destination"])))
            found = problems(storage, names)
            if is_true(self.no_gap):
                found += filter(None, [gap_before(storage, names)])
            if self.sql_conn_id:
                found += self._missing_rows(names, storage)
            self.lineage = lambda: Lineage(read=folders_read(told))
        for one in found[:SHOWN]:
            self.log.error("%s", one)
        if found:
            raise AirflowFailException(f"{len(found)} checks failed. {' '.join(found[:SHOWN])}")
        sessions = int(told["counts"].get("sessions", 0))
        self.log.info("%d files with %d sessions are sound.", len(names), sessions)
        return {"files": len(names), "sessions": sessions}

    def _told(self) -> Mapping[str, Any]:
        told: Any = self.export
        if not hasattr(told, "keys") or not {"manifests", "destination", "counts"} <= set(told):
            raise ConfigurationError(
                "`export` is not the result of an export.", advice="Pass an export operator's output."
            )
        return dict(told)

    def _missing_rows(self, names: Sequence[str], storage: Storage) -> list[str]:
        """Return a sentence for each file whose time the table holds another number of sessions for."""
        from airflow_provider.live_sessions.artifacts.export_checks import read
        from airflow_provider.live_sessions.artifacts.export_sql import Tables

        hook = BaseHook.get_hook(self.sql_conn_id)
        tables = Tables(hook.dialect_name, hook.placeholder, self.sessions_table)
        found = []
        with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            for name in names:
                manifest = read(storage, name)
                if manifest.planned_start is None or manifest.planned_end is None:
                    continue
                since, until = format_time(manifest.planned_start), format_time(manifest.planned_end)
                there = tables.count(cursor, manifest.platform, manifest.conn_id, since, until)
                if there != manifest.extra["counts"]["sessions"]:
                    expected = manifest.extra["counts"]["sessions"]
                    found.append(f"The table holds {there} sessions of {since} to {until}, the file {expected}.")
        return found
