"""The access token of one client: got, renewed at half its life, replaced once when it is refused.

Without I/O of its own: the client hands in what sends a token request (``apis/coviu.md`` section 1). A refresh
that fails falls back to the client credentials, so that a dead refresh token never ends the work; only a token
that was got for somebody else by an authorisation code has nothing to fall back to.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.core.errors import AuthenticationFailed, LiveSessionError, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import SecretStr

    from airflow_provider.live_sessions.platforms.coviu.models import Token

log = logging.getLogger(__name__)

CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}

REFUSAL_PAUSE = 60.0
"""Seconds after a renewal that followed a 401 in which another 401 is believed: it is not the token's fault."""

RETRY_PAUSE = 30.0
"""Seconds after a failed early renewal before the next try; until then the old token goes on."""


class TokenRefused(AuthenticationFailed):
    """The token endpoint itself said no: the credentials are wrong, whatever is asked for with them."""


class Tokens:
    """Keeps one token good.

    Args:
        fetch: Sends a token request with that form.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self, fetch: Callable[[Mapping[str, str]], Token], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._token: Token | None = None
        self._got_at = 0.0
        self._not_before = 0.0
        self._renewed_at = float("-inf")
        self._delegated = False

    @property
    def access(self) -> SecretStr | None:
        """The present token."""
        return None if self._token is None else self._token.access_token

    def authorize(self, code: str) -> None:
        """Exchange an authorisation code: from now on the client acts for the team that gave it.

        Raises:
            TokenRefused: The code is not good, or was used.
        """
        self._take(self._get({"grant_type": "authorization_code", "code": code}))
        self._delegated = True

    def ensure(self) -> None:
        """Get a token where there is none, and a new one when half of its life has passed.

        Raises:
            TokenRefused: The credentials are not accepted.
            Transient: The token endpoint cannot be asked and the present token, if any, has run out.
        """
        if self._token is None:
            self._take(self._get(CLIENT_CREDENTIALS))
            return
        age = self._monotonic() - self._got_at
        # After a renewal that failed the old token serves a while longer, but not past its life.
        waits = self._monotonic() < self._not_before and age < self._token.expires_in
        if age < self._token.expires_in / 2 or waits:
            return
        try:
            self._take(self._renewed())
        except LiveSessionError as error:
            if isinstance(error, Refused) or age >= self._token.expires_in:
                raise
            self._not_before = self._monotonic() + RETRY_PAUSE
            log.warning("The token could not be renewed early and goes on until it ends: %s", error)

    def after_refusal(self) -> bool:
        """Get a new token because the present one was refused; True when there is one to try.

        A second refusal soon after is believed: on Coviu a cancelled session answers 401 to any token.

        Raises:
            TokenRefused: The credentials are not accepted.
        """
        now = self._monotonic()
        lifetime = self._token.expires_in if self._token is not None else 0.0
        if now - self._renewed_at < min(REFUSAL_PAUSE, lifetime / 2):
            return False
        self._take(self._renewed() if self._delegated else self._get(CLIENT_CREDENTIALS))
        self._renewed_at = now
        return True

    def _renewed(self) -> Token:
        """Use the refresh token; where that fails, the client credentials."""
        refresh = None if self._token is None else self._token.refresh_token
        if refresh is None and self._delegated:
            raise TokenRefused("get a token: the delegated access has run out and came without a refresh token.")
        if refresh is None:
            return self._get(CLIENT_CREDENTIALS)
        try:
            return self._get({"grant_type": "refresh_token", "refresh_token": refresh.get_secret_value()})
        except LiveSessionError as error:
            if self._delegated:  # the client's own credentials would act for another team
                raise
            log.info("The refresh token did not do, the client credentials are used: %s", error)
            return self._get(CLIENT_CREDENTIALS)

    def _get(self, form: Mapping[str, str]) -> Token:
        try:
            return self._fetch(form)
        except Refused as error:
            raise TokenRefused(
                error.what,
                platform=error.platform,
                conn_id=error.conn_id,
                advice="Check API key (Airflow's login) and Key secret (Airflow's password) of the connection.",
                status=error.status,
                words=error.words,
            ) from None

    def _take(self, token: Token) -> None:
        self._token = token
        self._got_at = self._monotonic()
        self._not_before = 0.0
