"""One person in what was brought home: where they are named, and a table without their rows.

A person is given by what stands for them in the files: ids, names, addresses. Where a column says who a row is
about, an identifier has to be equal to the cell. Elsewhere it counts as soon as it stands there as a word of its
own, but only when it could hardly be anything else: a bare number is found everywhere.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

PERSON_COLUMNS = frozenset(
    {
        *("participant_id", "platform_user_id", "person_id", "external_id", "user_id", "speaker_id"),
        *("name", "speaker", "email"),
    }
)
"""Columns that say whom a row is about; a cell may hold several ids, joined by ``;``."""

SHORTEST_WORD = 4
"""Fewer characters than these are looked for in the columns above only."""


@dataclass(frozen=True)
class Person:
    """Somebody, by every text that stands for them.

    Args:
        identifiers: Their ids, names and addresses. Case, accents' spelling and runs of blanks do not count.

    Raises:
        ConfigurationError: There is none, or one is blank: it would stand for everybody.
    """

    identifiers: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.identifiers or not all(_plain(one) for one in self.identifiers):
            raise ConfigurationError(
                "A person is given by at least one id, name or address, and none of them is blank."
            )

    def is_meant(self, cell: str) -> bool:
        """Return whether a cell that says whom a row is about says this person."""
        return any(_plain(one) in self._plain_identifiers for one in (cell, *cell.split(";")))

    def named_in(self, text: str) -> bool:
        """Return whether the person stands anywhere in a text."""
        if self._words is None or (text.isascii() and len(text) < SHORTEST_WORD):
            return False
        return self._words.search(_plain(text)) is not None

    @property
    def stands_out(self) -> bool:
        """Whether each identifier is found in plain text too: none is too short, or a bare number."""
        return all(map(_is_telling, self._plain_identifiers))

    def in_row(self, row: Mapping[str, Any]) -> bool:
        """Return whether a table's row is about the person or names them."""
        return any(
            isinstance(cell, str) and ((column in PERSON_COLUMNS and self.is_meant(cell)) or self.named_in(cell))
            for column, cell in row.items()
        )

    def in_json(self, value: object) -> bool:
        """Return whether any text within a JSON value is an identifier or has one in it."""
        if isinstance(value, dict):
            return any(self.in_json(one) for pair in value.items() for one in pair)
        if isinstance(value, list):
            return any(self.in_json(one) for one in value)
        return isinstance(value, str) and (self.is_meant(value) or self.named_in(value))

    @cached_property
    def _plain_identifiers(self) -> frozenset[str]:
        return frozenset(_plain(one) for one in self.identifiers)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        telling = [one for one in self._plain_identifiers if _is_telling(one)]
        if not telling:
            return None
        return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(one) for one in sorted(telling))})(?!\w)")


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A table without a person.

    Args:
        content: The file; the same object where nobody had to go.
        removed: Rows taken out.
        rows: What stays, as the file tells it.
    """

    content: bytes
    removed: int
    rows: tuple[Mapping[str, Any], ...]


def scrub(name: str, content: bytes, person: Person) -> Scrubbed | None:
    """Return a table without a person's rows; the others stay as they are, in their order.

    Args:
        name: The file's name; how it ends says what it is.
        content: A CSV with a header, or a JSON array of objects.
        person: Who has to go.

    Returns:
        None where the file is no table that can be read.
    """
    try:
        if name.endswith(".csv"):
            return _scrub_csv(content, person)
        if name.endswith(".json"):
            return _scrub_json(content, person)
    except (ValueError, RecursionError, csv.Error):
        return None
    return None


def _scrub_csv(content: bytes, person: Person) -> Scrubbed | None:
    lines = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    if not lines or len(set(lines[0])) < len(lines[0]):
        return None
    header, *body = lines
    rows = [dict(zip(header, line, strict=True)) for line in body]
    kept = [row for row in rows if not person.in_row(row)]
    if len(kept) == len(rows):
        return Scrubbed(content, 0, tuple(rows))
    buffer = io.StringIO(newline="")
    out = csv.writer(buffer, lineterminator="\r\n")
    out.writerow(header)
    out.writerows(row.values() for row in kept)
    return Scrubbed(buffer.getvalue().encode(), len(rows) - len(kept), tuple(kept))


def _scrub_json(content: bytes, person: Person) -> Scrubbed | None:
    rows = json.loads(content)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    kept = [row for row in rows if not person.in_row(row)]
    if len(kept) == len(rows):
        return Scrubbed(content, 0, tuple(rows))
    text = json.dumps(kept, ensure_ascii=False, indent=2) + "\n"
    return Scrubbed(text.encode("utf-8", "replace"), len(rows) - len(kept), tuple(kept))


def mentions(content: bytes, person: Person, *, words_suffice: bool = False) -> bool | None:
    """Return whether a file names a person; None where nobody can tell.

    Args:
        content: The file.
        person: Who is looked for.
        words_suffice: Nobody has to tell in plain text an identifier that could be anything: a bare number, or a
            short one. Another file tells.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    try:
        return person.in_json(json.loads(text))
    except (ValueError, RecursionError):
        if person.named_in(text):
            return True
        return False if words_suffice or person.stands_out else None


def _is_telling(plain: str) -> bool:
    return len(plain) >= SHORTEST_WORD and any(map(str.isalpha, plain))


def _plain(text: str) -> str:
    # A spreadsheet's guard in front of a formula sign is no part of a name.
    joined = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return joined.removeprefix("'") if len(joined) > 1 else joined
