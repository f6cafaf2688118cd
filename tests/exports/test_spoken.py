"""Transcripts of a time in bulk: every segment of every session, whatever the network does, and nothing twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider.live_sessions.artifacts.export_checks import Findings, disagreements, problems
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import FileFormat
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export, export_from
from airflow_provider.live_sessions.artifacts.export_sources import Launches, SegmentSource
from airflow_provider.live_sessions.artifacts.layout import session_folder
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.contract import ArtifactRules
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.models import Participant
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.platforms.lessonspace.bringing_home import bring_attendance
from tests.artifacts.memory import MemoryStorage
from tests.core.cipher import FernetCipher
from tests.exports.lessonspace_past import ended, fill
from tests.exports.reading import digests, manifests, rows
from tests.exports.spoken_past import of_rows, speak
from tests.platforms.lessonspace.academy import Academy, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.storage import Storage

DAY = datetime(2026, 9, 1, tzinfo=UTC)
"""When the academy's classes are."""
BEGIN, END = datetime(2026, 8, 28, tzinfo=UTC), datetime(2026, 8, 30, tzinfo=UTC)
STUBBORN = RetryPolicy(attempts=12, base=0.001, cap=0.002, max_wait=0.5)
FAULTS = ("throttle", "reset_before", "reset_after", "truncate", "status")


def run(
    academy: Academy,
    storage: Storage,
    since: datetime = BEGIN,
    until: datetime = END,
    *,
    launches: Launches | None = None,
    rules: ArtifactRules | None = None,
    **more: Any,
) -> ExportResult:
    source = SegmentSource(academy.platform, rules or ArtifactRules(), launches or {}, storage=storage)
    what = ExportPlan(storage, "school", prefix="transcripts", **more)
    return export_from(source, what, cut(since, until, Period.DAY), say=lambda _: None)


def test_every_segment_under_faults_equals_the_ground_truth_twice() -> None:
    with Academy.open(retry=STUBBORN, start=END + timedelta(days=2)) as academy:
        sessions = ended(fill(academy.sandbox, BEGIN - timedelta(days=1), END, 300), BEGIN, END)
        truth = {key: one for key, one in speak(academy.sandbox).items() if key in sessions}
        for seed, kind in enumerate(FAULTS):
            academy.sandbox.faults.add(kind, probability=0.03, seed=seed)
        first, second = MemoryStorage(), MemoryStorage()
        once, twice = run(academy, first), run(academy, second)
        assert of_rows(rows(first, once.manifests)) == {key: one for key, one in truth.items() if one}
        assert once.counts["transcripts"] == len(truth) > 50
        assert once.counts["segments"] == sum(map(len, truth.values())) > 100
        judged = sum(once.counts[name] for name in ("transcripts", "never", "pending", "failed"))
        assert judged == len(sessions)
        assert not once.partial
        assert digests(first, once.manifests) == digests(second, twice.manifests)
        assert problems(first, once.manifests) == Findings()


def test_what_is_home_is_not_asked_for_again_and_parquet_says_the_same() -> None:
    pytest.importorskip("pyarrow")
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, END - timedelta(hours=3), 40)
        speak(academy.sandbox)
        storage = MemoryStorage()
        lines = run(academy, storage)
        asked = len(academy.tap.requests)
        assert run(academy, storage).kept == 2
        assert len(academy.tap.requests) == asked
        columns = run(academy, storage, file_format=FileFormat.PARQUET)
        assert rows(storage, columns.manifests) == rows(storage, lines.manifests) != []


def test_a_transcript_that_is_late_makes_the_file_partial_until_it_is_there() -> None:
    with Academy.open(start=END, transcript_after=7200.0) as academy:
        fill(academy.sandbox, END - timedelta(hours=2), END - timedelta(hours=1), 30)
        truth = speak(academy.sandbox)
        since, until = END - timedelta(days=1), END
        home = {key for key in truth if key in ended_before(academy, until)}
        storage = MemoryStorage()
        academy.wait(700)
        early = run(academy, storage, since, until)
        assert early.counts["pending"] > 0
        assert "transcripts are not there yet" in early.partial[0]
        academy.wait(86_400)  # until then no room's settings prove that none is coming
        late = run(academy, storage, since, until)
        assert (late.kept, late.partial, late.counts["pending"]) == (0, [], 0)
        assert set(of_rows(rows(storage, late.manifests))) <= home
        assert late.counts["transcripts"] == len(home) > 0


def ended_before(academy: Academy, moment: datetime) -> set[str]:
    return {
        one.uuid for one in academy.sandbox.lessonspace._store.sessions if one.ended_at and one.ended_at < moment
    }


