"""What an export lacks: what may still come is waited for, for a day; what never will is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
from airflow_provider.live_sessions.artifacts.export_lacks import PATIENCE, may_heal
from airflow_provider.live_sessions.artifacts.export_sources import SessionSource
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.core.session_rows import ExportRules, Tally

UNTIL = datetime(2026, 9, 1, 9, tzinfo=UTC)
HOUR = Chunk(UNTIL - timedelta(hours=1), UNTIL, "date=2026-09-01/hour=08")
CATCH_UP = timedelta(minutes=10)
said = st.lists(st.text(min_size=1), max_size=2)


@given(said, said, said, st.integers(0, 3 * 86_400), st.integers(0, 600))
def test_nothing_is_given_up_within_a_day_and_nothing_holds_an_hour_up_for_longer(
    lacking: list[str], awaited: list[str], lost: list[str], after: int, seconds: int
) -> None:
    now = UNTIL + timedelta(seconds=after)
    account: Any = SimpleNamespace(now=lambda: now, export_rules=ExportRules(CATCH_UP, timedelta(hours=1)))
    tally = Tally(lacking=lacking, awaited=awaited, lost=lost)
    found = SessionSource(account).lacking(HOUR, tally, seconds)
    read_at = now - timedelta(seconds=seconds)
    early = [one for one in found.passing if "caught up" in one]
    assert bool(early) == (read_at < UNTIL + CATCH_UP)
    waits = read_at < UNTIL + PATIENCE
    assert [one for one in found.passing if one not in early] == [*lacking, *(awaited if waits else [])]
    assert list(found.lost) == [*([] if waits else awaited), *lost]


def test_a_partial_file_of_an_earlier_release_may_heal() -> None:
    def manifest(**extra: bool) -> Manifest:
        return Manifest("sessions-jsonl", "p", "c", "k", Completeness.PARTIAL, why="Something.", extra=extra)

    assert may_heal(manifest())
    assert may_heal(manifest(for_good=False))
    assert not may_heal(manifest(for_good=True))
