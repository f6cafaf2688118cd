"""Coviu's times: two formats in, one out (``apis/coviu.md`` section 2.4). Pure."""

from __future__ import annotations

import email.utils
from datetime import UTC, datetime, timedelta

from airflow_provider.live_sessions.core.times import within_reason

SECOND = timedelta(seconds=1)

MARGIN = timedelta(seconds=5)
"""How far ahead "as soon as possible" lies: a start must be in the future on Coviu's clock when it arrives."""


def read_date(text: str) -> datetime:
    """Read a time of an answer: RFC 1123, or ISO 8601; one without a zone is GMT, as documented.

    Raises:
        ValueError: It is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = email.utils.parsedate_to_datetime(text)
    return within_reason(moment)


def http_date(moment: datetime) -> str:
    """Write a time as RFC 1123 in GMT, e.g. ``Wed, 08 Jun 2016 04:07:11 GMT``: whole seconds.

    Args:
        moment: With a time zone; fractions of a second are rounded up, so that a start stays ahead.
    """
    return email.utils.format_datetime(whole_second(moment), usegmt=True)


def whole_second(moment: datetime) -> datetime:
    """Return the moment in UTC, rounded up to a whole second."""
    utc = moment.astimezone(UTC)
    return utc if utc.microsecond == 0 else utc.replace(microsecond=0) + SECOND


def future_second(moment: datetime, now: datetime) -> datetime:
    """Return the moment as a start that Coviu takes: a whole second, and ahead of now by a margin.

    Args:
        moment: When it is meant to start.
        now: Coviu's time.
    """
    return max(whole_second(moment), whole_second(now + MARGIN))
