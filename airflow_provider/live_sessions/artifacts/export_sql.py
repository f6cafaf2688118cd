"""Rows of exports into a database: a table or two a kind, upserts, everything in one transaction of the caller's.

The statements are those that SQLite (3.24 and later), PostgreSQL and their relatives share.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.live_sessions.artifacts.row_shapes import SESSIONS
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.row_shapes import Columns, Shape

BATCH = 500
"""Rows that are held and sent together."""

_TYPES = {
    "sqlite": {
        **dict.fromkeys(("text", "texts", "json", "time"), "TEXT"),
        "number": "REAL",
        "whole": "INTEGER",
        "flag": "INTEGER",
    },
    "postgresql": {
        **dict.fromkeys(("text", "texts", "json"), "TEXT"),
        "time": "TIMESTAMP WITH TIME ZONE",
        "number": "DOUBLE PRECISION",
        "whole": "BIGINT",
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

    def fetchall(self) -> Any:
        """Return all rows of its result."""

    def executemany(self, operation: str, parameters: Sequence[Sequence[Any]], /) -> object:
        """Run a statement for each set of parameters."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Where rows go.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        placeholder: The driver's, ``?`` or ``%s``.
        sessions: The table of sessions, with its schema where wanted; likewise:
        participants: The people in them.
        segments: What was said in them.
        classes: The classes.
        people: The people of each class.

    Raises:
        ConfigurationError: The dialect is not known, or a name is none.
    """

    dialect: str
    placeholder: str
    sessions: str = "sessions"
    participants: str = "participants"
    segments: str = "segments"
    classes: str = "classes"
    people: str = "class_people"

    def __post_init__(self) -> None:
        if self.dialect not in _TYPES:
            raise ConfigurationError(
                f"Sessions cannot be loaded into a database of the kind {self.dialect!r}.",
                advice=f"Known are {', '.join(_TYPES)}. Load the files with the database's own tools.",
            )
        for name in (self.sessions, self.participants, self.segments, self.classes, self.people):
            if not _NAME.fullmatch(name):
                raise ConfigurationError(
                    f"{name!r} is no name of a table.", advice="Letters, digits and _, with a schema where wanted."
                )

    def create(self, cursor: Cursor, shape: Shape = SESSIONS) -> None:
        """Make the tables of one kind of rows where there are none."""
        if self.dialect == "postgresql":
            # Two loads that make the same table at once would fail each other; the number is this package's own.
            cursor.execute("SELECT pg_advisory_xact_lock(7345020918)")
        cursor.execute(self._definition(self._table(shape), _columns(shape), shape.key))
        if shape.part:
            cursor.execute(self._definition(self._parts(shape), _part_columns(shape), (*shape.key, "position")))

    def load(self, cursor: Cursor, rows: Iterable[dict[str, Any]], shape: Shape = SESSIONS) -> tuple[int, int]:
        """Write rows over what is there of the same sessions or classes; the caller commits.

        Where one session or class comes more than once (a class that went on is in a later file too), the row that
        comes last stands, with its people and nobody else's: so older files come first.

        Args:
            cursor: In a transaction of the caller's.
            rows: As :func:`~airflow_provider.live_sessions.artifacts.export_files.decode` gives them; what is
                replaced as a whole stands together.
            shape: What kind of rows they are.

        Returns:
            How many rows were written, and how many people of them.
        """
        table, columns = self._table(shape), _columns(shape)
        number = parts = 0
        group: tuple[Any, ...] = ()
        iterator = iter(rows)
        while batch := list(itertools.islice(iterator, BATCH)):
            if shape.group:
                groups = [tuple(row[name] for name in shape.group) for row in batch]
                begun = [one for before, one in itertools.pairwise([group, *groups]) if one != before]
                group = groups[-1]
                if begun:
                    cursor.executemany(self._forget(table, shape.group), begun)
            cursor.executemany(self._upsert(table, columns, shape.key), [_flat(row, columns) for row in batch])
            if shape.part:
                latest = {shape.identity(row): row for row in batch}
                cursor.executemany(self._forget(self._parts(shape), shape.key), list(latest))
                people = [one for row in latest.values() for one in _parts_of(row, shape)]
                if people:
                    cursor.executemany(self._insert(self._parts(shape), _part_columns(shape)), people)
                parts += len(people)
            number += len(batch)
        return number, parts

    def forget(
        self, cursor: Cursor, platform: str, conn_id: str, since: str, until: str, shape: Shape = SESSIONS
    ) -> None:
        """Delete an account's rows that are counted from ``since`` to ``until``, with their people.

        Before a file of that time is loaded in the same transaction: what the file no longer has is then gone.
        """
        hold = self.placeholder
        account = f"platform = {hold} AND conn_id = {hold}"
        within = f"FROM {self._table(shape)} WHERE {account} AND counted_at >= {hold} AND counted_at < {hold}"
        time = (platform, conn_id, since, until)
        if shape.part:
            key = shape.key[-1]  # what names a row within its account
            cursor.execute(
                f"DELETE FROM {self._parts(shape)} WHERE {account} AND {key} IN (SELECT {key} {within})",  # noqa: S608 - checked names
                (platform, conn_id, *time),
            )
        cursor.execute(f"DELETE {within}", time)

    def count(
        self, cursor: Cursor, platform: str, conn_id: str, since: str, until: str, shape: Shape = SESSIONS
    ) -> int:
        """Return how many rows of an account are in the table that are counted from ``since`` to ``until``."""
        hold = self.placeholder
        which = f"platform = {hold} AND conn_id = {hold} AND counted_at >= {hold} AND counted_at < {hold}"
        cursor.execute(
            f"SELECT COUNT(*) FROM {self._table(shape)} WHERE {which}",  # noqa: S608 - checked names
            (platform, conn_id, since, until),
        )
        return int(cursor.fetchone()[0])

    def of(self, shape: Shape) -> dict[str, dict[str, str]]:
        """Return the tables of one kind of rows by name, each with its columns and their kinds."""
        tables = {self._table(shape): _columns(shape)}
        return tables | {self._parts(shape): _part_columns(shape)} if shape.part else tables

    def _table(self, shape: Shape) -> str:
        return str(getattr(self, shape.name))

    def _parts(self, shape: Shape) -> str:
        return str(getattr(self, shape.part))

    def _definition(self, table: str, columns: Mapping[str, str], key: tuple[str, ...]) -> str:
        types = _TYPES[self.dialect]
        parts = [f"{name} {types[kind]}{' NOT NULL' if name in key else ''}" for name, kind in columns.items()]
        return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(parts)}, PRIMARY KEY ({', '.join(key)}))"

    def _insert(self, table: str, columns: Mapping[str, str]) -> str:
        values = ", ".join([self.placeholder] * len(columns))
        return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - checked names

    def _upsert(self, table: str, columns: Mapping[str, str], key: tuple[str, ...]) -> str:
        changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
        return f"{self._insert(table, columns)} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"

    def _forget(self, table: str, key: tuple[str, ...]) -> str:
        which = " AND ".join(f"{name} = {self.placeholder}" for name in key)
        return f"DELETE FROM {table} WHERE {which}"  # noqa: S608 - checked names


def _columns(shape: Shape) -> dict[str, str]:
    """Return the columns of a shape's table: all but lists of parts."""
    return _single(shape.columns)


def _part_columns(shape: Shape) -> dict[str, str]:
    parts = shape.columns[shape.part]
    own = {} if isinstance(parts, str) else _single(parts)
    return {**dict.fromkeys(shape.key, "text"), "position": "whole", **own}


def _single(columns: Columns) -> dict[str, str]:
    return {name: kind for name, kind in columns.items() if isinstance(kind, str)}


def _flat(row: Mapping[str, Any], columns: Mapping[str, str]) -> list[Any]:
    return [_storable(row[name], kind) for name, kind in columns.items()]


def _parts_of(row: Mapping[str, Any], shape: Shape) -> Iterator[list[Any]]:
    key = {name: row[name] for name in shape.key}
    for position, part in enumerate(row[shape.part]):
        yield _flat({**key, "position": position, **part}, _part_columns(shape))


def _storable(value: Any, kind: str) -> Any:
    if kind in ("json", "texts"):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    # PostgreSQL's text holds every character but this one.
    return value.replace("\x00", "") if isinstance(value, str) else value
