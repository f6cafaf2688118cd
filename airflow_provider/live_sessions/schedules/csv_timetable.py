"""A timetable in CSV, as spreadsheets write it.

One row is one class or one weekly series::

    class_id,title,weekdays,from,until,except,start,end,timezone,teacher,students,option.record_av
    m7,Maths,Mon Wed,2026-09-07,2026-12-18,,09:00,09:45,Europe/Berlin,Ada <a@x.org>,Bo <b@x.org>,true

- **When**: ``weekdays`` with optional ``from``, ``until`` (both inclusive) and ``except``; or ``date``; or a
  whole ``start`` such as ``2026-09-07T09:00+02:00``. Then ``end`` or ``duration_minutes``. Times are local to
  ``timezone``, else to the zone the caller names; an offset in the cell wins. An end before the start is a
  problem: a class over midnight is written with ``duration_minutes``. A class keeps its length when the clock
  changes.
- **Who**: ``teacher`` is one person, ``students`` are several with ``;`` between them, each written
  ``Name <email>``, ``id|Name <email>``, an address or a name.
- **Identity**: ``class_id`` where given. Without it a uid is made of the title in lower case, the weekday
  (weekly) or the date, and the start as local time: stable when rows move, other columns change or a weekday
  is added; another class when title or start time change. Give a ``class_id`` to be free of that.
- **One day differs**: a row with ``date`` and the ``class_id`` and start of a weekly row stands in for that
  day's class, e.g. with another teacher or with ``status`` cancelled. Two rows of one kind that meet are a
  problem. A date in ``except`` simply has no class.
- Delimiter (``,`` ``;`` tab ``|``) by the header; lines that begin with ``#``, and empty ones, are skipped.

Every problem of every row is collected, with the line on which the row begins. A row with a problem gives no
class.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.schedules.csv_columns import Header, read_header, recognised
from airflow_provider.live_sessions.schedules.csv_row import EXCEL_ERROR, RowReader
from airflow_provider.live_sessions.schedules.model import Problem, Timetable
from airflow_provider.live_sessions.schedules.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

MAX_ROWS = 50_000
MAX_OCCURRENCES = 50_000
MAX_PROBLEMS = 10_000
_DELIMITERS = ",;\t|"


def read_csv(text: str, *, source: str, default_zone: str, window: tuple[datetime, datetime]) -> Timetable:
    """Read a CSV timetable.

    Args:
        text: The file's content, decoded.
        source: The file's name as shown.
        default_zone: The IANA zone of rows that name none.
        window: Classes that start at or after its first and before its second moment are returned, in UTC.

    Returns:
        The classes, every problem, and notes.

    Raises:
        ConfigurationError: The default zone is none.
    """
    reader = RowReader(source, find_zone(default_zone).key, window)
    text, hint = _delimiter_hint(text)
    header: Header | None = None
    for count, (line, row) in enumerate(_records(text, _delimiter(text, hint), reader)):
        if header is None:
            header = read_header(row)
            reader.problems.extend(Problem(source, line, fault) for fault in header.faults)
            if not header.complete:
                break
        else:
            reader.read(row, line, header)
        limit = _limit(count, reader)
        if limit:
            reader.problems.append(Problem(source, line, f"Reading stopped here: {limit}. Split the file."))
            break
    if header is None and not reader.problems:
        reader.problems.append(Problem(source, 0, "There is no header row. Name the columns first."))
    replaced = {(one.uid, one.key_start) for one in reader.single}
    kept = [one for one in reader.weekly if (one.uid, one.key_start) not in replaced]
    return Timetable.of([*kept, *reader.single], reader.problems, reader.notes)


def _limit(rows: int, reader: RowReader) -> str:
    if rows > MAX_ROWS:
        return f"a timetable may have {MAX_ROWS:,} rows"
    if len(reader.weekly) + len(reader.single) > MAX_OCCURRENCES:
        return f"a timetable may have {MAX_OCCURRENCES:,} classes in the window asked for"
    if len(reader.problems) > MAX_PROBLEMS:
        return f"there are more than {MAX_PROBLEMS:,} problems"
    return ""


def _delimiter_hint(text: str) -> tuple[str, str]:
    """Take Excel's ``sep=;`` line out of the text, leaving its line break: lines keep their numbers."""
    match = re.match(r"sep=(.)(?=[\r\n]|$)", text, re.IGNORECASE)
    return (text[match.end() :], match[1]) if match else (text, "")


def _delimiter(text: str, hint: str) -> str:
    if hint and hint in _DELIMITERS:
        return hint
    for line in io.StringIO(text, newline=""):
        if line.strip() and not line.startswith("#"):
            return max(_DELIMITERS, key=lambda one: recognised(_split(line[:10_000], one)))
    return ","


def _split(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _records(text: str, delimiter: str, reader: RowReader) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something, each with the line it begins on, also after quoted line breaks."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while len(reader.problems) <= MAX_PROBLEMS:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            reader.problems.append(Problem(reader.source, line, _quotation(str(error))))
            continue
        first = next((cell.strip() for cell in row if cell.strip()), "")
        if first and (not first.startswith("#") or EXCEL_ERROR.match(first)):
            yield line, row


def _quotation(error: str) -> str:
    if "field larger" in error:
        what = "A cell of this row is far too long; perhaps a quotation mark is never closed."
    elif "end of data" in error:
        what = "A quotation mark opened in this row is never closed."
    else:
        what = "The quotation marks of this row do not fit."
    return f'{what} Put a cell that holds the delimiter in "...", and write a quotation mark in it twice.'
