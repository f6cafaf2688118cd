from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.attendance import (
    Attendance,
    AttendanceRow,
    Presence,
    Stay,
    build_rows,
    counts,
)
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.models import Participant

START = datetime(2026, 9, 1, 7, 0, tzinfo=UTC)
ADA = Participant("ada", "Ada", role="teacher", leader=True)
BO = Participant("bo", "Bo", role="student")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def was(participant: str, *stays: tuple[float, float | None], **more: str) -> Presence:
    return Presence(
        platform_user_id=more.pop("id", f"u-{participant}"),
        stays=tuple(Stay(at(joined), None if left is None else at(left)) for joined, left in stays),
        participant_id=participant,
        **more,
    )


def rows(*presences: Presence, **more: Any) -> list[AttendanceRow]:
    return build_rows(presences, more.pop("expected", [ADA, BO]), planned_start=START, **more)


def test_a_person_who_came_and_left_is_present_with_all_times() -> None:
    assert rows(was("ada", (-60, 600), (900, 1800)))[0] == AttendanceRow(
        participant_id="ada",
        platform_user_id="u-ada",
        name="Ada",
        role="teacher",
        expected=True,
        first_joined=at(-60),
        last_left=at(1800),
        seconds_present=1560,
        joins=2,
        late_seconds=0,
        status=Attendance.PRESENT,
    )


def test_an_expected_person_who_never_came_is_a_row_and_absent() -> None:
    row = rows(was("ada", (0, 60)))[1]
    assert (row.participant_id, row.name, row.role, row.expected) == ("bo", "Bo", "student", True)
    assert row.status is Attendance.ABSENT
    assert (row.first_joined, row.last_left, row.late_seconds) == (None, None, None)
    assert (row.seconds_present, row.joins) == (0, 0)


def test_a_person_the_platform_may_not_tell_of_is_unknown_never_absent() -> None:
    row = rows(complete=False)[0]
    assert row.status is Attendance.UNKNOWN
    assert row.note


def test_a_person_named_without_times_is_unknown_never_absent_and_never_present() -> None:
    named, stranger = rows(was("ada"), was("", id="u9", name="Eve"), expected=[ADA])
    assert named.status is stranger.status is Attendance.UNKNOWN
    assert named.note == "The platform names this person without times."
    assert named.late_seconds is None


@pytest.mark.parametrize(
    ("joined", "late", "status"),
    [
        (-10.0, 0, Attendance.PRESENT),
        (300.0, 300, Attendance.PRESENT),
        (300.4, 300, Attendance.LATE),
        (301.0, 301, Attendance.LATE),
    ],
)
def test_late_begins_after_five_minutes(joined: float, late: int, status: Attendance) -> None:
    row = rows(was("bo", (joined, 3000)), expected=[BO])[0]
    assert (row.late_seconds, row.status) == (late, status)


def test_the_threshold_of_lateness_is_the_callers() -> None:
    assert rows(was("bo", (1, 9)), late_after=0)[1].status is Attendance.LATE
    assert rows(was("bo", (1000, 1009)), late_after=1000)[1].status is Attendance.PRESENT


def test_an_unexpected_person_is_a_row_and_neither_late_nor_absent() -> None:
    row = rows(was("", (1000, 1600), id="u9", name=" Eve ", role="guest"), expected=[])[0]
    assert (row.expected, row.participant_id, row.platform_user_id) == (False, "", "u9")
    assert (row.name, row.role) == ("Eve", "guest")
    assert (row.status, row.late_seconds) == (Attendance.PRESENT, 1000)


def test_a_participant_id_that_nobody_planned_is_unexpected() -> None:
    row = rows(was("zoe", (0, 60)), expected=[])[0]
    assert not row.expected
    assert row.participant_id == ""


def test_a_guest_without_a_name_is_told_by_the_beginning_of_the_id() -> None:
    named = rows(was("", (0, 1), id="3f2a91bc-77aa"), was("", (2, 3), id=""), expected=[])
    assert [row.name for row in named] == ["Guest 3f2a91bc", "Guest"]


def test_a_guests_name_does_not_change_when_another_guest_is_found() -> None:
    one = was("", (5, 9), id="bbbb1111")
    other = was("", (1, 9), id="aaaa2222")
    assert rows(one, expected=[])[0] == rows(other, one, expected=[])[1]


def test_guests_without_an_id_are_not_made_one_person() -> None:
    assert len(rows(was("", (0, 1), id=""), was("", (2, 3), id=""), expected=[])) == 2


def test_two_tabs_of_one_person_count_once() -> None:
    two_links = [was("bo", (0, 100), id="u2"), was("bo", (50, 150), id="u1"), was("bo", (10, 20), id="u1")]
    row = rows(*two_links)[1]
    assert (row.seconds_present, row.joins, row.platform_user_id) == (150, 1, "u1;u2")


