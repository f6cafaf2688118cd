"""What became of each appointment: from Airflow, the files, the mailboxes and the sandbox's own records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.manifest import Manifest
from airflow_provider.live_sessions.core.sealing import is_sealed
from airflow_provider.live_sessions.core.times import format_time, parse_time
from demo.coviu.clinic import CANCELLED, HELD, NOBODY, ONE_CAME, Appointment, Change
from demo.table import clock, columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.local import LocalStorage
    from demo.airflow_stack import AirflowStack
    from demo.coviu.mailbox import Mail

DAG_ID = "telehealth_day"

PRECISION = 1.5
"""Seconds by which a recorded time may differ from the plan: Coviu's are whole seconds."""

REPORTED = {HELD: "held", ONE_CAME: "ended, held unknown", NOBODY: "never_held", CANCELLED: "cancelled"}
"""What the run's own report calls each fate."""

Links = dict[tuple[str, str], str]
"""What Coviu says is each person's own link, by session and the id of the person."""


@dataclass
class Row:
    """One line of the table, and what does not agree with the plan."""

    planned: Appointment
    lane: int
    session: str = ""
    tries: int = 0
    mailed: int = 0
    sealed: int = 0
    started: str | None = None
    ended: str | None = None
    known_at: str | None = None
    came: int | None = None
    outcome: str = "?"
    reported: str = "?"
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Records:
    """What there is beside Airflow to hold a row against.

    Args:
        sessions: The sandbox's own sessions.
        links: Each person's own link.
        mails: What arrived.
        storage: The files that came home.
    """

    sessions: Sequence[Mapping[str, Any]]
    links: Links
    mails: Sequence[Mail]
    storage: LocalStorage


def gather(stack: AirflowStack, runs: Mapping[str, Sequence[Appointment]], records: Records) -> list[Row]:
    """Return a row for each appointment.

    Args:
        stack: The Airflow that ran them.
        runs: The appointments that each run was to launch.
        records: What else is known of them.
    """
    rows = []
    for run_id, day in runs.items():
        selection = stack.xcom(DAG_ID, run_id, "select", -1) or {"launch": []}
        lanes = {(one["uid"], one["start"]): index for index, one in enumerate(selection["launch"])}
        tries = {
            task["map_index"]: int(task["try_number"])
            for task in stack.tasks(DAG_ID, run_id)
            if task["task_id"] == "appointment.launch"
        }
        report = (stack.xcom(DAG_ID, run_id, "report", -1) or {}).get("classes", [])
        for planned in day:
            lane = lanes.pop((planned.class_id, format_time(planned.start)), -1)
            row = Row(planned, lane, tries=tries.get(lane, 0))
            rows.append(row)
            if lane < 0:
                row.problems.append("was not launched")
                continue
            row.reported = report[lane]["outcome"] if lane < len(report) else "missing"
            _read_lane(stack, run_id, row, records)
            compare(row, records)
        for uid, start in lanes:
            rows[-1].problems.append(f"{uid} at {start} was launched as well")
    return rows


def _read_lane(stack: AirflowStack, run_id: str, row: Row, records: Records) -> None:
    def told(task: str, key: str = "return_value") -> Any:
        return stack.xcom(DAG_ID, run_id, f"appointment.{task}", row.lane, key)

    row.session = ((told("launch") or {}).get("ref") or {}).get("session_id", "")
    served = (told("hand_over") or {}).get("handed_over", [])
    row.mailed = sum(one["by"] == "mail" for one in served)
    row.sealed = sum(one["by"] == "xcom" and is_sealed(one["url"]) for one in served)
    outcome = told("wait_for_end", "outcome") or {}
    status = outcome.get("status") or {}
    row.outcome = _word(str(outcome.get("conclusion")), status)
    row.started, row.ended, row.known_at = (status.get(name) for name in ("started_at", "ended_at", "observed_at"))
    attendance = told("retrieve_attendance")
    if attendance is not None:
        _compare_attendance(row, Manifest.from_json(attendance), records.storage)
    elif row.planned.fate != CANCELLED:
        row.problems.append("has no attendance")


