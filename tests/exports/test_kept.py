"""What is home and asked for again loses nothing that its platform has deleted meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.export_checks import Findings, problems
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import FileFormat
from airflow_provider.live_sessions.artifacts.export_home import session_of
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export, export_from
from airflow_provider.live_sessions.artifacts.export_sources import SegmentSource, SessionSource
from airflow_provider.live_sessions.artifacts.person import Person
from airflow_provider.live_sessions.artifacts.retention import OnePerson
from airflow_provider.live_sessions.artifacts.retention_record import retire
from airflow_provider.live_sessions.core.errors import Transient
from airflow_provider.live_sessions.core.session_rows import LogRow, PersonRow, SessionRow
from airflow_provider.live_sessions.core.status import Held
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import ended, fill, of_row
from tests.exports.reading import rows
from tests.exports.spoken_past import of_rows, speak
from tests.platforms.kit import altered
from tests.platforms.lessonspace.academy import START, Academy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_provider.live_sessions.core.storage import Storage

BEGIN, END = datetime(2026, 8, 28, tzinfo=UTC), datetime(2026, 8, 29, tzinfo=UTC)


@pytest.fixture
def academy() -> Iterator[Academy]:
    with Academy.open(start=START) as opened:
        yield opened


def run(academy: Academy, storage: Storage, **plan: Any) -> ExportResult:
    days = cut(BEGIN, END, Period.DAY)
    return export(academy.platform, ExportPlan(storage, "school", **plan), days, say=lambda _: None)


def spoken(academy: Academy, storage: Storage, **plan: Any) -> ExportResult:
    what = ExportPlan(storage, "school", prefix="transcripts", **plan)
    return export_from(SegmentSource(academy.platform), what, cut(BEGIN, END, Period.DAY), say=lambda _: None)


def write_an_end_late(academy: Academy) -> Any:
    """Take a session's end away; return what writes it down."""
    late = next(one for one in academy.sandbox.lessonspace._store.sessions if one.ended_at and one.ended_at < END)
    end, late.ended_at = late.ended_at, None

    def write() -> None:
        late.ended_at = end

    return write


@pytest.mark.parametrize("file_format", FileFormat)
def test_an_hour_that_is_asked_for_again_keeps_the_attendance_of_a_room_deleted_meanwhile(
    academy: Academy, file_format: FileFormat
) -> None:
    if file_format is FileFormat.PARQUET:
        pytest.importorskip("pyarrow")
    truth = ended(fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 20), BEGIN, END)
    write = write_an_end_late(academy)
    storage = MemoryStorage()
    first = run(academy, storage, file_format=file_format)
    home = {row["session_id"]: row for row in rows(storage, first.manifests)}
    assert len(home) == len(truth) - 1
    write()
    gone = next(iter(home.values()))
    academy.sandbox.faults.add("status", status=404, path=f"/spaces/{gone['room']}/sessions/$")
    again = run(academy, storage, file_format=file_format, recheck=True)
    found = rows(storage, again.manifests)
    assert {row["session_id"]: of_row(row) for row in found} == truth
    assert all(row["attendance_known"] for row in found)
    assert home[gone["session_id"]] in found
    assert again.kept == 0
    assert "Of 1 sessions more was home already" in again.partial[0]
    assert (again.passing, problems(storage, again.manifests).wrong) == ([], [])


def test_attendance_that_is_home_goes_where_it_is_no_longer_asked_for(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 10)
    storage = MemoryStorage()
    run(academy, storage)
    source = SessionSource(academy.platform, attendance=False)
    without = export_from(source, ExportPlan(storage, "school"), cut(BEGIN, END, Period.DAY), say=lambda _: None)
    assert not any(row["logs"] or row["attendance_known"] for row in rows(storage, without.manifests))


def test_a_session_that_is_deleted_whole_is_not_kept(academy: Academy) -> None:
    truth = ended(fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 10), BEGIN, END)
    storage = MemoryStorage()
    run(academy, storage)
    store = academy.sandbox.lessonspace._store
    gone = next(one for one in store.sessions if one.uuid in truth)
    store.sessions.remove(gone)
    found = rows(storage, run(academy, storage, recheck=True).manifests)
    assert {row["session_id"] for row in found} == set(truth) - {gone.uuid}


def test_a_file_that_is_partial_for_good_is_home_and_asked_for_no_more(academy: Academy) -> None:
    truth = fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 10)
    room = next(iter(truth.values()))["room"]
    academy.sandbox.faults.add("status", status=404, path=f"/spaces/{room}/sessions/$")
    storage = MemoryStorage()
    first = run(academy, storage)
    assert (len(first.partial), first.passing) == (1, [])
    before, asked = dict(storage.files), len(academy.log())
    assert run(academy, storage).kept == 1
    assert (storage.files, len(academy.log())) == (before, asked)
    assert run(academy, storage, recheck=True).kept == 1
    assert academy.log(path="/spaces/", since=asked) == []
    assert storage.files == before


