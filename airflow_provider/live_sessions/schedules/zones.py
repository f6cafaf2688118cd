"""Time zones by name, and local times that the clock change skips or repeats.

RFC 5545, section 3.3.5 (FORM #3), settles both cases, and this package follows it for CSV too: a time that
occurs twice means its first occurrence; a time that does not occur is read with the offset before the gap,
which moves it forward by the length of the gap (02:30 becomes 03:30 where the clock jumps by an hour).
"""

from __future__ import annotations

import difflib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from datetime import tzinfo

FIXED_ABBREVIATIONS = frozenset({"EST", "MST", "HST"})
"""Names that look like a region's zone and never change their clock."""

# They exist as files on many machines and mean something else on each, or count leap seconds.
_REFUSED = ("localtime", "factory", "posixrules", "posix/", "right/")


@lru_cache(maxsize=512)
def find_zone(name: str) -> ZoneInfo:
    """Return a zone by its IANA name, upper and lower case alike.

    Args:
        name: E.g. ``Europe/Berlin``.

    Raises:
        ConfigurationError: There is no such zone; the advice names near ones.
    """
    wanted = name.strip()
    if wanted and not wanted.lower().startswith(_REFUSED):
        try:
            return ZoneInfo(wanted)
        except (OSError, ValueError, LookupError):
            # ValueError: no plain relative path; OSError: a folder such as "Europe"; LookupError: unknown.
            pass
    known = _known()
    if wanted.casefold() in known:
        return ZoneInfo(known[wanted.casefold()])
    near = [known[one] for one in difflib.get_close_matches(wanted.casefold()[:64], known, n=3, cutoff=0.6)]
    advice = f"Did you mean {' or '.join(near)}?" if near else "Write an IANA name, e.g. Europe/Berlin."
    raise ConfigurationError(f"There is no time zone {wanted[:64]!r}.", advice=advice)


@lru_cache(maxsize=1)
def _known() -> dict[str, str]:
    return {
        name.casefold(): name for name in sorted(available_timezones()) if not name.lower().startswith(_REFUSED)
    }


def local_to_utc(local: datetime, zone: tzinfo) -> tuple[datetime, bool]:
    """Turn what the clock on the wall shows into a moment.

    Args:
        local: A naive local time.
        zone: The zone of the wall.

    Returns:
        The moment in UTC, and True when the clock skips that time and the moment was moved forward.

    Raises:
        OverflowError: The time is at the very edge of the calendar.
    """
    moment = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(fold=0):
        return moment, False
    # The offset before a gap is the smaller of the two around it. Zones made from a VTIMEZONE do not answer
    # by PEP 495 inside a gap, so it is worked out here for every kind of zone.
    day = timedelta(days=1)
    offsets = [(local + step).replace(tzinfo=zone).utcoffset() or timedelta(0) for step in (-day, day)]
    return (local - min(offsets)).replace(tzinfo=UTC), True
