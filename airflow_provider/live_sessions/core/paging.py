"""Walk a list that comes in pages: each item once, no page twice, never off the host, never for ever.

Pure generators: the caller hands in what fetches one page. They are lazy, so a caller that has seen enough
stops the requests by stopping to read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar
from urllib.parse import parse_qs, urlsplit

from airflow_provider.live_sessions.core.errors import LiveSessionError, Refused, Unavailable

Item = TypeVar("Item")
Mark = TypeVar("Mark", int, float)

Query = Mapping[str, Any]
Fetch = Callable[[Query], Any]
"""Takes the parameters of a page and returns its parsed JSON."""

QueryMark = tuple[tuple[str, tuple[str, ...]], ...]
"""The parameters of a page in a form that compares, see :func:`mark_of`."""

MAX_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page.

    Args:
        items: What is on it.
        following: The parameters of the page after it, None after the last.
    """

    items: Sequence[Item]
    following: Query | None = None


@dataclass(frozen=True, slots=True)
class Teller:
    """Puts platform, connection and call into an error."""

    platform: str
    conn_id: str
    label: str

    def fail(self, kind: type[LiveSessionError], what: str, advice: str = "") -> NoReturn:
        """Raise an error of that kind."""
        raise kind(f"{self.label}: {what}.", platform=self.platform, conn_id=self.conn_id, advice=advice)


def walk(
    fetch: Fetch,
    first: Query,
    *,
    read: Callable[[Any, Query], Page[Item]],
    teller: Teller,
    max_pages: int = MAX_PAGES,
) -> Iterator[Item]:
    """Yield the items of all pages, one request a page.

    Args:
        fetch: Gets a page.
        first: The parameters of the first page.
        read: Makes a page of the parsed JSON and the parameters it was asked for with.
        teller: Says in errors what was walked.
        max_pages: A bound against lists without an end.

    Raises:
        Unavailable: A page was announced a second time: the list runs in a circle.
        Refused: There are more pages than the bound.
    """
    seen: set[QueryMark] = set()
    query: Query | None = first
    while query is not None:
        mark = mark_of(query)
        if mark in seen:
            teller.fail(Unavailable, "the platform's pages run in a circle, so the list would never be whole")
        if len(seen) >= max_pages:
            teller.fail(Refused, f"the list has more than {max_pages} pages", "Narrow it, e.g. to fewer days.")
        seen.add(mark)
        page = read(fetch(query), query)
        yield from page.items
        query = page.following


def _as_they_are(rows: list[Any]) -> Sequence[Any]:
    return rows


def walk_envelopes(
    fetch: Fetch,
    first: Query,
    *,
    base_url: str,
    platform: str,
    conn_id: str,
    label: str,
    max_pages: int = MAX_PAGES,
    made: Callable[[list[Any]], Sequence[Item]] = _as_they_are,
) -> Iterator[Item]:
    """Walk ``{count, next, previous, results}`` (Django REST framework), or a bare list, which is one page.

    Args:
        fetch: Gets a page.
        first: The parameters of the first page.
        base_url: Where the requests go.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the list is called in errors, e.g. ``list sessions``.
        max_pages: A bound against lists without an end.
        made: Makes the items of a page's rows; by default they are the rows.

    Raises:
        Unavailable: The answer is no such list, or its pages run in a circle.
        Refused: ``next`` leads to another host, or there are more pages than the bound.
    """
    teller = Teller(platform, conn_id, label)

    def read(body: Any, _: Query) -> Page[Item]:
        if isinstance(body, list):
            return Page(made(body))
        if not isinstance(body, dict) or not isinstance(body.get("results"), list):
            teller.fail(Unavailable, "the answer is no list")
        following = body.get("next")
        if following is None or following == "":
            return Page(made(body["results"]))
        return Page(made(body["results"]), next_query(base_url, following, teller=teller))

    return walk(fetch, first, read=read, teller=teller, max_pages=max_pages)


def next_query(base_url: str, next_url: object, *, teller: Teller) -> dict[str, list[str]]:
    """Return the query of a ``next`` link, to be asked for at our own base URL.

    The link is not followed as it stands: behind a proxy it may say http or another port, and a forged one
    would take the credentials along.

    Args:
        base_url: Where the requests go.
        next_url: The link, absolute or relative.
        teller: Says in errors what was walked.

    Raises:
        Refused: It leads to another host.
        Unavailable: It is no link, or has no query.
    """
    try:
        link = urlsplit(next_url if isinstance(next_url, str) else "")
        elsewhere = bool(link.netloc) and link.hostname != urlsplit(base_url).hostname
        odd = link.scheme not in ("", "http", "https")
        query = parse_qs(link.query, keep_blank_values=True)
    except ValueError:
        elsewhere, odd, query = False, False, {}
    if elsewhere or odd:
        teller.fail(
            Refused,
            "the link to the next page leads to another host; it was not followed",
            "Check the connection's host: the platform seems to call itself by another name.",
        )
    if not query:
        teller.fail(Unavailable, "the link to the next page cannot be read")
    return query


