"""How Coviu says no, and how it reads and writes times and bodies."""

from __future__ import annotations

import email.utils
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.wire import Request


class Problem(Exception):  # noqa: N818 - it is an answer on its way, not a failure of the sandbox
    """An answer other than success: ``{"error": {"message": ...}}``, the one shape that is known.

    Args:
        status: The HTTP status.
        message: Coviu's sentence.
        headers: More headers.
    """

    def __init__(self, status: int, message: str, *headers: tuple[str, str]) -> None:
        super().__init__(message)
        self.response = Response.json(status, {"error": {"message": message}}, *headers)


def bad(message: str) -> Problem:
    """Return a 400."""
    return Problem(HTTPStatus.BAD_REQUEST, message)


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request.

    Raises:
        Problem: 400, it is none.
    """
    try:
        data = json.loads(request.body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise bad("Invalid `body`")
    return data


def moment(text: object, name: str) -> datetime:
    """Read a time in either format: RFC 1123, or ISO 8601 with a zone.

    Raises:
        Problem: 400, it is neither.
    """
    read: datetime | None = None
    if isinstance(text, str):
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            try:
                read = email.utils.parsedate_to_datetime(text)
            except ValueError:
                read = None
    if read is None or read.tzinfo is None:
        raise bad(f"Invalid `{name}`")
    return read.astimezone(UTC).replace(microsecond=0)


def written(at: datetime, dates: str) -> str:
    """Write a time in the format that this Coviu answers in."""
    if dates == "iso":
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return email.utils.format_datetime(at.astimezone(UTC), usegmt=True)


def flag(request: Request, name: str) -> bool:
    """Read a boolean of the query.

    Raises:
        Problem: 400, it is neither true nor false.
    """
    text = request.param(name, "false").lower()
    if text not in ("true", "false"):
        raise bad(f"Invalid `{name}`")
    return text == "true"


def whole(request: Request, name: str, default: int, *, least: int) -> int:
    """Read a whole number of the query.

    Raises:
        Problem: 400, it is none, or less than ``least``.
    """
    text = request.param(name, str(default))
    if not text.isdecimal() or int(text) < least:
        raise bad(f"Invalid `{name}`")
    return int(text)
