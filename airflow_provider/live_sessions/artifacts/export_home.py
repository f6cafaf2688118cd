"""What is home of a time that is asked for again: where it knows more than the platform now, it stays.

Platforms delete: a day later a room, a summary or a transcript may be gone while its session is still listed. A
row that knew more of the same end then stands in place of the new one, and so do the words of a session of which
none came. A session that is listed no more, or with another end, is not in the new file.

The old rows wait in a temporary database on the disk.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Self

from airflow_provider.live_sessions.artifacts.export_files import rows_of
from airflow_provider.live_sessions.artifacts.row_shapes import SEGMENTS, SESSIONS
from airflow_provider.live_sessions.core.segment_rows import SegmentRow
from airflow_provider.live_sessions.core.session_rows import LogRow, PersonRow, SessionRow
from airflow_provider.live_sessions.core.status import Held
from airflow_provider.live_sessions.core.times import format_time, parse_optional_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.row_shapes import Columns, Row, Shape
    from airflow_provider.live_sessions.core.session_rows import Tally
    from airflow_provider.live_sessions.core.storage import Storage

_TABLES = (
    "CREATE TABLE home (which, line)",
    "CREATE TABLE listed (which PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE came (which PRIMARY KEY) WITHOUT ROWID",
)
_SILENT = """
SELECT which, line FROM home
WHERE which IN (SELECT which FROM listed) AND which NOT IN (SELECT which FROM came) ORDER BY rowid
"""


class AtHome:
    """The rows of a file that is about to be written anew.

    Args:
        storage: Where it is.
        shape: What its rows are.
        manifest: Describes it; None for nothing, or for nothing that may be kept.
    """

    def __init__(self, storage: Storage, shape: Shape, manifest: Manifest | None) -> None:
        self._shape = shape
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096"):
            self._db.execute(f"PRAGMA {setting}")
        for table in _TABLES:
            self._db.execute(table)
        self._db.execute("BEGIN")
        self._known = manifest is not None and shape in (SESSIONS, SEGMENTS) and not manifest.verify(storage)
        if manifest is not None and self._known:
            told = (
                (_which(row["session_id"], row["counted_at"]), json.dumps(row))
                for row in rows_of(storage, manifest)
            )
            self._db.executemany("INSERT INTO home VALUES (?, ?)", told)
            self._db.execute("CREATE INDEX by_which ON home (which)")
        self.kept = 0
        """Of how many sessions what was home stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def joined(self, rows: Iterable[Row], tally: Tally) -> Iterator[Row]:
        """Yield a source's rows, where what is home knows more in its place.

        Args:
            rows: What the source tells.
            tally: Of the source, which tells it of each session of the time.
        """
        if not self._known:
            yield from rows
        elif self._shape is SESSIONS:
            yield from map(self._better, rows)
        else:
            tally.met.append(self._listed)
            yield from self._with_silent(rows)

    def _better(self, row: Row) -> Row:
        which = _which(row.identity, format_time(row.counted_at))
        found = self._db.execute("SELECT line FROM home WHERE which = ?", (which,)).fetchone()
        before = None if found is None else session_of(json.loads(found[0]))
        if before is None or before.knowledge <= row.knowledge:
            return row
        self.kept += self._note("came", which)  # a row may come twice
        return before

    def _listed(self, session_id: str, counted_at: datetime) -> None:
        self._note("listed", _which(session_id, format_time(counted_at)))

    def _with_silent(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield what was said, then what is home of listed sessions of which nothing came."""
        last = ""
        for row in rows:
            told = row.to_json()
            which = _which(told["session_id"], told["counted_at"])
            if which != last:
                self._note("came", which)
            last = which
            yield row
        last = ""
        for which, line in self._db.execute(_SILENT):
            self.kept += which != last
            last = which
            yield SegmentRow(**_values(json.loads(line), SEGMENTS.columns))

    def _note(self, table: str, which: str) -> int:
        """Write down the end of a session; return 1 where it is new, else 0."""
        written = self._db.execute(f"INSERT OR IGNORE INTO {table} VALUES (?)", (which,))  # noqa: S608 - our own words
        return written.rowcount


def _which(session_id: str, counted_at: str) -> str:
    """Return what tells the end of a session: plain ASCII, also of what no database could hold."""
    return json.dumps([session_id, counted_at])


def session_of(told: Mapping[str, Any]) -> SessionRow:
    """Return the row that :meth:`SessionRow.to_json` wrote."""
    values = _values(told, SESSIONS.columns)
    values["held"] = Held(values["held"])
    values["participants"] = tuple(PersonRow(**one) for one in values["participants"])
    values["logs"] = tuple(LogRow(**one) for one in values["logs"])
    return SessionRow(**values)


def _values(told: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Return a row's values as its class takes them, those of its parts among them."""
    return {name: _value(told[name], kind) for name, kind in columns.items()}


def _value(value: Any, kind: str | Columns) -> Any:
    if not isinstance(kind, str):
        return [_values(one, kind) for one in value]
    return parse_optional_time(value) if kind == "time" else value
