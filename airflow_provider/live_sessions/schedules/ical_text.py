"""The text of an iCalendar file cut into its events and time zones, each line with its number.

The calendar library reads one event at a time, so that a fault names its line and spoils nothing else; and it
only sees the properties that matter here, so that a broken picture or an odd description is nobody's problem.
Folding and components: RFC 5545, sections 3.1 and 3.6.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.schedules.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENTS = 20_000
MAX_ZONES = 100
MAX_LINE = 100_000
MAX_PROBLEMS = 10_000
_MAX_DEPTH = 8

OWN_PREFIX = "X-LIVE-SESSIONS-"
"""Properties of an event that say how to launch its class."""

_WANTED = frozenset({
    "UID", "SUMMARY", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID",
    "SEQUENCE", "STATUS", "ORGANIZER", "ATTENDEE",
})  # fmt: skip
_NAME = re.compile(r"\s*([A-Za-z0-9-]+)\s*(?=[;:])")


@dataclass(frozen=True, slots=True)
class ContentLine:
    """One unfolded line.

    Args:
        number: Where it begins in the file, counted from 1.
        name: The property's name in upper case, empty where there is none.
        text: The whole line.
    """

    number: int
    name: str
    text: str

    @property
    def value(self) -> str:
        """What follows the first colon, for lines without parameters."""
        return self.text.partition(":")[2].strip()


@dataclass(slots=True)
class Block:
    """One VEVENT or VTIMEZONE.

    Args:
        kind: Which of the two.
        number: The line of its BEGIN.
        lines: What it holds: of an event the properties that matter, of a zone everything.
        cancelled: True when the calendar around it is a cancellation (METHOD:CANCEL).
        broken: True when one of its lines is a problem already, so that the rest cannot be trusted.
    """

    kind: str
    number: int
    lines: list[ContentLine] = field(default_factory=list)
    cancelled: bool = False
    broken: bool = False

    def text(self) -> str:
        """Return the block as iCalendar text."""
        body = [line.text for line in self.lines]
        return "\r\n".join([f"BEGIN:{self.kind}", *body, f"END:{self.kind}", ""])

    def line_of(self, name: str) -> int:
        """Return the line of a property, or of the block where it has none."""
        return next((line.number for line in self.lines if line.name == name), self.number)


@dataclass(slots=True)
class _Cutter:
    """Walks over the lines with the stack of open components."""

    source: str
    blocks: list[Block] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    stack: list[ContentLine] = field(default_factory=list)
    block: Block | None = None
    first_of_calendar: int = 0
    cancelling: bool = False
    calendars: int = 0

    def fault(self, number: int, reason: str) -> None:
        self.problems.append(Problem(self.source, number, reason))

    def take(self, line: ContentLine) -> bool:
        """Take one line; return False where nothing after it can be trusted."""
        if len(self.problems) > MAX_PROBLEMS:
            self.fault(line.number, f"Reading stopped here: more than {MAX_PROBLEMS:,} problems.")
            self.stack.clear()
            return False
        if line.name == "BEGIN":
            return self._begin(line)
        if line.name == "END":
            return self._end(line)
        if not self.stack:
            self.fault(line.number, "This is outside of any BEGIN:VCALENDAR. It is not an iCalendar file.")
            return False
        depth = len(self.stack)
        if self.block and self.block.kind == "VTIMEZONE":
            self.block.lines.append(line)
        elif self.block and depth == 2:
            if not line.name:
                self.block.broken = True
                self.fault(line.number, "This line has no NAME:VALUE. A long line must go on with a space.")
            elif not _is_wanted(line.name):
                pass
            elif len(line.text) > MAX_LINE:
                self.block.broken = True
                self.fault(line.number, f"This line is longer than {MAX_LINE:,} characters. Shorten it.")
            else:
                self.block.lines.append(line)
        elif depth == 1 and line.name == "METHOD":
            self.cancelling = line.value.upper() == "CANCEL"
        return True

    def _begin(self, line: ContentLine) -> bool:
        kind = line.value.upper()
        if not self.stack and kind != "VCALENDAR":
            self.fault(line.number, "This is outside of any BEGIN:VCALENDAR. It is not an iCalendar file.")
            return False
        if len(self.stack) >= _MAX_DEPTH:
            self.fault(line.number, "Components lie too deep in one another. Export the calendar again.")
            return False
        self.stack.append(line)
        if len(self.stack) == 1:
            self.calendars += 1
            self.cancelling, self.first_of_calendar = False, len(self.blocks)
        elif len(self.stack) == 2 and kind in {"VEVENT", "VTIMEZONE"}:
            self.block = Block(kind, line.number)
            count = sum(1 for one in self.blocks if one.kind == kind) if kind == "VTIMEZONE" else len(self.blocks)
            limit = MAX_ZONES if kind == "VTIMEZONE" else MAX_EVENTS
            if count >= limit:
                self.fault(line.number, f"Reading stopped here: more than {limit:,} {kind}. Split the calendar.")
                self.stack.clear()
                return False
        elif self.block and self.block.kind == "VTIMEZONE":
            self.block.lines.append(line)
        return True

    def _end(self, line: ContentLine) -> bool:
        if not self.stack or self.stack[-1].value.upper() != line.value.upper():
            opened = f"; line {self.stack[-1].number} is still open" if self.stack else ""
            self.fault(line.number, f"This END closes nothing{opened}. Export the calendar again.")
            self.stack.clear()
            return False
        self.stack.pop()
        if self.block and len(self.stack) == 1:
            self.blocks.append(self.block)
            self.block = None
        elif self.block and self.block.kind == "VTIMEZONE":
            self.block.lines.append(line)
        elif not self.stack and self.cancelling:
            for block in self.blocks[self.first_of_calendar :]:
                block.cancelled = True
        return True


def _is_wanted(name: str) -> bool:
    return name in _WANTED or name.startswith(OWN_PREFIX)


def cut(text: str, source: str) -> tuple[list[Block], list[Problem]]:
    """Cut a calendar into its events and zones.

    Args:
        text: The file's content, decoded.
        source: The file's name as shown.

    Returns:
        What is whole, and what is wrong with the file's structure. A file that ends early is a problem: a
        download cut off must not pass for a shorter timetable.
    """
    cutter = _Cutter(source)
    for line in _unfold(text):
        if line.text.strip() and not cutter.take(line):
            break
    if cutter.stack:
        opened = cutter.stack[-1]
        cutter.fault(opened.number, "The file ends inside what this line opens: it was cut off. Export it again.")
    elif not cutter.calendars and not cutter.problems:
        cutter.fault(0, "There is no BEGIN:VCALENDAR. It is not an iCalendar file.")
    return cutter.blocks, cutter.problems


def _unfold(text: str) -> Iterator[ContentLine]:
    number, parts = 0, [""]
    for count, physical in enumerate(io.StringIO(text, newline=""), 1):
        part = physical.rstrip("\r\n")
        if part[:1] in {" ", "\t"} and number:
            parts.append(part[1:])
        elif part:
            yield _content_line(number, parts)
            number, parts = count, [part]
    yield _content_line(number, parts)


def _content_line(number: int, parts: list[str]) -> ContentLine:
    whole = "".join(parts)
    match = _NAME.match(whole)
    return ContentLine(number, match[1].upper() if match else "", whole)
