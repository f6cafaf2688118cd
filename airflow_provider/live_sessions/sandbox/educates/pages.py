"""Bodies that are no JSON, word for word as recorded: bare sentences and Django's pages."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.wire import HTML, JSON, Response

if TYPE_CHECKING:
    from datetime import datetime

_PAGE = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>{title}</title>\n</head>\n<body>\n'
    "  <h1>{title}</h1><p>{text}</p>\n</body>\n</html>\n"
)
_CSRF = (
    '\n<!DOCTYPE html>\n<html lang="en">\n<head>\n'
    '  <meta http-equiv="content-type" content="text/html; charset=utf-8">\n'
    '  <meta name="robots" content="NONE,NOARCHIVE">\n  <title>403 Forbidden</title>\n'
    '  <style type="text/css">\n    html * { padding:0; margin:0; }\n    body * { padding:10px 20px; }\n'
    '  </style>\n</head>\n<body>\n<div id="summary">\n  <h1>Forbidden <span>(403)</span></h1>\n'
    "  <p>CSRF verification failed. Request aborted.</p>\n</div>\n</body>\n</html>\n"
)


class Problem(Exception):  # noqa: N818 - a way out of an endpoint, not an error of the sandbox
    """Ends the handling of a request with an answer that is no success."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def data(status: int, body: Any, *headers: tuple[str, str]) -> Response:
    """Answer with JSON, spaced as Django spaces it."""
    return Response(status, json.dumps(body).encode(), JSON, headers)


def said(status: int, sentence: str = "") -> Problem:
    """Return a refusal whose whole body is one bare sentence; empty for a bad token."""
    return Problem(Response(status, sentence.encode(), HTML))


def not_found() -> Problem:
    """Return Django's 404."""
    text = "The requested resource was not found on this server."
    return Problem(Response.html(HTTPStatus.NOT_FOUND, _PAGE.format(title="Not Found", text=text)))


def broken() -> Problem:
    """Return Django's 500."""
    return Problem(
        Response.html(HTTPStatus.INTERNAL_SERVER_ERROR, _PAGE.format(title="Server Error (500)", text=""))
    )


def csrf() -> Problem:
    """Return the 403 that POST, PUT and DELETE get where only GET is meant."""
    return Problem(Response.html(HTTPStatus.FORBIDDEN, _CSRF))


def not_allowed(*methods: str) -> Problem:
    """Return a 405, empty but for ``Allow``."""
    return Problem(Response(HTTPStatus.METHOD_NOT_ALLOWED, b"", HTML, (("Allow", ", ".join(methods)),)))


def no_session(error: str = "No session available") -> Problem:
    """Return the one 503 that is JSON: five causes, one message."""
    return Problem(data(HTTPStatus.SERVICE_UNAVAILABLE, {"error": error}))


def stamp(moment: datetime | None) -> str | None:
    """Write a moment as Django does: ISO 8601 in UTC, with milliseconds and ``Z``."""
    return None if moment is None else f"{moment.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z"