def test_words_are_asked_for_again_where_other_sessions_are_listed_though_as_many() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, END - timedelta(hours=3), 40)
        truth = speak(academy.sandbox)
        store = academy.sandbox.lessonspace._store
        day = (END - timedelta(days=1), END)
        inside = [one for one in store.sessions if one.ended_at and day[0] <= one.ended_at < day[1]]
        late, gone = [one for one in inside if truth.get(one.uuid)][:2]
        end, late.ended_at = late.ended_at, None
        storage = MemoryStorage()
        first = run(academy, storage)
        assert run(academy, storage, recheck=True).kept == 2
        late.ended_at = end
        store.sessions.remove(gone)
        again = run(academy, storage, recheck=True)
        assert again.counts["listed"] == first.counts["listed"]
        heard = set(of_rows(rows(storage, again.manifests)))
        assert late.uuid in heard
        assert gone.uuid not in heard
        exported = export(
            academy.platform, ExportPlan(storage, "school"), cut(BEGIN, END, Period.DAY), say=lambda _: None
        )
        assert list(disagreements(storage, again.manifests, exported.manifests)) == []


def test_a_transcript_that_never_comes_is_failed_where_its_room_is_transcribed_and_never_where_not() -> None:
    with Academy.open(start=END + timedelta(days=3), transcript_after=10**9) as academy:
        fill(academy.sandbox, BEGIN, END - timedelta(hours=3), 30)
        store = academy.sandbox.lessonspace._store
        eligible = set(speak(academy.sandbox)) & ended_before(academy, END)
        result = run(academy, MemoryStorage())
        assert (result.counts["failed"], result.counts["pending"]) == (len(eligible), 0)
        assert "should be there and are not" in " ".join(result.partial)
        for space in store.spaces.values():
            space.transcribe = False
        result = run(academy, MemoryStorage())
        assert (result.counts["failed"], result.partial) == (0, [])


def test_speakers_have_the_name_and_id_of_their_launch() -> None:
    with Academy.open() as academy:
        launched = academy.launch(plan(transcribe=True, lead=7200))
        uuid = academy.hold(launched.ref)
        for one in academy.sandbox.lessonspace._store.by_uuid[uuid].connections:
            one.name = {"Bo Student": "nickname"}.get(one.name, one.name)
        academy.go_to(BEGIN.replace(month=9, day=4))
        day = datetime(2026, 9, 1, tzinfo=UTC)
        people = {one.user_id: one.participant for one in launched.links or ()}
        storage = MemoryStorage()
        listed = run(academy, storage, day, day + timedelta(days=1))
        told = rows(storage, listed.manifests)
        assert {(one["participant_id"], one["speaker"]) for one in told} == {
            ("t-1", "Ada Teacher"),
            ("s-1", "nickname"),
        }
        given = run(academy, storage, day, day + timedelta(days=1), launches={launched.ref.key: people})
        assert given.kept == 0
        told = rows(storage, given.manifests)
        names = {one["participant_id"]: one["speaker"] for one in told}
        assert names == {"t-1": "Ada Teacher", "s-1": "Bo Student"}
        assert {one["launch_key"] for one in told} == {launched.ref.key}
        assert all(one["spoken_at"].startswith("2026-09-01T08:") for one in told)


def held(academy: Academy) -> SessionRecord:
    """Let a class be held under nicknames; return its launch's record."""
    launched = academy.launch(plan(transcribe=True, lead=7200))
    uuid = academy.hold(launched.ref)
    for one in academy.sandbox.lessonspace._store.by_uuid[uuid].connections:
        one.name = f"nickname of {one.name}"
    return SessionRecord.of(launched, plan(transcribe=True, lead=7200), FernetCipher())


def bring_table(academy: Academy, storage: MemoryStorage, record: SessionRecord) -> None:
    """Bring home a class's attendance, as its own task does."""
    zone = ZoneInfo("Pacific/Kiritimati")  # its days are others than the export's
    folder = session_folder(title=record.title, key=record.ref.key, planned_start=record.start, zone=zone)
    writer = Writer(storage, folder, kind="attendance", session_key=record.ref.key)
    bring_attendance(academy.platform, record, writer, late_after=300, zone=zone)


def days_later(academy: Academy) -> None:
    academy.go_to(DAY + timedelta(days=3))
    for person in academy.sandbox.lessonspace._store.people.values():
        person.member = False  # so the organisation's list knows nobody


def speakers(storage: MemoryStorage, result: ExportResult) -> set[tuple[str, str]]:
    return {(one["participant_id"], one["speaker"]) for one in rows(storage, result.manifests)}


def test_speakers_whom_no_launch_is_given_for_are_known_from_the_attendance_table_of_their_class() -> None:
    with Academy.open() as academy:
        storage = MemoryStorage()
        record = held(academy)
        bring_table(academy, storage, record)
        days_later(academy)
        told = run(academy, storage, DAY, DAY + timedelta(days=1))
        assert speakers(storage, told) == {("t-1", "Ada Teacher"), ("s-1", "Bo Student")}
        other = MemoryStorage()
        unknown = run(academy, other, DAY, DAY + timedelta(days=1))
        assert speakers(other, unknown) == {("", "nickname of Ada Teacher"), ("", "nickname of Bo Student")}


