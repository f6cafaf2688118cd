"""What one cell of a timetable may hold. Each reader returns a value or raises :class:`CellError`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any, NoReturn, TypeVar

from airflow_provider.live_sessions.core.mail_address import is_one_address
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.reading import load_json

_Day = TypeVar("_Day", date, datetime)

DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_DAY_WORD = re.compile(r"[^\W\d_]+")
_ISO_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_DOTTED_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([ap]m)?", re.ASCII | re.IGNORECASE)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*", re.ASCII | re.DOTALL)
_MINUTES = re.compile(r"(\d{1,4})(?:[.,]0+)?", re.ASCII)
_HOW = "Write Name <email>, with plain letters before the @."
_PERSON = re.compile(r"(?:(?P<id>[^|<>]*)\|)?(?P<name>[^|<>]*)(?:<(?P<email>[^<>]*)>)?")


class CellError(ValueError):
    """A cell cannot be read; the text says why and what to write instead."""


def quoted(text: str) -> str:
    """Return a cell's text for a message: one line, at most 60 characters."""
    flat = " ".join(text.split())
    return repr(flat if len(flat) <= 60 else flat[:57] + "...")


def read_date(text: str) -> date:
    """Read ``2026-09-07`` or ``07.09.2026``. A date with slashes has two meanings and is refused.

    Raises:
        CellError: It is no such date.
    """
    if match := _ISO_DATE.fullmatch(text):
        year, month, day = map(int, match.groups())
    elif match := _DOTTED_DATE.fullmatch(text):
        day, month, year = map(int, match.groups())
    elif "/" in text:
        raise CellError(f"{quoted(text)} is month/day to some and day/month to others. Write it like 2026-09-07.")
    else:
        raise CellError(f"{quoted(text)} is not a date. Write it like 2026-09-07.")
    try:
        day_read = date(year, month, day)
    except ValueError:
        raise CellError(f"{quoted(text)} is not a day of the calendar. Write it like 2026-09-07.") from None
    return _in_range(day_read, text)


def _in_range(day: _Day, text: str) -> _Day:
    if not 1970 <= day.year < 2200:
        raise CellError(f"{quoted(text)} lies outside the years 1970 to 2199. Check the year.")
    return day


def read_dates(text: str) -> frozenset[date]:
    """Read several dates with spaces, commas or semicolons between them.

    Raises:
        CellError: One of them is no date.
    """
    return frozenset(read_date(one) for one in re.split(r"[\s,;]+", text) if one)


def read_clock(text: str) -> time:
    """Read ``09:00``, ``9:00``, ``09:00:00`` or ``9:00 am``.

    Raises:
        CellError: It is no time of day.
    """
    match = _CLOCK.fullmatch(text)
    if not match:
        _no_clock(text)
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        if not 1 <= hour <= 12:
            _no_clock(text)
        hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        _no_clock(text)


def _no_clock(text: str) -> NoReturn:
    advice = "Midnight at the end of a day is written with duration_minutes." if text[:2] == "24" else ""
    raise CellError(f"{quoted(text)} is not a time of day. Write it like 09:00. {advice}".strip()) from None


def looks_like_a_moment(text: str) -> bool:
    """Return whether a cell holds a day and a time, e.g. ``2026-09-07T09:00+02:00``."""
    return _MOMENT.fullmatch(text) is not None


