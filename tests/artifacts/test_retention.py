"""What has to go goes, nothing else does, and a record says so without naming anybody."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.attendance import Attendance, AttendanceRow
from airflow_provider.live_sessions.artifacts.layout import session_folder
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.person import Person, mentions, scrub
from airflow_provider.live_sessions.artifacts.retention import OnePerson, Period, Scope, shown
from airflow_provider.live_sessions.artifacts.retention_record import Retired, retire
from airflow_provider.live_sessions.artifacts.tables import to_csv, to_json, write_attendance
from airflow_provider.live_sessions.artifacts.transcripts import Segment, write_part
from airflow_provider.live_sessions.artifacts.writer import Writer, manifest_name, read_manifest
from airflow_provider.live_sessions.core.errors import ConfigurationError
from tests.artifacts.memory import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from airflow_provider.live_sessions.core.storage import Storage

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
BO, CEM = "Bo Student", "Cem Demir"
PERSON = Person(("s-bo", BO))


def row(name: str, ident: str, note: str = "") -> AttendanceRow:
    return AttendanceRow(
        ident, f"u-{ident}", name, "student", True, None, None, 7, 1, None, Attendance.PRESENT, note=note
    )


ROWS = (row(BO, "s-bo"), row(CEM, "s-cem"), row("Ada", "t-ada"))


def folder_of(title: str, end: datetime) -> tuple[str, str]:
    key = hashlib.sha256(f"{title}{end}".encode()).hexdigest()[:32]
    start = end - timedelta(hours=1)
    return session_folder(title=title, key=key, planned_start=start, zone=ZoneInfo("UTC")), key


def bring(
    storage: Storage,
    end: datetime,
    *,
    title: str = "Algebra",
    rows: Sequence[AttendanceRow] = ROWS,
    said: Sequence[tuple[str, str]] = ((CEM, "x is three"),),
) -> str:
    """Bring home a class's transcript and attendance, and write down who was served."""
    folder, key = folder_of(title, end)
    for kind in ("attendance", "transcript"):
        writer = Writer(storage, folder, kind=kind, session_key=key)
        if kind == "attendance":
            write_attendance(writer, rows)
        else:
            segments = [Segment(n, n + 1, who, "", text) for n, (who, text) in enumerate(said)]
            raw = json.dumps([{"user": {"name": who}, "text": text} for who, text in said]).encode()
            write_part(writer, 1, raw=raw, segments=segments)
        writer.finish(
            Manifest(
                kind,
                "lessonspace",
                "space",
                key,
                Completeness.COMPLETE,
                title=title,
                planned_start=end - timedelta(hours=1),
                planned_end=end,
                extra={"counts": {"rows": len(rows)}},
            )
        )
    for one in rows:
        name = hashlib.sha256(one.participant_id.encode()).hexdigest()[:32]
        served = {
            "at": (end - timedelta(hours=2)).isoformat(),
            "by": "xcom",
            "email": "",
            "until": end.isoformat(),
        }
        storage.put(f"handed-over/{key}/{name}.json", [json.dumps(served).encode()])
    day = end.date().isoformat()
    storage.put(f"claims/tt/{day}/{key}.json", [json.dumps({"title": title, "key": key}).encode()])
    return folder


def whole(storage: Storage) -> None:
    """Every manifest is true."""
    for name in storage.list():
        if name.endswith(".manifest.json"):
            assert Manifest.from_bytes(storage.get(name)).verify(storage) == []


def of_person(storage: Storage) -> list[str]:
    return [
        name
        for name in storage.list()
        if not name.startswith("retention/") and mentions(storage.get(name), PERSON) is not False
    ]


def record(storage: Storage, retired: Retired) -> dict[str, object]:
    found: dict[str, object] = json.loads(storage.get(retired.name))
    return found


# ---- after a period


@given(st.lists(st.integers(-400, 0), max_size=6, unique=True), st.integers(1, 300))
def test_what_ended_before_the_period_goes_and_nothing_else(ages: list[int], keep: int) -> None:
    storage = MemoryStorage()
    storage.put("somebody/elses/report.csv", [b"a,b"])
    folders = {age: bring(storage, NOW + timedelta(days=age)) for age in ages}
    before = dict(storage.files)
    retired = retire(storage, Period(NOW - timedelta(days=keep)), key="k")
    for age, folder in folders.items():
        mine = {name: content for name, content in before.items() if name.startswith(folder)}
        there = {name: content for name, content in storage.files.items() if name.startswith(folder)}
        assert there == ({} if age < -keep else mine)
    assert storage.files["somebody/elses/report.csv"] == b"a,b"
    gone = set(before) - set(storage.files)
    assert retired.counts["deleted"] == len(gone)
    assert retired.counts["bytes"] == sum(len(before[name]) for name in gone)
    whole(storage)


