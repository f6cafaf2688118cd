"""Rows of the trigger table that this release did not write."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from e2e.conftest import FIRST, SECOND
from e2e.world import until

if TYPE_CHECKING:
    from e2e.world import Race, World

ROWS = Path(__file__).parent / "rows"
"""What each release wrote: a file is added at a release, and never changed."""

READ = """
import json, sys
from airflow.models.trigger import Trigger
print(json.dumps(Trigger._decrypt_kwargs(sys.argv[1]), default=str))
"""
WRITE = """
import json, sys
from airflow.models.trigger import Trigger
print(Trigger.encrypt_kwargs(json.loads(sys.argv[1])))
"""
NONSENSE: dict[str, dict[str, Any]] = {
    "nothing": {},
    "other-names": {"session": 7, "until": None},
    "other-types": {"hook_class": 3, "ref": [], "seen": "x", "goal": 1, "due": {}, "poll_interval": "often"},
    "no-hook": {"hook_class": "os.system", "ref": {}, "seen": {}, "goal": {}},
}


def row(world: World, race: Race) -> tuple[int, str, dict[str, Any]]:
    """Return the trigger's row of a deferred task: id, class path and arguments."""
    ((number, path, kwargs),) = world.rows(
        'SELECT t.id, t.classpath, t.kwargs FROM "trigger" t JOIN task_instance i ON i.trigger_id = t.id'
        " WHERE i.run_id = :run",
        run=race.run_id,
    )
    return number, path, json.loads(world.inside(READ, kwargs))


def plant(world: World, race: Race, kwargs: dict[str, Any]) -> None:
    """Put other arguments into the row of a deferred task and let every triggerer read it anew."""
    number, _, _ = row(world, race)
    written = world.inside(WRITE, json.dumps(kwargs))
    world.rows('UPDATE "trigger" SET kwargs = :new WHERE id = :id', new=written, id=number)
    restart_triggerers(world)


def restart_triggerers(world: World) -> None:
    """Stop all triggerers gently and start them again: what a deploy does."""
    for name in (FIRST, SECOND):
        world.stack.signal_component(name, signal.SIGTERM)
    for name in (FIRST, SECOND):
        world.stack.start_component(name)


@pytest.mark.parametrize("kwargs", NONSENSE.values(), ids=list(NONSENSE))
def test_a_row_of_nonsense_fails_its_own_task_with_a_reason_and_nothing_else(
    world: World, kwargs: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name = str(request.node.callspec.id)
    victim = world.lesson(f"nonsense-{name}", later=30, lasts=10)
    neighbour = world.lesson(f"beside-{name}", later=30, lasts=10)
    for race in (victim, neighbour):
        race.until_task("deferred")
    plant(world, victim, kwargs)
    until("the victim's own log says why", lambda: "trigger" in victim.log().casefold())
    neighbour.assert_success()
    neighbour.assert_held_once()
    # Its retry looks anew and waits on: even a broken row loses no wait.
    victim.assert_success()
    victim.assert_held_once()


def aged(now: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    """Return this session's values in the shape of an old row: what is new since then is not there."""
    return {
        name: aged(now[name], old) if isinstance(old, dict) and name != "details" else now.get(name, old)
        for name, old in then.items()
    }


@pytest.mark.parametrize("release", sorted(path.stem for path in ROWS.glob("*.json")))
def test_a_row_written_by_an_earlier_release_is_waited_on(world: World, release: str) -> None:
    race = world.lesson(f"row-of-{release}", later=30, lasts=10)
    race.until_task("deferred")
    _, path, now = row(world, race)
    then = json.loads((ROWS / f"{release}.json").read_text())
    assert then["classpath"] == path, "a class that rows name keeps its name"
    plant(world, race, aged(now, then["kwargs"]))
    race.assert_success()
    race.assert_held_once()
    assert race.task()["try_number"] == 1
