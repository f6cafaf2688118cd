"""One VEVENT as plain facts, or what is wrong with it. Nothing is repeated here; see ical_series."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from icalendar import Component, Event  # noqa: TID253  loaded at run time only
from icalendar.timezone import tzp  # noqa: TID253  loaded at run time only

from airflow_provider.live_sessions.core.reading import load_json
from airflow_provider.live_sessions.schedules.cells import CellError, quoted, read_option
from airflow_provider.live_sessions.schedules.ical_people import PersonError, participants
from airflow_provider.live_sessions.schedules.ical_rules import RuleError, judge
from airflow_provider.live_sessions.schedules.ical_text import OWN_PREFIX
from airflow_provider.live_sessions.schedules.zones import local_to_utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.core.models import Participant
    from airflow_provider.live_sessions.schedules.ical_text import Block

_TZID = re.compile(r';\s*TZID\s*=\s*(?:"([^"]*)"|([^":;]*))', re.IGNORECASE)
_TIMES = frozenset({"DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"})
_LONGEST = timedelta(days=1)


class EventError(ValueError):
    """A VEVENT cannot be read; ``name`` is the property at fault, or empty for the event as a whole."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What one VEVENT says.

    Args:
        line: The line of its BEGIN.
        uid: Its UID: one for a series and all its changed instances.
        title: Its SUMMARY.
        zone: The zone of DTSTART; the caller's default for a floating time.
        zone_name: The IANA name under which people read its times.
        wall: DTSTART as its zone's clock shows it.
        start: DTSTART in UTC.
        length: How long the class is, exactly.
        recurrence_id: Which instance of the series this VEVENT changes: a moment, or naive in the series' zone.
        and_future: Whether it changes the following instances too (RANGE=THISANDFUTURE).
        sequence: Its revision; the highest counts.
        rule: Its RRULE, judged, where it has one.
        extra: Its RDATEs, each with a length of its own where it is a period.
        without: Its EXDATEs; a date stands for the whole day.
        people: Who is expected.
        cancelled: Whether it does not take place.
        space: The lasting room, from X-LIVE-SESSIONS-SPACE.
        options: Launch settings, from the other X-LIVE-SESSIONS properties.
        floating: Whether DTSTART has no zone.
    """

    line: int
    uid: str
    title: str
    zone: tzinfo
    zone_name: str
    wall: datetime
    start: datetime
    length: timedelta
    recurrence_id: datetime | None
    and_future: bool
    sequence: int
    rule: Mapping[str, list[Any]] | None
    extra: tuple[tuple[datetime, timedelta | None], ...]
    without: tuple[date, ...]
    people: tuple[Participant, ...]
    cancelled: bool
    space: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    floating: bool = False


@dataclass(frozen=True, slots=True)
class AllDay:
    """A VEVENT without a time of day, which is no class.

    Args:
        line: The line of its DTSTART.
        last: Its last day; None where it repeats.
        first: Its first day.
    """

    line: int
    first: date
    last: date | None


def read_event(block: Block, default_zone: ZoneInfo) -> EventFacts | AllDay:
    """Read one VEVENT.

    Args:
        block: The event's lines.
        default_zone: The zone of floating times.

    Raises:
        EventError: Something in it cannot be read, or makes it no class.
    """
    event = _parse(block)
    uid = _text(event, "UID")
    if not uid:
        raise EventError("", "The event has no UID, which tells it from others. Export the calendar again.")
    if "EXRULE" in event:
        raise EventError("EXRULE", "EXRULE is not supported (RFC 5545 removed it). Use EXDATE.")
    begin = _one(event, "DTSTART")
    if begin is None:
        raise EventError("", "The event has no DTSTART. Give it a start.")
    if not isinstance(begin, datetime):
        return _all_day(event, block, begin)
    zone = begin.tzinfo or default_zone
    wall = begin.replace(tzinfo=None)
    start, _ = local_to_utc(wall, zone)
    recurrence = _recurrence_id(event)
    title = " ".join(_text(event, "SUMMARY").split())
    if not title:
        raise EventError("", "The event has no SUMMARY. Give the class a title.")
    space, options = _own(event)
    in_utc = isinstance(zone, ZoneInfo) and zone.key == "UTC"
    return EventFacts(
        line=block.number,
        uid=uid,
        title=title,
        zone=zone,
        # A zone known only to this file, or UTC as programs write it, tells people nothing.
        zone_name=zone.key if isinstance(zone, ZoneInfo) and not in_utc else default_zone.key,
        wall=wall,
        start=start,
        length=_length(event, start, default_zone),
        recurrence_id=recurrence,
        and_future=recurrence is not None and _param(event, "RECURRENCE-ID", "RANGE") == "THISANDFUTURE",
        sequence=_sequence(event),
        rule=_rule(event),
        extra=_extra(event),
        without=tuple(value for value in _times(event, "EXDATE") if isinstance(value, date)),
        people=_people(event),
        cancelled=block.cancelled or _text(event, "STATUS").upper() == "CANCELLED",
        space=space,
        options=options,
        floating=begin.tzinfo is None,
    )


def zone_known(name: str) -> bool:
    """Return whether the calendar library knows a zone, by its own tables or by the file's VTIMEZONE."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "/vendor.example/Europe/Berlin" is guessed, and rightly
            return tzp.timezone(name) is not None
    except (OSError, ValueError):  # OSError: a folder of the zone tables, such as "Europe"
        return False


