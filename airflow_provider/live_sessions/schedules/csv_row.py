"""One row of a CSV timetable: its cells, its faults, and the classes it stands for."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.schedules import cells
from airflow_provider.live_sessions.schedules.model import Occurrence, Problem
from airflow_provider.live_sessions.schedules.zones import FIXED_ABBREVIATIONS, find_zone, local_to_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from airflow_provider.live_sessions.core.models import Participant
    from airflow_provider.live_sessions.schedules.csv_columns import Header

EXCEL_ERROR = re.compile(r"#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Slot:
    """One time at which a row's class starts: local clock, moment, length, and whether the clock skips it."""

    local: datetime
    start: datetime
    length: timedelta
    skipped: bool
    day: str


class _Cells:
    """The cells of one row by column, and the faults found while reading them."""

    def __init__(self, row: list[str], header: Header) -> None:
        self._cells = [cell.strip() for cell in row] + [""] * (header.width - len(row))
        self._header = header
        self.faults: list[str] = []
        if any(self._cells[header.width :]):
            self.faults.append(
                f"The row has {len(row)} cells, the header only {header.width}. Put a cell that holds the "
                'delimiter in "...".'
            )
        if any(self._cells[position] for position in header.unnamed):
            self.faults.append("A value stands in a column without a name. Name the column, or empty it.")
        if any(EXCEL_ERROR.fullmatch(cell) for cell in self._cells):
            self.faults.append("A formula of the spreadsheet failed (#REF!, #N/A or alike). Repair it there.")

    def text(self, name: str) -> str:
        """Return a cell's text, empty where there is no such column."""
        position = self._header.columns.get(name)
        return "" if position is None else self._cells[position]

    def value(self, name: str, reader: Callable[[str], _Value], default: _Value) -> _Value:
        """Return what a cell says, or the default where it is empty or faulty."""
        text = self.text(name)
        try:
            return reader(text) if text else default
        except cells.CellError as error:
            self.faults.append(f"{name}: {error}")
            return default

    def options(self) -> dict[str, Any]:
        """Return the launch settings of the row; an empty cell sets nothing."""
        found: dict[str, Any] = {}
        for name, position in self._header.options.items():
            try:
                if self._cells[position]:
                    found[name] = cells.read_option(self._cells[position])
            except cells.CellError as error:
                self.faults.append(f"option.{name}: {error}")
        return found

    def refuse(self, names: tuple[str, ...], because: str) -> None:
        """Note a fault for each of the columns that holds something."""
        self.faults.extend(f"{name}: leave it empty {because}." for name in names if self.text(name))


@dataclass(slots=True)
class RowReader:
    """Reads the rows of one file and gathers what they say.

    Args:
        source: The file's name as shown.
        default_zone: The IANA zone of rows that name none.
        window: Only classes that start in it are kept.
        problems: What is wrong, so far.
        notes: What is worth knowing, so far.
        weekly: The classes of weekly rows.
        single: The classes of rows with a date.
    """

    source: str
    default_zone: str
    window: tuple[datetime, datetime]
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    weekly: list[Occurrence] = field(default_factory=list)
    single: list[Occurrence] = field(default_factory=list)

    def read(self, row: list[str], line: int, header: Header) -> None:
        """Read one row; its classes or its problems are added to what was gathered.

        Args:
            row: Its cells.
            line: The line it begins on.
            header: What the columns mean.
        """
        found = _Cells(row, header)
        title = " ".join(found.text("title").split())
        if not title:
            found.faults.append("title: it is empty. Give the class a title.")
        zone = self._zone(found, line)
        people = _people(found)
        cancelled = found.value("status", cells.read_cancelled, default=False)
        options = found.options()
        slots = self._slots(found, zone, line)
        if found.faults:
            self.problems.extend(Problem(self.source, line, fault) for fault in found.faults)
            return
        into = self.weekly if found.text("weekdays") else self.single
        for slot in slots:
            if slot.skipped:
                self._note_skip(slot, zone, line)
            into.append(
                Occurrence(
                    uid=found.text("class_id") or _uid(title, slot.day, slot.local.time()),
                    title=title,
                    start=slot.start,
                    end=slot.start + slot.length,
                    zone=zone.key,
                    participants=people,
                    cancelled=cancelled,
                    space=found.text("space"),
                    options=options,
                    source=f"{self.source}:{line}",
                )
            )

    def _zone(self, found: _Cells, line: int) -> ZoneInfo:
        name = found.text("timezone")
        try:
            zone = find_zone(name or self.default_zone)
        except ConfigurationError as error:
            found.faults.append(f"timezone: {error}")
            return find_zone(self.default_zone)
        if name and zone.key in FIXED_ABBREVIATIONS:
            reason = f"{zone.key} has no summer time; a city's zone, e.g. America/New_York, has."
            self.notes.append(Problem(self.source, line, reason))
        return zone

    def _note_skip(self, slot: _Slot, zone: ZoneInfo, line: int) -> None:
        shown = slot.start.astimezone(zone)
        reason = (
            f"On {slot.local:%Y-%m-%d} the clock of {zone.key} skips {slot.local:%H:%M}; the class starts at "
            f"{shown:%H:%M} that day."
        )
        self.notes.append(Problem(self.source, line, reason))

    def _slots(self, found: _Cells, zone: ZoneInfo, line: int) -> list[_Slot]:
        """Return when the row's class starts within the window; faults are left in ``found``."""
        if cells.looks_like_a_moment(found.text("start")):
            found.refuse(("date", "weekdays", "from", "until", "except"), "where start holds a day and a time")
            slot = _moment_slot(found, zone)
            return [slot] if slot and self._inside(slot.start) else []
        if not found.text("start"):
            found.faults.append("start: it is empty. Write a time like 09:00.")
        clock = found.value("start", cells.read_clock, default=time(0))
        length = _length(found, clock)
        days = list(self._days(found, zone, line))
        slots = [_slot(datetime.combine(day, clock), zone, length, name) for day, name in days]
        return [slot for slot in slots if self._inside(slot.start)]

    def _inside(self, start: datetime) -> bool:
        return self.window[0] <= start < self.window[1]

    def _days(self, found: _Cells, zone: ZoneInfo, line: int) -> Iterator[tuple[date, str]]:
        """Yield the row's days about the window, each with its part of the uid."""
        nothing: frozenset[int] = frozenset()
        weekdays = found.value("weekdays", cells.read_weekdays, default=nothing)
        first = found.value("from", cells.read_date, default=date.min)
        last = found.value("until", cells.read_date, default=date.max)
        without: frozenset[date] = found.value("except", cells.read_dates, default=frozenset())
        if found.text("date"):
            found.refuse(("weekdays", "from", "until", "except"), "where date names the one day")
            day = found.value("date", cells.read_date, default=None)
            if day is not None:
                yield day, day.isoformat()
            return
        if not found.text("weekdays"):
            found.faults.append("The row names no day. Fill in date, or weekdays for a weekly class.")
            return
        if last < first:
            found.faults.append(f"until: {last} lies before from, {first}. Exchange or correct them.")
        idle = sorted(day for day in without if day.weekday() not in weekdays or not first <= day <= last)
        if idle and weekdays:
            shown = ", ".join(map(str, idle[:5]))
            self.notes.append(Problem(self.source, line, f"except: on {shown} the row has no class anyway."))
        margin = timedelta(days=1)
        day = max(first, self.window[0].astimezone(zone).date() - margin)
        end = min(last, self.window[1].astimezone(zone).date() + margin)
        while day <= end:
            if day.weekday() in weekdays and day not in without:
                yield day, cells.DAY_NAMES[day.weekday()]
            day += margin


