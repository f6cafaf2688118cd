"""The demo's clinic: a morning of appointments around now, and the people who come to them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

HELD, ONE_CAME, NOBODY, CANCELLED = "held", "one came", "nobody", "cancelled"

LENGTH = 34.0
"""Seconds of an ordinary appointment; so long that its links arrive before its end."""

POSTPONED = 10.0
"""Seconds by which the clinic postpones an appointment in Coviu's own calendar."""

HAND_OVER = 30.0
"""Seconds before the start when links are handed over."""

LATE = 75.0
"""Seconds after the first start when those would begin that are called off: too late for any link to be out."""


class Change(StrEnum):
    """What the clinic does to an appointment after it was launched."""

    NONE = ""
    CANCEL = "cancelled in the table"
    MOVE = "moved in the table"
    """Its row is cancelled; another one, with the new time, is added."""
    MOVED_HERE = "added in the table"
    POSTPONE = "postponed in Coviu"


@dataclass(frozen=True)
class Person:
    """Somebody who is expected.

    Args:
        id: The clinic's own id of them.
        name: What people call them.
        email: Where their link goes; empty leaves it sealed in Airflow.
        comes: Whether they come.
    """

    id: str
    name: str
    email: str = ""
    comes: bool = True

    def cell(self) -> str:
        """Return how the table names them."""
        return f"{self.id}|{self.name}" + (f" <{self.email}>" if self.email else "")


@dataclass(frozen=True)
class Appointment:
    """One appointment of the demo, and what is to become of it.

    Args:
        number: The row's number; a moved appointment keeps it.
        title: Its title.
        start: Its planned start.
        length: Seconds until its planned end.
        people: Who is expected, the clinician first.
        fate: held, one came, nobody or cancelled.
        leave: Seconds after the start when everybody leaves; None for the planned end.
        away: From when to when, in seconds after the start, everybody is away for a moment.
        change: What happens to it on the way.
    """

    number: int
    title: str
    start: datetime
    length: float
    people: tuple[Person, ...]
    fate: str = HELD
    leave: float | None = None
    away: tuple[float, float] | None = None
    change: Change = Change.NONE

    @property
    def end(self) -> datetime:
        """The planned end."""
        return self.start + timedelta(seconds=self.length)

    @property
    def class_id(self) -> str:
        """The row's identity beside its start."""
        return f"apt-{1000 + self.number}"

    @property
    def linked(self) -> tuple[Person, ...]:
        """Who is to get a link."""
        return () if self.fate == CANCELLED else self.people

    @property
    def present(self) -> int:
        """How many of those expected come."""
        return sum(one.comes for one in self.people)

    @property
    def begins(self) -> datetime:
        """When it really begins."""
        return self.start + timedelta(seconds=POSTPONED if self.change is Change.POSTPONE else 0.0)

    @property
    def stay(self) -> float:
        """Seconds from its beginning until everybody leaves."""
        return self.length if self.leave is None else self.leave


def appointments(begin: datetime, pace: float = 1.0) -> list[Appointment]:
    """Return the clinic's morning: what the table holds first, and the row that takes a moved one's place.

    Airflow launches in the order of the starts, so those that are called off come last.

    Args:
        begin: When the first appointment starts; a whole second.
        pace: How much longer than usual everything has to last, because the machine is slow. What people do
            keeps its times.
    """
    plan = _Plan(begin, pace)
    plan.add("Blood results", length=75.0, leave=12.0)
    plan.add("Physiotherapy", away=(10.0, 14.0))
    plan.add("Follow-up with a carer", guests=2, missing=(2,))
    plan.add("First consultation")
    plan.add("Sleep clinic", length=26.0, change=Change.POSTPONE)
    plan.add("Dietary advice", length=24.0, missing=(0, 1), fate=NOBODY)
    plan.add("Speech therapy", length=24.0, missing=(1,), fate=ONE_CAME)
    moved = plan.add("Skin check", fate=CANCELLED, change=Change.MOVE, at=LATE * pace)
    plan.add("Vaccination advice", fate=CANCELLED, change=Change.CANCEL, at=LATE * pace)
    sooner = begin + timedelta(seconds=16)
    plan.day.append(replace(moved, start=sooner, fate=HELD, change=Change.MOVED_HERE))
    return plan.day


@dataclass
class _Plan:
    begin: datetime
    pace: float
    day: list[Appointment] = field(default_factory=list)

    def add(
        self,
        title: str,
        *,
        guests: int = 1,
        missing: Sequence[int] = (),
        at: float | None = None,
        length: float = LENGTH,
        **more: Any,
    ) -> Appointment:
        number = len(self.day) + 1
        start = self.begin + timedelta(seconds=2 * len(self.day) if at is None else round(at))
        doctor = Person(f"dr-{number}", f"Dr. Brandt {number}", f"dr-{number}@clinic.example", 0 not in missing)
        patient = Person(f"pt-{number}", f"Patient {number}", f"pt-{number}@home.example", 1 not in missing)
        # A carer has no address, so no mail: their link stays sealed in Airflow.
        others = range(2, guests + 1)
        carers = [Person(f"cr-{number}-{one}", f"Carer {one}", comes=one not in missing) for one in others]
        seconds = float(round(length * self.pace))  # Coviu knows whole seconds only
        made = Appointment(number, title, start, seconds, (doctor, patient, *carers), **more)
        self.day.append(made)
        return made


def table(day: Sequence[Appointment], *, changed: bool) -> bytes:
    """Return the day as a CSV table.

    Args:
        day: The appointments.
        changed: Whether the clinic has cancelled one and moved another.
    """
    buffer = io.StringIO()
    lines = csv.writer(buffer)
    lines.writerow(["class_id", "title", "start", "end", "host", "guests", "status", "note"])
    for one in day:
        if one.change is Change.MOVED_HERE and not changed:
            continue
        off = changed and one.change in (Change.CANCEL, Change.MOVE)
        host, *guests = (person.cell() for person in one.people)
        lines.writerow(
            [
                one.class_id,
                one.title,
                one.start.isoformat(),
                one.end.isoformat(),
                host,
                "; ".join(guests),
                "cancelled" if off else "",
                "",
            ]
        )
    return buffer.getvalue().encode()


def script(one: Appointment) -> dict[str, Any] | None:
    """Return what people do in an appointment, for the sandbox; None where nobody comes.

    Their times count from the start that Coviu knows, so they follow a session that is moved.
    """
    if one.fate in (NOBODY, CANCELLED):
        return None
    times = [("join", 0.0), ("leave", one.stay)]
    if one.away is not None:
        times += [("leave", one.away[0]), ("join", one.away[1])]
    events = [
        {"user": person.id, "do": do, "after": after}
        for do, after in sorted(times, key=lambda time: time[1])
        for person in one.people
        if person.comes
    ]
    return {"match": {"name": one.title}, "anchor": "not_before", "events": events}
