"""How Django REST framework, on which Lessonspace runs, says no, reads values and pages lists."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus, urlencode

from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.wire import Request

TRUE, FALSE = {"true", "t", "1", "yes", "on"}, {"false", "f", "0", "no", "off"}


class Problem(Exception):  # noqa: N818 - it is an answer on its way, not a failure of the sandbox
    """An answer other than success.

    Args:
        status: The HTTP status.
        body: The JSON body.
        headers: More headers.
    """

    def __init__(self, status: int, body: Any, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.response = Response.json(status, body, *headers)


def refuse(status: int, detail: str, *headers: tuple[str, str]) -> Problem:
    """Return a problem with a ``detail``."""
    return Problem(status, {"detail": detail}, *headers)


def invalid(field: str, message: str) -> Problem:
    """Return a 400 about one field; a dotted name becomes nested objects."""
    body: Any = [message]
    for part in reversed(field.split(".")):
        body = {part: body}
    return Problem(HTTPStatus.BAD_REQUEST, body)


def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request.

    Raises:
        Problem: It is of another type, no JSON, or no object.
    """
    kind = request.header("content-type").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f'Unsupported media type "{kind}" in request.')
    try:
        data = json.loads(request.body)
    except ValueError as error:
        raise refuse(HTTPStatus.BAD_REQUEST, f"JSON parse error - {error}") from None
    if not isinstance(data, dict):
        message = f"Invalid data. Expected a dictionary, but got {type(data).__name__}."
        raise Problem(HTTPStatus.BAD_REQUEST, {"non_field_errors": [message]})
    return data


def moment(field: str, text: Any) -> datetime:
    """Read a time; a naive one is taken as UTC, which is undocumented.

    Raises:
        Problem: It is no ISO 8601 time.
    """
    try:
        read = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise invalid(field, "Enter a valid date/time.") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def number(field: str, text: str) -> float:
    """Read a number.

    Raises:
        Problem: It is none.
    """
    try:
        return int(text)
    except ValueError:
        raise invalid(field, "Enter a number.") from None


def uuid_of(field: str, text: str) -> str:
    """Read a UUID and return its usual form.

    Raises:
        Problem: It is none.
    """
    found = as_uuid(text)
    if found is None:
        raise invalid(field, "Enter a valid UUID.")
    return found


def as_uuid(text: str) -> str | None:
    """Return the usual form of a UUID, None when the text is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


def flag(text: str) -> bool:
    """Read a query's boolean; what is not clearly true is false."""
    return text.lower() in TRUE


def values(request: Request, name: str) -> list[str]:
    """Return every value of a list parameter: repeated, or delimited by ``&``, encoded or not.

    ``user=1&2`` reaches a server as ``user=1`` and a stray ``2``; the reference's wording allows it.
    """
    found: list[str] = []
    mine = False
    for piece in request.query.split("&"):
        key, equals, text = piece.partition("=")
        if equals:
            mine = unquote_plus(key) == name
        if mine:
            found += unquote_plus(text if equals else key).split("&")
    return [one for one in found if one]


def page_of(
    request: Request, items: Sequence[Any], *, size: int, envelope: bool, render: Callable[[Any], Any]
) -> Response:
    """Answer with one page of a list.

    Args:
        request: The request, for its ``page`` and the absolute links.
        items: The whole list.
        size: Items a page.
        envelope: False answers with a bare array.
        render: Turns an item into JSON.

    Raises:
        Problem: 404, there is no such page.
    """
    text = request.param("page", "1")
    last = max(1, -(-len(items) // size))
    if not text.isdecimal() or not 1 <= int(text) <= last:
        raise refuse(HTTPStatus.NOT_FOUND, "Invalid page.")
    page = int(text)
    shown = [render(one) for one in items[(page - 1) * size : page * size]]
    if not envelope:
        return Response.json(HTTPStatus.OK, shown)
    return Response.json(
        HTTPStatus.OK,
        {
            "count": len(items),
            "next": _page_url(request, page + 1) if page < last else None,
            "previous": _page_url(request, page - 1) if page > 1 else None,
            "results": shown,
        },
    )


def boolean(field: str, data: Mapping[str, Any], default: bool) -> bool:
    """Read a boolean of a body.

    Raises:
        Problem: It is none.
    """
    value = data.get(field.rpartition(".")[2], default)
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in TRUE or text in FALSE:
        return text in TRUE
    raise invalid(field, "Must be a valid boolean.")


def _page_url(request: Request, page: int) -> str:
    kept = [(name, text) for name, text in request.pairs() if name != "page"]
    return f"{request.origin}{request.path}?{urlencode([*kept, ('page', page)])}"
