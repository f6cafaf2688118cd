"""What a timetable says: classes on days, and what is wrong with the file.

Plain dataclasses on the standard library. What makes two readings of a file speak of the same class is
``occurrence_id``: the uid of the class and the start it *originally* had.

- A class of a series that was moved keeps the start its rule gave it (iCalendar's RECURRENCE-ID): it is the
  same class, found again and not launched twice.
- A class that stands alone has no record of an earlier start. Moved, it is another class: an entry that
  somebody drags along week by week must be launched every week.
- Moving a whole series (another DTSTART, another ``start`` in a CSV row) makes other classes of all of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.reading import listed
from airflow_provider.live_sessions.core.times import aware, format_time, parse_time
from airflow_provider.live_sessions.schedules.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

SHOWN_PROBLEMS = 50
"""How many problems an error message lists before it only counts."""

_FIELDS = frozenset({
    "uid", "title", "start", "end", "zone", "original_start", "participants", "cancelled", "space", "options",
    "source",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One class on one day.

    Args:
        uid: The identity of the class in its timetable: of the series, or of the row.
        title: What people call it.
        start: When it starts; kept in UTC.
        end: When it ends; kept in UTC.
        zone: The IANA name of the zone in which people read its times.
        original_start: The start that identifies it, where it was moved; defaults to ``start``.
        participants: Who is expected.
        cancelled: True when the timetable says that it does not take place.
        space: The name of a room that lasts over many classes; empty for a room of its own.
        options: The platform's launch settings by their API names; JSON values.
        source: Where it stands, ``file:line``, for messages.

    Raises:
        ConfigurationError: A class without uid or title, that does not end after its start, or that names
            one person twice.
    """

    uid: str
    title: str
    start: datetime
    end: datetime
    zone: str = "UTC"
    original_start: datetime | None = None
    participants: tuple[Participant, ...] = ()
    cancelled: bool = False
    space: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    source: str = ""

    def __post_init__(self) -> None:
        if not self.uid or not self.title:
            raise ConfigurationError("A class of a timetable needs a uid and a title.")
        plan = self.plan()  # checks times and participants in the one place where that is settled
        object.__setattr__(self, "start", plan.start)
        object.__setattr__(self, "end", plan.end)
        original = self.start if self.original_start is None else aware(self.original_start)
        object.__setattr__(self, "original_start", original)

    @property
    def key_start(self) -> datetime:
        """The start that belongs to the identity, in UTC: the original one where the class was moved."""
        return self.original_start or self.start

    @property
    def occurrence_id(self) -> str:
        """The identity of the class on its day: uid and original start, e.g. ``maths@20260907T070000Z``."""
        return f"{self.uid}@{self.key_start.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def plan(self) -> Plan:
        """Return what a launch needs of it."""
        return Plan(
            title=self.title,
            start=self.start,
            end=self.end,
            participants=self.participants,
            options=self.options,
        )

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "uid": self.uid,
            "title": self.title,
            "start": format_time(self.start),
            "end": format_time(self.end),
            "zone": self.zone,
            "original_start": format_time(self.key_start),
            "participants": [person.to_json() for person in self.participants],
            "cancelled": self.cancelled,
            "space": self.space,
            "options": dict(self.options),
            "source": self.source,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Occurrence:
        """Read what :meth:`to_json` wrote; strict, as XCom may hold anything.

        Raises:
            ConfigurationError: A field is missing, unknown or of the wrong kind.
        """
        if not isinstance(data, Mapping):
            raise ConfigurationError(
                "A class of a timetable is no mapping.", advice="Pass one of those that read_timetable gives."
            )
        unknown = set(data) - _FIELDS
        if unknown:
            raise ConfigurationError(
                f"A class of a timetable has unknown fields: {listed(unknown)}.",
                advice=f"Known are {', '.join(sorted(_FIELDS))}.",
            )
        for name, kind in _KINDS.items():
            if name in data and not isinstance(data[name], kind):
                raise ConfigurationError(f"The field {name!r} of a class is of the wrong kind.")
        try:
            return cls(
                uid=data["uid"],
                title=data["title"],
                start=parse_time(data["start"]),
                end=parse_time(data["end"]),
                zone=find_zone(data.get("zone", "UTC")).key,
                original_start=parse_time(data.get("original_start", data["start"])),
                participants=tuple(Participant.from_json(one) for one in data.get("participants", ())),
                cancelled=data.get("cancelled", False),
                space=data.get("space", ""),
                options=dict(data.get("options", {})),
                source=data.get("source", ""),
            )
        except KeyError as error:
            raise ConfigurationError(f"A class of a timetable lacks the field {error}.") from None


_KINDS: dict[str, type | tuple[type, ...]] = {
    "uid": str,
    "title": str,
    "zone": str,
    "participants": (list, tuple),
    "cancelled": bool,
    "space": str,
    "options": dict,
    "source": str,
}


