"""A timetable from an iCalendar file (RFC 5545), as Google Calendar and Outlook export it.

- **When**: VEVENT with DTSTART and DTEND or DURATION; RRULE, RDATE, EXDATE; single instances changed by
  RECURRENCE-ID, also RANGE=THISANDFUTURE. Zones by TZID (IANA and Windows names, else the file's VTIMEZONE).
  A floating time is meant in the default zone, and a note says so. Rules without end reach as far as the
  window. A class of a series keeps its exact length when the clock changes (RFC 5545, 3.8.5.3).
- **Who**: ATTENDEE and ORGANIZER; see ical_people.
- **Identity**: the UID, and the start that the rule gave the class: a moved instance stays the same class.
- **Cancelled**: STATUS:CANCELLED, or METHOD:CANCEL for the whole file. A tentative event is a class.
- **Launch settings**: ``X-LIVE-SESSIONS-SPACE`` names a lasting room, ``X-LIVE-SESSIONS-OPTIONS`` holds a JSON
  object, any other ``X-LIVE-SESSIONS-RECORD-AV`` one setting (``record_av``).
- An event without a time of day is a problem, for a class has one; it is passed over where it lies outside
  the window, so that last year's holidays trouble nobody.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from icalendar import Timezone  # noqa: TID253  loaded at run time only
from icalendar.timezone import tzp  # noqa: TID253  loaded at run time only

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.schedules.ical_event import AllDay, EventError, EventFacts, read_event
from airflow_provider.live_sessions.schedules.ical_rules import (
    MAX_TOTAL_STEPS,
    NEVER_STEPS,
    NeverError,
    RuleError,
    judge_zone,
)
from airflow_provider.live_sessions.schedules.ical_series import Series
from airflow_provider.live_sessions.schedules.ical_text import Block, cut
from airflow_provider.live_sessions.schedules.model import Occurrence, Problem, Timetable
from airflow_provider.live_sessions.schedules.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from zoneinfo import ZoneInfo

MAX_OCCURRENCES = 50_000

# The library keeps zones by name for the life of the process: one file's "School Time" must not answer for
# another's, so they are forgotten before each reading, and one file is read at a time.
_ZONES_OF_ONE_FILE = threading.Lock()


def read_ical(text: str, *, source: str, default_zone: str, window: tuple[datetime, datetime]) -> Timetable:
    """Read an iCalendar timetable.

    Args:
        text: The file's content, decoded.
        source: The file's name as shown.
        default_zone: The IANA zone of floating times.
        window: Classes that start at or after its first and before its second moment are returned, in UTC.

    Returns:
        The classes, every problem, and notes.

    Raises:
        ConfigurationError: The default zone is none.
    """
    zone = find_zone(default_zone)
    blocks, problems = cut(text, source)
    with _ZONES_OF_ONE_FILE:
        tzp.use_default()
        problems.extend(_learn_zones((one for one in blocks if one.kind == "VTIMEZONE"), source))
        reading = _Reading(source, zone, window, problems)
        reading.read([one for one in blocks if one.kind == "VEVENT"])
    return Timetable.of(reading.found, reading.problems, reading.notes)


def _learn_zones(blocks: Iterable[Block], source: str) -> list[Problem]:
    problems: list[Problem] = []
    for block in blocks:
        line = block.number
        try:
            for one in block.lines:
                if one.name == "RRULE":
                    line = one.number
                    judge_zone(one.value)
            Timezone.from_ical(block.text())  # the library remembers it
        except RuleError as error:
            problems.append(Problem(source, line, str(error)))
        except Exception as error:  # noqa: BLE001  whatever the library trips over, the reader gets a line
            reason = f"The time zone cannot be read ({type(error).__name__}). Export the calendar again."
            problems.append(Problem(source, block.number, reason))
    return problems


class _Reading:
    """What was read of one file so far."""

    def __init__(
        self, source: str, zone: ZoneInfo, window: tuple[datetime, datetime], problems: list[Problem]
    ) -> None:
        self.source = source
        self.zone = zone
        self.window = window
        self.problems = problems
        self.notes: list[Problem] = []
        self.found: list[Occurrence] = []
        self._steps = 0

    def fault(self, line: int, reason: str) -> None:
        self.problems.append(Problem(self.source, line, reason))

    def read(self, blocks: list[Block]) -> None:
        """Read the events, then expand each series; a series with a faulty part is left out as a whole."""
        by_uid: dict[str, list[EventFacts]] = defaultdict(list)
        spoilt: set[str] = set()
        for block in blocks:
            facts = None if block.broken else self._facts(block)
            if isinstance(facts, EventFacts):
                by_uid[facts.uid].append(facts)
            elif facts is None:
                spoilt.update(line.value for line in block.lines if line.name == "UID")
        for uid, events in by_uid.items():
            if uid in spoilt:
                continue
            current = self._current(events)
            if current is not None and not self._expand(current):
                return

    def _facts(self, block: Block) -> EventFacts | AllDay | None:
        try:
            facts = read_event(block, self.zone)
        except EventError as error:
            self.fault(block.line_of(error.name), str(error))
            return None
        except (OverflowError, ValueError):
            self.fault(block.line_of("DTSTART"), "A time of the event lies outside the calendar. Correct it.")
            return None
        if isinstance(facts, AllDay):
            if self._touches(facts):
                reason = "This is an all-day event; a class has a time. Give it one, or take it out of the file."
                self.fault(facts.line, reason)
            return facts
        if facts.floating:
            reason = f"The event names no time zone; its times are read as {self.zone.key}."
            self.notes.append(Problem(self.source, block.line_of("DTSTART"), reason))
        if facts.rule is not None and getattr(facts.zone, "key", "") == "UTC":
            reason = "The series repeats in UTC: on local clocks it moves by an hour when they change."
            self.notes.append(Problem(self.source, block.line_of("DTSTART"), reason))
        return facts

    def _touches(self, event: AllDay) -> bool:
        first, last = (moment.astimezone(self.zone).date() for moment in self.window)
        # DTEND of an all-day event is the day after it; a day more is no harm.
        return event.last is None or (event.first <= last and event.last >= first - timedelta(days=1))

    def _current(self, events: list[EventFacts]) -> list[EventFacts] | None:
        """Return the revision that counts of each instance; two of equal rank are a problem."""
        current: dict[datetime | None, EventFacts] = {}
        sound = True
        for one in events:
            before = current.get(one.recurrence_id)
            if before is not None and before.sequence == one.sequence:
                reason = (
                    f"The event has the UID of line {before.line} and is no change of it. Give it another UID."
                )
                self.fault(one.line, reason)
                sound = False
            if before is None or before.sequence < one.sequence:
                current[one.recurrence_id] = one
        return list(current.values()) if sound else None

    def _expand(self, events: list[EventFacts]) -> bool:
        """Add the classes of one series; return False where the file asks for too much."""
        line = events[0].line
        try:
            series = Series(events, self.source, self.window)
            self._steps += series.steps
            if self._steps > MAX_TOTAL_STEPS:
                self.fault(line, "Reading stopped here: the file's rules together make too many classes.")
                return False
            found, notes = series.occurrences()
        except (RuleError, ConfigurationError) as error:
            self._steps += NEVER_STEPS if isinstance(error, NeverError) else 0
            self.fault(line, str(error))
            return True
        except Exception as error:  # noqa: BLE001  whatever the library trips over, the reader gets a line
            self.fault(line, f"The series cannot be worked out ({type(error).__name__}). Simplify its rule.")
            return True
        self.found.extend(found)
        self.notes.extend(notes)
        if len(self.found) > MAX_OCCURRENCES:
            self.fault(line, f"Reading stopped here: more than {MAX_OCCURRENCES:,} classes in the window.")
            return False
        return True
