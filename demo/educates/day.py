"""The workshops' day: four overlapping classes on one portal, each a run, each cleaned up at closing time."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from demo import clear_text
from demo.educates.bring_home import Records, gather, table
from demo.educates.people import DAG_ID, WAITS, Attendants
from demo.educates.school import CONTAINERS, others, refused
from demo.scenario import Result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.educates.school import Course
    from demo.scenario import Stage

# The sandbox's robot account, worth nothing elsewhere.
PASSWORD, CLIENT, CLIENT_SECRET = "robot-of-the-demo", "client-of-the-demo", "secret-of-the-demo"

# The sandbox's thresholds, shortened to the demo's short classes: everything else is as documented.
DURATION = 30
RECONCILE = 3
TOKEN_LIFE = 20
CAPACITY = 10

TRIED = ("up_for_retry", "success", "failed")
LOG = "^/educates/workshops/"


class DayOfWorkshops:
    """Educates' part of the demo."""

    name = "educates"
    dags = (DAG_ID,)
    sandbox_options = (
        *("--educates-password", PASSWORD),
        *("--educates-client-id", CLIENT, "--educates-client-secret", CLIENT_SECRET),
        *("--educates-duration", str(DURATION), "--educates-reconcile", str(RECONCILE)),
        *("--educates-token-life", str(TOKEN_LIFE), "--educates-capacity", str(CAPACITY)),
    )

    def settings(self, url: str) -> Mapping[str, str]:
        """Return the connection."""
        connection = {
            "conn_type": "educates",
            "host": f"{url}/educates",
            "login": "robot@educates",
            "password": PASSWORD,
            "extra": {"client_id": CLIENT, "client_secret": CLIENT_SECRET, "index_url": f"{url}/"},
        }
        return {"AIRFLOW_CONN_EDUCATES_DEFAULT": json.dumps(connection)}

    def play(self, stage: Stage) -> Result:
        """Run the day."""
        # A workshop that goes on until closing time; its second seat is refused once, as if somebody was faster.
        place = stage.control.do("educates", "add_workshop", resource=CONTAINERS, duration=3600)["environment"]
        refusal = stage.control.add_fault(
            "status",
            path=f"/environment/{place}/request/$",
            nth=2,
            status=503,
            body=json.dumps({"error": "No session available"}),
            headers={"Content-Type": "application/json"},
        )
        stage.stack.unpause(DAG_ID)
        watch = Watch(stage)
        watch.follow()
        result = _hold_against_the_plan(stage, watch.day)
        if not any(one["number"] == refusal and one["struck"] for one in stage.control.faults()):
            result.problems.append("no launch was refused a seat")
        if not watch.cleared:
            result.problems.append("no launch was cleared")
        return result

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return the activation tokens, the sessions' passwords and the robot's OAuth tokens."""
        return [one for kind in control.do("educates", "secrets").values() for one in kind]


class Watch:
    """Triggers the runs, shows how far they have come, and lets their people act.

    Args:
        stage: Where it is played.

    Attributes:
        day: The classes whose runs were triggered.
        cleared: Whether a launch was cleared on the way.
    """

    def __init__(self, stage: Stage) -> None:
        self.day: list[Course] = []
        self.cleared = False
        self._stage = stage
        self._people: dict[str, Attendants] = {}

    def follow(self) -> None:
        """Watch until all runs are over.

        Raises:
            StackError: It takes too long, or a component of Airflow stopped.
        """
        self._trigger(refused(_now()))
        self._stage.follow(self._progress, self._over)

    def _trigger(self, *courses: Course) -> None:
        for course in courses:
            self._stage.stack.trigger(DAG_ID, course.run_id, course.form())
            self._people[course.run_id] = Attendants(self._stage, course)
            self.day.append(course)
            self._stage.say(f"Run {course.run_id!r}: {course.title!r} closes at {course.closing:%H:%M:%S} UTC.")

    def _over(self) -> bool:
        return len(self.day) > 1 and self._stage.ended(DAG_ID, *self._people)

    def _progress(self) -> str:
        done = dict.fromkeys(("provision", "hand_over", "wait_for_end", "clean_up"), 0)
        for course in list(self.day):
            tasks = self._stage.stack.tasks(DAG_ID, course.run_id)
            states = {str(task["task_id"]): str(task["state"]) for task in tasks}
            self._people[course.run_id].act(states)
            self._clear_once(course, states)
            # By now the machine has shown how fast it is; the others' times count from here.
            if len(self.day) == 1 and states.get("provision") in TRIED:
                self._stage.say(f"{course.title!r} was refused a seat; Airflow tries again in a minute.")
                self._trigger(*others(_now()))
            for task in done:
                done[task] += states.get(task) in ("success", "skipped")
        sessions = self._stage.control.state()["educates"]["sessions"]
        live = sum(one["state"] == "RUNNING" for one in sessions)
        return (
            f"{live} learners in; of {len(self.day)} classes {done['provision']} provisioned, "
            f"{done['hand_over']} handed over, {done['wait_for_end']} over, {done['clean_up']} cleaned up"
        )

    def _clear_once(self, course: Course, states: Mapping[str, str]) -> None:
        """Clear a launch after somebody has finished: everybody has to keep what they have."""
        early = [one.id for one in course.learners if one.leaves is not None]
        people = self._people[course.run_id]
        if self.cleared or not early or not all(people.has_left(one) for one in early):
            return
        if any(states.get(one) != "deferred" for one in WAITS):
            return
        self.cleared = True
        self._stage.stack.clear(DAG_ID, course.run_id, "provision")
        self._stage.say(f"{', '.join(early)} has finished. Somebody clears the launch of {course.title!r}.")


def _now() -> datetime:
    return datetime.fromtimestamp(int(time.time()), UTC)


def _hold_against_the_plan(stage: Stage, day: Sequence[Course]) -> Result:
    log = stage.control.log(path=LOG)
    sessions = [one for one in stage.control.state()["educates"]["sessions"] if one["user"] is not None]
    ended = [one["path"] for one in log if one["path"].endswith("/terminate/") and one["status"] == 200]
    records = Records(sessions, {path.split("/")[-3] for path in ended}, DURATION)
    rows, problems = [], []
    for course in day:
        found, wrong = gather(stage.stack, course, records)
        rows += found
        problems += [f"{course.title}: {one}" for one in wrong]
        state = stage.stack.run_state(DAG_ID, course.run_id)
        if state != "success":
            problems.append(f"{course.title}: its run is {state}")
    problems += [f"{row.course.title}, {row.learner.id}: {one}" for row in rows for one in row.problems]
    if len(sessions) != len(rows):
        problems.append(f"the portal made {len(sessions)} sessions for {len(rows)} learners")
    to_end = sum(row.learner.fate.cleaned_up for row in rows)
    if len(ended) != to_end:
        problems.append(f"{len(ended)} sessions were terminated, should be {to_end}")
    spent = sum(one["status"] == 403 for one in log)
    if not spent:
        problems.append("no token was found spent")
    # Only the sandbox itself may show the robot's credentials: its first line tells them to whoever starts it.
    places = set(clear_text.find((PASSWORD, CLIENT_SECRET), stage.home)) - {"sandbox.log"}
    problems += [f"the robot's credentials stand in clear text in {place}" for place in sorted(places)]
    return Result(
        table(rows),
        problems,
        f"{len(sessions)} sessions for {len(rows)} learners of {len(day)} classes, one launch refused a seat and "
        f"retried, one cleared; {len(ended)} sessions ended at closing time, {spent} spent tokens renewed.",
    )
