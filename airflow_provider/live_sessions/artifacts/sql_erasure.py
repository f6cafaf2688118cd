"""One person out of the tables that exports were loaded into, by the rules of the files.

Tables are walked by their keys, a page at a time, and judged here: what stands for a person is compared without
regard to case and blanks, which no two databases do alike. No statement carries what names them: rows are changed
by their keys. All of it is one transaction of the caller's.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_erasure import VOICE
from airflow_provider.live_sessions.artifacts.person_rows import without
from airflow_provider.live_sessions.artifacts.row_shapes import SHAPES
from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from airflow_provider.live_sessions.artifacts.export_sql import Cursor, Tables
    from airflow_provider.live_sessions.artifacts.person import Person
    from airflow_provider.live_sessions.artifacts.row_shapes import Shape

PAGE = 1_000
"""Rows that are held at a time."""


def erase(cursor: Cursor, tables: Tables, person: Person, *, report_only: bool = False) -> dict[str, int]:
    """Take a person out of all tables that are there; the caller commits.

    Their lines among the people of sessions and classes are deleted, and the classes counted anew; titles, rooms
    and extras that name them lose the text; all that was said in a session goes where they speak or are named.

    Args:
        cursor: In a transaction of the caller's.
        tables: Where the rows are; a table that is not there is passed over, see :func:`not_there`.
        person: Who has to go.
        report_only: Change nothing.

    Returns:
        For each table that is there, how many of its rows were deleted or changed.

    Raises:
        ConfigurationError: None of the tables is there, or one without another that belongs to it.
    """
    done: dict[str, int] = {}
    for shape, names in tables_there(cursor, tables):
        if shape.group:
            done[names[0]] = _forget_words(cursor, tables, shape, person, report_only=report_only)
        else:
            rows, parts = _forget_rows(cursor, tables, shape, person, report_only=report_only)
            done.update(zip(names, (rows, parts), strict=True))
    return done


def tables_there(cursor: Cursor, tables: Tables) -> list[tuple[Shape, tuple[str, ...]]]:
    """Return the kinds of rows that have tables in the database, each with their names.

    Raises:
        ConfigurationError: None of the tables is there, or one without another that belongs to it.
    """
    found = []
    for shape in SHAPES.values():
        names = tuple(name for name in tables.of(shape) if _is_there(cursor, tables, name))
        if 0 < len(names) < len(tables.of(shape)):
            raise ConfigurationError(
                f"There is {names[0]} and no table that belongs to it.", advice="Name both tables as they are."
            )
        found += [(shape, names)] if names else []
    if not found:
        raise ConfigurationError(
            "None of the tables is in the database.", advice="Name them as SessionsToSqlOperator does."
        )
    return found


def not_there(tables: Tables, reached: Collection[str], kinds: Collection[str] = ()) -> list[str]:
    """Return a sentence for each table that was not reached: under another name it may still hold rows.

    Args:
        tables: Where rows were looked for.
        reached: The names of those that were there.
        kinds: Of these kinds of exports alone; of all when empty.
    """
    meant = {kind.partition("-")[0] for kind in kinds} or set(SHAPES)
    names = (name for shape in SHAPES.values() if shape.name in meant for name in tables.of(shape))
    return [
        f"There is no table {name} in the database, so nothing went from it."
        for name in names
        if name not in reached
    ]


def _forget_words(cursor: Cursor, tables: Tables, shape: Shape, person: Person, *, report_only: bool) -> int:
    (table,) = tables.of(shape)
    columns = tuple(dict.fromkeys((*shape.group, *VOICE)))
    number = 0
    heard: tuple[Any, ...] = ()
    pages = _pages(cursor, tables, table, shape.key, columns)
    for row in itertools.chain.from_iterable(pages):
        session = tuple(row[name] for name in shape.group)
        if session == heard or not person.in_row({name: row[name] for name in VOICE}):
            continue
        heard = session  # its other rows follow, or are on the page that is held
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {_which(tables, shape.group)}", session)  # noqa: S608 - checked names
        number += int(cursor.fetchone()[0])
        if not report_only:
            cursor.execute(f"DELETE FROM {table} WHERE {_which(tables, shape.group)}", session)  # noqa: S608 - checked names
    return number


def _forget_rows(
    cursor: Cursor, tables: Tables, shape: Shape, person: Person, *, report_only: bool
) -> tuple[int, int]:
    (table, columns), (part_table, _) = tables.of(shape).items()
    changed = gone = 0
    which = _which(tables, shape.key)
    for row, parts in _with_parts(cursor, tables, shape):
        key = tuple(row[name] for name in shape.key)
        before = {**row, shape.part: parts}
        for name, kind in columns.items():
            if kind == "json":
                before[name] = json.loads(row[name])
        after, _ = without(before, shape, person)
        kept = {one["position"] for one in after[shape.part]}
        lost = [(*key, one["position"]) for one in parts if one["position"] not in kept]
        new = {
            name: json.dumps(after[name], ensure_ascii=False, sort_keys=True) if kind == "json" else after[name]
            for name, kind in columns.items()
            if after[name] != before[name]
        }
        changed += bool(new)
        gone += len(lost)
        if lost and not report_only:
            one_part = _which(tables, (*shape.key, "position"))
            cursor.executemany(f"DELETE FROM {part_table} WHERE {one_part}", lost)  # noqa: S608 - checked names
        if new and not report_only:
            settings = ", ".join(f"{name} = {tables.placeholder}" for name in new)
            cursor.execute(f"UPDATE {table} SET {settings} WHERE {which}", (*new.values(), *key))  # noqa: S608 - checked names
    return changed, gone


def _with_parts(
    cursor: Cursor, tables: Tables, shape: Shape
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the rows of a table that has one of parts, each with its parts."""
    (table, columns), (part_table, part_columns) = tables.of(shape).items()
    key = ", ".join(shape.key)
    holds = f"({', '.join([tables.placeholder] * len(shape.key))})"
    query = (
        f"SELECT {', '.join(part_columns)} FROM {part_table} "  # noqa: S608 - checked names
        f"WHERE ({key}) >= {holds} AND ({key}) <= {holds} ORDER BY {key}, position"
    )
    for page in _pages(cursor, tables, table, shape.key, tuple(columns)):
        parts: dict[tuple[Any, ...], list[dict[str, Any]]] = {shape.identity(row): [] for row in page}
        cursor.execute(query, (*shape.identity(page[0]), *shape.identity(page[-1])))
        for one in cursor.fetchall():
            part = dict(zip(part_columns, one, strict=True))
            parts.setdefault(shape.identity(part), []).append(part)
        yield from ((row, parts[shape.identity(row)]) for row in page)


