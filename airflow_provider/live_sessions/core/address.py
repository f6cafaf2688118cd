"""Where a request goes: the base URL, the path below it, its query, and how far a redirect may lead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443}
_NOT_IN_PATH = re.compile(r"[?#\\\s\x00-\x20\x7f]")


def usable_base(url: str) -> str:
    """Return the base URL without a slash at its end.

    Raises:
        ValueError: It is not http or https, has no host, or has a user, a password, a query or a fragment.
            The text holds nothing of the URL.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or "@" in parts.netloc or _NOT_IN_PATH.search(url):
        raise ValueError("no usable base URL")
    return url.rstrip("/")


def segment(identifier: str) -> str:
    """Return an id as one segment of a path, percent-encoded.

    Raises:
        ValueError: It is empty or dots, and would lead to another call, or cannot be encoded.
    """
    if identifier in ("", ".", ".."):
        raise ValueError("no usable id")
    return quote(identifier, safe="")


def below(base: str, path: str) -> str:
    """Return the URL of a path below the base.

    Args:
        base: As :func:`usable_base` returned it.
        path: Its segments percent-encoded; a slash at its end stays.

    Raises:
        ValueError: A segment is empty, ``.`` or ``..`` (it would lead to another call), or not encoded.
    """
    relative = path.lstrip("/")
    segments = relative.split("/")
    if (
        "" in segments[:-1]
        or any(unquote(one) in (".", "..") for one in segments)
        or _NOT_IN_PATH.search(relative)
    ):
        raise ValueError("no usable path")
    return f"{base}/{relative}"


def plain_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Write booleans as the platforms do; ``requests`` would write ``True``."""

    def plain(value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        return [plain(one) for one in value] if isinstance(value, (list, tuple)) else value

    return {name: plain(value) for name, value in params.items()}


def same_origin_target(url: str, location: str) -> str:
    """Return where a redirect leads if that is the same scheme, host and port, else an empty string.

    Args:
        url: What was asked for.
        location: The ``Location`` header, as ``http.client`` decodes it (Latin-1).
    """
    try:
        target = urljoin(url, location.encode("latin-1").decode("utf-8"))
        return target if location and _origin(target) == _origin(url) else ""
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, the port also where it is the scheme's own; empty for no URL."""
    try:
        scheme, host, port, _ = _origin(url)
    except ValueError:
        return ""
    return f"{scheme}://{host}:{port}"


def _origin(url: str) -> tuple[str, str | None, int | None, bool]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), "@" in parts.netloc
