"""How a line with people looks, for a form that checks it; reading one is people_lines' business."""

from __future__ import annotations

import re

from airflow_provider.live_sessions.core.mail_address import ADDRESS

LEADER = "leader"
"""The word before who leads, where there are no roles."""


_MARK = re.compile(r"[^\s|<>:;@]([^|<>:;@]*[^\s|<>:;@])?")


def is_mark(word: str) -> bool:
    """Return whether a word, written with a colon before people, is read as itself: in lower case, as all are."""
    return _MARK.fullmatch(word) is not None and word == word.casefold()


def line_pattern(marks: tuple[str, ...], *, with_ids: bool = False) -> str:
    """Return the regular expression, for a JSON schema, of a line that can be read; an empty line can.

    Args:
        marks: The words that may stand before a colon.
        with_ids: Whether a name alone is too little to tell a person by.
    """
    person = rf"(?:[^|<>:;]*\|)?(?:[^@|<>:;]*(?:<{ADDRESS}>\s*)?|\s*{ADDRESS}\s*)"
    if with_ids:
        person = rf"(?=[^;]*[|@]){person}"
    mark = rf"(?:\s*(?i:{'|'.join(map(re.escape, marks))})\s*:)?" if marks else ""
    return rf"^\s*$|^{mark}{person}(?:;{person})*$"  # no two parts of it can take the same: it takes linear time
