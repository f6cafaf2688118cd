"""A watched connection tells when a transcript or a recording is there, within the budget of such questions."""

from __future__ import annotations

import asyncio
import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from airflow.triggers.base import BaseEventTrigger
from structlog.testing import capture_logs

from airflow_provider.live_sessions.assets.addresses import read
from airflow_provider.live_sessions.assets.watching import artifacts_ready
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.polling import ARTIFACT_CALLS
from airflow_provider.live_sessions.triggers import account, watching
from airflow_provider.live_sessions.triggers.ready import ArtifactsReadyTrigger
from tests.airflow_side.watcher import INTERVAL, AssetStore, Watcher, run, until
from tests.platforms.toy import ToyWorld
from tests.platforms.toy_hook import HOOK as TOY
from tests.platforms.toy_hook import WORLDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.airflow_side.stage import School

SPACING = 0.05
TRANSCRIPTS, RECORDINGS = "/transcript/$", "/playback/$"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let real time between two questions pass faster; the platform's own stands until it is moved."""
    monkeypatch.setattr(watching, "HANDED_ON_SECONDS", INTERVAL)
    monkeypatch.setattr(account, "ARTIFACT_SPACING", SPACING)


def watcher(school: School, ability: str = "TRANSCRIPT", **arguments: Any) -> Watcher:
    rules = {"min_seconds": 1, "sure_seconds": 1}
    return Watcher(school, AssetStore(), ArtifactsReadyTrigger, ability=ability, rules=rules, **arguments)


async def begun(one: Watcher) -> None:
    await until(lambda: one.store is not None and one.store.writes)


def hold(school: School, number: int = 0, *people: str, **launch: Any) -> dict[str, Any]:
    """Hold a class; its transcript is there five seconds after its end."""
    lesson = school.lesson(f"Class {number}", ahead=1200 + 4000 * number, seconds=600)
    record = school.launch(lesson, **{"transcribe": True, **launch})
    school.hold(record, *people, seconds=600)
    return record


def asked(school: School, times: int) -> bool:
    return len(school.log(path=TRANSCRIPTS)) == times


def keys(records: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(one["ref"]["key"]) for one in records]


@pytest.mark.parametrize(
    ("ability", "happening"), [("TRANSCRIPT", "transcript-ready"), ("RECORDING", "recording-ready")]
)
def test_what_a_session_leaves_is_told_once_when_it_is_there(school: School, ability: str, happening: str) -> None:
    async def day() -> None:
        one = watcher(school, ability)
        async with one.triggerer():
            await begun(one)
            record = await asyncio.to_thread(hold, school)
            await one.asked(3)
            assert one.events == [], "minutes pass before the first question"
            assert not school.log(path=f"{TRANSCRIPTS}|{RECORDINGS}")
            school.wait(300)
            await until(lambda: one.events)
            await one.asked(3)
        (event,) = one.events
        assert (event["happening"], event["session"]) == (happening, record["ref"]["key"])
        assert event["session_id"] == school.sandbox.state()["lessonspace"]["sessions"][0]["uuid"]

    run(day())


def test_a_transcript_that_is_late_is_told_later_and_one_that_never_comes_is_asked_for_fourteen_times(
    school: School,
) -> None:
    async def day() -> None:
        one = watcher(school)
        async with one.triggerer():
            await begun(one)
            await asyncio.to_thread(hold, school)
            fault = {"status": 404, "body": '{"detail": "none"}', "path": TRANSCRIPTS}
            school.sandbox.faults.add("status", **fault)
            for questions in range(1, ARTIFACT_CALLS + 1):
                school.wait(3700 if questions < ARTIFACT_CALLS else 86_400)
                await until(partial(asked, school, questions))
            school.wait(86_400)
            await one.asked(3)
        assert one.events == []
        assert len(school.log(path=TRANSCRIPTS)) == ARTIFACT_CALLS

    run(day())


def test_what_the_list_tells_to_lack_a_transcript_costs_no_question(school: School) -> None:
    async def day() -> None:
        one = watcher(school)
        async with one.triggerer():
            await begun(one)
            await asyncio.to_thread(hold, school, 0, "t-1")
            await one.asked(2)
            await asyncio.to_thread(hold, school, 1, transcribe=False)
            await one.asked(2)
            record = await asyncio.to_thread(hold, school, 2)
            school.wait(300)
            await until(lambda: one.events)
        assert [event["session"] for event in one.events] == keys([record])
        assert len(school.log(path="/organisations/.*/sessions/[^/]+/$")) == 1

    run(day())


