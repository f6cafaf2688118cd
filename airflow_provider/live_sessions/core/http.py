"""One HTTP client for all platforms: waits its turn, repeats what may be repeated, and tells the truth.

What may be repeated is decided in ``retry``, when in ``budget``, one attempt is made in ``exchange``; this is
the driver. An error names the call by its label, never by its path or query, and carries no exception of
``requests`` or urllib3, because their texts hold the URL.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn, Self

from airflow_provider.live_sessions.core.address import below, plain_params, same_origin_target, usable_base
from airflow_provider.live_sessions.core.answer import Answer, refusal
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.exchange import Call, Exchange, Trouble
from airflow_provider.live_sessions.core.meter import RATE_LIMITED, Meter, NoMeter
from airflow_provider.live_sessions.core.retry import (
    Event,
    Failure,
    GiveUp,
    Happened,
    RetryPolicy,
    Safety,
    decide,
    in_doubt,
    quiet_after,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import SecretStr
    from requests.auth import AuthBase

    from airflow_provider.live_sessions.core.budget import Budget

__all__ = ["Answer", "HttpClient"]

log = logging.getLogger(__name__)

MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class HttpClient:
    """Talks to one account on one platform.

    Args:
        platform: The platform, for errors and logs.
        conn_id: The Airflow connection, for errors and logs.
        base_url: Where the API begins, http or https; paths are appended to it.
        auth: Adds the credentials to each request, None for none.
        secrets: Taken out of everything that the platform says.
        timeout: Seconds to connect, and between two pieces of an answer.
        retry: How failed requests are repeated.
        budget: What calls marked as limited wait for.
        meter: Counts the answers with status 429.
        max_body: Bytes; a longer answer is an error, also where it is small before decompression.
        longest: Seconds; an answer that is longer on its way, from its headers on, counts as lost.
        verify: Check the server's certificate, or a path of certificates to trust.
        headers: Sent with every request.
        cookies: Keep cookies and send them back.
        renew: Called with the answer when a request is refused with 401 or 403, once per request and not for
            requests with an auth of their own; True when there are new credentials to try.
        explain: Called with an answer that is no success, before its status decides; an error that it returns is
            raised: for platforms whose bodies tell apart what their statuses do not.
        clock: The local time, aware.
        monotonic: Seconds of a clock that never goes back.
        sleep: Waits so many seconds.
        rng: The source of chance for waits.

    Raises:
        ConfigurationError: The base URL is not usable.
    """

    def __init__(
        self,
        *,
        platform: str,
        conn_id: str,
        base_url: str,
        auth: AuthBase | None = None,
        secrets: Sequence[SecretStr] = (),
        timeout: tuple[float, float] = (5.0, 30.0),
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        meter: Meter | None = None,
        max_body: int = 64 * 1024 * 1024,
        longest: float = 300.0,
        verify: bool | str = True,
        headers: Mapping[str, str] | None = None,
        cookies: bool = False,
        renew: Callable[[Answer], bool] | None = None,
        explain: Callable[[Answer], LiveSessionError | None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.platform = platform
        self.conn_id = conn_id
        try:
            self.base_url = usable_base(base_url)
        except ValueError:
            self.base_url = ""
        if not self.base_url:
            raise ConfigurationError(
                "The address of the platform is not usable.",
                platform=platform,
                conn_id=conn_id,
                advice="Give it as https://host/path, without a user, a password, a query or a fragment.",
            )
        self.clock_offset = timedelta(0)
        self._given = tuple(secrets)
        self._learnt: deque[SecretStr] = deque(maxlen=16)
        self._retry = retry or RetryPolicy()
        self._budget = budget
        self._meter = meter or NoMeter()
        self._renew = renew
        self._explain = explain
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - spreads waits, guards nothing
        self._exchange = Exchange(
            platform=platform,
            conn_id=conn_id,
            auth=auth,
            headers=headers,
            cookies=cookies,
            timeout=timeout,
            verify=verify,
            max_body=max_body,
            longest=longest,
            secrets=self._secrets,
            now=self.now,
            monotonic=monotonic,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<HttpClient {self.platform} {self.conn_id!r}>"

    def close(self) -> None:
        """Give back the connections."""
        self._exchange.close()

    def now(self) -> datetime:
        """Return the server's time, as far as its last answer told it."""
        return self._clock() + self.clock_offset

    def hide(self, secret: SecretStr) -> None:
        """Take one more secret, e.g. a new token, out of what the platform says; the last 16 count."""
        self._learnt.append(secret)

    def request(
        self,
        method: str,
        path: str,
        *,
        label: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        auth: AuthBase | None = None,
        safety: Safety | None = None,
        limited: bool = False,
        expect_json: bool = True,
    ) -> Answer:
        """Send a request, as often as is safe, and return its successful answer.

        Args:
            method: The HTTP method.
            path: What follows the base URL; ids in it are percent-encoded by the caller.
            label: What the call is called in errors and logs, e.g. ``list sessions``.
            params: The query; booleans become ``true`` and ``false``, None is left out.
            json: Sent as a JSON body.
            data: Sent as a form, or bytes as they are.
            headers: Sent beside the client's own.
            auth: Instead of the client's own.
            safety: What a second execution would do; by default what the method promises.
            limited: Wait for a turn of the rate budget.
            expect_json: A success whose body is not JSON is no success; 204 and 205 have no body.

        Raises:
            ConfigurationError: The request cannot be sent, or the server's certificate is not trusted.
            AuthenticationFailed: 401.
            NotFound: 404 or 410.
            Refused: Any other answer that time will not heal.
            RateLimited: 429, and no further wait is worth it.
            Unavailable: No answer, or one that time may heal; nothing had an effect.
            OutcomeUnknown: A write may have had its effect, and nothing tells.
        """
        call = Call(
            method=method.upper(),
            url=self._url(path, label),
            label=label,
            safety=safety or Safety.of(method),
            params=plain_params(params or {}),
            json=json,
            data=data,
            headers=headers,
            auth=auth,
            limited=limited,
            expect_json=expect_json,
        )
        attempt, hops, renewed, doubted = 1, 0, False, False
        while True:
            self._take_turn(call, doubted=doubted)
            outcome = self._exchange.send(call)
            answer = outcome if isinstance(outcome, Answer) else outcome.answer
            if answer is not None:
                self._learn_time(answer)
                self._measure(answer)
            if isinstance(outcome, Answer):
                return outcome
            if outcome.advice:
                self._hopeless(call, outcome, doubted=doubted)
            target = self._redirect(call, answer)
            if target and hops < MAX_REDIRECTS:
                hops += 1
                call = replace(call, url=target, params=None)
                continue
            if not renewed and call.auth is None and self._renewed(answer):
                renewed = True
                continue
            if not doubted and (known := self._known(answer)) is not None:
                raise known
            verdict = decide(
                self._retry, call.safety, outcome.event, attempt=attempt, doubted=doubted, rng=self._rng
            )
            if isinstance(verdict, GiveUp):
                self._pause_all(outcome.event, attempt)
                self._give_up(call, verdict.failure, outcome, attempt, doubted=doubted)
            self._pause_all(outcome.event, attempt)
            doubted = doubted or in_doubt(call.safety, outcome.event)
            log.warning(
                "%s (connection %r): %s: %s; trying again in %.1f s.",
                self.platform,
                self.conn_id,
                label,
                outcome.reason,
                verdict.wait,
            )
            self._sleep(verdict.wait)
            attempt += 1

    def _url(self, path: str, label: str) -> str:
        try:
            return below(self.base_url, path)
        except ValueError:
            raise ConfigurationError(
                f"{label}: no address can be made of its arguments.",
                platform=self.platform,
                conn_id=self.conn_id,
                advice="An id is empty, consists of dots, or holds a space, '?', '#' or '/'.",
            ) from None

    def take_turn(self, label: str) -> None:
        """Wait for a turn of the rate budget, for a request that is sent elsewhere (a file that is streamed).

        Raises:
            RateLimited: The platform asked for a longer pause than is worth waiting for.
        """
        left = 0.0 if self._budget is None else self._budget.acquire(patience=self._retry.max_wait)
        if left > 0:
            raise RateLimited(
                f"{label}: {_paused(left)}; nothing was sent.",
                platform=self.platform,
                conn_id=self.conn_id,
                retry_after=left,
            )

    def _take_turn(self, call: Call, *, doubted: bool) -> None:
        if not call.limited:
            return
        try:
            self.take_turn(call.label)
        except RateLimited as error:
            if not doubted:
                raise
            left = error.retry_after
        else:
            return
        raise self._unknown(call, _paused(left))

    def _pause_all(self, event: Event, attempt: int) -> None:
        asked = event.retry_after
        if self._budget is not None and (asked is not None or event.status == HTTPStatus.TOO_MANY_REQUESTS):
            # A 429 that names no time still means everybody who shares the account, not only this call.
            self._budget.pause(quiet_after(self._retry, attempt) if asked is None else asked)

    def _measure(self, answer: Answer) -> None:
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._meter.count(RATE_LIMITED, platform=self.platform, conn_id=self.conn_id)

    def _learn_time(self, answer: Answer) -> None:
        # An answer out of a cache tells the time of another day.
        if answer.date is not None and answer.headers.get("Age", "0").strip() == "0":
            self.clock_offset = answer.date - self._clock()

    def _redirect(self, call: Call, answer: Answer | None) -> str:
        """Return where a read goes on; credentials never travel to another host."""
        if answer is None or call.safety is not Safety.READ or answer.status not in _REDIRECTS:
            return ""
        return same_origin_target(call.url, answer.headers.get("Location", ""))

    def _renewed(self, answer: Answer | None) -> bool:
        refused = answer is not None and answer.status in (401, 403)
        return answer is not None and refused and self._renew is not None and self._renew(answer)

    def _known(self, answer: Answer | None) -> LiveSessionError | None:
        """Return what the platform itself knows an answer to mean."""
        return None if answer is None or self._explain is None else self._explain(answer)

    def _secrets(self) -> tuple[SecretStr, ...]:
        return (*self._given, *self._learnt)

    def _hopeless(self, call: Call, trouble: Trouble, *, doubted: bool) -> NoReturn:
        """Raise for what neither time nor a repetition heals."""
        if doubted or in_doubt(call.safety, trouble.event):
            raise self._unknown(call, trouble.reason)
        kind = Refused if trouble.oversized else ConfigurationError
        raise kind(
            f"{call.label}: {trouble.reason}.",
            platform=self.platform,
            conn_id=self.conn_id,
            advice=trouble.advice,
        )

    def _give_up(self, call: Call, failure: Failure, trouble: Trouble, attempt: int, *, doubted: bool) -> NoReturn:
        if failure is Failure.REFUSED and trouble.answer is not None:
            note = "An earlier try of this call may have taken effect." if doubted else ""
            raise refusal(trouble.answer, self._secrets(), note=note)
        if failure is Failure.UNKNOWN:
            raise self._unknown(call, trouble.reason)
        asked = trouble.event.retry_after or 0.0
        told = f"{call.label}: {trouble.reason}"
        told += f" (tried {attempt} times)" if attempt > 1 else ""
        told += f"; the platform asks for {asked:.0f} s of quiet" if asked else ""
        kind = RateLimited if failure is Failure.RATE_LIMITED else Unavailable
        malformed = trouble.event.happened is Happened.MALFORMED
        raise kind(
            f"{told}.",
            platform=self.platform,
            conn_id=self.conn_id,
            advice="Check that the connection's host is the platform's API." if malformed else "",
            retry_after=asked,
        )

    def _unknown(self, call: Call, reason: str) -> LiveSessionError:
        return OutcomeUnknown(
            f"{call.label}: {reason}; whether it took effect is not known.",
            platform=self.platform,
            conn_id=self.conn_id,
            advice="Look for its effect before it is sent again.",
        )


def _paused(left: float) -> str:
    return f"the platform asked for a pause, of which {left:.0f} s are left"
