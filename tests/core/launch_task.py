"""One launch task, try after try, on the toy platform: what the tests of launching share."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.live_sessions.core.contract import Unprovable
from airflow_provider.live_sessions.core.errors import LiveSessionError, OutcomeUnknown, Unavailable
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.launching import Forgetful, LaunchPolicy, OnExisting, create_or_find
from airflow_provider.live_sessions.core.models import Launched, Participant, Plan
from tests.platforms.toy import ToyPlatform, ToyWorld

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
EARLY = NINE - timedelta(hours=3)
LATE = NINE + timedelta(minutes=5)
PAST = NINE + timedelta(hours=1)

PEOPLE = (Participant("ada", "Ada", leader=True), Participant("bo", "Bo"))
PLAN = Plan("Algebra", NINE, NINE + timedelta(hours=1), PEOPLE)
OTHER_PLAN = Plan("Biology", NINE, NINE + timedelta(hours=1), PEOPLE)

CLASS = LaunchKey.for_occurrence(conn_id="toy", timetable="autumn", uid="algebra", start=NINE)
TASK = LaunchKey.for_task(conn_id="toy", dag_id="d", run_id="r", task_id="t", map_index=4)
KEYS = pytest.mark.parametrize("key", [CLASS, TASK], ids=["occurrence", "task"])

REPLACE = OnExisting.REPLACE
LOST = OutcomeUnknown("the answer was lost")
DOWN = Unavailable("it is down")
SILENT = Unprovable("its list reaches back one day")


class Remembering:
    """Airflow's task state store: what it holds is JSON."""

    def __init__(self) -> None:
        self.text = "{}"

    def recall(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    def record(self, value: dict[str, Any]) -> None:
        self.text = json.dumps(value)


class Desk:
    """One launch task, try after try, on a toy platform."""

    def __init__(self, *, memory: Remembering | Forgetful | None = None) -> None:
        self.world = ToyWorld()
        self.memory = Remembering() if memory is None else memory

    def launch(
        self, plan: Plan = PLAN, key: LaunchKey = CLASS, *, now: datetime = EARLY, **policy: Any
    ) -> Launched:
        platform = ToyPlatform(self.world)  # each try opens its own
        return create_or_find(platform, plan, key, now=now, memory=self.memory, policy=LaunchPolicy(**policy))

    def refused(self, kind: type[LiveSessionError], match: str, **arguments: Any) -> LiveSessionError:
        """Launch, expect the error, and check that nothing was changed by the try."""
        before = deepcopy(self.world.sessions)
        with pytest.raises(kind, match=match) as caught:
            self.launch(**arguments)
        assert self.world.sessions == before
        return caught.value

    @property
    def created(self) -> int:
        return len(self.world.sessions)
