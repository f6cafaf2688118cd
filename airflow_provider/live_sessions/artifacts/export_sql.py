"""Session rows into a database: two tables, an upsert, everything in one transaction of the caller's.

The statements are those that SQLite (3.24 and later), PostgreSQL and their relatives share.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

BATCH = 500
"""Sessions that are held and sent together."""

KEY = ("platform", "conn_id", "session_id")

SESSION_COLUMNS = {
    **dict.fromkeys(KEY, "text"),
    "counted_at": "time",
    **dict.fromkeys(("launch_key", "room", "title"), "text"),
    **dict.fromkeys(("planned_start", "planned_end", "started_at", "ended_at"), "time"),
    "held": "text",
    "minutes": "number",
    "attendance_known": "flag",
    **dict.fromkeys(("usage_minutes", "cost_in_cents"), "number"),
    "extras": "text",
}
PERSON_COLUMNS = {
    **dict.fromkeys(KEY, "text"),
    "position": "whole",
    **dict.fromkeys(("person_id", "participant_id", "name", "role"), "text"),
    **dict.fromkeys(("joined_at", "left_at"), "time"),
    "minutes": "number",
}

_TYPES = {
    "sqlite": {"text": "TEXT", "time": "TEXT", "number": "REAL", "whole": "INTEGER", "flag": "INTEGER"},
    "postgresql": {
        "text": "TEXT",
        "time": "TIMESTAMP WITH TIME ZONE",
        "number": "DOUBLE PRECISION",
        "whole": "INTEGER",
        "flag": "BOOLEAN",
    },
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}(\.[A-Za-z_][A-Za-z0-9_]{0,62})?")


class Cursor(Protocol):
    """As much of a DB-API cursor as is used."""

    def execute(self, operation: str, parameters: Sequence[Any] = (), /) -> object:
        """Run a statement."""

    def fetchone(self) -> Any:
        """Return a row of its result."""

    def executemany(self, operation: str, parameters: Sequence[Sequence[Any]], /) -> object:
        """Run a statement for each set of parameters."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Where rows go.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        placeholder: The driver's, ``?`` or ``%s``.
        sessions: The table of sessions, with its schema where wanted.
        participants: The table of people.

    Raises:
        ConfigurationError: The dialect is not known, or a name is none.
    """

    dialect: str
    placeholder: str
    sessions: str = "sessions"
    participants: str = "participants"

    def __post_init__(self) -> None:
        if self.dialect not in _TYPES:
            raise ConfigurationError(
                f"Sessions cannot be loaded into a database of the kind {self.dialect!r}.",
                advice=f"Known are {', '.join(_TYPES)}. Load the files with the database's own tools.",
            )
        for name in (self.sessions, self.participants):
            if not _NAME.fullmatch(name):
                raise ConfigurationError(
                    f"{name!r} is no name of a table.", advice="Letters, digits and _, with a schema where wanted."
                )

    def create(self, cursor: Cursor) -> None:
        """Make the tables where there are none."""
        if self.dialect == "postgresql":
            # Two loads that make the same table at once would fail each other; the number is this package's own.
            cursor.execute("SELECT pg_advisory_xact_lock(7345020918)")
        cursor.execute(self._definition(self.sessions, SESSION_COLUMNS, KEY))
        cursor.execute(self._definition(self.participants, PERSON_COLUMNS, (*KEY, "position")))

    def load(self, cursor: Cursor, rows: Iterable[dict[str, Any]]) -> tuple[int, int]:
        """Write rows over what is there of the same sessions; the caller commits.

        Args:
            cursor: In a transaction of the caller's.
            rows: As :func:`~airflow_provider.live_sessions.artifacts.export_files.decode` gives them.

        Returns:
            How many sessions and how many participants were written.
        """
        sessions = people = 0
        iterator = iter(rows)
        while batch := list(itertools.islice(iterator, BATCH)):
            cursor.executemany(self._upsert(), [_session(row) for row in batch])
            cursor.executemany(self._forget(), [[row[name] for name in KEY] for row in batch])
            persons = [one for row in batch for one in _people(row)]
            if persons:
                cursor.executemany(self._insert(self.participants, PERSON_COLUMNS), persons)
            sessions += len(batch)
            people += len(persons)
        return sessions, people

    def count(self, cursor: Cursor, platform: str, conn_id: str, since: str, until: str) -> int:
        """Return how many sessions of an account are in the table that are counted from ``since`` to ``until``."""
        hold = self.placeholder
        which = f"platform = {hold} AND conn_id = {hold} AND counted_at >= {hold} AND counted_at < {hold}"
        cursor.execute(
            f"SELECT COUNT(*) FROM {self.sessions} WHERE {which}",  # noqa: S608 - checked names
            (platform, conn_id, since, until),
        )
        return int(cursor.fetchone()[0])

    def _definition(self, table: str, columns: dict[str, str], key: tuple[str, ...]) -> str:
        types = _TYPES[self.dialect]
        parts = [f"{name} {types[kind]}{' NOT NULL' if name in key else ''}" for name, kind in columns.items()]
        return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(parts)}, PRIMARY KEY ({', '.join(key)}))"

    def _insert(self, table: str, columns: dict[str, str]) -> str:
        values = ", ".join([self.placeholder] * len(columns))
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - checked names

    def _upsert(self) -> str:
        changed = ", ".join(f"{name} = excluded.{name}" for name in SESSION_COLUMNS if name not in KEY)
        insert = self._insert(self.sessions, SESSION_COLUMNS)
        return f"{insert} ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {changed}"

    def _forget(self) -> str:
        which = " AND ".join(f"{name} = {self.placeholder}" for name in KEY)
        return f"DELETE FROM {self.participants} WHERE {which}"  # noqa: S608 - checked names


def _session(row: dict[str, Any]) -> list[Any]:
    flat = {**row, "extras": json.dumps(row["extras"], ensure_ascii=False, sort_keys=True)}
    return [_storable(flat[name]) for name in SESSION_COLUMNS]


def _people(row: dict[str, Any]) -> Iterator[list[Any]]:
    key = {name: row[name] for name in KEY}
    for position, person in enumerate(row["participants"]):
        flat = {**key, "position": position, **person}
        yield [_storable(flat[name]) for name in PERSON_COLUMNS]


def _storable(value: Any) -> Any:
    # PostgreSQL's text holds every character but this one.
    return value.replace("\x00", "") if isinstance(value, str) else value
