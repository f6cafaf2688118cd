"""The door to this floor: a timetable's bytes in, its classes and problems out.

The caller opens the path or URL. What is heavy (the calendar library) loads only when a calendar is read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import aware
from airflow_provider.live_sessions.schedules.csv_timetable import read_csv
from airflow_provider.live_sessions.schedules.decoding import decode
from airflow_provider.live_sessions.schedules.model import Problem, Timetable
from airflow_provider.live_sessions.schedules.zones import find_zone

if TYPE_CHECKING:
    from datetime import datetime

MAX_BYTES = 10 * 1024 * 1024
MAX_WINDOW = timedelta(days=731)

_ICAL = (".ics", ".ical", ".ifb", ".icalendar", ".vcs")
_CSV = (".csv", ".tsv", ".txt", ".tab")


def read_timetable(
    data: bytes,
    *,
    name: str,
    default_zone: str,
    window: tuple[datetime, datetime],
    max_bytes: int = MAX_BYTES,
) -> Timetable:
    """Read a timetable from CSV or iCalendar; which one, its name's ending says, else its content.

    Args:
        data: The file's content.
        name: Its path or URL; messages show the last part of it only, for a calendar's URL is often a secret.
        default_zone: The IANA zone of times that name none. There is no silent UTC.
        window: Classes that start at or after its first and before its second moment are returned; both with
            a zone, at most 731 days apart.
        max_bytes: The largest content that is read, by default 10 MiB.

    Returns:
        The classes in the window, and every problem. Call ``raise_if_problems`` before launching from it.

    Raises:
        ConfigurationError: The zone or the window is none, or the content is too large.
    """
    zone = find_zone(default_zone).key
    first, last = aware(window[0]), aware(window[1])
    if not timedelta(0) < last - first <= MAX_WINDOW:
        raise ConfigurationError(
            f"The window of a timetable must have a length of at most {MAX_WINDOW.days} days.",
            advice="Give a start, and an end that lies after it.",
        )
    source = shown_name(name)
    if len(data) > max_bytes:
        raise ConfigurationError(
            f"The timetable {source} has {len(data):,} bytes, more than the {max_bytes:,} allowed.",
            advice="Check that it is the right file, or raise max_bytes.",
        )
    text = decode(data, source)
    if isinstance(text, Problem):
        return Timetable(problems=(text,))
    if _is_calendar(name, text):
        # Loaded here and not above: the calendar library takes time that a DAG file must not pay.
        from airflow_provider.live_sessions.schedules.ical_timetable import read_ical

        return read_ical(text, source=source, default_zone=zone, window=(first, last))
    return read_csv(text, source=source, default_zone=zone, window=(first, last))


def shown_name(name: str) -> str:
    """Return a timetable's name as messages may show it.

    The last part of the path where it has a known ending; of any other URL the host alone. A calendar's
    "secret address" opens it to whoever holds it, so no more of a URL is ever shown.

    Args:
        name: A path or URL.
    """
    try:
        parts = urlsplit(name)
        host = parts.hostname or ""
    except ValueError:
        return "timetable"
    is_url = bool(parts.scheme and parts.netloc)
    last = (parts.path if is_url else name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    if is_url and not last.lower().endswith(_ICAL + _CSV):
        last = f"timetable of {host}" if host else ""
    return last or "timetable"


def _is_calendar(name: str, text: str) -> bool:
    shown = shown_name(name).lower()
    if shown.endswith(_ICAL):
        return True
    return not shown.endswith(_CSV) and text.lstrip()[:15].upper() == "BEGIN:VCALENDAR"
