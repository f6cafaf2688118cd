"""What the rows of each export look like, once for files, tables and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime

Columns = Mapping[str, "str | Columns"]
"""Each column's kind, in order: ``text``, ``texts`` (a list), ``time``, ``number``, ``whole``, ``flag``, ``json``;
or the columns of a list of parts."""


class Row(Protocol):
    """One row on its way into a file."""

    @property
    def identity(self) -> str:
        """What tells it from others of its account; rows of one moment are written in its order."""

    @property
    def counted_at(self) -> datetime:
        """The moment that says which interval it belongs to."""

    @property
    def knowledge(self) -> int:
        """How much it tells: of two rows of one identity the one that knows more is kept."""

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of row.

    Args:
        name: What the rows are; the file's name, the beginning of its manifest's kind and their name in counts.
        version: Raised when a row gains or loses a column: what was written before is then written anew.
        columns: Every column.
        key: The columns that name a row.
        part: The column of parts that gets a table of its own; empty for none.
        group: The columns of what is replaced as a whole when it is loaded again; empty for each row by itself.
        sums: For counts, by name: the column whose numbers, or whose parts, are added up.
    """

    name: str
    version: int
    columns: Columns
    key: tuple[str, ...]
    part: str = ""
    group: tuple[str, ...] = ()
    sums: Mapping[str, str] = field(default_factory=dict, hash=False)

    def figures(self, row: Mapping[str, Any]) -> tuple[int, ...]:
        """Return what one row adds to each of the ``sums``, in their order."""
        values = [row[column] for column in self.sums.values()]
        return tuple([len(one) if type(one) is list else int(one or 0) for one in values])

    def identity(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return what names a row."""
        return tuple(row[column] for column in self.key)

    def kind(self, file_format: str) -> str:
        """Return the kind of manifest: a folder may hold several formats, each with a manifest of its own."""
        return f"{self.name}-{file_format}"


ACCOUNT = ("platform", "conn_id")


def _each(kind: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, kind)


SESSIONS = Shape(
    name="sessions",
    version=1,
    columns={
        **_each("text", *ACCOUNT, "session_id"),
        "counted_at": "time",
        **_each("text", "launch_key", "room", "title"),
        **_each("time", "planned_start", "planned_end", "started_at", "ended_at"),
        "held": "text",
        "minutes": "number",
        "participants": {
            **_each("text", "person_id", "participant_id", "name", "role"),
            **_each("time", "joined_at", "left_at"),
            "minutes": "number",
        },
        "attendance_known": "flag",
        "logs": {"at": "time", **_each("text", "kind", "person_id", "connection")},
        **_each("number", "usage_minutes", "cost_in_cents"),
        "extras": "json",
    },
    key=(*ACCOUNT, "session_id"),
    part="participants",
    sums={"participants": "participants", "log_lines": "logs"},
)

SEGMENTS = Shape(
    name="segments",
    version=1,
    columns={
        **_each("text", *ACCOUNT, "session_id"),
        "segment": "whole",
        "counted_at": "time",
        "launch_key": "text",
        "spoken_at": "time",
        **_each("number", "start_seconds", "end_seconds"),
        **_each("text", "speaker_id", "participant_id", "speaker", "breakout", "text"),
        "words": "whole",
    },
    key=(*ACCOUNT, "session_id", "segment"),
    group=(*ACCOUNT, "session_id"),
    sums={"words": "words"},
)

CLASSES = Shape(
    name="classes",
    version=1,
    columns={
        **_each("text", *ACCOUNT, "class_key"),
        "counted_at": "time",
        **_each("text", "title", "room"),
        **_each("time", "planned_start", "planned_end", "started_at", "ended_at"),
        "minutes": "number",
        "held": "text",
        "sessions": "whole",
        "session_ids": "texts",
        **_each("whole", "expected", "present", "late", "absent", "words"),
        "people": {
            **_each("text", "person_id", "participant_id", "name", "role"),
            "expected": "flag",
            "status": "text",
            **_each("time", "joined_at", "left_at"),
            **_each("number", "minutes", "late_minutes"),
            **_each("whole", "words", "segments"),
        },
    },
    key=(*ACCOUNT, "class_key"),
    part="people",
    sums={"people": "people", "class_sessions": "sessions", "words": "words"},
)

SHAPES = {one.name: one for one in (SESSIONS, SEGMENTS, CLASSES)}


def shape_of(kind: str) -> Shape | None:
    """Return the shape of the rows that a manifest of a kind describes; None where it is no export's."""
    return SHAPES.get(kind.partition("-")[0])
