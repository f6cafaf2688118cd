"""Which classes a run takes in hand. Pure: the timetable, the claims and the time go in, a choice comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.schedules.model import digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.schedules.claims import Claim
    from airflow_provider.live_sessions.schedules.model import Occurrence


class OnMissed(StrEnum):
    """What happens to a class whose start has passed before anybody launched it."""

    SKIP = "skip"
    LAUNCH = "launch"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A class that the run does not take, and why.

    Args:
        occurrence: The class.
        why: One sentence.
        missed: True when it was missed, not just in other hands.
    """

    occurrence: Occurrence
    why: str
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What a run does.

    Args:
        launch: Classes to launch, by start.
        cancel: Classes to cancel, by start.
        left: Classes that are left alone.
        vanished: Claims of classes that were launched and are no longer in the timetable.
    """

    launch: tuple[Occurrence, ...]
    cancel: tuple[Occurrence, ...]
    left: tuple[LeftAlone, ...]
    vanished: tuple[Claim, ...]

    @property
    def missed(self) -> tuple[LeftAlone, ...]:
        """Those left alone because they were missed."""
        return tuple(one for one in self.left if one.missed)


def choose(
    occurrences: Iterable[Occurrence],
    claims: Mapping[str, Claim],
    *,
    key_of: Callable[[Occurrence], str],
    in_hand: Callable[[Claim], bool],
    run_id: str,
    now: datetime,
    window: tuple[datetime, datetime],
    on_missed: OnMissed,
) -> Choice:
    """Choose what a run takes in hand.

    Args:
        occurrences: The timetable's classes in the window, and those before it that may still go on.
        claims: What runs have in hand, by key.
        key_of: The digest of a class's launch key.
        in_hand: Whether the lane of a claim still works on the class or is done with it: not failed, not gone.
        run_id: The run that chooses: what it has claimed itself, a retry takes again.
        now: The present.
        window: The run's horizon; classes that began before it are looked at while they last.
        on_missed: What to do with a class that has started unlaunched.
    """
    launch: list[Occurrence] = []
    cancel: list[Occurrence] = []
    left: list[LeftAlone] = []
    met: set[str] = set()
    for one in occurrences:
        key = key_of(one)
        met.add(key)
        claim = claims.get(key)
        own = claim is not None and claim.run_id == run_id
        if claim is not None and not own and claim.digest == digest(one) and in_hand(claim):
            left.append(LeftAlone(one, f"It is in the hands of run {claim.run_id}."))
        elif one.end <= now:
            # What was over before the horizon is history, not missed by this run.
            if one.start >= window[0]:
                left.append(LeftAlone(one, f"It was over at {format_time(one.end)}.", missed=claim is None))
        elif one.cancelled:
            if claim is None:
                left.append(LeftAlone(one, "It is cancelled and was never launched."))
            else:
                cancel.append(one)
        elif one.start <= now and claim is None and on_missed is not OnMissed.LAUNCH:
            left.append(LeftAlone(one, f"It began at {format_time(one.start)} unlaunched.", missed=True))
        else:
            launch.append(one)
    vanished = tuple(
        claim
        for key, claim in sorted(claims.items())
        if key not in met
        and claim.action == "launch"
        and window[0] <= claim.start < window[1]
        and claim.start > now
    )
    return Choice(tuple(launch), tuple(cancel), tuple(left), vanished)