@pytest.mark.parametrize("seed", range(3))
def test_triggerers_that_are_killed_again_and_again_lose_no_transcript(school: School, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret

    async def day() -> None:
        one = watcher(school)
        records: list[Mapping[str, Any]] = []
        async with one.triggerer():
            await begun(one)
        for number in range(6):
            async with one.triggerer(lose=lambda: chance.random() < 0.4):
                if chance.random() < 0.7:
                    records.append(await asyncio.to_thread(hold, school, number))
                school.wait(chance.choice((0, 300)))
                await asyncio.sleep(chance.uniform(0, 6 * INTERVAL))
        school.wait(3600)
        async with one.triggerer():
            await until(lambda: set(keys(records)) <= {event["session"] for event in one.events})
            await one.asked(3)
        distinct = {event["id"]: event for event in one.events}
        assert {event["session"] for event in distinct.values()} == set(keys(records))
        assert len(distinct) == len(records)

    run(day())


def test_questions_keep_their_distance_whatever_ended(school: School) -> None:
    async def day() -> None:
        one = watcher(school)
        async with one.triggerer():
            await begun(one)
        for number in range(5):
            await asyncio.to_thread(hold, school, number)
        school.wait(3600)
        async with one.triggerer():
            await until(lambda: len(one.events) >= 5)
        ends = [entry.real for entry in school.log(path=TRANSCRIPTS)]
        begins = [entry.real for entry in school.log(path="/organisations/.*/sessions/[^/]+/$")]
        assert len(ends) == len(begins) == 5
        assert all(begin - end >= SPACING for end, begin in zip(ends, begins[1:], strict=False))

    run(day())


def test_what_was_ready_in_the_order_of_the_ends_is_told_in_that_order(school: School) -> None:
    async def day() -> None:
        one = watcher(school)
        async with one.triggerer():
            await begun(one)
        records = [await asyncio.to_thread(hold, school, number) for number in range(4)]
        school.wait(3600)
        async with one.triggerer():
            await until(lambda: len(one.events) >= 4)
        assert [event["session"] for event in one.events] == keys(records)

    run(day())


def test_an_event_names_nobody_and_opens_nothing(school: School) -> None:
    async def day() -> None:
        one = watcher(school)
        async with one.triggerer():
            await begun(one)
            await asyncio.to_thread(hold, school)
            school.wait(300)
            await until(lambda: one.events)
        told = json.dumps(one.events) + json.dumps(one.store.values if one.store else {})
        secrets = ("Class", "Student", "Ada", "t-1", "http", *school.secrets)
        assert not [each for each in secrets if each in told]

    run(day())


def test_a_platform_that_is_away_ends_no_watching(school: School) -> None:
    async def day() -> None:
        one = watcher(school)
        async with one.triggerer():
            await begun(one)
            record = await asyncio.to_thread(hold, school)
            school.sandbox.faults.add("status", path="/sessions/", status=503, count=6)
            school.wait(300)
            await until(lambda: len(school.log(path="/sessions/", status=503)) >= 6)
            school.wait(7200)
            await until(lambda: one.events)
        assert [event["session"] for event in one.events] == keys([record])

    run(day())


@pytest.mark.parametrize("ability", ["TRANSCRIPT", "RECORDING"])
def test_after_a_stop_of_days_one_failed_question_is_not_the_last(school: School, ability: str) -> None:
    async def day() -> None:
        one = watcher(school, ability)
        async with one.triggerer():
            await begun(one)
        record = await asyncio.to_thread(hold, school)
        school.wait(3 * 86_400)
        school.sandbox.faults.add("status", path="/sessions/[^/]+/$", status=503)
        async with one.triggerer():
            await until(lambda: school.log(path="/sessions/[^/]+/$", status=503))
            await one.asked(2)
            school.sandbox.faults.clear()
            school.wait(3600)
            await until(lambda: one.events)
        assert [event["session"] for event in one.events] == keys([record])

    run(day())


@pytest.mark.parametrize(
    "kwargs", [{}, {"ability": "TELEPATHY"}, {"delays": "soon"}, {"rules": {"patience": 1}}, {"delays": [0]}]
)
def test_arguments_that_are_nonsense_take_no_triggerer_down(school: School, kwargs: dict[str, Any]) -> None:
    async def some_time() -> None:
        trigger = ArtifactsReadyTrigger(**{"conn_id": school.conn_id, **kwargs})
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(trigger.run())), 0.3)

    asyncio.run(some_time())


def test_a_platform_that_leaves_nothing_says_what_works(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TOY", json.dumps({"conn_type": "toy", "host": "leaving-toy"}))
    monkeypatch.setitem(WORLDS, "leaving-toy", ToyWorld())

    async def day() -> None:
        async with watcher(school, hook_class=TOY, conn_id="toy").triggerer():
            await until(lambda: any("Watch what has ended instead" in line["event"] for line in lines))

    with capture_logs() as lines:
        run(day())


# ---- the asset


def test_an_asset_watches_for_one_thing_on_one_connection() -> None:
    asset = artifacts_ready("lessonspace", "school")
    assert read(asset.uri) == ("lessonspace", "school", "transcript-ready-watched")
    (watched,) = asset.watchers
    path, kwargs = watched.trigger.serialize()
    assert path.endswith("triggers.ready.ArtifactsReadyTrigger")
    assert kwargs["rules"]["min_seconds"] == 150.0
    other = artifacts_ready("lessonspace", "school", "recording-ready").watchers[0].trigger
    assert BaseEventTrigger.hash(path, kwargs) != BaseEventTrigger.hash(*other.serialize())
    assert json.loads(json.dumps(kwargs)) == kwargs


def test_an_asset_that_nobody_could_update_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(ValueError, match="lessonspace"):
        artifacts_ready("coviu", "clinic")
    with pytest.raises(ValueError, match="recording-ready"):
        artifacts_ready("lessonspace", "school", "session-started")
    with pytest.raises(ConfigurationError, match="rules"):
        artifacts_ready("lessonspace", "school", rules={"patience": 1})
    with pytest.raises(ConfigurationError, match="check_delays"):
        artifacts_ready("lessonspace", "school", check_delays=[-1])
