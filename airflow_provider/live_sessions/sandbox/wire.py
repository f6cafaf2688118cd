"""What goes over the wire, free of sockets: requests, responses, query strings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        method: Upper case.
        path: Without the query, percent-encoding untouched.
        query: The raw query string.
        headers: Names in lower case.
        body: The raw body.
        connection: The number of the TCP connection it came over.
        public: Where people reach the sandbox, where that is not where the client is.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    connection: int = 0
    public: str = ""

    def header(self, name: str) -> str:
        """Return a header's value, empty when it was not sent."""
        return self.headers.get(name.lower(), "")

    def pairs(self) -> list[tuple[str, str]]:
        """Return the query's parameters in order, blank ones too."""
        return parse_qsl(self.query, keep_blank_values=True)

    def param(self, name: str, default: str = "") -> str:
        """Return the last value of a query parameter."""
        return dict(self.pairs()).get(name, default)

    @property
    def origin(self) -> str:
        """The scheme and host the client used, so that what it follows itself leads back to where it is."""
        return f"http://{self.header('host')}"

    @property
    def door(self) -> str:
        """The scheme and host that the links of people begin with."""
        return self.public or self.origin


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    Args:
        status: The HTTP status.
        body: The raw body.
        content_type: Empty for an answer without a body.
        headers: More headers.
    """

    status: int
    body: bytes = b""
    content_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, status: int, data: Any, *headers: tuple[str, str]) -> Response:
        """Answer with JSON."""
        return cls(status, json.dumps(data, separators=(",", ":")).encode(), JSON, headers)

    @classmethod
    def html(cls, status: int, text: str, *headers: tuple[str, str]) -> Response:
        """Answer with a page."""
        return cls(status, text.encode(), HTML, headers)
