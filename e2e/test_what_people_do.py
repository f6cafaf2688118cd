"""Mark failed, mark success, clear, retry: while the task is deferred and while it holds a worker slot."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from e2e.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.world import Race, World

BEGUN = re.compile(r"trigger \S+ \(ID \d+\) starting")
WAYS = {"class_waits_deferred": "deferred", "class_waits_in_slot": "running"}


def waiting_and_live(world: World, dag_id: str, title: str) -> Race:
    """Return a class that people are in while its task waits."""
    race = world.lesson(title, dag_id=dag_id)
    race.until_task(WAYS[dag_id])
    race.until_live()
    return race


@pytest.mark.parametrize("dag_id", WAYS)
def test_a_class_shorter_than_the_first_poll_was_still_held(world: World, dag_id: str) -> None:
    race = world.lesson(f"short-{WAYS[dag_id]}", dag_id=dag_id, lasts=2)
    race.assert_success()
    race.assert_held_once()
    assert race.outcome()["conclusion"] == "reached"
    assert race.outcome()["status"]["held"] == "yes"


@pytest.mark.parametrize("dag_id", WAYS)
@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_live_class_goes_on_when_its_wait_is_marked(world: World, dag_id: str, state: str) -> None:
    race = waiting_and_live(world, dag_id, f"marked-{state}-{WAYS[dag_id]}")
    race.mark(state)
    race.assert_held_once()
    assert race.task()["state"] == state


@pytest.mark.parametrize("dag_id", WAYS)
@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_live_class_goes_on_when_its_run_is_marked(world: World, dag_id: str, state: str) -> None:
    race = waiting_and_live(world, dag_id, f"run-{state}-{WAYS[dag_id]}")
    race.mark_run(state)
    race.assert_held_once()


@pytest.mark.parametrize("dag_id", WAYS)
def test_a_cleared_wait_waits_on_for_the_same_class(world: World, dag_id: str) -> None:
    race = waiting_and_live(world, dag_id, f"cleared-wait-{WAYS[dag_id]}")
    race.clear("wait")
    race.until_task("success", tries=2)
    race.assert_held_once()
    assert race.outcome()["conclusion"] == "reached"


def test_a_cleared_launch_finds_its_class_again(world: World) -> None:
    race = waiting_and_live(world, "class_waits_deferred", "cleared-launch")
    race.clear("launch", "wait")
    race.until_task("success", task_id="launch", tries=2)
    race.until_task("success", tries=2)
    race.assert_held_once()


@contextmanager
def renamed(world: World, ending: str) -> Iterator[None]:
    """Edit the DAG: its classes have another title meanwhile."""
    world.stack.call("POST", "/api/v2/variables", {"key": "renamed", "value": ending})
    try:
        yield
    finally:
        world.stack.call("DELETE", "/api/v2/variables/renamed")


def test_a_launch_cleared_after_the_dag_was_edited_brings_the_same_class_up_to_date(world: World) -> None:
    race = world.lesson("edited", dag_id="class_of_a_timetable", later=20)
    race.until_task("deferred")
    with renamed(world, ", second term"):
        race.clear("launch", "wait")
        race.until_task("success", task_id="launch", tries=2)
    assert [one["name"] for one in world.spaces("edited")] == ["edited, second term"]
    race.until_task("success", tries=2)
    race.assert_held_once()


def test_a_launch_keyed_by_its_task_refuses_another_plan_and_leaves_its_class_alone(world: World) -> None:
    race = world.lesson("another-plan", later=10)
    race.until_task("deferred")
    with renamed(world, ", another class"):
        race.clear("launch", "wait")
        race.until_task("failed", task_id="launch", tries=2)
    assert "launched another session before" in race.log("launch")
    race.until_live()
    race.assert_held_once()
    assert [one["name"] for one in world.spaces("another-plan")] == ["another-plan"]


def test_a_launch_whose_answer_was_lost_is_retried_into_the_same_class(world: World) -> None:
    world.control.add_fault("reset_after", method="POST", path="/launch/", count=1)
    race = world.lesson("lost-answer")
    race.until_task("success", task_id="launch")
    race.assert_success()
    race.assert_held_once()


def live_share(world: World, dag_id: str, title: str) -> Race:
    """Return a share that is being presented while its launch waits, deferred."""
    race = world.share(title, dag_id=dag_id)
    race.until_task("running" if dag_id.endswith("slot") else "deferred")
    (code,) = until(f"{title}: a share was made", lambda: world.shares(title))
    world.control.do("screenleap", "present", share=code)
    until(f"{title}: it runs", lambda: state_of(world, title) == "live")
    if not dag_id.endswith("slot"):
        # Screenleap keeps no history, so the wait writes down that it saw the share live, and defers again. A task
        # that is marked before a triggerer has begun with that second wait has no trigger that hears of it.
        until(f"{title}: its wait has seen it", lambda: waits_again(race))
    return race


def waits_again(race: Race) -> bool:
    """Return whether a task has deferred twice, and a triggerer has begun with the second wait."""
    lines = [json.loads(line) for line in race.log().splitlines() if line.startswith("{")]
    deferred = [one["timestamp"] for one in lines if "Pausing task as DEFERRED" in one["event"]]
    begun = [one["timestamp"] for one in lines if BEGUN.match(one["event"])]
    return len(deferred) >= 2 and bool(begun) and max(begun) > max(deferred)


def state_of(world: World, title: str) -> str:
    """Return what has become of a run's only share."""
    shares = world.control.state()["screenleap"]["shares"]
    (share,) = (one for one in shares if one["external_id"].startswith(f"{title}|"))
    if share["ended_at"]:
        return "ended"
    return "live" if share["started_at"] else "scheduled"


@pytest.mark.parametrize("dag_id", ["share_never", "share_before_start", "share_in_slot"])
def test_a_live_share_goes_on_when_the_launch_that_waits_is_failed_by_hand(world: World, dag_id: str) -> None:
    race = live_share(world, dag_id, f"failed-{dag_id}")
    race.mark("failed")
    race.until_task("failed")
    until("the wait was taken away", lambda: "left alone" in race.log() or dag_id != "share_before_start")
    assert state_of(world, race.run_id) == "live"


def test_a_live_share_is_stopped_when_the_policy_says_always_and_a_person_fails_the_task(world: World) -> None:
    race = live_share(world, "share_always", "always")
    race.mark("failed")
    until("the share was stopped", lambda: state_of(world, race.run_id) == "ended")
    until("its log says so", lambda: "Cancelling, because the task was failed" in race.log())


@pytest.mark.parametrize("state", ["success", "skipped"])
def test_no_policy_stops_a_share_whose_task_is_marked_otherwise(world: World, state: str) -> None:
    race = live_share(world, "share_always", f"always-{state}")
    race.mark(state)
    race.until_task(state)
    until("the trigger told why it did nothing", lambda: "left alone" in race.log())
    assert state_of(world, race.run_id) == "live"
