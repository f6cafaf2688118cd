"""Talking to a training portal as its robot: logging in, once more when a token is spent, and reading answers.

A spent token is a 403 with an empty body, never a 401. Tokens are never refreshed: a refresh kills the old pair at
once, and with it whoever shares it; password grants do not disturb each other (``apis/educates.md`` section 1).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import SecretStr, ValidationError  # noqa: TID253 - loaded when a task runs
from requests.auth import AuthBase, HTTPBasicAuth  # noqa: TID253 - loaded when a task runs

from airflow_provider.live_sessions.core.budget import account_of
from airflow_provider.live_sessions.core.errors import (
    ConfigurationError,
    LiveSessionError,
    OutcomeUnknown,
    Refused,
    Unavailable,
)
from airflow_provider.live_sessions.core.http import HttpClient
from airflow_provider.live_sessions.core.reading import misfitting
from airflow_provider.live_sessions.core.retry import RetryPolicy, Safety
from airflow_provider.live_sessions.core.surroundings import ALONE, Surroundings
from airflow_provider.live_sessions.platforms.educates.models import Answer
from airflow_provider.live_sessions.platforms.educates.refusals import LOG_IN, PLATFORM, meaning

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from requests import PreparedRequest

    from airflow_provider.live_sessions.core.http import Answer as HttpAnswer

REQUESTS_PER_SECOND = 10.0
"""The portal names no limit; some fifty starts at once are more than it bears (issue 656)."""

BURST = 5.0
"""Requests that may follow each other at once after a quiet time; fewer where the rate is lower."""

TIMEOUT = 60.0
"""Seconds for an answer: a request waits for the cluster, behind everybody else's."""

_Model = TypeVar("_Model", bound=Answer)


