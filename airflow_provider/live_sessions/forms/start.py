"""When a session begins, as a person writes it into a form: at once, in a while, or on a day at a time.

Written out, for a date-time field sends nothing at all where what stands in it is no time, and nothing cannot be
told from "now".
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import shown
from airflow_provider.live_sessions.core.times import aware

HOW_TO_WRITE = "now, in 20 minutes, in 2 hours, today 14:30, tomorrow 09:00, or 2026-09-01 09:00"

START = (
    r"^\s*(?:(?P<soon>(?i:now)|(?i:in)\s+(?P<number>\d{1,4})\s+(?P<unit>(?i:minute|hour))(?i:s?))"
    r"|(?P<day>(?i:today|tomorrow)|\d{4}-\d\d-\d\d)(?:\s+|T)(?P<clock>([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?)(\.\d{1,6})?"
    r"(?P<offset>Z|[+-]\d\d:?\d\d)?)\s*$"
)
"""What can be read; whether there is such a day, the reading says."""

_START = re.compile(START)


def is_soon(text: str) -> bool:
    """Return whether a start is told from the moment at which the form was sent off."""
    found = _START.match(text)
    return found is not None and found["soon"] is not None


def read_start(text: str, *, asked_at: datetime, zone: str) -> datetime:
    """Return when a session begins, to the second.

    Args:
        text: As :data:`HOW_TO_WRITE` says, or with an offset behind the time.
        asked_at: When the form was sent off.
        zone: The zone of a time without an offset.

    Raises:
        ConfigurationError: It cannot be read, there is no such day or zone, or the clock skips that time there, or
            shows it twice.
    """
    found = _START.match(text)
    if found is None:
        raise ConfigurationError(f"The start {shown(text)} cannot be read.", advice=f"Write {HOW_TO_WRITE}.")
    if found["soon"]:
        unit = timedelta(hours=1) if str(found["unit"]).lower() == "hour" else timedelta(minutes=1)
        return (asked_at + int(found["number"] or 0) * unit).replace(microsecond=0)
    try:
        return _on_a_day(found, asked_at, zone)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"The start {shown(text)} is no day and time of the calendar.", advice=f"Write {HOW_TO_WRITE}."
        ) from None


def _on_a_day(found: re.Match[str], asked_at: datetime, zone: str) -> datetime:
    from airflow_provider.live_sessions.schedules.zones import find_zone, local_to_utc  # read in a task alone

    place = find_zone(zone)
    word, offset = found["day"].lower(), found["offset"]
    if word in ("today", "tomorrow"):
        today = asked_at.astimezone(datetime.strptime(offset, "%z").tzinfo if offset else place).date()
        day = today + timedelta(days=int(word == "tomorrow"))
    else:
        day = date.fromisoformat(word)
    hour, minute, *second = (int(part) for part in found["clock"].split(":"))
    local = datetime.combine(day, time(hour, minute, second[0] if second else 0))
    if offset:
        return aware(datetime.fromisoformat(f"{local.isoformat()}{offset}"))
    begins, skipped = local_to_utc(local, place)
    if skipped:
        raise ConfigurationError(
            f"The clock of {zone} skips {local.isoformat(sep=' ')}.",
            advice="Choose a time an hour later or earlier.",
        )
    again = local.replace(tzinfo=place, fold=1).astimezone(UTC)
    if again != begins:
        both = " or ".join(one.astimezone(place).isoformat(sep=" ") for one in (begins, again))
        raise ConfigurationError(
            f"The clock of {zone} shows {local.isoformat(sep=' ')} twice.", advice=f"Write {both}."
        )
    return aware(begins)
