"""The classes of one UID: a series with its rule, its extra and left-out days and its changed instances.

The library for repetitions gets a bare copy of the series in naive local time, on the clock of the zone in
which the series repeats, and its answers are turned into UTC by ``local_to_utc``. So 09:00 stays 09:00 when the
clock changes, skipped and repeated times follow one rule everywhere, and an instance is matched by one time
only (the library compares a time with zone both as UTC and as local time, which confuses two classes of a day).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import recurring_ical_events  # noqa: TID253  loaded at run time only
from icalendar import Calendar, Event  # noqa: TID253  loaded at run time only
from icalendar.prop import vDDDLists, vDDDTypes  # noqa: TID253  loaded at run time only

from airflow_provider.live_sessions.schedules.ical_rules import over_before, settle
from airflow_provider.live_sessions.schedules.model import Occurrence, Problem
from airflow_provider.live_sessions.schedules.zones import local_to_utc

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from airflow_provider.live_sessions.schedules.ical_event import EventFacts

_MARK = "X-FACTS"
_MARGIN = timedelta(days=2)  # more than any two zones differ, and a class's longest length


class Series:
    """The VEVENTs of one UID.

    Args:
        events: They, one for each instance and revision that counts.
        source: The file's name as shown.
        window: Only classes that start in it are made.

    Raises:
        RuleError: Following the rule would cost too much.
    """

    def __init__(self, events: Sequence[EventFacts], source: str, window: tuple[datetime, datetime]) -> None:
        self._events = events
        self._source = source
        self._window = window
        core = [one for one in events if one.recurrence_id is None]
        self._zone: tzinfo = (core or events)[0].zone
        first, last = (moment.astimezone(self._zone).replace(tzinfo=None) for moment in window)
        self._span = (first - _MARGIN, last + _MARGIN)
        self._calendar = Calendar()
        self.steps = 0
        reach = max((abs(self._shift(one)) for one in events if one.and_future), default=timedelta(0))
        for mark, one in enumerate(events):
            self._calendar.add_component(self._skeleton(one, mark, reach))

    def _wall(self, moment: datetime) -> datetime:
        """Return a time as the clock of the series shows it; a floating one already is."""
        if moment.tzinfo is None:
            return moment
        zone = moment.tzinfo
        return (moment if zone is self._zone else moment.astimezone(self._zone)).replace(tzinfo=None)

    def _start(self, one: EventFacts) -> datetime:
        """Return where an event starts on the clock of the series."""
        return one.wall if one.zone is self._zone else self._wall(one.start)

    def _shift(self, one: EventFacts) -> timedelta:
        """Return by how much a changed instance was moved."""
        origin = one.recurrence_id
        return timedelta(0) if origin is None else self._start(one) - self._wall(origin)

    def _skeleton(self, one: EventFacts, mark: int, reach: timedelta) -> Event:
        event = Event()
        start = self._start(one)
        event["UID"] = one.uid
        event["SEQUENCE"] = one.sequence
        event["DTSTART"] = vDDDTypes(start)
        event["DTEND"] = vDDDTypes(start + one.length)
        event[_MARK] = mark
        if one.recurrence_id is not None:
            origin = vDDDTypes(self._wall(one.recurrence_id))
            if one.and_future:
                origin.params["RANGE"] = "THISANDFUTURE"
            event["RECURRENCE-ID"] = origin
            return event  # a changed instance repeats nothing
        if one.without:
            days = [self._wall(day) if isinstance(day, datetime) else day for day in one.without]
            event["EXDATE"] = vDDDLists(days)
        if one.extra:
            times = [(self._wall(time), length or one.length) for time, length in one.extra]
            event["RDATE"] = vDDDLists(times)
        if one.rule is not None:
            self._add_rule(event, one, start, reach)
        return event

    def _add_rule(self, event: Event, one: EventFacts, start: datetime, reach: timedelta) -> None:
        given: list[Any] = list((one.rule or {}).get("UNTIL", ()))
        until = [self._wall(end) if isinstance(end, datetime) else end for end in given]
        rule, steps = settle({**(one.rule or {}), "UNTIL": until}, start, self._span[1] + reach)
        if len(self._events) == 1 and not one.extra and over_before(rule, start, self._span[0]):
            return  # a series of years ago: nothing of it is asked for
        self.steps += steps
        event["RRULE"] = rule

    def occurrences(self) -> tuple[list[Occurrence], list[Problem]]:
        """Return the classes that start in the window, and notes on those that the clock moved."""
        found: list[Occurrence] = []
        notes: list[Problem] = []
        for instance in recurring_ical_events.of(self._calendar).between(*self._span):
            one = self._events[instance[_MARK]]
            wall: datetime = instance["DTSTART"].dt
            start, skipped = local_to_utc(wall, self._zone)
            if not self._window[0] <= start < self._window[1]:
                continue
            found.append(
                Occurrence(
                    uid=one.uid,
                    title=one.title,
                    start=start,
                    end=start + (instance["DTEND"].dt - wall),
                    zone=one.zone_name,
                    original_start=self._original(one, wall, start),
                    participants=one.people,
                    cancelled=one.cancelled,
                    space=one.space,
                    options=one.options,
                    source=f"{self._source}:{one.line}",
                )
            )
            if skipped:
                reason = f"On {wall:%Y-%m-%d} the clock skips {wall:%H:%M}; the class starts later by that jump."
                notes.append(Problem(self._source, one.line, reason))
        return found, notes

    def _original(self, one: EventFacts, wall: datetime, start: datetime) -> datetime:
        shift = self._shift(one)
        return start if not shift else local_to_utc(wall - shift, self._zone)[0]
