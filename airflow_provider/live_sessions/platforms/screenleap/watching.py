"""How the shares of an account stand, from one list, however many are waited for.

A tick (PLATFORM-RULES, "One tick of the shared poll"): the recent list; of the shares that have left it, 20 are
read directly; those that a read does not show either are looked for in the history, once for all of them. What
still is not found is looked for again for 15 minutes and then decided from what the wait has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import ConfigurationError, NotFound, Unavailable
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.platforms.screenleap.filters import EPOCH, ShareFilters
from airflow_provider.live_sessions.platforms.screenleap.judging import Gone, judge, judge_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from pydantic import SecretStr

    from airflow_provider.live_sessions.core.contract import Watch
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import SessionStatus
    from airflow_provider.live_sessions.platforms.screenleap.client import ScreenleapClient
    from airflow_provider.live_sessions.platforms.screenleap.models import Share

DIRECT_READS = 20
"""Direct reads a tick at most."""

OVERLAP = timedelta(seconds=600)
"""How far the history is asked for behind the last time a share was known."""


@dataclass(slots=True)
class _Memory:
    """What is known of one watched share.

    Args:
        share: As it was last shown.
        listed: Whether the recent list shows it now.
        last_listed: When that list last did.
        missed_since: From when on it does not.
        last_known: When it was last known about before that; None for never.
        read_at: When it was last read directly.
        unreadable: Whether that read found nothing, and the history neither.
    """

    share: Share | None = None
    listed: bool = False
    last_listed: datetime | None = None
    missed_since: datetime | None = None
    last_known: datetime | None = None
    read_at: datetime = EPOCH
    unreadable: bool = False


class Watching:
    """The memory between ticks: what was last seen of each watched share.

    Args:
        client: The account's client.
        open_code: Opens a ref's sealed code; called only for a share that has left the list.
    """

    def __init__(self, client: ScreenleapClient, open_code: Callable[[SessionRef], SecretStr]) -> None:
        self._client = client
        self._open_code = open_code
        self._known: dict[str, _Memory] = {}

    def statuses(self, watches: Sequence[Watch]) -> list[SessionStatus | None]:
        """Return how each share stands; None for one whose direct read waits for the next tick."""
        if not watches:
            return []
        recent = {self._client.digest(one.code): one for one in self._client.recent() if one.code is not None}
        now = self._client.now()
        refs = {watch.ref.session_id: watch.ref for watch in watches}
        self._known = {digest: self._known.get(digest) or _Memory() for digest in refs}
        polls = [(watch.ref.session_id, at) for watch in watches if (at := watch.seen.last_good_poll) is not None]
        last_good_poll = dict(sorted(polls, key=lambda one: one[1]))  # the latest of each stays
        for digest, memory in self._known.items():
            self._notice(memory, recent.get(digest), now, last_good_poll.get(digest))
        answered = self._read(refs, now)
        return [self._status(watch, now, answered) for watch in watches]

    def _notice(
        self, memory: _Memory, share: Share | None, now: datetime, last_good_poll: datetime | None
    ) -> None:
        memory.listed = share is not None
        if share is not None:
            memory.share, memory.last_listed, memory.missed_since, memory.unreadable = share, now, None, False
        elif memory.missed_since is None:
            known = [one for one in (last_good_poll, memory.last_listed) if one is not None]
            memory.missed_since, memory.last_known = now, max(known, default=None)

    def _read(self, refs: Mapping[str, SessionRef], now: datetime) -> set[str]:
        """Read some of the departed, the longest unread first, and return those that are answered this tick."""
        departed = [digest for digest, memory in self._known.items() if not memory.listed]
        answered: set[str] = set()
        silent: list[str] = []
        for digest in sorted(departed, key=lambda one: self._known[one].read_at)[:DIRECT_READS]:
            memory = self._known[digest]
            memory.read_at = now
            try:
                memory.share, memory.unreadable = self._client.share(self._open_code(refs[digest])), False
            except (NotFound, ConfigurationError):  # no such code; or a code that cannot be opened here
                memory.unreadable = True
                silent.append(digest)
            except Unavailable:
                continue  # one share that cannot be read stops nobody else's wait
            answered.add(digest)
        self._look_into_history(silent, refs)
        return answered

    def _look_into_history(self, silent: Sequence[str], refs: Mapping[str, SessionRef]) -> None:
        if not silent:
            return
        since = min(
            self._known[digest].last_known or parse_time(refs[digest].detail("window_start")) for digest in silent
        )
        for share in self._client.shares(ShareFilters(ended_after=since - OVERLAP)):
            digest = "" if share.code is None else self._client.digest(share.code)
            if digest in silent:
                self._known[digest].share, self._known[digest].unreadable = share, False

    def _status(self, watch: Watch, now: datetime, answered: set[str]) -> SessionStatus | None:
        digest = watch.ref.session_id
        memory = self._known[digest]
        if not memory.listed and digest not in answered:
            return None
        share = memory.share
        # Also where nothing shows it any more: an end that was seen before it left stays true.
        if share is not None and (not memory.unreadable or share.ended_at is not None):
            return judge(share, watch.seen, now, listed=memory.listed, digest=digest)
        gone = Gone(
            since=memory.missed_since or now,
            last_known=memory.last_known,
            started=share is not None and share.started_at is not None,
            watched=share is not None and bool(share.watched),
        )
        return judge_gone(gone, watch.seen, now, digest=digest)
