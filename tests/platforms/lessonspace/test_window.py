"""From what happened in a space to how a class stands, without a wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.status import Absence, Held, Seen, State
from airflow_provider.live_sessions.core.times import LATEST
from airflow_provider.live_sessions.platforms.lessonspace.listed import Session
from airflow_provider.live_sessions.platforms.lessonspace.window import Stretch, Window, judge
from tests.platforms.lessonspace.academy import CLASS, steady

if TYPE_CHECKING:
    from collections.abc import Sequence

END = CLASS + timedelta(hours=1)
DEADLINE = END + timedelta(hours=1)
SEEN = Seen(CLASS, END, DEADLINE, settle=600)


def at(minutes: float) -> datetime:
    return CLASS + timedelta(minutes=minutes)


def stretch(start: float, end: float | None, *people: str, uuid: str = "") -> Stretch:
    return Stretch(
        uuid or f"{start}-{end}", at(start), None if end is None else at(end), frozenset(people or ("t", "s"))
    )


@st.composite
def stretches(draw: st.DrawFn) -> Stretch:
    start = draw(st.integers(-30, 120))
    end = draw(st.none() | st.integers(start, 120))
    return stretch(start, end, *draw(st.sets(st.sampled_from("tsx"), min_size=1)), uuid=draw(st.uuids()).hex)


many = st.lists(stretches(), max_size=5)
minutes = st.integers(-30, 300)


@steady
@given(many, minutes, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_rows_does_not_matter(
    rows: list[Stretch], now: int, chance: object, cancelled: bool
) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert judge(rows, SEEN, at(now), cancelled=cancelled) == judge(shuffled, SEEN, at(now), cancelled=cancelled)


@steady
@given(many, minutes, st.booleans())
def test_the_rules_of_a_class(rows: list[Stretch], now: int, cancelled: bool) -> None:
    status = judge(rows, SEEN, at(now), cancelled=cancelled)
    running = any(one.end is None for one in rows)
    company = any(len(one.people) >= 2 for one in rows)
    ends = [one.end for one in rows if one.end is not None]
    if running:
        assert status.state is State.LIVE
        assert status.ended_at is None
    elif company:
        over = max(ends) >= END or at(now) >= min(max(ends) + timedelta(minutes=10), DEADLINE)
        assert status.state is (State.ENDED if over else State.LIVE)
        assert status.ended_at == max(ends)
    elif cancelled:
        assert (status.state, status.held) == (State.CANCELLED, Held.NO)
    elif at(now) < DEADLINE:
        assert (status.state, status.held) == (State.SCHEDULED, Held.UNKNOWN)
    else:
        assert (status.state, status.held) == (State.NEVER_HELD, Held.NO)
        assert status.absence is (Absence.ALONE if rows else Absence.NOBODY)
    assert (status.held is Held.YES) is company
    assert (status.absence is not None) is (status.state is State.NEVER_HELD)
    assert set(status.session_ids) == {one.uuid for one in rows}
    assert len(status.session_ids) == len(rows)
    assert status.present == frozenset().union(*(one.people for one in rows))
    assert status.people == len(status.present)
    assert status.started_at == min((one.start for one in rows), default=None)
    assert status.why.endswith(".")


@steady
@given(many, minutes, st.integers(0, 300), st.booleans())
def test_what_is_over_stays_over_while_nothing_new_happens(
    rows: list[Stretch], now: int, later: int, cancelled: bool
) -> None:
    before = judge(rows, SEEN, at(now), cancelled=cancelled)
    if before.state.over:
        assert judge(rows, SEEN, at(now + later), cancelled=cancelled).state is before.state


@steady
@given(many, minutes)
def test_a_class_is_never_judged_a_no_show_before_its_deadline(rows: list[Stretch], now: int) -> None:
    if judge(rows, SEEN, at(now)).state is State.NEVER_HELD:
        assert at(now) >= DEADLINE


@pytest.mark.parametrize(
    ("rows", "now", "state", "held"),
    [
        ([], 0, State.SCHEDULED, Held.UNKNOWN),
        ([stretch(-20, -15, "t")], 0, State.SCHEDULED, Held.UNKNOWN),
        ([stretch(-20, -15, "t")], 119, State.SCHEDULED, Held.UNKNOWN),
        ([stretch(-20, -15, "t")], 120, State.NEVER_HELD, Held.NO),
        ([stretch(-20, None, "t")], 0, State.LIVE, Held.UNKNOWN),
        ([stretch(0, None)], 30, State.LIVE, Held.YES),
        ([stretch(0, 30)], 31, State.LIVE, Held.YES),
        ([stretch(0, 30)], 39.99, State.LIVE, Held.YES),
        ([stretch(0, 30)], 40, State.ENDED, Held.YES),
        ([stretch(0, 60)], 60, State.ENDED, Held.YES),
        ([stretch(0, 30), stretch(35, None)], 36, State.LIVE, Held.YES),
        ([stretch(0, 30), stretch(35, 61)], 61, State.ENDED, Held.YES),
        ([stretch(0, 30), stretch(35, 59, "t")], 60, State.LIVE, Held.YES),
        ([stretch(0, 60, "t"), stretch(61, 70, "s")], 120, State.NEVER_HELD, Held.NO),
    ],
)
def test_a_class_stands(rows: Sequence[Stretch], now: float, state: State, held: Held) -> None:
    status = judge(rows, SEEN, at(now))
    assert (status.state, status.held) == (state, held)


def test_a_settle_that_reaches_beyond_the_deadline_ends_with_it() -> None:
    soon = Seen(CLASS, END, at(35), settle=600)
    assert judge([stretch(0, 30)], soon, at(34)).state is State.LIVE
    assert judge([stretch(0, 30)], soon, at(35)).state is State.ENDED


def test_people_make_a_cancelled_class_live_whatever_the_mark_says() -> None:
    assert judge([stretch(0, None)], SEEN, at(5), cancelled=True).state is State.LIVE
    assert judge([stretch(0, 60)], SEEN, at(90), cancelled=True).state is State.ENDED
    assert judge([stretch(0, 5, "t")], SEEN, at(5), cancelled=True).state is State.CANCELLED


def test_the_log_tells_one_person_from_several() -> None:
    assert judge([stretch(0, None, "t")], SEEN, at(5)).why.startswith("1 person seen")
    assert judge([stretch(0, None)], SEEN, at(5)).why.startswith("2 people seen")


@steady
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 240), st.integers(0, 240))
def test_a_window_holds_exactly_what_touches_it(lead: int, grace: int, start: int, length: int) -> None:
    window = Window.around(at(0), at(60), lead=lead * 60, grace=grace * 60)
    one = stretch(start - 120, start - 120 + length)
    assert one.end is not None
    apart = one.end < window.start or one.start > window.end
    assert window.holds(one) is not apart
    assert window.holds(stretch(start - 120, None)) is (at(start - 120) <= window.end)


@steady
@given(st.integers(0, 15), st.integers(0, 14), stretches())
def test_two_classes_apart_in_one_room_never_share_a_session_inside_one_of_them(
    lead: int, grace: int, one: Stretch
) -> None:
    first = Window.around(at(0), at(30), lead=lead * 60, grace=grace * 60)
    second = Window.around(at(60), at(90), lead=lead * 60, grace=grace * 60)
    inside_first = one.start >= first.start and one.end is not None and one.end <= first.end
    if inside_first:
        assert first.holds(one)
        assert not second.holds(one)


def test_a_row_that_has_not_begun_tells_nothing() -> None:
    row = {"uuid": "u", "profiles": [{"user": 1}, {"user": 1}], "guests": [{"uuid": "g"}]}
    assert Stretch.of(Session.model_validate(row)) is None
    begun = Stretch.of(Session.model_validate({**row, "start_time": "2026-09-01T09:00:00"}))
    assert begun == Stretch("u", datetime(2026, 9, 1, 9, tzinfo=UTC), None, frozenset({"1", "guest:g"}))


def test_a_session_said_to_end_in_the_year_9999_breaks_no_judgement() -> None:
    row = Session.model_validate(
        {"uuid": "s-1", "start_time": "0001-01-01T00:00:00+14:00", "end_time": "9999-12-31T23:59:59-14:00"}
    )
    stretch = Stretch.of(row)
    assert stretch is not None
    seen = Seen(LATEST - timedelta(hours=2), LATEST - timedelta(hours=1), LATEST, settle=86_400.0)
    assert judge([stretch], seen, LATEST).state is not None


def test_somebody_in_alone_was_told_of_without_a_time_beside_a_row_that_said_held() -> None:
    came = [stretch(-5, -3, "t"), stretch(1, 2, "t")]
    told = "One person was in alone, 2026-09-01T08:55:00+00:00 to 2026-09-01T09:02:00+00:00"
    assert judge(came, SEEN, at(3)).why == f"{told}; a second is waited for."
    assert judge(came, SEEN, DEADLINE).why == f"{told}."


def test_two_who_came_one_after_the_other_were_called_one_person() -> None:
    came = [stretch(-5, -3, "t"), stretch(1, 2, "s")]
    told = "2 people were in, each alone, 2026-09-01T08:55:00+00:00 to 2026-09-01T09:02:00+00:00"
    assert judge(came, SEEN, at(3)).why == f"{told}; two together are waited for."
    assert judge(came, SEEN, DEADLINE).why == f"{told}."
