"""What one e-mail address looks like: whoever is mailed a link comes in under one person's name.

Narrower than RFC 5322, which also has comments, quoted names and groups. What parts several addresses, for
Airflow's SMTP hook or for a mail server, stands in none.
"""

from __future__ import annotations

import re

_PART = r"[^\s\x00-\x1f\x7f@()<>\[\]:;,|\"\\]+"
ADDRESS = rf"{_PART}@{_PART}"
"""As a regular expression, which forms use too: the same to Python and to JavaScript."""

_WHOLE = re.compile(ADDRESS)


def is_one_address(text: str) -> bool:
    """Return whether a text is one e-mail address and nothing else."""
    return _WHOLE.fullmatch(text) is not None