class Overtaken(MemoryStorage):
    """A storage in which another run is done between a run's file and its manifest."""

    def __init__(self, other: Callable[[Storage], object]) -> None:
        super().__init__()
        self._other: list[Callable[[Storage], object]] = [other]

    def put(self, name: str, chunks: Iterable[bytes]) -> int:
        written = super().put(name, chunks)
        if self._other and name.endswith(".jsonl"):
            self._other.pop()(self)
        return written


def test_a_run_that_another_one_overtakes_describes_no_file_of_the_other(academy: Academy) -> None:
    truth = ended(fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 10), BEGIN, END)
    write = write_an_end_late(academy)

    def overtake(storage: Storage) -> None:
        write()
        run(academy, storage)

    storage = Overtaken(overtake)
    with pytest.raises(Transient, match="Another run wrote the same files"):
        run(academy, storage)
    retried = run(academy, storage)
    assert retried.kept == 1
    assert problems(storage, retried.manifests) == Findings()
    assert {row["session_id"]: of_row(row) for row in rows(storage, retried.manifests)} == truth


def test_a_file_that_another_run_is_writing_is_not_called_wrong(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 10)
    storage = MemoryStorage()
    done = run(academy, storage)
    (name,) = [one for one in storage.files if one.endswith(".jsonl")]
    storage.files[name] += b"{}"
    found = problems(storage, done.manifests)
    assert (found.wrong, found.lost) == ([], [])
    assert "bytes" in found.passing[0]


def test_words_that_are_home_outlive_their_transcript(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 20)
    truth = {key: one for key, one in speak(academy.sandbox).items() if one}
    store = academy.sandbox.lessonspace._store
    storage = MemoryStorage()
    first = spoken(academy, storage)
    assert of_rows(rows(storage, first.manifests)) == truth
    gone = next(one for one in store.sessions if one.uuid in truth)
    academy.sandbox.faults.add("status", status=404, path=f"/sessions/{gone.uuid}/transcript/$")
    again = spoken(academy, storage, overwrite=True)
    assert (again.kept, again.partial, again.counts) == (0, [], first.counts)
    assert academy.log(path=f"/sessions/{gone.uuid}/transcript/$")[-1].status == 404
    assert of_rows(rows(storage, again.manifests)) == truth
    assert problems(storage, again.manifests).wrong == []


def test_an_hour_that_somebody_was_taken_out_of_while_it_was_partial_does_not_fail_for_ever() -> None:
    with Academy.open(start=END + timedelta(hours=1)) as academy:
        truth = ended(fill(academy.sandbox, BEGIN, END - timedelta(hours=4), 10), BEGIN, END)
        academy.tap.answer = lambda request, response: (
            altered(response, lambda page: {**page, "count": 0, "results": []})
            if "/spaces/" in request.path
            else response
        )
        storage, said = MemoryStorage(), list[str]()
        first = run(academy, storage)
        assert first.passing
        name = next(iter(truth.values()))["participants"][0]["name"]
        assert retire(storage, OnePerson(Person((name,)), END), key="k").counts["rewritten"] == 1
        academy.tap.answer = lambda _, response: response
        store = academy.sandbox.lessonspace._store
        store.sessions.remove(next(one for one in store.sessions if one.uuid in truth))
        plan = ExportPlan(storage, "school", recheck=True)
        again = export(academy.platform, plan, cut(BEGIN, END, Period.DAY), say=said.append)
        assert (again.kept, again.passing) == (1, [])
        assert "somebody was taken out of it" in again.partial[0]
        assert "tells of other sessions than the file; it is kept all the same" in " ".join(said)
        found = problems(storage, again.manifests)
        assert (found.wrong, found.passing, len(found.lost)) == ([], [], 1)
        assert name not in json.dumps(rows(storage, again.manifests))


TEXT = st.text(max_size=5)
MOMENT = st.floats(1e9, 4e9).map(lambda at: datetime.fromtimestamp(at, UTC))
TIME = st.none() | MOMENT
NUMBER = st.none() | st.floats(0, 1e6)
PEOPLE = st.builds(PersonRow, TEXT, TEXT, TEXT, TEXT, TIME, TIME, NUMBER)
LINES = st.builds(LogRow, MOMENT, TEXT, TEXT, TEXT)
SESSIONS = st.builds(
    SessionRow,
    *[TEXT] * 3,
    counted_at=MOMENT,
    planned_start=TIME,
    planned_end=TIME,
    started_at=TIME,
    ended_at=TIME,
    held=st.sampled_from(Held),
    minutes=NUMBER,
    participants=st.lists(PEOPLE, max_size=3).map(tuple),
    attendance_known=st.booleans(),
    logs=st.lists(LINES, max_size=3).map(tuple),
    usage_minutes=NUMBER,
    cost_in_cents=NUMBER,
    extras=st.dictionaries(TEXT, TEXT | st.dictionaries(TEXT, TEXT, max_size=2), max_size=2),
)


@given(SESSIONS)
def test_a_row_that_is_read_back_is_the_row_that_was_written(row: SessionRow) -> None:
    assert session_of(row.to_json()) == row
