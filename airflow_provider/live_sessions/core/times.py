"""Times cross every border as aware UTC; a naive time is a guess and is refused."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider.live_sessions.core.errors import ConfigurationError


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time with an offset, as :func:`format_time` writes it.

    Raises:
        ConfigurationError: The text is no time, or has no offset: a naive time is a guess.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{text!r} is not an ISO 8601 time.", advice="Write it like 2026-09-01T09:00:00+02:00."
        ) from None
    return aware(moment)


def aware(moment: datetime) -> datetime:
    """Return the moment in UTC; refuse one without a time zone.

    Raises:
        ConfigurationError: The moment is naive, or lies outside the years 1 to 9999 in UTC.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigurationError(
            f"The time {moment.isoformat()} has no time zone.",
            advice="Give an explicit offset or zone, e.g. 2026-09-01T09:00:00+02:00.",
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ConfigurationError(f"The time {moment.isoformat()} lies outside the calendar.") from None


def format_time(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with its offset: no platform has to guess a zone."""
    return aware(moment).isoformat()


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
        raise ConfigurationError(f"{name} has to be a number of seconds above 0, not {value!r}.")
    return seconds
