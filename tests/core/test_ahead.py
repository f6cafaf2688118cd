"""Asking ahead changes when pages are asked for, and nothing that is read."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.ahead import THREADS, PagesAhead, helpers, pages_ahead, pages_behind
from airflow_provider.live_sessions.core.errors import NotFound, Unavailable
from airflow_provider.live_sessions.core.paging import walk_envelopes
from airflow_provider.live_sessions.core.wire import CONNECTIONS

BASE = "https://api.host/v2"
WHO: dict[str, Any] = {"platform": "Toy", "conn_id": "toy", "label": "list things"}
ASKED = {"user": ["a", "b"], "day": "2026-09-01T00:00:00+00:00"}
SOON = 10.0


class Pages:
    """Serves numbered pages that tell their count; any thread may ask."""

    def __init__(self, items: list[int], size: int, *, count: int | None = None, missing: int = 0) -> None:
        self.pages = [items[at : at + size] for at in range(0, len(items), size)] or [[]]
        self.count = len(items) if count is None else count
        self.missing = missing
        self.asked: list[int] = []
        self.lock = threading.Lock()

    def fetch(self, query: Any) -> Any:
        number = self.number(query)
        with self.lock:
            self.asked.append(number)
        if number > len(self.pages):
            raise NotFound("there is no such page")
        if number == self.missing:
            raise Unavailable("this page cannot be had")
        return self.page(query, number)

    def page(self, query: Any, number: int) -> dict[str, Any]:
        following = None if number == len(self.pages) else f"{BASE}/things/?{self.next_query(query, number)}"
        return {"count": self.count, "next": following, "previous": None, "results": self.pages[number - 1]}

    def next_query(self, query: Any, number: int) -> str:
        return urlencode({**query, "page": number + 1}, doseq=True)

    @staticmethod
    def number(query: Any) -> int:
        number = query.get("page", ["1"])
        return int(number[0] if isinstance(number, list) else number)


def walked(server: Pages, fetch: Any = None) -> list[int]:
    return list(walk_envelopes(fetch or server.fetch, ASKED, base_url=BASE, **WHO))


@given(st.lists(st.integers(), max_size=60), st.integers(1, 7))
def test_what_is_read_ahead_is_what_is_read_page_by_page(items: list[int], size: int) -> None:
    server = Pages(items, size)
    with pages_ahead(server.fetch) as fetch:
        assert walked(server, fetch) == items
    assert sorted(server.asked) == list(range(1, len(server.pages) + 1))


@given(st.integers(1, 200), st.integers(1, 9), st.integers(0, 400), st.integers(1, 8), st.integers(1, 60))
def test_only_pages_that_the_count_promises_are_asked_for_and_no_more_than_may_be_held(
    number: int, size: int, count: int, most: int, rows: int
) -> None:
    link = f"{BASE}/things/?{urlencode({**ASKED, 'page': number + 1}, doseq=True)}"
    body = {"count": count, "next": link, "results": [0] * size}
    query: dict[str, Any] = ASKED if number == 1 else {**ASKED, "page": [str(number)]}
    numbers = [int(one["page"][0]) for one in pages_behind(query, body, most=most, rows=rows)]
    assert numbers == list(range(number + 1, number + 1 + len(numbers)))
    assert len(numbers) <= min(most, max(1, rows // size))
    assert all((one - 1) * size < count for one in numbers)


@pytest.mark.parametrize(
    "change",
    [
        {"next": None},
        {"next": f"{BASE}/things/?cursor=cD0yMDI2"},
        {"next": f"{BASE}/things/?{urlencode({**ASKED, 'page': 3}, doseq=True)}"},
        {"next": f"{BASE}/things/?page=2"},
        {"next": "https://[broken"},
        {"next": 7},
        {"count": None},
        {"count": "9"},
        {"results": []},
        {"results": None},
    ],
)
def test_a_list_that_names_its_next_page_in_another_way_is_not_guessed_at(change: dict[str, Any]) -> None:
    link = f"{BASE}/things/?{urlencode({**ASKED, 'page': 2}, doseq=True)}"
    body = {"count": 9, "next": link, "results": [1, 2, 3], **change}
    assert list(pages_behind(ASKED, body, most=8)) == []
    assert list(pages_behind({**ASKED, "page": "two"}, body, most=8)) == []
    assert list(pages_behind(ASKED, [1, 2, 3], most=8)) == []


def test_a_list_with_cursors_is_walked_one_page_after_the_other() -> None:
    class Cursors(Pages):
        def next_query(self, query: Any, number: int) -> str:
            return urlencode({**query, "page": number + 1, "seen": number}, doseq=True)

    server = Cursors(list(range(20)), 3)
    with pages_ahead(server.fetch) as fetch:
        assert walked(server, fetch) == list(range(20))
    assert server.asked == [1, 2, 3, 4, 5, 6, 7]


def test_several_pages_are_on_their_way_at_once() -> None:
    server = Pages(list(range(90)), 10)
    together = threading.Barrier(4)

    def fetch(query: Any) -> Any:
        if server.number(query) in (2, 3, 4, 5):
            together.wait(SOON)  # breaks unless all four are asked for before any is answered
        return server.fetch(query)

    with helpers(4) as pool:
        assert walked(server, PagesAhead(fetch, pool, threads=4)) == list(range(90))


def test_pages_that_a_list_lost_meanwhile_are_nobodys_error() -> None:
    server = Pages(list(range(10)), 5, count=40)
    with pages_ahead(server.fetch) as fetch:
        assert walked(server, fetch) == list(range(10))
    assert max(server.asked) > len(server.pages)


def test_a_page_that_cannot_be_had_is_an_error_in_its_turn() -> None:
    server = Pages(list(range(30)), 5, missing=3)
    found: list[int] = []

    def read() -> None:
        with pages_ahead(server.fetch) as fetch:
            found.extend(walk_envelopes(fetch, ASKED, base_url=BASE, **WHO))

    with pytest.raises(Unavailable, match="cannot be had"):
        read()
    assert found == list(range(10))


def test_after_an_error_nobody_waits_for_what_is_on_its_way() -> None:
    over = threading.Event()

    def fail() -> None:
        with helpers(1) as pool:
            pool.submit(over.wait, SOON)
            raise Unavailable("enough")

    try:
        with pytest.raises(Unavailable):
            fail()
        assert not over.is_set()
    finally:
        over.set()


def test_without_asking_ahead_the_fetch_is_the_one_given() -> None:
    server = Pages([1], 1)
    with pages_ahead(server.fetch, ahead=False) as fetch:
        assert fetch == server.fetch


def test_as_many_connections_are_kept_as_ask_at_once() -> None:
    """An export has pages of its list on their way, and beside them the rooms of the sessions on it."""
    assert 2 * THREADS <= CONNECTIONS, (
        "each further one would be opened anew for each page, and urllib3 warns of it"
    )


def test_a_count_that_no_float_can_hold_names_the_next_pages_all_the_same() -> None:
    link = f"{BASE}/things/?{urlencode({**ASKED, 'page': 2}, doseq=True)}"
    body = {"count": 10**400, "next": link, "results": [1, 2, 3]}
    assert [int(one["page"][0]) for one in pages_behind(ASKED, body, most=2)] == [2, 3]
