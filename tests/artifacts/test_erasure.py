"""One person leaves the exports: every row is without them, every manifest is true, no run brings them back."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.export_checks import Findings, problems
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, rows_of
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.person import Person
from airflow_provider.live_sessions.artifacts.person_rows import without
from airflow_provider.live_sessions.artifacts.retention import OnePerson, Period, carry_out, survey
from airflow_provider.live_sessions.artifacts.retention_record import Retired, retire
from airflow_provider.live_sessions.artifacts.row_shapes import CLASSES, SEGMENTS, SESSIONS
from airflow_provider.live_sessions.core.errors import Transient
from tests.artifacts.exported import AT, BO, CEM, Rows, bring, school_class, segment, session, sources
from tests.artifacts.memory import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from airflow_provider.live_sessions.core.storage import Storage

NOW = datetime(2026, 10, 1, tzinfo=UTC)
PERSON = Person(BO)
FORMATS = st.sampled_from(FileFormat)


def forget(storage: Storage, *who: str) -> Retired:
    return retire(storage, OnePerson(Person(who or BO), NOW), key="k")


def manifest_at(storage: Storage, name: str) -> Manifest:
    return Manifest.from_bytes(storage.get(name))


def everything(storage: Storage, names: Iterable[str]) -> list[dict[str, Any]]:
    return [row for name in names for row in rows_of(storage, manifest_at(storage, name))]


def test_a_person_of_a_number_and_a_short_name_leaves_the_lines_of_an_export() -> None:
    storage = MemoryStorage()
    (source, *_) = sources(SESSIONS)
    names = bring(storage, source).manifests
    retired = forget(storage)
    assert (retired.counts["rewritten"], retired.counts["left"], retired.reasons) == (1, 0, ())
    content = storage.get(manifest_at(storage, names[0]).files[0].name)
    assert b"4711" not in content
    assert b'"Bo"' not in content
    assert content.count(b'"Cem Demir"') == 3
    # Two people, two lines of a log each, a title and a tag.
    assert retired.counts["rows"] == 2 + 4 + 2


@pytest.mark.parametrize("file_format", FileFormat)
@pytest.mark.parametrize("shape", [SESSIONS, SEGMENTS, CLASSES], ids=lambda one: one.name)
def test_an_export_without_a_person_stands_every_check(file_format: FileFormat, shape: Any) -> None:
    storage = MemoryStorage()
    (source,) = sources(shape)
    names = bring(storage, source, file_format).manifests
    before = everything(storage, names)
    assert problems(storage, names) == Findings()
    retired = forget(storage)
    assert (retired.counts["rewritten"], retired.counts["left"]) == (1, 0)
    assert problems(storage, names) == Findings()
    after = manifest_at(storage, names[0])
    assert after.status is Completeness.COMPLETE
    assert after.extra["taken_out"] == retired.counts["rows"] > 0
    told = json.dumps(everything(storage, names))
    assert '"4711' not in told
    assert '"Bo"' not in told
    untouched = [row for row in before if "s-0002" in json.dumps(row) or "c-0002" in json.dumps(row)]
    assert untouched
    assert [row for row in everything(storage, names) if row in before] == (
        untouched if shape is not SEGMENTS else before[2:]
    )


def test_what_was_said_goes_with_its_whole_session_as_a_transcript_does() -> None:
    storage = MemoryStorage()
    (source,) = sources(SEGMENTS)
    (name,) = bring(storage, source).manifests
    forget(storage)
    assert [(row["session_id"], row["text"]) for row in everything(storage, [name])] == [
        ("s-0002", "nobody answers me"),
        ("s-0003", "good morning"),
    ]
    assert manifest_at(storage, name).files[0].counts == {"segments": 2, "words": 5}


def test_a_class_is_counted_anew_without_the_person() -> None:
    row = school_class(1, CEM, BO, ("4713", "Ada")).to_json()
    kept, taken = without(row, CLASSES, PERSON)
    assert taken == 1
    assert [kept[one] for one in ("expected", "present", "late", "absent", "words")] == [2, 1, 1, 0, 2]
    assert row["expected"] == 3


def test_the_log_loses_the_lines_of_whoever_is_given_by_name_alone() -> None:
    row = session(1, BO, CEM).to_json()
    kept, taken = without(row, SESSIONS, Person(("Bo",)))
    assert {one["person_id"] for one in kept["logs"]} == {"4712"}
    assert taken == 3


def test_an_id_is_met_as_a_whole_and_not_within_another() -> None:
    near = [("47110", "Bob"), ("471", "B o"), ("0-4711", "Bo Derek"), ("4711a", "BO2")]
    row = session(1, *near, room_size=4711, note="4711 of them").to_json()
    assert without(row, SESSIONS, PERSON) == (row, 0)
    assert without(session(1, ("u;4711", "?")).to_json(), SESSIONS, PERSON)[1] == 3


names_of_people = st.sampled_from([BO, CEM, ("", "Bo"), ("4711", ""), ("4713", "Ada Bo"), ("471", "B")])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(names_of_people, max_size=4), max_size=5), FORMATS)
def test_whoever_was_there_the_others_stay_and_a_second_time_finds_nobody(
    classes: list[list[tuple[str, str]]], file_format: FileFormat
) -> None:
    storage = MemoryStorage()
    source = Rows(SESSIONS, [session(number, *people) for number, people in enumerate(classes)])
    names = bring(storage, source, file_format).manifests
    forget(storage)
    for row, people in zip(everything(storage, names), classes, strict=True):
        there = [(one["person_id"], one["name"]) for one in row["participants"]]
        assert there == [one for one in people if one[0] != "4711" and one[1] != "Bo"]
        assert {one["person_id"] for one in row["logs"]} <= {who for who, _ in there} | {""}
    assert problems(storage, names) == Findings()
    before = dict(storage.files)
    assert survey(storage, OnePerson(PERSON, NOW)) == []
    assert storage.files == before


# ---- again, cut off, harmed


@pytest.mark.parametrize("lacks", [(), ("A price is not told yet.",)], ids=["complete", "partial"])
def test_a_repeat_of_the_export_does_not_bring_the_person_back_in_silence(lacks: tuple[str, ...]) -> None:
    storage = MemoryStorage()
    said: list[str] = []
    (source,) = sources(SESSIONS)
    source.lacks = lacks
    bring(storage, source)
    forget(storage)
    before = dict(storage.files)
    again = bring(storage, source, say=said.append)
    assert (again.kept, source.times, storage.files) == (1, 1, before)
    assert "somebody was taken out of it" in said[-1]
    source.changed = True  # a late end: the hour is read anew, and they would be back
    assert (bring(storage, source, recheck=True).kept, source.times, storage.files) == (1, 1, before)
    bring(storage, source, overwrite=True, say=said.append)
    assert source.times == 2
    assert "take them out again" in said[-2]


class Failing(MemoryStorage):
    """Breaks at one of its changes, as a killed worker does."""

    until_broken = 10_000

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        content = b"".join(chunks)
        self._count()
        return super().put(name, [content])

    def delete(self, name: str) -> None:
        self._count()
        super().delete(name)

    def _count(self) -> None:
        self.until_broken -= 1
        if self.until_broken < 0:
            raise OSError("cut off")


@pytest.mark.parametrize("broken", range(14))
@pytest.mark.parametrize("file_format", FileFormat)
def test_a_run_that_was_cut_off_at_any_change_is_finished_by_its_retry(
    broken: int, file_format: FileFormat
) -> None:
    storage = Failing()
    for source in sources():
        bring(storage, source, file_format)
    storage.until_broken = broken
    try:
        forget(storage)
    except OSError:
        storage.until_broken = 10_000
        forget(storage)
    assert survey(storage, OnePerson(PERSON, NOW)) == []
    for name in storage.list():
        if name.endswith(".manifest.json"):
            assert problems(storage, [name]) == Findings()
    if file_format is FileFormat.JSONL:
        assert not [name for name in storage.list() if b"4711" in storage.get(name)]


def test_a_file_that_a_crash_left_without_a_manifest_goes_with_its_day_and_loses_the_person_before() -> None:
    storage = MemoryStorage()
    (source,) = sources(SESSIONS)
    (name,) = bring(storage, source).manifests
    (entry,) = manifest_at(storage, name).files
    storage.delete(name)
    assert forget(storage).counts["rewritten"] == 1
    assert b"4711" not in storage.get(entry.name)
    retire(storage, Period(NOW), key="p")
    assert not storage.exists(entry.name)


def test_a_file_that_an_export_wrote_anew_meanwhile_is_not_written_over() -> None:
    storage = MemoryStorage()
    (source,) = sources(SESSIONS)
    bring(storage, source)
    groups = survey(storage, OnePerson(PERSON, NOW))
    source.given = [session(9, BO)]
    bring(storage, source, overwrite=True)
    before = dict(storage.files)
    with pytest.raises(Transient, match="written anew"):
        carry_out(storage, groups)
    assert storage.files == before


@pytest.mark.parametrize("harm", ["changed", "torn", "older", "place"])
@pytest.mark.parametrize("file_format", FileFormat)
def test_what_cannot_be_cleaned_is_told_and_stays_as_it_is(harm: str, file_format: FileFormat) -> None:
    storage = MemoryStorage()
    (source,) = sources(SESSIONS)
    (name,) = bring(storage, source, file_format).manifests
    manifest = manifest_at(storage, name)
    (entry,) = manifest.files
    who: tuple[str, ...] = ()
    if harm == "changed":
        other = MemoryStorage()
        bring(other, Rows(SESSIONS, [session(1, CEM)]), file_format)
        storage.put(entry.name, [other.get(entry.name)])
    elif harm == "torn":
        storage.put(entry.name, [storage.get(entry.name)[:-20]])
    elif harm == "older":
        storage.put(name, [replace(manifest, extra={**manifest.extra, "schema": 0}).to_bytes()])
    else:
        who = ("school",)
    before = {one: storage.get(one) for one in storage.list()}
    retired = forget(storage, *who)
    assert (retired.counts["left"], retired.counts["rewritten"]) == (1, 0)
    assert retired.reasons
    assert {one: storage.get(one) for one in before} == before


def test_a_word_in_the_standing_parts_of_a_manifest_deletes_no_export() -> None:
    storage = MemoryStorage()
    (source,) = sources(SESSIONS)
    bring(storage, source)
    assert forget(storage, "listed").counts == {"deleted": 0, "rewritten": 0, "left": 0, "rows": 0, "bytes": 0}


def test_a_text_that_cannot_be_searched_for_a_number_is_told() -> None:
    storage = MemoryStorage()
    folder = "2026-09-01/0900-algebra-1f0c88d2"
    storage.put(f"{folder}/chat.txt", [b"Cem: did Bo come?"])
    assert forget(storage).counts["left"] == 1
    assert forget(storage, "Bo Student").counts["left"] == 0


def test_a_long_file_is_never_held_whole(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    rows = [session(number, BO, CEM, notes="x" * 40_000) for number in range(500)]
    (name,) = bring(storage, Rows(SESSIONS, rows)).manifests
    tracemalloc.start()
    forget(storage)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problems(storage, [name]) == Findings()
    assert held < manifest_at(storage, name).files[0].bytes / 2


def test_the_record_of_an_erased_export_names_nobody() -> None:
    storage = MemoryStorage()
    for source in sources():
        bring(storage, source)
    told = storage.get(forget(storage).name).decode()
    assert "4711" not in told
    assert '"Bo"' not in told
    assert AT.strftime("date=%Y-%m-%d/hour=%H") in told


def test_a_segment_that_names_the_person_by_word_takes_its_session_along() -> None:
    storage = MemoryStorage()
    source = Rows(SEGMENTS, [segment(1, 0, CEM, "well done, Bo Student!"), segment(2, 0, CEM, "Bo what?")])
    (name,) = bring(storage, source).manifests
    forget(storage, "Bo Student")
    assert [row["session_id"] for row in everything(storage, [name])] == ["s-0002"]
