"""Fetch a file behind a URL: no cookies, no credentials unless given, and the URL in no error and no log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests  # noqa: TID253 - loaded at run time only

from airflow_provider.live_sessions.core.address import same_origin_target
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    NotFound,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.redact import guard_urllib3_logs, sensitive
from airflow_provider.live_sessions.core.retry import parse_http_date, parse_retry_after
from airflow_provider.live_sessions.core.wire import (
    FAULTS,
    BareSession,
    TooLargeError,
    TooSlowError,
    body_chunks,
    fault_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import SecretStr
    from requests.auth import AuthBase

MAX_REDIRECTS = 5
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """The head of an answer that is a file, or the rest of one.

    Args:
        start: The byte that it begins with.
        total: The length of the whole file; None where it is not told.
        headers: All of them.
    """

    start: int
    total: int | None
    headers: Mapping[str, str]


def download(
    url: SecretStr,
    *,
    platform: str,
    conn_id: str,
    label: str,
    max_bytes: int = 2 * 1024**3,
    timeout: tuple[float, float] = (5.0, 60.0),
    chunk: int = 256 * 1024,
    longest: float = 6 * 3600.0,
    allow_plain_http: bool = False,
    length_required: bool = True,
    verify: bool | str = True,
    auth: AuthBase | None = None,
    headers: Mapping[str, str] | None = None,
    on_part: Callable[[Part], None] | None = None,
) -> Iterator[bytes]:
    """Yield a file piece by piece. Reading to the end without an error means that it is complete.

    Nothing is sent before the first piece is asked for. Nothing is repeated: a signed URL soon expires, so
    the caller asks the platform for a new one.

    Args:
        url: Where the file is.
        platform: The platform, for errors.
        conn_id: The Airflow connection, for errors.
        label: What the download is called in errors, e.g. ``fetch a transcript``.
        max_bytes: The longest file, after decompression.
        timeout: Seconds to connect, and between two pieces.
        chunk: Bytes a piece, at most.
        longest: Seconds for the whole file.
        allow_plain_http: Also accept http, for a sandbox.
        length_required: Refuse an answer without Content-Length and without chunks, because a connection
            that was cut looks the same as its end.
        verify: Check the server's certificate, or a path of certificates to trust.
        auth: Adds credentials, where the file lies on the platform itself; they follow no redirect elsewhere.
        headers: Sent with it, e.g. ``Range``; a part (206) is taken for what it says it is.
        on_part: Told of the answer's head before the first piece; what it raises ends the download.

    Raises:
        NotFound: 404 or 410.
        Refused: Any other answer that time will not heal (an expired URL is a 403), a file too long, a
            redirect to another host, a URL that is not https.
        RateLimited: 429.
        Unavailable: No answer, a cut transfer, a content that cannot be decompressed, 5xx.
        ConfigurationError: The server's certificate is not trusted.
    """
    guard_urllib3_logs()
    teller = _Teller(platform, conn_id, label)
    target = url.get_secret_value()
    if not _allowed(target, allow_plain_http):
        raise teller.error(Refused, "the platform gave a link that is not https")
    response: requests.Response | None = None
    trouble: LiveSessionError | None = None
    with BareSession(auth) as session:
        try:
            response = _open(session, target, timeout, verify, headers or {})
            trouble = _trouble(response, teller, max_bytes, length_required, ranged="Range" in (headers or {}))
            if trouble is None:
                if on_part is not None:
                    on_part(_part_of(response))
                yield from body_chunks(response, max_bytes, chunk, longest=longest)
        except TooSlowError:
            trouble = teller.error(Unavailable, f"the file did not come to its end within {longest:.0f} s")
        except TooLargeError:
            trouble = teller.too_long(max_bytes)
        except FAULTS as error:
            fault = fault_of(error)
            kind = ConfigurationError if fault.advice else Unavailable
            trouble = teller.error(kind, fault.reason, fault.advice)
        finally:
            if response is not None:
                response.close()
    if trouble is not None:
        raise trouble  # out here, where no exception of requests becomes its context


@dataclass(frozen=True, slots=True)
class _Teller:
    platform: str
    conn_id: str
    label: str

    def error(self, kind: type[LiveSessionError], what: str, advice: str = "", **more: float) -> LiveSessionError:
        return kind(f"{self.label}: {what}.", platform=self.platform, conn_id=self.conn_id, advice=advice, **more)

    def too_long(self, max_bytes: int) -> LiveSessionError:
        return self.error(Refused, f"the file is longer than {max_bytes} bytes")


def _open(
    session: BareSession,
    target: str,
    timeout: tuple[float, float],
    verify: bool | str,
    headers: Mapping[str, str],
) -> requests.Response:
    """Send the request, following redirects on the same scheme, host and port only."""
    hops = 0
    while True:
        # The file's length is checked, so it should come as it lies.
        prepared = session.prepare_request(
            requests.Request("GET", target, headers={"Accept": "*/*", "Accept-Encoding": "identity", **headers})
        )
        with sensitive():
            response = session.dispatch(prepared, timeout=timeout, verify=verify)
        further = same_origin_target(target, response.headers.get("Location", ""))
        if not (further and response.is_redirect and hops < MAX_REDIRECTS):
            return response
        response.close()
        target = further
        hops += 1


def _trouble(
    response: requests.Response, teller: _Teller, max_bytes: int, length_required: bool, *, ranged: bool
) -> LiveSessionError | None:
    """Return the error of an answer that is no file. Its body is not quoted: storage echoes the signature."""
    status, headers = response.status_code, response.headers
    if status == 200 or (status == 206 and ranged and _range_of(headers) is not None):
        if length_required and not _tells_its_end(headers):
            return teller.error(Refused, "the server does not tell the file's length; a cut would go unseen")
        return teller.too_long(max_bytes) if _announced(headers) > max_bytes else None
    what = f"the file's server answered with status {status}"
    if status in (404, 410):
        return teller.error(NotFound, what, status=status)
    if status in (408, 429) or status >= 500:
        now = parse_http_date(headers.get("Date")) or datetime.now(UTC)
        asked = parse_retry_after(headers.get("Retry-After"), now=now) or 0.0
        return teller.error(RateLimited if status == 429 else Unavailable, what, retry_after=asked)
    if response.is_redirect:
        return teller.error(Refused, f"{what}, a redirect to another place; it was not followed", status=status)
    advice = "The link may have expired; ask for a new one." if status in (401, 403) else ""
    return teller.error(Refused, what, advice, status=status)


def _part_of(response: requests.Response) -> Part:
    if response.status_code == 206:
        start, total = _range_of(response.headers) or (0, None)
        return Part(start, total, response.headers)
    length = _announced(response.headers) if "Content-Length" in response.headers else None
    return Part(0, length, response.headers)


def _range_of(headers: Mapping[str, str]) -> tuple[int, int | None] | None:
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return None if found is None else (int(found[1]), None if found[2] == "*" else int(found[2]))


def _allowed(url: str, allow_plain_http: bool) -> bool:
    try:
        parts = urlsplit(url)
        schemes = ("https", "http") if allow_plain_http else ("https",)
        return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _announced(headers: Mapping[str, str]) -> int:
    length = headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdecimal() else 0


def _tells_its_end(headers: Mapping[str, str]) -> bool:
    return "Content-Length" in headers or "chunked" in headers.get("Transfer-Encoding", "").lower()