def _parse(block: Block) -> Component:
    for line in block.lines:
        match = _TZID.search(line.text.partition(":")[0] if '"' not in line.text else line.text)
        name = (match[1] or match[2] or "").strip() if match else ""
        if match and line.name in _TIMES and not zone_known(name):
            raise EventError(
                line.name,
                f"The time zone {quoted(name)} is unknown and the file does not define it. "
                "Use an IANA name, e.g. Europe/Berlin.",
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same guess again
            event = Event.from_ical(block.text())
    except Exception as error:  # noqa: BLE001  whatever the library trips over, the reader gets a line
        raise EventError("", f"The event cannot be read ({type(error).__name__}). Export it again.") from None
    for name, _ in event.errors:
        if not str(name).startswith("X-"):
            shown = str(name or "A line")
            raise EventError(str(name or ""), f"{shown} of the event cannot be read. Write it as RFC 5545 says.")
    return event


def _one(event: Component, name: str) -> Any:
    value = event.get(name)
    if isinstance(value, list):
        raise EventError(name, f"The event has {name} more than once. Keep one.")
    return getattr(value, "dt", value)


def _text(event: Component, name: str) -> str:
    value = _one(event, name)
    return "" if value is None else str(value).strip()


def _param(event: Component, name: str, param: str) -> str:
    return str(getattr(event.get(name), "params", {}).get(param, "")).upper()


def _all_day(event: Component, block: Block, begin: Any) -> AllDay:
    if not isinstance(begin, date):
        raise EventError("DTSTART", "DTSTART is neither a date nor a time. Write it like 20260907T090000.")
    end = _one(event, "DTEND")
    last = end if isinstance(end, date) and not isinstance(end, datetime) else begin
    repeats = "RRULE" in event or "RDATE" in event
    return AllDay(block.line_of("DTSTART"), begin, None if repeats else last)


def _length(event: Component, start: datetime, default_zone: ZoneInfo) -> timedelta:
    end, duration = _one(event, "DTEND"), _one(event, "DURATION")
    if isinstance(end, datetime):
        finish, _ = local_to_utc(end.replace(tzinfo=None), end.tzinfo or default_zone)
        length = finish - start
    elif end is None and isinstance(duration, timedelta):
        length = duration
    else:
        raise EventError("", "The event has neither an end with a time of day nor a DURATION. Give it an end.")
    if not timedelta(0) < length <= _LONGEST:
        name = "DTEND" if end is not None else "DURATION"
        raise EventError(name, "The event must end after its start, by a day at most. Correct its times.")
    return length


def _recurrence_id(event: Component) -> datetime | None:
    value = _one(event, "RECURRENCE-ID")
    if value is not None and not isinstance(value, datetime):
        raise EventError(
            "RECURRENCE-ID",
            "RECURRENCE-ID is a date, but the class has a time: it is unclear which class was changed. "
            "Export the calendar again.",
        )
    return value


def _sequence(event: Component) -> int:
    value = _one(event, "SEQUENCE")
    return 0 if value is None else int(value)


def _rule(event: Component) -> Mapping[str, list[Any]] | None:
    rule = event.get("RRULE")
    if rule is None:
        return None
    if isinstance(rule, list):
        raise EventError("RRULE", "The event has several RRULEs. Make an event of each.")
    plain = {str(name).upper(): value if isinstance(value, list) else [value] for name, value in rule.items()}
    try:
        judge(plain)
    except RuleError as error:
        raise EventError("RRULE", str(error)) from None
    return plain


def _times(event: Component, name: str) -> list[Any]:
    value = event.get(name)
    lists = value if isinstance(value, list) else [] if value is None else [value]
    return [one.dt for several in lists for one in several.dts]


def _extra(event: Component) -> tuple[tuple[datetime, timedelta | None], ...]:
    found: list[tuple[datetime, timedelta | None]] = []
    for value in _times(event, "RDATE"):
        first, second = value if isinstance(value, tuple) else (value, None)
        if not isinstance(first, datetime):
            raise EventError("RDATE", "RDATE names a day without a time. Write it like 20260907T090000.")
        length = second - first if isinstance(second, datetime) else second
        if length is not None and not timedelta(0) < length <= _LONGEST:
            raise EventError("RDATE", "A period of RDATE must last more than nothing and at most a day.")
        found.append((first, length))
    return tuple(found)


def _people(event: Component) -> tuple[Participant, ...]:
    try:
        return participants(event)
    except PersonError as error:
        raise EventError(error.name, str(error)) from None


def _own(event: Component) -> tuple[str, dict[str, Any]]:
    """Read X-LIVE-SESSIONS-SPACE, -OPTIONS (a JSON object) and -<NAME> (one setting, RECORD-AV is record_av)."""
    space = ""
    options: dict[str, Any] = {}
    for name in sorted(str(one) for one in event if str(one).upper().startswith(OWN_PREFIX)):
        part, text = name.upper().removeprefix(OWN_PREFIX), _text(event, name)
        try:
            if part == "SPACE":
                space = _unescaped(text)
            elif part == "OPTIONS":
                options = {**_json_object(text), **options}
            elif part and text:
                options[part.lower().replace("-", "_")] = read_option(_unescaped(text))
        except CellError as error:
            raise EventError(name, f"{name}: {error}") from None
    return space, options


def _json_object(text: str) -> dict[str, Any]:
    # Some programs escape commas as in TEXT (RFC 5545, 3.3.11), others leave the value as it was typed.
    for attempt in (text, _unescaped(text)):
        try:
            value = load_json(attempt)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    raise CellError('The value is no JSON object. Write it like {"record_av": true}.')


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\;,])", r"\1", text)
