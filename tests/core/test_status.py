from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.status import Held, Seen, SessionStatus, State
from tests.core.strategies import BEYOND_THE_CALENDAR, memories, read_or_refused, spoiled, statuses

NINE = datetime(2026, 9, 1, 9, tzinfo=UTC)
SEEN = Seen(NINE, NINE + timedelta(hours=1), NINE + timedelta(hours=2))
STATUS = SessionStatus(State.LIVE, Held.YES, "two inside", NINE, started_at=NINE, session_ids=("s-1",), people=2)


@pytest.mark.parametrize("state", State)
def test_only_a_scheduled_or_live_session_can_still_become_something(state: State) -> None:
    assert state.over is (state not in {State.SCHEDULED, State.LIVE})


@given(statuses())
def test_a_status_crosses_processes_unchanged(status: SessionStatus) -> None:
    assert SessionStatus.from_json(json.loads(json.dumps(status.to_json()))) == status


@given(memories())
def test_a_memory_crosses_processes_unchanged(seen: Seen) -> None:
    assert Seen.from_json(json.loads(json.dumps(seen.to_json()))) == seen


@given(memories(), statuses())
def test_what_is_written_is_plain_json_without_enum_members(seen: Seen, status: SessionStatus) -> None:
    for value in (*seen.to_json().values(), *status.to_json().values()):
        assert type(value) in (str, int, float, list, type(None))


@given(spoiled(STATUS.to_json()))
@example({**STATUS.to_json(), "people": float("inf")})
@example({**STATUS.to_json(), "people": float("nan")})
@example({**STATUS.to_json(), "observed_at": BEYOND_THE_CALENDAR[0]})
@example({**STATUS.to_json(), "state": []})
def test_whatever_is_no_status_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(SessionStatus.from_json, data), SessionStatus | None)


@given(spoiled(SEEN.to_json()))
@example({**SEEN.to_json(), "settle": 10**400})
@example({**SEEN.to_json(), "deadline": BEYOND_THE_CALENDAR[1]})
def test_whatever_is_no_memory_is_a_configuration_error_and_nothing_else(data: Any) -> None:
    assert isinstance(read_or_refused(Seen.from_json, data), Seen | None)


@pytest.mark.parametrize("name", ["planned_start", "planned_end", "deadline"])
def test_a_memory_with_a_naive_time_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no time zone"):
        Seen.from_json({**SEEN.to_json(), name: "2026-09-01T09:00:00"})


@pytest.mark.parametrize("name", ["state", "held", "why", "observed_at"])
def test_a_status_without_its_core_is_refused(name: str) -> None:
    data = STATUS.to_json()
    del data[name]
    with pytest.raises(ConfigurationError, match=name):
        SessionStatus.from_json(data)


@given(memories(), st.lists(statuses(), max_size=5))
def test_the_first_live_moment_is_never_forgotten_nor_moved(seen: Seen, told: list[SessionStatus]) -> None:
    first = seen.first_live
    for status in told:
        seen = seen.after(status)
        if first is None and status.state is State.LIVE:
            first = status.observed_at
        assert seen.first_live == first
        assert seen.last_state is status.state
        assert seen.last_good_poll == status.observed_at


@given(memories(), statuses())
def test_what_was_agreed_at_the_beginning_outlives_every_answer(seen: Seen, status: SessionStatus) -> None:
    after = seen.after(status)
    agreed = ("planned_start", "planned_end", "deadline", "settle")
    assert [getattr(after, name) for name in agreed] == [getattr(seen, name) for name in agreed]


@pytest.mark.parametrize(
    ("state", "started_at", "shown"),
    [(State.LIVE, None, True), (State.ENDED, NINE, True), (State.SCHEDULED, None, False)],
)
def test_a_session_counts_as_seen_when_the_platform_shows_one(
    state: State, started_at: datetime | None, shown: bool
) -> None:
    status = SessionStatus(state, Held.UNKNOWN, "", NINE + timedelta(minutes=5), started_at=started_at)
    assert SEEN.after(status).last_seen == (status.observed_at if shown else None)
