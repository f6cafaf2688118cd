"""Waits as the triggerer runs them, for the tests of every trigger."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.polling import Goal, GoalKind
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.hooks.lessonspace import HOOK
from airflow_provider.live_sessions.triggers.events import read_outcome
from airflow_provider.live_sessions.triggers.session import SessionTrigger
from tests.airflow_side.stage import PATIENCE, crossed
from tests.platforms.toy_hook import HOOK as TOY

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from airflow_provider.live_sessions.core.polling import Outcome

SESSIONS = "/organisations/.*/sessions/$"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
VALID: dict[str, Any] = {
    "hook_class": TOY,
    "ref": SessionRef("toy", "nowhere_at_all", "1", "k").to_json(),
    "seen": Seen(LONG_AGO, LONG_AGO, LONG_AGO).to_json(),
    "goal": Goal(GoalKind.END).to_json(),
    "due": 0.0,
    "poll_interval": 0.01,
    "ability": "TRANSCRIPT",
    "session_ids": ["s"],
    "delays": [0.001],
    "wait": {
        "deadline": "2020-01-01T00:00:00Z",
        "short_deadline": "2020-01-01T00:00:00Z",
        "min_seconds": 1,
        "sure_seconds": 1,
    },
}


def arguments(record: Mapping[str, Any], goal: GoalKind = GoalKind.END, **changes: Any) -> dict[str, Any]:
    """Return the arguments of a wait for a class."""
    one = SessionRecord.from_json(record)
    seen = Seen(one.start, one.end, datetime.fromisoformat(one.ref.detail("window_end")))
    return {
        "hook_class": HOOK,
        "ref": one.ref.to_json(),
        "seen": seen.to_json(),
        "goal": Goal(goal).to_json(),
        "due": 0.0,
        "poll_interval": 0.05,
        "not_before": 0.0,
        **changes,
    }


def wait_for(record: Mapping[str, Any], goal: GoalKind = GoalKind.END, **changes: Any) -> SessionTrigger:
    return SessionTrigger(**arguments(record, goal, **changes))


async def fires(trigger: Any) -> Any:
    async with asyncio.timeout(PATIENCE):
        (event,) = [one.payload async for one in crossed(trigger).run()]
        return json.loads(json.dumps(event))


async def outcome(trigger: Any) -> Outcome:
    return read_outcome(await fires(trigger))


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


def played(life: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(life)


def with_deadline(record: Mapping[str, Any], deadline: datetime) -> dict[str, Any]:
    one = SessionRecord.from_json(record)
    return Seen(one.start, one.end, deadline).to_json()
