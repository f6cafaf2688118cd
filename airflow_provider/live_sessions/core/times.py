"""Times cross every border as aware UTC; a naive time is a guess and is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import shown

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+00:00")
"""A time as this package writes it into a sentence."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2999, 12, 31, tzinfo=UTC)
"""No session is outside these, and between them no sum of a time and a length leaves the calendar."""

CLOCKS = timedelta(minutes=1)
"""How far apart two clocks may be: that which a moment is waited by, and that which is then judged by."""


def within_reason(moment: datetime) -> datetime:
    """Return a platform's time in UTC, drawn in between :data:`EARLIEST` and :data:`LATEST`; a naive one is UTC.

    Programs write 0001-01-01 for "not yet" and 9999-12-31 for "never". Both go on meaning it.
    """
    if moment.tzinfo is UTC and EARLIEST.year <= moment.year < LATEST.year:
        return moment  # nearly every time is one of these, and an export reads a million
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if EARLIEST <= moment <= LATEST:
        return moment.astimezone(UTC)
    return EARLIEST if moment < EARLIEST else LATEST


def later(moment: datetime, seconds: float) -> datetime:
    """Return a time so many seconds later, drawn in as :func:`within_reason` does."""
    try:
        return within_reason(moment + timedelta(seconds=seconds))
    except OverflowError:
        return LATEST if seconds > 0 else EARLIEST


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time with an offset, as :func:`format_time` writes it.

    Raises:
        ConfigurationError: The text is no time, or has no offset: a naive time is a guess.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{shown(text)} is not an ISO 8601 time.", advice="Write it like 2026-09-01T09:00:00+02:00."
        ) from None
    return aware(moment)


def aware(moment: datetime) -> datetime:
    """Return the moment in UTC; refuse one without a time zone.

    Raises:
        ConfigurationError: The moment is naive, or lies outside the years 1900 to 2999.
    """
    if moment.tzinfo is UTC and EARLIEST.year <= moment.year < LATEST.year:
        return moment  # as above
    if moment.tzinfo is not UTC and (moment.tzinfo is None or moment.utcoffset() is None):
        raise ConfigurationError(
            f"The time {moment.isoformat()} has no time zone.",
            advice="Give an explicit offset or zone, e.g. 2026-09-01T09:00:00+02:00.",
        )
    if not EARLIEST <= moment <= LATEST:
        raise ConfigurationError(f"The time {moment.isoformat()} is before 1900 or after 2999.")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with its offset: no platform has to guess a zone."""
    if moment.tzinfo is UTC and EARLIEST.year <= moment.year < LATEST.year:
        return moment.isoformat()  # as in aware
    return aware(moment).isoformat()


def told(moment: datetime) -> str:
    """Write a moment for people: as :func:`format_time` does, to the second."""
    return aware(moment).replace(microsecond=0).isoformat()


def in_zone(text: str, zone: ZoneInfo) -> str:
    """Return a sentence with the times that :func:`told` or :func:`format_time` wrote in words, in a zone.

    Args:
        text: The sentence.
        zone: The zone of who reads it.
    """

    def words(found: re.Match[str]) -> str:
        try:
            at = parse_time(found[0]).astimezone(zone)
        except (ConfigurationError, OverflowError):
            return found[0]
        return f"{at:%H:%M:%S} on {at:%A %d %B %Y} ({zone.key})"

    return _WRITTEN.sub(words, text)


def parse_optional_time(text: str | None) -> datetime | None:
    """Read what :func:`format_optional_time` wrote."""
    return None if text is None else parse_time(text)


def format_optional_time(moment: datetime | None) -> str | None:
    """Write a moment that may be missing."""
    return None if moment is None else format_time(moment)


def moment(value: datetime | str, name: str) -> datetime:
    """Read an argument that is a time.

    Raises:
        ConfigurationError: It is no time, or has no time zone.
    """
    try:
        return aware(value) if isinstance(value, datetime) else parse_time(value)
    except ConfigurationError as error:
        raise ConfigurationError(f"{name}: {error.what}", advice=error.advice) from None


def seconds_of(value: object, name: str) -> float:
    """Read an argument that is a length of time in seconds; templates may have rendered it as text.

    Raises:
        ConfigurationError: It is no number above 0.
    """
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{name} has to be a number of seconds above 0, not {shown(value)}.")
    return seconds
