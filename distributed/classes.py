"""The classes of a run: so short that a quarter of an hour sees all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Sequence

PEOPLE = 2
LASTS = timedelta(seconds=60)
LAUNCH, WAIT = "class.launch", "class.wait"


@dataclass(frozen=True)
class Lesson:
    """One class, and the task instances that have to do with it.

    Args:
        platform: Where it is held.
        title: Its title, which no other class has.
        run_id: The run that launches it.
        map_index: Its place in the run.
        start: When it begins.
    """

    platform: str
    title: str
    run_id: str
    map_index: int
    start: datetime

    @property
    def dag_id(self) -> str:
        """The DAG that launches it."""
        return f"classes_on_{self.platform}"

    @property
    def end(self) -> datetime:
        """When it ends."""
        return self.start + LASTS

    def for_dag(self) -> dict[str, Any]:
        """Return what the DAG takes: the class as a timetable has it, and the platform's launch settings."""
        options = (
            {"workshop": self.title} if self.platform == "educates" else {}
        )  # each class has a workshop there
        people = [Participant(f"p-{number}", f"Person {number}", leader=number == 0) for number in range(PEOPLE)]
        occurrence = Occurrence(
            uid=self.title, title=self.title, start=self.start, end=self.end, participants=tuple(people)
        )
        return {"session": occurrence.to_json(), "options": options}


def batch(number: int, platforms: Sequence[str], size: int, first: datetime, apart: float) -> list[Lesson]:
    """Return the classes that are launched together, as an hourly run would: a run on each platform.

    Args:
        number: Which batch it is.
        platforms: Where classes are held.
        size: Classes on each.
        first: When the first one begins.
        apart: Seconds between two beginnings.
    """
    begin = datetime.fromtimestamp(int(first.timestamp()), UTC)
    return [
        Lesson(
            platform=platform,
            title=f"{platform}-{number}-{place}",
            run_id=f"batch-{number}",
            map_index=place,
            start=begin + timedelta(seconds=round((place * len(platforms) + lane) * apart)),
        )
        for lane, platform in enumerate(platforms)
        for place in range(size)
    ]
