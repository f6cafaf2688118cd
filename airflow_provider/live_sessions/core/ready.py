"""Which sessions are waited for because of what they leave: what a watcher of transcripts remembers.

No list shows that a transcript is ready, so each session that ended is asked for on its own: further and further
apart, a bounded number of times, up to a deadline. All times are the platform's, so that a watcher that was away
goes on where it stopped. The memory is small enough for a database row: one short list a session.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.contract import Readiness
from airflow_provider.live_sessions.core.ended import Cursor, event_id_of
from airflow_provider.live_sessions.core.polling import artifact_delay
from airflow_provider.live_sessions.core.reading import MISFITS, finite
from airflow_provider.live_sessions.core.times import later

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.core.contract import Ability, ArtifactWait, Verdict
    from airflow_provider.live_sessions.core.ended import EndedSession


@dataclass(frozen=True, slots=True)
class Awaited:
    """A session that ended, and that is asked for what it leaves.

    Args:
        session_id: The platform's id.
        ended_at: When it ended.
        key: Digest of the launch key, where the list told it.
        due: From when on it is asked for.
        asked: How often it was asked for already.
    """

    session_id: str
    ended_at: datetime
    key: str
    due: datetime
    asked: int = 0

    def event_id(self, happening: str) -> str:
        """Return what is the same whenever this is told again, and differs for every other happening."""
        return event_id_of(happening, self.session_id)


@dataclass(frozen=True, slots=True)
class Awaiting:
    """Up to where ends were taken in, and which sessions are still waited for.

    Args:
        ends: Up to where ends were taken in.
        sessions: Those still waited for, by their id.
    """

    ends: Cursor
    sessions: Mapping[str, Awaited] = field(default_factory=dict, hash=False)

    def with_ended(
        self, fresh: Sequence[EndedSession], ends: Cursor, ability: Ability, delays: Sequence[float]
    ) -> Awaiting:
        """Return the memory with more sessions to wait for.

        Args:
            fresh: What ended, each once.
            ends: The cursor behind them.
            ability: What is waited for; sessions that lack it are left out.
            delays: Seconds between two questions; the first one also lies between the end and the first question.
        """
        new = {
            one.session_id: Awaited(one.session_id, one.ended_at, one.key, later(one.ended_at, delays[0]))
            for one in fresh
            if ability not in one.lacks and one.session_id not in self.sessions
        }
        return Awaiting(ends, {**self.sessions, **new})

    def next_due(self, now: datetime) -> Awaited | None:
        """Return who is asked for next, the longest due first; None where nobody is due."""
        first = min(self.sessions.values(), key=lambda one: (one.due, one.ended_at, one.session_id), default=None)
        return first if first is not None and first.due <= now else None

    def answered(
        self, one: Awaited, verdict: Verdict, now: datetime, wait: ArtifactWait, delays: Sequence[float]
    ) -> Awaiting:
        """Return the memory after a question: the session is asked for again later, or never.

        Args:
            one: The session.
            verdict: What the platform said.
            now: The platform's time.
            wait: What bounds this session's wait.
            delays: Seconds between two questions; the last one repeats.
        """
        asked = one.asked + 1
        pause = None
        if verdict.readiness is Readiness.PENDING:
            pause = artifact_delay(asked, delays, until_deadline=(wait.deadline - now).total_seconds())
        others = {name: other for name, other in self.sessions.items() if name != one.session_id}
        if pause is None:
            return replace(self, sessions=others)
        again = replace(one, asked=asked, due=later(now, pause))
        return replace(self, sessions={**others, one.session_id: again})

    def to_json(self) -> dict[str, Any]:
        """Write for the state store, in short: there may be many. Times are seconds since 1970."""
        return {
            "version": 1,
            "ends": self.ends.to_json(),
            "sessions": [
                # Up to the next second, because the last question waits for the deadline.
                [one.session_id, one.ended_at.timestamp(), one.key, ceil(one.due.timestamp()), one.asked]
                for _, one in sorted(self.sessions.items())
            ],
        }

    @classmethod
    def from_json(cls, data: object) -> Awaiting | None:
        """Read what :meth:`to_json` wrote; None for anything else: then there is no memory."""
        try:
            fields = dict(data)  # type: ignore[call-overload]  # anything else ends below
            ends = Cursor.from_json(fields["ends"])
            read = [
                Awaited(str(name), _moment(ended_at), str(key), _moment(due), int(asked))
                for name, ended_at, key, due, asked in fields["sessions"]
            ]
        except (*MISFITS, OSError):  # a time out of all range may be an OSError
            return None
        return None if ends is None else cls(ends, {one.session_id: one for one in read})


def _moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(finite(seconds), UTC)
