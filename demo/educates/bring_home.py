"""What became of each learner: what Airflow tells, held against the plan and the portal's own records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.platforms.educates.seats import seats_of
from demo.educates.people import DAG_ID
from demo.educates.school import Course, Fate, Learner
from demo.table import clock, columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from demo.airflow_stack import AirflowStack


@dataclass
class Row:
    """One line of the table, and what does not agree with the plan."""

    course: Course
    learner: Learner
    session: str = "-"
    link: str = "-"
    opened: str = "-"
    gone: str = "-"
    became: str = "?"
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Records:
    """What the portal itself knows of the day.

    Args:
        sessions: Its sessions.
        terminated: The names of those that were ended through its API.
        duration: Seconds that a session of the basics lasts.
    """

    sessions: Sequence[Mapping[str, Any]]
    terminated: Collection[str]
    duration: float

    def became(self, session: Mapping[str, Any], course: Course) -> Fate | str:
        """Return what became of a session; its state where it is not over."""
        if session["state"] != "STOPPED":
            return f"still {session['state']}"
        ended = session["name"] in self.terminated
        gone = datetime.fromisoformat(session["expires"])
        if not session["activated"]:
            return Fate.UNOPENED if ended else Fate.NEVER if gone >= course.lapse else Fate.CANCELLED
        if ended:
            return Fate.CLOSED
        used = gone - datetime.fromisoformat(session["started"])
        return Fate.STAYED if used >= timedelta(seconds=self.duration) else Fate.EARLY


def gather(stack: AirflowStack, course: Course, records: Records) -> tuple[list[Row], list[str]]:
    """Return a row for each learner of a class, and what is wrong with the class as a whole."""

    def told(task: str, key: str = "return_value") -> Any:
        return stack.xcom(DAG_ID, course.run_id, task, -1, key)

    data = told("provision")
    if data is None:
        return [Row(course, one) for one in course.learners], ["was not launched"]
    seats = {one.learner: one for one in seats_of(SessionRecord.from_json(data).ref)}
    handed = {one["participant"]: one for one in (told("hand_over") or {}).get("handed_over", ())}
    rows = []
    for learner in course.learners:
        row = Row(course, learner)
        rows.append(row)
        if learner.id in handed:
            row.link = clock(handed[learner.id]["at"])
        else:
            row.problems.append("was handed no link")
        if learner.id not in seats:
            row.problems.append("has no session")
            continue
        row.session = seats[learner.id].session
        _ask_portal(row, seats[learner.id].user, records)
    return rows, [*_compare_waits(course, told), *_compare_end(course, told)]


def _ask_portal(row: Row, user: str, records: Records) -> None:
    """Hold the row against the portal's own records: nothing doubled, nothing made up."""
    own = [one for one in records.sessions if one["user"] == user]
    if [one["name"] for one in own] != [row.session]:
        row.problems.append(f"the portal has {len(own)} sessions for them, should be {row.session} alone")
        return
    (session,) = own
    row.opened = clock(session["started"]) if session["activated"] else "-"
    row.gone = clock(session["expires"])
    row.became = str(records.became(session, row.course))
    if row.became != row.learner.fate:
        row.problems.append(f"is {row.became!r}, should be {row.learner.fate.value!r}")


def _compare_waits(course: Course, told: Any) -> list[str]:
    """Hold what the waits say against the plan: who came, who did not, how it ended and why."""
    problems = []
    for task in ("wait_for_learners", "wait_for_end"):
        outcome = told(task, "outcome") or {}
        for name, planned in (("present", course.came), ("missing", course.missing)):
            if outcome.get(name) != planned:
                problems.append(f"{task} says {name} {outcome.get(name)}, should be {planned}")
    end = told("wait_for_end", "outcome") or {}
    if end.get("conclusion") != course.conclusion:
        problems.append(f"is {end.get('conclusion')}, should be {course.conclusion}: {end.get('why')}")
    for fate, count in Counter(one.fate.told for one in course.learners).items():
        if f"{count} {fate}" not in str(end.get("why")):
            problems.append(f"the wait for its end should count {count} {fate}: {end.get('why')}")
    return problems


def _compare_end(course: Course, told: Any) -> list[str]:
    """Hold the clean-up and the run's report against the plan."""
    problems = []
    if not (told("clean_up") or {}).get("confirmed"):
        problems.append(f"its clean-up is not confirmed: {told('clean_up')}")
    report = told("report") or {}
    planned = {"came": course.came, "missing_at_the_start": course.missing}
    problems += [
        f"its report says {name} {report.get(name)}, should be {value}"
        for name, value in planned.items()
        if report.get(name) != value
    ]
    return problems


def table(rows: Sequence[Row]) -> str:
    """Return the table for people."""
    head = ("class", "learner", "session", "link", "opened", "gone", "became")
    return columns(
        [
            head,
            *(
                (row.course.title, row.learner.id, row.session, row.link, row.opened, row.gone, row.became)
                for row in rows
            ),
        ]
    )
