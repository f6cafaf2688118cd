"""``POST /auth/token``: the grants, and which access tokens are good (dossier 1)."""

from __future__ import annotations

import base64
import binascii
import hmac
import itertools
import json
import secrets
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from airflow_provider.live_sessions.sandbox.coviu.wire import Problem
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.wire import Request

FORM = "application/x-www-form-urlencoded"


class Tokens:
    """Gives out tokens and knows them again.

    Args:
        options: The credentials, and how long a token is good.
        team_id: The team that the tokens are for.
    """

    def __init__(self, options: Options, team_id: str) -> None:
        self._options = options
        self._team_id = team_id
        self._numbers = itertools.count(1)
        self._access: dict[str, datetime] = {}
        self._refresh: set[str] = set()
        self._codes = {options.authorization_code} - {""}

    def answer(self, request: Request, now: datetime) -> Response:
        """Answer a token request.

        Raises:
            Problem: 401 for the credentials or the refresh token, 400 for the request.
        """
        if not self._known_client(request):
            raise Problem(HTTPStatus.UNAUTHORIZED, "Invalid client credentials")
        if request.header("content-type").partition(";")[0] != FORM:
            raise Problem(HTTPStatus.BAD_REQUEST, "Invalid `body`")
        form = {name: values[-1] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        grant = form.get("grant_type", "")
        if grant == "refresh_token":
            self._spend(form.get("refresh_token", ""))
        elif grant == "authorization_code":
            code = form.get("code", "")
            if code not in self._codes:
                raise Problem(HTTPStatus.UNAUTHORIZED, "Invalid authorization code")
            self._codes.discard(code)
        elif grant != "client_credentials":
            raise Problem(HTTPStatus.BAD_REQUEST, "Invalid `grant_type`")
        return Response.json(HTTPStatus.OK, self._give(now))

    def check(self, request: Request, now: datetime) -> None:
        """Let a request pass that carries a good access token.

        Raises:
            Problem: 401, it carries none.
        """
        scheme, _, token = request.header("authorization").partition(" ")
        until = self._access.get(token)
        if scheme != "Bearer" or until is None or now >= until:
            raise unauthorised()

    def revoke(self, *, refresh: bool = False) -> None:
        """Make every access token worthless; the refresh tokens too where asked for."""
        self._access.clear()
        if refresh:
            self._refresh.clear()

    def all(self) -> list[str]:
        """Return every token given out and still known, for who looks whether one leaked."""
        return [*self._access, *self._refresh]

    def _known_client(self, request: Request) -> bool:
        scheme, _, text = request.header("authorization").partition(" ")
        try:
            given = base64.b64decode(text, validate=True)
        except binascii.Error:
            return False
        expected = f"{self._options.api_key}:{self._options.key_secret}".encode()
        return scheme == "Basic" and hmac.compare_digest(given, expected)

    def _spend(self, token: str) -> None:
        if token not in self._refresh or not self._options.refresh_works:
            raise Problem(HTTPStatus.UNAUTHORIZED, "Invalid refresh token")
        if self._options.refresh_rotates:
            self._refresh.discard(token)

    def _give(self, now: datetime) -> dict[str, object]:
        claims = {"userId": self._options.api_key, "n": next(self._numbers), "r": secrets.token_hex(8)}
        access = ".".join(_base64(json.dumps(part)) for part in ({"typ": "JWT", "alg": "HS256"}, claims, "seal"))
        refresh = secrets.token_urlsafe(32)
        self._access[access] = now + timedelta(seconds=self._options.expires_in)
        self._refresh.add(refresh)
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": self._options.expires_in,
            "token_type": "Bearer",
            "scope": f"team_api[{self._team_id}]",
        }


def unauthorised() -> Problem:
    """Return the 401; that of a cancelled session looks the same, which is the trap."""
    return Problem(HTTPStatus.UNAUTHORIZED, "Unauthorized")


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
