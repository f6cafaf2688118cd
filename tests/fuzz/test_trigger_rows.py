"""A trigger row with nonsense in it is built, ends in an event that says what to do, and spoils nobody's wait."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.contract import DEFAULT_RULES
from airflow_provider.live_sessions.core.errors import LiveSessionError
from airflow_provider.live_sessions.core.polling import Goal, GoalKind
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.triggers.artifact import ArtifactTrigger
from airflow_provider.live_sessions.triggers.events import read_event, read_milestone, read_outcome
from airflow_provider.live_sessions.triggers.session import LaunchTrigger, SessionTrigger
from tests.airflow_side.stage import School, event_of
from tests.airflow_side_coviu.practice import Practice
from tests.airflow_side_educates.lab import Lab
from tests.airflow_side_screenleap.stage import Studio
from tests.fuzz.tampering import VALUES, damaged
from tests.fuzz.verdict import cases, played

if TYPE_CHECKING:
    from collections.abc import Iterator

KITS = {"lessonspace": School, "coviu": Practice, "screenleap": Studio, "educates": Lab}
PATIENCE = 60.0
NEEDS_NO_MORE = {("coviu", 0)}
"""Coviu finds a session by its id alone."""


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module", params=KITS)
def row(request: pytest.FixtureRequest, monkeypatch_module: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The arguments of a wait that ends at once: its deadline has passed."""
    kit_of: Any = KITS[request.param]
    with kit_of.open(monkeypatch_module) as kit:
        record = SessionRecord.from_json(kit.launch())
        yield arguments(kit, record)


def arguments(kit: Any, record: SessionRecord, *, seconds: float = -5.0) -> dict[str, Any]:
    now = datetime.now(UTC)
    seen = Seen(record.start, record.end, now + timedelta(seconds=seconds))
    return {
        "hook_class": kit.launcher().hook_class,
        "ref": record.ref.to_json(),
        "seen": seen.to_json(),
        "goal": Goal(GoalKind.END).to_json(),
        "due": time.time() - 5,
        "poll_interval": 0.2,
        "not_before": time.time() - 5,
    }


def read(event: Any) -> object:
    """Read an event as the task does that it comes back to."""
    if isinstance(event, dict) and event.get("kind") == "artifact":
        return read_event(event, "artifact")
    return read_milestone(event) or read_outcome(event)


def test_the_row_is_sound_before_it_is_spoilt(row: dict[str, Any]) -> None:
    assert not isinstance(played(lambda: read(event_of(SessionTrigger(**row), PATIENCE))), LiveSessionError)


@cases(25)
@given(data=st.data())
def test_a_spoilt_row_ends_in_an_event_that_is_read_or_refused_in_words(
    row: dict[str, Any], data: st.DataObject
) -> None:
    spoilt = data.draw(damaged(row))
    if not isinstance(spoilt, dict) or not all(isinstance(name, str) for name in spoilt):
        return  # Airflow itself refuses such a row
    kind = data.draw(st.sampled_from([SessionTrigger, LaunchTrigger]))
    # Nonsense may also be a longer wait, which is no hang: it has a deadline of its own.
    played(lambda: outcome_of(kind(**spoilt)))


@cases(15)
@given(data=st.data())
def test_a_spoilt_row_of_an_artifact_ends_in_an_event_too(row: dict[str, Any], data: st.DataObject) -> None:
    kept = {name: row[name] for name in ("hook_class", "ref", "not_before")}
    bounds = DEFAULT_RULES.after(datetime.now(UTC) - timedelta(days=30)).to_json()
    sound = {
        **kept,
        "ability": "TRANSCRIPT",
        "session_ids": ["s-1"],
        "asked": 13,
        "delays": [0.01],
        "wait": bounds,
    }
    spoilt = data.draw(damaged(sound))
    if isinstance(spoilt, dict):
        played(lambda: outcome_of(ArtifactTrigger(**spoilt)))


def outcome_of(trigger: Any) -> object:
    """Return what the event says, or None where the wait goes on as it should."""

    async def first() -> Any:
        async for event in trigger.run():
            return event.payload
        raise AssertionError("it ended without an event")

    async def bounded() -> Any:
        try:
            async with asyncio.timeout(2.0):
                return await first()
        except TimeoutError:
            return None

    event = asyncio.run(bounded())
    return None if event is None else read(event)


@pytest.mark.parametrize("number", range(len(VALUES)))
def test_no_argument_keeps_a_trigger_from_being_built(number: int) -> None:
    value = VALUES[number]
    for kind in (SessionTrigger, LaunchTrigger, ArtifactTrigger):
        names = ("hook_class", "ref", "seen", "goal", "due", "poll_interval", "wait", "nobody_knows")
        for trigger in (kind(), kind(**dict.fromkeys(names, value))):
            trigger.serialize()
            assert isinstance(played(lambda trigger=trigger: outcome_of(trigger)), LiveSessionError)  # type: ignore[misc]


@pytest.mark.parametrize("path", ["this", "os:system", "a..b", ":", "json.tool", "builtins.int", "\x00"])
def test_a_hook_that_is_none_is_refused_whatever_its_module_does(row: dict[str, Any], path: str) -> None:
    event = event_of(SessionTrigger(**{**row, "hook_class": path}), PATIENCE)
    assert isinstance(played(lambda: read(event)), LiveSessionError)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"details": {}},
        {"details": {"window_start": "soon", "grace": "nan", "code": "x", "seats": "[", "settings": "["}},
        {"session_id": "", "details": {"grace": "-1", "seats": "null", "settings": "null"}},
    ],
)
def test_a_spoilt_reference_spoils_nobody_elses_wait(row: dict[str, Any], spoilt: dict[str, Any]) -> None:
    bad = {**row, "ref": {**row["ref"], **spoilt}}

    async def both() -> tuple[Any, Any]:
        async def one(arguments: dict[str, Any]) -> Any:
            async for event in SessionTrigger(**arguments).run():
                return event.payload
            raise AssertionError("no event")

        async with asyncio.timeout(PATIENCE):
            return await asyncio.gather(one(bad), one(row))

    told, good = asyncio.run(both())
    outcome = played(lambda: read_outcome(good))
    assert not isinstance(outcome, LiveSessionError)
    assert "could not be asked" not in outcome.why
    if (bad["ref"]["platform"], len(spoilt["details"])) not in NEEDS_NO_MORE:
        assert isinstance(played(lambda: read(told)), LiveSessionError)
