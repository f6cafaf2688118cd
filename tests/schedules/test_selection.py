"""Which classes a run takes in hand: nothing twice, nothing lost, nothing in other hands."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.schedules.claims import Claim, day_of
from airflow_provider.live_sessions.schedules.model import Occurrence, digest
from airflow_provider.live_sessions.schedules.selection import Choice, OnMissed, choose

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW = datetime(2026, 9, 7, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = (NOW - HOUR, NOW + 24 * HOUR)


def a_class(uid: str = "maths", *, hours: float = 2, cancelled: bool = False, title: str = "Maths") -> Occurrence:
    start = NOW + timedelta(hours=hours)
    return Occurrence(uid=uid, title=title, start=start, end=start + HOUR, cancelled=cancelled)


def key_of(one: Occurrence) -> str:
    return one.occurrence_id


def claim(one: Occurrence, run_id: str = "another", action: str = "launch") -> Claim:
    return Claim(
        key_of(one), digest(one), action, "class_day", run_id, 0, one.title, one.start, day_of(one.key_start)
    )


def chosen(
    classes: Iterable[Occurrence],
    claims: Iterable[Claim] = (),
    *,
    failed: Iterable[str] = (),
    on_missed: OnMissed = OnMissed.SKIP,
    now: datetime = NOW,
) -> Choice:
    gone = set(failed)
    return choose(
        classes,
        {one.key: one for one in claims},
        key_of=key_of,
        in_hand=lambda one: one.run_id not in gone,
        run_id="mine",
        now=now,
        window=WINDOW,
        on_missed=on_missed,
    )


# ---- taken, left, taken over


def test_a_class_that_nobody_has_in_hand_is_launched() -> None:
    assert chosen([a_class()]).launch == (a_class(),)


def test_what_another_run_has_in_hand_is_left_to_it_and_is_not_missed() -> None:
    choice = chosen([a_class()], [claim(a_class())])
    (left,) = choice.left
    assert (choice.launch, left.missed) == ((), False)
    assert "run another" in left.why


def test_a_run_s_own_claims_are_taken_again_by_its_retry() -> None:
    assert chosen([a_class()], [claim(a_class(), "mine")]).launch == (a_class(),)


def test_a_class_whose_lane_failed_elsewhere_is_taken_over() -> None:
    assert chosen([a_class()], [claim(a_class())], failed=["another"]).launch == (a_class(),)


def test_a_class_that_changed_in_the_timetable_is_taken_again() -> None:
    assert chosen([a_class(title="Maths, room 2")], [claim(a_class())]).launch == (a_class(title="Maths, room 2"),)


# ---- cancelled


def test_a_class_cancelled_after_its_launch_is_cancelled_and_one_never_launched_is_left() -> None:
    off = a_class(cancelled=True)
    assert chosen([off], [claim(a_class())]).cancel == (off,)
    (left,) = chosen([off]).left
    assert "never launched" in left.why
    assert not left.missed


def test_a_cancel_in_other_hands_is_left_to_them_until_it_fails() -> None:
    off = a_class(cancelled=True)
    taken = claim(off, action="cancel")
    assert chosen([off], [taken]).cancel == ()
    assert chosen([off], [taken], failed=["another"]).cancel == (off,)


def test_a_class_confirmed_again_after_its_cancelling_is_launched() -> None:
    assert chosen([a_class()], [claim(a_class(cancelled=True), action="cancel")]).launch == (a_class(),)


def test_a_class_cancelled_while_it_runs_is_still_cancelled() -> None:
    off = a_class(hours=-0.5, cancelled=True)
    assert chosen([off], [claim(a_class(hours=-0.5))]).cancel == (off,)


# ---- missed


@pytest.mark.parametrize("on_missed", [OnMissed.SKIP, OnMissed.FAIL])
def test_a_class_that_began_unlaunched_is_missed(on_missed: OnMissed) -> None:
    (left,) = chosen([a_class(hours=-0.5)], on_missed=on_missed).missed
    assert "began at 2026-09-07T06:30:00" in left.why


def test_a_class_that_began_unlaunched_may_be_launched_late_but_not_when_it_is_over() -> None:
    late, over = a_class(hours=-0.5), a_class("latin", hours=-1)
    choice = chosen([late, over], on_missed=OnMissed.LAUNCH)
    assert choice.launch == (late,)
    (missed,) = choice.missed
    assert missed.occurrence == over


def test_a_class_that_begins_this_very_moment_has_begun() -> None:
    assert chosen([a_class(hours=0)]).launch == ()
    assert chosen([a_class(hours=0)], now=NOW - timedelta(microseconds=1)).launch == (a_class(hours=0),)


def test_a_class_that_was_launched_is_not_missed_when_it_is_over() -> None:
    over = a_class(hours=-1)
    choice = chosen([over], [claim(over)], failed=["another"])
    assert (choice.missed, len(choice.left)) == ((), 1)


def test_a_class_that_runs_and_whose_lane_failed_is_taken_over() -> None:
    running = a_class(hours=-0.5)
    assert chosen([running], [claim(running)], failed=["another"]).launch == (running,)


# ---- vanished


def test_a_launched_class_that_is_no_longer_in_the_timetable_is_named() -> None:
    gone = claim(a_class("gone"))
    assert chosen([a_class()], [claim(a_class()), gone]).vanished == (gone,)


@pytest.mark.parametrize(
    "other",
    [
        claim(a_class("over", hours=-0.5)),
        claim(a_class("later", hours=48)),
        claim(a_class("off"), action="cancel"),
    ],
)
def test_what_is_over_lies_beyond_or_was_cancelled_has_not_vanished(other: Claim) -> None:
    assert chosen([], [other]).vanished == ()


# ---- whatever comes


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Occurrence], list[Claim], set[str]]:
    uids = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
    classes, claims = [], []
    for uid in uids:
        one = a_class(uid, hours=draw(st.floats(-3, 30)), cancelled=draw(st.booleans()))
        if draw(st.booleans()):
            classes.append(one)
        if draw(st.booleans()):
            before = replace(one, title=draw(st.sampled_from(["Maths", "Old"])), cancelled=draw(st.booleans()))
            run = draw(st.sampled_from(["mine", "another", "failed"]))
            claims.append(claim(before, run, draw(st.sampled_from(["launch", "cancel"]))))
    return classes, claims, {"failed"}


def _sorted_by_place(choice: Choice) -> Mapping[str, int]:
    places = [*choice.launch, *choice.cancel, *(one.occurrence for one in choice.left)]
    return Counter(key_of(one) for one in places)


@given(days(), st.sampled_from(OnMissed))
def test_every_class_of_the_timetable_comes_to_exactly_one_place(
    day: tuple[list[Occurrence], list[Claim], set[str]], on_missed: OnMissed
) -> None:
    classes, claims, failed = day
    choice = chosen(classes, claims, failed=failed, on_missed=on_missed)
    # What was over before the horizon began is history; every other class has its place.
    present = [one for one in classes if one.end > NOW or one.start >= WINDOW[0]]
    left_from_before = {key_of(one.occurrence) for one in choice.left if one.occurrence not in present}
    placed = Counter(
        {key: number for key, number in _sorted_by_place(choice).items() if key not in left_from_before}
    )
    assert placed == Counter(key_of(one) for one in present)
    assert not any(one.cancelled for one in choice.launch)
    assert all(one.cancelled for one in choice.cancel)
    assert all(one.end > NOW for one in (*choice.launch, *choice.cancel))
    known = {one.key for one in claims}
    assert all(key_of(one) in known for one in choice.cancel)
    assert not {one.key for one in choice.vanished} & {key_of(one) for one in classes}


@given(days(), st.sampled_from(OnMissed))
def test_a_second_run_takes_nothing_that_the_first_one_took(
    day: tuple[list[Occurrence], list[Claim], set[str]], on_missed: OnMissed
) -> None:
    classes, claims, failed = day
    first = chosen(classes, claims, failed=failed, on_missed=on_missed)
    taken = [claim(one, "first") for one in first.launch] + [claim(one, "first", "cancel") for one in first.cancel]
    kept = {one.key: one for one in [*claims, *taken]}
    second = choose(
        classes,
        kept,
        key_of=key_of,
        in_hand=lambda one: one.run_id not in failed,
        run_id="second",
        now=NOW,
        window=WINDOW,
        on_missed=on_missed,
    )
    assert not set(map(key_of, (*second.launch, *second.cancel))) & set(
        map(key_of, (*first.launch, *first.cancel))
    )
