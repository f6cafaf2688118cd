from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.live_sessions.core.errors import Refused, Unavailable
from airflow_provider.live_sessions.core.paging import (
    Teller,
    next_query,
    unique,
    walk_envelopes,
    walk_numbered,
    walk_offsets,
    walk_window,
)

BASE = "https://api.host/v2"
WHO: dict[str, Any] = {"platform": "Toy", "conn_id": "toy", "label": "list things"}
TELLER = Teller("Toy", "toy", "list things")

splits = st.lists(st.lists(st.integers(), max_size=5), min_size=1, max_size=12)


class Envelopes:
    """Serves pages as Django REST framework does, whatever it is called behind its proxy."""

    def __init__(self, pages: list[list[int]], called: str = BASE) -> None:
        self.pages = pages
        self.called = called
        self.asked: list[dict[str, Any]] = []

    def fetch(self, query: Any) -> Any:
        self.asked.append(dict(query))
        number = query.get("page", ["1"])
        index = int(number[0] if isinstance(number, list) else number) - 1
        last = index == len(self.pages) - 1
        kept = {**{k: v for k, v in query.items() if k != "page"}, "page": index + 2}
        following = None if last else f"{self.called}/things/?{urlencode(kept, doseq=True)}"
        return {"count": 0, "next": following, "previous": None, "results": self.pages[index]}


@given(splits, st.sampled_from([BASE, "http://api.host/v2", "https://API.HOST:8443/inner", ""]))
def test_every_item_comes_once_with_one_request_a_page(pages: list[list[int]], called: str) -> None:
    server = Envelopes(pages, called)
    walked = list(walk_envelopes(server.fetch, {"user": ["a", "b"]}, base_url=BASE, **WHO))
    assert walked == [item for page in pages for item in page]
    assert len(server.asked) == len(pages)
    assert all(list(query["user"]) == ["a", "b"] for query in server.asked)


def test_a_bare_list_is_one_page() -> None:
    assert list(walk_envelopes(lambda _: [1, 2], {}, base_url=BASE, **WHO)) == [1, 2]


def test_whoever_stops_reading_stops_asking() -> None:
    server = Envelopes([[1, 2], [3]])
    walk = walk_envelopes(server.fetch, {}, base_url=BASE, **WHO)
    assert [next(walk), next(walk)] == [1, 2]
    assert len(server.asked) == 1


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_pages_in_a_circle_are_told_and_none_is_asked_for_twice(jumps: list[int]) -> None:
    asked: list[str] = []

    def fetch(query: Any) -> Any:
        number = query.get("page", ["start"])[0]
        asked.append(number)
        following = jumps[len(asked) % len(jumps)]
        return {"results": [], "next": f"{BASE}/?page={following}"}

    with pytest.raises(Unavailable, match="circle"):
        list(walk_envelopes(fetch, {}, base_url=BASE, **WHO))
    assert len(asked) == len(set(asked)) <= 8


def test_a_list_without_an_end_is_bounded() -> None:
    asked = []

    def fetch(query: Any) -> Any:
        asked.append(query)
        return {"results": [1], "next": f"{BASE}/?page={len(asked)}"}

    with pytest.raises(Refused, match="more than 7 pages"):
        list(walk_envelopes(fetch, {}, base_url=BASE, max_pages=7, **WHO))
    assert len(asked) == 7


@pytest.mark.parametrize("body", [None, {}, "x", 7, {"results": None}, {"results": {}}, {"detail": "x"}])
def test_what_is_no_list_is_unavailable(body: object) -> None:
    with pytest.raises(Unavailable, match="no list"):
        list(walk_envelopes(lambda _: body, {}, base_url=BASE, **WHO))


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.host/v2/?page=2",
        "https://api.host@evil.host/?page=2",
        "//evil.host/?page=2",
        "ftp://api.host/?page=2",
        "javascript:x?page=2",
        "https://api.host.evil/?page=2",
    ],
)
def test_a_next_on_another_host_is_refused_and_never_followed(link: str) -> None:
    asked = []

    def fetch(query: Any) -> Any:
        asked.append(query)
        return {"results": [1], "next": link}

    with pytest.raises(Refused, match="another host") as caught:
        list(walk_envelopes(fetch, {}, base_url=BASE, **WHO))
    assert len(asked) == 1
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("link", [7, {}, True, "https://[", f"{BASE}/", "nonsense"])
def test_a_next_that_is_no_link_is_told(link: object) -> None:
    with pytest.raises(Unavailable):
        next_query(BASE, link, teller=TELLER)


@given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1), min_size=1))
def test_of_a_next_only_the_query_is_taken(query: dict[str, list[str]]) -> None:
    link = f"http://api.host:8080/other/?{urlencode(query, doseq=True, errors='replace')}"
    assert next_query(BASE, link, teller=TELLER) == parse_qs(link.partition("?")[2], keep_blank_values=True)


