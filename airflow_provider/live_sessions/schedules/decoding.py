"""The bytes of a timetable as text, without guessing.

UTF-8 with or without a byte order mark, and UTF-16 with one (Excel's "Unicode Text"). Any other encoding is a
problem and not a guess: in a file taken for cp1252 that is cp1250, every second name would be wrong and
nobody would be told.
"""

from __future__ import annotations

import codecs

from airflow_provider.live_sessions.schedules.model import Problem


def decode(data: bytes, source: str) -> str | Problem:
    """Return the text, or the problem that prevents reading it.

    Args:
        data: The file's content.
        source: The file's name as shown.
    """
    encoding = "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-16":
            return Problem(source, 0, "This is not UTF-16 text, as its first bytes say. Save it as UTF-8.")
        line = data.count(b"\n", 0, error.start) + 1
        return Problem(
            source,
            line,
            f"This line is not UTF-8 (byte 0x{data[error.start]:02X}); accented letters would be guessed. "
            'In Excel choose "Save as", "CSV UTF-8 (Comma delimited)".',
        )
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        return Problem(source, line, "This is not a text file (it holds a zero byte). Export it as CSV or .ics.")
    if not text.strip():
        return Problem(source, 0, "The file is empty. An export may have failed: write it again.")
    return text
