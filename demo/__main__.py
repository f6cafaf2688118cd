"""``make demo``: a day of classes on a real Airflow with a real triggerer, against the sandbox.

Installs nothing and leaves nothing running. Exit 0 only when every class became what the timetable says.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.sandbox.client import SandboxControl
from demo import clear_text
from demo.airflow_stack import AirflowStack, StackError, free_port
from demo.bring_home import DAG_ID, gather, table
from demo.school import CANCELLED, lessons, script, timetable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from demo.school import Lesson

ROOT = Path(__file__).parents[1]
API_KEY = "00000000-0000-4000-8000-00000000d3a0"  # the sandbox's, worth nothing elsewhere

FIRST_START = 70.0
"""Seconds from the first run to the first class: Airflow launches fourteen classes in this time."""
HAND_OVER_BEFORE = 14.0
LEAD = 45.0
GRACE = 25.0
LIMIT = 290.0
"""Seconds for all of it, after the components are up."""

# The sandbox's thresholds, shortened to the demo's short classes: everything else is as documented.
END_AFTER = 4
TRANSCRIPT_MIN = 6
TRANSCRIPT_AFTER = 6
RECORDING_AFTER = 3

SANDBOX_OPTIONS = {
    "--end-after": END_AFTER,
    "--transcript-min": TRANSCRIPT_MIN,
    "--transcript-after": TRANSCRIPT_AFTER,
    "--recording-after": RECORDING_AFTER,
}


def main() -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="demo", description="A day of classes, end to end.")
    parser.add_argument("--home", type=Path, default=ROOT / ".run" / "demo", help="Airflow's home, made anew")
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output", help="where the files go, made anew")
    arguments = parser.parse_args()
    for folder in (arguments.home, arguments.output):
        shutil.rmtree(folder, ignore_errors=True)
    arguments.home.mkdir(parents=True)
    signal.signal(signal.SIGTERM, _interrupted)
    begun = time.monotonic()
    try:
        with sandbox(arguments.home) as url:
            code = run(arguments.home, arguments.output, url, begun)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    say(begun, "Everything that was started has been stopped.")
    return code


def run(home: Path, output: Path, url: str, begun: float) -> int:
    """Run the day and hold what came of it against the timetable."""
    control = SandboxControl(url)
    plan = home / "timetable.csv"
    settings = {
        "AIRFLOW_CONN_LESSONSPACE_DEFAULT": (
            f'{{"conn_type": "lessonspace", "password": "{API_KEY}", "host": "{url}/lessonspace/v2"}}'
        ),
        "AIRFLOW__LIVE_SESSIONS__DESTINATION": output.as_uri(),
    }
    say(begun, f"Sandbox at {url}. Starting Airflow: api-server, scheduler, dag-processor, triggerer.")
    with AirflowStack(home, ROOT / "dags", settings) as stack:
        stack.wait_for_dag(DAG_ID)
        say(begun, f"Airflow at {stack.url} is healthy.")
        day = lessons(_full_second(FIRST_START))
        for lesson in day:
            if (wanted := script(lesson)) is not None:
                control.add_script(wanted)
        plan.write_bytes(timetable(day))
        stack.unpause(DAG_ID)
        stack.trigger(DAG_ID, "morning", conf(plan))
        say(
            begun,
            f"{len(day)} classes, the first at {day[0].start:%H:%M:%S} UTC. Run 'morning' takes them in hand.",
        )
        watch(stack, control, day, plan, begun)
        state = control.state()["lessonspace"]
        rows = gather(stack, "morning", day, state, LocalStorage(output))
        second = stack.xcom(DAG_ID, "midday", "select", -1) or {}
        print(f"\n{table(rows)}\n\nFiles: {output}")
        problems = [f"{row.lesson.title}: {problem}" for row in rows for problem in row.problems]
        if (len(second.get("launch", "?")), len(second.get("cancel", "?"))) != (0, 1):
            problems.append("the second run should have launched nothing and cancelled one class")
        if len(state["spaces"]) != len(day):
            names = sorted(str(space["name"]) for space in state["spaces"])
            problems.append(f"the platform has {len(names)} spaces for {len(day)} classes: {', '.join(names)}")
        states = {run_id: stack.run_state(DAG_ID, run_id) for run_id in ("morning", "midday")}
        problems += [f"run {run_id} is {ended}" for run_id, ended in states.items() if ended != "success"]
        stack.stop()
        secrets = clear_text.secrets_of(control.do("lessonspace", "secrets"))
        found = clear_text.find(secrets, home)
        problems += [f"a join link stands in clear text in {place}" for place in found]
        print(
            f"{len(state['spaces'])} spaces for {len(day)} classes after two runs; "
            f"{len(secrets)} secrets looked for in the database and the logs, {len(found)} found in clear text."
        )
    for problem in problems:
        print(f"NOT AS PLANNED: {problem}", file=sys.stderr)
    say(begun, "Not everything is as the timetable says." if problems else "Everything is as the timetable says.")
    return 1 if problems else 0


def conf(plan: Path) -> dict[str, Any]:
    """Return the run's form: the DAG as shipped, with thresholds for classes of half a minute."""
    return {
        "timetable": str(plan),
        "timezone": "UTC",
        "hard_stop_seconds": 10,
        "hand_over_before_seconds": HAND_OVER_BEFORE,
        "lead_seconds": LEAD,
        "grace_seconds": GRACE,
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


def watch(stack: AirflowStack, control: SandboxControl, day: Sequence[Lesson], plan: Path, begun: float) -> None:
    """Show progress until both runs are over; cancel one class on the way, as the school would."""
    deadline = time.monotonic() + LIMIT
    cancelled = False
    told = ""
    while time.monotonic() < deadline:
        stack.check()
        counts = Counter(
            (task["task_id"].removeprefix("class."), str(task["state"])) for task in stack.tasks(DAG_ID, "morning")
        )
        launched = counts["launch", "success"]
        if not cancelled and launched == len(day):
            cancelled = True
            _cancel_one(stack, day, plan, begun)
        sessions = control.state()["lessonspace"]["sessions"]
        live = sum(one["end_time"] is None for one in sessions)
        line = (
            f"{launched} launched, {counts['hand_over', 'success']} handed over, {live} live, "
            f"{counts['wait_for_end', 'success']} ended, {counts['retrieve_transcript', 'success']} transcripts, "
            f"{counts['retrieve_attendance', 'success']} attendance, "
            f"{counts['retrieve_recording', 'success']} recordings"
        )
        if line != told:
            told = line
            say(begun, line)
        states = {stack.run_state(DAG_ID, run) for run in ("morning", *(["midday"] if cancelled else []))}
        if cancelled and states <= {"success", "failed"}:
            return
        time.sleep(2)
    raise StackError(f"The day was not over within {LIMIT:.0f} s; the last line above says how far it came.")


def _cancel_one(stack: AirflowStack, day: Sequence[Lesson], plan: Path, begun: float) -> None:
    from dataclasses import replace

    changed = [replace(one, cancelled=one.fate == CANCELLED) for one in day]
    plan.write_bytes(timetable(changed))
    stack.trigger(DAG_ID, "midday", conf(plan))
    title = next(one.title for one in day if one.fate == CANCELLED)
    say(begun, f"The school cancels {title!r} in its timetable; run 'midday' meets the same fourteen classes.")


@contextmanager
def sandbox(home: Path) -> Iterator[str]:
    """Run the sandbox as a process of its own and give its URL."""
    port = free_port()
    arguments = [str(part) for option in SANDBOX_OPTIONS.items() for part in option]
    with (home / "sandbox.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "airflow_provider.live_sessions.sandbox",
                *("--port", str(port), "--api-key", API_KEY, "--retry-after", "seconds"),
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(process, SandboxControl(url))
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], control: SandboxControl) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            control.info()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise StackError("The sandbox did not start.")


def _full_second(ahead: float) -> datetime:
    return datetime.fromtimestamp(int(time.time() + ahead) + 1, UTC)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def say(begun: float, text: str) -> None:
    """Print a progress line with the time since the beginning."""
    print(f"[{timedelta(seconds=int(time.monotonic() - begun))}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
