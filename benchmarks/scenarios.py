"""What may go wrong while a thousand tasks wait; :mod:`benchmarks.faults` plays it."""

from __future__ import annotations

import json
import os
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.polling import LONGEST_PAUSE
from benchmarks.scene import Scenario
from benchmarks.stages.coviu import CoviuStage
from benchmarks.stages.lessonspace import LessonspaceStage
from benchmarks.stages.stage import CONN_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from airflow_provider.live_sessions.sandbox.log import Entry
    from benchmarks.scene import Scene
    from benchmarks.stages.stage import Stage

SESSIONS = "/organisations/"


# ---- 429


def _throttled(*, as_date: bool) -> Callable[[Scene], dict[str, Any]]:
    def happens(scene: Scene) -> dict[str, Any]:
        asked = 3.0 if scene.quick else 30.0
        since = scene.stage.mark()
        scene.stage.sandbox.faults.add("throttle", path=SESSIONS, retry_after=asked, retry_after_date=as_date)
        _pass(2 * asked + 3)
        scene.stage.sandbox.faults.clear()
        scene.stage.wait_for_ticks(1)
        too_early, gaps = 0, []
        for refused, following in _after_429(scene.stage.requests(since)):
            gaps.append(following.real - refused.real)
            # A date has whole seconds: what is asked for counts from the second that has begun.
            begun = int(refused.real) if as_date else refused.real
            too_early += following.real < begun + asked
        form = "date" if as_date else "seconds"
        scene.report.expect(bool(gaps), f"429 in {form}: the poll met one")
        scene.report.expect(too_early == 0, f"429 in {form}: nothing before Retry-After, {too_early} came")
        return {"asked_s": asked, "answers_429": len(gaps), "too_early": too_early, "least_gap_s": _least(gaps)}

    return happens


def _after_429(requests: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    return ((one, following) for one, following in pairwise(requests) if one.status == 429)


# ---- failing, away, slow


def _flaky(scene: Scene) -> dict[str, Any]:
    since = scene.stage.mark()
    scene.stage.sandbox.faults.add("status", status=503, path=SESSIONS, probability=0.2, seed=7)
    _pass(60)
    requests = scene.stage.requests(since)
    failed = sum(one.status == 503 for one in requests)
    scene.report.expect(failed > 0, "one in five polls failing: some failed")
    return {"requests": len(requests), "answered_503": failed, "whole_ticks": len(scene.stage.ticks(since))}


AWAY = 600.0
"""Seconds; long enough for the pauses between polls to reach their longest."""


def _away(scene: Scene) -> dict[str, Any]:
    since = scene.stage.mark()
    scene.stage.sandbox.faults.add("reset_before")
    _pass(AWAY)
    asked = len(scene.stage.requests(since))
    scene.stage.sandbox.faults.clear()
    back = time.monotonic()
    returned = scene.stage.wait_for_ticks(1, LONGEST_PAUSE * 1.2)
    seconds = time.monotonic() - back
    scene.report.expect(returned, f"away: the poll returns within {LONGEST_PAUSE * 1.2:.0f} s")
    return {"away_s": AWAY, "requests_meanwhile": asked, "noticed_after_s": round(seconds, 1)}


def _slow(scene: Scene) -> dict[str, Any]:
    since = scene.stage.mark()
    scene.stage.sandbox.faults.add("delay", delay=5.0)
    _pass(45)
    scene.stage.sandbox.faults.clear()
    scene.stage.wait_for_ticks(1)
    return {"whole_ticks": len(scene.stage.ticks(since))}


# ---- credentials


def _token_dies(scene: Scene) -> dict[str, Any]:
    since = scene.stage.mark()
    _pass(25)
    scene.stage.sandbox.coviu.revoke(refresh=True)  # both tokens: only the key itself helps
    _pass(25)
    requests = scene.stage.requests(since)
    tokens = sum(one.path.endswith("/auth/token") for one in requests)
    refused = sum(one.status == 401 for one in requests)
    ticks = len(scene.stage.ticks(since))
    scene.report.expect(refused > 0, "a token that expires: some requests were refused")
    scene.report.expect(ticks > 3, f"a token that expires: the poll goes on, {ticks} whole ticks were seen")
    scene.report.expect(tokens > 1, f"a token that expires: new ones are got, {tokens} were")
    return {"refused": refused, "new_tokens": tokens, "whole_ticks": ticks}


def _in_a_file(stage: Stage, folder: Path) -> dict[str, str]:
    _write(folder, stage.connection)
    arguments = json.dumps({"connections_file_path": str(folder / "connections.json")})
    return {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": arguments,
    }


def _write(folder: Path, connection: dict[str, Any]) -> None:
    part = folder / "part.json"
    part.write_text(json.dumps({CONN_ID: connection}), encoding="utf-8")
    os.replace(part, folder / "connections.json")  # noqa: PTH105 - one step, whatever reads meanwhile


def _edited(scene: Scene) -> dict[str, Any]:
    sandbox = scene.stage.sandbox
    since = scene.stage.mark()
    new_key = sandbox.lessonspace.replace_key()
    _pass(3 if scene.quick else 15)
    refused = sum(one.status == 401 for one in scene.stage.requests(since))
    host = sandbox.lessonspace.url.replace("127.0.0.1", "localhost")
    _write(scene.folder, {**scene.stage.connection, "host": host, "password": new_key})
    edited = time.monotonic()
    back = scene.stage.wait_for_ticks(1, 120)
    seconds = time.monotonic() - edited
    scene.report.expect(refused > 0, "an edited connection: the old key was refused")
    scene.report.expect(back, "an edited connection: the poll goes on with the new key and host")
    return {"refused_before": refused, "noticed_after_s": round(seconds, 1)}


SCENARIOS = (
    Scenario(
        "429_seconds",
        "429 with Retry-After: 30 to every poll",
        lambda: LessonspaceStage(unlimited=True),
        _throttled(as_date=False),
        quick=True,
    ),
    Scenario(
        "429_date",
        "429 with Retry-After as a date 30 s ahead",
        lambda: LessonspaceStage(unlimited=True),
        _throttled(as_date=True),
    ),
    Scenario("flaky", "20 % of requests answered 503", lambda: LessonspaceStage(unlimited=True), _flaky),
    Scenario(
        "away",
        "every connection reset for ten minutes",
        lambda: LessonspaceStage(unlimited=True),
        _away,
    ),
    Scenario("slow", "every answer takes 5 s", lambda: LessonspaceStage(unlimited=True), _slow, live=0.1),
    Scenario(
        "token",
        "Coviu's tokens expire after 20 s, and one dies before its time together with its refresh token",
        lambda: CoviuStage(expires_in=20),
        _token_dies,
    ),
    Scenario(
        "edited",
        "the key is replaced, then host and key in the secrets backend",
        lambda: LessonspaceStage(unlimited=True),
        _edited,
        quick=True,
        environment=_in_a_file,
    ),
)


def _pass(seconds: float) -> None:
    time.sleep(seconds)


def _least(gaps: Sequence[float]) -> float:
    return round(min(gaps, default=0.0), 3)
