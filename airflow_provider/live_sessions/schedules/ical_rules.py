"""Which repetition rules a timetable may have, and how far they are followed.

A rule is a small program. ``FREQ=SECONDLY``, ``INTERVAL=0`` or a 30th of February can keep a library busy for
hours, so a rule is judged before it is expanded, and always gets an end. Rules: RFC 5545, section 3.3.10.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from dateutil.rrule import rrulestr
from icalendar.prop import vRecur  # noqa: TID253  loaded at run time only

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_STEPS = 60_000
"""What one rule may cost: 24 classes a day for almost seven years, or one a day for 160."""

MAX_TOTAL_STEPS = 1_000_000
"""What all the rules of a file may cost together: some 10 s of work."""

NEVER_STEPS = 50_000
"""What it costs to find out that a rule never happens."""

_DAYS = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 28, "YEARLY": 365}
_KNOWN = frozenset({
    "FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO",
    "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS",
})  # fmt: skip
_ZONE_KNOWN = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH", "BYMONTHDAY"})
_MAX_VALUES = 400


class RuleError(ValueError):
    """A rule that no timetable needs; the text says why and what to write instead."""


class NeverError(RuleError):
    """A rule that never happens; finding that out takes long, which the reader counts."""


def judge(rule: Mapping[str, list[Any]]) -> str:
    """Return the rule's FREQ, once it is known to be one that ends in bounded time.

    Args:
        rule: The rule's parts, as the calendar library reads them.

    Raises:
        RuleError: It is not.
    """
    unknown = sorted(str(name) for name in rule if str(name).upper() not in _KNOWN)
    if unknown:
        raise RuleError(f"RRULE has a part {unknown[0][:40]!r} that is not supported. Remove it.")
    freq = [str(one).upper() for one in rule.get("FREQ", ())]
    if len(freq) != 1 or freq[0] not in _DAYS:
        raise RuleError("RRULE must repeat DAILY, WEEKLY, MONTHLY or YEARLY: a class has one time of day.")
    for name in ("INTERVAL", "COUNT"):
        if len(rule.get(name, ())) > 1 or any(int(one) < 1 for one in rule.get(name, ())):
            raise RuleError(f"The {name} of RRULE must be one number from 1.")
    if any(len(values) > _MAX_VALUES for values in rule.values()):
        raise RuleError(f"A part of RRULE has more than {_MAX_VALUES} values. Make several events of it.")
    if _a_day(rule) > 24:
        raise RuleError("RRULE repeats more than 24 times a day. Make several events of it.")
    return freq[0]


def judge_zone(text: str) -> None:
    """Judge a rule of a VTIMEZONE, which says when the clock changes.

    Args:
        text: The value of its RRULE line.

    Raises:
        RuleError: It is more than a yearly change.
    """
    parts = [part.partition("=")[::2] for part in text.upper().split(";") if part.strip()]
    names = [name.strip() for name, _ in parts]
    plain = len(set(names)) == len(names) and set(names) <= _ZONE_KNOWN and len(text) <= 200
    values = {name.strip(): value.strip() for name, value in parts}
    if not plain or values.get("FREQ") != "YEARLY" or not values.get("INTERVAL", "1").strip("0"):
        raise RuleError("The clock of a time zone changes YEARLY; this RRULE is not supported.")


def _a_day(rule: Mapping[str, list[Any]]) -> int:
    times = 1
    for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
        times *= max(1, len(rule.get(name, ())))
    return times


def settle(rule: Mapping[str, list[Any]], start: datetime, latest: datetime) -> tuple[vRecur, int]:
    """Give a rule an end, and say what it costs to follow it until then.

    A date as UNTIL means that whole day: several programs write it so, although RFC 5545 asks for a time.
    A COUNT becomes the UNTIL that it amounts to, because a rule may not have both.

    Args:
        rule: A rule that :func:`judge` let pass, with UNTIL as a naive local time or a date.
        start: The naive local start of the series.
        latest: The naive local time beyond which nobody asks.

    Returns:
        The rule with UNTIL and without COUNT, and its cost in steps.

    Raises:
        RuleError: It costs too much, or never happens.
    """
    freq = judge(rule)
    until = latest
    for given in rule.get("UNTIL", ()):
        until = min(until, given if isinstance(given, datetime) else _end_of(given))
    days = max(0, (until - start).days + 1)
    interval = int(rule.get("INTERVAL", [1])[0])
    # dateutil looks at every day of a month or year.
    steps = days * max(1, len(rule.get("BYDAY", ()))) // 7 if freq == "WEEKLY" else days
    steps = 1 + steps * _a_day(rule) // (1 if freq in {"MONTHLY", "YEARLY"} else interval)
    if steps > MAX_STEPS:
        raise RuleError(
            "RRULE makes too many classes before the time asked for. Let the series begin later, or end it."
        )
    bare = {name: values for name, values in rule.items() if name not in {"COUNT", "UNTIL"}}
    _refuse_never(bare, start)
    settled = vRecur({**bare, "UNTIL": [until]})
    for count in rule.get("COUNT", ()):
        times = _dates(settled, start)
        settled["UNTIL"] = [next(islice(times, int(count) - 1, int(count)), until)]
    return settled, steps


def _refuse_never(bare: Mapping[str, list[Any]], start: datetime) -> None:
    """Refuse a rule that never happens: dateutil would look for its first day until the year 9999.

    The calendar repeats every 400 years, weekdays included, so the question is asked near the end of time,
    where the search is short.
    """
    shifted = start.replace(year=start.year + (9999 - start.year) // 400 * 400)
    if next(_dates(vRecur(bare), shifted), None) is None:
        raise NeverError("RRULE never happens, like a 30th of February. Correct it.")


def _dates(rule: vRecur, start: datetime) -> Iterator[datetime]:
    text: bytes = rule.to_ical()  # type: ignore[no-untyped-call]  # icalendar types it in part only
    return iter(rrulestr(text.decode(), dtstart=start))


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59))


def over_before(rule: Mapping[str, list[Any]], start: datetime, earliest: datetime) -> bool:
    """Return whether a settled rule began and ended before the naive local time ``earliest``."""
    return bool(start <= rule["UNTIL"][0] < earliest - timedelta(days=1))
