"""The filters of Coviu's lists, sent as documented and checked again on what came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider.live_sessions.platforms.coviu.dates import http_date

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.coviu.models import Session

PAGE_SIZE = 200
"""The longest page (Swagger of 2017; nothing newer says otherwise)."""

SUBMISSIONS_A_PAGE = 100
"""Its default is 20; a longest page is not documented, and a shorter answer is walked on all the same."""


@dataclass(frozen=True, kw_only=True)
class SessionFilters:
    """Filters of ``GET /sessions`` (``apis/coviu.md`` section 2.1).

    Args:
        page: Where to begin, 0 for the first page.
        page_size: Sessions a page.
        start_time: Sessions that start at or after it; the list is then ordered by start.
        end_time: Sessions that end before it, or start before it: the documents disagree, so a row is dropped
            here only where both readings exclude it.
        order: ``forward`` (by creation, oldest first; by start with a time filter) or ``reverse``.
        include_canceled: Also cancelled sessions. They may look as if they were alive.
        deleted_participants: Also participants that were removed.
        state: Sessions with a participant whose ``state`` is exactly this.
    """

    page: int = 0
    page_size: int = PAGE_SIZE
    start_time: datetime | None = None
    end_time: datetime | None = None
    order: Literal["forward", "reverse"] | None = None
    include_canceled: bool | None = None
    deleted_participants: bool | None = None
    state: str | None = None

    def params(self) -> dict[str, Any]:
        """Return the query parameters but for the page's number; unset filters are left out."""
        given = {
            "page_size": self.page_size,
            "start_time": None if self.start_time is None else http_date(self.start_time),
            "end_time": None if self.end_time is None else http_date(self.end_time),
            "order": self.order,
            "include_canceled": self.include_canceled,
            "deleted_participants": self.deleted_participants,
            "state": self.state,
        }
        return {name: value for name, value in given.items() if value is not None}

    def admits(self, row: Session) -> bool:
        """Return False when the row contradicts what was asked."""
        return (
            (self.start_time is None or row.start_time >= self.start_time.replace(microsecond=0))
            and (self.end_time is None or row.start_time <= self.end_time)
            and (bool(self.include_canceled) or row.canceled_time is None)
            and (self.state is None or any(one.state == self.state for one in row.participants))
        )


@dataclass(frozen=True, kw_only=True)
class SubmissionFilters:
    """Filters of a collection's submissions (``apis/coviu.md`` section 2.3).

    Args:
        since: ``from``: made at or after it.
        until: Made before it.
        filter: Free text; what it means is described nowhere.
        limit: Submissions a page.
        offset: Where to begin.
        order: ``asc`` or ``desc``.
        order_by: ``orderBy``: the column.
    """

    since: datetime | None = None
    until: datetime | None = None
    filter: str | None = None
    limit: int = SUBMISSIONS_A_PAGE
    offset: int = 0
    order: Literal["asc", "desc"] = "asc"
    order_by: str = "created_at"

    def params(self) -> dict[str, Any]:
        """Return the query parameters; unset filters are left out. Times are ISO 8601 here."""
        given = {
            "from": None if self.since is None else _iso(self.since),
            "until": None if self.until is None else _iso(self.until),
            "filter": self.filter,
            "limit": self.limit,
            "offset": self.offset,
            "order": self.order,
            "orderBy": self.order_by,
        }
        return {name: value for name, value in given.items() if value is not None}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
