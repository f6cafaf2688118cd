"""The launch key on a participant: where it stands, how it is told from the user's own text. Pure.

Coviu has no field for a caller's key. What it can search for is a participant's ``state``, so the key rides on
the host's: ``<the user's state>|als1:<key>`` (PLATFORM-RULES, "Launch keys and look-ups").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider.live_sessions.platforms.coviu.models import Participant, Session

MARK = "|als1:"
LONGEST_STATE = 200
"""Characters of a user's own state: with the mark it stays below the 256 of the oldest documentation."""

_MARKED = re.compile(r"(?s)(.*)\|als1:([0-9a-f]{32})")


def marked(state: str, key: str) -> str:
    """Return a user's state with the key behind it."""
    return f"{state}{MARK}{key}"


def own_state(state: str | None) -> str:
    """Return the user's own part of a state."""
    found = _MARKED.fullmatch(state or "")
    return found[1] if found else state or ""


def key_in(state: str | None) -> str:
    """Return the key in a state; empty where there is none."""
    found = _MARKED.fullmatch(state or "")
    return found[2] if found else ""


def carries(session: Session, key: str) -> bool:
    """Return whether a participant of the session bears the key, a removed one too where it is listed."""
    return any(key_in(one.state) == key for one in session.participants)


def named(people: Iterable[Participant], state: str) -> Participant | None:
    """Return the participant with that user's state: one still there rather than one removed."""
    found = [one for one in people if own_state(one.state) == state]
    there = [one for one in found if one.deleted_at is None]
    return next(reversed(there or found), None)
