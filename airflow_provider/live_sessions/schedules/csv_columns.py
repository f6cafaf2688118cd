"""The header of a CSV timetable: which column means what, under which of its names."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field

from airflow_provider.live_sessions.schedules.cells import quoted

_NAMES: dict[str, tuple[str, ...]] = {
    "class_id": ("id", "class", "uid"),
    "title": ("name", "subject", "class title"),
    "date": (),
    "weekdays": ("weekday", "days", "day of week"),
    "from": ("from date", "start date", "first date"),
    "until": ("until date", "end date", "last date", "to"),
    "except": ("exceptions", "except dates", "holidays"),
    "start": ("start time", "begin", "starts"),
    "end": ("end time", "ends"),
    "duration_minutes": ("duration", "minutes"),
    "timezone": ("tz", "zone"),
    "teacher": ("tutor", "instructor", "host", "clinician"),
    "students": ("student", "pupils", "learners", "participants", "guests", "patient", "patients"),
    "status": ("state",),
    "space": ("room",),
}
COLUMNS = tuple(_NAMES)
"""The columns of a CSV timetable, by the names that the documentation uses."""

_OPTION = re.compile(r"option\.(.+)", re.IGNORECASE)
_IGNORED = re.compile(r"(?:x[-_ ]|note).*", re.IGNORECASE)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


_MEANINGS = {_plain(alias): name for name, aliases in _NAMES.items() for alias in (name, *aliases)}


def names_leader(word: str) -> bool:
    """Return whether a word is a name of the column of who leads a class."""
    return _MEANINGS.get(_plain(word)) == "teacher"


@dataclass(frozen=True, slots=True)
class Header:
    """What the header row says.

    Args:
        columns: The position of each known column.
        options: The position of each launch setting, by its API name.
        unnamed: Positions without a name; nothing may stand in them.
        width: How many columns there are.
        faults: What is wrong with the header, one sentence each.
    """

    columns: dict[str, int] = field(default_factory=dict)
    options: dict[str, int] = field(default_factory=dict)
    unnamed: tuple[int, ...] = ()
    width: int = 0
    faults: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the columns are there without which no row can be read."""
        return "title" in self.columns and "start" in self.columns


def recognised(cells: list[str]) -> int:
    """Return how many of the cells name a known column; tells which delimiter a file uses."""
    return sum(1 for cell in cells if _plain(cell) in _MEANINGS or _OPTION.fullmatch(cell.strip()))


def read_header(cells: list[str]) -> Header:
    """Say what each column means.

    Names are taken in any case, with spaces, hyphens or underscores. ``option.<name>`` is a launch setting.
    Columns beginning with ``x-`` or ``note`` are the school's own and ignored. Any other name is a fault: a
    misspelt ``untill`` must not make a class run forever.

    Args:
        cells: The cells of the header row.
    """
    columns: dict[str, int] = {}
    options: dict[str, int] = {}
    unnamed: list[int] = []
    faults: list[str] = []
    for position, cell in enumerate(cells):
        name = cell.strip()
        option = _OPTION.fullmatch(name)
        known = _MEANINGS.get(_plain(name))
        if not name:
            unnamed.append(position)
        elif option or known:
            taken = options if option else columns
            meaning = option[1].strip() if option else str(known)
            if meaning in taken:
                faults.append(f"Two columns mean {quoted(meaning)}: remove one of them.")
            taken.setdefault(meaning, position)
        elif not _IGNORED.fullmatch(name):
            faults.append(_unknown(name))
    missing = [name for name in ("title", "start") if name not in columns]
    if missing:
        faults.append(
            f"The header has no column {' and no '.join(missing)}. The first row must name the columns: "
            f"known are {', '.join(COLUMNS)} and option.<setting>."
        )
    elif not {"end", "duration_minutes"} & columns.keys():
        faults.append("The header has neither end nor duration_minutes: add one of them.")
    return Header(columns, options, tuple(unnamed), len(cells), tuple(faults))


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(_plain(name)[:64], _MEANINGS, n=1, cutoff=0.6)
    guess = f"Did you mean {_MEANINGS[near[0]]}?" if near else f"Known are {', '.join(COLUMNS)}."
    return f"The column {quoted(name)} is unknown. {guess} A column to ignore is named x-... or note..."
