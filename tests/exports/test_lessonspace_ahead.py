"""An export has pages and rooms coming before their turn; what is asked, counted and written stays the same."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export
from airflow_provider.live_sessions.core.ahead import THREADS
from airflow_provider.live_sessions.core.errors import AuthenticationFailed, Refused
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import ended, fill
from tests.exports.reading import rows
from tests.platforms.lessonspace.academy import Academy

if TYPE_CHECKING:
    from collections.abc import Iterator

BEGIN = datetime(2026, 8, 28, tzinfo=UTC)
END = BEGIN + timedelta(days=1)
ROOMS = "/spaces/.*/sessions/$"
LIST = "/organisations/4711/sessions/$"


@pytest.fixture
def academy() -> Iterator[Academy]:
    with Academy.open(page_size=20) as opened:
        yield opened


def run(academy: Academy, storage: MemoryStorage, *, attendance: bool = True) -> ExportResult:
    plan = ExportPlan(storage, "school", attendance=attendance)
    return export(academy.platform, plan, cut(BEGIN, END, Period.DAY), say=lambda _: None)


def test_each_room_and_each_page_is_asked_for_once_and_counted_once(academy: Academy) -> None:
    truth = fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=3), 150, rooms=12)
    first, second = MemoryStorage(), MemoryStorage()
    result = run(academy, first)
    rooms = [one.path for one in academy.log(path=ROOMS)]
    lists = [one.query for one in academy.log(path=LIST)]
    assert len(rooms) == len(set(rooms)) == 12
    assert len(lists) == len(set(lists)) == 1 + 8  # who is in now, and 150 sessions on pages of 20
    assert result.counts["pages"] == len(lists) + len(rooms)
    assert {row["session_id"] for row in rows(first, result.manifests)} == set(ended(truth, BEGIN, END))
    run(academy, second)
    assert second.files == first.files


def test_credentials_that_a_room_does_not_accept_end_the_export_with_its_words_and_writes_nothing(
    academy: Academy,
) -> None:
    fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=1), 60, rooms=30)
    refused = academy.sandbox.lessonspace._store.sessions[40].space.id
    academy.sandbox.faults.add("status", status=401, path=f"/spaces/{refused}/sessions/")
    storage = MemoryStorage()
    with pytest.raises(AuthenticationFailed, match="list the sessions of a space"):
        run(academy, storage)
    assert storage.files == {}


def test_pages_and_rooms_that_are_asked_for_together_each_have_a_connection(
    academy: Academy, caplog: pytest.LogCaptureFixture
) -> None:
    fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=3), 300, rooms=100)
    academy.sandbox.faults.add("delay", delay=0.05)
    with caplog.at_level(logging.WARNING, "urllib3"):
        run(academy, MemoryStorage())
    assert [one.getMessage() for one in caplog.records if one.name.startswith("urllib3")] == []


def test_a_page_that_fails_for_good_ends_the_export_with_its_own_error_whatever_the_others_do(
    academy: Academy,
) -> None:
    """Those before it were read, those behind it are asked for no further, and no thread is left asking."""
    fill(academy.sandbox, BEGIN, BEGIN + timedelta(hours=3), 800)
    academy.sandbox.faults.add("status", status=403, path=LIST, query="page=4&|page=4$", body='{"detail": "No."}')
    academy.sandbox.faults.add("delay", delay=0.02, path=LIST)
    storage = MemoryStorage()
    others = set(threading.enumerate())
    with pytest.raises(Refused, match="list sessions: refused with status 403: No"):
        run(academy, storage, attendance=False)
    assert storage.files == {}
    for one in set(threading.enumerate()) - others:
        if one.name.startswith("live-sessions-ahead"):
            one.join(60)
            assert not one.is_alive()
    pages = [one for one in academy.log(path=LIST) if "end_time_after" in one.query]
    assert len(pages) <= 4 + THREADS < 40