@given(st.text())
def test_no_link_breaks_the_reader(link: str) -> None:
    with contextlib.suppress(Refused, Unavailable):
        assert next_query(BASE, link, teller=TELLER)


# ---- numbered pages


class Numbered:
    def __init__(self, pages: list[list[int]]) -> None:
        self.pages = pages
        self.asked: list[int] = []

    def fetch(self, query: Any) -> Any:
        number = query["page"]
        self.asked.append(number)
        page = self.pages[number]
        return {"content": page, "page": number, "page_size": len(page), "more": number < len(self.pages) - 1}


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=4), min_size=1, max_size=10))
def test_numbered_pages_give_every_item_once_and_no_page_too_many(pages: list[list[int]]) -> None:
    server = Numbered(pages)
    walked = list(walk_numbered(server.fetch, {"order": "forward"}, items="content", **WHO))
    assert walked == [item for page in pages for item in page]
    assert server.asked == list(range(len(pages)))


def test_a_bare_list_of_a_numbered_kind_is_one_page() -> None:
    assert list(walk_numbered(lambda _: [1], {}, items="content", **WHO)) == [1]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"content": [1], "page": 5, "more": True}, "another page"),
        ({"content": [], "page": 0, "more": True}, "empty page"),
        ({"more": False}, "no list"),
        (None, "no list"),
    ],
)
def test_numbered_pages_that_cannot_end_well_are_told(body: object, told: str) -> None:
    with pytest.raises(Unavailable, match=told):
        list(walk_numbered(lambda _: body, {}, items="content", **WHO))


def test_numbered_pages_without_an_end_are_bounded() -> None:
    with pytest.raises(Refused):
        list(walk_numbered(lambda _: {"content": [1], "more": True}, {}, items="content", max_pages=5, **WHO))


# ---- offsets


@given(st.lists(st.integers(), max_size=30), st.integers(1, 7), st.integers(1, 7))
def test_every_item_of_a_list_by_offsets_comes_once_whatever_a_page_holds(
    items: list[int], limit: int, longest: int
) -> None:
    asked: list[int] = []

    def fetch(query: Any) -> Any:
        at = query["offset"]
        asked.append(at)
        return {"items": items[at : at + min(query["limit"], longest)], "total": len(items)}

    assert list(walk_offsets(fetch, {"limit": limit, "offset": 0}, **WHO)) == items
    assert len(asked) == max(1, -(-len(items) // min(limit, longest)))


@pytest.mark.parametrize(
    ("body", "told"), [({"items": [], "total": 3}, "empty page"), ({"total": 3}, "no list"), (None, "no list")]
)
def test_offsets_that_cannot_end_well_are_told(body: object, told: str) -> None:
    with pytest.raises(Unavailable, match=told):
        list(walk_offsets(lambda _: body, {"offset": 0}, **WHO))


def test_a_list_by_offsets_without_a_total_or_an_envelope_is_one_page() -> None:
    assert list(walk_offsets(lambda _: {"items": [1]}, {"offset": 0}, **WHO)) == [1]
    assert list(walk_offsets(lambda _: [1, 2], {"offset": 0}, **WHO)) == [1, 2]


# ---- a moving window


def window(starts: list[int], cap: int, asked: list[int]) -> Any:
    rows = sorted((start, f"id{number}") for number, start in enumerate(starts))

    def fetch(since: int) -> list[tuple[int, str]]:
        asked.append(since)
        return [row for row in rows if row[0] > since][:cap]

    return fetch


def walk_rows(fetch: Any, **more: Any) -> list[tuple[int, str]]:
    return list(
        walk_window(fetch, 0, id_of=lambda row: row[1], start_of=lambda row: row[0], overlap=1, **more, **WHO)
    )


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 10))
def test_a_window_gives_every_item_once_and_ends(starts: list[int], spare: int) -> None:
    # The answer holds more than share any two neighbouring starts: what the overlap needs.
    cap = max((sum(1 for one in starts if one in (s, s + 1)) for s in starts), default=0) + spare
    asked: list[int] = []
    walked = walk_rows(window(starts, cap, asked))
    assert sorted(row[0] for row in walked) == sorted(starts)
    assert len({row[1] for row in walked}) == len(walked)
    assert len(asked) <= len(starts) + 2


def test_an_empty_window_costs_one_request() -> None:
    asked: list[int] = []
    assert walk_rows(window([], 5, asked)) == []
    assert asked == [0]


def test_a_window_that_always_brings_something_new_is_bounded() -> None:
    asked: list[int] = []

    def fetch(since: int) -> list[tuple[int, str]]:
        asked.append(since)
        return [(1, f"id{len(asked)}")]

    with pytest.raises(Refused, match="more than 6 requests"):
        walk_rows(fetch, max_pages=6)
    assert asked == [0] * 6


@given(st.lists(st.integers(0, 9)))
def test_unique_keeps_the_first_of_each_in_order(items: list[int]) -> None:
    assert list(unique(items, str)) == list(dict.fromkeys(items))
