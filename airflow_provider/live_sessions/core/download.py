"""Fetch a file behind a URL: no cookies, no credentials unless given, and the URL in no error and no log."""

from __future__ import annotations

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
from airflow_provider.live_sessions.core.parts import Part
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
    from collections.abc import Iterator, Mapping

    from pydantic import SecretStr
    from requests.auth import AuthBase

MAX_REDIRECTS = 5


def download(
    url: SecretStr,
    *,
    platform: str,
    conn_id: str,
    label: str,
    max_bytes: int = 2 * 1024**3,
    timeout: tuple[float, float] = (5.0, 60.0),
    chunk: int = 1024 * 1024,
    longest: float = 6 * 3600.0,
    allow_plain_http: bool = False,
    length_required: bool = True,
    verify: bool | str = True,
    auth: AuthBase | None = None,
    part: Part | None = None,
) -> Iterator[bytes]:
    """Yield a file piece by piece. Reading to the end without an error means that it is complete.

    Nothing is sent before the first piece is asked for. Nothing is repeated: a signed URL soon expires, so
    the caller asks the platform for a new one; ``download_resuming`` does.

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
        part: What came of the file in transfers before; kept up to date. Only the rest is asked for; a server
            that sends the whole again begins it anew.

    Raises:
        NotFound: 404 or 410.
        Refused: Any other answer that time will not heal (an expired URL is a 403), a file too long, a
            redirect to another host, a URL that is not https.
        RateLimited: 429.
        Unavailable: No answer, a cut transfer, a content that cannot be decompressed, 5xx; the rest asked for
            is of another file by now.
        ConfigurationError: The server's certificate is not trusted.
    """
    guard_urllib3_logs()
    teller = _Teller(platform, conn_id, label)
    target = url.get_secret_value()
    if not _allowed(target, allow_plain_http):
        raise teller.error(Refused, "the platform gave a link that is not https")
    response: requests.Response | None = None
    trouble: LiveSessionError | None = None
    part = Part() if part is None else part
    with BareSession(auth) as session:
        try:
            response = _open(session, target, part, timeout, verify)
            trouble = _trouble(response, teller, part, max_bytes, length_required)
            if trouble is None:
                for piece in body_chunks(response, max_bytes - part.received, chunk, longest=longest):
                    part.received += len(piece)
                    yield piece
                if part.is_short:
                    trouble = teller.error(Unavailable, "the transfer ended before the file did")
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
    session: BareSession, target: str, part: Part, timeout: tuple[float, float], verify: bool | str
) -> requests.Response:
    """Send the request, following redirects on the same scheme, host and port only."""
    hops = 0
    while True:
        # The file's length is checked, so it should come as it lies.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **part.headers()}
        prepared = session.prepare_request(requests.Request("GET", target, headers=headers))
        with sensitive():
            response = session.dispatch(prepared, timeout=timeout, verify=verify)
        further = same_origin_target(target, response.headers.get("Location", ""))
        if not (further and response.is_redirect and hops < MAX_REDIRECTS):
            return response
        response.close()
        target = further
        hops += 1


def _trouble(
    response: requests.Response, teller: _Teller, part: Part, max_bytes: int, length_required: bool
) -> LiveSessionError | None:
    """Return the error of an answer that is no file. Its body is not quoted: storage echoes the signature."""
    status, headers = response.status_code, response.headers
    if part.received and status in (206, 416):
        if status == 206 and part.continued_by(headers):
            return None
        part.give_up()
        return teller.error(Unavailable, "the rest asked for is not of the file that was begun")
    if status == 200:
        part.begin(headers)
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