def _pages(
    cursor: Cursor, tables: Tables, table: str, key: Sequence[str], columns: Sequence[str]
) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table in the order of its key; the cursor may be used in between."""
    told = tuple(dict.fromkeys((*columns, *key)))
    select, order = f"SELECT {', '.join(told)} FROM {table}", f"ORDER BY {', '.join(key)} LIMIT {PAGE}"  # noqa: S608 - checked names
    behind = f"WHERE ({', '.join(key)}) > ({', '.join([tables.placeholder] * len(key))})"
    last: tuple[Any, ...] = ()
    while True:
        cursor.execute(f"{select} {behind if last else ''} {order}", last)
        page = [dict(zip(told, one, strict=True)) for one in cursor.fetchall()]
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = tuple(page[-1][name] for name in key)


def _is_there(cursor: Cursor, tables: Tables, name: str) -> bool:
    if tables.dialect == "postgresql":
        cursor.execute(f"SELECT to_regclass({tables.placeholder}) IS NOT NULL", (name,))
        return bool(cursor.fetchone()[0])
    schema, _, table = name.rpartition(".")
    cursor.execute(
        f"SELECT COUNT(*) FROM {schema or 'main'}.sqlite_master WHERE lower(name) = {tables.placeholder}",  # noqa: S608 - checked names
        (table.lower(),),
    )
    return bool(cursor.fetchone()[0])


def _which(tables: Tables, columns: Iterable[str]) -> str:
    return " AND ".join(f"{name} = {tables.placeholder}" for name in columns)
