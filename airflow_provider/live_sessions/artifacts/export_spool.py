"""Rows on their way into a file: each session once, in a fixed order, without holding them in memory.

The spool is SQLite's private temporary database: it lies on the disk once it outgrows its small cache, has no
name that another process could open, and is gone with the connection.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.session_rows import SessionRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BATCH = 500

# Not WITHOUT ROWID: rows as long as these would then be moved about in the tree of their random ids.
_TABLE = """
CREATE TABLE spooled (
    session_id TEXT PRIMARY KEY, counted_at INTEGER, knowledge INTEGER, people INTEGER, lines INTEGER, line TEXT
)
"""
_ADD = """
INSERT INTO spooled VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET
    counted_at = excluded.counted_at, knowledge = excluded.knowledge,
    people = excluded.people, lines = excluded.lines, line = excluded.line
WHERE excluded.knowledge >= spooled.knowledge
"""


# Made once: `json.dumps` with these arguments makes an encoder for every row. Rows are trees, made here.
_encoded = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), allow_nan=False
).encode


class Spool:
    """Takes rows in any order and gives each session's best row once, by ``counted_at`` and id."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", "cache_size = -4096"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute(_TABLE)
        self._db.execute("BEGIN")
        self._waiting: list[tuple[str, int, int, int, int, str]] = []
        self.added = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def add(self, row: SessionRow) -> None:
        """Take a row; of two rows of a session the one that knows more stays, of equals the later one."""
        self.added += 1
        self._waiting.append(
            (
                _text(row.session_id),
                (row.counted_at - _EPOCH) // _MICROSECOND,
                row.knowledge,
                len(row.participants),
                len(row.logs),
                _text(_encoded(row.to_json())),
            )
        )
        if len(self._waiting) >= _BATCH:
            self._write()

    def counts(self) -> dict[str, int]:
        """Return how many sessions, participants, log lines and dropped duplicates there are."""
        self._write()
        sums = "COUNT(*), COALESCE(SUM(people), 0), COALESCE(SUM(lines), 0)"
        (found,) = self._db.execute(f"SELECT {sums} FROM spooled")  # noqa: S608 - our own words
        sessions, people, lines = map(int, found)
        return {
            "sessions": sessions,
            "participants": people,
            "log_lines": lines,
            "duplicates": self.added - sessions,
        }

    def lines(self) -> Iterator[str]:
        """Yield the rows as JSON, in their order."""
        self._write()
        cursor = self._db.execute("SELECT line FROM spooled ORDER BY counted_at, session_id")
        cursor.arraysize = _BATCH
        while batch := cursor.fetchmany():
            for (line,) in batch:
                yield line

    def _write(self) -> None:
        self._db.executemany(_ADD, self._waiting)
        self._waiting.clear()


def _text(text: str) -> str:
    # A lone surrogate is no text that a file or a database could hold.
    return text.encode("utf-8", "replace").decode()
