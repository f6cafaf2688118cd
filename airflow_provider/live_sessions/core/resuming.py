"""Fetch a large file in as many parts as it takes: what is cut goes on where it stood, and the whole is verified.

A part is one download with a Range. What came is hashed as it passes, so that a server that knows no ranges and
begins anew is read over, and found out when it tells something else than before.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.download import Part, download
from airflow_provider.live_sessions.core.errors import RateLimited, Refused, Unavailable
from airflow_provider.live_sessions.core.retry import RetryPolicy, quiet_after

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from pydantic import SecretStr

_TOLD_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:?([A-Za-z0-9+/]{43}=):?", re.IGNORECASE)


@dataclass(slots=True)
class Transfer:
    """What is known of a file while it comes.

    Args:
        received: Bytes that came so far.
        total: Its length, as its server told it; None before the first answer.
        content_type: Its media type, likewise.
        sha256: Its digest in hexadecimal, where the server tells one (``Repr-Digest``, RFC 9530, or ``Digest``).
        parts: How many requests it took.
    """

    received: int = 0
    total: int | None = None
    content_type: str = ""
    sha256: str = ""
    parts: int = 0
    _etag: str = ""
    _hash: Any = field(default_factory=hashlib.sha256)

    @property
    def digest(self) -> str:
        """The digest of what came, in hexadecimal."""
        return str(self._hash.hexdigest())

    def headers(self) -> dict[str, str]:
        """Return what the next part is asked for with."""
        if not self.received:
            return {}
        condition = {"If-Range": self._etag} if self._etag and not self._etag.startswith("W/") else {}
        return {"Range": f"bytes={self.received}-", **condition}

    def begin(self, part: Part) -> str:
        """Take the head of a part; return what is wrong with it, empty when nothing is."""
        self.parts += 1
        total = part.total
        if self.total is not None and total is not None and total != self.total:
            return f"the file had {self.total} bytes and has {total} now"
        if part.start not in (0, self.received):
            return f"the server goes on at byte {part.start} instead of {self.received}"
        self.total = total if self.total is None else self.total
        self.content_type = self.content_type or part.headers.get("Content-Type", "").partition(";")[0].strip()
        self._etag = part.headers.get("ETag", "")
        self.sha256 = self.sha256 or _digest_in(part.headers)
        return ""

    def take(self, piece: bytes) -> None:
        """Count and hash a piece."""
        self._hash.update(piece)
        self.received += len(piece)

    def wrong(self) -> str:
        """Return what is wrong with the whole, empty when nothing is."""
        if self.total is not None and self.received != self.total:
            return f"{self.received} bytes came of {self.total}"
        if self.sha256 and self.sha256 != self.digest:
            return "its digest is not the one that its server tells"
        return ""


def download_in_parts(
    url: SecretStr,
    transfer: Transfer,
    *,
    platform: str,
    conn_id: str,
    label: str,
    policy: RetryPolicy,
    before: Callable[[], None] = lambda: None,
    renew: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], None] = time.sleep,
    **options: Any,
) -> Generator[bytes]:
    """Yield a file piece by piece. Reading to the end without an error means that it is complete.

    Args:
        url: Where the file is.
        transfer: Takes what is known of it.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the download is called in errors.
        policy: How often in a row a part may fail without bringing anything, and the waits between.
        before: Called before each request, e.g. to wait for a turn.
        renew: Called when a part is refused with 401; True when there are new credentials to try.
        sleep: Waits so many seconds.
        options: As :func:`~airflow_provider.live_sessions.core.download.download` takes them.

    Raises:
        NotFound: There is no such file.
        Refused: The platform refuses it, or the file changed while it came.
        Unavailable: It could not be fetched to its end, or is not what its server told.
    """
    failed, renewed = 0, False
    while True:
        had = transfer.received
        trouble: RateLimited | Unavailable | None = None
        try:
            before()
            yield from _part(url, transfer, platform=platform, conn_id=conn_id, label=label, **options)
        except Refused as error:
            if error.status != 401 or renewed or not renew():
                raise
            renewed = True
            continue
        except (RateLimited, Unavailable) as error:
            trouble = error
        if trouble is None:
            break
        failed = 1 if transfer.received > had else failed + 1
        if failed >= policy.attempts:
            raise trouble
        sleep(max(quiet_after(policy, failed), trouble.retry_after))
    if transfer.wrong():
        raise Unavailable(f"{label}: {transfer.wrong()}.", platform=platform, conn_id=conn_id)


def _part(url: SecretStr, transfer: Transfer, **options: Any) -> Iterator[bytes]:
    """Yield what one request brings of what is still missing."""
    skip = 0

    def begun(part: Part) -> None:
        nonlocal skip
        wrong = transfer.begin(part)
        if wrong:
            raise _changed(wrong, **options)
        skip = transfer.received - part.start

    again = hashlib.sha256()
    for piece in download(url, headers=transfer.headers(), on_part=begun, **options):
        over, rest = piece[:skip], piece[skip:]
        if over:
            again.update(over)
            skip -= len(over)
            if not skip and again.hexdigest() != transfer.digest:
                raise _changed("the file changed while it came", **options)
        if rest:
            transfer.take(rest)
            yield rest


def _changed(what: str, *, platform: str, conn_id: str, label: str, **_: Any) -> Refused:
    return Refused(f"{label}: {what}.", platform=platform, conn_id=conn_id, advice="Fetch it anew.")


def _digest_in(headers: Mapping[str, str]) -> str:
    for name in ("Repr-Digest", "Digest"):
        found = _TOLD_DIGEST.search(headers.get(name, ""))
        if found:
            return base64.b64decode(found[1]).hex()
    return ""
