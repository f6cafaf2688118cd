"""A class's files: every session covered, whole or saying why not, the same bytes again."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr  # noqa: TID253 - not at DAG parse

from airflow_provider.live_sessions.artifacts.manifest import Completeness
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.core.contract import ArtifactRules
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.platforms.lessonspace.bringing_home import (
    bring_attendance,
    bring_recordings,
    bring_transcripts,
)
from tests.artifacts.memory import MemoryStorage
from tests.core.cipher import FernetCipher
from tests.platforms.lessonspace.academy import CLASS, Academy, plan

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.models import Launched

END = CLASS + timedelta(hours=1)
RULES = ArtifactRules()


def record_of(launched: Launched, **options: Any) -> SessionRecord:
    return SessionRecord.of(launched, plan(**options), FernetCipher())


def writer(storage: MemoryStorage, record: SessionRecord, kind: str) -> Writer:
    return Writer(storage, "class", kind=kind, session_key=record.ref.key)


def held(academy: Academy, *, pause: bool = False) -> SessionRecord:
    """Hold a class of an hour with two people, with a break of five minutes or without."""
    launched = academy.launch(plan(transcribe=True))
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1", "s-1")
    if pause:
        academy.go_to(CLASS + timedelta(minutes=20))
        academy.leave(launched.ref, "t-1", "s-1")
        academy.wait(300)
        academy.join(launched.ref, "t-1", "s-1")
    academy.go_to(END)
    academy.leave(launched.ref, "t-1", "s-1")
    academy.wait(60)
    return record_of(launched, transcribe=True)


def test_every_session_of_a_class_with_a_break_comes_home(academy: Academy) -> None:
    record, storage = held(academy, pause=True), MemoryStorage()
    academy.wait(3600)
    home = bring_transcripts(academy.platform, record, writer(storage, record, "transcript"), RULES)
    assert [entry.name.rpartition("/")[2] for entry in home.manifest.files] == [
        f"transcript-0{number}.{ending}" for number in (1, 2) for ending in ("json", "txt", "vtt")
    ]
    assert home.manifest.status is Completeness.COMPLETE
    assert home.manifest.verify(storage) == []
    assert len(home.manifest.session_ids) == 2


def test_bringing_home_again_gives_the_same_bytes(academy: Academy) -> None:
    record, storage = held(academy), MemoryStorage()
    academy.wait(3600)

    def all_files() -> dict[str, bytes]:
        bring_transcripts(academy.platform, record, writer(storage, record, "transcript"), RULES)
        bring_recordings(academy.platform, record, writer(storage, record, "recording"), RULES)
        bring_attendance(academy.platform, record, writer(storage, record, "attendance"), late_after=300, zone=UTC)
        return {name: storage.get(name) for name in storage.list()}

    assert all_files() == all_files()


def test_a_transcript_that_is_not_ready_writes_nothing_and_asks_for_a_retry(academy: Academy) -> None:
    record, storage = held(academy), MemoryStorage()
    with pytest.raises(Unavailable, match="not ready"):
        bring_transcripts(academy.platform, record, writer(storage, record, "transcript"), RULES)
    assert storage.list() == ()


def test_a_transcript_that_never_came_is_missing_and_what_was_there_is_home(academy: Academy) -> None:
    record, storage = held(academy, pause=True), MemoryStorage()
    academy.wait(3600)
    second = academy.platform.session_ids(record.ref)[1]
    academy.sandbox.faults.add("status", path=f"{second}/transcript/$", status=404, body='{"detail": "no"}')
    impatient = ArtifactRules(give_up_after=1.0)
    home = bring_transcripts(academy.platform, record, writer(storage, record, "transcript"), impatient)
    assert "deadline has passed" in home.missing
    assert home.manifest.status is Completeness.PARTIAL
    assert len(home.manifest.files) == 3


def test_a_class_that_nobody_came_to_has_no_transcript_and_that_is_no_error(academy: Academy) -> None:
    record, storage = record_of(academy.launch(plan(transcribe=True)), transcribe=True), MemoryStorage()
    home = bring_transcripts(academy.platform, record, writer(storage, record, "transcript"), RULES)
    assert (home.manifest.status, home.manifest.why, home.missing) == (
        Completeness.NONE,
        "The class had no session.",
        "",
    )


def test_a_session_without_transcribe_says_why_there_is_none(academy: Academy) -> None:
    launched = academy.launch(plan())
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1", "s-1")
    academy.go_to(END)
    academy.leave(launched.ref, "t-1", "s-1")
    academy.wait(60)
    record, storage = record_of(launched), MemoryStorage()
    home = bring_transcripts(academy.platform, record, writer(storage, record, "transcript"), RULES)
    assert home.manifest.why == "it was launched without transcribe."


def test_a_recording_is_a_manifest_and_its_link_is_in_no_file(academy: Academy) -> None:
    record, storage = held(academy), MemoryStorage()
    academy.wait(3600)
    home = bring_recordings(academy.platform, record, writer(storage, record, "recording"), RULES)
    ((session_id, link),) = home.links.items()
    assert isinstance(link, SecretStr)
    written = b"".join(storage.get(name) for name in storage.list())
    assert link.get_secret_value().encode() not in written
    (told,) = home.manifest.extra["sessions"]
    assert told["session_id"] == session_id
    assert told["playback_url"].endswith(f"/sessions/{session_id}/playback/")


def test_a_recording_that_is_being_prepared_asks_for_a_retry(academy: Academy) -> None:
    record, storage = held(academy), MemoryStorage()
    academy.sandbox.faults.add("status", path="/playback/$", status=404, body='{"detail": "no"}')
    with pytest.raises(Unavailable, match="being prepared"):
        bring_recordings(academy.platform, record, writer(storage, record, "recording"), RULES)


def test_the_attendance_names_who_came_and_who_did_not(academy: Academy) -> None:
    launched = academy.launch(plan())
    academy.go_to(CLASS + timedelta(minutes=10))
    academy.join(launched.ref, "t-1")
    academy.go_to(END)
    academy.leave(launched.ref, "t-1")
    academy.wait(60)
    record, storage = record_of(launched), MemoryStorage()
    home = bring_attendance(
        academy.platform, record, writer(storage, record, "attendance"), late_after=300, zone=UTC
    )
    rows = list(csv.DictReader(io.StringIO(storage.get("class/attendance.csv").decode())))
    assert {row["participant_id"]: row["status"] for row in rows} == {"t-1": "late", "s-1": "absent"}
    assert home.manifest.extra["counts"] == {
        "rows": 2,
        "expected": 2,
        "unexpected": 0,
        "present": 0,
        "late": 1,
        "absent": 1,
        "unknown": 0,
    }
    assert json.loads(storage.get("class/attendance.json"))[0]["seconds_present"] == 3000


def test_the_attendance_of_a_class_that_still_goes_on_is_partial(academy: Academy) -> None:
    launched = academy.launch(plan())
    academy.go_to(CLASS)
    academy.join(launched.ref, "t-1", "s-1")
    record, storage = record_of(launched), MemoryStorage()
    home = bring_attendance(
        academy.platform, record, writer(storage, record, "attendance"), late_after=300, zone=UTC
    )
    assert (home.manifest.status, home.manifest.why) == (Completeness.PARTIAL, "The class was still going on.")


def test_a_class_found_again_when_it_was_over_still_knows_who_is_who(academy: Academy) -> None:
    """A cleared run adopts the class without links, and so without user ids."""
    record, storage = held(academy), MemoryStorage()
    bring_attendance(academy.platform, record, writer(storage, record, "attendance"), late_after=300, zone=UTC)
    before = storage.get("class/attendance.csv")
    cleared = replace(record, links=None)
    bring_attendance(academy.platform, cleared, writer(storage, cleared, "attendance"), late_after=300, zone=UTC)
    assert storage.get("class/attendance.csv") == before


def test_people_who_cannot_be_told_apart_make_the_attendance_partial(academy: Academy) -> None:
    record, storage = replace(held(academy), links=None), MemoryStorage()
    academy.sandbox.faults.add("status", path="/users/$", status=200, body="[]")
    home = bring_attendance(
        academy.platform, record, writer(storage, record, "attendance"), late_after=300, zone=UTC
    )
    assert home.manifest.status is Completeness.PARTIAL
    assert "not known" in home.manifest.why
