"""Watched connections under triggerers that are killed: everything that happened is told, in order."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import requests  # noqa: TID253 - a test, no DAG

from airflow_provider.live_sessions.triggers.ended import SessionsEndedTrigger
from airflow_provider.live_sessions.triggers.ready import ArtifactsReadyTrigger
from benchmarks.results import record
from e2e.conftest import FIRST, SECOND
from e2e.world import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2e.world import World

SESSIONS, KILLS = 1000, 5
HALLS = 50
ROUND = 12.0
"""Seconds from one meeting in a room to the next: people need three to be gone."""

ENDED = "live-sessions://lessonspace/lessonspace_default/session-ended-watched"
READY = "live-sessions://lessonspace/lessonspace_default/transcript-ready-watched"
GUIDE, VISITOR = "guide", "visitor"


@contextmanager
def watched(world: World, dag_id: str, key: str) -> Iterator[None]:
    """Have a connection watched while the body runs, from a moment that is written down."""
    world.stack.wait_for_dag(dag_id)
    world.stack.unpause(dag_id)
    until(
        "the watching has begun",
        lambda: world.rows("SELECT value FROM asset_state_store WHERE key = :key", key=key),
    )
    try:
        yield
    finally:
        world.stack.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": True})


def launch(world: World, rooms: Sequence[str], people: Sequence[str], **how: Any) -> None:
    """Launch rooms, as somebody does who knows nothing of Airflow."""
    connection = json.loads(world.stack.environment["AIRFLOW_CONN_LESSONSPACE_DEFAULT"])
    for room in rooms:
        for person in people:
            requests.post(
                f"{connection['host']}/spaces/launch/",
                headers={"Authorization": f"Organisation {connection['password']}"},
                json={"id": room, "user": {"id": person}, **how},
                timeout=30,
            ).raise_for_status()


def meet(world: World, rooms: Sequence[str], people: Sequence[str]) -> None:
    """Let people come into each room and go again: a session each."""
    for do in ("join", "leave"):
        for room in rooms:
            for person in people:
                world.control.do("lessonspace", do, space=room, user=person)


def told(world: World, uri: str) -> list[dict[str, Any]]:
    """Return what was told, in the order in which Airflow wrote it down."""
    rows = world.rows(
        "SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.uri = :uri ORDER BY e.id",
        uri=uri,
    )
    return [(json.loads(extra) if isinstance(extra, str) else extra)["payload"] for (extra,) in rows]


def has_told(world: World, events: int) -> bool:
    """Return whether so many ends were told, some perhaps twice."""
    return len(told(world, ENDED)) >= events


def kill_triggerers(world: World) -> None:
    """Kill both at once, with all they had in hand, and start them again."""
    for name in (FIRST, SECOND):
        world.stack.signal_component(name, signal.SIGKILL)
    for name in (FIRST, SECOND):
        world.stack.start_component(name)


@pytest.mark.timeout(1500)
def test_a_thousand_sessions_and_five_killed_triggerers_are_a_thousand_events(world: World) -> None:
    rooms = [f"hall-{number:02}" for number in range(HALLS)]
    launch(world, rooms, [GUIDE])
    chance = random.Random(5)  # noqa: S311 - no secret

    def day() -> None:
        for _ in range(SESSIONS // HALLS):
            begun = time.monotonic()
            meet(world, rooms, [GUIDE])
            time.sleep(max(0.0, ROUND - (time.monotonic() - begun)))

    people = threading.Thread(target=day)
    with watched(world, "told_of_ends", SessionsEndedTrigger.store_key):
        people.start()
        try:
            for kill in range(KILLS):
                enough = len(told(world, ENDED)) + HALLS
                until(f"something is told before kill {kill + 1}", partial(has_told, world, enough), patience=240)
                time.sleep(chance.uniform(0.0, 4.0))
                kill_triggerers(world)
        finally:
            people.join()
        sessions = until(
            "the last people have gone",
            lambda: (all_of := world.sessions("hall-")) and all(one["end_time"] for one in all_of) and all_of,
        )
        assert len(sessions) == SESSIONS
        ids = {one["uuid"] for one in sessions}
        until(
            "everything is told",
            lambda: ids <= {one["session_id"] for one in told(world, ENDED)},
            patience=300,
        )
        time.sleep(2 * ROUND)  # whatever is told too often is told by now
    events = [one for one in told(world, ENDED) if one["session_id"] in ids]
    first = {one["id"]: one for one in reversed(events)}
    record(
        "events",
        {
            "sessions": SESSIONS,
            "triggerer_kills": KILLS,
            "events": len(events),
            "distinct_events": len(first),
            "lost": SESSIONS - len(first),
        },
    )
    assert {one["session_id"] for one in first.values()} == ids
    assert len(first) == SESSIONS, "an id for each session"
    order = list(dict.fromkeys(one["id"] for one in events))
    assert all(first[one]["ended_at"] <= first[next_one]["ended_at"] for one, next_one in pairwise(order))


def test_transcripts_are_told_through_a_kill(world: World) -> None:
    rooms = [f"choir-{number}" for number in range(5)]
    launch(world, rooms, [GUIDE, VISITOR], transcribe=True, record_av=True)
    with watched(world, "told_of_transcripts", ArtifactsReadyTrigger.store_key):
        meet(world, rooms, [GUIDE, VISITOR])
        until("everybody has gone", lambda: all(one["end_time"] for one in world.sessions("choir-")))
        ids = {one["uuid"] for one in world.sessions("choir-")}
        assert len(ids) == len(rooms)
        until("the first is told", lambda: told(world, READY))
        kill_triggerers(world)
        until("all are told", lambda: ids <= {one["session_id"] for one in told(world, READY)})
    assert {one["happening"] for one in told(world, READY)} == {"transcript-ready"}
