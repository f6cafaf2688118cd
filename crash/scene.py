"""What one run plays: everything that a seed decides."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.schedules.model import Occurrence
from crash.points import ANYWHERE, BY_NAME, DEFERRABLE, LEAVES_NOTHING, Aim, Phase, Point
from crash.server import RETRIES
from crash.strikes import AtRequest, Strike, Then

if TYPE_CHECKING:
    from pathlib import Path

    from crash.venues.venue import Venue

CONN_ID = "crash"
AHEAD = timedelta(seconds=1200)
LASTS = timedelta(seconds=3600)
AGAIN, BEFORE = 0.25, 0.15
"""How often the retry is killed too, and how often a kill comes before the strike that is meant."""


@dataclass(frozen=True)
class Combination:
    """One cell of the matrix with its seed.

    Args:
        platform: The platform's name.
        mode: ``sync`` or ``deferrable``.
        point: The point's name.
        seed: From 0.
    """

    platform: str
    mode: str
    point: str
    seed: int

    def __str__(self) -> str:
        return f"{self.platform}/{self.mode}/{self.point}/{self.seed}"

    @classmethod
    def parse(cls, text: str) -> Combination:
        """Read what ``str`` writes.

        Raises:
            ValueError: It is none.
        """
        platform, mode, point, seed = text.split("/")
        if point not in BY_NAME:
            raise ValueError(f"There is no point {point!r}.")
        return cls(platform, mode, point, int(seed))


@dataclass(frozen=True)
class Scene:
    """One run.

    Args:
        point: Where it is struck.
        titles: A class each; more than one for a mapped task.
        struck: Which of them.
        people: Participants of each.
        keyed: By the timetable's occurrence; else by the task.
        strikes: What befalls the launch, try by try.
        later: What befalls it afterwards, in the point's own phase.
        pause: Seconds of the platform's time before people come.
        delay: The same before each new try.
    """

    point: Point
    titles: tuple[str, ...]
    struck: int
    people: int
    keyed: bool
    strikes: tuple[Strike, ...]
    later: Strike | None
    pause: float
    delay: float

    @property
    def mapped(self) -> bool:
        """Whether the task is mapped."""
        return len(self.titles) > 1

    @property
    def late(self) -> bool:
        """Whether a create outlives its sender."""
        return any(isinstance(one, AtRequest) and one.then is Then.KILL_LATE for one in self.strikes)

    @property
    def twins(self) -> bool:
        """Whether the same try runs twice at the same time."""
        return any(isinstance(one, AtRequest) and one.then is Then.TWIN for one in self.strikes)

    @property
    def crowd(self) -> bool:
        """Whether people come before a try that was taken for dead goes on."""
        return any(isinstance(one, AtRequest) and one.crowd for one in self.strikes)


def scene_of(combination: Combination, venue: Venue) -> Scene:
    """Return the run of a combination; the same one every time."""
    seed = zlib.crc32(str(combination).encode())
    rng = Random(seed)  # noqa: S311 - repeatable on purpose
    point = BY_NAME[combination.point]
    mapped = rng.random() < 0.4
    people = rng.randint(venue.fewest, 3)
    aim = Aim(venue, combination.mode, people, rng)
    strike = point.make(aim)
    strikes: tuple[Strike, ...] = ()
    if point.phase is Phase.LAUNCH:
        strikes = (strike,)
        if rng.random() < BEFORE and point.kill:
            strikes = (rng.choice(LEAVES_NOTHING).make(aim), *strikes)
        retried = point.kill and (point.new_try or combination.mode != DEFERRABLE)
        if rng.random() < AGAIN and retried:
            strikes = (*strikes, rng.choice(ANYWHERE).make(aim))
    titles = tuple(f"class-{number}-{seed:x}" for number in range(2 if mapped else 1))
    return Scene(
        point=point,
        titles=titles,
        struck=rng.randrange(len(titles)),
        people=people,
        keyed=rng.random() < 0.5,
        strikes=strikes,
        later=None if point.phase is Phase.LAUNCH else strike,
        pause=rng.choice((0.0, 5.0, 60.0)) if venue.leaps else 0.0,
        delay=rng.choice((1.0, 10.0, 60.0, 300.0)) if venue.leaps else 0.5,
    )


def dag_of(scene: Scene, combination: Combination, venue: Venue, destination: Path) -> dict[str, Any]:
    """Return what the DAG file reads: the operators' arguments, as JSON."""
    start = datetime.fromtimestamp(int(datetime.now(UTC).timestamp()), UTC) + AHEAD
    people = [Participant(f"p-{number}", f"Person {number}", leader=number == 0) for number in range(scene.people)]
    lanes = []
    for title in scene.titles:
        if scene.keyed:
            occurrence = Occurrence(
                uid=title, title=title, start=start, end=start + LASTS, participants=tuple(people)
            )
            lane: dict[str, Any] = {"session": occurrence.to_json()}
        else:
            lane = {
                "title": title,
                "start": start.isoformat(),
                "end": (start + LASTS).isoformat(),
                "participants": [one.to_json() for one in people],
            }
        lanes.append({**lane, **venue.arguments(title)})
    return {
        "launch": venue.launch,
        "retrieve": venue.retrieve if scene.point.phase is Phase.HOME else "",
        "destination": str(destination),
        "mapped": scene.mapped,
        "lanes": lanes,
        "common": {
            "conn_id": CONN_ID,
            "wait_for_completion": True,
            "deferrable": combination.mode == DEFERRABLE,
            "poll_interval": 0.05,
            "retries": RETRIES,
        },
    }
