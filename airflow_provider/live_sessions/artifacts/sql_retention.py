"""What ended before a moment, out of the tables that exports were loaded into; the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.sql_erasure import tables_there
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Set
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.export_sql import Cursor, Tables


def delete_before(
    cursor: Cursor,
    tables: Tables,
    before: datetime,
    kinds: Set[str] = frozenset(),
    *,
    report_only: bool = False,
) -> dict[str, int]:
    """Delete the rows that are counted before a moment, with their people.

    Args:
        cursor: In a transaction of the caller's.
        tables: Where the rows are; a table that is not there is passed over.
        before: The moment; ``counted_at`` is held against it.
        kinds: Only rows of exports of these kinds, e.g. ``segments-jsonl``; all when empty.
        report_only: Only count.

    Returns:
        For each table that was reached, how many of its rows went.

    Raises:
        ConfigurationError: None of the tables is there, or one without another that belongs to it.
    """
    moment = format_time(before)
    meant = {kind.partition("-")[0] for kind in kinds}
    done: dict[str, int] = {}
    for shape, names in tables_there(cursor, tables):
        if kinds and shape.name not in meant:
            continue
        table, key = names[0], ", ".join(shape.key)
        old = f"FROM {table} WHERE counted_at < {tables.placeholder}"
        # People first: their table has no time of its own.
        parts = {name: f"FROM {name} WHERE ({key}) IN (SELECT {key} {old})" for name in names[1:]}
        for name, rows in {**parts, table: old}.items():
            cursor.execute(f"SELECT COUNT(*) {rows}", (moment,))
            done[name] = int(cursor.fetchone()[0])
            if not report_only:
                cursor.execute(f"DELETE {rows}", (moment,))
    return done
