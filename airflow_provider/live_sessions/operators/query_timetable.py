"""A table of a database as a timetable: one query, written as CSV for ``SelectClassesOperator``."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from airflow_provider.live_sessions.artifacts.layout import slug
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow.providers.common.compat.sdk import Context


class QueryTimetableOperator(BaseOperator):
    """Run a query and write its rows as a CSV timetable; without a query, hand the given timetable on.

    The query's columns are the timetable's: at least ``class_id``, ``title``, ``start``, and ``end`` or
    ``duration_minutes``; ``host`` and ``guests`` as ``id|Name <email>``, several guests parted by ``;``. Times of
    the type timestamp are written with their offset; without one they are local to the timetable's zone.

    Args:
        sql: The query; empty for none.
        conn_id: The Airflow connection of the database, of any type that ``common.sql`` knows.
        timetable: What to hand on where there is no query.
        destination: Where the file goes: a folder, or any URL of Airflow's object storage; ``[live_sessions]
            destination`` by default. It holds the people of the rows, so guard it as the table.
        name: The timetable's name, for the file.

    Returns:
        The path or URL of the timetable.
    """

    template_fields: Sequence[str] = ("sql", "conn_id", "timetable", "destination", "name")
    ui_color = "#e9e9e9"

    def __init__(
        self,
        *,
        sql: str = "",
        conn_id: str = "",
        timetable: str = "",
        destination: str = "",
        name: str = "timetable",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.sql = sql
        self.conn_id = conn_id
        self.timetable = timetable
        self.destination = destination
        self.name = name

    def execute(self, context: Context) -> str:
        """Query, write, and return where it lies."""
        with airflow_errors():
            if not self.sql:
                return self.timetable
            columns, rows = self.database().run(self.sql, handler=_table)
            run_id = str(context["ti"].run_id)
            mark = hashlib.sha256(run_id.encode()).hexdigest()[:8]
            name = f"timetables/{slug(self.name)}/{slug(run_id)}-{mark}.csv"
            destination = shared_destination(self.destination)  # another task, maybe elsewhere, reads it
            open_storage(destination).put(name, [to_timetable(columns, rows)])
            self.log.info("%d rows written as a timetable.", len(rows))
            return f"{destination.rstrip('/')}/{name}"

    def database(self) -> Any:
        """Return the hook of the database.

        Raises:
            ConfigurationError: The connection is not one of a database.
        """
        hook = BaseHook.get_hook(self.conn_id)
        if not hasattr(hook, "run"):
            raise ConfigurationError(
                f"The connection {self.conn_id!r} is not one of a database.",
                advice="Name a connection whose type comes with a common.sql hook.",
            )
        return hook


def _table(cursor: Any) -> tuple[list[str], list[Any]]:
    # Called while the query's cursor is open; a statement without a result has no description.
    if cursor.description is None:
        raise ConfigurationError("The query has no result.", advice="Give a SELECT.")
    return [str(column[0]) for column in cursor.description], list(cursor.fetchall())


def to_timetable(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return rows of a database as a CSV timetable in UTF-8.

    Args:
        columns: The names of the columns.
        rows: The rows; None becomes an empty cell.
    """
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer)
    lines.writerow(columns)
    lines.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, time):
        return value.isoformat(timespec="minutes")
    return value.isoformat() if isinstance(value, date) else str(value)
