"""The day of classes: one run launches fourteen, a second one meets them again and cancels one."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from demo import clear_text
from demo.lessonspace.bring_home import DAG_ID, gather, table
from demo.lessonspace.school import CANCELLED, LENGTH, lessons, script, timetable
from demo.scenario import Result, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from airflow_provider.live_sessions.sandbox.client import SandboxControl
    from demo.lessonspace.school import Lesson

API_KEY = "00000000-0000-4000-8000-00000000d3a0"  # the sandbox's, worth nothing elsewhere

FIRST_START = 80.0
"""Seconds from the first run to the first class: Airflow launches fourteen classes in this time."""

USUAL, SLOWEST = 25.0, 4.0
"""Seconds that a run with nothing to do takes where classes of half a minute are long enough, and how many times
slower a machine may be for which the day is still planned."""

# The sandbox's thresholds, shortened to the demo's short classes: everything else is as documented.
END_AFTER = 4
TRANSCRIPT_MIN = 6
TRANSCRIPT_AFTER = 6
RECORDING_AFTER = 3

DAWN, MORNING, MIDDAY = "dawn", "morning", "midday"


class DayOfClasses:
    """Lessonspace's part of the demo."""

    name = "lessonspace"
    dags = (DAG_ID,)
    sandbox_options = (
        *("--api-key", API_KEY, "--retry-after", "seconds"),
        *("--end-after", str(END_AFTER), "--transcript-min", str(TRANSCRIPT_MIN)),
        *("--transcript-after", str(TRANSCRIPT_AFTER), "--recording-after", str(RECORDING_AFTER)),
    )

    def settings(self, url: str) -> Mapping[str, str]:
        """Return the connection."""
        connection = {"conn_type": "lessonspace", "password": API_KEY, "host": f"{url}/lessonspace/v2"}
        return {"AIRFLOW_CONN_LESSONSPACE_DEFAULT": json.dumps(connection)}

    def play(self, stage: Stage) -> Result:
        """Run the day."""
        plan = stage.home / "timetable.csv"
        plan.write_bytes(timetable([]))
        pace = min(max(1.0, stage.rehearse(DAG_ID, DAWN, conf(plan)) / USUAL), SLOWEST)
        begin = datetime.fromtimestamp(int(time.time() + FIRST_START * pace) + 1, UTC)
        day = lessons(begin, length=LENGTH * pace)
        for lesson in day:
            if (wanted := script(lesson)) is not None:
                stage.control.add_script(wanted)
        plan.write_bytes(timetable(day))
        stage.stack.trigger(DAG_ID, MORNING, conf(plan, pace))
        stage.say(f"{len(day)} classes, the first at {begin:%H:%M:%S} UTC. Run {MORNING!r} takes them in hand.")
        watch(stage, day, plan, pace)
        state = stage.control.state()["lessonspace"]
        rows = gather(stage.stack, MORNING, day, state, stage.storage)
        problems = [f"{row.lesson.title}: {problem}" for row in rows for problem in row.problems]
        problems += self._check_runs(stage, len(day), [str(one["name"]) for one in state["spaces"]])
        spaces, sessions = len(state["spaces"]), len(state["sessions"])
        return Result(
            table(rows),
            problems,
            f"{spaces} spaces, {sessions} sessions for {len(day)} classes in two runs.",
        )

    def secrets(self, control: SandboxControl) -> Sequence[str]:
        """Return the links and the spaces' secrets."""
        return clear_text.secrets_of(control.do("lessonspace", "secrets"))

    def _check_runs(self, stage: Stage, classes: int, spaces: Sequence[str]) -> list[str]:
        problems = []
        second = stage.stack.xcom(DAG_ID, MIDDAY, "select", -1) or {}
        taken = (len(second.get("launch", "?")), len(second.get("cancel", "?")))
        if taken != (0, 1):
            problems.append(f"the second run launched {taken[0]} and cancelled {taken[1]}, should be 0 and 1")
        if len(spaces) != classes:
            problems.append(f"the platform has {len(spaces)} spaces for {classes} classes: {', '.join(spaces)}")
        states = {run_id: stage.stack.run_state(DAG_ID, run_id) for run_id in (MORNING, MIDDAY)}
        return problems + [f"run {run_id} is {state}" for run_id, state in states.items() if state != "success"]


def conf(plan: Path, pace: float = 1.0) -> dict[str, Any]:
    """Return the run's form: the DAG as shipped, with thresholds for classes of half a minute."""
    return {
        "timetable": str(plan),
        "timezone": "UTC",
        "hard_stop_minutes": 10 / 60,
        "hand_over_before_minutes": 14 * pace / 60,
        "lead_seconds": round(45 * pace),
        "grace_seconds": 25,
        "settle_seconds": 12,
        "poll_interval": 3,
        "check_delays": [4],
        "rules": {
            "min_seconds": TRANSCRIPT_MIN,
            "sure_seconds": TRANSCRIPT_MIN,
            "give_up_after": 60,
            "give_up_after_short": 60,
        },
    }


def watch(stage: Stage, day: Sequence[Lesson], plan: Path, pace: float) -> None:
    """Show progress until both runs are over; cancel one class on the way, as the school would.

    Raises:
        StackError: It takes too long, or a component of Airflow stopped.
    """
    cancelled = False

    def progress() -> str:
        nonlocal cancelled
        counts = Counter(
            (task["task_id"].removeprefix("class."), str(task["state"]))
            for task in stage.stack.tasks(DAG_ID, MORNING)
        )
        if not cancelled and counts["launch", "success"] == len(day):
            cancelled = True
            _cancel_one(stage, day, plan, pace)
        return _progress(stage, counts)

    stage.follow(progress, lambda: cancelled and stage.ended(DAG_ID, MORNING, MIDDAY))


def _progress(stage: Stage, counts: Mapping[tuple[str, str], int]) -> str:
    sessions = stage.control.state()["lessonspace"]["sessions"]
    live = sum(one["end_time"] is None for one in sessions)
    done = {
        "launched": "launch",
        "handed over": "hand_over",
        "ended": "wait_for_end",
        "transcripts": "retrieve_transcript",
        "attendance": "retrieve_attendance",
        "recordings": "retrieve_recording",
    }
    return f"{live} live; " + ", ".join(f"{counts[task, 'success']} {word}" for word, task in done.items())


def _cancel_one(stage: Stage, day: Sequence[Lesson], plan: Path, pace: float) -> None:
    changed = [replace(one, cancelled=one.fate == CANCELLED) for one in day]
    plan.write_bytes(timetable(changed))
    stage.stack.trigger(DAG_ID, MIDDAY, conf(plan, pace))
    title = next(one.title for one in day if one.fate == CANCELLED)
    stage.say(f"The school cancels {title!r} in its timetable; run {MIDDAY!r} meets the same fourteen classes.")