class BearerAuth(AuthBase):
    """``Authorization: Bearer <token>``, with the token of the moment."""

    def __init__(self) -> None:
        self.token: SecretStr | None = None

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header."""
        if self.token is not None:
            request.headers["Authorization"] = f"Bearer {self.token.get_secret_value()}"
        return request


class PortalClient:
    """One robot account of one training portal.

    Args:
        base_url: The portal's own address, ``https://<portal>-ui.<ingress domain>``.
        username: The robot account, ``robot@educates`` by default on a portal.
        password: Its password.
        client_id: The OAuth application's id.
        client_secret: Its secret.
        conn_id: The Airflow connection, for messages and figures.
        requests_per_second: How fast the portal is asked at most.
        retry: How failed requests are repeated.
        timeout: Seconds to connect and to wait for an answer.
        verify: Check the server's certificate, or a path of certificates to trust.
        surroundings: The rate budgets and the meter of this machine; by default only this process's.
    """

    def __init__(
        self,
        *,
        base_url: str,
        username: str,
        password: SecretStr,
        client_id: str,
        client_secret: SecretStr,
        conn_id: str = "",
        requests_per_second: float = REQUESTS_PER_SECOND,
        retry: RetryPolicy | None = None,
        timeout: tuple[float, float] = (5.0, TIMEOUT),
        verify: bool | str = True,
        surroundings: Surroundings = ALONE,
    ) -> None:
        self.conn_id = conn_id
        missing = [
            name
            for name, value in (
                ("login (the robot account's name)", username),
                ("password (the robot account's)", password.get_secret_value()),
                ("extra client_id", client_id),
            )
            if not value.strip()
        ]
        if missing:
            raise ConfigurationError(
                f"The connection lacks {', '.join(missing)}.",
                platform=PLATFORM,
                conn_id=conn_id,
                advice="All four credentials are in the TrainingPortal's status.educates.",
            )
        self._username = username
        self._password = password
        self._client_id = client_id
        self._client_secret = client_secret
        self._auth = BearerAuth()
        self._answered = False
        self._http = HttpClient(
            platform=PLATFORM,
            conn_id=conn_id,
            base_url=base_url,
            auth=self._auth,
            secrets=[password, client_secret],
            timeout=timeout,
            retry=retry or RetryPolicy(),
            # By the portal, not the account: it is the portal that does not bear more.
            budget=surroundings.budgets.of(
                account_of(PLATFORM, base_url),
                requests_per_second,
                burst=min(BURST, max(1.0, requests_per_second)),
            ),
            meter=surroundings.meter,
            verify=verify,
            renew=self._renew,
            explain=lambda answer: meaning(answer, secrets=(password, client_secret)),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """The portal's own address, without a slash at the end."""
        return self._http.base_url

    def now(self) -> datetime:
        """Return the portal's time."""
        return self._http.now()

    # ---- who asks

    def log_in(self) -> None:
        """Get a token of one's own: password grants do not disturb each other, as refreshing one would.

        Raises:
            AuthenticationFailed: The account or the OAuth application is not accepted.
        """
        self._auth.token = None
        answer = self._http.request(
            "POST",
            "oauth2/token/",
            label=LOG_IN,
            data={
                "grant_type": "password",
                "username": self._username,
                "password": self._password.get_secret_value(),
            },
            auth=HTTPBasicAuth(self._client_id, self._client_secret.get_secret_value()),
            safety=Safety.READ,  # a second token does no harm
            limited=True,
        )
        body = answer.json()
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise self.misshapen(LOG_IN, "access_token", Unavailable)
        for name in ("access_token", "refresh_token"):
            if isinstance(body.get(name), str):
                self._http.hide(SecretStr(body[name]))
        self._auth.token = SecretStr(token)

    def close(self) -> None:
        """Revoke the token, as the guide advises who does not keep it, and give back the connection."""
        token, self._auth.token = self._auth.token, None
        if token is not None and self._answered:
            # It ends by itself, ten hours after it was given.
            with contextlib.suppress(LiveSessionError):
                self._http.request(
                    "POST",
                    "oauth2/revoke-token/",
                    label="revoke the token",
                    data={"token": token.get_secret_value()},
                    auth=HTTPBasicAuth(self._client_id, self._client_secret.get_secret_value()),
                    expect_json=False,
                )
        self._http.close()

    def _renew(self, answer: HttpAnswer) -> bool:
        """Log in once more after a 403 without a word, which is what a bad token gets; never a 401."""
        if answer.status != 403 or answer.content.strip():
            return False
        self.log_in()
        return True

    # ---- for the calls

    def get(
        self, model: type[_Model], path: str, label: str, *, params: Mapping[str, Any] | None = None
    ) -> _Model:
        """Read something, as often as is needed."""
        answer = self.call("GET", path, label, params=params, safety=Safety.READ)
        return self.parse(model, answer.json(), label)

    def call(
        self,
        method: str,
        path: str,
        label: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        safety: Safety = Safety.ONCE,
    ) -> HttpAnswer:
        """Send a call as the robot; unless it is said to be a read, once."""
        if self._auth.token is None:
            self.log_in()
        self._answered = False
        try:
            answer = self._http.request(
                method, path, label=label, params=params, json=json, safety=safety, limited=True
            )
        except Refused:
            self._answered = True
            raise
        self._answered = True
        return answer

    def parse(self, model: type[_Model], data: Any, label: str, *, write: bool = False) -> _Model:
        """Read an answer.

        Raises:
            Unavailable: It has another shape than documented.
            OutcomeUnknown: The same, for a call that had an effect.
        """
        try:
            return model.model_validate(data)
        except ValidationError as error:
            fields = misfitting(error.errors())
        raise self.misshapen(label, fields, OutcomeUnknown if write else Unavailable)

    def misshapen(self, label: str, fields: str, kind: type[LiveSessionError]) -> LiveSessionError:
        """Return the error for an answer of another shape."""
        return kind(
            f"{label}: the answer has an unexpected shape ({fields}).",
            platform=PLATFORM,
            conn_id=self.conn_id,
            advice="If this lasts, the portal changed its API: look for a newer release of this provider.",
        )