def test_a_report_deletes_nothing_and_counts_what_would_go() -> None:
    storage = MemoryStorage()
    bring(storage, NOW - timedelta(days=90))
    before = dict(storage.files)
    told = retire(storage, Period(NOW), key="k", report_only=True)
    assert {name: storage.files[name] for name in before} == before
    assert told.counts == retire(storage, Period(NOW), key="k").counts
    assert not [name for name in storage.list() if not name.startswith("retention/")]


def test_each_kind_has_a_period_of_its_own() -> None:
    storage = MemoryStorage()
    folder = bring(storage, NOW - timedelta(days=90))
    retire(storage, Period(NOW), key="k", kinds=frozenset({"transcript"}))
    assert read_manifest(storage, folder, "transcript") is None
    assert read_manifest(storage, folder, "attendance") is not None
    assert storage.list("handed-over")
    assert not [name for name in storage.list(folder) if "transcript" in name]


def test_a_link_that_works_longer_is_not_forgotten_with_the_day_it_was_handed_over() -> None:
    storage = MemoryStorage()
    entry = {"at": "2026-01-01T00:00:00+00:00", "until": "2026-08-30T00:00:00+00:00"}
    storage.put(f"handed-over/key/{'0' * 32}.json", [json.dumps(entry).encode()])
    retire(storage, Period(datetime(2026, 8, 1, tzinfo=UTC)), key="k")
    assert storage.list("handed-over")
    retire(storage, Period(datetime(2026, 8, 31, tzinfo=UTC)), key="k")
    assert not storage.list("handed-over")


def test_files_without_a_manifest_go_by_the_day_of_their_folder() -> None:
    storage = MemoryStorage()
    for day in ("2026-07-01", "2026-08-31"):
        storage.put(f"{day}/0900-algebra-1f0c88d2/attendance.csv", [b"name"])
        storage.put(f"usage/2026-01-01T000000Z-{day}T000000Z/usage.csv", [b"share"])
    retire(storage, Period(NOW - timedelta(days=3)), key="k")
    assert [name for name in storage.list() if "2026-07-01" in name] == []
    assert len([name for name in storage.list() if "2026-08-31" in name]) == 2


def test_a_manifest_that_speaks_of_other_folders_files_deletes_none_of_them() -> None:
    storage = MemoryStorage()
    folder = bring(storage, NOW - timedelta(days=90))
    other = bring(storage, NOW, title="Biology")
    name = manifest_name(folder, "attendance")
    storage.put(name, [storage.get(name).replace(folder.encode(), other.encode())])
    before = dict(storage.files)
    retire(storage, Period(NOW - timedelta(days=30)), key="k")
    assert all(storage.files[one] == before[one] for one in before if one.startswith(other))


