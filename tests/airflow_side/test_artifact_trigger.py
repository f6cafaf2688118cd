"""Deferred waits for transcripts and recordings."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.polling import ARTIFACT_CALLS
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.triggers import account, artifact
from airflow_provider.live_sessions.triggers.artifact import ArtifactTrigger
from tests.airflow_side.stage import School, event_of
from tests.airflow_side.waiting import fires, played
from tests.platforms.toy_hook import HOOK as TOY

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock between two questions run two hundred times as fast."""
    monkeypatch.setattr(account, "ARTIFACT_SPACING", 0.01)
    monkeypatch.setattr(artifact._Question, "until_deadline", lambda _: 0.5)


def transcripts(school: School, record: Mapping[str, Any], **changes: Any) -> ArtifactTrigger:
    sessions = school.sandbox.state()["lessonspace"]["sessions"]
    end = format_time(datetime.now(UTC) + timedelta(days=1))
    given = {
        "hook_class": HOOK,
        "ref": record["ref"],
        "ability": "TRANSCRIPT",
        "session_ids": [one["uuid"] for one in sessions],
        "asked": 1,
        "delays": [0.02],
        "wait": {"deadline": end, "short_deadline": end, "min_seconds": 1, "sure_seconds": 1},
        "not_before": 0.0,
    }
    return ArtifactTrigger(**{**given, **changes})


def late(school: School, **how: Any) -> dict[str, Any]:
    """Hold a class whose transcript is late."""
    record = school.launch(transcribe=True)
    school.hold(record, seconds=3500)
    school.sandbox.faults.add(
        **{"kind": "status", "path": "/transcript/$", "status": 404, "body": '{"detail": "none"}', **how}
    )
    return record


@pytest.mark.usefixtures("unhurried")
def test_a_transcript_that_comes_late_is_ready_when_it_is_there(school: School) -> None:
    record = late(school, count=3)
    (verdict,) = event_of(transcripts(school, record))["verdicts"].values()
    assert verdict["readiness"] == "ready"
    assert len(school.log(path="/transcript/$")) == 4


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("asked", [0, 1, 10])
def test_a_session_is_asked_about_fourteen_times_at_most_over_all_tries(school: School, asked: int) -> None:
    record = late(school)
    (verdict,) = event_of(transcripts(school, record, asked=asked))["verdicts"].values()
    assert verdict == {"readiness": "failed", "why": f"it was asked for {ARTIFACT_CALLS} times in vain"}
    assert len(school.log(path="/transcript/$")) == ARTIFACT_CALLS - asked


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("kind", ["reset_before", "expired", "malformed", "status"])
def test_a_question_that_fails_is_pending_until_the_deadline(school: School, kind: str) -> None:
    record = late(school, kind=kind, path="/sessions/[^/]+/$", count=2, status=503)
    (verdict,) = event_of(transcripts(school, record))["verdicts"].values()
    assert verdict["readiness"] == "ready"


@pytest.mark.usefixtures("unhurried")
def test_a_question_that_cannot_be_asked_fails_after_the_deadline(school: School) -> None:
    record = late(school)
    school.connect(nonsense=1)
    past = "2020-01-01T00:00:00Z"
    bounds = {"deadline": past, "short_deadline": past, "min_seconds": 1, "sure_seconds": 1}
    (verdict,) = event_of(transcripts(school, record, wait=bounds))["verdicts"].values()
    assert verdict["readiness"] == "failed"
    assert "nonsense" in verdict["why"]


def test_the_first_question_of_a_resumed_wait_keeps_its_delay_and_a_new_one_has_none(school: School) -> None:
    record = late(school, count=1)
    school.sandbox.faults.clear()
    for asked, least in ((1, 0.7), (0, 0.0)):
        begun = time.time()
        school.sandbox.log.clear()
        event_of(transcripts(school, record, asked=asked, delays=[0.7]))
        (question,) = school.log(path="/transcript/$")
        assert question.real - begun >= least


def test_questions_of_a_connection_keep_their_distance_whatever_asks(school: School) -> None:
    record = late(school)
    school.sandbox.faults.clear()
    school.sandbox.log.clear()

    async def life() -> None:
        await asyncio.gather(*(fires(transcripts(school, record, asked=0)) for _ in range(3)))

    played(life())
    times = sorted(one.real for one in school.log(path="/transcript/$"))
    assert len(times) == 3
    assert times[-1] - times[0] >= 2 * account.ARTIFACT_SPACING


def test_a_question_that_was_held_up_is_not_caught_up_with(school: School) -> None:
    record = late(school)
    school.sandbox.faults.clear()
    school.sandbox.log.clear()
    # The first question takes as long as the distance: without care the second would follow on its heels.
    school.sandbox.faults.add("delay", path="/transcript/$", delay=account.ARTIFACT_SPACING, count=1)

    async def life() -> None:
        await asyncio.gather(*(fires(transcripts(school, record, asked=0)) for _ in range(2)))

    played(life())
    ends = [one.real for one in school.log(path="/transcript/$")]
    begins = [one.real for one in school.log(path="/organisations/.*/sessions/[^/]+/$")]
    assert len(ends) == 2
    assert begins[1] - ends[0] >= account.ARTIFACT_SPACING


@pytest.mark.usefixtures("unhurried")
def test_an_artifact_no_platform_has_is_an_error_and_a_platform_without_any_says_so(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = late(school)
    event = event_of(transcripts(school, record, ability="TELEPATHY"))
    assert (event["kind"], event["error"]) == ("error", "ConfigurationError")
    monkeypatch.setenv("AIRFLOW_CONN_TOY", json.dumps({"conn_type": "toy", "host": "artifact-toy"}))
    ref = SessionRef("toy", "toy", "1", "k").to_json()
    past = "2020-01-01T00:00:00Z"
    bounds = {"deadline": past, "short_deadline": past, "min_seconds": 1, "sure_seconds": 1}
    from tests.platforms.toy import ToyWorld
    from tests.platforms.toy_hook import WORLDS

    monkeypatch.setitem(WORLDS, "artifact-toy", ToyWorld())
    (verdict,) = event_of(transcripts(school, record, ref=ref, hook_class=TOY, wait=bounds))["verdicts"].values()
    assert "no artifacts to wait for" in verdict["why"]
