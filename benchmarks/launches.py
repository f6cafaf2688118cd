"""Join links a minute: launched, sealed and handed over, with a platform near and 50 ms away.

Each class is launched as a launch task does it: looked up under its key, launched once a participant, its links
sealed, its record written as JSON. Then its links are handed over by the operator, each noted in its ledger.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.launching import create_or_find
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.lessonspace import LessonspaceHook
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher, reveal
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceHandOverLinksOperator
from airflow_provider.live_sessions.sandbox import LessonspaceOptions, Sandbox
from benchmarks.exports import KEY, ORGANISATION
from benchmarks.report import Report, Say

PEOPLE = 25
"""Participants of a class."""
LINKS = 1_000
WANTED = 1_000
"""Links a minute, from the launch to the hand-over."""
AWAY = 0.05


def run(say: Say, quick: bool) -> Report:
    """Launch 40 classes of 25 people and hand their links over; the quick slice eight classes."""
    report = Report()
    told = []
    for latency, tasks, wanted in ((0.0, 1, WANTED), (AWAY, 1, 0), (AWAY, 4, WANTED)):
        figures = _measured(latency, tasks, (LINKS // 5 if quick else LINKS) // PEOPLE, report)
        name = f"at_{round(latency * 1000)}_ms_with_{tasks}_at_once"
        report.figures[name] = figures
        report.expect(figures["per_minute"] >= wanted, f"{name}: {figures['per_minute']} links, {wanted} wanted")
        told.append(f"{figures['per_minute']}")
        say(f"{name}: {figures}")
    report.line = f"{' / '.join(told)} links a minute near / {AWAY * 1000:.0f} ms away / with four tasks at once"
    return report


def _measured(latency: float, tasks: int, classes: int, report: Report) -> dict[str, int]:
    chosen = LessonspaceOptions(api_key=KEY, organisation=ORGANISATION, rate_limit=0)
    with (
        Sandbox(lessonspace=chosen) as sandbox,
        tempfile.TemporaryDirectory(prefix="live-sessions-bench-") as home,
        ThreadPoolExecutor(tasks) as pool,
    ):
        if latency:
            sandbox.faults.add("delay", delay=latency)
        os.environ["AIRFLOW_CONN_BENCH"] = json.dumps(
            {
                "conn_type": "lessonspace",
                "password": KEY,
                "host": sandbox.lessonspace.url,
                "extra": {"organisation": ORGANISATION},
            }
        )
        begun = time.monotonic()
        records = list(pool.map(_launched, range(classes)))
        launched = time.monotonic() - begun
        begun = time.monotonic()
        served = list(pool.map(partial(_handed_over, home), records))
        handed_over = time.monotonic() - begun
        rooms = len(sandbox.state()["lessonspace"]["spaces"])
    links = {reveal(entry["url"], mask=False) for one in served for entry in one["handed_over"]}
    report.expect(
        len(links) == classes * PEOPLE, f"{classes * PEOPLE} links, {len(links)} different ones came out"
    )
    report.expect(rooms == classes, f"{classes} rooms, the platform has {rooms}")
    return {
        "links": len(links),
        "classes": classes,
        "launched_per_minute": round(len(links) / launched * 60),
        "handed_over_per_minute": round(len(links) / handed_over * 60),
        "per_minute": round(len(links) / (launched + handed_over) * 60),
    }


def _launched(number: int) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(hours=1)
    people = tuple(Participant(f"p-{number}-{seat}", f"Person {seat}", leader=not seat) for seat in range(PEOPLE))
    plan = Plan(f"Class {number}", start, start + timedelta(hours=1), people)
    key = LaunchKey.for_occurrence(conn_id="bench", timetable="bench", uid=str(number), start=start)
    platform = LessonspaceHook("bench").platform()
    try:
        launched = create_or_find(platform, plan, key, now=datetime.now(UTC))
    finally:
        platform.close()
    return SessionRecord.of(launched, plan, AirflowCipher()).to_json()


def _handed_over(home: str, record: dict[str, Any]) -> dict[str, Any]:
    operator = LessonspaceHandOverLinksOperator(
        task_id="hand_over", session=record, smtp_conn_id=None, destination=home
    )
    return operator.execute_hand_over({})
