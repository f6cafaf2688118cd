"""Every decision of a wait, without I/O: when to ask again, and whether an answer ends the wait.

The sensor that checks once, the deferred trigger and the launch operator that waits all decide here, so they
cannot come to differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import MISFITS, why
from airflow_provider.live_sessions.core.status import SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from random import Random

    from airflow_provider.live_sessions.core.status import Seen

POLL_INTERVAL = 30.0
"""Seconds between two polls of a connection, where the author says nothing."""

LONGEST_PAUSE = 300.0
"""Seconds that a platform which keeps failing is left alone at most."""

ARTIFACT_DELAYS: tuple[float, ...] = (300.0, 600.0, 1200.0, 2400.0, 3600.0)
"""Seconds between two questions for an artifact; the last one repeats."""

ARTIFACT_CALLS = 14
"""Questions for one session's artifact at most (PLATFORM-RULES, "Artifacts cannot be listed")."""


class GoalKind(StrEnum):
    """What a wait is for."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a wait is for, exactly.

    Args:
        kind: The start or the end of the session.
        min_people: For a start: how many people must have come.
        expected: For a start: the platform's ids of everybody who must have come; empty for no such demand.
    """

    kind: GoalKind
    min_people: int = 1
    expected: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Write for a trigger row."""
        return {"kind": self.kind.value, "min_people": self.min_people, "expected": sorted(self.expected)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Goal:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not a goal.
        """
        try:
            return cls(
                kind=GoalKind(data["kind"]),
                min_people=int(data["min_people"]),
                expected=frozenset(str(one) for one in data["expected"]),
            )
        except MISFITS as error:
            raise ConfigurationError(f"This is not the goal of a wait: {why(error)}.") from None


class Conclusion(StrEnum):
    """How a wait ended."""

    REACHED = "reached"
    CANCELLED = "cancelled"
    NEVER_HELD = "never_held"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a wait.

    Args:
        conclusion: How it ended.
        why: One sentence for the log.
        status: The status that ended it; None where the platform could not be asked before the deadline.
    """

    conclusion: Conclusion
    why: str
    status: SessionStatus | None = None

    def to_json(self) -> dict[str, Any]:
        """Write for a trigger event."""
        return {
            "conclusion": self.conclusion.value,
            "why": self.why,
            "status": None if self.status is None else self.status.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Outcome:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigurationError: It is not the end of a wait.
        """
        try:
            status = data["status"]
            return cls(
                conclusion=Conclusion(data["conclusion"]),
                why=str(data["why"]),
                status=None if status is None else SessionStatus.from_json(status),
            )
        except MISFITS as error:
            raise ConfigurationError(f"This is not the outcome of a wait: {why(error)}.") from None


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something a wait has seen that must outlive the process it waits in.

    Args:
        seen: What the wait remembers from now on.
        why: One sentence for the log.
    """

    seen: Seen
    why: str


def milestone(before: Seen, after: Seen, *, keeps_history: bool) -> Milestone | None:
    """Say whether a wait has to be written down anew: once, when a forgetful platform first shows it live.

    Args:
        before: What it remembered before the poll.
        after: What it remembers now.
        keeps_history: Whether the platform could tell it again.
    """
    if keeps_history or before.first_live is not None or after.first_live is None:
        return None
    return Milestone(after, "It is live for the first time; the wait is written down anew.")


def conclude(goal: Goal, status: SessionStatus, seen: Seen) -> Outcome | None:
    """Say whether a status ends a wait.

    Args:
        goal: What is waited for.
        status: What the platform says now.
        seen: What the wait remembers; its deadline is compared on the platform's clock.

    Returns:
        The outcome, or None while the wait goes on.
    """
    if status.state is State.CANCELLED:
        return Outcome(Conclusion.CANCELLED, status.why, status)
    if status.state is State.NEVER_HELD:
        return Outcome(Conclusion.NEVER_HELD, status.why, status)
    if status.state is State.ENDED:
        return Outcome(Conclusion.REACHED, status.why, status)
    if goal.kind is GoalKind.START and status.state is State.LIVE and _assembled(goal, status):
        return Outcome(Conclusion.REACHED, status.why, status)
    if status.observed_at >= seen.deadline:
        return Outcome(
            Conclusion.DEADLINE,
            f"The deadline {format_time(seen.deadline)} passed while the session was {status.state}: {status.why}",
            status,
        )
    return None


def conclude_unreachable(seen: Seen, now: datetime, reason: str) -> Outcome | None:
    """Say whether a wait ends although the platform cannot be asked: only its deadline ends it.

    Args:
        seen: What the wait remembers.
        now: The local time.
        reason: Why the platform could not be asked.
    """
    if now < seen.deadline:
        return None
    return Outcome(
        Conclusion.DEADLINE,
        f"The deadline {format_time(seen.deadline)} passed while the platform could not be asked: {reason}",
    )


def _assembled(goal: Goal, status: SessionStatus) -> bool:
    if goal.expected:
        return goal.expected <= status.present
    # A platform that cannot count people says None: live is all it can tell.
    return status.people is None or status.people >= goal.min_people


def next_delay(interval: float, failures: int, retry_after: float, rng: Random) -> float:
    """Return the seconds until the next poll.

    Jitter spreads the connections of many triggerers; failures in a row double the pause; what the platform
    asked for is a floor that jitter never goes below.

    Args:
        interval: Seconds between polls when all is well.
        failures: How many polls failed in a row.
        retry_after: Seconds the platform asked for, 0 for none.
        rng: The source of jitter.
    """
    pause = min(interval * 2.0 ** min(failures, 16), max(LONGEST_PAUSE, interval))
    return max(pause * rng.uniform(0.9, 1.1), retry_after)


def artifact_delay(
    asked: int, delays: Sequence[float] = ARTIFACT_DELAYS, *, until_deadline: float = 0.0
) -> float | None:
    """Return the seconds until the next question for an artifact; the first one is asked at once.

    The last question allowed waits for the deadline: it decides.

    Args:
        asked: How often it was asked for already.
        delays: The pauses between two questions; the last one repeats.
        until_deadline: Seconds until the artifact's deadline.

    Returns:
        Seconds, or None when it was asked for often enough.
    """
    if asked >= ARTIFACT_CALLS:
        return None
    pause = 0.0 if asked == 0 else delays[min(asked, len(delays)) - 1]
    return max(pause, until_deadline) if asked == ARTIFACT_CALLS - 1 else pause
