"""Whether to send a request again: pure decisions, no I/O.

What may be repeated depends on what a second execution would do (:class:`Safety`) and on what is known of
the first (:class:`Event`). A write whose answer was lost is never called "failed": it is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import within_reason

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

LONGEST_RETRY_AFTER = 3600.0
"""Seconds; a longer wait asked for is taken for this one."""

_SECONDS = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
_TOO_EARLY = 425
_TOO_MANY = 429
_UNAVAILABLE = 503
_REQUEST_TIMEOUT = 408


class Safety(Enum):
    """What executing a request twice would do."""

    READ = "read"
    """Nothing: it has no effect."""
    IDEMPOTENT = "idempotent"
    """The same as once."""
    ONCE = "once"
    """Harm: a second session, a second charge."""

    @classmethod
    def of(cls, method: str) -> Safety:
        """Return what a method promises by its definition (RFC 9110, section 9.2)."""
        if method.upper() in ("GET", "HEAD", "OPTIONS"):
            return cls.READ
        return cls.IDEMPOTENT if method.upper() in ("PUT", "DELETE") else cls.ONCE


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How failed requests are repeated.

    Args:
        attempts: How often a request is sent at most, the first time included.
        base: Seconds; the upper bound of the first wait, doubled with each further one.
        cap: Seconds; the upper bound of every wait that the platform did not ask for.
        max_wait: Seconds; a longer wait asked for by the platform is handed to the caller, not slept.

    Raises:
        ConfigurationError: A value makes no sense.
    """

    attempts: int = 4
    base: float = 0.5
    cap: float = 20.0
    max_wait: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not all(
            0 <= value < float("inf") for value in (self.base, self.cap, self.max_wait)
        ):
            raise ConfigurationError(
                "A retry policy needs at least one attempt and finite waits that are not negative."
            )


NO_RETRY = RetryPolicy(attempts=1)


class Happened(Enum):
    """How far a request came."""

    NEVER_SENT = "never sent"
    """Provably: no connection was made."""
    LOST = "lost"
    """It was, or may have been, sent; no whole answer came."""
    MALFORMED = "malformed"
    """It was answered with success, but the content cannot be read."""
    ANSWERED = "answered"
    """It was answered with a status that is no success."""


@dataclass(frozen=True, slots=True)
class Event:
    """The end of one attempt that brought no usable answer.

    Args:
        happened: How far it came.
        status: The HTTP status where it was answered, else 0.
        retry_after: Seconds that the platform asked to wait, where it did.
    """

    happened: Happened
    status: int = 0
    retry_after: float | None = None


class Failure(Enum):
    """What to tell the caller when nothing more will be tried."""

    REFUSED = "refused"
    RATE_LIMITED = "rate limited"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Again:
    """Send it once more.

    Args:
        wait: Seconds to wait before.
    """

    wait: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Send it no more.

    Args:
        failure: What the caller is told.
    """

    failure: Failure


def parse_retry_after(value: str | None, *, now: datetime, limit: float = LONGEST_RETRY_AFTER) -> float | None:
    """Read a ``Retry-After`` header, in seconds or as a date (RFC 9110, sections 10.2.3 and 5.6.7).

    Args:
        value: The header, None where there is none.
        now: The server's time where it tells one (its ``Date`` header), else the local time; aware.
        limit: Seconds; longer waits are clamped.

    Returns:
        Seconds from now, between 0 and the limit; None when the header is missing or not readable.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        return min(max(float(text), 0.0), limit)
    moment = parse_http_date(text)
    return None if moment is None else min(max((moment - now).total_seconds(), 0.0), limit)


def parse_http_date(value: str | None) -> datetime | None:
    """Read an HTTP date in any of its three forms; None when there is none or it is not readable."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return within_reason(moment)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def quiet_after(policy: RetryPolicy, attempt: int) -> float:
    """Return the seconds of quiet for everybody after a 429 that names none: the doubled, capped base.

    Args:
        policy: Bounds the wait.
        attempt: The attempt that failed, from 1.
    """
    return min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 60))


def backoff(policy: RetryPolicy, attempt: int, rng: Random) -> float:
    """Return a wait with full jitter: anything between 0 and the doubled, capped base.

    Args:
        policy: Bounds the wait.
        attempt: The attempt that failed, from 1.
        rng: The source of chance.
    """
    return rng.uniform(0.0, quiet_after(policy, attempt))


def in_doubt(safety: Safety, event: Event) -> bool:
    """Return whether the attempt may have had an effect that nobody confirmed.

    A 503 that names a time to come back is taken at its word for what can be repeated without harm.
    """
    if safety is Safety.READ or event.happened is Happened.NEVER_SENT:
        return False
    if event.happened is not Happened.ANSWERED:
        return True
    promised = event.status == _UNAVAILABLE and event.retry_after is not None
    if promised and safety is Safety.IDEMPOTENT:
        return False
    return event.status == _REQUEST_TIMEOUT or event.status >= 500


def decide(
    policy: RetryPolicy,
    safety: Safety,
    event: Event,
    *,
    attempt: int,
    doubted: bool = False,
    rng: Random,
) -> Again | GiveUp:
    """Decide what follows an attempt that brought no usable answer.

    Args:
        policy: How often, and how long to wait.
        safety: What a second execution would do.
        event: How the attempt ended.
        attempt: Its number, from 1.
        doubted: Whether an earlier attempt of this call may have had an effect (:func:`in_doubt`).
        rng: The source of chance for the wait.
    """
    doubt = doubted or in_doubt(safety, event)
    if not _curable(event):
        return GiveUp(Failure.REFUSED)
    if not _repeatable(safety, event):
        # A 425 told a write off before it was processed (RFC 8470): it did not happen.
        return GiveUp(Failure.UNKNOWN if doubt else Failure.UNAVAILABLE)
    asked = event.retry_after
    if attempt >= policy.attempts or (asked is not None and asked > policy.max_wait):
        if doubt:
            return GiveUp(Failure.UNKNOWN)
        return GiveUp(Failure.RATE_LIMITED if event.status == _TOO_MANY else Failure.UNAVAILABLE)
    wait = backoff(policy, attempt, rng)
    # Never before the time asked for, and not everybody at that very moment.
    return Again(wait if asked is None else max(wait, asked + rng.uniform(0.0, policy.base)))


def _curable(event: Event) -> bool:
    """Return whether time alone may heal it."""
    if event.happened is not Happened.ANSWERED:
        return True
    return event.status in (_REQUEST_TIMEOUT, _TOO_EARLY, _TOO_MANY) or event.status >= 500


def _repeatable(safety: Safety, event: Event) -> bool:
    """Return whether sending it again can do no harm."""
    if safety is not Safety.ONCE or event.happened is Happened.NEVER_SENT:
        return True
    return event.happened is Happened.ANSWERED and event.status == _TOO_MANY
