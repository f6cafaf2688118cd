"""Where the files of a session lie: one folder a session, named so that people find it.

::

    2026-09-01/0900-algebra-for-year-9-1f0c88d2/transcript-01.vtt
    day        time slug of the title  launch key

Day and time are the planned start in the zone of the people who look for it; being planned, they do not
move when a class begins late, so a repeat finds the same folder. Only ``a-z``, ``0-9``, ``-`` and ``/``
occur: safe on every file system (also where case does not count) and in every object store.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.times import aware

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

SLUG_LENGTH = 48
KEY_LENGTH = 8

# Latin letters that Unicode does not take apart into a base letter and a mark.
_LATIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "\u0131": "i"}
)


def session_folder(*, title: str, key: str, planned_start: datetime, zone: tzinfo) -> str:
    """Return the folder of one session, as a storage name without a trailing slash.

    Args:
        title: What people call the session; shortened, and left out where no Latin letter or digit is in it.
        key: Digest of the launch key. Its first eight hexadecimal digits tell namesakes apart; a key of
            another form is hashed first.
        planned_start: Planned start, aware.
        zone: The zone in which day and time are told.

    Raises:
        ConfigurationError: The planned start is naive.
    """
    local = aware(planned_start).astimezone(zone)
    return f"{local.date().isoformat()}/{local:%H%M}-{slug(title)}-{_short(key)}"


def slug(title: str, *, length: int = SLUG_LENGTH) -> str:
    """Return a title as lower-case ASCII words joined by hyphens; ``session`` where nothing is left of it.

    Accents are dropped. Other scripts are not transliterated: a wrong reading is worse than none, and the key
    beside the slug tells sessions apart. Applying it twice changes nothing.

    Args:
        title: Any text.
        length: The most characters returned; at least 7, the length of ``session``.
    """
    plain = unicodedata.normalize("NFKD", title.casefold().translate(_LATIN)).casefold()
    without_marks = "".join(sign for sign in plain if not unicodedata.combining(sign))
    words = "-".join(re.findall(r"[a-z0-9]+", without_marks.translate(_LATIN)))
    return words[:length].rstrip("-") or "session"


def _short(key: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{16,}", key):
        key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return key[:KEY_LENGTH]
