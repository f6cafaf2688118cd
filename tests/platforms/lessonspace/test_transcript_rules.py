"""What the session alone decides of a transcript, and what its file holds, without a wire."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.contract import (
    ArtifactRules,
    Readiness,
)
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.platforms.lessonspace import transcripts
from airflow_provider.live_sessions.platforms.lessonspace.listed import Session
from tests.platforms.lessonspace.academy import CLASS, steady


def session(seconds: float | None, people: int, *, deleted: bool = False) -> Session:
    return Session.model_validate(
        {
            "uuid": "u",
            "start_time": CLASS.isoformat(),
            "end_time": None if seconds is None else (CLASS + timedelta(seconds=seconds)).isoformat(),
            "profiles": [{"user": number} for number in range(people)],
            "recording_deleted": deleted,
        }
    )


def ref_of(asked: dict[str, Any], room: dict[str, Any]) -> SessionRef:
    return SessionRef("lessonspace", "c", "s", "k").with_details(
        settings=json.dumps(asked), room_settings=json.dumps(room)
    )


flags = st.none() | st.booleans()
WAIT = ArtifactRules().after(CLASS)


@steady
@given(
    st.none() | st.integers(0, 900),
    st.integers(0, 3),
    st.booleans(),
    flags,
    flags,
    flags,
)
def test_a_call_is_made_exactly_for_what_may_have_a_transcript(
    seconds: int | None, people: int, deleted: bool, asked: bool | None, room: bool | None, av: bool | None
) -> None:
    ref = ref_of(
        {} if asked is None else {"transcribe": asked},
        {name: value for name, value in (("transcribe", room), ("record_av", av)) if value is not None},
    )
    decided = transcripts.eligible(session(seconds, people, deleted=deleted), ref, WAIT)
    may_have = bool(asked) and room is not False and av is not False and people >= 2 and not deleted
    if seconds is None:
        assert decided is not None
        assert decided.verdict.readiness is Readiness.PENDING
    elif may_have and seconds >= 150:
        assert decided is None
    else:
        assert decided is not None
        assert decided.verdict.readiness is Readiness.NEVER


@steady
@given(st.integers(150, 900), st.integers(0, 48 * 3600), st.integers(0, 48 * 3600))
def test_pending_ends_at_one_moment_and_never_comes_back(seconds: int, one: int, other: int) -> None:
    early, late = sorted((one, other))
    end = CLASS + timedelta(seconds=seconds)
    wait = ArtifactRules().after(end)

    def at(age: int) -> Readiness:
        row = session(seconds, 2)
        return transcripts.overdue(row, wait, end + timedelta(seconds=age), "not there").verdict.readiness

    if at(early) is not Readiness.PENDING:
        assert at(late) is at(early)
    long = seconds > 300
    assert at(late) is not (Readiness.NEVER if long else Readiness.FAILED)
    assert (at(late) is Readiness.PENDING) is (late < (24 if long else 6) * 3600)


def test_a_session_that_does_not_tell_how_long_it_was_is_taken_for_a_short_one() -> None:
    row = Session.model_validate({"uuid": "u", "end_time": CLASS.isoformat()})
    found = transcripts.overdue(row, WAIT, WAIT.short_deadline, "not there")
    assert found.verdict.readiness is Readiness.NEVER


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-(10**400), 10**400) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "start_time": st.floats(0, 9000) | values,
        "end_time": st.floats(0, 9000) | values,
        "text": st.text() | values,
        "user": st.fixed_dictionaries({}, optional={"id": values, "name": values}) | values,
        "breakout_id": values,
    },
)


@steady
@given(st.lists(entries | values) | values)
def test_whatever_the_file_holds_it_is_read_without_a_failure(data: Any) -> None:
    found = transcripts.segments(json.dumps(data).encode(), part="p")
    said_something = [
        one
        for one in (data if isinstance(data, list) else [])
        if isinstance(one, dict) and isinstance(one.get("text"), str) and {"start_time", "end_time"} <= set(one)
    ]
    assert len(found) <= len(said_something)
    rooms = {room for one in said_something if isinstance(room := one.get("breakout_id"), str)}
    assert {one.part for one in found} <= {"p"} | rooms


@steady
@given(
    st.lists(
        st.tuples(
            st.floats(0, 9000), st.floats(0, 9000), st.text(min_size=1), st.integers(1, 9), st.text(min_size=1)
        )
    )
)
def test_every_whole_entry_is_kept_in_order(lines: list[tuple[float, float, str, int, str]]) -> None:
    raw = json.dumps(
        [
            {"start_time": start, "end_time": end, "text": text, "user": {"id": number, "name": name}}
            for start, end, text, number, name in lines
        ]
    ).encode()
    assert [(one.start, one.end, one.text, one.speaker_id, one.speaker) for one in transcripts.segments(raw)] == [
        (start, end, text, str(number), name) for start, end, text, number, name in lines
    ]


def test_an_entry_without_a_speaker_is_nobodys_and_one_without_text_or_time_is_left_out() -> None:
    raw = json.dumps(
        [
            {"start_time": 1, "end_time": 2, "text": "Hello.", "user": None},
            {"start_time": 1, "end_time": 2, "text": "Hi.", "user": {"id": None, "name": "Guest"}},
            {"start_time": 1, "end_time": 2, "text": None, "user": {"id": 1, "name": "Ada"}},
            {"start_time": None, "end_time": 2, "text": "x", "user": {"id": 1, "name": "Ada"}},
            {"end_time": 2, "text": "x"},
            {"start_time": 10**400, "end_time": 2, "text": "x"},
            "x",
        ]
    ).encode()
    assert [(one.speaker, one.speaker_id, one.text) for one in transcripts.segments(raw)] == [
        ("Unknown", "", "Hello."),
        ("Guest", "", "Hi."),
    ]
