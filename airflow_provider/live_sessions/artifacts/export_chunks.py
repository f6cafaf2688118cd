"""A time, cut into the days or hours that are exported whole, each into a folder of its own. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import aware, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo


class Period(StrEnum):
    """What one file of an export holds."""

    DAY = "day"
    HOUR = "hour"

    @classmethod
    def of(cls, name: str) -> Period:
        """Read an argument.

        Raises:
            ConfigurationError: There is no such period.
        """
        try:
            return cls(name)
        except ValueError:
            raise ConfigurationError(f"There is no period {name!r}.", advice="Known are day and hour.") from None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One day or hour.

    Args:
        since: Its begin, included, in UTC.
        until: Its end, not included, in UTC.
        partition: Its part of the path, e.g. ``date=2026-09-01/hour=08``.
    """

    since: datetime
    until: datetime
    partition: str

    def folder(self, prefix: str, platform: str, conn_id: str) -> str:
        """Return where its files lie, as a storage name."""
        where = f"platform={platform}/conn_id={quote(conn_id, safe='')}/{self.partition}"
        return f"{prefix.strip('/')}/{where}" if prefix.strip("/") else where


def cut(since: datetime, until: datetime, period: Period, zone: tzinfo = UTC) -> Iterator[Chunk]:
    """Yield the days or hours of a time, oldest first.

    Args:
        since: The begin, included.
        until: The end, not included.
        period: Days or hours.
        zone: The zone whose days are meant. Hours are told in UTC: where clocks are put back an hour has no name.

    Raises:
        ConfigurationError: The time is empty, begins or ends within a day or hour, or hours of another zone than
            UTC are asked for.
    """
    since, until = aware(since), aware(until)
    if since >= until:
        raise ConfigurationError("`since` has to lie before `until`.")
    if period is Period.HOUR and str(zone) != "UTC":
        raise ConfigurationError("Hours are told in UTC.", advice='Leave timezone away, or take period="day".')
    at = floor(since, period, zone)
    if at != since or floor(until, period, zone) != until:
        raise ConfigurationError(
            f"{format_time(since)} to {format_time(until)} are no whole {period}s.",
            advice="A file holds a whole day or hour, so that it never has to be added to. Move since and until, "
            "or choose another period or timezone.",
        )
    return _cut(at, until, period, zone)


def floor(moment: datetime, period: Period, zone: tzinfo = UTC) -> datetime:
    """Return the begin of the day or hour that a moment lies in, in UTC."""
    if period is Period.HOUR:
        return aware(moment).replace(minute=0, second=0, microsecond=0)
    return datetime.combine(moment.astimezone(zone).date(), time(), zone).astimezone(UTC)


def before(moment: datetime, period: Period, zone: tzinfo = UTC) -> tuple[datetime, datetime]:
    """Return the last whole day or hour before a moment."""
    until = floor(moment, period, zone)
    return floor(until - timedelta(microseconds=1), period, zone), until


def _cut(at: datetime, until: datetime, period: Period, zone: tzinfo) -> Iterator[Chunk]:
    while at < until:
        if period is Period.HOUR:
            following = at + timedelta(hours=1)
            yield Chunk(at, following, f"date={at:%Y-%m-%d}/hour={at:%H}")
        else:
            day = at.astimezone(zone).date()
            following = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
            yield Chunk(at, following, f"date={day.isoformat()}")
        at = following
