"""The trigger behind a watched asset: every session of a connection that ends, told at least once, in order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.ended import Cursor, EndedSession, EndingPlatform
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

    async def _look(self, account: Account, memory: Cursor | None) -> Look[Cursor]:
        cursor, fresh, more = await account.call(lambda platform: take_ended(platform, memory, most=AT_ONCE))
        return Look(cursor, [self._event(one) for one in fresh], more)

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


def take_ended(
    platform: SessionPlatform, cursor: Cursor | None, *, most: int | None
) -> tuple[Cursor, Sequence[EndedSession], bool]:
    """Ask for what ended behind the cursor; runs on the connection's thread.

    Args:
        platform: The open platform.
        cursor: Up to where ends were told; None where the watching begins.
        most: How many to take at once; None for all.

    Returns:
        The cursor behind them, what ended, oldest first, and whether there is more.

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
        return Cursor(begun_at).after(old, begun_at, overlap), (), False
    found, asked_at = platform.ended_since(cursor.since(overlap))
    return cursor.take(found, asked_at, overlap, most)
