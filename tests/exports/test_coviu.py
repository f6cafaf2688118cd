"""Coviu's appointments as files: counted at their planned end, with who was invited and who came."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.class_summary import summarise
from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.retry import RetryPolicy
from airflow_provider.live_sessions.sandbox.coviu.state import Visit
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import ended
from tests.exports.other_pasts import fill_coviu, of_appointment
from tests.exports.reading import digests, rows
from tests.platforms.coviu.clinic import Clinic
from tests.platforms.kit import altered

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.storage import Storage

BEGIN, END = datetime(2026, 8, 27, tzinfo=UTC), datetime(2026, 8, 30, tzinfo=UTC)
STUBBORN = RetryPolicy(attempts=12, base=0.001, cap=0.002, max_wait=0.5)


def run(
    clinic: Clinic, storage: Storage, since: datetime = BEGIN, until: datetime = END, **plan: Any
) -> ExportResult:
    what = ExportPlan(storage, "clinic", **plan)
    return export(clinic.platform, what, cut(since, until, Period.DAY), say=lambda _: None)


def test_appointments_under_faults_equal_the_ground_truth_twice() -> None:
    with Clinic.open(retry=STUBBORN) as clinic:
        truth = ended(fill_coviu(clinic.sandbox, BEGIN - timedelta(days=1), END, 500), BEGIN, END)
        for seed, kind in enumerate(("throttle", "reset_before", "reset_after", "truncate", "malformed")):
            clinic.sandbox.faults.add(kind, path="/sessions", probability=0.05, seed=seed)
        first, second = MemoryStorage(), MemoryStorage()
        once, twice = run(clinic, first), run(clinic, second)
        assert {row["session_id"]: of_appointment(row) for row in rows(first, once.manifests)} == truth
        assert once.counts["sessions"] == len(truth) > 250
        assert digests(first, once.manifests) == digests(second, twice.manifests)


def test_a_session_of_twelve_hours_is_found_in_the_day_it_closes() -> None:
    with Clinic.open() as clinic:
        truth = fill_coviu(clinic.sandbox, BEGIN - timedelta(hours=11), BEGIN - timedelta(hours=10), 60)
        storage = MemoryStorage()
        found = rows(storage, run(clinic, storage, BEGIN, BEGIN + timedelta(days=1)).manifests)
        assert {row["session_id"] for row in found} == set(ended(truth, BEGIN, END))
        assert found


def test_the_list_is_read_no_further_than_the_time() -> None:
    with Clinic.open() as clinic:
        fill_coviu(clinic.sandbox, BEGIN, BEGIN + timedelta(hours=1), 3)
        fill_coviu(clinic.sandbox, END + timedelta(days=2), END + timedelta(days=3), 900)
        run(clinic, MemoryStorage(), BEGIN, BEGIN + timedelta(days=1))
        assert len(clinic.queries("/sessions$")) == 1


def test_a_session_without_a_summary_is_there_and_not_called_a_no_show() -> None:
    with Clinic.open(summary_before="404") as clinic:
        truth = fill_coviu(clinic.sandbox, BEGIN, BEGIN + timedelta(hours=1), 30)
        storage = MemoryStorage()
        found = rows(storage, run(clinic, storage).manifests)
        empty = {key for key, one in truth.items() if one["started_at"] is None}
        assert empty
        alone = {key for key, one in truth.items() if one["held"] == "unknown"}
        assert {row["session_id"] for row in found if row["held"] == "unknown"} == empty | alone


def test_one_entry_is_no_no_show_and_an_attendance_that_is_open_is_not_called_whole() -> None:
    with Clinic.open() as clinic:
        truth = fill_coviu(clinic.sandbox, BEGIN, BEGIN + timedelta(hours=1), 30)
        store = clinic.sandbox.coviu._store
        alone = next(key for key, one in truth.items() if one["held"] == "unknown")
        visit = next(one.visits[0] for one in store.sessions[alone].participants if one.visits)
        left, visit.left = visit.left, None
        storage = MemoryStorage()
        open_still = run(clinic, storage)
        (row,) = [row for row in rows(storage, open_still.manifests) if row["session_id"] == alone]
        assert (row["held"], row["attendance_known"]) == ("unknown", False)
        assert "somebody's leave is not told" in open_still.partial[0]
        visit.left = left
        assert run(clinic, storage).kept == 3  # days after its time it was given up
        whole = run(clinic, storage, overwrite=True)
        assert whole.partial == []
        assert all(row["attendance_known"] for row in rows(storage, whole.manifests))


def test_who_was_removed_before_the_session_is_neither_expected_nor_absent() -> None:
    with Clinic.open() as clinic:
        truth = fill_coviu(clinic.sandbox, BEGIN, BEGIN + timedelta(hours=1), 30)
        store = clinic.sandbox.coviu._store
        session = next(store.sessions[key] for key, one in truth.items() if len(one["people"]) > 2)
        before, during, came = session.participants[:3]
        before.visits, during.visits = [], []
        came.visits = [Visit(session.start, session.end)]
        before.deleted_at = came.deleted_at = session.start - timedelta(hours=1)
        during.deleted_at = session.start + timedelta(minutes=1)
        storage = MemoryStorage()
        (row,) = [row for row in rows(storage, run(clinic, storage).manifests) if row["session_id"] == session.id]
        assert {one["name"] for one in row["participants"]} == {during.display_name, came.display_name}
        people = summarise([row]).people
        assert {(one.name, one.expected, one.status) for one in people} == {
            (during.display_name, True, "absent"),
            (came.display_name, True, "present"),
        }


def test_a_list_that_is_not_in_the_order_of_the_starts_is_not_trusted() -> None:
    with Clinic.open() as clinic:
        fill_coviu(clinic.sandbox, BEGIN, BEGIN + timedelta(hours=1), 30)
        clinic.tap.answer = lambda request, response: (
            altered(response, lambda page: {**page, "content": page["content"][::-1]})
            if request.path.endswith("/sessions")
            else response
        )
        storage = MemoryStorage()
        with pytest.raises(Unavailable, match="order of the starts"):
            run(clinic, storage)
        with pytest.raises(Unavailable, match="order of the starts"):
            clinic.platform.ended_since(BEGIN)
        assert storage.files == {}


def test_no_way_in_is_in_the_rows() -> None:
    with Clinic.open() as clinic:
        fill_coviu(clinic.sandbox, BEGIN, END, 30)
        storage = MemoryStorage()
        run(clinic, storage)
        given = clinic.sandbox.coviu.secrets()
        everything = json.dumps([content.decode() for content in storage.files.values()])
        secrets = [*given["participant_ids"], *given["links"], *given["tokens"]]
        assert len(secrets) > 30
        assert not [secret for secret in secrets if secret in everything]