def walk_numbered(
    fetch: Fetch,
    first: Query,
    *,
    items: str,
    platform: str,
    conn_id: str,
    label: str,
    page: str = "page",
    more: str = "more",
    start: int = 0,
    max_pages: int = MAX_PAGES,
) -> Iterator[Any]:
    """Walk pages by number while a flag says that there are more (Coviu: ``content``, ``page``, ``more``).

    A bare list is one page.

    Args:
        fetch: Gets a page.
        first: The parameters beside the page's number.
        items: The name under which the items are.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the list is called in errors.
        page: The name of the number, in the parameters and, where it is told, in the answer.
        more: The name of the flag.
        start: The first page's number.
        max_pages: A bound against lists without an end.

    Raises:
        Unavailable: The answer is no such list, is another page than asked for, or is empty and promises
            more.
        Refused: There are more pages than the bound.
    """
    teller = Teller(platform, conn_id, label)

    def read(body: Any, query: Query) -> Page[Any]:
        if isinstance(body, list):
            return Page(body)
        if not isinstance(body, dict) or not isinstance(body.get(items), list):
            teller.fail(Unavailable, "the answer is no list")
        if body.get(page, query[page]) != query[page]:
            teller.fail(Unavailable, "the platform answered with another page than asked for")
        if not body.get(more):
            return Page(body[items])
        if not body[items]:
            teller.fail(Unavailable, "the platform promises more behind an empty page")
        return Page(body[items], {**query, page: query[page] + 1})

    return walk(fetch, {**first, page: start}, read=read, teller=teller, max_pages=max_pages)


def walk_offsets(
    fetch: Fetch,
    first: Query,
    *,
    platform: str,
    conn_id: str,
    label: str,
    offset: str = "offset",
    items: str = "items",
    total: str = "total",
    max_pages: int = MAX_PAGES,
) -> Iterator[Any]:
    """Walk ``{items, total}`` by an offset, as far as ``total`` says (Coviu's collections).

    An answer may be shorter than asked for: the next one begins behind what came.

    Args:
        fetch: Gets a page.
        first: The parameters, the first offset among them.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the list is called in errors.
        offset: The name of the offset.
        items: The name under which the items are.
        total: The name under which their number is.
        max_pages: A bound against lists without an end.

    Raises:
        Unavailable: The answer is no such list, or is empty and promises more.
        Refused: There are more pages than the bound.
    """
    teller = Teller(platform, conn_id, label)

    def read(body: Any, query: Query) -> Page[Any]:
        if isinstance(body, list):
            return Page(body)
        if not isinstance(body, dict) or not isinstance(body.get(items), list):
            teller.fail(Unavailable, "the answer is no list")
        there, behind = body.get(total), query[offset] + len(body[items])
        if not isinstance(there, int | float) or there <= behind:
            return Page(body[items])
        if not body[items]:
            teller.fail(Unavailable, "the platform promises more behind an empty page")
        return Page(body[items], {**query, offset: behind})

    return walk(fetch, first, read=read, teller=teller, max_pages=max_pages)


def walk_window(
    fetch: Callable[[Mark], Sequence[Item]],
    since: Mark,
    *,
    id_of: Callable[[Item], str],
    start_of: Callable[[Item], Mark],
    overlap: Mark,
    platform: str,
    conn_id: str,
    label: str,
    max_pages: int = MAX_PAGES,
) -> Iterator[Item]:
    """Walk a list without pages by moving its lower bound, until an answer brings nothing new.

    For a list in ascending order that is cut at some unknown length (Screenleap's history by
    ``startedAfter``). The overlap brings items that share a start with the last one; ids drop the doubles.
    More items in one overlap than an answer holds cannot be walked, and nothing in the answers would tell.

    Args:
        fetch: Gets the items that started after a mark.
        since: The first mark.
        id_of: An item's id.
        start_of: Where an item stands, in the marks' unit.
        overlap: How far to go back behind the last item.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the list is called in errors.
        max_pages: A bound against lists without an end.

    Raises:
        Refused: It took more requests than the bound.
    """
    teller = Teller(platform, conn_id, label)
    seen: set[str] = set()
    for _ in range(max_pages):
        batch = fetch(since)
        fresh = list(unique(batch, id_of, seen))
        if not fresh:
            return
        yield from fresh
        since = max(since, max(start_of(item) for item in batch) - overlap)
    teller.fail(Refused, f"the list took more than {max_pages} requests", "Narrow it, e.g. to fewer days.")


def unique(items: Iterable[Item], id_of: Callable[[Item], str], seen: set[str] | None = None) -> Iterator[Item]:
    """Yield each item whose id was not there before: a list that moves shows rows on two pages.

    Args:
        items: The items.
        id_of: An item's id.
        seen: The ids that were there before; grows.
    """
    seen = set() if seen is None else seen
    for item in items:
        identity = id_of(item)
        if identity not in seen:
            seen.add(identity)
            yield item


def mark_of(query: Query) -> QueryMark:
    """Return what is the same for two queries that ask for the same page."""
    return tuple(
        sorted(
            (name, tuple(map(str, value)) if isinstance(value, (list, tuple)) else (str(value),))
            for name, value in query.items()
        )
    )
