"""Pages asked for before their turn, where the answers so far say what the next ones are called.

A list of numbered pages that tells how many rows it has is known from its first page on. Its pages are then
fetched by a few threads at once and handed out one after the other, so who walks the list reads what it would have
read alone and only waits less. A list that names its next page in another way is read page by page, as before.

The threads share the account's rate budget with everybody else; asking ahead never asks faster than it allows.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from airflow_provider.live_sessions.core.paging import mark_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from concurrent.futures import Future

    from airflow_provider.live_sessions.core.paging import Fetch, Query, QueryMark

THREADS = 12
"""Requests on their way at once. Each holds a connection, so :data:`wire.CONNECTIONS` has to be as many for a list
and as many again for what is asked about its rows."""

ROWS = 2_400
"""Rows that are held before their turn, whatever the size of a page: memory has to stay bounded."""


@contextmanager
def helpers(threads: int = THREADS) -> Iterator[ThreadPoolExecutor]:
    """Lend threads that ask ahead; they start when there is work, and nobody waits for them after an error."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="live-sessions-ahead")
    whole = False
    try:
        yield pool
        whole = True
    finally:
        # What is on its way after an error are reads whose answers nobody wants: they end by their own timeouts.
        pool.shutdown(wait=whole, cancel_futures=True)


@contextmanager
def pages_ahead(fetch: Fetch, *, ahead: bool = True) -> Iterator[Fetch]:
    """Lend a ``Fetch`` that asks ahead; the one given where ``ahead`` is False."""
    if not ahead:
        yield fetch
        return
    with helpers() as pool:
        yield PagesAhead(fetch, pool)


class PagesAhead:
    """A ``Fetch`` that has the next pages of a list coming while one is read.

    Args:
        fetch: Gets a page; called by several threads at once.
        pool: The threads.
        threads: How many there are.
    """

    def __init__(self, fetch: Fetch, pool: ThreadPoolExecutor, *, threads: int = THREADS) -> None:
        self._fetch = fetch
        self._pool = pool
        self._threads = threads
        self._coming: dict[QueryMark, Future[Any]] = {}

    def __call__(self, query: Query) -> Any:
        """Return a page, and order those behind it.

        Raises:
            LiveSessionError: What fetching this page raised, in its turn.
        """
        coming = self._coming.pop(mark_of(query), None)
        body = self._fetch(query) if coming is None else coming.result()
        for following in pages_behind(query, body, most=self._threads):
            self._order(following)
        return body

    def _order(self, query: Query) -> None:
        mark = mark_of(query)
        if mark not in self._coming:
            self._coming[mark] = self._pool.submit(self._fetch, query)


def pages_behind(query: Query, body: Any, *, most: int, rows: int = ROWS) -> Iterator[Mapping[str, Any]]:
    """Yield the parameters of the pages that follow one, as far as they are certain.

    Certain is what the platform says: its link to the next page differs from this page's query by the number
    alone, and its count says how many there are.

    Args:
        query: The parameters of the page.
        body: Its JSON.
        most: How many pages to name at most.
        rows: How many rows they may hold together; one page may hold more.
    """
    if not isinstance(body, dict):
        return
    count, results, link = body.get("count"), body.get("results"), body.get("next")
    if not isinstance(count, int) or not isinstance(results, list) or not results or not isinstance(link, str):
        return
    try:
        following = parse_qs(urlsplit(link).query, keep_blank_values=True)
        number = int(dict(mark_of(query)).get("page", ("1",))[0])
    except ValueError:  # no link, no number: the walk itself says what is wrong
        return
    if mark_of(following) != mark_of({**query, "page": number + 1}):
        return
    # Whole numbers throughout: a count may be longer than a float can hold.
    last = min(-(-count // len(results)), number + min(most, max(1, rows // len(results))))
    for page in range(number + 1, last + 1):
        yield {**following, "page": [str(page)]}
