"""One tick for all who wait: what it costs, and what it concludes of shares that leave the list."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import SessionPlatform
from airflow_provider.live_sessions.core.errors import AuthenticationFailed, RateLimited, Unavailable
from airflow_provider.live_sessions.core.status import Absence, Held, Seen, State
from airflow_provider.live_sessions.platforms.screenleap.judging import PRESENTER_ID
from airflow_provider.live_sessions.platforms.screenleap.watching import OVERLAP
from tests.core.cipher import FernetCipher
from tests.platforms.screenleap.studio import SHOW, START, Studio, plan, watch

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef

END = SHOW + timedelta(hours=1)
UNREADABLE: dict[str, Any] = {"readable_for": 1.0, "recent_for": 0.0}
"""A Screenleap whose ended shares can be read by no call until the history has them."""


def polled(studio: Studio, ref: SessionRef, seconds: float, step: float = 60.0) -> list[Any]:
    """Poll on as a wait does, remembering, and return what was told."""
    one = watch(ref)
    told = []
    for _ in range(int(seconds / step)):
        (status,) = studio.tick(one)
        if status is not None:
            told.append(status)
            one = replace(one, seen=one.seen.after(status))
        studio.wait(step)
    return told


def test_the_account_is_a_platform_that_keeps_no_history(studio: Studio) -> None:
    assert isinstance(studio.platform, SessionPlatform)
    assert studio.platform.keeps_history is False


def test_a_share_is_scheduled_then_live_then_ended(studio: Studio) -> None:
    ref = studio.launch().ref
    status = studio.status(ref)
    assert (status.state, status.held, status.people) == (State.SCHEDULED, Held.UNKNOWN, 0)
    studio.present(ref)
    status = studio.status(ref)
    assert (status.state, status.held, status.people) == (State.LIVE, Held.UNKNOWN, 1)
    studio.people.view(studio.code(ref), "v-1")
    status = studio.status(ref)
    assert (status.held, status.people, status.present) == (Held.YES, 2, frozenset({PRESENTER_ID, "v-1"}))
    studio.wait(1800)
    studio.end(ref)
    studio.wait(300)
    status = studio.status(ref)
    assert (status.state, status.held, status.session_ids) == (State.ENDED, Held.YES, (ref.session_id,))
    assert (status.started_at, status.ended_at) == (START, START + timedelta(minutes=30))


def test_one_list_serves_any_number_of_waits(studio: Studio) -> None:
    watches = [watch(studio.launch(plan(f"Number {number}")).ref) for number in range(30)]
    before = len(studio.log())
    assert [one.state for one in studio.tick(*watches, *watches) if one] == [State.SCHEDULED] * 60
    assert [one.path for one in studio.log()[before:]] == ["/screenleap/v2/recent-screen-shares"]
    assert studio.tick() == []


def test_polling_opens_no_code_until_a_share_leaves_the_list(studio: Studio) -> None:
    ref = studio.launch().ref
    made = studio.ciphers
    studio.status(ref)
    assert studio.ciphers == made
    studio.wait(3601)
    studio.status(ref)
    assert studio.ciphers == made + 1


def test_a_share_that_left_the_list_is_read_by_its_code(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.hold(ref)
    studio.wait(301)
    before = len(studio.log())
    status = studio.status(ref)
    assert (status.state, status.held) == (State.ENDED, Held.YES)
    assert [one.path.rpartition("/")[0] for one in studio.log()[before:]] == [
        "/screenleap/v2",
        "/screenleap/v2/screen-shares",
    ]


def test_at_most_20_departed_are_read_in_a_tick_and_the_others_have_their_turn(studio: Studio) -> None:
    watches = [watch(studio.launch(plan(f"Number {number}")).ref) for number in range(45)]
    studio.wait(3601)
    turns = [studio.tick(*watches) for _ in range(3)]
    studio.wait(1)
    answered = [{number for number, status in enumerate(turn) if status} for turn in turns]
    assert [len(one) for one in answered] == [20, 20, 20]
    assert set.union(*answered) == set(range(45))
    assert len(studio.log(path="/screen-shares/.")) == 60


def test_an_unstarted_share_out_of_the_list_may_still_be_started_before_its_time_is_over(studio: Studio) -> None:
    ref = studio.launch(plan(start=START + timedelta(hours=3))).ref
    studio.wait(3601)
    status = studio.status(ref)
    assert (status.state, status.held) == (State.SCHEDULED, Held.UNKNOWN)
    studio.sandbox.clock.set(START + timedelta(hours=4))
    status = studio.status(ref)
    assert (status.state, status.held, status.absence) == (State.NEVER_HELD, Held.NO, Absence.NOBODY)


def test_an_unstarted_share_in_the_list_is_a_no_show_at_the_deadline_alone(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.wait(1800)
    assert studio.status(ref).state is State.SCHEDULED
    late = studio.status(ref, deadline=SHOW)
    assert (late.state, late.absence) == (State.NEVER_HELD, Absence.NOBODY)


def test_a_share_stopped_before_its_start_is_cancelled() -> None:
    with Studio.open(stop_unstarted="ended") as studio:
        ref = studio.launch().ref
        assert studio.platform.cancel(ref).confirmed
        assert studio.status(ref).state is State.CANCELLED


@pytest.mark.parametrize("unknown", ["404", "403", "400", "empty"])
def test_a_share_that_no_read_shows_is_found_in_the_history(unknown: str) -> None:
    with Studio.open(**UNREADABLE, unknown_code=unknown, history_after=300.0) as studio:
        ref = studio.launch().ref
        studio.present(ref, "v-1")
        assert studio.status(ref).state is State.LIVE
        studio.end(ref)
        studio.wait(60)
        told = polled(studio, ref, 600)
        assert told[0].why.startswith("No list shows it")
        assert (told[-1].state, told[-1].held) == (State.ENDED, Held.YES)
        assert told[-1].ended_at == START
        (bound,) = {one["endedAfter"] for one in studio.asked("/screen-shares$")}
        assert int(bound) == int((START - timedelta(seconds=600)).timestamp() * 1000)


def test_a_live_share_that_vanishes_has_ended_after_15_minutes_of_looking() -> None:
    with Studio.open(**UNREADABLE, history_after=100_000.0) as studio:
        ref = studio.launch().ref
        studio.present(ref)
        one = watch(ref)
        (live,) = studio.tick(one)
        assert live is not None
        studio.end(ref)
        studio.wait(60)
        told = [live, *polled(studio, ref, 1200)]
        assert {status.state for status in told[1:16]} == {State.LIVE}
        assert (told[-1].state, told[-1].held) == (State.ENDED, Held.UNKNOWN)


def test_a_triggerer_that_restarted_still_knows_that_it_was_live() -> None:
    with Studio.open(**UNREADABLE, history_after=100_000.0) as studio:
        ref = studio.launch().ref
        studio.hold(ref)
        studio.wait(60)
        fresh = studio.new_platform()
        one = watch(ref, first_live=START)
        states = []
        for _ in range(17):
            (status,) = fresh.statuses([one], START)
            assert status is not None
            states.append(status.state)
            studio.wait(60)
        assert set(states[:15]) == {State.LIVE}
        assert states[-1] is State.ENDED


def test_a_share_watched_without_a_gap_that_vanishes_unstarted_was_never_held() -> None:
    with Studio.open(unstarted_for=600.0, readable_for=1.0) as studio:
        told = polled(studio, studio.launch().ref, 1800)
        assert told[0].state is State.SCHEDULED
        assert (told[-1].state, told[-1].held, told[-1].absence) == (State.NEVER_HELD, Held.NO, Absence.NOBODY)


def test_after_a_gap_longer_than_the_list_remembers_nothing_is_concluded_but_unknown() -> None:
    with Studio.open(**UNREADABLE, history_after=100_000.0) as studio:
        ref = studio.launch().ref
        first = polled(studio, ref, 60)
        studio.wait(600)
        studio.hold(ref, 600)
        studio.wait(60)
        one = watch(ref, last_good_poll=first[-1].observed_at)
        told = []
        for _ in range(17):
            told += studio.tick(one)
            studio.wait(60)
        assert told[-1] is not None
        assert (told[-1].state, told[-1].held, told[-1].absence) == (State.ENDED, Held.UNKNOWN, None)


def test_a_code_that_cannot_be_opened_is_looked_for_in_the_history(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.hold(ref)
    studio.wait(601)
    studio.cipher = FernetCipher()
    status = studio.status(ref)
    assert (status.state, status.held) == (State.ENDED, Held.YES)


def test_an_end_that_was_seen_stays_true_when_nothing_shows_the_share_any_more() -> None:
    with Studio.open(readable_for=1.0, history_after=100_000.0) as studio:
        ref = studio.launch().ref
        studio.hold(ref)
        assert studio.status(ref).state is State.LIVE
        studio.wait(310)
        assert studio.status(ref).state is State.ENDED


def test_a_share_that_cannot_be_read_stops_nobody_elses_wait(studio: Studio) -> None:
    refs = [studio.launch(plan(f"Number {number}")).ref for number in range(2)]
    for ref in refs:
        studio.hold(ref, 60)
    studio.wait(301)
    studio.sandbox.faults.add("status", path="/screen-shares/.", count=3)  # the first share's three tries
    first, second = studio.tick(*map(watch, refs))
    assert first is None
    assert second is not None
    assert second.state is State.ENDED


def test_a_refused_token_or_a_429_fails_the_whole_tick(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.sandbox.faults.add("expired", path="/recent", count=1)
    with pytest.raises(AuthenticationFailed):
        studio.status(ref)
    studio.wait(3601)
    studio.sandbox.faults.add("throttle", path="/screen-shares/.", retry_after=90)
    with pytest.raises(RateLimited) as caught:
        studio.status(ref)
    assert caught.value.retry_after == 90


def test_the_same_share_may_be_watched_with_two_memories(studio: Studio) -> None:
    ref = studio.launch().ref
    start, end = studio.tick(watch(ref, deadline=START), watch(ref))
    assert start is not None
    assert end is not None
    assert (start.state, end.state) == (State.NEVER_HELD, State.SCHEDULED)


def test_a_direct_look_says_how_a_share_stands(studio: Studio) -> None:
    ref = studio.launch().ref
    assert studio.platform.current(ref).state is State.SCHEDULED
    studio.hold(ref)
    studio.wait(301)
    studio.sandbox.faults.add("status", path="/screen-shares/.", count=3)
    with pytest.raises(Unavailable):
        studio.platform.current(ref)
    assert studio.platform.current(ref).state is State.ENDED


def test_a_viewer_who_comes_back_is_one_person(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref, "v-1")
    studio.people.leave(studio.code(ref), "v-1")
    studio.people.view(studio.code(ref), "v-1")
    studio.people.view(studio.code(ref))
    assert studio.status(ref).people == 3
    studio.end(ref)
    assert studio.client.recent()[0].total_viewers == 3


def test_settle_is_what_the_wait_says_but_out_of_the_list_never_longer_than_the_reopening(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.hold(ref)
    studio.wait(10)
    assert studio.status(ref, settle=10.0).state is State.ENDED
    assert studio.status(ref, settle=3600.0).state is State.LIVE
    studio.wait(300)
    assert studio.status(ref, settle=3600.0).state is State.ENDED
    assert Seen.from_json(watch(ref).seen.to_json()).settle == 300.0


def test_the_history_is_read_from_the_latest_good_poll_of_any_wait_on_the_share() -> None:
    with Studio.open(readable_for=1.0) as studio:
        ref = studio.launch().ref
        studio.hold(ref)
        studio.wait(1200)
        now = studio.sandbox.clock.now()
        polls = [now - timedelta(minutes=90), now - timedelta(minutes=10), None]
        studio.tap.requests.clear()
        studio.tick(*(watch(ref, last_good_poll=at) for at in polls))
        (asked,) = [one for one in studio.tap.requests if "endedAfter" in one.query]
        latest = now - timedelta(minutes=10)
        assert str(int((latest - OVERLAP).timestamp() * 1000)) in asked.query
