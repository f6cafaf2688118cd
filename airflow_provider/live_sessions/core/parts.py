"""How much of a file has come, and whether an answer goes on where it stops. Pure.

RFC 9110, sections 13.1.5 and 14.

Two halves of two versions of a file would make a whole that never was. So the rest of a file is asked for only
when its server named it by a strong validator, and taken only where it says the same name, place and length.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:?([A-Za-z0-9+/]{43}=):?", re.IGNORECASE)
_STRONG_TAG = re.compile(r'"[^"\x00-\x20\x7f]*"')


@dataclass(slots=True)
class Part:
    """What has come of one file so far; handed from one transfer to the next.

    Args:
        received: Bytes.
        length: Bytes of the whole; None where it was not told, or was told of what is compressed on its way.
        tag: The file's strong entity tag; empty where it has none, and then no rest can be asked for.
        content_type: Its media type.
        sha256: The digest that its server tells (``Repr-Digest``, RFC 9530, or ``Digest``), in hexadecimal.
    """

    received: int = 0
    length: int | None = None
    tag: str = ""
    content_type: str = ""
    sha256: str = ""

    @property
    def can_go_on(self) -> bool:
        """Whether the rest can be asked for; also true as long as nothing has come."""
        return not self.received or bool(self.tag and self.length)

    @property
    def is_short(self) -> bool:
        """Whether bytes are missing, as far as the file's length is known."""
        return self.length is not None and self.received != self.length

    def headers(self) -> dict[str, str]:
        """Return what asks for the rest, or for the whole where nothing has come."""
        if not self.received:
            return {}
        return {"Range": f"bytes={self.received}-", "If-Range": self.tag}

    def begin(self, headers: Mapping[str, str]) -> None:
        """Note what the answer with the file's beginning says of the whole."""
        tag, length = headers.get("ETag", ""), headers.get("Content-Length", "")
        self.received = 0
        as_it_lies = headers.get("Content-Encoding", "identity") == "identity"
        self.tag = tag if as_it_lies and _STRONG_TAG.fullmatch(tag) else ""
        self.length = int(length) if as_it_lies and length.isascii() and length.isdecimal() else None
        self.content_type = headers.get("Content-Type", "").partition(";")[0].strip()
        self.sha256 = _told_digest(headers) if as_it_lies else ""

    def continued_by(self, headers: Mapping[str, str]) -> bool:
        """Return whether an answer with status 206 is the rest of this file, all of it."""
        told = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if told is None or self.length is None or headers.get("Content-Encoding", "identity") != "identity":
            return False
        first, last, length = map(int, told.groups())
        same = headers.get("ETag", self.tag) == self.tag
        return same and (first, last, length) == (self.received, self.length - 1, self.length)

    def give_up(self) -> None:
        """Note that no rest fits what has come: the whole has to be asked for."""
        self.tag = ""

    def begin_anew(self) -> None:
        """Note that the whole is asked for again."""
        self.received = 0


def _told_digest(headers: Mapping[str, str]) -> str:
    for name in ("Repr-Digest", "Digest"):
        if found := _DIGEST.search(headers.get(name, "")):
            return base64.b64decode(found[1]).hex()
    return ""
