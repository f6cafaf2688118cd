"""Every request a platform received, without the secrets in it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import deque
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Args:
        number: Counts from 1 over the sandbox's life.
        platform: The platform it went to, empty when none was there.
        method: The method.
        path: The path, without what opens a door.
        query: The query string, without what opens a door.
        status: The status answered with; 0 when the connection was reset.
        effect: Whether the platform did what was asked for.
        fault: The kind of the fault that befell it, or empty.
        at: When it was handled, sandbox time, ISO 8601.
        real: When it was handled, real time, seconds since 1970.
        connection: The number of the TCP connection.
        key: A digest of the credentials, empty without any.
    """

    number: int
    platform: str
    method: str
    path: str
    query: str
    status: int
    effect: bool
    fault: str
    at: str
    real: float
    connection: int
    key: str

    def to_json(self) -> dict[str, Any]:
        """Write for the control API."""
        return asdict(self)


class RequestLog:
    """Keeps the latest requests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def add(self, **what: Any) -> None:
        """Keep one request; the arguments are those of :class:`Entry` but for the number."""
        with self._lock:
            self._entries.append(Entry(number=next(self._numbers), **what))

    def entries(
        self, *, path: str = "", query: str = "", method: str = "", status: int | None = None, since: int = 0
    ) -> list[Entry]:
        """Return requests, oldest first.

        Args:
            path: A regular expression searched in the path.
            query: A regular expression searched in the query string.
            method: Only this method; empty is any.
            status: Only this status.
            since: Only entries with a higher number.
        """
        in_path, in_query = re.compile(path), re.compile(query)
        with self._lock:
            kept = list(self._entries)
        return [
            one
            for one in kept
            if one.number > since
            and method in ("", one.method)
            and status in (None, one.status)
            and in_path.search(one.path)
            and in_query.search(one.query)
        ]

    def clear(self) -> None:
        """Forget every request; the numbers go on."""
        with self._lock:
            self._entries.clear()


def digest(secret: str) -> str:
    """Return what tells two credentials apart without showing them."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12] if secret else ""
