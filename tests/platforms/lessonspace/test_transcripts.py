"""Every row of the transcript's decision table, and what is asked for to decide it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.core.contract import (
    Ability,
    ArtifactPlatform,
    Readiness,
    Verdict,
)
from airflow_provider.live_sessions.core.errors import Unsupported
from airflow_provider.live_sessions.platforms.lessonspace import transcripts
from tests.platforms.kit import said
from tests.platforms.lessonspace.academy import CLASS, Academy, bounds, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import SessionRef
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

ASKED = "/transcript/$"
FILE = "/lessonspace/s3/"


class Lesson:
    """One class that was launched with a transcript and held."""

    def __init__(self, academy: Academy, seconds: float = 1200, *people: str, **options: Any) -> None:
        self.academy = academy
        self.ref: SessionRef = academy.launch(plan(**{"transcribe": True, **options})).ref
        academy.go_to(CLASS)
        self.uuid = academy.hold(self.ref, seconds - 30, *people)  # the 30 s after the last leave count
        self.end = CLASS + timedelta(seconds=seconds)

    def verdict(self, **rules: float) -> Verdict:
        return self.academy.platform.readiness(Ability.TRANSCRIPT, self.ref, self.uuid, bounds(self.end, **rules))

    def after(self, seconds: float) -> Verdict:
        """Return the verdict so many seconds after the end."""
        self.academy.go_to(self.end + timedelta(seconds=seconds))
        return self.verdict()

    @property
    def calls(self) -> int:
        return len(self.academy.log(path=ASKED))

    @property
    def fetches(self) -> int:
        return len(self.academy.log(path=FILE))


def never_there(**options: Any) -> Any:
    return Academy.open(transcript_after=10**9, **options)


def refused(status: int, *paths: str) -> Any:
    def answer(request: Request, response: Response) -> Response:
        told = any(request.path.endswith(path) for path in paths)
        return said(status, {"detail": "No, and for a reason."}) if told else response

    return answer


# ---- ready


def test_a_transcript_is_ready_when_its_file_is_a_json_array(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.wait(300)
    found = academy.platform.transcript(lesson.ref, lesson.uuid, bounds(lesson.end))
    assert found.verdict.readiness is Readiness.READY
    assert found.raw is not None
    lines = json.loads(found.raw)
    assert found.verdict.why == f"{len(lines)} segments"
    segments = transcripts.segments(found.raw, part="1")
    assert [one.text for one in segments] == [one["text"] for one in lines]
    assert {one.speaker for one in segments} == {"Ada Teacher", "Bo Student"}
    assert {one.part for one in segments} == {"1"}


def test_what_is_said_in_a_breakout_room_is_told_from_what_is_said_to_all() -> None:
    entry: dict[str, object] = {"start_time": 1, "end_time": 2, "user": {"id": 7, "name": "Ada"}, "text": "here"}
    rooms: list[dict[str, object]] = [
        {},
        {"breakout_id": "main"},
        {"breakout_id": "group 1"},
        {"breakout_id": None},
        {"breakout_id": 3},
    ]
    raw = json.dumps([{**entry, **room} for room in rooms]).encode()
    assert [one.part for one in transcripts.segments(raw)] == ["", "", "group 1", "", ""]


def test_the_speakers_are_the_ones_the_launch_told_of(academy: Academy) -> None:
    launched = academy.launch(plan(transcribe=True))
    academy.go_to(CLASS)
    uuid = academy.hold(launched.ref)
    academy.wait(300)
    found = academy.platform.transcript(launched.ref, uuid, bounds(CLASS))
    assert launched.links is not None
    assert found.raw is not None
    assert {one.speaker_id for one in transcripts.segments(found.raw)} == {one.user_id for one in launched.links}


def test_a_silent_class_has_an_empty_transcript_which_is_ready(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.sandbox.lessonspace.set_transcript(lesson.uuid, [])
    assert lesson.after(300) == Verdict(Readiness.READY, "0 segments")


def test_each_session_of_a_class_has_its_own_transcript(academy: Academy) -> None:
    ref = academy.launch(plan(transcribe=True)).ref
    academy.go_to(CLASS)
    held = (academy.hold(ref, 900), academy.hold(ref, 900))
    academy.wait(1000)
    assert academy.platform.session_ids(ref) == held
    for uuid in held:
        found = academy.platform.transcript(ref, uuid, bounds(CLASS + timedelta(hours=1)))
        assert found.verdict.readiness is Readiness.READY
    assert [one.path.split("/")[-3] for one in academy.log(path=ASKED)] == list(held)


# ---- decided on the session alone: no call


def test_a_session_in_progress_is_pending_without_a_call(academy: Academy) -> None:
    ref = academy.launch(plan(transcribe=True)).ref
    academy.go_to(CLASS)
    uuid = academy.join(ref, "t-1", "s-1")
    found = academy.platform.transcript(ref, uuid, bounds(CLASS))
    assert found.verdict == Verdict(Readiness.PENDING, "the session has not ended")
    assert academy.log(path=ASKED) == []


@pytest.mark.parametrize(
    ("seconds", "people", "options", "why"),
    [
        (1200, (), {"transcribe": False}, "without transcribe"),
        (1200, ("t-1",), {}, "fewer than two people"),
        (149, (), {}, "shorter than 150 seconds"),
    ],
)
def test_what_will_never_have_a_transcript_is_never_asked_for(
    academy: Academy, seconds: float, people: tuple[str, ...], options: dict[str, Any], why: str
) -> None:
    lesson = Lesson(academy, seconds, *people, **options)
    verdict = lesson.after(400)
    assert verdict.readiness is Readiness.NEVER
    assert why in verdict.why
    assert lesson.calls == 0


def test_a_launch_that_was_silently_refused_recording_never_has_a_transcript() -> None:
    with Academy.open(recording=False) as academy:
        lesson = Lesson(academy)
        assert lesson.after(400).readiness is Readiness.NEVER
        assert lesson.calls == 0


@pytest.mark.parametrize(
    ("settings", "readiness"),
    [
        ({"transcribe": False}, Readiness.NEVER),
        ({"record_av": False, "transcribe": True}, Readiness.NEVER),
        ({"record_av": True, "transcribe": True}, Readiness.READY),
        ({}, Readiness.READY),
    ],
)
def test_the_rooms_settings_at_the_launch_decide_where_they_were_told(
    academy: Academy, settings: dict[str, bool], readiness: Readiness
) -> None:
    lesson = Lesson(academy)
    lesson.ref = lesson.ref.with_details(room_settings=json.dumps(settings))
    assert lesson.after(400).readiness is readiness
    assert lesson.calls == (readiness is Readiness.READY)


def test_a_deleted_recording_takes_its_transcript_along(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.sandbox.lessonspace.delete_recording(lesson.uuid)
    verdict = lesson.after(400)
    assert verdict.readiness is Readiness.NEVER
    assert "deleted" in verdict.why
    assert lesson.calls == 0


def test_the_thresholds_can_be_set_to_the_older_guides(academy: Academy) -> None:
    lesson = Lesson(academy, 200)
    assert lesson.verdict(min_seconds=201).readiness is Readiness.NEVER
    assert lesson.calls == 0
    assert lesson.verdict(min_seconds=200).readiness is Readiness.PENDING
    assert lesson.calls == 1


# ---- not there (yet)


@pytest.mark.parametrize(
    ("seconds", "age", "readiness"),
    [
        (1200, 0, Readiness.PENDING),
        (1200, 24 * 3600 - 60, Readiness.PENDING),
        (1200, 24 * 3600, Readiness.FAILED),
        (301, 24 * 3600, Readiness.FAILED),
        (300, 6 * 3600 - 60, Readiness.PENDING),
        (300, 6 * 3600, Readiness.NEVER),
        (150, 6 * 3600 - 60, Readiness.PENDING),
        (150, 6 * 3600, Readiness.NEVER),
    ],
)
@pytest.mark.parametrize("form", ["404", "no url", "null url", "empty url"])
def test_a_missing_transcript_is_pending_until_its_deadline_then_failed_or_never(
    seconds: float, age: float, readiness: Readiness, form: str
) -> None:
    bodies = {"no url": {}, "null url": {"transcriptionUrl": None}, "empty url": {"transcriptionUrl": ""}}
    with never_there() as academy:
        lesson = Lesson(academy, seconds)
        if form != "404":
            academy.tap.answer = lambda request, response: (
                said(200, bodies[form]) if request.path.endswith("/transcript/") else response
            )
        age_now = (academy.sandbox.clock.now() - lesson.end).total_seconds()
        verdict = lesson.after(max(age, age_now))
        assert verdict.readiness is readiness
        assert (lesson.calls, lesson.fetches) == (1, 0)


def test_a_wrong_session_looks_the_same_and_is_bounded_by_the_deadline(academy: Academy) -> None:
    lesson = Lesson(academy)
    lesson.uuid = "0b1c7a52-1c52-4b9e-9d84-0a2a3f1f0001"
    verdict = lesson.after(60)
    assert verdict.readiness is Readiness.PENDING
    assert "cannot be read" in verdict.why
    assert lesson.after(24 * 3600).readiness is Readiness.FAILED
    assert lesson.calls == 0


# ---- the signed address and the file


@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_address_is_replaced_by_a_new_one(academy: Academy, status: int) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add("status", status=status, path=FILE, count=2)
    assert lesson.after(400).readiness is Readiness.READY
    assert (lesson.calls, lesson.fetches) == (3, 3)


@pytest.mark.parametrize("status", [403, 404])
def test_a_third_refused_address_is_pending(academy: Academy, status: int) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add("status", status=status, path=FILE)
    assert lesson.after(400).readiness is Readiness.PENDING
    assert (lesson.calls, lesson.fetches) == (3, 3)


def test_an_address_that_ran_out_is_replaced() -> None:
    with Academy.open(transcript_url_life=-1) as academy:
        lesson = Lesson(academy)
        assert lesson.after(400).readiness is Readiness.PENDING
        assert {one.status for one in academy.log(path=FILE)} == {403}


@pytest.mark.parametrize("body", ["<html>", '{"a": 1}', "null", "[1", '"x"'])
def test_a_file_that_is_no_array_is_fetched_twice_more_then_failed(academy: Academy, body: str) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add("malformed", body=body, path=FILE)
    verdict = lesson.after(400)
    assert verdict == Verdict(Readiness.FAILED, "the file is no JSON array")
    assert lesson.fetches == 3


def test_a_file_that_is_whole_the_third_time_is_ready(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add("malformed", body="<html>", path=FILE, count=2)
    assert lesson.after(400).readiness is Readiness.READY


def test_a_file_nested_beyond_reason_is_no_transcript(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add("malformed", body="[" * 200_000, path=FILE)
    assert lesson.after(400).readiness is Readiness.FAILED


def test_refusals_and_broken_files_are_counted_apart(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add("status", status=403, path=FILE, nth=1)
    academy.sandbox.faults.add("malformed", body="x", path=FILE, nth=2)
    academy.sandbox.faults.add("status", status=403, path=FILE, nth=3)
    academy.sandbox.faults.add("malformed", body="x", path=FILE, nth=4)
    assert lesson.after(400).readiness is Readiness.READY
    assert lesson.fetches == 5


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "truncate", "sent": 9}, {"kind": "reset_before"}]
)
def test_a_file_that_cannot_be_fetched_now_is_pending(academy: Academy, fault: dict[str, Any]) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add(**fault, path=FILE)
    verdict = lesson.after(400)
    assert verdict.readiness is Readiness.PENDING
    assert "could not be fetched" in verdict.why


# ---- refused, or not answered


@pytest.mark.parametrize("status", [401, 403])
def test_a_transcript_refused_while_its_session_can_be_read_has_failed(academy: Academy, status: int) -> None:
    lesson = Lesson(academy)
    academy.tap.answer = refused(status, "/transcript/")
    verdict = lesson.after(400)
    assert verdict.readiness is Readiness.FAILED
    assert f"({status}): No, and for a reason." in verdict.why


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_read_neither_is_pending_until_the_deadline(academy: Academy, status: int) -> None:
    lesson = Lesson(academy)
    academy.tap.answer = refused(status, "/transcript/", f"/{lesson.uuid}/")
    assert lesson.after(400).readiness is Readiness.PENDING
    verdict = lesson.after(24 * 3600)
    assert verdict.readiness is Readiness.FAILED
    assert "No, and for a reason." in verdict.why
    assert lesson.calls == 0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "throttle"},
        {"kind": "throttle", "retry_after": 30},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "html", "status": 200},
        {"kind": "status", "status": 200, "body": "[]"},
    ],
)
@pytest.mark.parametrize("path", [ASKED, "/sessions/[^/]+/$"])
def test_a_platform_that_cannot_be_asked_is_pending_even_after_the_deadline(
    academy: Academy, fault: dict[str, Any], path: str
) -> None:
    lesson = Lesson(academy)
    academy.sandbox.faults.add(**fault, path=path)
    assert lesson.after(24 * 3600 + 1).readiness is Readiness.PENDING
    assert lesson.fetches == 0


def test_other_artifacts_cannot_be_waited_for(academy: Academy) -> None:
    assert isinstance(academy.platform, ArtifactPlatform)
    lesson = Lesson(academy)
    with pytest.raises(Unsupported, match="attendance"):
        academy.platform.readiness(Ability.ATTENDANCE, lesson.ref, lesson.uuid, bounds(lesson.end))


def test_a_session_of_which_only_the_id_is_known_is_judged_by_itself(academy: Academy) -> None:
    lesson = Lesson(academy)
    academy.go_to(lesson.end + timedelta(hours=1))

    def verdict(uuid: str) -> Readiness:
        return academy.platform.readiness(Ability.TRANSCRIPT, None, uuid, bounds(lesson.end)).readiness

    assert verdict(lesson.uuid) is Readiness.READY
    academy.sandbox.faults.add("status", path=ASKED, status=404, body='{"detail": "none"}')
    assert verdict(lesson.uuid) is Readiness.PENDING
    silent = academy.launch(plan("Geometry", transcribe=False)).ref
    uuid = academy.hold(silent)
    assert verdict(uuid) is Readiness.PENDING, "what the launch wanted is not known"
