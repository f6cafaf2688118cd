"""``requests``, tamed: what it does by itself and must not, and what its exceptions say.

Loaded at run time only, by :mod:`http` and :mod:`download`.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests  # noqa: TID253 - loaded at run time only
import urllib3
from requests.adapters import HTTPAdapter  # noqa: TID253 - loaded at run time only
from requests.auth import AuthBase  # noqa: TID253 - loaded at run time only

from airflow_provider.live_sessions.core.retry import Happened

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 64 * 1024

CONNECTIONS = 24
"""Connections that are kept to a host: as many as ask at once (the pages of a list, and beside them the rooms of
its sessions); each further one would be opened anew each time."""

FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""Everything that sending and reading can raise, ``requests``' own and what slips through it."""


class NoAuth(AuthBase):
    """Adds nothing. Without an auth object ``requests`` takes one from ``~/.netrc`` and overwrites ours."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request as it is."""
        return request


class BareSession(requests.Session):
    """A session that repeats nothing, follows nothing, keeps no cookies and reads no ``~/.netrc``.

    Proxies and certificates of the environment still hold: a company's network needs them.

    Args:
        auth: Adds the credentials, None for none.
        cookies: Keep cookies and send them back.
    """

    def __init__(self, auth: AuthBase | None = None, *, cookies: bool = False) -> None:
        super().__init__()
        self.auth = NoAuth() if auth is None else auth
        self._surroundings: dict[tuple[str, bool | str], dict[str, Any]] = {}
        if not cookies:
            self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=CONNECTIONS))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Deny every redirect: even unfollowed, ``requests`` would read its body whole and unbounded."""

    def dispatch(
        self, request: requests.PreparedRequest, *, timeout: tuple[float, float], verify: bool | str
    ) -> requests.Response:
        """Send one prepared request and return as soon as its headers are there.

        Args:
            request: The request.
            timeout: Seconds to connect, and between two pieces of the answer.
            verify: Check the server's certificate, or a path of certificates to trust.
        """
        # Read once a host: looking through the environment costs as much as sending.
        where = (urlsplit(request.url or "").netloc, verify)
        if where not in self._surroundings:
            # Handed over here, or REQUESTS_CA_BUNDLE would win over verify=False.
            settings = self.merge_environment_settings(request.url, {}, True, verify, None)
            self._surroundings[where] = dict(settings)
        return self.send(request, timeout=timeout, allow_redirects=False, **self._surroundings[where])


class TooLargeError(Exception):
    """The body is longer than allowed."""


class TooSlowError(Exception):
    """The body has not come to its end in time, though bytes go on coming."""


def body_chunks(
    response: requests.Response, limit: int, chunk: int = CHUNK, *, longest: float = float("inf")
) -> Iterator[bytes]:
    """Yield the decoded body, as it comes.

    Args:
        response: The answer, its body not yet read.
        limit: Bytes, after decompression.
        chunk: Bytes to read at a time, at most: what has come is not kept waiting for more.
        longest: Seconds for the whole body. A byte now and then keeps the timeout between two from ever firing.

    Raises:
        TooLargeError: There is more.
        TooSlowError: It took longer.
    """
    size = 0
    until = time.monotonic() + longest
    while piece := response.raw.read1(chunk, decode_content=True):
        size += len(piece)
        if size > limit:
            raise TooLargeError
        if time.monotonic() > until:
            raise TooSlowError
        yield piece


@dataclass(frozen=True, slots=True)
class Fault:
    """What an exception says, in words that hold no URL.

    Args:
        happened: Whether the request may have arrived.
        reason: Half a sentence.
        advice: Set where only a changed configuration helps.
    """

    happened: Happened
    reason: str
    advice: str = ""


_NEVER_SENT: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.NameResolutionError, "the host's name cannot be resolved"),
    (urllib3.exceptions.ProxyError, "the proxy did not let it through"),
    (urllib3.exceptions.NewConnectionError, "the connection was refused"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection was made in time"),
    (urllib3.exceptions.ClosedPoolError, "the connection was closed before it was sent"),
)
# requests' own checks before it connects; a path of certificates that does not exist is a bare OSError.
_UNSENDABLE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
_LOST: tuple[tuple[type[Exception], str], ...] = (
    (urllib3.exceptions.ReadTimeoutError, "no answer came in time"),
    (urllib3.exceptions.DecodeError, "the answer cannot be decompressed"),
    (urllib3.exceptions.HTTPError, "the connection broke before the whole answer was there"),
    (requests.ConnectionError, "the connection broke before the whole answer was there"),
)


def fault_of(error: Exception) -> Fault:
    """Sort an exception of ``requests`` or urllib3. What is not provably unsent counts as sent."""
    causes = list(_causes(error))
    for one in causes:
        if isinstance(one, ssl.SSLCertVerificationError):
            return Fault(
                Happened.NEVER_SENT,
                "the server's certificate is not trusted",
                "Check the host's name; for a private authority give its certificates as verify.",
            )
    # A refused proxy wraps a refused connection, and a broken TLS connection a broken one: order matters.
    for kind, reason in _NEVER_SENT:
        if any(isinstance(one, kind) for one in causes):
            return Fault(Happened.NEVER_SENT, reason)
    for one in causes:
        if isinstance(one, ssl.SSLError):
            detail = getattr(one, "reason", None) or "no reason given"  # set only by OpenSSL itself
            return Fault(Happened.LOST, f"the TLS connection broke ({detail})")
    if isinstance(error, _UNSENDABLE) or type(error) is OSError:
        return Fault(
            Happened.NEVER_SENT,
            f"it cannot be sent ({type(error).__name__})",
            "Check the connection's host and the path of its certificates (verify, REQUESTS_CA_BUNDLE).",
        )
    for kind, reason in _LOST:
        if any(isinstance(one, kind) for one in causes):
            return Fault(Happened.LOST, reason)
    return Fault(Happened.LOST, f"the exchange failed ({type(error).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it wraps.

    ``__context__`` is left alone: it may belong to something that the caller is handling.
    """
    waiting: list[object] = [error]
    seen = 0
    while waiting and seen < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException):
            seen += 1
            yield one
            waiting += [*one.args, getattr(one, "reason", None)]