def test_no_empty_folder_keeps_a_title(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    folder = bring(storage, NOW - timedelta(days=90), title="Appointment of Bo Student")
    retire(storage, Period(NOW), key="k")
    assert not (tmp_path / folder).exists()


# ---- one person

people = st.lists(
    st.builds(
        row,
        st.sampled_from([BO, "bo  STUDENT", CEM, "Zoë", "=cmd", "Bo Students", "7", "Guest, 1\nx"]),
        st.sampled_from(["s-bo", "s-cem", "7", "x"]),
        st.sampled_from(["", "Left before the planned start.", "Sits beside Bo Student."]),
    ),
    max_size=6,
)


@given(people)
def test_a_table_loses_the_persons_rows_and_no_other_byte(rows: list[AttendanceRow]) -> None:
    def is_theirs(one: AttendanceRow) -> bool:
        named = " ".join(one.name.casefold().split()) == BO.casefold()
        return named or one.participant_id == "s-bo" or BO in one.note

    others = [one for one in rows if not is_theirs(one)]
    for name, write in (("a.csv", to_csv), ("a.json", to_json)):
        done = scrub(name, write(rows), PERSON)
        assert done is not None
        assert done.content == write(others)
        assert done.removed == len(rows) - len(others)


@given(st.binary(max_size=60), st.sampled_from(["a.csv", "a.json", "a.parquet", "a"]))
def test_a_file_that_is_no_table_is_never_rewritten(content: bytes, name: str) -> None:
    done = scrub(name, content, PERSON)
    assert done is None or done.content == content


def test_a_persons_rows_go_and_the_manifest_says_so_and_is_true() -> None:
    storage = MemoryStorage()
    folder = bring(storage, NOW - timedelta(days=5))
    retired = retire(storage, OnePerson(PERSON, NOW), key="k")
    manifest = read_manifest(storage, folder, "attendance")
    assert manifest is not None
    assert manifest.verify(storage) == []
    assert manifest.status is Completeness.PARTIAL
    assert {entry.counts["rows"] for entry in manifest.files} == {2}
    assert manifest.extra["counts"]["present"] == 2
    assert (retired.counts["rewritten"], retired.counts["rows"], retired.counts["deleted"]) == (2, 2, 1)
    assert of_person(storage) == []
    assert CEM.encode() in storage.get(f"{folder}/attendance.csv")


@pytest.mark.parametrize(
    "said", [((BO, "x is three"),), ((CEM, "well done, Bo Student!"),)], ids=["spoke", "named"]
)
def test_a_transcript_goes_whole_where_the_person_speaks_or_is_named(said: Sequence[tuple[str, str]]) -> None:
    storage = MemoryStorage()
    folder = bring(storage, NOW - timedelta(days=5), said=said)
    other = bring(storage, NOW - timedelta(days=6))
    retire(storage, OnePerson(PERSON, NOW), key="k")
    assert not [name for name in storage.list(folder) if "transcript" in name]
    assert read_manifest(storage, other, "transcript") is not None
    assert of_person(storage) == []


def test_a_session_whose_title_names_the_person_goes_whole() -> None:
    storage = MemoryStorage()
    folder = bring(storage, NOW - timedelta(days=5), title="Lesson of Bo Student")
    retire(storage, OnePerson(PERSON, NOW), key="k")
    assert storage.list(folder) == ()
    assert storage.list("claims") == ()


def test_a_claim_of_a_class_to_come_is_left_and_reported() -> None:
    storage = MemoryStorage()
    bring(storage, NOW + timedelta(days=5), title="Lesson of Bo Student")
    retired = retire(storage, OnePerson(PERSON, NOW), key="k")
    assert len(storage.list("claims")) == 1
    assert retired.counts["left"] == 1
    assert "still to come" in retired.reasons[0]


def test_a_file_that_cannot_be_read_for_names_is_left_and_reported() -> None:
    storage = MemoryStorage()
    writer = Writer(storage, "2026-08-01/0900-algebra-1f0c88d2", kind="sessions", session_key="1f0c")
    writer.add("rows.parquet", [b"PAR1\xff\xfe"], media_type="application/vnd.apache.parquet")
    writer.finish(Manifest("sessions", "p", "c", "1f0c", Completeness.COMPLETE))
    retired = retire(storage, OnePerson(PERSON, NOW), key="k")
    assert retired.counts["left"] == 1
    assert len(storage.list("2026-08-01")) == 2


@pytest.mark.parametrize("identifiers", [(), ("",), ("Bo", "  ")])
def test_a_blank_identifier_stands_for_nobody(identifiers: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        Person(identifiers)


def test_a_number_is_looked_for_only_where_it_says_whom_a_row_is_about() -> None:
    done = scrub("a.csv", to_csv(ROWS), Person(("7",)))  # everybody stayed 7 seconds
    assert done is not None
    assert done.removed == 0


# ---- cut off, repeated, written down


class Failing(MemoryStorage):
    """Breaks at one of its changes, as a killed worker does."""

    def __init__(self) -> None:
        super().__init__()
        self.until_broken = 10_000

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        self._count()
        return super().put(name, chunks)

    def delete(self, name: str) -> None:
        self._count()
        super().delete(name)

    def _count(self) -> None:
        self.until_broken -= 1
        if self.until_broken < 0:
            raise OSError("cut off")


@given(st.integers(0, 40), st.sampled_from([Period(NOW), OnePerson(PERSON, NOW)]))
def test_what_was_cut_off_is_finished_by_the_retry_and_its_record_is_whole(broken: int, scope: Scope) -> None:
    def filled() -> Failing:
        storage = Failing()
        bring(storage, NOW - timedelta(days=9), said=((BO, "x"),))
        bring(storage, NOW - timedelta(days=5))
        return storage

    whole_run, storage = filled(), filled()
    expected = retire(whole_run, scope, key="k")
    storage.until_broken = broken
    try:
        retire(storage, scope, key="k")
    except OSError:
        whole(storage)  # also in between no manifest describes what is not there
        storage.until_broken = 10_000
        done = retire(storage, scope, key="k")
        gone = {(one["name"], one["sha256"]) for one in json.loads(whole_run.get(expected.name))["files"]}
        assert gone <= {(one["name"], one["sha256"]) for one in json.loads(storage.get(done.name))["files"]}
    whole(storage)
    assert isinstance(scope, Period) or of_person(storage) == []
    assert not isinstance(scope, Period) or not [one for one in storage.list() if not one.startswith("retention/")]


def test_a_repeat_finds_nothing_more_and_keeps_the_record() -> None:
    storage = MemoryStorage()
    bring(storage, NOW - timedelta(days=9))
    first = retire(storage, OnePerson(PERSON, NOW), key="k")
    before = dict(storage.files)
    assert retire(storage, OnePerson(PERSON, NOW), key="k").counts == first.counts
    assert storage.files == before


@pytest.mark.parametrize("scope", [Period(NOW), OnePerson(PERSON, NOW)], ids=["period", "person"])
def test_the_record_names_nobody(scope: Scope) -> None:
    storage = MemoryStorage()
    folder = bring(storage, NOW - timedelta(days=9), title="Lesson of Bo Student")
    told = json.dumps(record(storage, retire(storage, scope, key="k"))).casefold()
    served = hashlib.sha256(b"s-bo").hexdigest()[:32]
    assert not [word for word in ("student", "cem", "s-bo", "lesson", served) if word in told]
    assert f"{shown(folder)}/attendance.csv" in told
