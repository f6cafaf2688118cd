"""The trigger behind a watched asset: every session of a connection that ends, told at least once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.ended import Backlog, Cursor, EndedSession
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.triggers.watching import AT_ONCE, Look, WatchTrigger

if TYPE_CHECKING:
    from airflow_provider.live_sessions.triggers.account import Account


class SessionsEndedTrigger(WatchTrigger[Cursor]):
    """Tells of every session of a connection that ends; see :class:`WatchTrigger`."""

    store_key: ClassVar[str] = "live_sessions_ended"
    subject: ClassVar[str] = "ended sessions"

    _backlog: Backlog | None = None
    """What was listed and is not told yet: it is not listed again for each lot."""
    _asked: float = 0.0
    """When it was listed."""
    _part: bool = False
    """Whether more can be listed at once."""

    async def _look(self, account: Account, memory: Cursor | None) -> Look[Cursor]:
        known, backlog = memory, self._backlog
        if known is None or backlog is None:
            listed = await account.ends.listed(self, memory, young=self._young)
            known, backlog = listed.cursor(memory), listed.backlog
            self._asked, self._part = listed.began, listed.part
        cursor, fresh, self._backlog = backlog.take(known, AT_ONCE)
        more = self._backlog is not None or self._part
        return Look(cursor, self._asked, [self._event(one) for one in fresh], more)

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
