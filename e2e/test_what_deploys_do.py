"""Triggerers that freeze, die and come back; a scheduler that is restarted with its workers."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from e2e.conftest import FIRST, SECOND
from e2e.test_what_people_do import live_share, state_of
from e2e.world import OVER, until

if TYPE_CHECKING:
    from e2e.world import Race, World

FROZEN = 60.0


def classes(world: World, title: str, lengths: tuple[float, ...]) -> list[Race]:
    """Return classes that wait, deferred, for people who come soon."""
    races = [world.lesson(f"{title}-{number}", lasts=lasts) for number, lasts in enumerate(lengths, 1)]
    for race in races:
        race.until_task("deferred")
    return races


def assert_all_held(races: list[Race]) -> None:
    """Every class was held once and every wait has seen it, in its first try."""
    for race in races:
        race.assert_success()
        race.assert_held_once()
        assert race.outcome()["conclusion"] == "reached"
        assert race.task()["try_number"] == 1, "no task is failed by a race"


def owners(world: World) -> list[int]:
    """Return which triggerer has which waiting task."""
    return [int(owner) for (owner,) in world.rows('SELECT triggerer_id FROM "trigger" WHERE triggerer_id > 0')]


def test_waits_survive_a_triggerer_that_froze_for_a_minute_and_went_on(world: World) -> None:
    share = live_share(world, "share_always", "through-the-freeze")
    races = classes(world, "frozen", (10, 20, 45, 75))
    stopped = world.stops()
    until("both triggerers have something to do", lambda: len(set(owners(world))) == 2 or len(owners(world)) > 4)
    begun = time.monotonic()
    world.stack.signal_component(FIRST, signal.SIGSTOP)
    try:
        until("the other one took all over", lambda: len(set(owners(world))) == 1)
        time.sleep(max(0.0, FROZEN - (time.monotonic() - begun)))
    finally:
        world.stack.signal_component(FIRST, signal.SIGCONT)
    assert_all_held(races)
    assert share.task()["state"] == "deferred"
    assert state_of(world, share.run_id) == "live"
    assert world.stops() == stopped, "nobody asked a share to stop"
    share.mark("success")


def test_waits_survive_a_triggerer_that_is_killed(world: World) -> None:
    share = live_share(world, "share_always", "through-the-kill")
    races = classes(world, "killed", (10, 40))
    stopped = world.stops()
    for name in (FIRST, SECOND):
        world.stack.signal_component(name, signal.SIGKILL)
    time.sleep(5)
    for name in (FIRST, SECOND):
        world.stack.start_component(name)
    assert_all_held(races)
    assert state_of(world, share.run_id) == "live"
    assert world.stops() == stopped
    share.mark("success")


def test_a_deadline_that_passes_while_no_triggerer_runs_is_told_when_one_is_back(world: World) -> None:
    nobody = world.lesson("deadline", lasts=5, grace=5, held=False)
    nobody.until_task("deferred")
    for name in (FIRST, SECOND):
        world.stack.signal_component(name, signal.SIGTERM)
    time.sleep(max(0.0, nobody.end.timestamp() + 12 - time.time()))
    for name in (FIRST, SECOND):
        world.stack.start_component(name)
    nobody.assert_success()
    assert nobody.outcome()["conclusion"] == "never_held"
    assert nobody.outcome()["status"]["absence"] == "nobody"


def test_a_class_goes_on_when_the_worker_that_waits_for_it_is_shut_down(world: World) -> None:
    race = world.lesson("shut-down", dag_id="class_waits_in_slot", lasts=60)
    share = live_share(world, "share_in_slot", "shut-down-share")
    race.until_task("running")
    race.until_live()
    stopped = world.stops()
    world.stack.signal_component("scheduler", signal.SIGTERM)  # its workers are its children
    world.stack.start_component("scheduler")
    race.assert_success()
    race.assert_held_once()
    assert state_of(world, share.run_id) == "live"
    assert world.stops() == stopped
    share.mark("success")
    until("the slot is free again", lambda: share.task()["state"] in OVER)