def read_moment(text: str) -> datetime:
    """Read a day and a time, with an offset (aware) or without one (naive, meant in the row's zone).

    Raises:
        CellError: It is no such moment.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CellError(f"{quoted(text)} is not a moment. Write it like 2026-09-07T09:00+02:00.") from None
    return _in_range(moment, text)


def read_minutes(text: str) -> timedelta:
    """Read a length in whole minutes, from 1 to 1440.

    Raises:
        CellError: It is no such length.
    """
    match = _MINUTES.fullmatch(text)
    if not match or not 1 <= int(match[1]) <= 1440:
        raise CellError(f"{quoted(text)} is not a length. Write whole minutes, from 1 to 1440, e.g. 45.")
    return timedelta(minutes=int(match[1]))


def read_weekdays(text: str) -> frozenset[int]:
    """Read days of the week, Monday being 0: ``Mon Wed``, ``mo,we``, ``Monday``, ``Mon-Fri``.

    Raises:
        CellError: A word names no day, or more than one.
    """
    days: set[int] = set()
    for part in re.split(r"[\s,;/+&]+", re.sub(r"\s*[-\u2013]\s*", "-", text)):
        ends = [_weekday(word) for word in part.split("-")] if part else []
        if len(ends) > 2:
            raise CellError(f"{quoted(part)} is not a range of days. Write it like Mon-Fri.")
        if ends:
            length = (ends[-1] - ends[0]) % 7
            days.update((ends[0] + step) % 7 for step in range(length + 1))
    if not days:
        raise CellError(f"{quoted(text)} names no day. Write days like Mon Wed.")
    return frozenset(days)


def _weekday(word: str) -> int:
    short = word.casefold().rstrip(".")
    found = [number for number, name in enumerate(DAY_NAMES) if len(short) >= 2 and name.startswith(short)]
    if len(found) != 1 or not _DAY_WORD.fullmatch(short):
        raise CellError(f"{quoted(word)} is not a day of the week. Write days like Mon Wed, or Mon-Fri.")
    return found[0]


def read_cancelled(text: str) -> bool:
    """Read a status: empty or ``confirmed`` is False, ``cancelled`` (or ``canceled``) is True.

    Raises:
        CellError: It is another word.
    """
    if text.casefold() in {"", "confirmed"}:
        return False
    if text.casefold() in {"cancelled", "canceled"}:
        return True
    raise CellError(f"{quoted(text)} is not a status. Leave it empty, or write confirmed or cancelled.")


def read_person(text: str, *, role: str, leader: bool) -> Participant:
    """Read ``Name <email>``, ``id|Name <email>``, an address alone, or a name alone.

    Without an id, the address in lower case identifies the person, else the name.

    Args:
        text: What stands in the cell for one person.
        role: The part played.
        leader: Whether this person leads the class.

    Raises:
        CellError: It is none of these.
    """
    match = _PERSON.fullmatch(text.strip())
    if not match:
        raise CellError(f"{quoted(text)} is not one person. Write Name <email>, with ; between several people.")
    ident, name, email = ((match[part] or "").strip().strip('"').strip() for part in ("id", "name", "email"))
    if not email and is_one_address(name):
        name, email = "", name
    if email and not is_one_address(email):
        raise CellError(f"{quoted(email)} is not one mail address. {_HOW}")
    if not email and ("@" in name or match["email"] is not None):
        raise CellError(f"{quoted(text)} holds no whole mail address. {_HOW}")
    ident = ident or email.casefold() or name
    if not ident:
        raise CellError("A person has neither a name nor a mail address. Write Name <email>.")
    return Participant(id=ident, name=name or email or ident, email=email, role=role, leader=leader)


def read_people(text: str, *, role: str, leader: bool) -> tuple[Participant, ...]:
    """Read several people with ``;`` or line breaks between them; see :func:`read_person`.

    Raises:
        CellError: One of them cannot be read.
    """
    parts = re.split(r"[;\r\n]+", text)
    return tuple(read_person(one, role=role, leader=leader) for one in parts if one.strip())


def read_option(text: str) -> Any:
    """Read a launch setting: JSON where it is JSON (true and false in any case), else the text itself.

    Raises:
        CellError: It begins like a JSON object, list or string and is none. The value is not shown, for a
            setting may hold a secret.
    """
    if text.casefold() in {"true", "false"}:
        return text.casefold() == "true"
    try:
        return load_json(text)
    except ValueError:
        if text[:1] in {"{", "[", '"'}:
            raise CellError("This is not valid JSON. Check quotes and brackets, or write plain text.") from None
        return text
