"""What a row says, for everything that a launch, the tasks behind it and a platform can say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Template

from airflow_provider.live_sessions.core.doors import Door
from airflow_provider.live_sessions.core.models import Participant, SessionRef
from airflow_provider.live_sessions.core.pages import UNTIL, LaunchPlace, until_key
from airflow_provider.live_sessions.core.record import SealedLink, SessionRecord
from airflow_provider.live_sessions.core.status import Held, SessionStatus, State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.flows.lane import LABEL
from airflow_provider.live_sessions.plugin.sessions_page import rows
from airflow_provider.live_sessions.plugin.sessions_page.accounts import label_by_operator
from airflow_provider.live_sessions.plugin.sessions_page.launches import Behind, Launch
from airflow_provider.live_sessions.plugin.sessions_page.rows import (
    AFTER_WINDOW,
    Stage,
    Standing,
    is_asked_about,
    is_cancelled,
    read_label,
    row_of,
    seen_of,
    standing,
)

START = datetime(2026, 9, 1, 9, tzinfo=UTC)
END = START + timedelta(hours=1)
WINDOW_END = END + timedelta(hours=1)
REF = SessionRef("lessonspace", "c", "s", "k").with_details(window_end=format_time(WINDOW_END))
PEOPLE = (Participant("t", "Tess", email="tess@school.test"), Participant("s", "Sam"))
RECORD = SessionRecord(REF, "Algebra", START, END, PEOPLE, None, created=True, state=State.SCHEDULED)
PLACE = LaunchPlace("class_now", "manual__2026-09-01T08:00:00+00:00", "class.launch")
LAUNCHED = Launch(PLACE, "success", run_over=False, run_after=START, record=RECORD)
TASK_STATES = [
    None,
    "queued",
    "running",
    "success",
    "failed",
    "skipped",
    "deferred",
    "up_for_retry",
    "upstream_failed",
]


def status(state: State, why: str = "so it is") -> SessionStatus:
    return SessionStatus(state, Held.UNKNOWN, why, START)


def behind(**states: str | None) -> tuple[Behind, ...]:
    return tuple(Behind(task_id, state) for task_id, state in states.items())


def stage(launch: Launch, live: SessionStatus | None = None, now: datetime = START) -> Stage:
    return standing(launch, live, now=now).stage


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (State.SCHEDULED, Stage.SCHEDULED),
        (State.LIVE, Stage.LIVE),
        (State.ENDED, Stage.DONE),
        (State.CANCELLED, Stage.CANCELLED),
        (State.NEVER_HELD, Stage.NOT_HELD),
    ],
)
def test_a_session_stands_where_its_platform_says(state: State, shown: Stage) -> None:
    assert stage(LAUNCHED, status(state)) is shown


def test_a_room_that_everybody_left_was_shown_as_live() -> None:
    left = replace(status(State.LIVE, "everybody left"), started_at=START, ended_at=START)
    assert stage(LAUNCHED, left) is Stage.EMPTY
    assert stage(LAUNCHED, replace(left, ended_at=None)) is Stage.LIVE
    row = row_of(LAUNCHED, left, label="Lessonspace", doors=list(Door), below="", now=START)
    assert (row["stage"], row["why"], list(row["doors"])) == ("empty", "Everybody left.", ["room"])


def test_a_session_was_said_to_be_empty_before_its_platform_had_answered() -> None:
    assert "nobody" not in standing(LAUNCHED, None, now=START).why
    seen = standing(LAUNCHED, status(State.SCHEDULED, ""), now=START)
    assert seen.why.endswith("It is launched; nobody has come yet.")


def test_the_page_has_a_word_for_every_stage() -> None:
    script = (Path(rows.__file__).parent / "static" / "page.js").read_text()
    words = re.search(r"const STAGES = \{(.*?)\};", script, re.DOTALL)
    assert words is not None
    assert set(re.findall(r"^  (\w+):", words[1], re.MULTILINE)) == {one.value for one in Stage}


def test_a_session_that_is_over_waits_for_what_its_tasks_still_have_to_do() -> None:
    launch = replace(
        LAUNCHED, behind=behind(wait_for_end="success", wait_for_transcript="deferred", retrieve=None)
    )
    stands = standing(launch, status(State.ENDED), now=START)
    assert stands.stage is Stage.WAITING
    assert stands.why == "It is over; still to do: retrieve, wait for transcript."
    assert stage(replace(launch, run_over=True), status(State.ENDED)) is Stage.DONE
    assert stage(launch, status(State.CANCELLED)) is Stage.CANCELLED


def test_what_a_wait_saw_at_the_end_outranks_what_a_platform_says_later() -> None:
    launch = replace(LAUNCHED, outcomes=(status(State.LIVE), status(State.ENDED)))
    assert stage(launch, status(State.NEVER_HELD)) is Stage.DONE
    assert not is_asked_about(launch, START)


def test_a_start_that_was_seen_ends_nothing() -> None:
    launch = replace(LAUNCHED, outcomes=(status(State.LIVE),))
    assert is_asked_about(launch, START)
    assert stage(launch, status(State.ENDED)) is Stage.DONE


def test_a_failed_task_outranks_everything_and_its_followers_are_not_named() -> None:
    launch = replace(LAUNCHED, behind=behind(wait_for_end="failed", retrieve="upstream_failed"))
    for state in State:
        stands = standing(launch, status(state, "people are in."), now=START)
        assert stands.stage is Stage.FAILED
        assert "wait_for_end" in stands.why
        assert "retrieve" not in stands.why
        assert "people are in" in stands.why


@pytest.mark.parametrize("task_id", ["hand_over", "class.hand_over"])
def test_a_row_said_nothing_of_links_whose_hand_over_kept_failing(task_id: str) -> None:
    launch = replace(LAUNCHED, behind=behind(**{task_id: "up_for_retry", "wait_for_end": "deferred"}))
    yet = "Its links are not all handed over yet: hand_over tries again. "
    assert standing(launch, None, now=START) == Standing(
        Stage.SCHEDULED, f"{yet}It is launched; how it stands was not asked yet."
    )
    assert standing(launch, status(State.LIVE), now=START) == Standing(Stage.LIVE, f"{yet}So it is.")
    for other in (replace(launch, run_over=True), replace(launch, behind=behind(wait_for_end="up_for_retry"))):
        assert "links" not in standing(other, None, now=START).why
    for state in (State.ENDED, State.CANCELLED, State.NEVER_HELD):
        assert "tries again" not in standing(launch, status(state), now=START).why


def test_a_row_called_a_hand_over_that_failed_by_its_task_alone() -> None:
    failed = replace(LAUNCHED, behind=behind(**{"class.hand_over": "failed"}))
    links = "Its links were not all handed over: hand_over failed."
    assert standing(failed, None, now=START) == Standing(Stage.FAILED, links)
    more = replace(failed, behind=behind(**{"class.hand_over": "failed", "class.retrieve": "failed"}))
    assert standing(more, status(State.LIVE), now=START).why == (
        f"{links} Failed: class.retrieve. The session: so it is"
    )


@pytest.mark.parametrize(
    ("state", "shown", "said"),
    [
        ("queued", Stage.SCHEDULED, "being launched"),
        ("running", Stage.SCHEDULED, "being launched"),
        ("up_for_retry", Stage.SCHEDULED, "tried again"),
        ("deferred", Stage.SCHEDULED, "waits"),
        ("failed", Stage.FAILED, "log"),
        ("success", Stage.FAILED, "record"),
    ],
)
def test_a_launch_without_a_record_says_how_far_it_is(state: str, shown: Stage, said: str) -> None:
    stands = standing(replace(LAUNCHED, record=None, state=state), None, now=START)
    assert stands.stage is shown
    assert said in stands.why


def test_a_record_that_cannot_be_read_is_a_failure_with_its_reason() -> None:
    stands = standing(replace(LAUNCHED, record=None, unreadable="It lacks its ref."), None, now=START)
    assert stands == (stands.__class__)(Stage.FAILED, "It lacks its ref.")


def test_nothing_is_asked_about_a_session_whose_time_is_long_over_and_nothing_is_claimed() -> None:
    late = WINDOW_END + AFTER_WINDOW + timedelta(seconds=1)
    assert is_asked_about(LAUNCHED, WINDOW_END)
    assert not is_asked_about(LAUNCHED, late)
    assert "not known" in standing(LAUNCHED, None, now=late).why


@pytest.mark.parametrize("state", ["running", "deferred", "up_for_retry", "queued"])
def test_a_session_that_a_task_still_waits_for_was_called_done_once_its_window_was_over(state: str) -> None:
    late = WINDOW_END + timedelta(days=2)
    launch = replace(LAUNCHED, behind=behind(wait_for_end=state, retrieve=None))
    assert is_asked_about(launch, late)
    assert standing(launch, status(State.LIVE), now=late).stage is Stage.LIVE
    stands = standing(launch, None, now=late)
    assert stands == Standing(Stage.WAITING, "Its time is over; still to do: retrieve, wait for end.")
    over = replace(launch, run_over=True)
    assert not is_asked_about(over, late)
    assert standing(over, None, now=late).stage is Stage.DONE
    assert not is_asked_about(replace(launch, behind=behind(retrieve=None)), late), "nobody waits, for ever"


def test_a_wait_s_memory_begins_with_the_record() -> None:
    seen = seen_of(LAUNCHED)
    assert (seen.planned_start, seen.planned_end, seen.deadline) == (START, END, WINDOW_END)


def shown(launch: Launch, live: SessionStatus | None = None, **more: Any) -> dict[str, Any]:
    return row_of(launch, live, label="Lessonspace", doors=(), below="", now=START, **more)


def test_a_launch_that_failed_was_called_by_its_title_and_its_start_in_one() -> None:
    failed = replace(LAUNCHED, record=None, state="failed")
    label = Template(LABEL).render(task={"session": {"title": "Algebra, again", "start": format_time(START)}})
    row = shown(replace(failed, label=label))
    assert (row["title"], row["start"], row["end"]) == ("Algebra, again", format_time(START), None)
    assert (shown(failed)["title"], shown(failed)["start"]) == ("Session of class_now", None)
    assert shown(replace(LAUNCHED, label="Another, 2026-01-01T00:00:00+00:00"))["title"] == "Algebra"


@pytest.mark.parametrize("state", ["queued", "running", "up_for_retry", "failed"])
def test_a_launch_under_way_was_called_by_its_task_and_a_failed_one_had_no_way_to_its_log(state: str) -> None:
    place = LaunchPlace("a dag", "run 1", "lane.launch", 2)
    row = shown(Launch(place, state, run_over=False, run_after=START))
    assert row["title"] == "Session of a dag"
    log = "/dags/a%20dag/runs/run%201/tasks/lane.launch/mapped/2"
    assert row["log"] == (log if state in ("up_for_retry", "failed") else None)
    alone = replace(LAUNCHED, record=None, state="failed")
    assert shown(alone)["log"].endswith("/tasks/class.launch")
    assert shown(LAUNCHED)["log"] is None


@pytest.mark.parametrize(
    ("operator", "label"),
    [
        ("EducatesRequestSessionsOperator", "Educates"),
        ("LessonspaceLaunchSessionOperator", "Lessonspace"),
        ("CoviuLaunchSessionOperator", "Coviu"),
        ("ScreenleapShareOperator", "Screenleap"),
        ("OurOwnLaunch", ""),
        ("", ""),
    ],
)
def test_a_launch_that_failed_named_no_platform(operator: str, label: str) -> None:
    assert label_by_operator(operator) == label


@given(title=st.text(min_size=1), seconds=st.integers(-(2**31), 2**31))
def test_a_label_is_read_back_whatever_the_title(title: str, seconds: int) -> None:
    start = START + timedelta(seconds=seconds)
    assert read_label(f"{title}, {format_time(start)}") == (title, start)


@given(label=st.text() | st.sampled_from(["Algebra, 2026-09-01", "Algebra, 09:00", ", 2026-09-01T09:00:00+00:00"]))
def test_a_label_of_another_make_is_all_title(label: str) -> None:
    assert read_label(label) == (label, None)


def test_a_cancel_s_reason_stands_behind_what_the_platform_says() -> None:
    cancelled = status(State.CANCELLED, "it was cancelled")
    row = shown(LAUNCHED, cancelled, reason="Reason given in session_cancel: ill")
    assert row["why"] == "It was cancelled. Reason given in session_cancel: ill."
    assert shown(LAUNCHED, cancelled)["why"] == "It was cancelled."


def test_a_cancelled_row_said_nothing_of_links_that_still_opened_the_room() -> None:
    signed = replace(RECORD, ref=REF.with_details(links_end=format_time(END)), hand_over_at=START)
    launch, cancelled = replace(LAUNCHED, record=signed), status(State.CANCELLED, "it was cancelled")

    def why(launch: Launch, now: datetime, reason: str = "") -> str:
        row = row_of(launch, cancelled, label="", doors=(), below="", now=now, reason=reason)
        return str(row["why"])

    still = f"A link that was handed over still opens the room until {format_time(END)}."
    assert why(launch, START) == f"It was cancelled. {still}"
    assert why(launch, START, "ill") == f"It was cancelled. {still} Ill."
    assert why(launch, START - timedelta(seconds=1)) == "It was cancelled.", "none can be out"
    assert why(launch, END) == "It was cancelled.", "they have run out"
    assert why(LAUNCHED, START) == "It was cancelled.", "a platform whose links end with the session"
    assert "still opens" not in shown(launch, status(State.LIVE))["why"]


@pytest.mark.parametrize("task_id", ["hand_over", "class.hand_over"])
def test_a_row_cancelled_before_its_hand_over_said_later_that_a_link_was_out(task_id: str) -> None:
    signed = replace(RECORD, ref=REF.with_details(links_end=format_time(END)), hand_over_at=START)
    launch, cancelled = replace(LAUNCHED, record=signed), status(State.CANCELLED, "it was cancelled")
    for state in TASK_STATES:
        one = replace(launch, behind=behind(**{task_id: state, "wait_for_end": "skipped"}))
        if state == "failed":
            continue  # then the row is about that
        out = state != "skipped"
        assert ("still opens the room" in shown(one, cancelled)["why"]) is out
    other = replace(launch, behind=behind(wait_for_end="skipped"))
    assert "still opens the room" in shown(other, cancelled)["why"], "a DAG whose hand-over has another name"


def test_a_workshop_that_was_over_waited_for_artifacts_by_the_ids_of_its_tasks() -> None:
    launch = replace(LAUNCHED, behind=behind(clean_up=None, closing_time="up_for_reschedule", report=None))
    stands = standing(launch, status(State.ENDED), now=START)
    assert stands == Standing(Stage.DONE, "It is over; still to do: clean up, closing time, report.")
    in_group = replace(launch, behind=(Behind("lane.wait_for_transcript", "deferred"),))
    waits = standing(in_group, status(State.ENDED), now=START)
    assert waits == Standing(Stage.WAITING, "It is over; still to do: wait for transcript.")


@pytest.mark.parametrize("state", [State.SCHEDULED, State.NEVER_HELD])
def test_a_class_was_called_scheduled_and_held_in_one_row_where_one_person_had_been_in_alone(state: State) -> None:
    alone = replace(status(state), started_at=START, ended_at=START + timedelta(minutes=2), people=1)
    row = shown(LAUNCHED, alone)
    assert (row["started_at"], row["ended_at"], row["people"]) == (None, None, 1)
    held = shown(LAUNCHED, replace(alone, state=State.ENDED))
    assert (held["started_at"], held["ended_at"]) == (format_time(START), format_time(alone.ended_at or END))


@pytest.mark.parametrize("state", State)
def test_reasons_are_looked_for_where_a_session_was_cancelled_and_nowhere_else(state: State) -> None:
    cancelled = state is State.CANCELLED
    assert is_cancelled(LAUNCHED, status(state)) is cancelled
    assert is_cancelled(replace(LAUNCHED, behind=behind(hand_over="failed")), status(state)) is cancelled
    assert is_cancelled(replace(LAUNCHED, record=replace(RECORD, state=state)), None) is cancelled
    assert not is_cancelled(replace(LAUNCHED, outcomes=(status(State.ENDED),)), status(state))
    assert not is_cancelled(replace(LAUNCHED, record=None), status(state))


def test_a_room_was_offered_hours_before_any_link_to_it_worked() -> None:
    opens = START - timedelta(minutes=30)
    links = tuple(SealedLink(one, "sealed:v1:x", not_before=opens, not_after=END) for one in PEOPLE)
    launch = replace(LAUNCHED, record=replace(RECORD, links=links))

    def row(now: datetime, why: str = "nobody has come yet", offered: Any = frozenset(Door)) -> dict[str, Any]:
        return row_of(launch, status(State.SCHEDULED, why), label="", doors=offered, below="", now=now)

    early = row(START - timedelta(hours=7))
    assert early["doors"] == {}
    assert early["why"] == f"Nobody has come yet. The room opens at {format_time(opens)}."
    told = f"It opens at {format_time(opens)}."
    assert row(START - timedelta(hours=7), told)["why"] == told, "said once"
    assert "room" not in row(START - timedelta(hours=7), offered=())["why"], "of a room that nobody here may open"
    on_time = row(opens)
    assert (list(on_time["doors"]), on_time["why"]) == (["room"], "Nobody has come yet.")


@given(
    launch_state=st.sampled_from(TASK_STATES),
    states=st.lists(st.sampled_from(TASK_STATES), max_size=4),
    recorded=st.sampled_from([None, *State]),
    live=st.sampled_from([None, *State]),
    seen=st.lists(st.sampled_from(State), max_size=2),
    over=st.booleans(),
    days=st.floats(-40, 40),
)
def test_every_combination_gives_a_row_that_is_json_and_opens_only_what_fits(
    launch_state: str | None,
    states: list[str | None],
    recorded: State | None,
    live: State | None,
    seen: list[State],
    over: bool,
    days: float,
) -> None:
    now = START + timedelta(days=days)
    launch = Launch(
        PLACE,
        launch_state,
        run_over=over,
        run_after=START,
        record=None if recorded is None else replace(RECORD, state=recorded),
        behind=tuple(Behind(f"t{number}", one) for number, one in enumerate(states)),
        outcomes=tuple(status(one) for one in seen),
    )
    told = None if live is None or recorded is None else status(live)
    row = row_of(launch, told, label="Lessonspace", doors=frozenset(Door), below="/airflow", now=now)
    assert json.loads(json.dumps(row)) == row
    assert row["title"]
    assert row["why"]
    assert Stage(row["stage"])
    if "failed" in states and recorded is not None:
        assert row["stage"] == Stage.FAILED
    if recorded is None or row["stage"] in (Stage.CANCELLED, Stage.NOT_HELD):
        assert row["doors"] == {}
    if row["stage"] in (Stage.SCHEDULED, Stage.LIVE, Stage.EMPTY):
        assert "recording" not in row["doors"]
    assert all(one.startswith("/airflow/live-sessions/open/") for one in row["doors"].values())
    assert "tess@school.test" not in json.dumps(row)


@given(
    moments=st.lists(
        st.datetimes(allow_imaginary=False, timezones=st.timezones()).filter(lambda one: 1900 < one.year < 9000),
        min_size=2,
    )
)
def test_until_when_a_session_matters_sorts_as_the_moments_do(moments: list[datetime]) -> None:
    whole = [one.astimezone(UTC).replace(microsecond=0) for one in moments]
    assert sorted(until_key(one) for one in moments) == [until_key(one) for one in sorted(whole)]
    assert all(UNTIL <= until_key(one) < f"{UNTIL}9999" for one in moments)


@given(dag_id=st.text(min_size=1), run_id=st.text(min_size=1))
def test_whatever_a_run_is_called_its_address_names_it_alone(dag_id: str, run_id: str) -> None:
    try:
        (dag_id + run_id).encode()
    except UnicodeEncodeError:
        return
    launch = replace(LAUNCHED, place=LaunchPlace(dag_id, run_id, "t"))
    row = row_of(launch, None, label="", doors=(), below="", now=START)
    assert row["run"].count("/") == 4
    assert "?" not in row["run"]
    assert "#" not in row["run"]
