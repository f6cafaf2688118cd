"""What has been launched when a person sits down: classes on Lessonspace and a share on Screenleap."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from browser.person import Person

LIVE, LATER, OVER, SHARE = "Algebra for beginners", "Chemistry, second term", "History of maps", "Support for Cora"
PEOPLE = ("teacher: Ada Byron <ada@school.example>", "Bo Student")
CAME = ("ada@school.example", "Bo Student")


@dataclass(frozen=True)
class Launched:
    """A session that was launched.

    Args:
        title: What people call it.
        dag_id: The DAG that launched it.
        run_id: The run.
        task_id: The task.
    """

    title: str
    dag_id: str
    run_id: str
    task_id: str


class School:
    """Launches through the REST API what a test needs before anybody clicks.

    Args:
        person: Whose Airflow it is.
    """

    def __init__(self, person: Person) -> None:
        self._person = person

    def open(self) -> dict[str, Launched]:
        """Launch a class that is live, one nobody has come to, one that is over, and a share on Screenleap."""
        soon = {"settle_seconds": 5, "poll_interval": 3, "check_delays": [5], "transcribe": False}
        launched = [
            self.a_class(LIVE),
            self.a_class(LATER),
            self.a_class(OVER, start=datetime.now(UTC).isoformat(), **soon),
            self.launch("screen_share_support", "launch", SHARE, no_show_minutes=120),
        ]
        for title in (OVER, LIVE):
            self._person.come(title, *CAME)
        time.sleep(3)  # a class of no length is none
        self._person.control.do("lessonspace", "end", space=self._person.room_of(OVER))
        return {one.title: one for one in launched}

    def a_class(self, title: str, **form: Any) -> Launched:
        """Launch a class as its form would."""
        return self.launch("class_now", "class.launch", title, minutes=90, participants=list(PEOPLE), **form)

    def launch(self, dag_id: str, task_id: str, title: str, **form: Any) -> Launched:
        """Start a run as its form would."""
        run_id = f"manual__{datetime.now(UTC).isoformat()}"
        self._person.stack.trigger(dag_id, run_id, {"title": title, **form})
        return Launched(title, dag_id, run_id, task_id)


def tomorrow() -> datetime:
    """Return a whole minute of tomorrow, in UTC."""
    return (datetime.now(UTC) + timedelta(days=1)).replace(second=0, microsecond=0)
