"""A fifth platform changes no mechanism: the toy launches, waits and cancels through those of the package."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import SessionPlatform, Watch
from airflow_provider.live_sessions.core.errors import (
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    Unsupported,
)
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.launching import create_or_find
from airflow_provider.live_sessions.core.models import Participant, Plan, SessionRef
from airflow_provider.live_sessions.core.polling import Conclusion, Goal, GoalKind, Outcome, conclude
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Absence, Seen, State
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher, reveal
from airflow_provider.live_sessions.triggers.events import read_milestone, read_outcome
from airflow_provider.live_sessions.triggers.poller import account_and_poller
from airflow_provider.live_sessions.triggers.session import SessionTrigger
from airflow_provider.live_sessions.triggers.waiter import Notice, Waiter
from tests.platforms.toy import LINK, ToyPlatform, ToyWorld
from tests.platforms.toy_hook import HOOK, OPENED, WORLDS, ToyHook

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)
PEOPLE = (Participant("ada", "Ada", leader=True), Participant("bo", "Bo"))
KEY = LaunchKey.for_occurrence(conn_id="toy", timetable="autumn", uid="algebra", start=NOW)
PLAN = Plan("Algebra", NOW + timedelta(hours=1), NOW + timedelta(hours=2), PEOPLE)
START, END = Goal(GoalKind.START, min_people=2), Goal(GoalKind.END)

QUICK = 0.01
"""Seconds between the polls of these tests."""

PATIENCE = 60.0
"""Seconds after which a wait is taken for hung."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyWorld]:
    """A world of its own behind the connection ``toy``."""
    host = uuid.uuid4().hex
    monkeypatch.setenv("AIRFLOW_CONN_TOY", json.dumps({"conn_type": "toy", "host": host}))
    WORLDS[host] = ToyWorld()
    yield WORLDS[host]
    del WORLDS[host]
    OPENED.clear()


@pytest.fixture
def toy(world: ToyWorld) -> SessionPlatform:
    """The platform behind the connection, as an operator gets it."""
    return hook_class_of(HOOK)("toy").platform()


def seen(deadline: timedelta = timedelta(hours=3)) -> Seen:
    return Seen(PLAN.start, PLAN.end, NOW + deadline)


def waiter(
    ref: SessionRef, goal: Goal = END, deadline: timedelta = timedelta(hours=3), interval: float = QUICK
) -> Waiter:
    return Waiter(ref=ref, seen=seen(deadline), goal=goal, due=0.0, interval=interval)


# ---- the contract


def test_the_toy_is_a_platform_and_its_hook_opens_it(toy: SessionPlatform) -> None:
    assert isinstance(toy, SessionPlatform)
    assert isinstance(toy, ToyPlatform)
    assert toy.conn_id == "toy"
    assert ToyHook("toy").test_connection() == (True, "The toy of toy.")


def test_the_platform_brings_no_mechanism_of_its_own() -> None:
    calls = {name for name, one in vars(ToyPlatform).items() if callable(one) and not name.startswith("_")}
    assert calls == {"launch", "adopt", "find", "statuses", "cancel", "close"}


# ---- launch


def test_a_lost_answer_leaves_one_session_and_the_next_try_its_links(
    world: ToyWorld, toy: SessionPlatform
) -> None:
    world.fail("launch answered", OutcomeUnknown("the answer was lost"))
    with pytest.raises(OutcomeUnknown):
        create_or_find(toy, PLAN, KEY, now=NOW)
    launched = create_or_find(toy, PLAN, KEY, now=NOW)
    assert len(world.sessions) == 1
    assert launched.links is not None
    assert not launched.created


def test_a_record_carries_the_toy_s_links_sealed_and_they_open_again(toy: SessionPlatform) -> None:
    record = SessionRecord.of(create_or_find(toy, PLAN, KEY, now=NOW), PLAN, AirflowCipher())
    text = json.dumps(record.to_json())
    assert "door-opener" not in text
    again = SessionRecord.from_json(json.loads(text))
    assert again == record
    assert again.links is not None
    assert [reveal(one.url, mask=False) for one in again.links] == [f"{LINK}toy-1-ada", f"{LINK}toy-1-bo"]
    assert again.participants_by_user_id() == {"u-ada": "ada", "u-bo": "bo"}


