"""How a class stands, from its launch to its end, as one who waits sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.core.polling import Goal, GoalKind, conclude
from airflow_provider.live_sessions.core.status import Absence, Held, State
from tests.platforms.kit import watch
from tests.platforms.lessonspace.academy import CLASS, DIRECT, TEACHER, Academy, empty, nowhere, plan, weekly

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

END = CLASS + timedelta(hours=1)


# ---- a class from its launch to its end


def test_a_class_is_scheduled_then_live_then_ended(academy: Academy) -> None:
    ref = academy.launch().ref
    status = academy.status(ref)
    assert (status.state, status.held, status.people) == (State.SCHEDULED, Held.UNKNOWN, 0)
    academy.go_to(CLASS)
    session = academy.join(ref, "t-1")
    assert (academy.status(ref).state, academy.status(ref).held) == (State.LIVE, Held.UNKNOWN)
    academy.join(ref, "s-1")
    assert (academy.status(ref).state, academy.status(ref).held) == (State.LIVE, Held.YES)
    academy.go_to(END)
    academy.leave(ref, "t-1", "s-1")
    assert academy.status(ref).state is State.LIVE
    academy.wait(30)
    status = academy.status(ref)
    assert (status.state, status.held) == (State.ENDED, Held.YES)
    assert (status.started_at, status.ended_at) == (CLASS, END + timedelta(seconds=30))
    assert status.session_ids == (session,)
    assert status.people == len(status.present) == 2
    assert abs(status.observed_at - academy.sandbox.clock.now()) < timedelta(seconds=2)


def test_the_people_seen_are_the_ones_the_launch_told_of(academy: Academy) -> None:
    launched = academy.launch()
    assert launched.links is not None
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1", "s-1")
    assert academy.status(launched.ref).present == {one.user_id for one in launched.links}


def test_guests_count_as_people(academy: Academy) -> None:
    ref = academy.launch(plan(people=(TEACHER,), allow_guests=True)).ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "guest")
    status = academy.status(ref)
    assert (status.held, status.people) == (Held.YES, 2)


def test_a_teachers_early_test_alone_does_not_end_the_class(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS - timedelta(minutes=20))
    early = academy.hold(ref, 120, "t-1")
    status = academy.status(ref)
    assert (status.state, status.held, status.session_ids) == (State.SCHEDULED, Held.UNKNOWN, (early,))
    academy.go_to(CLASS)
    later = academy.hold(ref, 3600)
    status = academy.status(ref)
    assert (status.state, status.session_ids) == (State.ENDED, (early, later))
    assert early != later


def test_a_session_alone_is_seen_because_single_user_sessions_are_asked_for(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1")
    assert academy.status(ref).state is State.LIVE
    assert all(one["include_single_user"] == ["true"] for one in academy.queries("/sessions/$"))


@pytest.mark.parametrize(("people", "absence"), [((), Absence.NOBODY), (("t-1",), Absence.ALONE)])
def test_at_the_deadline_a_class_was_never_held_and_why_is_told(
    academy: Academy, people: tuple[str, ...], absence: Absence
) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    if people:
        academy.hold(ref, 1800, *people)
    academy.go_to(END + timedelta(seconds=3599))
    assert academy.status(ref).state is State.SCHEDULED
    academy.wait(1)
    status = academy.status(ref)
    assert (status.state, status.held, status.absence) == (State.NEVER_HELD, Held.NO, absence)


def test_a_break_settles_and_both_sessions_are_one_class(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    first = academy.hold(ref, 1500)
    assert academy.status(ref).state is State.LIVE
    academy.wait(300)
    assert academy.status(ref).state is State.LIVE
    second = academy.hold(ref, 900)
    assert first != second
    assert academy.status(ref).state is State.LIVE
    academy.wait(598)
    assert academy.status(ref).state is State.LIVE
    academy.wait(1)
    status = academy.status(ref)
    assert (status.state, status.session_ids) == (State.ENDED, (first, second))
    assert (status.started_at, status.people) == (CLASS, 2)


def test_a_wait_may_choose_its_own_settle(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.hold(ref, 600)
    assert academy.status(ref, settle=0).state is State.ENDED
    assert academy.status(ref, settle=60).state is State.LIVE


def test_the_session_id_of_the_launch_is_a_hint_and_no_more() -> None:
    with Academy.open(session_id_differs=True) as academy:
        ref = academy.launch().ref
        academy.go_to(CLASS)
        session = academy.hold(ref, 3600)
        assert session != ref.session_id
        assert academy.status(ref).session_ids == (session,)


def test_one_session_may_be_watched_twice_with_two_deadlines(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS + timedelta(minutes=15))
    start, end = academy.tick(watch(ref, deadline=CLASS + timedelta(minutes=15)), watch(ref))
    assert start is not None
    assert end is not None
    assert (start.state, start.absence, end.state) == (State.NEVER_HELD, Absence.NOBODY, State.SCHEDULED)


def test_a_wait_for_the_end_concludes_from_what_a_tick_tells(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "s-1")
    one = watch(ref)
    assert conclude(Goal(GoalKind.END), academy.status(ref), one.seen) is None
    academy.go_to(END)
    academy.leave(ref, "t-1", "s-1")
    academy.wait(31)
    outcome = conclude(Goal(GoalKind.END), academy.status(ref), one.seen)
    assert outcome is not None
    assert outcome.conclusion == "reached"


# ---- rooms over weeks


def test_two_classes_of_a_morning_in_one_room_do_not_see_each_others_sessions(academy: Academy) -> None:
    first = academy.launch(weekly("First", CLASS)).ref
    second = academy.launch(weekly("Second", CLASS + timedelta(hours=1))).ref
    assert first.detail("space") == second.detail("space")
    assert first.session_id == second.session_id  # one reservation for both
    academy.go_to(CLASS)
    early = academy.hold(first, 45 * 60)
    one, two = academy.tick(watch(first), watch(second))
    assert one is not None
    assert two is not None
    assert (one.state, one.session_ids) == (State.ENDED, (early,))
    assert (two.state, two.session_ids) == (State.SCHEDULED, ())
    academy.go_to(CLASS + timedelta(hours=1))
    late = academy.hold(second, 45 * 60)
    one, two = academy.tick(watch(first), watch(second))
    assert one is not None
    assert two is not None
    assert (one.state, one.session_ids) == (State.ENDED, (early,))
    assert (two.state, two.session_ids) == (State.ENDED, (late,))


def test_an_earlier_class_that_is_waited_for_later_is_still_found(academy: Academy) -> None:
    first = academy.launch(weekly("First", CLASS)).ref
    second = academy.launch(weekly("Second", CLASS + timedelta(hours=1))).ref
    academy.go_to(CLASS)
    early = academy.hold(first, 1200)
    academy.wait(1200)
    assert academy.status(second).state is State.SCHEDULED  # a restart brings the waits back one by one
    one, _ = academy.tick(watch(first), watch(second))
    assert one is not None
    assert (one.state, one.session_ids) == (State.ENDED, (early,))


# ---- no-shows


def test_a_no_show_is_confirmed_by_a_direct_read_once(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(END + timedelta(hours=2))
    assert academy.status(ref).state is State.NEVER_HELD
    assert academy.status(ref).state is State.NEVER_HELD
    assert [one.path for one in academy.log(path=DIRECT)] == [
        f"/lessonspace/v2/spaces/{ref.detail('space')}/sessions/"
    ]
    assert academy.queries(DIRECT) == [{"include_single_user": ["true"]}]


def test_a_no_show_that_nobody_waited_for_in_between_is_confirmed_anew(academy: Academy) -> None:
    ref, other = academy.launch().ref, academy.launch(plan("Other", grace=7200)).ref
    academy.go_to(END + timedelta(hours=1))
    academy.status(ref)
    academy.status(other)
    academy.status(ref)
    assert len(academy.log(path=DIRECT)) == 2


def test_absence_from_the_lists_alone_makes_no_no_show(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    session = academy.hold(ref, 3600)
    academy.go_to(END + timedelta(hours=2))
    academy.tap.answer = empty
    status = academy.status(ref)
    assert (status.state, status.session_ids) == (State.ENDED, (session,))


def test_at_most_20_no_shows_are_confirmed_a_tick_and_the_rest_wait(academy: Academy) -> None:
    watches = [watch(nowhere(f"Class {number}")) for number in range(25)]
    academy.go_to(END + timedelta(hours=2))
    first, second = academy.tick(*watches), academy.tick(*watches)
    assert first.count(None) == 5
    assert {one.state for one in first if one is not None} == {State.NEVER_HELD}
    assert second.count(None) == 0
    assert len(academy.log(path=DIRECT)) == 25


def test_who_came_after_the_lists_were_read_is_no_no_show(academy: Academy) -> None:
    ref = academy.launch(plan(grace=0, hard_stop=0)).ref
    academy.go_to(CLASS)

    def people_come(request: Request, response: Response) -> Response:
        if "als_cancelled" in request.query and not academy.sessions:
            academy.join(ref, "t-1")
        return response

    academy.tap.answer = people_come
    assert academy.status(ref, deadline=CLASS).state is State.LIVE


def test_a_room_that_does_not_exist_any_more_is_a_no_show_at_its_deadline(academy: Academy) -> None:
    academy.go_to(END + timedelta(hours=2))
    assert academy.status(nowhere("Gone")).absence is Absence.NOBODY
