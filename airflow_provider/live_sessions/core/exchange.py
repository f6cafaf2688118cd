"""One request, sent once: what went out, and what is known afterwards."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests  # noqa: TID253 - loaded at run time only

from airflow_provider.live_sessions import __version__
from airflow_provider.live_sessions.core.answer import Answer, words_of
from airflow_provider.live_sessions.core.redact import guard_urllib3_logs, sensitive
from airflow_provider.live_sessions.core.retry import Event, Happened, Safety, parse_retry_after
from airflow_provider.live_sessions.core.wire import (
    FAULTS,
    BareSession,
    TooLargeError,
    TooSlowError,
    body_chunks,
    fault_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import SecretStr
    from requests.auth import AuthBase

log = logging.getLogger(__name__)

MAX_IDLE = 4.0
"""Seconds. Servers close idle connections after 5 s or more; a write that meets the closing is "unknown"."""

_ERROR_BODY = 64 * 1024
_NO_CONTENT = (204, 205)


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the caller meant it; the fields are the arguments of ``HttpClient.request``."""

    method: str
    url: str
    label: str
    safety: Safety
    params: Mapping[str, Any] | None
    json: Any
    data: Mapping[str, Any] | bytes | None
    headers: Mapping[str, str] | None
    auth: AuthBase | None
    limited: bool
    expect_json: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an attempt brought no usable answer.

    Args:
        event: What is known.
        reason: Half a sentence, without secrets.
        answer: What was answered, where it was.
        advice: Set where neither time nor a repetition helps, only another configuration or question.
        oversized: The answer was longer than allowed.
    """

    event: Event
    reason: str
    answer: Answer | None = None
    advice: str = ""
    oversized: bool = False


class Exchange:
    """Sends requests over one session.

    Args:
        platform: The platform, for errors and logs.
        conn_id: The Airflow connection, for errors and logs.
        auth: Adds the credentials, None for none.
        headers: Sent with every request.
        cookies: Keep cookies and send them back.
        timeout: Seconds to connect, and between two pieces of an answer.
        verify: Check the server's certificate, or a path of certificates to trust.
        max_body: Bytes; the longest answer, after decompression.
        longest: Seconds; how long an answer may be on its way, from its headers on.
        secrets: Says what to take out of the platform's words.
        now: The server's time as far as known, for a Retry-After without a Date.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        *,
        platform: str,
        conn_id: str,
        auth: AuthBase | None,
        headers: Mapping[str, str] | None,
        cookies: bool,
        timeout: tuple[float, float],
        verify: bool | str,
        max_body: int,
        longest: float,
        secrets: Callable[[], tuple[SecretStr, ...]],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._platform = platform
        self._conn_id = conn_id
        self._timeout = timeout
        self._verify = verify
        self._max_body = max_body
        self._longest = longest
        self._secrets = secrets
        self._now = now
        self._monotonic = monotonic
        self._last_use = monotonic()
        self._session = BareSession(auth, cookies=cookies)
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": f"airflow-provider-live-sessions/{__version__}"}
        )
        self._session.headers.update(headers or {})
        guard_urllib3_logs()

    def close(self) -> None:
        """Give back the connections."""
        self._session.close()

    def send(self, call: Call) -> Answer | Trouble:
        """Send the call once. Nothing of ``requests`` escapes."""
        request = self._prepare(call)
        if isinstance(request, Trouble):
            return request
        if call.safety is Safety.ONCE and self._monotonic() - self._last_use > MAX_IDLE:
            self._session.close()  # drops idle connections only; the session goes on
        started = self._monotonic()
        outcome = self._exchange(call, request)
        self._last_use = self._monotonic()
        log.debug(
            "%s (connection %r): %s: %s in %d ms.",
            self._platform,
            self._conn_id,
            call.label,
            f"status {outcome.status}" if isinstance(outcome, Answer) else outcome.reason,
            (self._last_use - started) * 1000,
        )
        return outcome

    def _prepare(self, call: Call) -> requests.PreparedRequest | Trouble:
        """Build the request anew for each attempt, so that renewed credentials are used."""
        try:
            request = self._session.prepare_request(
                requests.Request(
                    call.method,
                    call.url,
                    params=call.params,
                    json=call.json,
                    data=call.data,
                    headers=dict(call.headers or {}),
                    auth=call.auth,
                )
            )
            problem = _unsendable(request.headers)
        except (*FAULTS, TypeError) as error:
            problem = type(error).__name__  # its text may hold the header's value
        else:
            if not problem:
                return request
        return Trouble(
            Event(Happened.NEVER_SENT),
            f"the request cannot be built ({problem})",
            advice="Look for line breaks and letters outside Latin-1 in the connection's credentials.",
        )

    def _exchange(self, call: Call, request: requests.PreparedRequest) -> Answer | Trouble:
        try:
            with sensitive():
                response = self._session.dispatch(request, timeout=self._timeout, verify=self._verify)
        except FAULTS as error:
            fault = fault_of(error)
            return Trouble(Event(fault.happened), fault.reason, advice=fault.advice)
        with response:
            try:
                content = self._content(response)
            except TooSlowError:
                return Trouble(Event(Happened.LOST), "the answer did not come to its end in time")
            except TooLargeError:
                reason = f"the answer is longer than {self._max_body} bytes"
                return Trouble(Event(Happened.MALFORMED), reason, advice="Ask for less.", oversized=True)
            except FAULTS as error:  # whatever it is: the request had arrived
                return Trouble(Event(Happened.LOST), fault_of(error).reason)
        answer = Answer(
            status=response.status_code,
            headers=response.headers,
            content=content,
            label=call.label,
            safety=call.safety,
            platform=self._platform,
            conn_id=self._conn_id,
        )
        return self._judge(call, answer)

    def _content(self, response: requests.Response) -> bytes:
        if 200 <= response.status_code < 300:
            return b"".join(body_chunks(response, self._max_body, longest=self._longest))
        content = bytearray()
        try:  # here the status is the message; what comes of the body is enough
            for piece in body_chunks(response, _ERROR_BODY, longest=self._longest):
                content += piece
        except (TooLargeError, TooSlowError, *FAULTS):
            pass
        return bytes(content)

    def _judge(self, call: Call, answer: Answer) -> Answer | Trouble:
        if answer.status < 200:
            reason = f"nothing but an interim answer came (status {answer.status})"
            return Trouble(Event(Happened.LOST), reason, answer)
        if answer.status >= 300:
            asked = parse_retry_after(answer.headers.get("Retry-After"), now=answer.date or self._now())
            words = words_of(answer, self._secrets()) if answer.status >= 400 else ""
            reason = f"status {answer.status}" + (f", {words}" if words else "")
            return Trouble(Event(Happened.ANSWERED, answer.status, asked), reason, answer)
        bodiless = call.method == "HEAD" or answer.status in _NO_CONTENT
        if call.expect_json and not bodiless and not answer.is_json:
            reason = f"status {answer.status}, but the answer is not JSON"
            return Trouble(Event(Happened.MALFORMED, answer.status), reason, answer)
        return answer


def _unsendable(headers: Mapping[str, str | bytes]) -> str:
    """Return which header cannot be sent, by its name only."""
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if any(character in "\r\n\0" or ord(character) > 255 for character in text):
            return f"header {name}"
    return ""
