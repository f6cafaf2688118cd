"""The filters of Lessonspace's lists, sent as documented and checked again on what came back.

The server ignores a filter it does not know and then returns everything (``apis/lessonspace.md`` section 2.3),
so a row counts only when it agrees with what was asked as far as the row can tell.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.platforms.lessonspace.listed import Session, Space

Role = Literal["teacher", "student", "admin"]


def _between(moment: datetime | None, after: datetime | None, before: datetime | None) -> bool:
    if moment is None:
        return True
    return (after is None or moment >= after) and (before is None or moment <= before)


def _value(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return format_time(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return str(value)


class _Filters:
    # The session lists take several values in one, delimited by "&"; the others say "multiple values" only.
    delimiter: ClassVar[str | None] = None

    def params(self) -> dict[str, Any]:
        """Return the query parameters; unset filters are left out."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]  # each subclass is a dataclass
        return {name: self._encoded(value) for name, value in named.items() if value not in (None, ())}

    def _encoded(self, value: Any) -> Any:
        if not isinstance(value, tuple):
            return _value(value)
        texts = [str(one) for one in value]
        return texts if self.delimiter is None else self.delimiter.join(texts)


@dataclass(frozen=True, kw_only=True)
class SessionFilters(_Filters):
    """Filters of the session lists (reference: "Get Organisation Session List", "Get Space Session List").

    Args:
        search: A UUID of a session or space, else part of a name.
        page: Where to begin, 1 for the first page.
        include_single_user: Also sessions that only ever had one person: left out by default!
        duration_min: Seconds.
        duration_max: Seconds.
        start_time_after: Started after.
        start_time_before: Started before.
        end_time_after: Ended after.
        end_time_before: Ended before.
        date_after: Created after.
        date_before: Created before.
        user: Lessonspace's own user ids.
        space: UUIDs of spaces; organisation list only.
        launch_id: The ``id`` the space was launched with; case-sensitive.
        in_progress_only: Only sessions in progress.
        tags: Session tags that must match, without regard to case; an empty value asks for the key alone.
        user_external_id: The ``user.id`` of a launch, whole, without regard to case.
        user_name: Part of a name.
    """

    delimiter: ClassVar[str | None] = "&"

    search: str | None = None
    page: int | None = None
    include_single_user: bool | None = None
    duration_min: int | None = None
    duration_max: int | None = None
    start_time_after: datetime | None = None
    start_time_before: datetime | None = None
    end_time_after: datetime | None = None
    end_time_before: datetime | None = None
    date_after: datetime | None = None
    date_before: datetime | None = None
    user: tuple[int, ...] = ()
    space: tuple[str, ...] = ()
    launch_id: str | None = None
    in_progress_only: bool | None = None
    tags: Mapping[str, str] | None = None
    user_external_id: str | None = None
    user_name: str | None = None

    def admits(self, row: Session) -> bool:
        """Return False when the row contradicts what was asked."""
        return (
            self._admits_times(row)
            and self._admits_duration(row)
            and (not self.in_progress_only or row.end_time is None)
            and (not self.space or row.space is None or any(row.space.is_room(one) for one in self.space))
            and (not self.user or any(str(one) in row.people for one in self.user))
            and (self.tags is None or not row.tags or tags_match(self.tags, row.tags))
        )

    def _admits_times(self, row: Session) -> bool:
        if row.end_time is None and (self.end_time_after or self.end_time_before):
            return False  # what is in progress has not ended before or after anything
        return _between(row.start_time, self.start_time_after, self.start_time_before) and _between(
            row.end_time, self.end_time_after, self.end_time_before
        )

    def _admits_duration(self, row: Session) -> bool:
        if row.seconds is None:
            return True
        return (self.duration_min is None or row.seconds >= self.duration_min) and (
            self.duration_max is None or row.seconds <= self.duration_max
        )


@dataclass(frozen=True, kw_only=True)
class SpaceFilters(_Filters):
    """Filters of the space list (reference: "Get Organisation Space List").

    Args:
        session: UUIDs of sessions held in the space.
        date: Deprecated by the platform; use ``date_after`` and ``date_before``.
        tag_key: A tag that must be set; only together with ``tag_value``.
        tag_value: Its value, without regard to case.
        user: Lessonspace's ids of people who attended.
        assigned_to: Lessonspace's ids of people it is assigned to.
        search: Part of the name.
        page: Where to begin, 1 for the first page.
        date_after: With sessions that ended after.
        date_before: With sessions that started before.
    """

    session: tuple[str, ...] = ()
    date: str | None = None
    tag_key: str | None = None
    tag_value: str | None = None
    user: tuple[int, ...] = ()
    assigned_to: tuple[int, ...] = ()
    search: str | None = None
    page: int | None = None
    date_after: datetime | None = None
    date_before: datetime | None = None

    def admits(self, row: Space) -> bool:
        """Return whether the row has the tag that was asked for: an unproven tag proves nothing."""
        if self.tag_key is None or self.tag_value is None:
            return True
        return tags_match({self.tag_key: self.tag_value}, row.tags)


@dataclass(frozen=True, kw_only=True)
class UserFilters(_Filters):
    """Filters of the user list (reference: "Get Organisation User List").

    Args:
        role: ``teacher``, ``student`` or ``admin``; several are asked for at once.
        space: UUIDs of spaces they attended.
        session: UUIDs of sessions they attended.
        search: Part of the name.
        page: Where to begin, 1 for the first page.
    """

    role: Role | tuple[Role, ...] | None = None
    space: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    search: str | None = None
    page: int | None = None


def tags_match(asked: Mapping[str, str], present: Mapping[str, str]) -> bool:
    """Return whether all tags asked for are present, without regard to case, as the server compares."""
    have = {key.casefold(): value.casefold() for key, value in present.items()}
    return all(
        key.casefold() in have and (value == "" or have[key.casefold()] == value.casefold())
        for key, value in asked.items()
    )
