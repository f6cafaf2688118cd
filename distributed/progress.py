"""How far the classes have come, by Airflow's database: asked every second, it is cheaper than the REST API."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distributed.classes import LAUNCH, WAIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from distributed.classes import Lesson

    Rows = Callable[..., Sequence[tuple[Any, ...]]]
    """Asks Airflow's database, as ``World.rows`` does."""

OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

TASKS = """
    SELECT dag_id, run_id, task_id, map_index, state, try_number,
           extract(epoch FROM start_date), extract(epoch FROM end_date)
    FROM task_instance WHERE task_id IN (:launch, :wait) AND map_index >= 0
"""
OWNERS = 'SELECT waits.id, job.hostname FROM "trigger" AS waits JOIN job ON job.id = waits.triggerer_id'
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"


@dataclass(frozen=True)
class Task:
    """One task instance.

    Args:
        state: Its state; empty where it has none yet.
        tries: How often it was begun.
        began: When its last try began, in seconds; None where none has.
        ended: When it ended.
    """

    state: str
    tries: int
    began: float | None
    ended: float | None


MISSING = Task("", 0, None, None)


@dataclass(frozen=True)
class Progress:
    """The task instances of all classes at a moment.

    Args:
        tasks: By DAG, run, task and place.
    """

    tasks: Mapping[tuple[str, str, str, int], Task]

    @classmethod
    def read(cls, rows: Rows) -> Progress:
        """Ask Airflow's database."""
        return cls(
            {
                (dag_id, run_id, task_id, place): Task(state or "", tries, _seconds(began), _seconds(ended))
                for dag_id, run_id, task_id, place, state, tries, began, ended in rows(
                    TASKS, launch=LAUNCH, wait=WAIT
                )
            }
        )

    def launch(self, lesson: Lesson) -> Task:
        """Return the task that launches a class."""
        return self._of(lesson, LAUNCH)

    def wait(self, lesson: Lesson) -> Task:
        """Return the task that waits for its end."""
        return self._of(lesson, WAIT)

    def states(self, task_id: str) -> Counter[str]:
        """Count the states of one task of all classes."""
        return Counter(task.state for (_, _, name, _), task in self.tasks.items() if name == task_id)

    @property
    def launched(self) -> int:
        """How many classes are launched."""
        return self.states(LAUNCH)["success"]

    @property
    def waiting(self) -> int:
        """How many ends are waited for in a triggerer."""
        return self.states(WAIT)["deferred"]

    @property
    def ended(self) -> int:
        """How many ends are told."""
        return self.states(WAIT)["success"]

    @property
    def repeated(self) -> int:
        """How many tries were begun beyond the first of each task."""
        return sum(max(0, task.tries - 1) for task in self.tasks.values())

    def is_over(self, lesson: Lesson) -> bool:
        """Return whether nothing more happens to a class."""
        launch, wait = self.launch(lesson), self.wait(lesson)
        return wait.state in OVER or launch.state in OVER - {"success"}

    def __str__(self) -> str:
        told = [f"{self.launched} launched, {self.waiting} waiting, {self.ended} over"]
        told += [f"{self.repeated} tries repeated"] if self.repeated else []
        failed = sum(task.state == "failed" for task in self.tasks.values())
        return ", ".join([*told, *([f"{failed} FAILED"] if failed else [])])

    def _of(self, lesson: Lesson, task_id: str) -> Task:
        return self.tasks.get((lesson.dag_id, lesson.run_id, task_id, lesson.map_index), MISSING)


def _seconds(value: Any) -> float | None:
    return None if value is None else float(value)
