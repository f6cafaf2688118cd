"""Rows on their way into a file: each once, in a fixed order, without holding them in memory.

The spool is SQLite's private temporary database: it lies on the disk once it outgrows its small cache, has no
name that another process could open, and is gone with the connection.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

import msgspec

from airflow_provider.live_sessions.artifacts.row_shapes import SESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider.live_sessions.artifacts.row_shapes import Row, Shape

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BATCH = 500


# An eighth of what the standard library's encoder takes. Rows are trees, made here, and their numbers are finite.
_encoded = msgspec.json.Encoder().encode


class Spool:
    """Takes rows in any order and gives the best of each identity once, by ``counted_at`` and identity.

    Args:
        shape: What kind of rows they are.
    """

    def __init__(self, shape: Shape = SESSIONS) -> None:
        self._shape = shape
        self._figures = shape.figures
        self._sums = [f"sum_{number}" for number in range(len(shape.sums))]
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", "cache_size = -4096"):
            self._db.execute(f"PRAGMA {setting}")
        columns = ["identity", "counted_at", "knowledge", *self._sums, "line"]
        # Not WITHOUT ROWID: rows as long as these would then be moved about in the tree of their random ids.
        self._db.execute(f"CREATE TABLE spooled ({', '.join(columns)}, PRIMARY KEY (identity))")
        changed = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
        self._add = (
            f"INSERT INTO spooled VALUES ({', '.join('?' * len(columns))}) ON CONFLICT (identity) "  # noqa: S608 - our own words
            f"DO UPDATE SET {changed} WHERE excluded.knowledge >= spooled.knowledge"
        )
        self._db.execute("BEGIN")
        self._waiting: list[tuple[str | int | bytes, ...]] = []
        self.added = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, row: Row) -> None:
        """Take a row; of two of one identity the one that knows more stays, of equals the later one."""
        self.added += 1
        told = row.to_json()
        self._waiting.append(
            (
                _text(row.identity),
                (row.counted_at - _EPOCH) // _MICROSECOND,
                row.knowledge,
                *self._figures(told),
                line_of(told),
            )
        )
        if len(self._waiting) >= _BATCH:
            self._write()

    def counts(self) -> dict[str, int]:
        """Return how many rows there are, what their ``sums`` come to, and how many duplicates were dropped."""
        self._write()
        sums = ", ".join(["COUNT(*)", *(f"COALESCE(SUM({name}), 0)" for name in self._sums)])
        (found,) = self._db.execute(f"SELECT {sums} FROM spooled")  # noqa: S608 - our own words
        rows, *figures = map(int, found)
        return {
            self._shape.name: rows,
            **dict(zip(self._shape.sums, figures, strict=True)),
            "duplicates": self.added - rows,
        }

    def lines(self) -> Iterator[bytes]:
        """Yield the rows as JSON in UTF-8, in their order."""
        self._write()
        cursor = self._db.execute("SELECT line FROM spooled ORDER BY counted_at, identity")
        cursor.arraysize = _BATCH
        while batch := cursor.fetchmany():
            for (line,) in batch:
                yield line

    def _write(self) -> None:
        self._db.executemany(self._add, self._waiting)
        self._waiting.clear()


def _text(text: str) -> str:
    # A lone surrogate is no text that a file or a database could hold.
    return text.encode("utf-8", "replace").decode()


def line_of(told: Mapping[str, Any]) -> bytes:
    """Return a row as JSON in UTF-8, as it stands in a file."""
    try:
        return _encoded(told)
    except UnicodeEncodeError:  # as above, somewhere in the row
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
