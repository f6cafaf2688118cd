"""What every platform can be asked. The mechanisms know platforms by this file alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, runtime_checkable

from airflow_provider.live_sessions.core.errors import ConfigurationError, Unsupported
from airflow_provider.live_sessions.core.reading import MISFITS, finite, why
from airflow_provider.live_sessions.core.times import format_time, later, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import CancelOutcome, Launched, Participant, Plan, SessionRef
    from airflow_provider.live_sessions.core.segment_rows import SegmentRow
    from airflow_provider.live_sessions.core.session_rows import ExportAsk, ExportRules, SessionRow, Tally
    from airflow_provider.live_sessions.core.status import Seen, SessionStatus


class Ability(StrEnum):
    """What a platform may or may not be able to do."""

    CANCEL_SCHEDULED = "cancel a session before it starts"
    END_LIVE = "end a session with people in it"
    UPDATE = "change a session after its launch"
    EXTEND = "extend a running session"
    TRANSCRIPT = "transcripts"
    RECORDING = "recordings"
    ATTENDANCE = "attendance"
    REMOVE_USER = "remove a user from the account"


@dataclass(frozen=True, slots=True)
class Found:
    """The key was launched before.

    Args:
        ref: Finds the session.
        status: How it stands.
        fingerprint: The fingerprint of the plan it was launched with, where the platform carries it.
        recorded: What the task itself recorded under the key: it may know parts that the platform has forgotten.
    """

    ref: SessionRef
    status: SessionStatus
    fingerprint: str = ""
    recorded: SessionRef | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The platform proves that the key was never launched."""


@dataclass(frozen=True, slots=True)
class Unprovable:
    """The platform shows nothing of the key, which proves nothing.

    Args:
        why: One sentence for the log.
    """

    why: str


Lookup = Found | Absent | Unprovable


class Readiness(StrEnum):
    """Whether an artifact can be fetched."""

    PENDING = "pending"
    READY = "ready"
    NEVER = "never"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether one session's artifact is there.

    Args:
        readiness: Fetch it, come back later, or stop asking.
        why: One sentence for the log and the manifest.
    """

    readiness: Readiness
    why: str


@dataclass(frozen=True, slots=True)
class Watch:
    """One session with what one wait remembers of it."""

    ref: SessionRef
    seen: Seen


@runtime_checkable
class SessionPlatform(Protocol):
    """One account on one platform, opened with one Airflow connection."""

    name: str
    abilities: frozenset[Ability]
    keeps_history: bool
    """False where a session missed while nobody polled cannot be read back: then a wait writes down that it
    saw the session live, so that a restart of the triggerer does not forget it."""

    def launch(self, plan: Plan, key: LaunchKey) -> Launched:
        """Make the session exist and obtain its join links.

        Sessions of other tries are given up in ``Launched.afterwards`` only.

        Raises:
            OutcomeUnknown: The request was sent and its answer lost; the next try looks before it acts.
        """

    def adopt(self, found: Found, plan: Plan, key: LaunchKey) -> Launched:
        """Take over a session that was launched before and is not over.

        Brings name and times up to date and gives links where the platform can; ``links`` is None where it
        cannot give them a second time.
        """

    def find(self, key: LaunchKey, plan: Plan) -> Lookup:
        """Look for a session launched under the key. A failed look-up raises; it is never ``Absent``."""

    def statuses(self, watches: Sequence[Watch], now: datetime) -> Sequence[SessionStatus | None]:
        """Return how the sessions stand, in order; None where the answer has to wait for the next poll.

        The number of requests does not grow with the number of watches. The same session may be watched
        twice with two memories (its start with one deadline, its end with another).

        Args:
            watches: The sessions that are due.
            now: The local time; a platform that tells its own time goes by that.
        """

    def cancel(self, ref: SessionRef, *, force: bool = False, handed_over: bool = True) -> CancelOutcome:
        """Cancel as far as the platform can, and say what it could not.

        Args:
            ref: The session.
            force: Also try what is documented but uncertain.
            handed_over: False when no join link can have left Airflow yet.
        """

    def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class ExportPlatform(Protocol):
    """A platform whose past sessions can be read back, all of a time at once."""

    name: str
    export_rules: ExportRules

    def now(self) -> datetime:
        """Return the platform's time."""

    def ended_sessions(self, ask: ExportAsk, tally: Tally) -> Iterator[SessionRow]:
        """Yield every session whose ``counted_at`` lies in the time, whole, in any order.

        A session may come twice; the row that knows more counts. The rows held at once do not grow with the time.

        Args:
            ask: Which sessions.
            tally: Takes what was asked and met, so that what is missing is seen.

        Raises:
            Unavailable: The platform's list and its own count do not agree.
            Unsupported: The platform keeps no history.
        """

    def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class TranscriptsPlatform(ExportPlatform, Protocol):
    """A platform whose transcripts can be read back, all of a time at once."""

    def spoken_segments(
        self,
        ask: ExportAsk,
        tally: Tally,
        rules: ArtifactRules,
        launched: Callable[[str], Mapping[str, Participant]],
    ) -> Iterator[SegmentRow]:
        """Yield what was said in every session whose ``counted_at`` lies in the time, in any order.

        One transcript is held at a time. ``tally.figures`` counts the sessions by what became of their transcript:
        ``transcripts``, ``never``, ``pending``, ``failed``; together they are the sessions of the time.

        Args:
            ask: Which sessions.
            tally: Takes what was asked and met; a transcript that is not there yet, or failed, is in ``lacking``.
            rules: From when on a session has a transcript, and how long one is waited for.
            launched: Returns by a launch key the participant for each of the platform's user ids that are known.

        Raises:
            Unavailable: The platform could not be read to the end.
        """


