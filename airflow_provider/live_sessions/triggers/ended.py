"""The trigger behind a watched asset: every session of a connection that ends, told at least once, in order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.ended import Backlog, Cursor, EndedSession, EndingPlatform
from airflow_provider.live_sessions.core.errors import Unsupported
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.triggers.watching import AT_ONCE, Look, WatchTrigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.triggers.account import Account


class SessionsEndedTrigger(WatchTrigger[Cursor]):
    """Tells of every session of a connection that ends; see :class:`WatchTrigger`."""

    store_key: ClassVar[str] = "live_sessions_ended"
    subject: ClassVar[str] = "ended sessions"

    _backlog: Backlog | None = None
    """What was listed and is not told yet: it is not listed again for each lot."""

    async def _look(self, account: Account, memory: Cursor | None) -> Look[Cursor]:
        known, backlog = memory, self._backlog
        if known is None or backlog is None:
            listed = await account.call(lambda platform: list_ended(platform, memory))
            known, backlog = listed
        cursor, fresh, self._backlog = backlog.take(known, AT_ONCE)
        return Look(cursor, [self._event(one) for one in fresh], self._backlog is not None)

    def _read(self, data: object) -> Cursor | None:
        return Cursor.from_json(data)

    def _event(self, one: EndedSession) -> dict[str, Any]:
        return {
            "version": 1,
            "happening": "session-ended",
            "id": one.event_id,
            "conn_id": self._conn_id,
            "session": one.key,
            "session_id": one.session_id,
            "ended_at": format_time(one.ended_at),
            "held": one.held.value,
        }


def take_ended(platform: SessionPlatform, cursor: Cursor | None) -> tuple[Cursor, Sequence[EndedSession]]:
    """Ask for all that ended behind the cursor; runs on the connection's thread.

    Args:
        platform: The open platform.
        cursor: Up to where ends were told; None where the watching begins.

    Returns:
        The cursor behind them, and what ended, oldest first.

    Raises:
        Unsupported: The platform keeps no list of what has ended.
    """
    known, backlog = list_ended(platform, cursor)
    behind, fresh, _ = backlog.take(known, None)
    return behind, fresh


def list_ended(platform: SessionPlatform, cursor: Cursor | None) -> tuple[Cursor, Backlog]:
    """List what ended behind the cursor; runs on the connection's thread.

    Args:
        platform: The open platform.
        cursor: Up to where ends were told; None where the watching begins.

    Returns:
        The cursor to take from the list with, and the list.

    Raises:
        Unsupported: The platform keeps no list of what has ended.
    """
    if not isinstance(platform, EndingPlatform):
        raise Unsupported(
            "It keeps no list of what has ended.", platform=platform.name, advice="Use the end sensor's outlets."
        )
    overlap = platform.ended_overlap
    if cursor is None:
        # Watching begins now: what ended before is not news.
        _, begun_at = platform.ended_since(datetime.now(UTC))  # only for the platform's own time
        found, _ = platform.ended_since(begun_at - overlap)
        old = [one for one in found if one.told_at <= begun_at]
        return Cursor(begun_at).after(old, begun_at, overlap), Backlog((), begun_at, overlap)
    found, asked_at = platform.ended_since(cursor.since(overlap))
    return cursor, Backlog(found, asked_at, overlap)
