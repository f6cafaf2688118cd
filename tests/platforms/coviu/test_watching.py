"""One list for all waits; moved and cancelled sessions are found by a direct read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.errors import AuthenticationFailed, Unavailable
from airflow_provider.live_sessions.core.polling import Conclusion, Goal, GoalKind, conclude
from airflow_provider.live_sessions.core.status import Held, SessionStatus, State
from airflow_provider.live_sessions.platforms.coviu.models import SessionUpdate
from tests.platforms.coviu.clinic import NOW, START, Clinic, plan, watch

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef


def several(clinic: Clinic, number: int, *, start: datetime = START) -> list[SessionRef]:
    return [clinic.launch(plan(f"Visit {start:%H%M} {one}", start=start)).ref for one in range(number)]


def states(statuses: list[SessionStatus | None]) -> list[State | None]:
    return [None if one is None else one.state for one in statuses]


def test_fifty_waits_cost_the_requests_of_one_list(clinic: Clinic) -> None:
    refs = several(clinic, 50)
    clinic.arrive(START)
    before = clinic.mark()
    assert set(states(clinic.tick(*map(watch, refs)))) == {State.LIVE}
    (query,) = clinic.queries(since=before)
    assert len(clinic.log(since=before)) == 1
    assert query == {
        "page": ["0"],
        "page_size": ["200"],
        "order": ["forward"],
        "start_time": ["Mon, 31 Aug 2026 20:55:00 GMT"],
    }


def test_the_list_is_left_where_sessions_start_beyond_the_next_tick() -> None:
    with Clinic.open(max_page_size=3) as clinic:
        refs = several(clinic, 3)
        several(clinic, 6, start=START + timedelta(hours=3))
        clinic.arrive(START)
        before = clinic.mark()
        clinic.tick(*map(watch, refs))
        assert [one["page"] for one in clinic.queries(since=before)] == [["0"], ["1"]]


def test_a_handful_is_read_by_id_and_no_list_is_asked_for(clinic: Clinic) -> None:
    refs = several(clinic, 2)
    before = clinic.mark()
    assert states(clinic.tick(*map(watch, refs))) == [State.SCHEDULED] * 2
    assert sorted(one.path.rpartition("/")[2] for one in clinic.log(since=before)) == sorted(
        one.session_id for one in refs
    )


def test_nothing_watched_asks_nothing(clinic: Clinic) -> None:
    assert clinic.tick() == []
    assert clinic.log() == []


def test_the_same_session_may_be_watched_twice_with_two_memories(clinic: Clinic) -> None:
    (ref,) = several(clinic, 1)
    clinic.hold(ref, 600)
    clinic.wait(60)
    first, second = clinic.tick(watch(ref, settle=30), watch(ref, settle=300))
    assert states([first, second]) == [State.ENDED, State.LIVE]


def test_future_sessions_are_read_in_turn_twenty_a_tick(clinic: Clinic) -> None:
    refs = several(clinic, 30)
    watches = [watch(one) for one in refs]
    seen: list[set[str]] = []
    for _ in range(3):
        before = clinic.mark()
        assert set(states(clinic.tick(*watches))) == {State.SCHEDULED}
        asked = clinic.log(since=before)
        assert len(asked) == 20
        seen.append({one.path.rpartition("/")[2] for one in asked})
    assert len(seen[0] | seen[1]) == 30
    assert seen[0] - seen[1] <= seen[2]


def test_a_reschedule_moves_the_wait_later_and_earlier(clinic: Clinic) -> None:
    later, earlier, _ = several(clinic, 3)
    two = timedelta(hours=2)
    clinic.client.update_session(later.session_id, SessionUpdate(start_time=START + two, end_time=START + 2 * two))
    early = SessionUpdate(start_time=NOW + timedelta(minutes=10), end_time=NOW + timedelta(minutes=20))
    clinic.client.update_session(earlier.session_id, early)
    clinic.arrive(NOW + timedelta(minutes=15))
    statuses = clinic.tick(watch(later), watch(earlier), watch(_))
    assert states(statuses) == [State.SCHEDULED, State.LIVE, State.SCHEDULED]
    clinic.arrive(START + timedelta(minutes=45))
    assert states(clinic.tick(watch(later), watch(earlier), watch(_))) == [
        State.SCHEDULED,
        State.ENDED,
        State.ENDED,
    ]
    clinic.arrive(START + two)
    assert clinic.status(later).state is State.LIVE


def test_a_session_moved_beyond_the_wait_s_deadline_ends_it_with_its_state(clinic: Clinic) -> None:
    ref = clinic.launch(plan(moves_within=600)).ref
    day = timedelta(days=1)
    clinic.client.update_session(
        ref.session_id, SessionUpdate(start_time=START + day, end_time=START + day + timedelta(minutes=30))
    )
    clinic.arrive(START + timedelta(minutes=40))
    status = clinic.status(ref)
    outcome = conclude(Goal(GoalKind.END), status, watch(ref).seen)
    assert outcome is not None
    assert (outcome.conclusion, status.state) == (Conclusion.DEADLINE, State.SCHEDULED)


def test_a_cancelled_session_is_told_once_a_direct_read_confirms_it(clinic: Clinic) -> None:
    refs = several(clinic, 3)
    clinic.client.cancel_session(refs[0].session_id)
    clinic.arrive(START)
    statuses = clinic.tick(*map(watch, refs))
    assert states(statuses) == [State.CANCELLED, State.LIVE, State.LIVE]
    assert statuses[0] is not None
    assert statuses[0].held is Held.NO
    before = clinic.mark()
    clinic.tick(*map(watch, refs))
    assert len(clinic.log(since=before)) <= 2  # what is gone is not read again


def test_more_departures_than_a_tick_may_read_wait_their_turn(clinic: Clinic) -> None:
    refs = several(clinic, 25)
    for one in refs:
        clinic.client.cancel_session(one.session_id)
    clinic.arrive(START)
    watches = [watch(one) for one in refs]
    first, second = clinic.tick(*watches), clinic.tick(*watches)
    assert (states(first).count(State.CANCELLED), states(first).count(None)) == (20, 5)
    assert states(second).count(State.CANCELLED) == 25


def test_a_list_that_forgets_a_session_cancels_nothing(clinic: Clinic) -> None:
    refs = several(clinic, 3)
    clinic.arrive(START)
    clinic.sandbox.faults.add(
        "status", status=200, path="/sessions$", body='{"content": [], "page": 0, "page_size": 0, "more": false}'
    )
    assert states(clinic.tick(*map(watch, refs))) == [State.LIVE] * 3


def test_a_list_that_fails_halfway_is_as_if_it_never_was() -> None:
    with Clinic.open(max_page_size=2) as clinic:
        refs = several(clinic, 3)
        clinic.arrive(START)
        clinic.sandbox.faults.add("status", status=503, path="/sessions$", query="page=1")
        with pytest.raises(Unavailable):
            clinic.tick(*map(watch, refs))
        clinic.sandbox.faults.clear()
        assert states(clinic.tick(*map(watch, refs))) == [State.LIVE] * 3


def test_credentials_that_no_longer_work_cancel_nothing(clinic: Clinic) -> None:
    (ref,) = several(clinic, 1)
    clinic.sandbox.faults.add("expired")
    with pytest.raises(AuthenticationFailed):
        clinic.tick(watch(ref))
    clinic.sandbox.faults.clear()
    assert clinic.status(ref).state is State.SCHEDULED


def test_a_wait_that_began_long_after_the_end_still_learns_it(clinic: Clinic) -> None:
    refs = several(clinic, 3)
    clinic.arrive(START + timedelta(days=2))
    assert states(clinic.tick(*map(watch, refs))) == [State.ENDED] * 3


def test_a_session_gone_after_it_was_open_is_cancelled_with_held_unknown(clinic: Clinic) -> None:
    (ref,) = several(clinic, 1)
    clinic.client.cancel_session(ref.session_id)
    status = clinic.status(ref)
    assert status.held is Held.NO
    (status_live,) = clinic.tick(watch(ref, first_live=START))
    assert status_live is not None
    assert status_live.held is Held.UNKNOWN


def test_a_session_that_was_not_due_to_be_seen_is_never_guessed_to_be_open(clinic: Clinic) -> None:
    refs = several(clinic, 25)
    clinic.tick(*map(watch, refs))
    for one in refs:
        clinic.client.cancel_session(one.session_id)
    clinic.go_to(START)  # the time jumps between two answers, so the client takes all for future ones
    found = states(clinic.tick(*map(watch, refs)))
    assert (found.count(State.CANCELLED), found.count(None)) == (20, 5)


def test_without_a_recorded_end_the_clock_decides() -> None:
    with Clinic.open(actual_end_time=False) as clinic:
        (ref,) = several(clinic, 1)
        clinic.hold(ref, 600)
        clinic.wait(600)
        assert clinic.status(ref).state is State.LIVE
        clinic.arrive(START + timedelta(minutes=36))
        assert clinic.status(ref).state is State.ENDED


def test_who_comes_back_makes_the_recorded_end_undone(clinic: Clinic) -> None:
    (ref,) = several(clinic, 1)
    clinic.hold(ref, 600)
    clinic.wait(120)
    clinic.join(ref, "p-1")
    clinic.wait(400)
    assert clinic.status(ref).state is State.LIVE
