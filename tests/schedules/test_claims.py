"""Claims are kept by day, one file a class, and one that cannot be read holds nobody up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.schedules.claims import Claim, ClaimBook, Ticket, day_of
from tests.artifacts.memory import MemoryStorage

START = datetime(2026, 9, 7, 23, 30, tzinfo=UTC)
CLAIM = Claim("k1", "d1", "launch", "class_day", "run-1", 3, "Maths", START, "2026-09-07")


def book(storage: MemoryStorage | None = None, folder: str = "week") -> ClaimBook:
    return ClaimBook(storage or MemoryStorage(), folder)


def test_a_claim_that_was_written_is_read_on_its_day_and_on_no_other() -> None:
    one = book()
    one.write(CLAIM)
    assert one.read({"2026-09-07"}) == {"k1": CLAIM}
    assert one.read({"2026-09-06", "2026-09-08"}) == {}
    assert one.read(set()) == {}


def test_days_are_those_of_utc() -> None:
    berlin = START.astimezone(ZoneInfo("Europe/Berlin"))
    assert (berlin.day, day_of(berlin)) == (8, "2026-09-07")


def test_a_later_claim_takes_the_place_of_an_earlier_one() -> None:
    one = book()
    one.write(CLAIM)
    one.write(replace(CLAIM, run_id="run-2", action="cancel"))
    assert one.read({"2026-09-07"})["k1"].run_id == "run-2"


def test_two_timetables_do_not_see_each_other_s_claims() -> None:
    storage = MemoryStorage()
    book(storage, "week").write(CLAIM)
    assert book(storage, "other").read({"2026-09-07"}) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'"text"', b'{"key": "k2"}', b"\xff\xfe"])
def test_a_claim_that_cannot_be_read_counts_as_none_and_hides_no_other(content: bytes) -> None:
    storage = MemoryStorage()
    one = book(storage)
    one.write(CLAIM)
    storage.put("claims/week/2026-09-07/k2.json", [content])
    assert one.read({"2026-09-07"}) == {"k1": CLAIM}


def test_a_claim_that_vanishes_between_list_and_read_counts_as_none() -> None:
    class Hasty(MemoryStorage):
        def get(self, name: str) -> bytes:
            raise FileNotFoundError(name)

    one = book(Hasty())
    one.write(CLAIM)
    assert one.read({"2026-09-07"}) == {}


@given(
    st.builds(
        Claim,
        key=st.text(min_size=1),
        digest=st.text(),
        action=st.sampled_from(["launch", "cancel"]),
        dag_id=st.text(),
        run_id=st.text(),
        map_index=st.integers(-1, 5000),
        title=st.text(),
        day=st.dates().map(str),
        revive=st.booleans(),
        start=st.integers(0, 4 * 10**9).map(
            lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, seconds)
        ),
    )
)
def test_any_claim_crosses_its_file_unchanged(claim: Claim) -> None:
    assert Claim.from_json(claim.to_json()) == claim


@pytest.mark.parametrize(
    "change",
    [{"day": ...}, {"start": None}, {"start": "soon"}, {"map_index": "x"}, {"map_index": None}, {"key": ...}],
)
def test_what_is_no_claim_is_refused(change: dict[str, Any]) -> None:
    data = {**CLAIM.to_json(), **change}
    for name in [name for name, value in change.items() if value is ...]:
        del data[name]
    with pytest.raises(ConfigurationError, match=r"not a claim|not an ISO 8601 time"):
        Claim.from_json(data)


# ---- the ticket of a lane


def ticket(claim: Claim = CLAIM) -> Ticket:
    return Ticket("file:///classes", "week", claim)


def test_a_lane_s_claim_holds_until_another_takes_its_place() -> None:
    storage = MemoryStorage()
    book(storage).write(CLAIM)
    assert ticket().taken_by(storage) is None
    cancelled = replace(CLAIM, run_id="run-2", action="cancel")
    book(storage).write(cancelled)
    assert ticket().taken_by(storage) == cancelled


def test_a_class_that_changed_within_its_own_run_is_another_claim() -> None:
    storage = MemoryStorage()
    book(storage).write(replace(CLAIM, digest="d2"))
    assert ticket().taken_by(storage) is not None


def test_a_moved_class_is_found_under_the_day_of_its_identity() -> None:
    storage = MemoryStorage()
    book(storage).write(CLAIM)
    moved = replace(CLAIM, run_id="run-2", start=START + timedelta(days=3))
    book(storage).write(moved)
    assert book(storage).read({"2026-09-07"}) == {"k1": moved}
    assert ticket().taken_by(storage) == moved


def test_a_claim_that_was_cleaned_away_still_holds() -> None:
    assert ticket().taken_by(MemoryStorage()) is None


def test_a_ticket_crosses_processes_unchanged() -> None:
    assert Ticket.from_json(ticket().to_json()) == ticket()


@pytest.mark.parametrize("data", [{}, {"destination": "x", "folder": "y", "claim": {}}, {"claim": None}])
def test_what_is_no_ticket_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Ticket.from_json(data)
