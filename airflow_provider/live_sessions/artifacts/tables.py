"""The attendance table as files: CSV for people and spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.attendance import AttendanceRow, counts
from airflow_provider.live_sessions.core.times import aware

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, tzinfo

    from airflow_provider.live_sessions.artifacts.manifest import FileEntry
    from airflow_provider.live_sessions.artifacts.writer import Writer

COLUMNS = tuple(column.name for column in fields(AttendanceRow))

# What makes a spreadsheet read a cell as a formula (OWASP, "CSV Injection"), in ASCII and full width.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def to_csv(rows: Iterable[AttendanceRow], *, zone: tzinfo | None = None) -> bytes:
    """Write the table as CSV (RFC 4180): UTF-8, a header, lines end with CR LF.

    A text that a spreadsheet would take for a formula gets an apostrophe in front: whoever joins as a guest
    chooses the name.

    Args:
        rows: The table.
        zone: The zone in which times are told, each with its offset; UTC by default.
    """
    buffer = io.StringIO(newline="")
    lines = csv.writer(buffer, lineterminator="\r\n")
    lines.writerow(COLUMNS)
    for row in rows:
        lines.writerow(
            [
                guarded(row.participant_id),
                guarded(row.platform_user_id),
                guarded(row.name),
                guarded(row.role),
                "true" if row.expected else "false",
                _told(row.first_joined, zone),
                _told(row.last_left, zone),
                row.seconds_present,
                row.joins,
                "" if row.late_seconds is None else row.late_seconds,
                row.status.value,
                guarded(row.note),
            ]
        )
    return buffer.getvalue().encode("utf-8", "replace")


def to_json(rows: Iterable[AttendanceRow]) -> bytes:
    """Write the table as a JSON array of objects, in UTF-8; names as they are, times in UTC."""
    text = json.dumps([row.to_json() for row in rows], ensure_ascii=False, indent=2)
    return text.encode("utf-8", "replace") + b"\n"


def write_attendance(
    writer: Writer, rows: Sequence[AttendanceRow], *, zone: tzinfo | None = None
) -> list[FileEntry]:
    """Write ``attendance.csv`` and ``attendance.json``."""
    figures = counts(rows)
    return [
        writer.add(
            "attendance.csv",
            [to_csv(rows, zone=zone)],
            media_type="text/csv; charset=utf-8; header=present",
            counts=figures,
        ),
        writer.add("attendance.json", [to_json(rows)], media_type="application/json", counts=figures),
    ]


def guarded(text: str) -> str:
    """Return a cell's text so that no spreadsheet takes it for a formula."""
    plain = text.replace("\x00", "")
    # Also behind blanks: some importers trim them before they look.
    return f"'{plain}" if plain.startswith(_FORMULA_SIGNS) or plain.lstrip().startswith(_FORMULA_SIGNS) else plain


def _told(moment: datetime | None, zone: tzinfo | None) -> str:
    if moment is None:
        return ""
    return (aware(moment).astimezone(zone) if zone else aware(moment)).isoformat()
