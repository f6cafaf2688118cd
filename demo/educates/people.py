"""The people of the demo's workshops: they open the links that Airflow has handed them, and nothing else.

They act on what has happened, not by the clock: on a slow machine everything comes later, and in the same order.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import requests  # noqa: TID253 - a script, no DAG
from cryptography.fernet import Fernet

from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.sealing import PREFIX
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from demo.airflow_stack import StackError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from demo.educates.school import Course, Learner
    from demo.scenario import Stage

DAG_ID = "workshop_day"
WAITS = ("wait_for_learners", "wait_for_end")

CANCEL_AFTER = 12.0
"""Seconds from the links' arrival until a class is cancelled: the waits have to have seen it before."""


class Attendants:
    """Everybody who has to do with one class.

    Args:
        stage: Where it is played.
        course: The class.
    """

    def __init__(self, stage: Stage, course: Course) -> None:
        self._stage = stage
        self._course = course
        self._sessions: dict[str, str] = {}
        self._links: dict[str, str] = {}
        self._since = 0.0
        self._opened: dict[str, float] = {}
        self._left: set[str] = set()

    @property
    def served(self) -> bool:
        """Whether the links have arrived and both waits are under way."""
        return bool(self._links)

    def has_left(self, learner: str) -> bool:
        """Return whether somebody has finished the workshop."""
        return learner in self._left

    def act(self, states: Mapping[str, str]) -> None:
        """Let everybody do what it is time for.

        Args:
            states: The states of the run's tasks.
        """
        if not self.served:
            if states.get("hand_over") == "success" and all(states.get(one) == "deferred" for one in WAITS):
                self._take_links()
            return
        waited = time.monotonic() - self._since
        for one in self._course.learners:
            self._play(one, waited)
        if self._course.cancelled and waited >= CANCEL_AFTER and not self._left:
            self._stage.say(f"At the portal somebody ends {self._course.title!r} before anybody came.")
            for one in self._course.learners:
                self._finish(one)

    def _take_links(self) -> None:
        stack, run = self._stage.stack, self._course.run_id
        handed = stack.xcom(DAG_ID, run, "hand_over", -1)["handed_over"]
        record = SessionRecord.from_json(stack.xcom(DAG_ID, run, "provision", -1))
        self._links = {one["participant"]: one["url"] for one in handed}
        self._sessions = {one.learner: one.session for one in seats_of(record.ref)}
        self._since = time.monotonic()

    def _play(self, one: Learner, waited: float) -> None:
        if one.opens is not None and one.id not in self._opened and waited >= one.opens:
            self._open(self._links[one.id])
            self._opened[one.id] = time.monotonic()
        opened = self._opened.get(one.id)
        if opened is None or one.leaves is None or one.id in self._left:
            return
        if time.monotonic() - opened >= one.leaves:
            self._finish(one)

    def _finish(self, one: Learner) -> None:
        self._stage.control.do("educates", "finish", session=self._sessions[one.id])
        self._left.add(one.id)

    def _open(self, sealed: str) -> None:
        """Follow a link as a browser does; the portal answers a good one with a redirect into the workshop."""
        key = self._stage.stack.environment["AIRFLOW__CORE__FERNET_KEY"]
        with requests.Session() as browser:
            browser.trust_env = False
            url = Fernet(key).decrypt(sealed.removeprefix(PREFIX)).decode()
            answer = browser.get(url, allow_redirects=False, timeout=30)
        if answer.status_code != 302:
            raise StackError(
                f"A link that was handed over does not open: {answer.status_code} {answer.text[:100]}"
            )
