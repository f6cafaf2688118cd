"""What became of each case: from Airflow, the page and the files, held against the sandbox's own records."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.manifest import Manifest
from demo.screenleap.office import CALLED_OFF, CUSTOMER, HELPED, HELPER, NOBODY, STOPPED, Case
from demo.table import clock, columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.local import LocalStorage
    from demo.airflow_stack import AirflowStack
    from demo.screenleap.page import Page

DAG_ID = "screen_share_support"

FATES = {"reached": HELPED, "deadline": STOPPED, "never_held": NOBODY, "cancelled": CALLED_OFF}


@dataclass
class Row:
    """One line of the table, and what is not as planned."""

    case: Case
    outcome: str = "?"
    share: str = "-"
    started: str = "-"
    ended: str = "-"
    minutes: str = "-"
    cents: str = "-"
    files: int = 0
    shares: int = 0
    problems: list[str] = field(default_factory=list)


def gather(
    stack: AirflowStack,
    cases: Sequence[Case],
    shares: Sequence[Mapping[str, Any]],
    page: Page,
    storage: LocalStorage,
) -> list[Row]:
    """Return a row for each case.

    Args:
        stack: The running Airflow.
        cases: What was planned.
        shares: The sandbox's own records.
        page: What was handed over.
        storage: The files that came home.
    """
    rows = []
    for case in cases:
        row = Row(case)
        rows.append(row)
        _read_run(stack, row, storage)
        _compare(row, page)
        theirs = [one for one in shares if one["external_id"].startswith(f"{case.ticket}|")]
        _ask_platform(row, theirs)
        _check_runs(stack, row)
    return rows


def _read_run(stack: AirflowStack, row: Row, storage: LocalStorage) -> None:
    run_id = row.case.run_ids[0]
    start, end = (stack.xcom(DAG_ID, run_id, name, -1, "outcome") for name in ("wait_for_start", "wait_for_end"))
    outcome = end or start or {}
    row.outcome = FATES.get(str(outcome.get("conclusion")), "?")
    row.share = (stack.xcom(DAG_ID, run_id, "launch", -1) or {"ref": {"session_id": "-"}})["ref"]["session_id"]
    if row.case.fate == STOPPED:
        # Every run about it comes to the limit at once: one of them finds it live, whichever.
        stops = [stack.xcom(DAG_ID, one, "stop", -1) or {} for one in row.case.run_ids]
        if not all(one.get("confirmed") for one in stops) or "live" not in {
            one.get("state_before") for one in stops
        }:
            row.problems.append(f"was not stopped while it was live, but: {stops}")
    for kind in ("usage", "attendance"):
        told = stack.xcom(DAG_ID, run_id, f"retrieve_{kind}", -1)
        if told is None:
            continue
        manifest = Manifest.from_json(told)
        row.problems += manifest.verify(storage)
        row.files += len(manifest.files) + 1  # the manifest is a file itself
        if manifest.status.value != "complete":
            row.problems.append(f"{kind} is {manifest.status}: {manifest.why}")
        if kind == "attendance":
            counts = manifest.extra.get("counts", {})
            if [counts.get(name) for name in ("expected", "absent", "unexpected")] != [2, 0, 0]:
                row.problems.append(f"attendance counts {counts}, should be two people and nobody absent")
        else:
            row.minutes = str(manifest.extra["totals"]["user_minutes"])
            row.cents = str(manifest.extra["totals"]["cost_in_cents"])


def _compare(row: Row, page: Page) -> None:
    """Hold the row against the plan."""
    case = row.case
    if row.outcome != case.fate:
        row.problems.append(f"is {row.outcome}, should be {case.fate}")
    files = 5 + 3 if case.held else 0  # usage and participants, attendance, as CSV and JSON; two manifests
    if row.files != files:
        row.problems.append(f"{row.files} files came home, should be {files}")
    # Who called it off did so between the two messages, or after both.
    served = page.people(case.title) | ({HELPER} if case.fate == CALLED_OFF else set())
    if served != {CUSTOMER, HELPER}:
        row.problems.append(f"handed over to {', '.join(sorted(served)) or 'nobody'}, should be both")


def _ask_platform(row: Row, theirs: Sequence[Mapping[str, Any]]) -> None:
    """Hold the row against the platform's own records: nothing doubled, nothing left open."""
    case, row.shares = row.case, len(theirs)
    wanted = 2 if case.lost else 1
    if len(theirs) != wanted:
        row.problems.append(f"the platform has {len(theirs)} shares for it, should be {wanted}")
    if left := [one for one in theirs if not one["ended_at"]]:
        row.problems.append(f"{len(left)} of its shares are still open")
    begun = [one for one in theirs if one["started_at"]]
    if len(begun) != int(case.held):
        row.problems.append(f"{len(begun)} of its shares were started, should be {int(case.held)}")
    elif begun:
        row.started, row.ended = clock(begun[0]["started_at"]), clock(begun[0]["ended_at"])
        billed = (str(begun[0]["user_minutes"]), str(round(begun[0]["cost_in_cents"])))
        if (row.minutes, row.cents) != billed:
            row.problems.append(f"usage says {row.minutes} minutes, {row.cents} cents; the platform {billed}")


def _check_runs(stack: AirflowStack, row: Row) -> None:
    for run_id in row.case.run_ids:
        state = stack.run_state(DAG_ID, run_id)
        if state != "success":
            row.problems.append(f"run {run_id} is {state}")
    for run_id in row.case.run_ids[1:]:
        launched = stack.xcom(DAG_ID, run_id, "launch", -1) or {}
        if (launched.get("created"), (launched.get("ref") or {}).get("session_id")) != (False, row.share):
            row.problems.append(f"run {run_id} did not take over the first run's share")
    tries = max(
        (one["try_number"] for one in stack.tasks(DAG_ID, row.case.run_ids[0]) if one["task_id"] == "launch"),
        default=0,
    )
    if tries != (2 if row.case.lost else 1):
        row.problems.append(f"it was launched at try {tries}")


def table(rows: Sequence[Row]) -> str:
    """Return the table for people."""
    head = ("case", "became", "share", "reserved", "started", "ended", "user minutes", "cents", "files")
    lines = [head] + [
        (
            f"{row.case.ticket} {row.case.title}",
            row.outcome,
            row.share.removeprefix("share-"),
            str(row.shares),
            row.started,
            row.ended,
            row.minutes,
            row.cents,
            str(row.files or "-"),
        )
        for row in rows
    ]
    return columns(lines)


def rows_of(content: bytes) -> list[dict[str, Any]]:
    """Read a table that was brought home as JSON."""
    return [dict(one) for one in json.loads(content)]