def digest(occurrence: Occurrence) -> str:
    """Return a digest that changes when the class changes for those who take part.

    It covers title, times, participants in any order, options, room and cancellation; not the identity, the
    zone in which times are shown, or the place in the file.
    """
    told = {
        "title": occurrence.title,
        "start": format_time(occurrence.start),
        "end": format_time(occurrence.end),
        "participants": sorted(
            (person.to_json() for person in occurrence.participants), key=lambda person: str(person["id"])
        ),
        "cancelled": occurrence.cancelled,
        "space": occurrence.space,
        "options": dict(occurrence.options),
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a timetable that a person has to look at.

    Args:
        source: The file's name as shown.
        line: The line in the file, counted from 1; 0 for the file as a whole.
        reason: What is wrong and what to do, one or two sentences.
    """

    source: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"

    @property
    def where(self) -> str:
        """``file:line``, or the file alone."""
        return f"{self.source}:{self.line}" if self.line else self.source

    @classmethod
    def at(cls, where: str, reason: str) -> Problem:
        """Make a problem of an occurrence's ``source``."""
        source, _, line = where.rpartition(":")
        return cls(source, int(line), reason) if source and line.isdecimal() else cls(where, 0, reason)


@dataclass(frozen=True, slots=True)
class Timetable:
    """What was read of a timetable. Make it with :meth:`of`, which also finds doubles.

    Args:
        occurrences: The classes, ordered by start; none of a row that has a problem.
        problems: What has to be repaired before anything is launched.
        notes: What was understood in a way worth knowing; stops nothing.
    """

    occurrences: tuple[Occurrence, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    @classmethod
    def of(
        cls, occurrences: Iterable[Occurrence], problems: Iterable[Problem], notes: Iterable[Problem] = ()
    ) -> Timetable:
        """Order what was read; a class that is there twice is kept once and becomes a problem."""
        found = list(problems)
        kept: dict[tuple[str, datetime], Occurrence] = {}
        told: set[tuple[str, str]] = set()
        for one in occurrences:
            first = kept.setdefault((one.uid, one.key_start), one)
            pair = (first.source, one.source)
            if first is not one and pair not in told:
                told.add(pair)  # two weekly rows meet every week; one line says it
                found.append(
                    Problem.at(
                        one.source,
                        f"The class {_short(one.title)!r} at {format_time(one.key_start)} is also in "
                        f"{first.source}. Remove one, or give each its own class_id (in a calendar: UID).",
                    )
                )
        ordered = sorted(kept.values(), key=lambda one: (one.start, one.uid, one.key_start))
        return cls(tuple(ordered), _by_place(found), _by_place(notes))

    def raise_if_problems(self) -> None:
        """Stop unless the timetable is sound.

        Raises:
            ConfigurationError: Lists the problems, the first 50 in full.
        """
        if not self.problems:
            return
        count = len(self.problems)
        lines = [str(problem) for problem in self.problems[:SHOWN_PROBLEMS]]
        if count > SHOWN_PROBLEMS:
            lines.append(f"... and {count - SHOWN_PROBLEMS} more.")
        raise ConfigurationError(
            f"The timetable has {count} problem{'s' if count > 1 else ''}:\n" + "\n".join(lines),
            advice="\nNothing was launched from it. Repair the lines named above.",
        )

    def select(self, start: datetime, end: datetime) -> tuple[Occurrence, ...]:
        """Return the classes that start at or after ``start`` and before ``end``, ordered by start.

        Cancelled ones are among them. Windows that adjoin share no class and lose none.

        Raises:
            ConfigurationError: A time is naive.
        """
        first, last = aware(start), aware(end)
        return tuple(one for one in self.occurrences if first <= one.start < last)

    def overlaps(self, *, lead: timedelta = timedelta(0), grace: timedelta = timedelta(0)) -> tuple[Problem, ...]:
        """Find classes that want the same lasting room at the same time.

        Args:
            lead: How long before its start a class has the room.
            grace: How long after its end a class keeps the room.

        Returns:
            One problem for each pair of lines. Windows that only touch do not overlap; classes that are
            cancelled or have a room of their own want none.
        """
        last: dict[str, Occurrence] = {}
        told: set[tuple[str, str]] = set()
        found: list[Problem] = []
        for one in sorted(self.occurrences, key=attrgetter("start")):
            if not one.space or one.cancelled:
                continue
            before = last.get(one.space)
            if before is not None and one.start - lead < before.end + grace:
                pair = (before.source, one.source)
                if pair not in told:
                    told.add(pair)
                    found.append(Problem.at(one.source, _overlap(before, one, lead, grace)))
            if before is None or one.end > before.end:
                last[one.space] = one
        return _by_place(found)

    def checked(self, *, lead: timedelta = timedelta(0), grace: timedelta = timedelta(0)) -> Timetable:
        """Return the timetable with its overlaps among the problems; arguments as in :meth:`overlaps`."""
        return replace(self, problems=_by_place([*self.problems, *self.overlaps(lead=lead, grace=grace)]))


def _overlap(before: Occurrence, one: Occurrence, lead: timedelta, grace: timedelta) -> str:
    margins = ""
    if lead or grace:
        minutes = [f"{margin.total_seconds() / 60:g}" for margin in (lead, grace)]
        margins = f" (the room opens {minutes[0]} min before a class and closes {minutes[1]} min after it)"
    return (
        f"The class {_short(one.title)!r} at {format_time(one.start)} needs the room {_short(one.space)!r} "
        f"while {_short(before.title)!r} of {before.source} has it until {format_time(before.end)}{margins}. "
        "Move one of them, or give them two rooms."
    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _by_place(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=attrgetter("source", "line")))