def test_an_unexpected_person_seen_twice_is_one_row() -> None:
    (row,) = rows(was("", (0, 10), id="u9"), was("", (20, 30), id="u9", name="Eve"), expected=[])
    assert (row.name, row.seconds_present, row.joins) == ("Eve", 20, 2)


def test_a_missing_leave_is_closed_by_the_end_of_the_session() -> None:
    row = rows(was("ada", (0, 10), (20, None)), ended_at=at(100))[0]
    assert (row.last_left, row.seconds_present) == (at(100), 90)
    assert row.note == "No leave was seen; counted to the end of the session."


def test_a_missing_leave_without_an_end_stays_open_and_says_so() -> None:
    row = rows(was("ada", (0, 10), (20, None)))[0]
    assert (row.last_left, row.seconds_present, row.joins) == (None, 10, 2)
    assert row.note == "No leave was seen; the time is not counted to its end."
    assert row.status is Attendance.PRESENT


def test_a_join_after_the_end_of_the_session_adds_nothing() -> None:
    row = rows(was("ada", (200, None)), ended_at=at(100))[0]
    assert (row.first_joined, row.last_left, row.seconds_present) == (at(200), at(200), 0)


def test_who_left_before_the_planned_start_is_told() -> None:
    row = rows(was("bo", (-600, -300)))[1]
    assert row.status is Attendance.PRESENT
    assert row.note == "Left before the planned start."


def test_the_platforms_notes_are_kept_and_said_once() -> None:
    note = "Entry to latest exit: an upper bound."
    row = rows(was("bo", (0, 10), note=note), was("bo", (20, None), note=note), ended_at=at(30))[1]
    assert row.note == f"{note} No leave was seen; counted to the end of the session."


def test_rows_come_in_the_plans_order_and_then_by_arrival() -> None:
    listed = rows(
        was("", (50, 60), id="late"), was("", id="timeless"), was("", (1, 2), id="early"), was("bo", (0, 9))
    )
    assert [row.participant_id or row.platform_user_id for row in listed] == [
        "ada",
        "bo",
        "early",
        "late",
        "timeless",
    ]


def test_naive_times_are_refused() -> None:
    naive = datetime(2026, 9, 1, 9, 0)  # noqa: DTZ001 - that is the point
    for start, end in ((naive, None), (START, naive)):
        with pytest.raises(ConfigurationError):
            build_rows([], [], planned_start=start, ended_at=end)


stays = st.lists(st.tuples(st.integers(-600, 4000), st.none() | st.integers(-600, 4000)), max_size=4)
people = st.lists(
    st.builds(
        lambda who, ident, times: was(who, *times, id=ident),
        st.sampled_from(["ada", "bo", "", "zoe"]),
        st.sampled_from(["", "u1", "u2", "u3"]),
        stays,
    ),
    max_size=6,
)


@given(people, st.none() | st.integers(0, 4000), st.booleans())
def test_every_expected_person_and_every_stay_is_in_the_table(
    presences: list[Presence], end: int | None, complete: bool
) -> None:
    table = rows(*presences, ended_at=None if end is None else at(end), complete=complete)
    assert [row.participant_id for row in table if row.expected] == ["ada", "bo"]
    assert [row.expected for row in table] == sorted((row.expected for row in table), reverse=True)
    seen = {one.platform_user_id for one in presences if one.platform_user_id}
    assert {ident for row in table for ident in row.platform_user_id.split(";") if ident} == seen
    for row in table:
        assert 0 <= row.joins <= sum(len(one.stays) for one in presences)
        assert (row.joins > 0) == (row.first_joined is not None) == (row.late_seconds is not None)
        assert (row.joins > 0) == (row.status in {Attendance.PRESENT, Attendance.LATE})
        assert row.expected or row.status not in {Attendance.LATE, Attendance.ABSENT}
        if row.first_joined and row.last_left:
            assert 0 <= row.seconds_present <= (row.last_left - row.first_joined).total_seconds()
    figures = counts(table)
    assert figures["rows"] == len(table) == figures["expected"] + figures["unexpected"]
    assert figures["expected"] == sum(figures[status.value] for status in Attendance) == 2


@given(people.flatmap(lambda listed: st.tuples(st.just(listed), st.permutations(listed))))
def test_the_order_in_which_a_platform_lists_people_does_not_matter(
    both: tuple[list[Presence], list[Presence]],
) -> None:
    one, other = (
        sorted(
            ((row.participant_id, row.platform_user_id, row.seconds_present, row.status) for row in rows(*listed)),
        )
        for listed in both
    )
    assert one == other
