"""A large file over as many transfers as it takes: what was cut goes on where it stopped.

What came is hashed as it passes. So a server that knows no ranges, or that names its file by no entity tag, is
read over from the beginning, and found out when it tells something else than before.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.download import download
from airflow_provider.live_sessions.core.errors import RateLimited, Refused, Transient, Unavailable
from airflow_provider.live_sessions.core.parts import Part
from airflow_provider.live_sessions.core.retry import RetryPolicy, backoff
from airflow_provider.live_sessions.core.running_digest import RunningDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from pydantic import SecretStr

log = logging.getLogger(__name__)

PATIENCE = RetryPolicy(attempts=6, base=1.0, cap=60.0, max_wait=300.0)
"""How often a transfer may fail in a row without bringing a single byte."""


@dataclass(slots=True)
class Transfer:
    """What is known of a file while it comes.

    Args:
        received: Bytes that were handed on so far.
        part: What its server told of it.
    """

    received: int = 0
    part: Part = field(default_factory=Part)
    _hash: RunningDigest = field(default_factory=RunningDigest)

    @property
    def digest(self) -> str:
        """The sha256 of what was handed on, in hexadecimal."""
        return self._hash.hexdigest()

    def take(self, piece: bytes) -> None:
        """Count and hash a piece."""
        self._hash.update(piece)
        self.received += len(piece)


def download_resuming(
    address: Callable[[], SecretStr],
    *,
    platform: str,
    conn_id: str,
    label: str,
    transfer: Transfer | None = None,
    renew: Callable[[], bool] = lambda: False,
    retry: RetryPolicy = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
    **more: Any,
) -> Generator[bytes]:
    """Yield a file piece by piece, going on after a cut. Reading to the end without an error means it is whole.

    A cut transfer goes on with ``Range`` and ``If-Range`` under the file's own entity tag. Where it has none, or
    the server sends the whole again, what came before is passed over and has to be the same.

    Args:
        address: Gives a link that works now; asked before each transfer, because signed links expire.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the download is called in errors and logs.
        transfer: Takes what is known of the file.
        renew: Called when a transfer is refused with 401; True when there are new credentials to try.
        retry: How often it may fail in a row without bringing anything, and how long to wait in between.
        sleep: Waits so many seconds.
        rng: The source of chance for waits.
        more: The other arguments of :func:`~airflow_provider.live_sessions.core.download.download`.

    Raises:
        LiveSessionError: As ``download`` raises; the last failure where there were several.
        Refused: The file changed while it came.
        Unavailable: It is not what its server tells.
    """
    rng = rng or random.Random()  # noqa: S311 - spreads waits, guards nothing
    transfer = Transfer() if transfer is None else transfer
    failures, renewed = 0, False
    while True:
        before = transfer.received
        try:
            yield from _transfer(address(), transfer, platform=platform, conn_id=conn_id, label=label, **more)
        except (Transient, Refused) as error:
            if transfer.received > before:
                failures, renewed = 0, False
            if isinstance(error, Refused) and error.status == 401 and not renewed and renew():
                renewed = True
                continue
            failures += 1
            asked = error.retry_after if isinstance(error, (RateLimited, Unavailable)) else 0.0
            expired = isinstance(error, Refused) and error.status in (401, 403) and transfer.received > 0
            curable = expired or isinstance(error, Transient)
            if not curable or failures >= retry.attempts or asked > retry.max_wait:
                raise
            wait = max(asked, backoff(retry, failures, rng))
            log.warning(
                "%s (connection %r): %s %d of %s bytes are here; going on in %.1f s.",
                platform,
                conn_id,
                error.what,
                transfer.received,
                "an unknown number of" if transfer.part.length is None else transfer.part.length,
                wait,
            )
            sleep(wait)
        else:
            break
    if transfer.part.sha256 and transfer.part.sha256 != transfer.digest:
        raise Unavailable(
            f"{label}: its digest is not the one that its server tells.", platform=platform, conn_id=conn_id
        )


def _transfer(url: SecretStr, transfer: Transfer, *, label: str, **options: Any) -> Generator[bytes]:
    """Yield what one transfer brings of what is still missing."""
    part = transfer.part
    if not part.can_go_on or part.received < transfer.received:
        # In the second case a new beginning was cut before it came to where the first one had been.
        part.begin_anew()
    again = hashlib.sha256()
    for piece in download(url, part=part, label=label, **options):
        known = max(0, transfer.received - (part.received - len(piece)))
        over, rest = piece[:known], piece[known:]
        if over:
            again.update(over)
        if over and len(over) == known and again.hexdigest() != transfer.digest:
            raise _changed(label, **options)
        if rest:
            transfer.take(rest)
            yield rest
    if part.received != transfer.received:
        raise _changed(label, **options)


def _changed(label: str, *, platform: str, conn_id: str, **_: Any) -> Refused:
    return Refused(
        f"{label}: the file changed while it came.", platform=platform, conn_id=conn_id, advice="Fetch it anew."
    )