def _people(found: _Cells) -> tuple[Participant, ...]:
    nobody: tuple[Participant, ...] = ()
    teachers = found.value("teacher", partial(cells.read_people, role="teacher", leader=True), nobody)
    students = found.value("students", partial(cells.read_people, role="student", leader=False), nobody)
    if len(teachers) > 1:
        found.faults.append("teacher: there can be one. Put the others among the students.")
    people = (*teachers, *students)
    idents = [person.id for person in people]
    twice = sorted({ident for ident in idents if idents.count(ident) > 1}) if len(idents) < 1000 else []
    if len(idents) >= 1000:
        found.faults.append("students: there are more than a class can hold (1,000).")
    if twice:
        shown = ", ".join(cells.quoted(one) for one in twice[:5])
        found.faults.append(f"The class names {shown} twice. Remove one, or write id|Name <email> for both.")
    return people


def _length(found: _Cells, clock: time) -> timedelta:
    """Return how long the class is; one minute stands in where that is a fault."""
    minutes, end = found.text("duration_minutes"), found.text("end")
    if bool(minutes) is bool(end):
        both = "Both end and duration_minutes are given: empty one of them."
        found.faults.append(both if minutes else "The class has no end. Fill in end, or duration_minutes.")
    if minutes:
        return found.value("duration_minutes", cells.read_minutes, default=timedelta(minutes=1))
    closing = found.value("end", cells.read_clock, default=None)
    if closing is None:
        return timedelta(minutes=1)
    # Any date without a clock change: the class keeps this length on days with one.
    length = datetime.combine(date(2000, 1, 1), closing) - datetime.combine(date(2000, 1, 1), clock)
    if length <= timedelta(0):
        found.faults.append(
            f"end: {closing:%H:%M} is not after the start, {clock:%H:%M}. For a class over midnight leave "
            "end empty and fill in duration_minutes."
        )
        return timedelta(minutes=1)
    return length


def _slot(local: datetime, zone: ZoneInfo, length: timedelta, day: str) -> _Slot:
    start, skipped = local_to_utc(local, zone)
    return _Slot(local, start, length, skipped, day)


def _moment_slot(found: _Cells, zone: ZoneInfo) -> _Slot | None:
    """Return the time of a row whose start is a whole moment, or None where that is a fault."""
    begin = found.value("start", cells.read_moment, default=None)
    if begin is None:
        return None
    start, skipped = _to_utc(begin, zone)
    minutes, end = found.text("duration_minutes"), found.text("end")
    if cells.looks_like_a_moment(end) and not minutes:
        finish = found.value("end", cells.read_moment, default=None)
        if finish is None:
            return None
        length = _to_utc(finish, zone)[0] - start
        if not timedelta(0) < length <= timedelta(days=1):
            found.faults.append("end: it must lie after the start, by a day at most.")
            return None
    else:
        length = _length(found, begin.time())
    local = start.astimezone(zone).replace(tzinfo=None)
    return _Slot(begin.replace(tzinfo=None) if skipped else local, start, length, skipped, str(local.date()))


def _to_utc(moment: datetime, zone: ZoneInfo) -> tuple[datetime, bool]:
    return local_to_utc(moment, zone) if moment.tzinfo is None else (moment.astimezone(UTC), False)


def _uid(title: str, day: str, clock: time) -> str:
    """Make a uid for a row that has no class_id; the module docstring of csv_timetable says what keeps it."""
    told = json.dumps([title.casefold(), day, clock.isoformat()])
    return f"row-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
