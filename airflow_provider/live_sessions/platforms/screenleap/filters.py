"""What the list of past shares can be asked for ("Retrieve Share Sessions"), and what it must then not show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider.live_sessions.platforms.screenleap.models import Share

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ShareFilters:
    """Filters of ``GET /screen-shares``. Times go out as milliseconds: written dates are read day first there.

    Args:
        started_before: Only shares that started before.
        started_after: Only shares that started after.
        ended_before: Only shares that ended before.
        ended_after: Only shares that ended after.
        external_id: Only shares created with exactly this ``externalId``.
        date_format: A pattern of Java's ``SimpleDateFormat``; then the four times go out as text by it, in UTC.
            Only for who must: milliseconds need none.
    """

    started_before: datetime | None = None
    started_after: datetime | None = None
    ended_before: datetime | None = None
    ended_after: datetime | None = None
    external_id: str | None = None
    date_format: str | None = None

    def params(self) -> dict[str, Any]:
        """Return the query."""
        times = {
            "startedBefore": self.started_before,
            "startedAfter": self.started_after,
            "endedBefore": self.ended_before,
            "endedAfter": self.ended_after,
        }
        query: dict[str, Any] = {
            name: self._written(moment) for name, moment in times.items() if moment is not None
        }
        if self.external_id is not None:
            query["externalId"] = self.external_id
        if self.date_format is not None:
            query["dateFormat"] = self.date_format
        return query

    def admits(self, share: Share) -> bool:
        """Return whether a row keeps to the filters: a server that does not know one ignores it.

        The edges are not drawn here: whether "after" includes the moment is the server's business.
        """
        if self.external_id is not None and (share.external_id or "") != self.external_id:
            return False
        return _between(share.started_at, self.started_after, self.started_before) and _between(
            share.ended_at, self.ended_after, self.ended_before
        )

    def _written(self, moment: datetime) -> int | str:
        return to_millis(moment) if self.date_format is None else written(moment, self.date_format)


def to_millis(moment: datetime) -> int:
    """Return a moment in milliseconds since 1970, exactly: a float would lose some."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def written(moment: datetime, pattern: str) -> str:
    """Write a moment in UTC by a pattern of ``SimpleDateFormat``.

    Raises:
        ConfigurationError: The pattern has letters that are not known here.
    """
    from airflow_provider.live_sessions.platforms.screenleap.java_dates import write

    return write(moment, pattern)


def _between(value: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if value is None:
        return True
    return (after is None or value >= after) and (before is None or value <= before)