def _word(conclusion: str, status: Mapping[str, Any]) -> str:
    if conclusion == "reached":
        return HELD if status.get("held") == "yes" else ONE_CAME if status.get("people") == 1 else "unknown"
    if conclusion == "never_held":
        return NOBODY if status.get("absence") == "nobody" else str(status.get("absence"))
    return conclusion


def compare(row: Row, records: Records) -> None:
    """Hold the row against the plan."""
    planned = row.planned
    if row.outcome != planned.fate:
        row.problems.append(f"is {row.outcome}, should be {planned.fate}")
    if row.reported != REPORTED[planned.fate]:
        row.problems.append(f"the run's report calls it {row.reported}, should be {REPORTED[planned.fate]}")
    mailed = sum(bool(one.email) for one in planned.linked)
    sealed = len(planned.linked) - mailed
    if (row.mailed, row.sealed) != (mailed, sealed):
        row.problems.append(f"{row.mailed} links mailed and {row.sealed} sealed, should be {mailed} and {sealed}")
    _compare_times(row)
    _compare_mails(row, records)
    _ask_platform(row, records.sessions)


def _compare_times(row: Row) -> None:
    planned = row.planned
    if planned.fate not in (HELD, ONE_CAME):
        return
    for what, moment, after in (("began", row.started, 0.0), ("ended", row.ended, planned.stay)):
        should = planned.begins + timedelta(seconds=after)
        if moment is None or abs((parse_time(moment) - should).total_seconds()) > PRECISION:
            row.problems.append(f"{what} at {clock(moment)}, should be {should:%H:%M:%S}")
    if planned.leave is not None and (row.known_at is None or parse_time(row.known_at) >= planned.end):
        row.problems.append(f"its early end was not known before {planned.end:%H:%M:%S}")


def _compare_attendance(row: Row, manifest: Manifest, storage: LocalStorage) -> None:
    row.problems += manifest.verify(storage)
    if manifest.status.value != "complete":
        row.problems.append(f"its attendance is {manifest.status.value}: {manifest.why}")
    counts = manifest.extra.get("counts", {})
    row.came = counts.get("present")
    people, present = len(row.planned.people), row.planned.present
    expected = {"expected": people, "present": present, "absent": people - present, "unexpected": 0}
    for name, number in expected.items():
        if counts.get(name) != number:
            row.problems.append(f"attendance counts {counts.get(name)} {name}, should be {number}")


def _compare_mails(row: Row, records: Records) -> None:
    """Each with an address has one mail, with the one link that Coviu says is theirs."""
    for person in row.planned.people:
        own = records.links.get((row.session, person.id), "")
        links = [mail.link for mail in records.mails if mail.to == person.email and mail.link == own]
        wanted = int(person in row.planned.linked and bool(person.email))
        if len(links) != wanted:
            row.problems.append(f"{person.name} got {len(links)} mails with their own link, should be {wanted}")


def _ask_platform(row: Row, sessions: Sequence[Mapping[str, Any]]) -> None:
    """Hold the row against the platform's own records: nothing doubled, nothing left alive."""
    found = [one for one in sessions if one["session_id"] == row.session]
    if len(found) != 1:
        row.problems.append(f"the platform has {len(found)} sessions for it, should be 1")
    elif found[0]["canceled"] != (row.planned.fate == CANCELLED):
        row.problems.append(f"the platform shows it {'cancelled' if found[0]['canceled'] else 'alive'}")


def table(rows: Sequence[Row]) -> str:
    """Return the table for people."""
    head = ("appointment", "became", "on the way", "session", "links", "began", "ended", "came")
    lines = [head] + [
        (
            row.planned.title,
            row.outcome,
            _on_the_way(row),
            row.session[:8] or "-",
            f"{row.mailed} mailed" + (f", {row.sealed} sealed" if row.sealed else ""),
            clock(row.started),
            clock(row.ended),
            "-" if row.came is None else f"{row.came} of {len(row.planned.people)}",
        )
        for row in rows
    ]
    return columns(lines)


def _on_the_way(row: Row) -> str:
    told = [row.planned.change.value] if row.planned.change is not Change.NONE else []
    if row.planned.leave is not None:
        told.append("ended early")
    if row.planned.away is not None:
        told.append("a break")
    if row.tries > 1:
        told.append(f"launched in {row.tries} tries")
    return ", ".join(told) or "-"
