"""How sessions stand right now: asked from each connection once per interval, kept, and never waited for.

Who looks at the page is answered at once with what is known; what is older than the interval is asked again on a
thread meanwhile. However many people look, a connection is asked by one of them.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.errors import LiveSessionError, RateLimited, Unavailable
from airflow_provider.live_sessions.plugin.sessions_page.accounts import open_account

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.core.status import Seen, SessionStatus

log = logging.getLogger(__name__)

INTERVAL = 30.0
"""Seconds between two questions to a connection."""

REOPEN = 600.0
"""Seconds after which an account is opened anew, to notice an edited connection; at once after an error."""

KEPT_INTERVALS = 10
"""For so many intervals a session is asked about after somebody last looked."""

KEPT_AT_LEAST = 60.0
"""Seconds for which it is, however short the interval."""

THREADS = 4
"""Connections that are asked at the same time."""

Account = tuple[str, str]
"""A platform's name and the connection."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a connection's sessions.

    Args:
        statuses: How each stands, as far as it was told.
        asked_at: When the platform answered last; None before that.
        asking: Whether it is being asked now.
        problem: Why it could not be asked the last time, for people; empty when it could.
    """

    statuses: Mapping[SessionRef, SessionStatus]
    asked_at: datetime | None
    asking: bool
    problem: str


@dataclass
class _Wanted:
    seen: Seen
    until: float


@dataclass
class _Known:
    wanted: dict[SessionRef, _Wanted] = field(default_factory=dict)
    statuses: dict[SessionRef, SessionStatus] = field(default_factory=dict)
    asked_at: datetime | None = None
    asking: bool = False
    problem: str = ""
    next_allowed: float = float("-inf")
    platform: SessionPlatform | None = None
    opened_at: float = 0.0


class LiveStates:
    """The states of all connections, in one process.

    Args:
        interval: Seconds between two questions to a connection.
        opening: Opens the account of a session.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        interval: float = INTERVAL,
        opening: Callable[[SessionRef], SessionPlatform] = open_account,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.interval = interval
        self._opening = opening
        self._clock = clock
        self._known: dict[Account, _Known] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="live-sessions-page")

    def look(self, wanted: Mapping[Account, Mapping[SessionRef, Seen]]) -> dict[Account, Told]:
        """Return what is known, and have asked what is not known any more; waits for nobody.

        Args:
            wanted: For each connection its sessions that are not known to be over.
        """
        return {account: self._look(account, sessions) for account, sessions in wanted.items()}

    def close(self) -> None:
        """Let go of every account; what is being asked is waited for."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for known in self._known.values():
            _close(known)

    def _look(self, account: Account, sessions: Mapping[SessionRef, Seen]) -> Told:
        with self._lock:
            known = self._known.setdefault(account, _Known())
            # People may look at different sessions; what nobody looks at any more is let go.
            until = self._clock() + max(KEPT_AT_LEAST, KEPT_INTERVALS * self.interval)
            for ref, seen in sessions.items():
                known.wanted.setdefault(ref, _Wanted(seen, until)).until = until
            if not known.asking and sessions and self._clock() >= known.next_allowed:
                known.asking = True
                self._threads.submit(self._ask, known)
            return Told(
                {ref: known.statuses[ref] for ref in sessions if ref in known.statuses},
                known.asked_at,
                known.asking,
                known.problem,
            )

    def _ask(self, known: _Known) -> None:
        with self._lock:
            now = self._clock()
            known.wanted = wanted = {ref: one for ref, one in known.wanted.items() if one.until >= now}
            watches = [Watch(ref, one.seen) for ref, one in wanted.items()]
        pause, problem = self.interval, ""
        found: dict[SessionRef, SessionStatus] = {}
        try:
            # Nobody may look any more by the time that a thread was free.
            statuses = (
                self._platform(known, watches[0].ref).statuses(watches, datetime.now(UTC)) if watches else ()
            )
            found = {one.ref: status for one, status in zip(watches, statuses, strict=True) if status is not None}
        except LiveSessionError as error:
            problem = str(error)
            if isinstance(error, RateLimited | Unavailable):
                pause = max(pause, error.retry_after)
        except Exception as error:
            log.exception("The page of live sessions could not ask a platform.")
            problem = f"It could not be asked: an unexpected {type(error).__name__}; the API server's log has it."
        if problem:
            _close(known)
        with self._lock:
            for ref, status in found.items():
                wanted[ref].seen = wanted[ref].seen.after(status)
            known.statuses = {**{ref: one for ref, one in known.statuses.items() if ref in wanted}, **found}
            known.asked_at = datetime.now(UTC) if watches and not problem else known.asked_at
            known.problem = problem
            known.next_allowed = self._clock() + pause
            known.asking = False

    def _platform(self, known: _Known, ref: SessionRef) -> SessionPlatform:
        if known.platform is not None and self._clock() - known.opened_at > REOPEN:
            _close(known)
        if known.platform is None:
            known.platform, known.opened_at = self._opening(ref), self._clock()
        return known.platform


def _close(known: _Known) -> None:
    platform, known.platform = known.platform, None
    if platform is not None:
        platform.close()
