"""Reading what came from outside, or was ours once: JSON within bounds, and its failures in a few words."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from airflow_provider.live_sessions.core.redact import redact, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MISFITS = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
"""What taking a value of another shape apart raises."""

DEEPEST = 64
"""Levels of lists and objects. No answer or file has a dozen; what is deeper breaks whoever walks it later."""

_PATH = re.compile(r"`\$(?:\[\d+\])?\.?([^`]*)`")
"""msgspec's "at `$[3].space.id`", without the number of the row, which tells nobody anything."""
_MISSING = re.compile(r"missing required field `(\w+)`")
_NESTING = frozenset((dict, list))
_read = msgspec.json.Decoder().decode


class TooDeepError(ValueError):
    """The JSON is nested deeper than :data:`DEEPEST`."""


def load_json(content: str | bytes) -> Any:
    """Return what a JSON text says: by the fast reader, and by the standard library's where that one refuses.

    The fast one reads nearly every answer, and the same value from it. It refuses what is no JSON, and some
    that platforms send all the same (lone surrogates, UTF-16, a byte order mark).

    Args:
        content: The text; bytes in UTF-8, UTF-16 or UTF-32.

    Raises:
        ValueError: It is no JSON, or holds NaN, Infinity or a number as large.
        TooDeepError: It is nested too deep.
    """
    try:
        value = _read(content)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        value = _read_slowly(content)
    level = [value]
    for _ in range(DEEPEST + 1):
        level = _within(level)
        if not level:
            return value
    raise TooDeepError("nested too deep")


def _read_slowly(content: str | bytes) -> Any:
    try:
        return json.loads(content, parse_constant=_refuse, parse_float=finite)
    except RecursionError:
        raise TooDeepError("nested too deep") from None


def _within(level: list[Any]) -> list[Any]:
    """Return the lists and objects one level deeper; every answer pays for it, and JSON has no subclasses."""
    return [
        child
        for one in level
        if type(one) in _NESTING
        for child in (one.values() if type(one) is dict else one)
        if type(child) in _NESTING
    ]


def _refuse(text: str) -> NoReturn:
    raise ValueError(shorten(text, 40))


def finite(value: Any) -> float:
    """Return a number as it may be counted with.

    Raises:
        ValueError, TypeError, OverflowError: It is none, or is infinite.
    """
    number = float(value)
    return number if math.isfinite(number) else _refuse(str(number))


def shown(value: object, limit: int = 80) -> str:
    """Return a value as a message may show it: short, on one line, and never failing."""
    try:
        return shorten(repr(value)[: 10 * limit], limit)
    except (RecursionError, ValueError):  # nested too deep; an integer of thousands of digits
        return f"a {type(value).__name__}"


def listed(values: object, limit: int = 300) -> str:
    """Return names from outside as a message may show them: sorted, between commas, on one line, not too many."""
    names = sorted(str(one)[:limit] for one in values) if isinstance(values, (set, frozenset, list, tuple)) else []
    return shorten(", ".join(names[:50]), limit)


def why(error: Exception, limit: int = 200) -> str:
    """Return what an exception says, as a message of ours may repeat it."""
    return shorten(str(error)[: 10 * limit], limit)


def misfitting_in(message: str) -> str:
    """Return which field of an answer did not fit, as a message may name it.

    Args:
        message: What msgspec's ``ValidationError`` says: it names the field by its path, and never a value.
    """
    path, missing = _PATH.search(message), _MISSING.search(message)
    field = ".".join(found[1] for found in (path, missing) if found and found[1])
    return shorten(redact(field[:200] or "the whole"), 200)


def misfitting(errors: Iterable[Mapping[str, Any]]) -> str:
    """Return which fields of an answer did not fit, as a message may name them; their names may be the platform's.

    Args:
        errors: What pydantic's ``ValidationError.errors()`` gives.
    """
    fields = sorted({".".join(map(str, one["loc"]))[:200] or "the whole" for one in errors})[:5]
    return shorten(redact(", ".join(fields)), 200)
