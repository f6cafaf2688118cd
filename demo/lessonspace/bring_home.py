"""What became of each class: gathered from Airflow, from the files, and from the sandbox's own records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.manifest import Manifest
from demo.lessonspace.school import CANCELLED, HELD, Lesson
from demo.table import clock, columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.local import LocalStorage
    from demo.airflow_stack import AirflowStack

DAG_ID = "class_day"


@dataclass
class Row:
    """One line of the table, and what does not agree with the timetable."""

    lesson: Lesson
    session: str = "-"
    links: int = 0
    started: str = "-"
    ended: str = "-"
    transcript_lines: int = 0
    recording: str = "-"
    files: int = 0
    outcome: str = "?"
    problems: list[str] = field(default_factory=list)


def gather(
    stack: AirflowStack, run_id: str, day: Sequence[Lesson], platform: Mapping[str, Any], storage: LocalStorage
) -> list[Row]:
    """Return a row for each class of the day."""
    selection = stack.xcom(DAG_ID, run_id, "select", -1) or {"launch": []}
    lanes = {one["title"]: index for index, one in enumerate(selection["launch"])}
    rows = []
    for lesson in day:
        row = Row(lesson)
        rows.append(row)
        if lesson.title not in lanes:
            row.problems.append("was not launched")
            continue
        _read_lane(stack, run_id, lanes[lesson.title], row, storage)
        _compare(row)
        _ask_platform(row, platform)
    return rows


def _read_lane(stack: AirflowStack, run_id: str, index: int, row: Row, storage: LocalStorage) -> None:
    def told(task: str, key: str = "return_value") -> Any:
        return stack.xcom(DAG_ID, run_id, f"class.{task}", index, key)

    handed = told("hand_over")
    row.links = len(handed["handed_over"]) if handed else 0
    outcome = told("wait_for_end", "outcome") or {}
    status = outcome.get("status") or {}
    row.outcome = {
        "reached": HELD,
        "cancelled": CANCELLED,
        "never_held": status.get("absence") or "never held",
    }.get(str(outcome.get("conclusion")), str(outcome.get("conclusion")))
    ids = status.get("session_ids") or []
    if ids:
        row.session = ids[0][:8] + (f" +{len(ids) - 1}" if len(ids) > 1 else "")
    row.started = clock(status.get("started_at"))
    row.ended = clock(status.get("ended_at"))
    for task, kind in (
        ("retrieve_transcript", "transcript"),
        ("retrieve_attendance", "attendance"),
        ("retrieve_recording", "recording"),
    ):
        data = told(task)
        if data is None:
            continue
        manifest = Manifest.from_json(data)
        row.problems += manifest.verify(storage)
        row.files += len(manifest.files) + 1  # the manifest is a file itself
        if not storage.exists(manifest.name):
            row.problems.append(f"the {kind} manifest is not where it says")
        if kind == "transcript":
            row.transcript_lines = sum(
                entry.counts.get("segments", 0) for entry in manifest.files if entry.name.endswith(".json")
            )
        if kind == "recording":
            row.recording = manifest.status.value
        if kind == "attendance":
            _compare_attendance(row, manifest.extra.get("counts", {}))


def _compare(row: Row) -> None:
    """Hold the row against the timetable."""
    lesson = row.lesson
    if row.outcome != lesson.fate:
        row.problems.append(f"is {row.outcome}, should be {lesson.fate}")
    links = 0 if lesson.fate == CANCELLED else lesson.people
    if row.links != links:
        row.problems.append(f"{row.links} links handed out, should be {links}")
    if lesson.fate == HELD:
        if not row.transcript_lines:
            row.problems.append("has no transcript")
        if row.recording != "complete":
            row.problems.append(f"recording is {row.recording}")
        # manifests and tables, and three transcript files for each session
        if row.files != 3 + 2 + 3 * lesson.sessions:
            row.problems.append(f"{row.files} files came home, should be {5 + 3 * lesson.sessions}")
    elif row.files:
        row.problems.append(f"{row.files} files of a class that was not held")


def _compare_attendance(row: Row, counts: Mapping[str, Any]) -> None:
    expected = {"expected": row.lesson.people, "absent": row.lesson.absent, "unexpected": 0}
    for name, number in expected.items():
        if counts.get(name) != number:
            row.problems.append(f"attendance counts {counts.get(name)} {name}, should be {number}")


def _ask_platform(row: Row, platform: Mapping[str, Any]) -> None:
    """Hold the row against the platform's own records: nothing doubled, nothing made up."""
    spaces = [space for space in platform["spaces"] if space["name"] == row.lesson.title]
    if len(spaces) != 1:
        row.problems.append(f"the platform has {len(spaces)} spaces for it, should be 1")
        return
    sessions = [one for one in platform["sessions"] if one["space"] == spaces[0]["id"]]
    if len(sessions) != row.lesson.sessions:
        row.problems.append(f"the platform saw {len(sessions)} sessions, should be {row.lesson.sessions}")


def table(rows: Sequence[Row]) -> str:
    """Return the table for people."""
    head = ("class", "became", "session", "links", "started", "ended", "transcript", "recording", "files")
    lines = [head] + [
        (
            row.lesson.title,
            row.outcome,
            row.session,
            str(row.links),
            row.started,
            row.ended,
            f"{row.transcript_lines} lines" if row.transcript_lines else "-",
            row.recording,
            str(row.files or "-"),
        )
        for row in rows
    ]
    return columns(lines)
