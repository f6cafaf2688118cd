"""One run: classes are launched batch by batch while things go wrong, held by their people, and judged."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - a script, no DAG

from crash.judge import Verdict
from demo.airflow_stack import StackError
from distributed.classes import PEOPLE, Lesson, batch
from distributed.gauge import Gauge
from distributed.judging import judge
from distributed.mishaps import Takeover, mishaps
from distributed.people import Crowd
from distributed.progress import Progress
from e2e.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from crash.venues.venue import Venue
    from distributed.broker import Broker
    from distributed.cluster import Cluster
    from distributed.progress import Rows

BATCH = 5
"""Classes on each platform that are launched at a time."""
AHEAD, PATIENCE = 150.0, 2.0
"""Seconds from a batch's beginning to its first class, and how many times the slowness of this machine is added: a
launch on a worker that dies takes two minutes to be begun again."""
APART = 2.0
"""Seconds between two classes' beginnings."""
LEFT = 6
"""Launches of a batch that may be under way when the next one begins."""
LIMIT = 3600.0
"""Seconds that a run may take."""
BETWEEN = 15.0
"""Seconds between two progress lines."""


@dataclass
class Run:
    """A run on a deployment.

    Args:
        cluster: The running Airflow.
        broker: Its Redis.
        control: The running sandbox.
        venues: The platforms.
        components: Airflow's processes.
        say: Prints a progress line.
        slowness: Seconds that this machine needs to start the deployment, or to launch a batch: the most seen.
    """

    cluster: Cluster
    broker: Broker
    control: SandboxControl
    venues: Mapping[str, Venue]
    components: tuple[str, ...]
    say: Callable[[str], None]
    slowness: float
    verdict: Verdict = field(default_factory=Verdict)
    lessons: list[Lesson] = field(default_factory=list)
    _begun: list[float] = field(default_factory=list)

    def play(self, classes: int) -> dict[str, Any]:
        """Hold so many classes and return the figures.

        Args:
            classes: A multiple of what a batch has.
        """
        began = time.monotonic()
        rows = World(self.cluster, self.control).rows
        for name in self.venues:
            self.cluster.wait_for_dag(f"classes_on_{name}")
            self.cluster.unpause(f"classes_on_{name}")
        takeover = Takeover(rows)
        trouble = mishaps(self.cluster, self.broker, takeover, classes, self.say)
        gauge = Gauge(self.cluster, self.components, rows)
        crowd = Crowd(self.control, self.venues, self.verdict, lambda one: self.told(one, "launch"))
        gauge.look()

        def everything(progress: Progress) -> None:
            self._begin_next(progress, classes)
            crowd.act(self.lessons, progress)
            trouble.act(progress)
            gauge.look()
            self.cluster.check()

        progress = self._follow(rows, everything, classes)
        self.say(f"{progress}. Now the sandbox's records are looked at.")
        for what in trouble.pending:
            self.verdict.count("unclear", f"it never came to this: {what}")
        if not takeover.moved:
            self.verdict.count("unclear", "no wait of the frozen triggerer was taken over")
        state = self.control.state()
        judge(
            self.verdict,
            self.lessons,
            state=state,
            venues=self.venues,
            crowd=crowd,
            progress=progress,
            told=self.told,
        )
        return {
            "classes": len(self.lessons),
            "sessions": sum(len(venue.held(state[name])) for name, venue in self.venues.items()),
            "duplicates": self.verdict.duplicates,
            "lost": self.verdict.lost,
            "wrongly_ended": self.verdict.wrongly_ended,
            "unclear": self.verdict.unclear,
            "allowed": sum(self.verdict.allowed.values()),
            "tries_repeated": progress.repeated,
            "waits_taken_over": takeover.moved,
            "seconds": round(time.monotonic() - began),
            **gauge.figures(progress),
        }

    def told(self, lesson: Lesson, task: str) -> Any:
        """Return what a class's ``launch`` or ``wait`` gave; None where it gave nothing."""
        for last in (False, False, True):
            try:
                return self.cluster.xcom(lesson.dag_id, lesson.run_id, f"class.{task}", lesson.map_index)
            except (StackError, requests.RequestException):  # an API server that is busy
                if last:
                    raise
                time.sleep(2)
        raise AssertionError("the last one returns or raises")

    def _follow(self, rows: Rows, act: Callable[[Progress], None], classes: int) -> Progress:
        """Let everybody act, second by second, until all classes are over; return how they stand then."""
        limit, said, told = time.monotonic() + LIMIT, 0.0, ""
        while True:
            progress = Progress.read(rows)
            act(progress)
            if str(progress) != told and time.monotonic() - said > BETWEEN:
                told, said = str(progress), time.monotonic()
                self.say(told)
            if len(self.lessons) == classes and all(progress.is_over(one) for one in self.lessons):
                return progress
            if time.monotonic() > limit:
                self.verdict.count("unclear", f"not over within {LIMIT:.0f} s: {progress}")
                return progress
            time.sleep(1)

    def _begin_next(self, progress: Progress, classes: int) -> None:
        """Begin the next batch once the last one is launched, but for a few that may be stuck."""
        if len(self.lessons) >= classes:
            return
        under_way = len(self.lessons) - progress.launched
        size = BATCH * len(self.venues)
        if self._begun:
            took = time.monotonic() - self._begun[-1]
            if under_way > LEFT and took < 60:
                return
            self.slowness = max(self.slowness, took)
        first = datetime.now(UTC) + timedelta(seconds=AHEAD + PATIENCE * self.slowness)
        number = len(self._begun) + 1
        lessons = batch(number, tuple(self.venues), min(BATCH, classes // len(self.venues)), first, APART)
        for name, venue in self.venues.items():
            mine = [one for one in lessons if one.platform == name]
            venue.prepare(self.control, [one.title for one in mine], PEOPLE)
            conf = {"classes": [one.for_dag() for one in mine]}
            self.cluster.trigger(mine[0].dag_id, mine[0].run_id, conf)
        self._begun.append(time.monotonic())
        self.lessons += lessons
        self.say(f"Batch {number}: {size} classes, the first at {first:%H:%M:%S} UTC.")
