"""The shared poll as the triggerer runs it: one for all, no exception, no wait that ends by accident."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import TriggerEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.polling import Conclusion, GoalKind
from airflow_provider.live_sessions.core.status import Held, Seen, SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.sensors.session import SessionEndSensor
from airflow_provider.live_sessions.triggers.artifact import ArtifactTrigger
from airflow_provider.live_sessions.triggers.events import read_outcome
from airflow_provider.live_sessions.triggers.session import LaunchTrigger, SessionTrigger
from tests.airflow_side.stage import PATIENCE, School, context, crossed, event_of
from tests.airflow_side.waiting import (
    SESSIONS,
    VALID,
    arguments,
    fires,
    outcome,
    played,
    until,
    wait_for,
    with_deadline,
)
from tests.platforms.toy_hook import HOOK as TOY

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.polling import Outcome

# ---- arguments


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["hook_class", "ref", "seen", "goal", "due", "poll_interval", "not_before", "ability", "wait", "delays"]


@pytest.mark.parametrize("kind", [SessionTrigger, LaunchTrigger, ArtifactTrigger])
@given(kwargs=st.dictionaries(st.sampled_from(NAMES) | st.text(min_size=1, max_size=8), anything, max_size=8))
def test_no_argument_whatever_makes_a_constructor_raise(
    kind: type[SessionTrigger], kwargs: dict[str, Any]
) -> None:
    kwargs.pop("self", None)
    path, again = kind(**kwargs).serialize()
    assert path == f"{kind.__module__}.{kind.__qualname__}"
    assert again == kwargs or any(value != value for value in _leaves(again))


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value]


def test_a_trigger_crosses_airflow_s_database_unchanged(school: School) -> None:
    kwargs = arguments(school.launch())
    for kind in (SessionTrigger, LaunchTrigger):
        again = crossed(kind(**kwargs, cancel_on_kill="never"))
        assert type(again) is kind
        assert again.serialize()[1] == {**kwargs, "cancel_on_kill": "never"}


nonsense = st.none() | st.booleans() | st.text(max_size=20) | st.lists(st.text(max_size=3), max_size=2)
wrong = st.dictionaries(
    st.text(max_size=8) | st.sampled_from(["kind", "deadline", "conn_id"]), anything, max_size=4
)


@pytest.mark.parametrize("kind", [SessionTrigger, ArtifactTrigger])
@given(
    name=st.sampled_from(["hook_class", "ref", "seen", "goal", "due", "poll_interval", "ability", "wait"]),
    value=nonsense | wrong,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nonsense_ends_in_one_event_and_never_in_an_exception(
    kind: type[SessionTrigger], name: str, value: Any
) -> None:
    event = played(_one_event(kind(**{**VALID, name: value})))
    assert event["kind"] in ("error", "outcome", "artifact")
    if event["kind"] == "error":
        assert event["error"] == "ConfigurationError"
        assert event["message"]


async def _one_event(trigger: SessionTrigger) -> Any:
    async with asyncio.timeout(PATIENCE):
        (event,) = [one async for one in trigger.run()]
    assert isinstance(event, TriggerEvent)
    return event.payload


@pytest.mark.parametrize("interval", [0, -1, "often", None, float("nan"), True])
def test_an_interval_that_is_none_would_ask_without_end_so_it_is_an_error(interval: Any) -> None:
    event = event_of(SessionTrigger(**{**VALID, "poll_interval": interval}))
    assert (event["kind"], event["error"]) == ("error", "ConfigurationError")


def test_a_connection_that_does_not_exist_ends_the_wait_at_its_deadline() -> None:
    told = read_outcome(event_of(SessionTrigger(**VALID)))
    assert told.conclusion is Conclusion.DEADLINE
    assert "cannot be read from Airflow" in told.why


# ---- one poll for all


def test_two_hundred_waiters_cost_as_many_requests_a_tick_as_one(school: School) -> None:
    records = [school.launch(school.lesson(f"Class {number}")) for number in range(40)]

    school.connect(organisation=4711)

    async def ticks(triggers: list[SessionTrigger]) -> None:
        school.sandbox.log.clear()
        tasks = [asyncio.create_task(fires(trigger)) for trigger in triggers]
        await until(lambda: school.polls >= 4)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # The tick that was under way comes to its end: two lists of sessions, one of cancelled spaces.
        await until(lambda: len(school.log()) == 3 * school.polls)

    played(ticks([wait_for(records[0])]))
    played(ticks([wait_for(record) for record in records for _ in range(5)]))


def test_two_hundred_waiters_are_all_woken_by_a_few_ticks(school: School) -> None:
    records = [school.launch(school.lesson(f"Class {number}")) for number in range(20)]
    for record in records:
        school.join(record, "t-1", "s-1")
    school.go_to(records[-1]["end"])
    for record in records:
        school.leave(record, "t-1", "s-1")
    school.wait(60)
    school.sandbox.log.clear()

    async def all_of_them() -> list[Outcome]:
        waits = [wait_for(record, poll_interval=0.5) for record in records for _ in range(10)]
        return list(await asyncio.gather(*(outcome(one) for one in waits)))

    assert {one.conclusion for one in played(all_of_them())} == {Conclusion.REACHED}
    assert school.polls <= 20


def test_a_waiter_that_is_cancelled_leaves_the_others_alone(school: School) -> None:
    record, other = school.launch(), school.launch(school.lesson("Geometry"))

    async def life() -> Outcome:
        first = asyncio.create_task(outcome(wait_for(record)))
        second = asyncio.create_task(outcome(wait_for(other)))
        await until(lambda: school.polls >= 2)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        school.hold(other)
        return await second

    assert played(life()).conclusion is Conclusion.REACHED


def test_a_waiter_that_comes_later_joins_the_poll_that_runs(school: School) -> None:
    record = school.launch()
    school.go_to(record["start"])

    async def life() -> list[Outcome]:
        end = asyncio.create_task(outcome(wait_for(record)))
        await until(lambda: school.polls >= 2)
        start = asyncio.create_task(outcome(wait_for(record, GoalKind.START)))
        school.join(record, "t-1", "s-1")
        began = await start
        school.wait(3600)
        school.leave(record, "t-1", "s-1")
        school.wait(60)
        return [began, await end]

    began, ended = played(life())
    assert began.status is not None
    assert (began.status.state, ended.conclusion) == (State.LIVE, Conclusion.REACHED)
    assert len({one.connection for one in school.log(path=SESSIONS, query="end_time_after")}) <= 2


def test_nothing_is_asked_before_a_class_is_due(school: School) -> None:
    record = school.launch()
    school.hold(record)
    school.sandbox.log.clear()
    due = time.time() + 1.0
    assert played(outcome(wait_for(record, due=due))).conclusion is Conclusion.REACHED
    assert min(one.real for one in school.log()) >= due


def test_a_waiter_due_at_once_wakes_the_poll_of_one_who_is_not(school: School) -> None:
    record, far = school.launch(), school.launch(school.lesson("Far"))
    school.hold(record)

    async def life() -> Outcome:
        sleeping = asyncio.create_task(fires(wait_for(far, due=time.time() + 3600)))
        await asyncio.sleep(0.05)
        try:
            return await outcome(wait_for(record))
        finally:
            sleeping.cancel()
            await asyncio.gather(sleeping, return_exceptions=True)

    assert played(life()).conclusion is Conclusion.REACHED


# ---- failed polls


FAULTS: dict[str, dict[str, Any]] = {
    "5xx": {"kind": "status", "status": 502},
    "500 with words": {"kind": "status", "status": 500, "body": '{"detail": "oops"}'},
    "reset": {"kind": "reset_before"},
    "reset after": {"kind": "reset_after"},
    "malformed": {"kind": "malformed"},
    "truncated": {"kind": "truncate"},
    "a page": {"kind": "html", "status": 200, "body": "<html>"},
    "429 without a time": {"kind": "throttle"},
    "401": {"kind": "expired"},
    "403": {"kind": "status", "status": 403, "body": '{"detail": "no"}'},
    "404": {"kind": "status", "status": 404, "body": '{"detail": "no"}'},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_failed_poll_fails_no_wait(school: School, fault: dict[str, Any]) -> None:
    record = school.launch()
    number = school.sandbox.faults.add(path=SESSIONS, count=4, **fault)

    def struck() -> int:
        return int(next(one["struck"] for one in school.sandbox.faults.listed() if one["number"] == number))

    async def life() -> Outcome:
        end = asyncio.create_task(outcome(wait_for(record)))
        await until(lambda: struck() >= 4)
        assert not end.done()
        school.hold(record)
        return await end

    assert played(life()).conclusion is Conclusion.REACHED


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_obeyed_whoever_joins_meanwhile(school: School, *, as_date: bool) -> None:
    record = school.launch()
    school.hold(record)
    school.sandbox.log.clear()
    school.sandbox.faults.add("throttle", count=1, retry_after=4, retry_after_date=as_date)

    async def life() -> list[Outcome]:
        first = asyncio.create_task(outcome(wait_for(record)))
        await until(lambda: school.log(status=429))
        return list(await asyncio.gather(first, *(outcome(wait_for(record)) for _ in range(20))))

    played(life())
    refused, *later = school.log()
    assert refused.status == 429
    # The date form counts in whole seconds, so up to one of them may be gone already.
    assert min(one.real for one in later) - refused.real >= (2.9 if as_date else 4.0)


def test_the_pace_outlives_whoever_waited(school: School) -> None:
    record = school.launch()
    school.hold(record)
    school.sandbox.log.clear()
    school.sandbox.faults.add("throttle", count=1, retry_after=3)

    async def life() -> None:
        first = asyncio.create_task(fires(wait_for(record)))
        await until(lambda: school.log(status=429))
        await asyncio.sleep(0.2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await outcome(wait_for(record))

    played(life())
    refused, *later = school.log()
    assert min(one.real for one in later) - refused.real >= 3.0


def test_waits_one_after_the_other_do_not_poll_faster_than_one_wait(school: School) -> None:
    record = school.launch()
    school.hold(record)
    school.sandbox.log.clear()

    async def life() -> None:
        for _ in range(3):
            await outcome(wait_for(record, poll_interval=1.0))

    begun = time.time()  # a request may reach the sandbox late, so its first one is no beginning
    played(life())
    times = [one.real for one in school.log(path=SESSIONS, query="in_progress_only")]
    assert len(times) == 3
    assert times[-1] - begun >= 2 * 0.9


def test_a_renewed_key_is_read_after_a_401_and_the_wait_goes_on(school: School) -> None:
    record = school.launch()
    school.hold(record)
    school.connect(key="00000000-0000-4000-8000-000000000bad")

    async def life() -> Outcome:
        end = asyncio.create_task(outcome(wait_for(record)))
        await until(lambda: school.log(status=401))
        school.connect()
        return await end

    assert played(life()).conclusion is Conclusion.REACHED


def test_a_connection_that_becomes_wrong_ends_nothing_until_the_deadline(school: School) -> None:
    record = school.launch()
    school.connect(nonsense=1)
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    told = played(outcome(wait_for(record, seen=with_deadline(record, deadline))))
    assert told.conclusion is Conclusion.DEADLINE
    assert "unknown entries: nonsense" in told.why
    assert datetime.now(UTC) >= deadline


def test_the_deadline_ends_a_wait_while_the_platform_is_away(school: School) -> None:
    record = school.launch()
    school.sandbox.faults.add("status", status=503)
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    told = played(outcome(wait_for(record, seen=with_deadline(record, deadline))))
    assert (told.conclusion, told.status) == (Conclusion.DEADLINE, None)
    assert datetime.now(UTC) >= deadline


def test_an_event_is_held_until_not_before(school: School) -> None:
    record = school.launch()
    school.hold(record)
    not_before = time.time() + 1.5
    played(outcome(wait_for(record, not_before=not_before)))
    assert time.time() >= not_before


def test_an_error_is_held_as_well() -> None:
    not_before = time.time() + 0.5
    assert event_of(SessionTrigger(not_before=not_before))["kind"] == "error"
    assert time.time() >= not_before


# ---- logs


def test_the_poll_s_own_lines_land_in_nobody_s_task_log_and_each_waiter_s_in_its_own(school: School) -> None:
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody")
    lines: list[tuple[str, str, str]] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((record.name, whose.get(), record.getMessage()))

    record, other = school.launch(), school.launch(school.lesson("Geometry"))
    listener, root = Listener(), logging.getLogger()
    wire = logging.getLogger("urllib3")
    before = wire.level

    async def task(name: str, trigger: SessionTrigger) -> Any:
        whose.set(name)
        said: list[str] = []
        trigger._log = SimpleNamespace(
            info=lambda text, *args: said.append(f"{whose.get()}: {text % args}"),
            warning=lambda text, *args: said.append(f"{whose.get()}: {text % args}"),
        )
        async with asyncio.timeout(PATIENCE):
            _ = [event async for event in trigger.run()]
        return said

    async def life() -> list[list[str]]:
        first = asyncio.create_task(task("first", wait_for(record)))
        second = asyncio.create_task(task("second", wait_for(other)))
        await until(lambda: school.polls >= 2)
        school.sandbox.faults.add("status", status=503, path=SESSIONS, count=4)
        await until(lambda: len(school.log(status=503)) >= 4)
        school.hold(record)
        said = [await first]
        school.join(other, "t-1", "s-1")
        school.leave(other, "t-1", "s-1")
        school.wait(60)
        return [*said, await second]

    root.addHandler(listener)
    wire.setLevel(logging.DEBUG)
    try:
        first, second = played(life())
    finally:
        root.removeHandler(listener)
        wire.setLevel(before)
    asked = [owner for name, owner, _ in lines if name.startswith("urllib3")]
    assert len(asked) >= 6
    assert set(asked) == {"nobody"}
    ours = {owner for name, owner, _ in lines if name.startswith("airflow_provider")}
    assert ours <= {"nobody"}
    for owner, said in (("first", first), ("second", second)):
        assert all(line.startswith(f"{owner}: ") for line in said)
        assert sum("could not be asked" in line for line in said) == 1
        assert "It ended at" in said[-1] or "left" in said[-1]


# ---- milestones


class ForgetfulSensor(SessionEndSensor):
    hook_class = TOY


@pytest.mark.parametrize("cancel_on_kill", ["", "always"])
def test_after_a_milestone_the_task_defers_again_with_what_must_not_be_forgotten(
    school: School, cancel_on_kill: str
) -> None:
    record = school.launch()
    first_live = datetime.fromisoformat(record["start"])
    seen = Seen.from_json(arguments(record)["seen"]).after(
        SessionStatus(State.LIVE, Held.UNKNOWN, "it is live", first_live)
    )
    event = {"version": 1, "kind": "milestone", "seen": seen.to_json()}
    where = context()
    operator: Any = ForgetfulSensor(task_id="wait", session=record, deferrable=True)
    if cancel_on_kill:
        operator = school.launcher(wait_for_completion=True, cancel_on_kill=cancel_on_kill)
        where["ti"].xcom_push("return_value", record)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute_complete(where, event)
    trigger = deferred.value.trigger
    assert type(trigger) is (LaunchTrigger if cancel_on_kill else SessionTrigger)
    kwargs = trigger.serialize()[1]
    assert kwargs["seen"]["first_live"] == format_time(first_live)
    assert kwargs.get("cancel_on_kill", "") == cancel_on_kill
