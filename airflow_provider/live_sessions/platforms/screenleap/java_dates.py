"""Times written by the patterns of Java's ``SimpleDateFormat``, as far as people use them for dates."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_PIECE = re.compile(r"'(?P<literal>(?:[^']|'')*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>[^A-Za-z'])")

_LETTERS: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda moment: f"{moment.year:04d}",
    "yy": lambda moment: f"{moment.year % 100:02d}",
    "MM": lambda moment: f"{moment.month:02d}",
    "dd": lambda moment: f"{moment.day:02d}",
    "HH": lambda moment: f"{moment.hour:02d}",
    "mm": lambda moment: f"{moment.minute:02d}",
    "ss": lambda moment: f"{moment.second:02d}",
    "SSS": lambda moment: f"{moment.microsecond // 1000:03d}",
    "z": lambda _: "UTC",
    "Z": lambda _: "+0000",
    "X": lambda _: "Z",
    "XXX": lambda _: "Z",
}


def write(moment: datetime, pattern: str) -> str:
    """Write a moment in UTC.

    Args:
        moment: Aware.
        pattern: Of ``yyyy yy MM dd HH mm ss SSS z Z X XXX``, text in single quotes, and punctuation.

    Raises:
        ConfigurationError: The pattern holds anything else.
    """
    utc = moment.astimezone(UTC)
    parts: list[str] = []
    position = 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        if found is None:
            raise _unknown(pattern)
        if found["letters"] is not None:
            known = _LETTERS.get(found["letters"])
            if known is None:
                raise _unknown(pattern)
            parts.append(known(utc))
        elif found["other"] is not None:
            parts.append(found["other"])
        else:
            parts.append(found["literal"].replace("''", "'") or "'")
        position = found.end()
    return "".join(parts)


def _unknown(pattern: str) -> ConfigurationError:
    return ConfigurationError(
        f"The date format {pattern!r} is not supported.",
        platform="Screenleap",
        advice=f"Known are {', '.join(_LETTERS)} and quoted text; without a format, milliseconds are sent.",
    )
