"""Who is asking: OAuth tokens of the robot account, and the login cookies that activation links leave behind."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from airflow_provider.live_sessions.sandbox.educates.options import characters
from airflow_provider.live_sessions.sandbox.educates.pages import data, not_allowed
from airflow_provider.live_sessions.sandbox.wire import HTML, Response

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.educates.options import Options
    from airflow_provider.live_sessions.sandbox.wire import Request

REFRESH_LIFE = timedelta(days=30)


@dataclass(slots=True)
class Grant:
    """One access token with its refresh token."""

    user: str
    access: str
    refresh: str
    until: datetime
    refresh_until: datetime


class Accounts:
    """Gives tokens out and recognises them.

    Args:
        options: The credentials.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._grants: list[Grant] = []
        self._cookies: dict[str, str] = {}
        self._given: list[str] = []

    def tokens(self) -> list[str]:
        """Return every token that was ever given out, also those that are no longer good."""
        return list(self._given)

    def token(self, request: Request, now: datetime) -> Response:
        """Answer ``/oauth2/token/``."""
        if request.method != "POST":
            raise not_allowed("POST", "OPTIONS")
        form = _form(request)
        if form.get("grant_type") not in ("password", "refresh_token", "client_credentials"):
            return _error(HTTPStatus.BAD_REQUEST, "unsupported_grant_type")
        if not self._knows_client(request, form):
            return data(
                HTTPStatus.UNAUTHORIZED,
                {"error": "invalid_client"},
                ("Cache-Control", "no-store"),
                ("WWW-Authenticate", 'Bearer error="invalid_client"'),
            )
        if form["grant_type"] == "client_credentials":
            return _error(HTTPStatus.BAD_REQUEST, "unauthorized_client")
        if form["grant_type"] == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""), now)
        if not (
            _same(form.get("username", ""), self._options.username)
            and _same(form.get("password", ""), self._options.password)
        ):
            return _error(HTTPStatus.BAD_REQUEST, "invalid_grant", "Invalid credentials given.")
        return self._granted(self._options.username, now)

    def revoke(self, request: Request) -> Response:
        """Answer ``/oauth2/revoke-token/``."""
        if request.method != "POST":
            raise not_allowed("POST", "OPTIONS")
        form = _form(request)
        if not self._knows_client(request, form):
            return _error(HTTPStatus.UNAUTHORIZED, "invalid_client")
        self._grants = [one for one in self._grants if form.get("token") not in (one.access, one.refresh)]
        return Response(HTTPStatus.OK, b"", HTML)

    def revoke_all(self) -> None:
        """Forget every token, as a redeployed portal does."""
        self._grants.clear()
        self._cookies.clear()

    def bearer(self, request: Request, now: datetime) -> str:
        """Return the user of the request's token, empty for none that is good."""
        sent = request.header("authorization").removeprefix("Bearer ")
        return next((one.user for one in self._grants if _same(one.access, sent) and now < one.until), "")

    def acting(self, request: Request, now: datetime) -> str:
        """Return as whom the request acts: a login cookie wins over the token [recorded]."""
        cookies: SimpleCookie = SimpleCookie(request.header("cookie"))
        known = self._cookies.get(cookies["sessionid"].value) if "sessionid" in cookies else None
        return known or self.bearer(request, now)

    def log_in(self, user: str) -> tuple[tuple[str, str], ...]:
        """Return the cookies of a new login."""
        session = characters()
        self._cookies[session] = user
        return (
            ("Set-Cookie", f"csrftoken={characters()}; Path=/; SameSite=Lax"),
            ("Set-Cookie", f"sessionid={session}; HttpOnly; Path=/; SameSite=Lax"),
        )

    def _granted(self, user: str, now: datetime) -> Response:
        life = timedelta(seconds=self._options.token_life)
        grant = Grant(user, characters(30), characters(30), now + life, now + REFRESH_LIFE)
        self._grants.append(grant)
        self._given += [grant.access, grant.refresh]
        body = {
            "access_token": grant.access,
            "expires_in": int(self._options.token_life),
            "token_type": "Bearer",
            "scope": "user:info",
            "refresh_token": grant.refresh,
        }
        return data(HTTPStatus.OK, body, ("Cache-Control", "no-store"))

    def _refreshed(self, token: str, now: datetime) -> Response:
        old = next((one for one in self._grants if _same(one.refresh, token) and now < one.refresh_until), None)
        if old is None:
            return _error(HTTPStatus.BAD_REQUEST, "invalid_grant")
        self._grants.remove(old)  # both old tokens are dead at once [recorded]
        return self._granted(old.user, now)

    def _knows_client(self, request: Request, form: dict[str, str]) -> bool:
        scheme, _, encoded = request.header("authorization").partition(" ")
        if scheme == "Basic":
            try:
                client, _, secret = base64.b64decode(encoded).decode().partition(":")
            except ValueError:
                return False
        else:
            client, secret = form.get("client_id", ""), form.get("client_secret", self._options.client_secret)
        return _same(client, self._options.client_id) and _same(secret, self._options.client_secret)


def _form(request: Request) -> dict[str, str]:
    if not request.header("content-type").startswith("application/x-www-form-urlencoded"):
        return {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _error(status: int, error: str, description: str = "") -> Response:
    body = {"error": error, **({"error_description": description} if description else {})}
    return data(status, body, ("Cache-Control", "no-store"))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
