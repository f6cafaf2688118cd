"""The demo's workshops: four classes that overlap, and what is to become of each of their learners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from airflow_provider.live_sessions.platforms.educates.judging import Fate as Told

BASICS = "lab-basics"
CONTAINERS = "lab-containers"

SHORTEST_MINUTES = 1.0
"""To open a link after the start: the DAG's form takes no less."""


class Fate(StrEnum):
    """What becomes of a learner's session."""

    STAYED = "time was up"
    EARLY = "finished early"
    NEVER = "never came"
    CLOSED = "ended at closing time"
    UNOPENED = "closed unopened"
    CANCELLED = "cancelled"

    @property
    def cleaned_up(self) -> bool:
        """Whether it is the class's clean-up that ends it."""
        return self in (Fate.CLOSED, Fate.UNOPENED)

    @property
    def told(self) -> Told:
        """What the wait for the class's end has to say of it."""
        if self is Fate.NEVER:
            return Told.LAPSED
        return Told.TERMINATED if self in (Fate.UNOPENED, Fate.CANCELLED) else Told.FINISHED


@dataclass(frozen=True)
class Learner:
    """Somebody who gets a session.

    Args:
        id: As the form names them; the same person may be in two classes.
        fate: What is to become of the session.
        opens: Seconds from the links' arrival until this one is opened; None for never.
        leaves: Seconds from then until "Finish workshop"; None stays.
    """

    id: str
    fate: Fate
    opens: float | None = None
    leaves: float | None = None


@dataclass(frozen=True)
class Course:
    """One class, one run of the DAG.

    Args:
        run_id: The run.
        title: Its title.
        workshop: The Workshop resource.
        provision: When its sessions are to be made.
        start: Its planned start.
        closing: When whatever is left is ended.
        conclusion: What the wait for its end has to say.
        learners: Who is expected.
        activate_minutes: Minutes after the start in which a link has to be opened.
    """

    run_id: str
    title: str
    workshop: str
    provision: datetime
    start: datetime
    closing: datetime
    conclusion: str
    learners: tuple[Learner, ...]
    activate_minutes: float = SHORTEST_MINUTES

    @property
    def lapse(self) -> datetime:
        """When the link of somebody who has not come ends at the earliest; a late or repeated launch moves it."""
        return self.start + timedelta(minutes=self.activate_minutes)

    @property
    def came(self) -> list[str]:
        """Who opens the link."""
        return sorted(one.id for one in self.learners if one.opens is not None)

    @property
    def missing(self) -> list[str]:
        """Who does not."""
        return sorted(one.id for one in self.learners if one.opens is None)

    @property
    def cancelled(self) -> bool:
        """Whether the portal's people end its sessions before anybody came."""
        return any(one.fate is Fate.CANCELLED for one in self.learners)

    def form(self) -> dict[str, Any]:
        """Return the run's form: the DAG as shipped, with a class of a minute or two."""
        return {
            "title": self.title,
            "workshop": self.workshop,
            "start": self.start.isoformat(),
            "minutes": (self.closing - self.start).total_seconds() / 60,
            "learners": [{"id": one.id, "name": one.id.title(), "email": ""} for one in self.learners],
            "provision_minutes": (self.start - self.provision).total_seconds() / 60,
            "activate_minutes": self.activate_minutes,
            "timezone": "UTC",
            "poll_interval": 2,
        }


def refused(now: datetime) -> Course:
    """Return the class that is refused a seat at first.

    It is provisioned early enough that the retry, a minute later, still comes before the start.

    Args:
        now: When its run is triggered.
    """
    return Course(
        run_id="containers",
        title="Containers, hands on",
        workshop=CONTAINERS,
        provision=now,
        start=now + timedelta(seconds=80),
        closing=now + timedelta(seconds=150),
        activate_minutes=2.5,
        conclusion="reached",
        learners=(
            Learner("eve", Fate.CLOSED, opens=1),
            Learner("bo", Fate.CLOSED, opens=3),
            Learner("gil", Fate.UNOPENED),
        ),
    )


def others(now: datetime) -> tuple[Course, ...]:
    """Return the classes that overlap with it.

    Args:
        now: When their runs are triggered.
    """

    def at(seconds: float) -> datetime:
        return now + timedelta(seconds=seconds)

    return (
        Course(
            run_id="kubernetes",
            title="Kubernetes for beginners",
            workshop=BASICS,
            provision=at(12),
            start=at(20),
            closing=at(135),
            conclusion="reached",
            learners=(
                Learner("ada", Fate.STAYED, opens=1),
                Learner("cleo", Fate.EARLY, opens=3, leaves=12),
                Learner("bo", Fate.STAYED, opens=18),
                Learner("dan", Fate.NEVER),
            ),
        ),
        Course(
            run_id="service-mesh",
            title="Service mesh",
            workshop=BASICS,
            provision=at(0),
            start=at(10),
            closing=at(110),
            conclusion="never_held",
            learners=(Learner("hal", Fate.NEVER), Learner("ida", Fate.NEVER)),
        ),
        Course(
            run_id="operators",
            title="Operators from scratch",
            workshop=BASICS,
            provision=at(0),
            start=at(40),
            closing=at(85),
            conclusion="cancelled",
            learners=(Learner("jo", Fate.CANCELLED), Learner("kim", Fate.CANCELLED)),
        ),
    )
