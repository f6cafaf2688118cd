"""A large file over as many transfers as it takes: what was cut goes on where it stopped."""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.download import download
from airflow_provider.live_sessions.core.errors import RateLimited, Refused, Transient, Unavailable
from airflow_provider.live_sessions.core.parts import Part
from airflow_provider.live_sessions.core.retry import RetryPolicy, backoff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.errors import LiveSessionError

log = logging.getLogger(__name__)

PATIENCE = RetryPolicy(attempts=6, base=1.0, cap=60.0, max_wait=300.0)
"""How often a transfer may fail in a row without bringing a single byte."""


def download_resuming(
    address: Callable[[], SecretStr],
    *,
    platform: str,
    conn_id: str,
    label: str,
    retry: RetryPolicy = PATIENCE,
    sleep: Callable[[float], None] = time.sleep,
    rng: random.Random | None = None,
    **more: Any,
) -> Iterator[bytes]:
    """Yield a file piece by piece, going on after a cut. Reading to the end without an error means it is whole.

    A cut transfer goes on with ``Range`` and ``If-Range`` under the file's own entity tag. A server that names
    its file by none, or that answers with another file, is not gone on with: the error then is what the cut was.

    Args:
        address: Gives a link that works now; asked before each transfer, because signed links expire.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the download is called in errors and logs.
        retry: How often it may fail in a row without bringing anything, and how long to wait in between.
        sleep: Waits so many seconds.
        rng: The source of chance for waits.
        more: The other arguments of :func:`~airflow_provider.live_sessions.core.download.download`.

    Raises:
        LiveSessionError: As ``download`` raises; the last failure where there were several.
    """
    rng = rng or random.Random()  # noqa: S311 - spreads waits, guards nothing
    part, failures = Part(), 0
    while True:
        before = part.received
        try:
            yield from download(address(), platform=platform, conn_id=conn_id, label=label, part=part, **more)
        except (Transient, Refused) as error:
            failures = 1 if part.received > before else failures + 1
            asked = _asked(error)
            if not _curable(error, part) or failures >= retry.attempts or asked > retry.max_wait:
                raise
            wait = max(asked, backoff(retry, failures, rng))
            log.warning(
                "%s (connection %r): %s %d of %s bytes are here; going on in %.1f s.",
                platform,
                conn_id,
                error.what,
                part.received,
                "an unknown number of" if part.length is None else part.length,
                wait,
            )
            sleep(wait)
        else:
            return


def _curable(error: LiveSessionError, part: Part) -> bool:
    """Return whether another transfer may bring the rest; a link that has run out is refused, a new one is not."""
    expired = isinstance(error, Refused) and error.status in (401, 403) and part.received > 0
    return part.can_go_on and (isinstance(error, Transient) or expired)


def _asked(error: LiveSessionError) -> float:
    return error.retry_after if isinstance(error, (RateLimited, Unavailable)) else 0.0
