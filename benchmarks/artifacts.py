"""Section ``artifacts``: waits for transcripts that do not come, on their own.

No list shows that a transcript is ready, so each session costs questions of its own. They are asked here with no
pause between a session's questions, so that only the bounds hold them back.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.contract import ArtifactWait
from airflow_provider.live_sessions.core.polling import ARTIFACT_CALLS
from benchmarks.report import Report
from benchmarks.stages.lessonspace import LessonspaceStage
from benchmarks.subject import subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.sandbox.log import Entry
    from benchmarks.report import Say

TRIGGER = "airflow_provider.live_sessions.triggers.artifact.ArtifactTrigger"
SESSIONS = 4
ROOM = 90.0
"""Seconds beyond what the questions need, until the deadline that the last question waits for."""


def run(say: Say, quick: bool) -> Report:
    """Ask for the transcripts of a few sessions until nothing more may be asked."""
    del quick
    report = Report()
    with LessonspaceStage(transcript_after=10**8) as stage:
        stage.launch(SESSIONS, live=SESSIONS)
        stage.finish(stage.refs)
        seconds = SESSIONS * ARTIFACT_CALLS * 2 + ROOM
        since = stage.mark()
        with subject(_waits(stage, seconds), stage.environment()) as running:
            stage.wait_for_a_request()
            running.go()
            patience = time.monotonic() + 2 * seconds
            while len(running.events()) < SESSIONS and time.monotonic() < patience:
                time.sleep(1)
            verdicts = [one["payload"] for one in running.events()]
            failed = running.failed()
        requests = stage.requests(since)
    asked = Counter(one.path for one in requests if one.path.endswith("/transcript/"))
    most, rate = max(asked.values(), default=0), _rate(requests)
    came = len(verdicts)
    report.expect(came == SESSIONS and not failed, f"artifacts: {SESSIONS} verdicts, {came} came {failed[:1]}")
    report.expect(0 < most <= ARTIFACT_CALLS, f"artifacts: {ARTIFACT_CALLS} questions a session, {most} were sent")
    report.expect(rate <= 1.0, f"artifacts: one request a second and connection, {rate} were sent")
    report.figures = {
        "sessions": SESSIONS,
        "questions_a_session": most,
        "requests_a_second": rate,
        "requests": len(requests),
        "connections": len({one.connection for one in requests}),
    }
    say(", ".join(f"{name} {value}" for name, value in report.figures.items()))
    report.line = f"artifacts {rate} requests/s, {most} questions a session"
    return report


def _waits(stage: LessonspaceStage, seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
    deadline = datetime.now(UTC) + timedelta(seconds=seconds)
    # However short the sessions were, they should have a transcript.
    wait = ArtifactWait(deadline, deadline, min_seconds=0.0, sure_seconds=0.0)
    uuids = {one["space"]: one["uuid"] for one in stage.sandbox.state()["lessonspace"]["sessions"]}
    for ref in stage.refs:
        yield (
            TRIGGER,
            {
                "hook_class": stage.hook,
                "ref": ref.to_json(),
                "ability": "TRANSCRIPT",
                "session_ids": [uuids[ref.detail("space")]],
                "asked": 0,
                "delays": [0.1],
                "wait": wait.to_json(),
                "not_before": 0.0,
            },
        )


def _rate(requests: list[Entry]) -> float:
    """Return the most requests a second over any stretch of ten seconds and more.

    A question is two requests, one right after the other, so a stretch that begins and ends with a question has
    two more than its seconds: they are taken off.
    """
    moments = [one.real for one in requests]
    rates = [
        (later - earlier - 1) / (moments[later] - moments[earlier])
        for earlier in range(len(moments))
        for later in range(earlier + 1, len(moments))
        if moments[later] - moments[earlier] >= 10.0
    ]
    return round(max(rates, default=0.0), 2)
