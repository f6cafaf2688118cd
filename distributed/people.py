"""The people of all classes: they come by the links that Airflow recorded, and stay until the planned end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crash.judge import judge_standing
from crash.venues.venue import LinkBrokenError
from distributed.classes import PEOPLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from crash.judge import Verdict
    from crash.venues.venue import Venue
    from distributed.classes import Lesson
    from distributed.progress import Progress

EARLY = {"coviu": 9.0}
"""Seconds before the end when people leave: on Coviu a link dies with its session, also for leaving."""
AFTER = 1.5
"""Seconds after a planned moment when it is done: the platform's clock is never moved here."""


@dataclass
class Crowd:
    """Everybody.

    Args:
        control: The sandbox.
        venues: Each platform's ways.
        verdict: Where it is counted what must not be.
        record_of: Returns a class's record, as its launch gave it.

    Attributes:
        came: The record by which people came, by the class's title.
        left: When they went, in seconds.
    """

    control: SandboxControl
    venues: Mapping[str, Venue]
    verdict: Verdict
    record_of: Callable[[Lesson], Any]
    came: dict[str, Any] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)

    def act(self, lessons: Iterable[Lesson], progress: Progress) -> None:
        """Let everybody come and go whose time it is."""
        now, leaving = time.time(), []
        for one in lessons:
            if one.title in self.left:
                continue
            if one.title in self.came:
                if now >= one.end.timestamp() + AFTER - EARLY.get(one.platform, 0.0):
                    leaving.append(one)
            elif now >= one.start.timestamp() + AFTER and progress.launch(one).state == "success":
                self._come(one)
        if leaving:
            self._leave(leaving)

    def _come(self, lesson: Lesson) -> None:
        record = self.came[lesson.title] = self.record_of(lesson)
        try:
            self.venues[lesson.platform].come(self.control, record)
        except LinkBrokenError as broken:
            self.verdict.count("lost", f"{lesson.title}: {broken}")
            self.left[lesson.title] = time.time()

    def _leave(self, lessons: list[Lesson]) -> None:
        """Let people go, once the platform has shown that all of them are still inside."""
        state = self.control.state()
        for one in lessons:
            venue, record = self.venues[one.platform], self.came[one.title]
            held = venue.held(state[one.platform])
            judge_standing(self.verdict, venue, held, {one.title: record}, people=PEOPLE, inside=True)
            self.left[one.title] = time.time()
            try:
                venue.go(self.control, record)
            except LinkBrokenError as broken:
                self.verdict.count("wrongly_ended", f"{one.title}: nobody can leave it any more; {broken}")
