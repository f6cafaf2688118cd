"""What may cancel a session when its waiting launch is taken away, and what may not."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest

from airflow_provider.live_sessions.compat import features
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.operators.lessonspace import LessonspaceCancelSessionOperator
from airflow_provider.live_sessions.triggers import session
from airflow_provider.live_sessions.triggers.session import LaunchTrigger, cancel_if_allowed
from tests.airflow_side.stage import School, context, crossed
from tests.airflow_side.waiting import SESSIONS, VALID, arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def waiting_launch(record: Mapping[str, Any], policy: object, *, handed_over: bool) -> Any:
    """Return the trigger of a launch that waits, as the triggerer has it; it logs where pytest sees it."""
    trigger = crossed(LaunchTrigger(**arguments(record), cancel_on_kill=policy, handed_over=handed_over))
    trigger.task_instance = SimpleNamespace(
        id="ti", dag_id="d", run_id="r", task_id="launch", map_index=-1, try_number=1
    )
    trigger._log = logging.getLogger("tests.on_kill")
    return trigger


@pytest.fixture
def kill(school: School, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Kill the wait of a launch while Airflow says in which state its task is."""

    def killed(record: Mapping[str, Any], state: str | None, policy: object, *, handed_over: bool = True) -> None:
        async def answer(_: object) -> str | None:
            return state

        monkeypatch.setattr(features, "state_of_deferred", answer)
        asyncio.run(waiting_launch(record, policy, handed_over=handed_over).on_kill())

    return killed


def marked(school: School, record: Mapping[str, Any]) -> bool:
    """Return whether the platform shows the class as cancelled."""
    outcome = LessonspaceCancelSessionOperator(task_id="cancel", session=record).execute(context())
    return bool(outcome["state_before"] == "cancelled")


@pytest.mark.parametrize("policy", ["before_start", "always"])
def test_a_failed_task_cancels_a_class_nobody_has_entered(
    school: School, kill: Callable[..., None], policy: str
) -> None:
    record = school.launch()
    kill(record, "failed", policy)
    assert marked(school, record)


@pytest.mark.parametrize(
    "state", ["success", "skipped", "deferred", "running", "up_for_retry", "queued", "removed", "", None]
)
def test_no_state_but_failed_cancels_or_even_asks(
    school: School, kill: Callable[..., None], state: str | None
) -> None:
    record = school.launch()
    asked = len(school.log())
    kill(record, state, "always")
    assert len(school.log()) == asked
    assert not marked(school, record)


@pytest.mark.parametrize("policy", ["never", "", None, 1, "perhaps"])
def test_no_policy_but_the_two_cancels_or_even_asks(
    school: School, kill: Callable[..., None], policy: object
) -> None:
    record = school.launch()
    asked = len(school.log())
    kill(record, "failed", policy)
    assert len(school.log()) == asked


def test_a_wait_without_a_policy_or_a_task_cancels_nothing(school: School) -> None:
    record = school.launch()
    asked = len(school.log())
    asyncio.run(LaunchTrigger(**arguments(record)).on_kill())
    asyncio.run(LaunchTrigger(**arguments(record), cancel_on_kill="always").on_kill())
    assert len(school.log()) == asked


@pytest.mark.parametrize("policy", ["before_start", "always"])
def test_a_class_with_people_in_it_is_left_to_them(school: School, kill: Callable[..., None], policy: str) -> None:
    record = school.launch()
    school.go_to(record["start"])
    school.join(record, "t-1", "s-1")
    launches = school.launches
    kill(record, "failed", policy)
    assert school.launches == launches
    (session,) = school.sandbox.state()["lessonspace"]["sessions"]
    assert session["end_time"] is None


def test_the_status_is_asked_for_afresh_before_anything_is_cancelled(
    school: School, kill: Callable[..., None]
) -> None:
    record = school.launch()
    school.sandbox.log.clear()
    kill(record, "failed", "always")
    (asked,) = school.log(path=SESSIONS, query="in_progress_only=true")
    (mark,) = school.log(method="POST", path="/spaces/launch/$")
    assert asked.number < mark.number


def test_a_platform_that_is_away_when_the_task_is_failed_cancels_nothing(
    school: School, kill: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    record = school.launch()
    school.sandbox.faults.add("status", status=503)
    with caplog.at_level("INFO"):
        kill(record, "failed", "always")
    assert "could not be cancelled" in caplog.text
    assert "503" in caplog.text
    school.sandbox.faults.clear()
    assert not marked(school, record)


def test_a_status_that_cannot_be_told_cancels_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.platforms.toy import ToyPlatform, ToyWorld

    world = ToyWorld()
    world.fail("statuses", None)
    seen = Seen.from_json(VALID["seen"])
    told = cancel_if_allowed(
        ToyPlatform(world), SessionRef.from_json(VALID["ref"]), seen, only_scheduled=False, handed_over=True
    )
    assert told == ["Its state could not be told, so it is left alone."]
    assert "cancel" not in world.calls


def test_a_policy_is_followed_to_its_end_though_airflow_cancels_the_trigger_again_and_again(
    school: School, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow 3.3.2 cancels once a second until a trigger is over; a look and a cancel often take longer."""
    from airflow.jobs import triggerer_job_runner

    by_a_person = getattr(triggerer_job_runner, "_USER_ACTION_CANCEL_MSG", None)
    if by_a_person is None:
        pytest.skip("on_kill came with Airflow 3.3")
    record = school.launch()
    held = school.sandbox.faults.add("hold_before")

    async def failed(_: object) -> str:
        return "failed"

    monkeypatch.setattr(features, "state_of_deferred", failed)
    trigger = waiting_launch(record, "always", handed_over=False)

    async def taken_away() -> int:
        runner: Any = triggerer_job_runner.TriggerRunner()
        runner.triggers[1] = {"task": None, "name": "the wait", "is_watcher": False, "events": 0}
        running = asyncio.create_task(runner.run_trigger(1, trigger, None, None))
        cancels = 0
        await asyncio.sleep(0.1)
        while not running.done():
            running.cancel(by_a_person)
            cancels += 1
            if cancels == 6:
                school.sandbox.faults.release(held)
            await asyncio.sleep(0.05)
        return cancels

    monkeypatch.setattr(triggerer_job_runner, "_make_trigger_span", lambda **_: nullcontext(MagicMock()))
    with caplog.at_level("INFO"):
        assert asyncio.run(taken_away()) > 3
    assert "Cancelling, because the task was failed" in caplog.text
    school.sandbox.faults.clear()
    assert marked(school, record)


def test_a_cancel_that_takes_too_long_is_said_to_be_unsettled(
    school: School, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(session, "LONGEST_KILL", 0.2)

    async def never(_: object) -> str:
        await asyncio.sleep(60)
        return "failed"

    monkeypatch.setattr(features, "state_of_deferred", never)
    trigger = waiting_launch(school.launch(), "always", handed_over=False)

    async def killed() -> None:
        await trigger.on_kill()
        await trigger.cleanup()

    with caplog.at_level("WARNING"):
        asyncio.run(killed())
    assert "What became of the session was not told within 0.2 s" in caplog.text
