"""Lessonspace's sessions as files equal what happened, row for row, whatever the wire does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.export_checks import problems
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import FileFormat
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export
from airflow_provider.live_sessions.artifacts.local import LocalStorage
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.retry import RetryPolicy
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import Truth, ended, fill, of_row
from tests.exports.reading import digests, manifests, rows
from tests.platforms.kit import altered
from tests.platforms.lessonspace.academy import START, Academy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider.live_sessions.core.storage import Storage
    from airflow_provider.live_sessions.sandbox.wire import Request, Response

BEGIN, END = datetime(2026, 8, 28, tzinfo=UTC), datetime(2026, 8, 31, tzinfo=UTC)
STUBBORN = RetryPolicy(attempts=12, base=0.001, cap=0.002, max_wait=0.5)
LIST = "/organisations/4711/sessions/$"


@pytest.fixture
def academy() -> Iterator[Academy]:
    with Academy.open(retry=STUBBORN) as opened:
        yield opened


def run(
    academy: Academy, storage: Storage, since: datetime = BEGIN, until: datetime = END, **plan: Any
) -> ExportResult:
    period = plan.pop("period", Period.DAY)
    what = ExportPlan(storage, "school", **plan)
    return export(academy.platform, what, cut(since, until, period), say=lambda _: None)


def told(storage: Storage, result: ExportResult) -> Truth:
    found = rows(storage, result.manifests)
    assert len({row["session_id"] for row in found}) == len(found)
    return {row["session_id"]: of_row(row) for row in found}


def test_thousands_of_sessions_under_faults_equal_the_ground_truth_twice(academy: Academy, tmp_path: Path) -> None:
    truth = fill(academy.sandbox, BEGIN - timedelta(days=1), START - timedelta(days=1), 2_000, rooms=700)
    for seed, kind in enumerate(("throttle", "reset_before", "reset_after", "truncate", "malformed", "html")):
        academy.sandbox.faults.add(kind, probability=0.04, seed=seed)
    academy.sandbox.faults.add("status", status=503, probability=0.04, seed=99)
    academy.sandbox.faults.add("throttle", retry_after=0, retry_after_date=True, probability=0.02, seed=100)
    expected = ended(truth, BEGIN, END)
    assert len(expected) > 1_000
    first, second = LocalStorage(tmp_path / "one"), LocalStorage(tmp_path / "two")
    once = run(academy, first)
    assert told(first, once) == expected
    twice = run(academy, second)
    assert told(second, twice) == expected
    assert digests(first, once.manifests) == digests(second, twice.manifests)
    assert once.counts["sessions"] == len(expected)
    assert once.counts["told_by_platform"] == once.counts["listed"]
    assert not once.partial


def test_the_same_time_again_asks_nothing_and_leaves_the_same_bytes(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END, 50)
    storage = MemoryStorage()
    run(academy, storage)
    before, asked = dict(storage.files), len(academy.log())
    again = run(academy, storage)
    assert storage.files == before
    assert len(academy.log()) == asked
    assert again.kept == 3
    overwritten = run(academy, storage, overwrite=True)
    assert overwritten.kept == 0
    assert storage.files == before


def test_a_run_that_was_stopped_goes_on_where_it_stood(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END, 60)
    whole, stopped = MemoryStorage(), MemoryStorage()
    expected = run(academy, whole)
    second_day = "end_time_after=2026-08-28T23"
    rule = academy.sandbox.faults.add("status", status=503, query=second_day, path=LIST)
    with pytest.raises(Unavailable):
        run(academy, stopped)
    assert [name for name in stopped.files if name.endswith("manifest.json")] == expected.manifests[:1]
    academy.sandbox.faults.remove(rule)
    mark = academy.mark()
    resumed = run(academy, stopped)
    assert resumed.kept == 1
    assert "end_time_after=2026-08-27T23" not in "".join(
        one.query for one in academy.log(path=LIST, since=mark + 1)
    )
    assert stopped.files == whole.files


def test_a_file_that_was_harmed_is_exported_anew(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END, 30)
    storage = MemoryStorage()
    result = run(academy, storage)
    good = dict(storage.files)
    (name,) = [one for one in good if "date=2026-08-29" in one and one.endswith(".jsonl")]
    storage.files[name] = good[name][:-10]
    again = run(academy, storage)
    assert again.kept == len(result.manifests) - 1
    assert storage.files == good


def test_a_session_belongs_to_the_hour_in_which_it_ended_and_to_no_other(academy: Academy) -> None:
    truth = fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=6), 200, rooms=5)
    edge = BEGIN + timedelta(hours=3)
    on_the_edge = academy.sandbox.lessonspace._store.sessions[0]
    on_the_edge.ended_at = edge
    storage = MemoryStorage()
    result = run(academy, storage, BEGIN, BEGIN + timedelta(hours=30), period=Period.HOUR)
    assert len(result.manifests) == 30
    found = {row["session_id"] for row in rows(storage, result.manifests)}
    assert found == set(truth)
    (there,) = [name for name, content in storage.files.items() if on_the_edge.uuid.encode() in content]
    assert "date=2026-08-28/hour=03/" in there


def test_an_end_that_was_written_late_is_found_by_another_look_at_the_list(academy: Academy) -> None:
    truth = ended(fill(academy.sandbox, BEGIN, END - timedelta(hours=20), 60), BEGIN, END)
    sessions = [one for one in academy.sandbox.lessonspace._store.sessions if one.uuid in truth]
    ends = [one.ended_at for one in sessions[::9]]
    for one in sessions[::9]:
        one.ended_at = None
    storage, fresh = MemoryStorage(), MemoryStorage()
    assert len(told(storage, run(academy, storage))) == len(truth) - len(ends)
    for one, end in zip(sessions[::9], ends, strict=True):
        one.ended_at = end
    assert told(storage, run(academy, storage)) != truth  # what is home is kept, unless one looks again
    again = run(academy, storage, recheck=True)
    assert told(storage, again) == truth
    assert again.kept < 3
    assert digests(storage, again.manifests) == digests(fresh, run(academy, fresh).manifests)


def test_another_look_at_the_list_costs_no_room_and_leaves_the_same_bytes(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END, 40)
    storage = MemoryStorage()
    once = run(academy, storage)
    before = digests(storage, once.manifests)
    academy.tap.requests.clear()
    again = run(academy, storage, recheck=True)
    assert (again.kept, digests(storage, again.manifests)) == (3, before)
    assert 0 < len(academy.tap.requests) <= 6  # the list and what goes on, a day


def test_a_session_without_an_end_is_told_and_not_dropped_in_silence(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, END, 10)
    store = academy.sandbox.lessonspace._store
    store.start_session(next(iter(store.spaces.values())), "0f" * 16, BEGIN - timedelta(days=9))
    result = run(academy, MemoryStorage())
    assert result.counts["unended"] == 1
    assert run(academy, MemoryStorage(), look_back=timedelta(days=30)).counts["unended"] == 0


def test_a_list_whose_pages_move_is_read_again_until_it_agrees_with_its_count(academy: Academy) -> None:
    truth = fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=20), 150)
    left = [2]

    def moving(request: Request, response: Response) -> Response:
        if left[0] and request.path.endswith("/4711/sessions/") and "page=2" in request.query:
            left[0] -= 1
            return altered(response, lambda page: {**page, "results": page["results"][1:]})
        return response

    academy.tap.answer = moving
    storage = MemoryStorage()
    result = run(academy, storage, BEGIN, BEGIN + timedelta(days=2))
    assert {row["session_id"] for row in rows(storage, result.manifests)} == set(
        ended(truth, BEGIN, BEGIN + timedelta(days=2))
    )
    assert left == [0]


def test_a_list_that_shrinks_while_it_is_read_loses_no_row_and_is_told_as_changed(academy: Academy) -> None:
    truth = fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=3), 150)
    store = academy.sandbox.lessonspace._store
    taken: list[str] = []

    def shrinking(request: Request, response: Response) -> Response:
        """Let the first row be deleted once the first page was read: a row of the second moves to the first."""
        if request.path.endswith("/4711/sessions/") and "end_time_after" in request.query and not taken:
            taken.append(json.loads(response.body)["results"][0]["uuid"])
            store.sessions.remove(next(one for one in store.sessions if one.uuid == taken[0]))
        return response

    academy.tap.answer = shrinking
    storage = MemoryStorage()
    result = run(academy, storage, BEGIN, BEGIN + timedelta(days=1), attendance=False)
    assert {row["session_id"] for row in rows(storage, result.manifests)} == set(
        ended(truth, BEGIN, BEGIN + timedelta(days=1))
    )
    assert any("The list changed while it was read." in one for one in result.partial)
    found = problems(storage, result.manifests)
    assert (found.wrong, len(found.passing)) == ([], 2)  # what the next export heals is not called wrong
    assert "the platform tells of 149 sessions and lists 150" in found.passing[1]
    again = run(academy, storage, BEGIN, BEGIN + timedelta(days=1), attendance=False)
    assert (again.kept, again.partial) == (0, [])


def test_a_list_that_never_agrees_with_its_count_is_unavailable_and_writes_nothing(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=3), 20)
    academy.tap.answer = lambda request, response: (
        altered(response, lambda page: {**page, "count": page["count"] + 1})
        if "end_time_after" in request.query and "organisations" in request.path
        else response
    )
    storage = MemoryStorage()
    with pytest.raises(Unavailable, match="tells of"):
        run(academy, storage)
    assert storage.files == {}


def test_a_day_that_is_read_too_early_is_partial_and_read_again_later(academy: Academy) -> None:
    midnight = START.replace(hour=0)
    academy.go_to(midnight + timedelta(hours=24, minutes=9))
    storage = MemoryStorage()
    early = run(academy, storage, midnight, midnight + timedelta(days=1))
    assert len(early.partial) == 1
    assert "caught up" in early.partial[0]
    academy.wait(120)
    academy.client.hello()
    late = run(academy, storage, midnight, midnight + timedelta(days=1))
    assert (late.kept, late.partial) == (0, [])


def test_without_attendance_no_room_is_asked(academy: Academy) -> None:
    truth = fill(academy.sandbox, BEGIN, END, 40)
    storage = MemoryStorage()
    result = run(academy, storage, attendance=False)
    assert academy.log(path="/spaces/.*/sessions/$") == []
    found = rows(storage, result.manifests)
    assert len(found) == len(ended(truth, BEGIN, END))
    assert all(one["minutes"] is None for row in found for one in row["participants"])
    assert {len(row["participants"]) for row in found} > {1}


def test_a_room_that_does_not_show_its_session_makes_the_day_partial(academy: Academy) -> None:
    fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=2), 5)
    academy.tap.answer = lambda request, response: (
        altered(response, lambda page: {**page, "count": 0, "results": []})
        if "/spaces/" in request.path
        else response
    )
    result = run(academy, MemoryStorage(), BEGIN, BEGIN + timedelta(days=2))
    assert any("attendance is not known" in one for one in result.partial)


@pytest.mark.parametrize("status", [404, 403])
def test_one_room_that_is_gone_or_closed_keeps_no_hour_from_coming_home(academy: Academy, status: int) -> None:
    truth = fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=2), 5)
    room = next(iter(truth.values()))["room"]
    academy.sandbox.faults.add("status", status=status, path=f"/spaces/{room}/sessions/$")
    storage = MemoryStorage()
    result = run(academy, storage, BEGIN, BEGIN + timedelta(days=2))
    found = rows(storage, result.manifests)
    assert {row["session_id"] for row in found} == set(truth)
    assert [row["room"] for row in found if not row["attendance_known"]] == [room]
    assert any("1 sessions have no room that tells of them" in one for one in result.partial)
    assert result.passing == []


def test_no_link_and_no_secret_is_in_the_rows(academy: Academy) -> None:
    ref = academy.launch().ref
    academy.go_to(START + timedelta(hours=1))
    academy.hold(ref)
    academy.go_to(START + timedelta(days=2))
    academy.client.hello()
    storage = MemoryStorage()
    day = START.replace(hour=0)
    result = run(academy, storage, day, day + timedelta(days=1))
    (row,) = rows(storage, result.manifests)
    assert row["launch_key"] == ref.key
    assert {one["name"] for one in row["participants"]} == {"Ada Teacher", "Bo Student"}
    given = academy.sandbox.lessonspace.secrets()
    everything = b"".join(storage.files.values()).decode()
    assert not [one for one in (*given["links"], *given["secrets"]) if one in everything]
    assert "://" not in json.dumps(row)


def test_parquet_tells_what_json_lines_tell(academy: Academy) -> None:
    pytest.importorskip("pyarrow")
    fill(academy.sandbox, BEGIN, END, 80)
    storage = MemoryStorage()
    as_lines = run(academy, storage)
    as_columns = run(academy, storage, file_format=FileFormat.PARQUET)
    assert rows(storage, as_columns.manifests) == rows(storage, as_lines.manifests)
    assert len(manifests(storage, as_lines.manifests)) == 3
    other = MemoryStorage()
    assert digests(other, run(academy, other, file_format=FileFormat.PARQUET).manifests) == digests(
        storage, as_columns.manifests
    )
