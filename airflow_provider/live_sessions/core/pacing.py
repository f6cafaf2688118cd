"""When the next request may go: arithmetic only, without clock, lock or file.

The generic cell rate algorithm (ITU-T I.371): one number, the arrival time at which the allowance would be whole
again, says how much of it is spent. Whoever wants to send reserves the next slot and waits for it, so turns are
given in the order of asking, and one who dies before its slot costs the others that one slot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from airflow_provider.live_sessions.core.errors import ConfigurationError

NOW = 1e-6
"""Seconds; less than a clock can be trusted with."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one client may spend.

    Args:
        rate: Requests a second.
        burst: How many may follow each other at once after a quiet time.

    Raises:
        ConfigurationError: The rate is not above 0 or the burst below 1.
    """

    rate: float
    burst: float = 1.0

    def __post_init__(self) -> None:
        if not (0 < self.rate < float("inf") and 1 <= self.burst < float("inf")):
            raise ConfigurationError(
                f"A rate of {self.rate} requests a second with a burst of {self.burst} is no rate budget.",
                advice="Give a rate above 0 and a burst of at least 1.",
            )

    @property
    def interval(self) -> float:
        """Seconds between two requests when nothing is saved up."""
        return 1.0 / self.rate

    @property
    def slack(self) -> float:
        """Seconds that a request may go ahead of its arrival time: what a burst takes in advance."""
        return (self.burst - 1.0) / self.rate


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is spent of one account's allowance, and until when nothing may be sent at all.

    Args:
        arrival: When the allowance would be whole again if nobody asked any more.
        paused_until: The end of the pause that the platform asked for.
    """

    arrival: float = float("-inf")
    paused_until: float = float("-inf")

    def reserve(self, pace: Pace, now: float) -> tuple[Schedule, float]:
        """Return the schedule with the next slot taken, and when that slot is.

        A pause leaves one request free, not a burst: a platform that asked for quiet is not met with ten at once.
        """
        spent = max(self.arrival, self.paused_until + pace.slack)
        slot = max(now, spent - pace.slack)
        return replace(self, arrival=max(spent, slot) + pace.interval), slot

    def pause(self, until: float) -> Schedule:
        """Return the schedule with nothing before a moment; a longer pause already set stays.

        Slots reserved inside the pause are void; those after it stay good, so nobody else is given them.
        """
        return replace(self, paused_until=max(self.paused_until, until))

    def bounded(self, now: float, longest: float) -> Schedule:
        """Return the schedule with nothing further in the future than anything real can be.

        Args:
            now: The time.
            longest: Seconds that a pause, or a queue behind it, can last.
        """
        paused_until = min(self.paused_until, now + longest)
        return Schedule(min(self.arrival, max(now, paused_until) + longest), paused_until)


class Turn(NamedTuple):
    """One look at the schedule by who wants to send.

    Args:
        slot: When it may send; None where the pause is too long for it.
        pause: Seconds that the pause still lasts, where it is too long; else 0.
    """

    slot: float | None
    pause: float = 0.0


def take_turn(
    schedule: Schedule, pace: Pace, now: float, *, patience: float, held: float | None = None
) -> tuple[Schedule, Turn]:
    """Reserve a slot, or keep the one held unless a pause was set over it meanwhile.

    Args:
        schedule: What is spent.
        pace: How fast this client may spend.
        now: The time.
        patience: Seconds that a pause may last at most; for a longer one nothing is reserved.
        held: The slot reserved before, None at the first look.
    """
    left = schedule.paused_until - now
    if left > patience:
        return schedule, Turn(None, left)
    if held is not None and schedule.paused_until <= held + NOW:
        return schedule, Turn(held)
    after, slot = schedule.reserve(pace, now)
    return after, Turn(slot)
