"""The launch key inside a share's ``externalId``, and how to take both apart again. Pure.

Screenleap has no key of its own, so the external id carries ours behind the user's: ``<user's>|als1:<key>``. That
breaks the user's own exact filter on it; exports split the two again.
"""

from __future__ import annotations

import re

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import DIGEST_LENGTH

MARK = "|als1:"
MAX_LENGTH = 192
"""Characters of an ``externalId`` ("HTTP Calls", native variant)."""

MAX_USERS_LENGTH = 150
"""Characters of it that are the user's where the mark follows them."""

_MARKED = re.compile(rf"(.*){re.escape(MARK)}([0-9a-f]{{{DIGEST_LENGTH}}})", re.DOTALL)


def marked(users: str, key: str, *, unique: bool = False) -> str:
    """Return the external id that a share is created with.

    Args:
        users: The user's external id; may be empty.
        key: The launch key's digest.
        unique: The user promises that no other share has this external id: it goes out as it is.

    Raises:
        ConfigurationError: It is too long, or promised to be unique and empty.
    """
    if unique and not users:
        raise ConfigurationError("external_id_unique needs an externalId.", platform="Screenleap")
    longest = MAX_LENGTH if unique else MAX_USERS_LENGTH
    if len(users) > longest:
        raise ConfigurationError(
            f"The externalId has {len(users)} characters; {longest} fit.",
            platform="Screenleap",
            advice=f"{MAX_LENGTH} are allowed in all, and the launch key takes its part of them.",
        )
    return users if unique else f"{users}{MARK}{key}"


def split(external_id: str) -> tuple[str, str]:
    """Return the user's part and the launch key's digest, empty where there is none."""
    found = _MARKED.fullmatch(external_id)
    return (found[1], found[2]) if found else (external_id, "")