@runtime_checkable
class ArtifactPlatform(Protocol):
    """A platform whose artifacts appear some time after the end and cannot be listed."""

    def readiness(self, ability: Ability, ref: SessionRef | None, session_id: str, asked: ArtifactWait) -> Verdict:
        """Say whether the artifact of one session is there, with at most a few requests.

        Args:
            ability: Which artifact.
            ref: What it was launched as; None where only the session is known.
            session_id: The platform's id of the session.
            asked: What bounds the wait.
        """


@dataclass(frozen=True, slots=True)
class ArtifactWait:
    """What an artifact's wait knows.

    Args:
        deadline: When pending becomes failed, absolute.
        short_deadline: The same for sessions that are only perhaps long enough.
        min_seconds: Shorter sessions never have the artifact.
        sure_seconds: Sessions longer than this should have it.
    """

    deadline: datetime
    short_deadline: datetime
    min_seconds: float
    sure_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Write for a trigger row."""
        return {
            "deadline": format_time(self.deadline),
            "short_deadline": format_time(self.short_deadline),
            "min_seconds": self.min_seconds,
            "sure_seconds": self.sure_seconds,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ArtifactWait:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It does not bound a wait.
        """
        try:
            return cls(
                deadline=parse_time(data["deadline"]),
                short_deadline=parse_time(data["short_deadline"]),
                min_seconds=finite(data["min_seconds"]),
                sure_seconds=finite(data["sure_seconds"]),
            )
        except MISFITS as error:
            raise ConfigurationError(f"This does not bound a wait for an artifact: {why(error)}.") from None


@dataclass(frozen=True, slots=True)
class ArtifactRules:
    """From when on a session has an artifact, and how long one is waited for; all in seconds.

    Args:
        min_seconds: Shorter sessions never have it.
        sure_seconds: Longer ones should have it.
        give_up_after: After the end, for sessions that should have it.
        give_up_after_short: After the end, for those in between.
    """

    min_seconds: float = 150.0
    sure_seconds: float = 300.0
    give_up_after: float = 86_400.0
    give_up_after_short: float = 21_600.0

    @classmethod
    def of(cls, rules: object) -> ArtifactRules:
        """Return the rules; a mapping overrides single ones.

        Raises:
            ConfigurationError: There is no such rule, or a value is no number.
        """
        if isinstance(rules, ArtifactRules):
            return rules
        known = [one.name for one in fields(cls)]
        try:
            return cls(**{name: finite(value) for name, value in dict(rules).items()})  # type: ignore[call-overload]
        except MISFITS:
            raise ConfigurationError(
                "The rules of an artifact do not fit.", advice=f"Known are {', '.join(known)}, in seconds."
            ) from None

    def after(self, end: datetime) -> ArtifactWait:
        """Return the bounds for a session that ended then."""
        return ArtifactWait(
            deadline=later(end, self.give_up_after),
            short_deadline=later(end, self.give_up_after_short),
            min_seconds=self.min_seconds,
            sure_seconds=self.sure_seconds,
        )


DEFAULT_RULES = ArtifactRules()


def unsupported(platform: str, conn_id: str, what: str, instead: str) -> NoReturn:
    """Raise ``Unsupported`` with the reason and the nearest thing that works."""
    raise Unsupported(what, platform=platform, conn_id=conn_id, advice=instead)
