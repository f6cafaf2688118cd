"""Coviu's recordings: found by session, streamed in ranges, verified, and not fetched twice."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.manifest import Completeness
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.errors import NotFound, Refused, Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.platforms.coviu.filters import SubmissionFilters
from airflow_provider.live_sessions.platforms.coviu.recordings import bring_recordings
from tests.artifacts.memory import MemoryStorage
from tests.core.cipher import FernetCipher
from tests.platforms.coviu.clinic import Clinic, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

LENGTH = 300_000


def held(clinic: Clinic) -> SessionRecord:
    the_plan = plan()
    launched = clinic.launch(the_plan)
    clinic.hold(launched.ref)
    return SessionRecord.of(launched, the_plan, FernetCipher())


def bring(clinic: Clinic, record: SessionRecord, storage: MemoryStorage, **more: Any) -> Manifest:
    writer = Writer(storage, "2026-09-01/0900-consultation-1", kind="recording", session_key=record.ref.key)
    return bring_recordings(clinic.platform, record, writer, **more)


def files_asked(clinic: Clinic) -> list[str]:
    return [one.header("range") for one in clinic.tap.requests if "/file/" in one.path]


def test_a_recording_comes_home_by_its_session_whole_and_verified() -> None:
    with Clinic.open(file_digest=True) as clinic:
        record = held(clinic)
        kept = clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        other = clinic.launch(plan("Another", start=clinic.sandbox.clock.now() + timedelta(hours=1)))
        clinic.sandbox.coviu.record(other.ref.session_id, length=10)
        storage = MemoryStorage()
        manifest = bring(clinic, record, storage)
        (entry,) = manifest.files
        assert (manifest.status, entry.bytes, entry.sha256) == (Completeness.COMPLETE, LENGTH, kept["sha256"])
        assert (entry.name.rpartition("/")[2], entry.media_type) == ("recording-01.webm", "video/webm")
        assert manifest.extra["verified"] == {"recording-01.webm": ["length", "sha256"]}
        assert manifest.verify(storage) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_that_is_cut_in_the_middle_goes_on_where_it_stood(ranges: bool) -> None:
    with Clinic.open(file_ranges=ranges) as clinic:
        record = held(clinic)
        kept = clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        for cut in (100_000, 50_000 if ranges else 150_000):  # a whole file begins anew each time
            clinic.sandbox.faults.add("truncate", path="/file/", count=1, sent=cut)
        clinic.sandbox.faults.add("throttle", path="/file/", count=1, retry_after=0)
        manifest = bring(clinic, record, MemoryStorage())
        assert manifest.files[0].sha256 == kept["sha256"]
        asked = files_asked(clinic)
        assert asked == ["", "bytes=100000-", "bytes=150000-"]


def test_a_file_that_changed_while_it_came_is_refused_and_nothing_is_stored() -> None:
    with Clinic.open(file_ranges=False) as clinic:
        record = held(clinic)
        clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        (submission,) = clinic.sandbox.coviu._collections.submissions
        original = submission.files[0].body
        clinic.sandbox.faults.add("truncate", path="/file/", count=1, sent=100_000)
        storage = MemoryStorage()

        def change(request: Request, response: Response) -> Response:
            if "/file/" in request.path:
                submission.files[0].body = b"x" + original[1:]
            return response

        clinic.tap.answer = change
        with pytest.raises(Refused, match="changed while it came"):
            bring(clinic, record, storage)
        assert storage.files == {}


def test_a_listed_file_that_is_not_there_is_an_error_and_is_not_left_out() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        for _ in range(2):
            clinic.sandbox.coviu.record(record.ref.session_id, length=1000)
        gone = clinic.sandbox.coviu._collections.submissions[1].files[0].id
        clinic.sandbox.faults.add("status", status=404, path=f"/file/{gone}")
        with pytest.raises(NotFound):
            bring(clinic, record, MemoryStorage())


def test_a_file_of_another_length_than_is_told_is_not_stored() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        (submission,) = clinic.sandbox.coviu._collections.submissions
        submission.files[0].told = LENGTH + 1
        storage = MemoryStorage()
        with pytest.raises(Unavailable, match=f"{LENGTH} bytes came and {LENGTH + 1} are told"):
            bring(clinic, record, storage)
        assert storage.files == {}
        submission.files[0].told = LENGTH
        submission.files[0].metadata["sha256"] = "0" * 64
        with pytest.raises(Unavailable, match="sha256"):
            bring(clinic, record, storage)
        assert storage.files == {}


def test_what_is_home_and_unchanged_is_not_fetched_again_until_it_is_harmed() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        storage = MemoryStorage()
        manifest = bring(clinic, record, storage)
        assert bring(clinic, record, storage) == manifest
        assert len(files_asked(clinic)) == 1
        storage.files[manifest.files[0].name] = b"harmed"
        assert bring(clinic, record, storage) == manifest
        assert manifest.verify(storage) == []
        assert len(files_asked(clinic)) == 2


def test_an_audio_recording_is_one_too_and_a_form_is_none() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        audio = clinic.sandbox.coviu.record(record.ref.session_id, length=1000, audio=True)
        clinic.sandbox.coviu._collections.record(
            record.ref.session_id,
            clinic.sandbox.clock.now(),
            b"{}",
            collection="Forms",
            media_type="application/json",
        )
        manifest = bring(clinic, record, MemoryStorage())
        assert [one.sha256 for one in manifest.files] == [audio["sha256"]]
        assert manifest.files[0].media_type == "audio/webm"


def test_a_session_without_a_recording_says_so_or_is_asked_again_while_one_is_waited_for() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        with pytest.raises(Unavailable, match="no recording yet"):
            bring(clinic, record, MemoryStorage(), wait_for=86_400)
        manifest = bring(clinic, record, MemoryStorage())
        assert (manifest.status, manifest.files) == (Completeness.NONE, ())
        assert "collections" in manifest.why


def test_a_smaller_video_is_not_held_against_the_larger_one_s_length() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        manifest = bring(clinic, record, MemoryStorage(), quality="480p")
        assert manifest.files[0].bytes == LENGTH // 4


def test_a_collection_is_walked_to_its_end_whatever_a_page_holds() -> None:
    with Clinic.open(max_submissions=2) as clinic:
        record = held(clinic)
        made = [clinic.sandbox.coviu.record(record.ref.session_id, length=10 + one) for one in range(5)]
        (collection,) = clinic.client.collections(clinic.sandbox.coviu.team_id)
        listed = clinic.client.submissions(
            clinic.sandbox.coviu.team_id, collection.collection_id, SubmissionFilters(since=record.start)
        )
        assert {one.item_submission_id for one in listed} == {one["submission"] for one in made}
        manifest = bring(clinic, record, MemoryStorage())
        assert {one.sha256 for one in manifest.files} == {one["sha256"] for one in made}


def test_an_expired_token_is_renewed_in_the_middle_of_a_recording() -> None:
    with Clinic.open() as clinic:
        record = held(clinic)
        kept = clinic.sandbox.coviu.record(record.ref.session_id, length=LENGTH)
        clinic.sandbox.faults.add("truncate", path="/file/", count=1, sent=100_000)
        clinic.sandbox.faults.add("expired", path="/file/", nth=2)
        manifest = bring(clinic, record, MemoryStorage())
        assert manifest.files[0].sha256 == kept["sha256"]
        assert hashlib.sha256(kept["sha256"].encode()).hexdigest() not in str(manifest.to_json())
