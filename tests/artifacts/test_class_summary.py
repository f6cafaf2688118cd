"""A class in one row: whatever its sessions, its speakers and its plan are."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.class_plans import ClassPlan
from airflow_provider.live_sessions.artifacts.class_summary import Spoken, class_key, summarise
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode, encode
from airflow_provider.live_sessions.artifacts.row_shapes import CLASSES
from airflow_provider.live_sessions.core.class_rows import ClassPersonRow, ClassRow
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.session_rows import PersonRow, SessionRow
from airflow_provider.live_sessions.core.status import Held

START = datetime(2026, 9, 1, 9, tzinfo=UTC)
PEOPLE = ("u-1", "u-2", "u-3", "guest:9")


@st.composite
def stays(draw: st.DrawFn) -> PersonRow:
    joined = START + timedelta(seconds=draw(st.integers(-600, 3000)))
    left = joined + timedelta(seconds=draw(st.integers(0, 3000)))
    inside = draw(st.integers(0, round((left - joined).total_seconds())))
    who = draw(st.sampled_from(PEOPLE))
    return PersonRow(who, name=f"Name of {who}", joined_at=joined, left_at=left, minutes=round(inside / 60, 3))


@st.composite
def sessions(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        people = draw(st.lists(stays(), max_size=4, unique_by=lambda one: one.person_id))
        row = SessionRow(
            platform="lessonspace",
            conn_id="school",
            session_id=f"s-{number}",
            counted_at=START + timedelta(seconds=draw(st.integers(0, 7200))),
            launch_key="k" * 32,
            title="Algebra",
            started_at=min((one.joined_at for one in people if one.joined_at), default=START),
            ended_at=max((one.left_at for one in people if one.left_at), default=START),
            held=Held.YES if len(people) > 1 else Held.NO,
            minutes=60.0,
            participants=tuple(people),
            attendance_known=draw(st.sampled_from([True, True, False])),
        )
        found.append(row.to_json())
    return found


voices = st.lists(
    st.builds(
        Spoken,
        st.sampled_from((*PEOPLE, "u-9", "")),
        st.just(""),
        st.sampled_from(["Ada", "Bo"]),
        st.integers(0, 500),
        st.integers(1, 9),
    ),
    max_size=5,
    unique_by=lambda one: (one.speaker_id, one.speaker),
)
plans = st.none() | st.builds(
    ClassPlan,
    title=st.just("Algebra 1"),
    start=st.just(START),
    end=st.just(START + timedelta(hours=1)),
    people=st.just((Participant("t-1", "Ada"), Participant("s-1", "Bo"), Participant("s-2", "Cleo"))),
    user_ids=st.sampled_from([{"u-1": "t-1", "u-2": "s-1"}, {"u-1": "t-1", "u-2": "t-1", "u-3": "s-2"}, {}]),
    told=st.booleans(),
)


def inside(found: list[dict[str, Any]], who: str) -> list[dict[str, Any]]:
    return [person for row in found for person in row["participants"] if person["person_id"] == who]


def seconds(person: dict[str, Any]) -> range:
    begin, end = (datetime.fromisoformat(person[name]) for name in ("joined_at", "left_at"))
    return range(round((begin - START).total_seconds()), round((end - START).total_seconds()))


@given(sessions(), voices, plans, st.randoms())
def test_a_summary_adds_up_whatever_the_order(
    found: list[dict[str, Any]], spoken: list[Spoken], plan: ClassPlan | None, chance: Any
) -> None:
    row = summarise(found, spoken, plan)
    shuffled = found.copy()
    chance.shuffle(shuffled)
    assert summarise(shuffled, spoken, plan) == row
    assert row.counted_at == max(datetime.fromisoformat(one["counted_at"]) for one in found)
    assert set(row.session_ids) == {one["session_id"] for one in found}
    assert row.words == (sum(one.words for one in spoken) if spoken else None)
    assert sum(one.words or 0 for one in row.people) == (row.words or 0)
    assert sum(one.segments or 0 for one in row.people) == sum(one.segments for one in spoken)
    counts = row.counts()
    assert (
        counts["present"] + counts["late"] + counts["absent"]
        <= counts["expected"]
        == len(plan.people if plan else ())
    )


@given(sessions(), plans)
def test_each_person_stands_once_with_all_their_minutes(
    found: list[dict[str, Any]], plan: ClassPlan | None
) -> None:
    row = summarise(found, (), plan)
    ids = [one for person in row.people for one in person.person_id.split(";") if one]
    assert sorted(ids) == sorted({person["person_id"] for one in found for person in one["participants"]})
    for person in row.people:
        mine = [one for who in person.person_id.split(";") for one in inside(found, who)]
        if mine:
            told = sum(one["minutes"] for one in mine)
            covered = len({second for one in mine for second in seconds(one)}) / 60
            assert person.minutes == round(told if len(mine) == 1 else min(told, covered), 3)
            assert person.joined_at == min(datetime.fromisoformat(one["joined_at"]) for one in mine)


@given(sessions(), plans, st.integers(0, 1200))
def test_late_and_absent_are_told_of_expected_people_alone_and_only_where_the_plan_is_known(
    found: list[dict[str, Any]], plan: ClassPlan | None, late_after: int
) -> None:
    row = summarise(found, (), plan, late_after=late_after)
    for person in row.people:
        if plan is None:
            assert (person.expected, person.late_minutes) == (None, None)
            assert person.status in ("present", "unknown")
        elif person.status == "late":
            assert person.expected
            assert person.joined_at is not None
            assert (person.joined_at - START).total_seconds() > late_after
        elif person.status == "absent":
            assert person.expected
            assert (person.person_id, person.minutes) == ("", 0.0)
            assert plan.told
            assert all(one["attendance_known"] for one in found)
        elif person.expected and person.status == "present":
            assert person.joined_at is not None
            assert (person.joined_at - START).total_seconds() <= late_after


@given(sessions(), voices, plans)
def test_a_class_is_written_and_read_again(
    found: list[dict[str, Any]], spoken: list[Spoken], plan: ClassPlan | None
) -> None:
    line = json.dumps(summarise(found, spoken, plan).to_json())
    assert list(CLASSES.columns) == list(json.loads(line))
    for file_format in FileFormat:
        content = b"".join(encode([line.encode()], file_format, CLASSES))
        assert list(decode([content], file_format, CLASSES)) == [json.loads(line)]


def session(**more: Any) -> dict[str, Any]:
    given = {"platform": "coviu", "conn_id": "c", "session_id": "s", "counted_at": START, **more}
    return SessionRow(**given).to_json()


def test_where_the_platform_tells_the_plan_who_was_invited_and_never_came_is_absent() -> None:
    people = (
        PersonRow("d1", "dr-1", "Dr. Ada", "host", START, START + timedelta(minutes=30), 30.0),
        PersonRow("d2", "p-1", "Bo", "guest", START + timedelta(minutes=10), START + timedelta(minutes=30), 20.0),
        PersonRow("d3", "p-2", "Cleo", "guest"),
    )
    row = summarise([session(planned_start=START, participants=people, attendance_known=True)])
    assert {one.name: one.status for one in row.people} == {"Dr. Ada": "present", "Bo": "late", "Cleo": "absent"}
    assert row.counts() == {"expected": 3, "present": 1, "late": 1, "absent": 1}
    unread = summarise([session(planned_start=START, participants=people[2:], attendance_known=False)])
    assert [one.status for one in unread.people] == ["unknown"]


TWO_IDS = ClassPlan("Demo", START, START + timedelta(hours=1), (Participant("s-1", "Bo"),))


def viewer(who: str, joined: int | None, left: int | None, minutes: float | None) -> PersonRow:
    times = [None if one is None else START + timedelta(minutes=one) for one in (joined, left)]
    return PersonRow(who, "s-1", "Bo", "viewer", times[0], times[1], minutes)


def test_two_devices_at_once_are_not_twice_as_many_minutes() -> None:
    both = (viewer("v1", 0, 60, 60.0), viewer("v2", 0, 60, 60.0))
    (bo,) = summarise([session(participants=both, attendance_known=True)], plan=TWO_IDS).people
    assert (bo.person_id, bo.minutes) == ("v1;v2", 60.0)
    one_after_the_other = (viewer("v1", 0, 20, 20.0), viewer("v2", 30, 60, 30.0))
    (bo,) = summarise([session(participants=one_after_the_other, attendance_known=True)], plan=TWO_IDS).people
    assert bo.minutes == 50.0


def test_minutes_of_a_part_are_not_called_the_minutes_of_the_whole() -> None:
    open_still = (viewer("v1", 0, 10, 10.0), viewer("v2", 15, None, None))
    (bo,) = summarise([session(participants=open_still, attendance_known=True)], plan=TWO_IDS).people
    assert (bo.status, bo.minutes) == ("present", None)
    known = session(participants=(viewer("v1", 0, 20, 20.0),), attendance_known=True)
    unread = session(session_id="s-2", participants=(viewer("v1", None, None, None),))
    (bo,) = summarise([known, unread], plan=TWO_IDS).people
    assert bo.minutes is None


def test_who_was_invited_to_two_sessions_and_came_to_one_has_the_minutes_of_that_one() -> None:
    came = session(planned_start=START, participants=(viewer("v1", 0, 20, 20.0),), attendance_known=True)
    missed = session(
        session_id="s-2",
        planned_start=START,
        participants=(viewer("v1", None, None, None),),
        attendance_known=True,
    )
    (bo,) = summarise([came, missed]).people
    assert bo.minutes == 20.0


def test_a_presenter_of_whom_the_platform_tells_the_role_alone_is_the_one_who_was_expected() -> None:
    people = (
        PersonRow("754514", "", role="presenter", joined_at=START, left_at=START + timedelta(minutes=9)),
        PersonRow("559480", "helper", role="viewer", joined_at=START, left_at=START + timedelta(minutes=9)),
    )
    plan = ClassPlan(
        "Printer prints nothing",
        START,
        START + timedelta(minutes=10),
        (Participant("customer", "Cora", leader=True), Participant("helper", "Hal")),
        {"(presenter)": "customer", "helper": "helper"},
    )
    row = summarise([session(platform="screenleap", participants=people, attendance_known=True)], plan=plan)
    assert {one.participant_id: one.status for one in row.people} == {"customer": "present", "helper": "present"}


def test_a_session_that_was_made_elsewhere_is_a_class_of_its_own() -> None:
    assert class_key(session(launch_key="")) == "s"
    assert class_key(session(launch_key="k")) == "k"
    empty = summarise([session()])
    assert (empty.people, empty.words, empty.minutes, empty.held) == ((), None, None, Held.UNKNOWN)


def test_a_voice_that_no_session_names_is_a_line_of_its_own() -> None:
    row = summarise([session()], [Spoken("", "", "Somebody", 7, 2)])
    assert row.people == (ClassPersonRow("name:Somebody", name="Somebody", status="present", words=7, segments=2),)


def test_a_row_of_a_class_says_what_its_columns_are() -> None:
    row = ClassRow("p", "c", "k", START, session_ids=("a", "b"))
    assert (row.identity, row.knowledge) == ("k", 2)
