"""One person in a row of an export, and the row without them: the same for files and for tables. Pure.

Of a session and of a class go the person's line among its people, their lines of the attendance log, and every
text that names them (title, room, what else the platform told); the class is counted anew. What was said goes with
all of its session, as a transcript does: see :mod:`~airflow_provider.live_sessions.artifacts.retention`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.row_shapes import ACCOUNT, CLASSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.person import Person
    from airflow_provider.live_sessions.artifacts.row_shapes import Shape

FREE = ("title", "room", "extras")
"""The columns of a session or class in which anybody may stand."""

WHO = ("person_id", "participant_id", "name", "role", "connection")
"""The columns of one person or log line in which somebody may stand."""


def without(row: Mapping[str, Any], shape: Shape, person: Person) -> tuple[dict[str, Any], int]:
    """Return a session's or class's row without a person, and how much was taken out; the row given stays.

    Args:
        row: The row, as JSON values.
        shape: What it is; one with parts.
        person: Who has to go.

    Returns:
        The row, and the number of people, log lines and texts that went; 0 where the row is as it was.
    """
    kept = dict(row)
    parts = row[shape.part]
    ids = _ids_of(parts, person)
    kept[shape.part] = [one for one in parts if not _is_theirs(one, person, ids)]
    taken = len(parts) - len(kept[shape.part])
    if taken and shape is CLASSES:
        kept.update(_recounted(kept))
    if "logs" in row:
        kept["logs"] = [one for one in row["logs"] if not _is_theirs(one, person, ids)]
        taken += len(row["logs"]) - len(kept["logs"])
    for column in FREE:
        if column in row:
            kept[column], emptied = _emptied(row[column], person)
            taken += emptied
    return kept, taken


def known_by_name(row: Mapping[str, Any], shape: Shape, person: Person) -> bool:
    """Return whether an id that a row is known by names the person: it cannot be emptied."""
    return any(person.named_in(str(row[column])) for column in shape.key if column not in ACCOUNT)


def _ids_of(parts: Sequence[Mapping[str, Any]], person: Person) -> frozenset[str]:
    """Return the platform's ids of the person in one row: its log knows people by them alone."""
    ids: frozenset[str] = frozenset()
    while True:
        theirs = (one for one in parts if _is_theirs(one, person, ids))
        found = frozenset(each for one in theirs for each in _ids(one))
        if found <= ids:
            return ids
        ids |= found


def _ids(part: Mapping[str, Any]) -> list[str]:
    return [one for one in (part.get("person_id") or "").split(";") if one]


def _is_theirs(part: Mapping[str, Any], person: Person, ids: frozenset[str]) -> bool:
    return not ids.isdisjoint(_ids(part)) or person.in_row({name: part.get(name) for name in WHO})


def _recounted(row: Mapping[str, Any]) -> dict[str, Any]:
    expected = [one for one in row["people"] if one["expected"]]
    statuses = ("present", "late", "absent")
    return {
        "expected": len(expected),
        **{name: sum(one["status"] == name for one in expected) for name in statuses},
        "words": None if row["words"] is None else sum(one["words"] or 0 for one in row["people"]),
    }


def _emptied(value: Any, person: Person) -> tuple[Any, int]:
    """Return a JSON value with each text that names the person empty, and how many those were."""
    if isinstance(value, str):
        return ("", 1) if value and person.in_json(value) else (value, 0)
    if isinstance(value, list):
        told = [_emptied(one, person) for one in value]
        return [one for one, _ in told], sum(number for _, number in told)
    if isinstance(value, dict):
        named = [name for name in value if person.in_json(name)]
        told_of = {name: _emptied(one, person) for name, one in value.items() if name not in named}
        return (
            {name: one for name, (one, _) in told_of.items()},
            len(named) + sum(number for _, number in told_of.values()),
        )
    return value, 0
