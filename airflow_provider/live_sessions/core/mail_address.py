"""What one e-mail address looks like: whoever is mailed a link comes in under one person's name.

Narrower than RFC 5322, which also has comments, quoted names and groups. What parts several addresses, for
Airflow's SMTP hook or for a mail server, stands in none. Nor does, before the ``@``, what is not ASCII: that hook
asks no server for SMTPUTF8 (RFC 6531), so every try of such a mail fails.
"""

from __future__ import annotations

import re

_LOCAL = r"[!#-'*+\-./0-9=?A-Z^-{}~]+"
_DOMAIN = r"[^\s\x00-\x1f\x7f@()<>\[\]:;,|\"\\]+"
ADDRESS = rf"{_LOCAL}@{_DOMAIN}"
"""As a regular expression, which forms use too: the same to Python and to JavaScript."""

_WHOLE = re.compile(ADDRESS)


def is_one_address(text: str) -> bool:
    """Return whether a text is one e-mail address and nothing else."""
    return _WHOLE.fullmatch(text) is not None


def as_mailed(address: str) -> str:
    """Return an address as a mail server takes it: its domain in ASCII, as RFC 5890 writes other letters.

    Raises:
        ValueError: The domain is none.
    """
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{domain.encode('idna').decode()}"
