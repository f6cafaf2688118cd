"""Screenleap's HTTP interface: one method a call, nothing decided here.

Sources: "HTTP Calls" of the API documentation and ``apis/screenleap.md`` sections 1 and 2. Both credentials are
headers, parameters are in the query (``true`` and ``false``), success is 200 for every call.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import quote, urlsplit

from pydantic import SecretStr, ValidationError  # noqa: TID253 - loaded when a task runs
from requests.auth import AuthBase  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.budget import account_of
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.paging import walk_window
from airflow_provider.live_sessions.core.reading import misfitting
from airflow_provider.live_sessions.core.retry import RetryPolicy, Safety
from airflow_provider.live_sessions.core.surroundings import ALONE, Surroundings
from airflow_provider.live_sessions.platforms.screenleap.filters import EPOCH, ShareFilters, to_millis
from airflow_provider.live_sessions.platforms.screenleap.models import LaunchData, Share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from requests import PreparedRequest

PLATFORM = "Screenleap"
BASE_URL = "https://api.screenleap.com/v2"
REQUESTS_PER_SECOND = 2.0
"""Screenleap documents no limit; this is what we allow ourselves."""

BURST = 2.0
"""Requests that may follow each other at once after a quiet time; fewer where the rate is lower."""

SMALLEST_CAP = 1000
"""Shares after which the history may be cut: its page says 1,000, and 10,000 two lines later."""

OVERLAP_MS = 1
"""The next part of the history is asked for from a millisecond before the last start: several may share it."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AccountAuth(AuthBase):
    """The headers ``accountid`` and ``authtoken``; the token never goes into a URL ("Authentication")."""

    def __init__(self, account_id: str, authtoken: SecretStr) -> None:
        self._account_id = account_id
        self._authtoken = authtoken

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the headers."""
        request.headers["accountid"] = self._account_id
        request.headers["authtoken"] = self._authtoken.get_secret_value()
        return request


class ScreenleapClient:
    """One developer account.

    Args:
        account_id: Chosen at sign-up.
        authtoken: From the developer account's settings.
        conn_id: The Airflow connection, for messages and figures.
        base_url: Where the API is; plain http only on this machine, because the token travels in every request.
        requests_per_second: The rate budget.
        retry: How failed requests are repeated; a create never is.
        timeout: Seconds to connect and to wait for an answer.
        verify: Check the server's certificate, or a path of certificates to trust.
        surroundings: The rate budgets and the meter of this machine; by default only this process's.

    Raises:
        ConfigurationError: A credential is missing or the address is not usable.
    """

    def __init__(
        self,
        *,
        account_id: str,
        authtoken: SecretStr,
        conn_id: str = "",
        base_url: str = BASE_URL,
        requests_per_second: float = REQUESTS_PER_SECOND,
        retry: RetryPolicy | None = None,
        timeout: tuple[float, float] = (5.0, 30.0),
        verify: bool | str = True,
        surroundings: Surroundings = ALONE,
    ) -> None:
        if not account_id.strip() or not authtoken.get_secret_value().strip():
            raise ConfigurationError(
                "The connection lacks the account id or the auth token.",
                platform=PLATFORM,
                conn_id=conn_id,
                advice="Fill in Account id (Airflow's login) and Auth token (Airflow's password).",
            )
        if base_url.startswith("http://") and urlsplit(base_url).hostname not in _LOOPBACK:
            raise ConfigurationError(
                "The auth token must not travel over plain http.",
                platform=PLATFORM,
                conn_id=conn_id,
                advice="Give the host with https://; plain http is for this machine only.",
            )
        self.conn_id = conn_id
        self.account_id = account_id
        # Derived, so that the digests of codes tell nothing about the token itself.
        self._digest_key = hmac.digest(authtoken.get_secret_value().encode(), b"als1:screen-share-code", "sha256")
        self._http = HttpClient(
            platform=PLATFORM,
            conn_id=conn_id,
            base_url=base_url,
            auth=AccountAuth(account_id, authtoken),
            secrets=[authtoken],
            timeout=timeout,
            retry=retry or RetryPolicy(),
            budget=surroundings.budgets.of(
                account_of(PLATFORM, base_url, account_id),
                requests_per_second,
                burst=min(BURST, max(1.0, requests_per_second)),
            ),
            meter=surroundings.meter,
            verify=verify,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._http.close()

    def now(self) -> datetime:
        """Return the platform's time."""
        return self._http.now()

    def digest(self, code: SecretStr) -> str:
        """Return what shows a code without giving it away.

        Nine digits are found from a plain hash in a second, so the account's token is mixed in: the same code
        gives the same digest wherever this connection is, and nobody else can tell which code it is.
        """
        mixed = hmac.digest(self._digest_key, code.get_secret_value().encode(), hashlib.sha256)
        return f"share-{mixed.hex()[:16]}"

    def viewer_url(self, code: SecretStr) -> SecretStr:
        """Return where a share is watched; the same that a create answers."""
        account = quote(self.account_id, safe="")
        return SecretStr(f"{self._http.base_url.rstrip('/')}/viewer/{_path(code)}?accountid={account}")

    # ---- the calls

    def create(self, params: Mapping[str, Any]) -> LaunchData:
        """Reserve a code and obtain the data that starts it (``POST /screen-shares``). Nothing runs yet.

        Each call makes another share and nothing makes it idempotent, so a lost answer is never repeated.

        Args:
            params: The documented parameters by their API names; None is left out.

        Raises:
            OutcomeUnknown: The answer was lost: a share may have been made, but its launch data is gone.
            Refused: 400, a parameter; 403, the free hours are used up (``apis/screenleap.md`` section 1).
        """
        try:
            answer = self._http.request(
                "POST", "screen-shares", label="create a share", params=params, limited=True, data=b""
            )
        except Refused as error:
            if error.status == 403 and not error.advice:
                error.advice = "On a create, 403 means that the account's hours are used up."
            raise
        try:
            launched = LaunchData.read(answer.json(), answer.text)
        except (ValidationError, ValueError):
            raise OutcomeUnknown(
                "create a share: the answer holds no launch data; a share may have been made.",
                platform=PLATFORM,
                conn_id=self.conn_id,
                advice="The retry looks for it, stops it and makes another.",
            ) from None
        self._http.hide(launched.code)
        return launched

    def stop(self, code: SecretStr) -> None:
        """Send the presenter's app the message to stop (``POST /screen-shares/{code}/stop``).

        The end follows later. A second stop does no more than the first, so a lost answer is asked for again.

        Raises:
            NotFound: There is no such code, or the share has ended already: they look the same.
            Refused: 403, the share was not made through the API.
        """
        self._http.hide(code)
        self._http.request(
            "POST",
            f"screen-shares/{_path(code)}/stop",
            label="stop a share",
            limited=True,
            data=b"",
            safety=Safety.IDEMPOTENT,
            expect_json=False,  # its body is not documented
        )

    def share(self, code: SecretStr) -> Share:
        """Return one share (``GET /screen-shares/{code}``).

        Raises:
            NotFound: There is none: how a wrong code is answered is not documented, so 400, 403, 404 and an
                empty answer all mean it here.
        """
        self._http.hide(code)
        try:
            answer = self._http.request(
                "GET",
                f"screen-shares/{_path(code)}",
                label="read a share",
                limited=True,
                expect_json=False,
            )
        except Refused as error:
            if error.status in (400, 403):
                self._no_share()
            raise
        body = answer.json()
        if not body:
            self._no_share()
        share = self._parse(body, "read a share")
        if share.code is None or share.code != code:
            raise Unavailable(
                "read a share: the answer is about another share.", platform=PLATFORM, conn_id=self.conn_id
            )
        return share

    def recent(self, *, on_page: Callable[[Any], None] | None = None) -> list[Share]:
        """Return what waits for a presenter, runs, or ended within 5 minutes (``GET /recent-screen-shares``).

        Args:
            on_page: Sees the answer's JSON, for who has to count.
        """
        return self._list("recent-screen-shares", {}, "list recent shares", on_page)

    def shares(self, filters: ShareFilters, *, on_page: Callable[[Any], None] | None = None) -> Iterator[Share]:
        """Walk the past shares that had a viewer (``GET /screen-shares``), each once.

        There are no pages: the list is cut at 1,000 or 10,000 (its page says both) and is asked for again from
        the last start, until nothing new comes. Recently ended shares are not in it; see :meth:`recent`.

        Args:
            filters: Which shares.
            on_page: Sees each answer's JSON as it comes.

        Raises:
            Refused: The list is cut and not in the order of the starts, so it cannot be walked.
        """
        first = 0 if filters.started_after is None else to_millis(filters.started_after)

        def fetch(mark: int) -> Sequence[Share]:
            query = filters.params()
            if filters.date_format is None and mark:
                query["startedAfter"] = mark
            elif mark > first:
                query = replace(filters, started_after=EPOCH + timedelta(milliseconds=mark)).params()
            rows = self._list("screen-shares", query, "list past shares", on_page)
            self._refuse_unordered(rows)
            return [row for row in rows if row.started_at is not None]

        rows = walk_window(
            fetch,
            first,
            id_of=_code_of,
            start_of=_start_of,
            overlap=OVERLAP_MS,
            platform=PLATFORM,
            conn_id=self.conn_id,
            label="list past shares",
        )
        return (row for row in rows if filters.admits(row))

    # ---- plumbing

    def _list(
        self, path: str, query: Mapping[str, Any], label: str, on_page: Callable[[Any], None] | None
    ) -> list[Share]:
        body = self._http.request("GET", path, label=label, params=query, limited=True).json()
        if not isinstance(body, list):
            raise Unavailable(
                f"{label}: the answer is no list.", platform=PLATFORM, conn_id=self.conn_id, advice=_CHANGED
            )
        rows = [self._parse(one, label) for one in body]
        if on_page is not None:  # who looks at the rows may rely on their shape
            on_page(body)
        return [row for row in rows if row.code is not None]

    def _refuse_unordered(self, rows: Sequence[Share]) -> None:
        starts = [row.started_at for row in rows if row.started_at is not None]
        if len(rows) >= SMALLEST_CAP and starts != sorted(starts):
            raise Refused(
                "list past shares: the list may be cut, and is not in the order of the starts.",
                platform=PLATFORM,
                conn_id=self.conn_id,
                advice="Ask for a shorter time, so that fewer than 1,000 shares are in it.",
            )

    def _no_share(self) -> NoReturn:
        raise NotFound("read a share: there is no such share.", platform=PLATFORM, conn_id=self.conn_id)

    def _parse(self, data: Any, label: str) -> Share:
        try:
            return Share.model_validate(data)
        except ValidationError as error:
            fields = misfitting(error.errors())
            raise Unavailable(
                f"{label}: the answer has an unexpected shape ({fields}).",
                platform=PLATFORM,
                conn_id=self.conn_id,
                advice=_CHANGED,
            ) from None


_CHANGED = "If this lasts, the platform changed its API: look for a newer release of this provider."


def _path(code: SecretStr) -> str:
    return quote(code.get_secret_value(), safe="")


def _code_of(share: Share) -> str:
    return "" if share.code is None else share.code.get_secret_value()


def _start_of(share: Share) -> int:
    return 0 if share.started_at is None else to_millis(share.started_at)
