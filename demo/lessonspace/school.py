"""The demo's school: fourteen classes around now, and the people who come to them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HELD, ALONE, NOBODY, CANCELLED = "held", "alone", "nobody", "cancelled"

TITLES = (
    "Algebra for year 9",
    "Geometry",
    "English conversation",
    "Französisch für Anfänger",
    "Physics lab",
    "Chemistry",
    "World history",
    "Piano, first steps",
    "Creative writing",
    "Programming in Python",
    "Biology revision",
)


@dataclass(frozen=True)
class Lesson:
    """One class of the demo, and what is to become of it.

    Args:
        title: Its title.
        start: Its planned start.
        end: Its planned end.
        fate: held, alone, nobody or cancelled.
        students: How many are expected.
        absent: How many of them never come.
        sessions: How many sessions the platform will show: two where there is a break.
        cancelled: Whether the timetable says so.
    """

    title: str
    start: datetime
    end: datetime
    fate: str
    students: int
    absent: int = 0
    sessions: int = 1
    cancelled: bool = False

    @property
    def people(self) -> int:
        """Everybody expected, the teacher among them."""
        return self.students + 1

    def person(self, number: int) -> str:
        """Return the id of a participant; 0 is the teacher."""
        slug = "".join(sign for sign in self.title.casefold() if sign.isascii() and sign.isalnum())
        return f"{'teacher' if number == 0 else f'student{number}'}-{slug}"


LENGTH = 32.0
"""Seconds that a class lasts."""


def lessons(begin: datetime, *, minutes_apart: float = 2.0 / 60, length: float = LENGTH) -> list[Lesson]:
    """Return the school's day: eleven classes that take place and three that do not.

    Args:
        begin: When the first class starts.
        minutes_apart: Minutes between two starts.
        length: Seconds that a class lasts.
    """
    day = []
    for number, title in enumerate(TITLES):
        start = begin + timedelta(minutes=minutes_apart * number)
        lesson = Lesson(title, start, start + timedelta(seconds=length), HELD, students=1 + number % 4)
        if number == 2:
            lesson = replace(lesson, students=3, absent=1)
        if number == 4:
            lesson = replace(lesson, sessions=2, end=lesson.end + timedelta(seconds=14))
        day.append(lesson)
    last = begin + timedelta(minutes=minutes_apart * len(TITLES))
    end = last + timedelta(seconds=length)
    day.append(Lesson("Latin", last, end, ALONE, students=2, absent=2))
    day.append(Lesson("Early bird yoga", last, end, NOBODY, students=2, absent=2, sessions=0))
    # It starts late enough for its cancelling to come before its links are handed over.
    day.append(
        Lesson(
            "Choir", last + timedelta(seconds=30), end + timedelta(seconds=30), CANCELLED, students=3, sessions=0
        )
    )
    return day


def timetable(day: Sequence[Lesson]) -> bytes:
    """Return the day as a CSV timetable."""
    buffer = io.StringIO()
    lines = csv.writer(buffer)
    lines.writerow(["class_id", "title", "start", "end", "teacher", "students", "status"])
    for number, lesson in enumerate(day, start=1):
        students = [f"{lesson.person(one)}|Student {one} of {number}" for one in range(1, lesson.people)]
        lines.writerow(
            [
                f"class-{number}",
                lesson.title,
                lesson.start.isoformat(),
                lesson.end.isoformat(),
                f"{lesson.person(0)}|Teacher {number}",
                "; ".join(students),
                "cancelled" if lesson.cancelled else "",
            ]
        )
    return buffer.getvalue().encode()


def script(lesson: Lesson) -> dict[str, Any] | None:
    """Return what people do in a class, for the sandbox; None for a class nobody comes to."""
    if lesson.fate in (NOBODY, CANCELLED):
        return None
    events: list[dict[str, Any]] = []
    came = [0] if lesson.fate == ALONE else [0, *range(1, lesson.people - lesson.absent)]
    for number in came:
        late = 0 if number == 0 else min(number, 3)
        events.append(_event(lesson, number, "join", lesson.start + timedelta(seconds=late)))
        events.append(_event(lesson, number, "leave", lesson.end))
    if lesson.sessions == 2:
        # Everybody leaves together for longer than a session survives, and comes back.
        pause = lesson.start + timedelta(seconds=18)
        for number in came:
            events.append(_event(lesson, number, "leave", pause))
            events.append(_event(lesson, number, "join", pause + timedelta(seconds=7)))
    return {"match": {"name": lesson.title}, "events": sorted(events, key=lambda event: str(event["at"]))}


def _event(lesson: Lesson, number: int, do: str, at: datetime) -> dict[str, Any]:
    return {"user": lesson.person(number), "do": do, "at": at.isoformat()}