# ---- wait


def test_a_session_s_life_concludes_the_waits_for_its_start_and_its_end(
    world: ToyWorld, toy: SessionPlatform
) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref

    def asked(goal: Goal) -> Conclusion | None:
        (status,) = toy.statuses([Watch(ref, seen())], NOW)
        assert status is not None
        outcome = conclude(goal, status, seen())
        return None if outcome is None else outcome.conclusion

    assert (asked(START), asked(END)) == (None, None)
    world.enter(ref.session_id, "ada")
    assert (asked(START), asked(END)) == (None, None)
    world.enter(ref.session_id, "bo")
    assert (asked(START), asked(END)) == (Conclusion.REACHED, None)
    world.end(ref.session_id)
    assert (asked(START), asked(END)) == (Conclusion.REACHED, Conclusion.REACHED)


def test_a_session_nobody_came_to_is_never_held_at_the_deadline(toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    (status,) = toy.statuses([Watch(ref, seen())], seen().deadline)
    assert status is not None
    outcome = conclude(END, status, seen())
    assert outcome is not None
    assert outcome.conclusion is Conclusion.NEVER_HELD
    assert status.absence is Absence.NOBODY


# ---- the shared poll


async def outcome_of(one: Waiter, heard: list[Notice] | None = None) -> Outcome:
    _, poller = account_and_poller(HOOK, "toy")
    async with asyncio.timeout(PATIENCE):
        async for news in poller.wait(one):
            if isinstance(news, Outcome):
                return news
            if heard is not None and isinstance(news, Notice):
                heard.append(news)
    raise AssertionError("a wait ends with an outcome")


async def told(heard: list[Notice], part: str) -> None:
    """Wait until a waiter was told of something."""
    async with asyncio.timeout(PATIENCE):
        while not any(part in notice.text for notice in heard):
            await asyncio.sleep(QUICK)


def test_the_shared_poll_wakes_a_wait_for_the_start_and_then_one_for_the_end(
    world: ToyWorld, toy: SessionPlatform
) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref

    async def life() -> tuple[Outcome, Outcome]:
        heard: list[Notice] = []
        start = asyncio.create_task(outcome_of(waiter(ref, START)))
        end = asyncio.create_task(outcome_of(waiter(ref, END), heard))
        await told(heard, "nobody is in")
        world.enter(ref.session_id, "ada", "bo")
        await told(heard, "live: 2 inside")
        assert not end.done()
        world.end(ref.session_id)
        return await start, await end

    started, ended = asyncio.run(life())
    assert (started.conclusion, ended.conclusion) == (Conclusion.REACHED, Conclusion.REACHED)
    assert started.status is not None
    assert started.status.state is State.LIVE
    assert ended.status is not None
    assert ended.status.state is State.ENDED


def test_a_thousand_waits_cost_the_toy_the_same_calls_as_one(world: ToyWorld, toy: SessionPlatform) -> None:
    keys = [
        LaunchKey.for_occurrence(conn_id="toy", timetable="autumn", uid=f"class {number}", start=NOW)
        for number in range(1000)
    ]
    refs = [create_or_find(toy, PLAN, key, now=NOW).ref for key in keys]
    for ref in refs:
        world.end(ref.session_id)
    world.calls.clear()

    async def wait_for_all() -> list[Outcome]:
        return await asyncio.gather(*(outcome_of(waiter(ref, interval=60.0)) for ref in refs))

    outcomes = asyncio.run(wait_for_all())
    assert {one.conclusion for one in outcomes} == {Conclusion.REACHED}
    assert world.calls == ["statuses of 1000"]


def test_failed_polls_fail_no_wait_and_are_told_once_per_change(world: ToyWorld, toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    down, slow = (
        Unavailable("it is down.", advice="Wait."),
        RateLimited("slow down.", advice="Wait.", retry_after=0.02),
    )
    world.fail("statuses", down, down, slow, ValueError("an odd answer"), None)

    async def life() -> tuple[list[Notice], Outcome]:
        heard: list[Notice] = []
        end = asyncio.create_task(outcome_of(waiter(ref), heard))
        await told(heard, "nobody is in")
        world.end(ref.session_id)
        return heard, await end

    heard, outcome = asyncio.run(life())
    assert outcome.conclusion is Conclusion.REACHED
    assert [notice.text.rpartition(": ")[2] for notice in heard if notice.warning] == [
        "it is down. Wait.",
        "slow down. Wait.",
        "an unexpected ValueError",
    ]
    assert [notice.text for notice in heard if not notice.warning] == ["scheduled: nobody is in"]


def test_a_toy_that_stays_away_only_makes_the_wait_longer_until_its_deadline(
    world: ToyWorld, toy: SessionPlatform
) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    world.fail("statuses", Unavailable("it is down.", advice="Wait."))
    outcome = asyncio.run(outcome_of(waiter(ref, END, timedelta(0))))
    assert outcome.conclusion is Conclusion.DEADLINE
    assert outcome.why.endswith("while the platform could not be asked: it is down. Wait.")


def test_a_cancel_ends_the_deferred_wait_as_cancelled(world: ToyWorld, toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref

    async def life() -> Outcome:
        heard: list[Notice] = []
        end = asyncio.create_task(outcome_of(waiter(ref), heard))
        await told(heard, "nobody is in")
        assert toy.cancel(ref).confirmed
        return await end

    assert asyncio.run(life()).conclusion is Conclusion.CANCELLED


def test_the_poll_closes_what_it_opened_when_nobody_waits_any_more(world: ToyWorld, toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    world.end(ref.session_id)
    OPENED.clear()

    async def life() -> None:
        await outcome_of(waiter(ref))
        async with asyncio.timeout(PATIENCE):
            while not all(one.closed for one in OPENED):
                await asyncio.sleep(QUICK)

    asyncio.run(life())
    assert len(OPENED) == 1


def event_of(ref: SessionRef, remembered: Seen) -> Any:
    """Run the package's own trigger as a triggerer does, everything in it having crossed a process."""
    arguments = {
        "hook_class": HOOK,
        "ref": ref.to_json(),
        "seen": remembered.to_json(),
        "goal": END.to_json(),
        "due": 0.0,
        "poll_interval": QUICK,
    }

    async def run() -> list[Any]:
        async with asyncio.timeout(PATIENCE):
            return [event.payload async for event in SessionTrigger(**json.loads(json.dumps(arguments))).run()]

    (event,) = asyncio.run(run())
    return json.loads(json.dumps(event))


def test_the_package_s_own_trigger_waits_for_the_toy(world: ToyWorld, toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    world.end(ref.session_id)
    outcome = read_outcome(event_of(ref, seen()))
    assert outcome.conclusion is Conclusion.REACHED
    assert outcome.why == "everybody left"


def test_a_toy_without_history_has_its_first_live_moment_written_down_once(
    world: ToyWorld, toy: SessionPlatform
) -> None:
    world.keeps_history = False
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    world.enter(ref.session_id, "ada")
    remembered = read_milestone(event_of(ref, seen()))
    assert remembered is not None
    assert remembered.first_live is not None
    world.fail("statuses", None)
    world.end(ref.session_id)
    assert read_outcome(event_of(ref, remembered)).conclusion is Conclusion.REACHED


# ---- cancel


def test_a_cancel_is_told_with_how_the_session_stood(toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    assert toy.cancel(ref).state_before is State.SCHEDULED
    assert toy.cancel(ref).state_before is State.CANCELLED


def test_what_the_toy_cannot_do_is_unsupported_and_does_nothing(world: ToyWorld, toy: SessionPlatform) -> None:
    ref = create_or_find(toy, PLAN, KEY, now=NOW).ref
    world.enter(ref.session_id, "ada")
    with pytest.raises(Unsupported, match="Ask its leader"):
        toy.cancel(ref)
    assert world.sessions[ref.session_id].inside == {"ada"}


def test_a_session_the_toy_never_had_is_not_found(toy: SessionPlatform) -> None:
    with pytest.raises(NotFound):
        toy.cancel(SessionRef("toy", "toy", "toy-7", KEY.digest))
