"""Screenleap's shares as files: both lists merged, each share once, no code in the rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export
from airflow_provider.live_sessions.core.errors import Unavailable
from airflow_provider.live_sessions.core.retry import RetryPolicy
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import ended
from tests.exports.other_pasts import fill_screenleap, of_share
from tests.exports.reading import digests, rows
from tests.platforms.kit import altered
from tests.platforms.screenleap.studio import START, Studio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.core.storage import Storage

BEGIN, END = datetime(2026, 8, 27, tzinfo=UTC), datetime(2026, 8, 30, tzinfo=UTC)
STUBBORN = RetryPolicy(attempts=12, base=0.001, cap=0.002, max_wait=0.5)


@pytest.fixture
def studio() -> Iterator[Studio]:
    with Studio.open(history_cap=50) as opened:
        yield opened


def run(
    studio: Studio, storage: Storage, since: datetime = BEGIN, until: datetime = END, **plan: Any
) -> ExportResult:
    with studio.new_client(retry=STUBBORN, conn_id="studio") as client:
        platform = studio.new_platform(client)
        what = ExportPlan(storage, "studio", **plan)
        return export(platform, what, cut(since, until, Period.DAY), say=lambda _: None)


def test_a_cut_history_under_faults_equals_the_ground_truth_twice(studio: Studio) -> None:
    truth = ended(fill_screenleap(studio.sandbox, BEGIN - timedelta(days=2), END, 600), BEGIN, END)
    for seed, kind in enumerate(("throttle", "reset_before", "reset_after", "truncate", "malformed")):
        studio.sandbox.faults.add(kind, probability=0.05, seed=seed)
    first, second = MemoryStorage(), MemoryStorage()
    once, twice = run(studio, first), run(studio, second)
    found = rows(first, once.manifests)
    assert {row["extras"]["external_id"]: of_share(row) for row in found} == truth
    assert len(found) == len(truth) > 200
    assert digests(first, once.manifests) == digests(second, twice.manifests)
    assert all(row["cost_in_cents"] is not None and row["usage_minutes"] is not None for row in found)


def test_a_share_that_just_ended_comes_from_the_recent_list_once_it_is_partial_and_later_from_the_history(
    studio: Studio,
) -> None:
    day = START.replace(hour=0)
    ref = studio.launch().ref
    studio.hold(ref)
    storage = MemoryStorage()
    early = run(studio, storage, day, day + timedelta(days=1))
    assert "caught up" in early.partial[0]
    (row,) = rows(storage, early.manifests)
    assert (row["session_id"], row["launch_key"]) == (ref.session_id, ref.key)
    studio.wait(2 * 86_400)
    late = run(studio, storage, day, day + timedelta(days=1))
    assert (late.partial, late.kept) == ([], 0)
    assert [one["session_id"] for one in rows(storage, late.manifests)] == [ref.session_id]


def test_no_code_is_in_the_rows(studio: Studio) -> None:
    fill_screenleap(studio.sandbox, BEGIN, END, 40)
    storage = MemoryStorage()
    run(studio, storage)
    everything = json.dumps([content.decode() for content in storage.files.values()])
    assert not [secret for secret in studio.secrets if secret in everything]


@pytest.mark.parametrize("lacking", ["startTime", "sessionId"])
def test_a_row_that_cannot_be_placed_is_counted_and_not_dropped_in_silence(studio: Studio, lacking: str) -> None:
    fill_screenleap(studio.sandbox, BEGIN, END, 10)
    once = run(studio, MemoryStorage(), BEGIN, BEGIN + timedelta(days=1))
    first: list[dict[str, Any]] = []

    def harmed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        first.extend(rows[:1])
        return [*rows, *({name: value for name, value in row.items() if name != lacking} for row in first[:1])]

    studio.tap.answer = lambda request, response: (
        altered(response, harmed) if request.path.endswith("/screen-shares") else response
    )
    told = run(studio, MemoryStorage(), BEGIN, BEGIN + timedelta(days=1))
    assert (told.counts["sessions"], told.counts["unreadable"]) == (once.counts["sessions"], 1)
    assert "no code or no start" in told.partial[0]


@pytest.mark.parametrize("row", [None, 7, "x", []])
def test_a_row_that_is_none_is_an_error_in_words(studio: Studio, row: object) -> None:
    fill_screenleap(studio.sandbox, BEGIN, END, 10)
    studio.tap.answer = lambda _, response: altered(response, lambda rows: [*rows, row])
    with pytest.raises(Unavailable, match="shares: the answer has an unexpected shape"):
        run(studio, MemoryStorage())


def test_a_share_left_open_is_counted_as_unended(studio: Studio) -> None:
    ref = studio.launch().ref
    studio.present(ref, "v-1")
    studio.wait(4 * 86_400)
    day = START.replace(hour=0) + timedelta(days=2)
    assert run(studio, MemoryStorage(), day, day + timedelta(days=1)).counts["unended"] == 1
