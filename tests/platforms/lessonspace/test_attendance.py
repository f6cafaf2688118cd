"""Who was in a class, from its logs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.attendance import Presence, Stay, build_rows
from airflow_provider.live_sessions.platforms.lessonspace.attendance import presences
from airflow_provider.live_sessions.platforms.lessonspace.listed import Session
from tests.platforms.lessonspace.academy import CLASS, PEOPLE, Academy, plan, steady

END = CLASS + timedelta(hours=1)


def at(minutes: float) -> datetime:
    return CLASS + timedelta(minutes=minutes)


def line(kind: str, minutes: float, profile: Any = None, *, guest: str | None = None, socket: Any = None) -> Any:
    return {
        "log_type": kind,
        "date": at(minutes).isoformat(),
        "profile": profile,
        "guest_uuid": guest,
        "user_socket_id": socket,
    }


def session(*logs: Any, start: float | None = 0, end: float | None = 60, **fields: Any) -> Session:
    return Session.model_validate(
        {
            "uuid": "u",
            "start_time": None if start is None else at(start).isoformat(),
            "end_time": None if end is None else at(end).isoformat(),
            "logs": list(logs),
            **fields,
        }
    )


def stays(*logs: Any, **fields: Any) -> tuple[Stay, ...]:
    (one,) = presences([session(*logs, **fields)], {})
    return one.stays


# ---- with the platform


def test_a_class_tells_who_was_in_from_when_to_when(academy: Academy) -> None:
    launched = academy.launch()
    assert launched.links is not None
    ids = {one.user_id: one.participant.id for one in launched.links}
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1")
    academy.wait(420)
    academy.join(launched.ref, "s-1")
    academy.go_to(END)
    academy.leave(launched.ref, "t-1", "s-1")
    academy.wait(31)
    found = academy.platform.attendance(launched.ref, ids)
    assert [(one.participant_id, one.name, one.role, one.stays) for one in found] == [
        ("t-1", "Ada Teacher", "teacher", (Stay(CLASS, END),)),
        ("s-1", "Bo Student", "student", (Stay(CLASS + timedelta(seconds=420), END),)),
    ]
    teacher, student = build_rows(found, PEOPLE, planned_start=CLASS, ended_at=END)
    assert (teacher.status, student.status, student.late_seconds) == ("present", "late", 420)
    (asked,) = academy.queries("/spaces/.*/sessions/$")
    assert asked == {"include_single_user": ["true"]}


def test_attendance_covers_every_session_of_the_class_and_no_other(academy: Academy) -> None:
    ref = academy.launch(plan(lead=600)).ref
    academy.go_to(CLASS - timedelta(minutes=9))
    academy.hold(ref, 60, "t-1")
    academy.go_to(CLASS)
    academy.hold(ref, 900)
    academy.wait(300)
    academy.hold(ref, 900)
    teacher, student = academy.platform.attendance(ref, {})
    assert (len(teacher.stays), len(student.stays)) == (3, 2)
    narrow = ref.with_details(window_start=CLASS.isoformat())
    teacher, _ = academy.platform.attendance(narrow, {})
    assert len(teacher.stays) == 2


def test_two_tabs_of_one_person_are_two_stays_that_overlap_and_one_presence(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1", "t-1")
    academy.wait(600)
    academy.leave(ref, "t-1")
    academy.wait(31)
    (teacher,) = academy.platform.attendance(ref, {})
    assert teacher.stays == (Stay(CLASS, CLASS + timedelta(seconds=600)),) * 2
    (row,) = build_rows([teacher], [], planned_start=CLASS)
    assert (row.seconds_present, row.joins) == (600, 1)


def test_guests_are_told_apart_by_uuid_alone(academy: Academy) -> None:
    ref = academy.launch(plan(allow_guests=True)).ref
    academy.go_to(CLASS)
    academy.sandbox.lessonspace.join(ref.detail("space"), browser="a")
    academy.sandbox.lessonspace.join(ref.detail("space"), browser="b")
    found = academy.platform.attendance(ref, {})
    assert len(found) == 2
    assert all(one.platform_user_id.startswith("guest:") and not one.name for one in found)


def test_who_is_still_inside_has_not_left(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(CLASS)
    academy.join(ref, "t-1")
    (teacher,) = academy.platform.attendance(ref, {})
    assert teacher.stays == (Stay(CLASS, None),)


# ---- without a wire


def test_a_join_and_a_leave_belong_together_by_their_socket() -> None:
    assert stays(
        line("user-joined", 0, "7", socket="a"),
        line("user-joined", 10, "7", socket="b"),
        line("user-left", 20, "7", socket="a"),
        line("user-left", 30, "7", socket="b"),
    ) == (Stay(at(0), at(20)), Stay(at(10), at(30)))


def test_a_missing_leave_is_the_end_of_the_session() -> None:
    assert stays(line("user-joined", 5, "7")) == (Stay(at(5), at(60)),)


def test_a_missing_join_is_the_start_of_the_session() -> None:
    assert stays(line("user-left", 5, "7")) == (Stay(at(0), at(5)),)
    (nobody,) = presences([session(line("user-left", 5, "7"), start=None, profiles=[{"user": 7}])], {})
    assert nobody.stays == ()


def test_a_second_join_of_a_connection_ends_the_first() -> None:
    logs = [line("user-joined", 5, "7", socket="a"), line("user-joined", 9, "7", socket="a")]
    assert stays(*logs) == (Stay(at(5), at(9)), Stay(at(9), at(60)))


def test_lines_in_any_order_and_of_other_kinds_change_nothing() -> None:
    logs = [
        line("user-left", 20, "7"),
        line("session-idled", 3),
        line("cobrowser-start", 4, "7"),
        line("user-idled", 5, "7"),
        line("user-joined", 0, "7"),
    ]
    assert stays(*logs) == (Stay(at(0), at(20)),)


def test_a_line_may_name_its_person_by_text_number_or_object() -> None:
    for profile in ("7", 7, {"user": 7}, {"id": 7}):
        (one,) = presences([session(line("user-joined", 0, profile))], {"7": "t-1"})
        assert (one.platform_user_id, one.participant_id) == ("7", "t-1")


def test_who_is_named_without_times_is_still_named() -> None:
    row = session(profiles=[{"user": 7, "name": None, "role": "student"}], guests=[{"uuid": "g"}])
    assert presences([row], {"7": "s-1"}) == [
        Presence("7", participant_id="s-1", role="student"),
        Presence("guest:g"),
    ]


events = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from("123"), st.sampled_from("ab")),
    max_size=8,
)


@steady
@given(events, st.randoms(use_true_random=False))
def test_every_visit_of_its_own_socket_is_one_stay_in_any_order_of_the_lines(
    visits: list[tuple[int, int, str, str]], chance: Any
) -> None:
    expected: dict[str, list[Stay]] = {}
    logs = []
    for number, (one, other, person, _) in enumerate(visits):
        start, length = min(one, other), abs(one - other) + 1  # no visit is over at the moment it begins
        logs += [
            line("user-joined", start, person, socket=f"s{number}"),
            line("user-left", start + length, person, socket=f"s{number}"),
        ]
        expected.setdefault(person, []).append(Stay(at(start), at(start + length)))
    chance.shuffle(logs)
    found = {one.platform_user_id: one.stays for one in presences([session(*logs)], {})}
    assert set(found) == set(expected)
    for person, theirs in expected.items():
        assert sorted(map(repr, found[person])) == sorted(map(repr, theirs))
        assert [one.joined for one in found[person]] == sorted(one.joined for one in theirs)


lines = st.lists(
    st.tuples(
        st.sampled_from(["user-joined", "user-left"]), st.integers(0, 60), st.sampled_from("12"), st.booleans()
    ),
    max_size=10,
)


@steady
@given(lines)
def test_whatever_the_lines_nobody_is_in_outside_the_session(
    given_lines: list[tuple[str, int, str, bool]],
) -> None:
    logs = [line(kind, when, who, socket="a" if tab else None) for kind, when, who, tab in given_lines]
    found = presences([session(*logs)], {})
    joins = sum(kind == "user-joined" for kind, *_ in given_lines)
    for one in found:
        for stay in one.stays:
            assert stay.left is not None
            assert at(0) <= stay.joined <= stay.left <= at(60)
    assert sum(len(one.stays) for one in found) >= joins
    assert {one.platform_user_id for one in found} == {who for _, _, who, _ in given_lines}
