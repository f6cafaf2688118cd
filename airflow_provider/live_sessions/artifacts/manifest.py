"""What was brought home of a session, on one page: which files, how big, their digests, what is missing.

A manifest travels through XCom in place of the content. It is deterministic: equal content gives equal bytes,
so it holds no time of its own making. It holds no secret and no URL with a query.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS, load_json, why
from airflow_provider.live_sessions.core.times import aware, format_optional_time, parse_optional_time

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.core.storage import Storage

SCHEMA_VERSION = 1
MEDIA_TYPE = "application/json"

OF = "of_sessions"
"""In ``extra``: a digest of the sessions that an artifact is of, where it does not name them."""

_TIMES = ("planned_start", "planned_end", "actual_start", "actual_end")


class Completeness(StrEnum):
    """How much of what the session left was brought home."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file.

    Args:
        name: Its name in the storage.
        url: Where it lies, for people.
        media_type: Its media type.
        bytes: Its size in bytes.
        sha256: Its digest, 64 hexadecimal digits.
        counts: What is in it, e.g. ``{"segments": 812, "words": 9120}``.

    Raises:
        ValueError: The URL has a query or a password, or the digest is none.
    """

    name: str
    url: str
    media_type: str
    bytes: int
    sha256: str
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise ValueError(f"the digest of {self.name!r} is not a sha256")

    def to_json(self) -> dict[str, Any]:
        """Write for XCom and the manifest's file."""
        return {
            "name": self.name,
            "url": self.url,
            "media_type": self.media_type,
            "bytes": self.bytes,
            "sha256": self.sha256,
            "counts": dict(sorted(self.counts.items())),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FileEntry:
        """Read what :meth:`to_json` wrote.

        Raises:
            AttributeError, KeyError, OverflowError, TypeError, ValueError: It is not a file entry; a manifest's
                :meth:`Manifest.from_json` makes a ConfigurationError of these.
        """
        return cls(
            name=_text(data, "name"),
            url=_text(data, "url"),
            media_type=_text(data, "media_type"),
            bytes=int(data["bytes"]),
            sha256=_text(data, "sha256"),
            counts={str(key): int(value) for key, value in sorted(dict(data["counts"]).items())},
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one kind of artifact of one session is.

    Args:
        kind: ``transcript``, ``attendance``, ``recording``, ...: lower-case letters, digits, ``_`` and ``-``.
        platform: The platform's name.
        conn_id: The Airflow connection.
        session_key: Digest of the launch key.
        status: Whether all of it is home.
        session_ids: The platform's ids of the session's parts, oldest first.
        title: What people call the session.
        planned_start: Planned start.
        planned_end: Planned end.
        actual_start: When it began, where known.
        actual_end: When it ended, where known.
        why: One sentence; required unless complete, e.g. ``Never transcribed: shorter than 150 s.``
        files: What was written, sorted by name.
        source: Which calls the content came from, e.g.
            ``GET /organisations/{org}/sessions/{id}/transcript/``; no queries.
        extra: What only this kind has; JSON values, no secret in clear text.
        name: The manifest's own name in the storage; the writer fills it in.
        url: Where the manifest itself lies; the writer fills it in.

    Raises:
        ConfigurationError: A time is naive.
        ValueError: A reason is missing, nothing was retrieved yet files are named, or a query is in a URL.
    """

    kind: str
    platform: str
    conn_id: str
    session_key: str
    status: Completeness
    session_ids: tuple[str, ...] = ()
    title: str = ""
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    actual_start: datetime | None = None
    actual_end: datetime | None = None
    why: str = ""
    files: tuple[FileEntry, ...] = ()
    source: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    name: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]{0,40}", self.kind):
            raise ValueError(f"{self.kind!r} is no kind of artifact")
        if self.status is not Completeness.COMPLETE and not self.why.strip():
            raise ValueError(f"a manifest that is {self.status.value} says why")
        if self.status is Completeness.NONE and self.files:
            raise ValueError("a manifest of nothing names files")
        if any("?" in call for call in self.source):
            raise ValueError("a source names the call, not its query")
        _check_url(self.url)
        object.__setattr__(self, "files", tuple(sorted(self.files, key=lambda entry: entry.name)))
        for moment in _TIMES:
            value = getattr(self, moment)
            object.__setattr__(self, moment, None if value is None else aware(value))

    def to_json(self) -> dict[str, Any]:
        """Write for XCom."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": self.kind,
            "platform": self.platform,
            "conn_id": self.conn_id,
            "session_key": self.session_key,
            "session_ids": list(self.session_ids),
            "title": self.title,
            **{moment: format_optional_time(getattr(self, moment)) for moment in _TIMES},
            "status": self.status.value,
            "why": self.why,
            "files": [entry.to_json() for entry in self.files],
            "source": list(self.source),
            "extra": dict(self.extra),
            "name": self.name,
            "url": self.url,
        }

    def to_bytes(self) -> bytes:
        """Write as a file: JSON in UTF-8, keys sorted, so that equal manifests are equal bytes."""
        text = json.dumps(self.to_json(), ensure_ascii=False, sort_keys=True, indent=2, allow_nan=False)
        return text.encode("utf-8", "replace") + b"\n"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not a manifest, or one of a later schema.
        """
        try:
            _check_version(int(data["schema_version"]))
            return cls(
                kind=_text(data, "kind"),
                platform=_text(data, "platform"),
                conn_id=_text(data, "conn_id"),
                session_key=_text(data, "session_key"),
                status=Completeness(data["status"]),
                session_ids=tuple(str(one) for one in data["session_ids"]),
                title=_text(data, "title"),
                **{moment: parse_optional_time(data.get(moment)) for moment in _TIMES},
                why=_text(data, "why"),
                files=tuple(FileEntry.from_json(entry) for entry in data["files"]),
                source=tuple(str(call) for call in data["source"]),
                extra=dict(data["extra"]),
                name=_text(data, "name"),
                url=_text(data, "url"),
            )
        except MISFITS as error:
            raise ConfigurationError(f"This is not a manifest: {why(error)}.") from None

    @classmethod
    def from_bytes(cls, content: bytes) -> Manifest:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ConfigurationError: It is not a manifest.
        """
        try:
            data = load_json(content)
        except ValueError:  # of JSON and of UTF-8 alike
            raise ConfigurationError("This is not a manifest: it is no JSON.") from None
        if not isinstance(data, Mapping):
            raise ConfigurationError("This is not a manifest: it is no JSON object.")
        return cls.from_json(data)

    def verify(self, storage: Storage) -> list[str]:
        """Read every file again and compare.

        Returns:
            One sentence a problem; empty when all files are there and as they were written.
        """
        problems = []
        for entry in self.files:
            size, digest = 0, hashlib.sha256()
            try:
                for chunk in storage.read(entry.name):
                    size += len(chunk)
                    digest.update(chunk)
            except FileNotFoundError:
                problems.append(f"{entry.name} is missing.")
                continue
            if size != entry.bytes:
                problems.append(f"{entry.name} has {size} bytes; {entry.bytes} were written.")
            elif digest.hexdigest() != entry.sha256:
                problems.append(f"{entry.name} is not what was written: its sha256 differs.")
        return problems


def _check_version(version: int) -> None:
    if version > SCHEMA_VERSION:
        raise ValueError(f"its schema version {version} is later than {SCHEMA_VERSION}")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.query or parts.password:  # a user alone is allowed: object storage puts the connection id there
        raise ValueError("the URL of a file carries a query or a password")


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value