def test_a_launch_that_is_given_wins_over_the_table_and_one_that_told_no_ids_does_not() -> None:
    with Academy.open() as academy:
        storage = MemoryStorage()
        record = held(academy)
        bring_table(academy, storage, record)
        days_later(academy)
        ids = record.participants_by_user_id()
        given = {record.ref.key: {one: Participant(f"own-{own}", "") for one, own in ids.items()}}
        told = run(academy, storage, DAY, DAY + timedelta(days=1), launches=given)
        assert {one for one, _ in speakers(storage, told)} == {"own-t-1", "own-s-1"}
        told = run(academy, storage, DAY, DAY + timedelta(days=1), launches={record.ref.key: {}}, overwrite=True)
        assert {one for one, _ in speakers(storage, told)} == {"t-1", "s-1"}


def test_a_table_that_comes_home_later_is_taken_in_by_another_look_and_one_that_goes_takes_no_name_away() -> None:
    with Academy.open() as academy:
        storage = MemoryStorage()
        record = held(academy)
        later = MemoryStorage()
        bring_table(academy, later, record)
        days_later(academy)
        time = (DAY, DAY + timedelta(days=1))
        early = run(academy, storage, *time)
        assert {one for one, _ in speakers(storage, early)} == {""}
        assert run(academy, storage, *time, recheck=True).kept == 1  # nobody is known better by now
        storage.files |= later.files
        assert run(academy, storage, *time).kept == 1
        looked = run(academy, storage, *time, recheck=True)
        assert (looked.kept, speakers(storage, looked)) == (0, {("t-1", "Ada Teacher"), ("s-1", "Bo Student")})
        before = digests(storage, looked.manifests)
        for name in later.files:
            storage.delete(name)
        again = run(academy, storage, *time, recheck=True)
        assert (again.kept, digests(storage, again.manifests)) == (1, before)


def test_a_table_that_is_harmed_or_of_another_class_names_nobody() -> None:
    with Academy.open() as academy:
        storage = MemoryStorage()
        record = held(academy)
        bring_table(academy, storage, record)
        days_later(academy)
        (name,) = [one for one in storage.files if one.endswith("attendance.json")]
        (manifest,) = [one for one in storage.files if one.endswith(".manifest.json")]
        whole = dict(storage.files)
        storage.files[name] = whole[name].replace(b"Ada Teacher", b"Eve Teacher")
        harmed = run(academy, storage, DAY, DAY + timedelta(days=1))
        assert {one for one, _ in speakers(storage, harmed)} == {""}
        other = record.ref.key[:8] + "0" * (len(record.ref.key) - 8)
        storage.files |= whole
        storage.files[manifest] = whole[manifest].replace(record.ref.key.encode(), other.encode())
        strange = run(academy, storage, DAY, DAY + timedelta(days=1), overwrite=True)
        assert {one for one, _ in speakers(storage, strange)} == {""}


def test_somebody_nobody_knows_keeps_the_name_of_the_transcript() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=1), 20)
        speak(academy.sandbox)
        for person in academy.sandbox.lessonspace._store.people.values():
            person.member = False
        storage = MemoryStorage()
        told = rows(storage, run(academy, storage).manifests)
        assert {one["participant_id"] for one in told} == {""}
        assert all(one["speaker"].startswith("Name of") for one in told)


def test_a_storage_that_stays_away_fails_the_export_and_leaves_no_file_of_that_day() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=1), 10)
        speak(academy.sandbox)
        academy.sandbox.faults.add("truncate", path="transcripts/.*json$")
        storage = MemoryStorage()
        with pytest.raises(Unavailable):
            run(academy, storage)
        assert storage.files == {}


def test_words_agree_with_the_exported_sessions_and_a_stranger_among_them_is_told() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, END - timedelta(hours=3), 40)
        speak(academy.sandbox)
        storage = MemoryStorage()
        spoken = run(academy, storage)
        what = ExportPlan(storage, "school")
        sessions = export(academy.platform, what, cut(BEGIN, END, Period.DAY), say=lambda _: None)
        assert list(disagreements(storage, spoken.manifests, sessions.manifests)) == []
        (told, *_) = disagreements(storage, spoken.manifests, sessions.manifests[1:])
        assert "no sessions are home of its time" in told


def test_no_signed_address_is_in_the_rows_or_manifests() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=1), 10)
        speak(academy.sandbox)
        storage = MemoryStorage()
        result = run(academy, storage)
        everything = json.dumps([content.decode() for content in storage.files.values()])
        assert manifests(storage, result.manifests)
        assert "Amz" not in everything
        assert "transcriptUrl" not in everything


def test_a_person_stands_for_a_user_id_of_their_own_launch_only() -> None:
    with Academy.open(start=END + timedelta(days=2)) as academy:
        fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=1), 10)
        truth = speak(academy.sandbox)
        ids = {one["speaker_id"] for segments in truth.values() for one in segments}
        wrong = {"another key": {one: Participant("wrong", "Wrong") for one in ids}}
        storage = MemoryStorage()
        told = rows(storage, run(academy, storage, launches=wrong).manifests)
        assert told
        assert "wrong" not in {one["participant_id"] for one in told}
