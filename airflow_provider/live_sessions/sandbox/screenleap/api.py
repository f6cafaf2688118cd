"""Screenleap's API under ``/screenleap/v2``: credentials, routes, the calls themselves."""

from __future__ import annotations

import hmac
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider.live_sessions.sandbox.screenleap.shapes import read_time, refuse, share_json
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.screenleap.options import Options
    from airflow_provider.live_sessions.sandbox.screenleap.state import Share, Store
    from airflow_provider.live_sessions.sandbox.wire import Request

ROOT = "/screenleap/v2"
MAX_EXTERNAL_ID = 192
CHOICES = {
    "screenSharingMode": ("NONE", "SCREEN", "SCREEN_WITH_EMBEDDED_PHOTO", "SCREEN_WITH_EMBEDDED_VIDEO"),
    "videoMode": ("NONE", "BROADCAST", "FULL"),
    "presenterAppType": ("NATIVE", "IFREE", "DEFAULT"),
}
BOOLEANS = frozenset(
    (
        *("showScreenleapBranding", "isSecure", "allowViewerMouse", "allowRemoteControl", "startPaused"),
        *("hideStopButton", "hidePauseButton", "openWholeScreen", "openInRectangleMode", "record", "autoRecord"),
        *("recordVideo", "allowRecording", "recordOnStart", "allowChat", "useBroadcastAudio", "useComputerAudio"),
    )
)
MOMENTS = ("startedBefore", "startedAfter", "endedBefore", "endedAfter")

VIEWER_PAGE = "<!doctype html><title>Screenleap</title><h1>Viewing a shared screen</h1>"


class Api:
    """Screenleap's HTTP interface.

    Args:
        store: What exists.
        options: How this Screenleap behaves.
        created: Called with each new share, for scripted people.
        stop: Called with a share that was told to stop.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
        created: Callable[[Share, datetime], None],
        stop: Callable[[Share, datetime], None],
    ) -> None:
        self._store = store
        self._options = options
        self._created = created
        self._stop = stop
        self._routes: tuple[
            tuple[re.Pattern[str], dict[str, Callable[[Request, datetime, str], Response]]], ...
        ] = (
            (re.compile("/screen-shares"), {"POST": self._create, "GET": self._history}),
            (re.compile("/screen-shares/([^/]+)"), {"GET": self._one}),
            (re.compile("/screen-shares/([^/]+)/stop"), {"POST": self._stop_one}),
            (re.compile("/recent-screen-shares"), {"GET": self._recent}),
        )

    def answer(self, request: Request, now: datetime) -> Response:
        """Answer a request below the root."""
        path = request.path.removeprefix(ROOT)
        viewer = re.fullmatch("/viewer/([^/]+)", path)
        if viewer is not None:
            return self._viewer(request, now, viewer[1])
        for pattern, methods in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if not self._known(request):
                return unauthorised()
            call = methods.get(request.method)
            if call is None:
                return refuse(HTTPStatus.METHOD_NOT_ALLOWED, f"The method {request.method} is not supported.")
            return call(request, now, found[1] if pattern.groups else "")
        return refuse(HTTPStatus.NOT_FOUND, "There is no such call.")

    def _known(self, request: Request) -> bool:
        account = request.header("accountid") or request.param("accountid")
        token = request.header("authtoken")  # a header only: in a URL it does not count
        return account == self._options.account_id and hmac.compare_digest(
            token.encode(), self._options.authtoken.encode()
        )

    def _create(self, request: Request, now: datetime, _: str) -> Response:
        if "content-length" not in request.headers:
            return refuse(HTTPStatus.BAD_REQUEST, "Bad request: content length error.")
        given = dict(request.pairs())  # the query alone: a JSON body is not looked at
        external_id = given.get("externalId", "")
        if len(external_id) > MAX_EXTERNAL_ID:
            return refuse(HTTPStatus.BAD_REQUEST, f"externalId is longer than {MAX_EXTERNAL_ID} characters.")
        for name, value in given.items():
            if (name in CHOICES and value not in CHOICES[name]) or (
                name in BOOLEANS and value not in ("true", "false")
            ):
                return refuse(HTTPStatus.BAD_REQUEST, f"Invalid value for parameter {name}.")
        if self._options.quota and self._store.created >= self._options.quota:
            return refuse(HTTPStatus.FORBIDDEN, "You have exceeded your free hours.")
        share = self._store.create(
            now,
            external_id=external_id,
            title=given.get("title", ""),
            branding=given.get("showScreenleapBranding") == "true",
        )
        self._created(share, now)
        data = self._launch_data(request, share, given)
        if self._options.nested_create:
            return Response.json(HTTPStatus.OK, {"screenShareData": data, "viewerUrl": data["viewerUrl"]})
        return Response.json(HTTPStatus.OK, data)

    def _launch_data(self, request: Request, share: Share, given: dict[str, str]) -> dict[str, Any]:
        return {
            "screenShareCode": share.code,
            "presenterParams": f"params-{share.token}",
            "viewerUrl": self.viewer_url(share, request.door),
            "origin": "API",
            "useV2": True,
            "participantId": f"{int(share.code[:6]):06d}",
            "token": share.token,
            "hostname": f"{given.get('presenterCountryCode', 'us').lower()}.sandbox.invalid",
            "accountId": self._options.account_id,
        }

    def viewer_url(self, share: Share, origin: str) -> str:
        """Return where a share can be watched."""
        return f"{origin}{ROOT}/viewer/{share.code}?accountid={quote(self._options.account_id)}"

    def _history(self, request: Request, now: datetime, _: str) -> Response:
        given = dict(request.pairs())
        bounds: dict[str, datetime] = {}
        for name in MOMENTS:
            if name in given:
                try:
                    bounds[name] = read_time(given[name], given.get("dateFormat", ""))
                except ValueError:
                    return refuse(HTTPStatus.BAD_REQUEST, f"Invalid value for parameter {name}.")
        found = [
            one
            for one in self._store.history(now)
            if given.get("externalId", one.external_id) == one.external_id and _within(one, bounds)
        ]
        return self._list(found[: self._options.history_cap], now)

    def _recent(self, _request: Request, now: datetime, _: str) -> Response:
        return self._list(list(self._store.recent(now)), now)

    def _one(self, _request: Request, now: datetime, code: str) -> Response:
        share = self._store.readable(code, now)
        if share is not None:
            return Response.json(HTTPStatus.OK, share_json(share, self._options, now))
        if self._options.unknown_code == "empty":
            return Response(HTTPStatus.OK)
        return refuse(int(self._options.unknown_code), f"There is no share {code}.")

    def _stop_one(self, _request: Request, now: datetime, code: str) -> Response:
        share = self._store.shares.get(code)
        if share is None or share.ended_at is not None:
            return refuse(HTTPStatus.NOT_FOUND, f"The share {code} does not exist or has already ended.")
        if not share.api:
            return refuse(HTTPStatus.FORBIDDEN, "This share was not created through the Screenleap API.")
        if share.started_at is None:
            if self._options.stop_unstarted == "404":
                return refuse(HTTPStatus.NOT_FOUND, f"The share {code} does not exist or has already ended.")
            if self._options.stop_unstarted == "ended":
                self._store.close(share, now)
        else:
            self._stop(share, now)
        return Response.json(HTTPStatus.OK, {})

    def _viewer(self, request: Request, now: datetime, code: str) -> Response:
        if request.param("accountid") != self._options.account_id:
            return unauthorised()
        share = self._store.readable(code, now)
        if share is None or share.ended_at is not None:
            return refuse(HTTPStatus.FORBIDDEN, "This share cannot be watched.")
        return Response.html(HTTPStatus.OK, VIEWER_PAGE)

    def _list(self, shares: list[Share], now: datetime) -> Response:
        return Response.json(HTTPStatus.OK, [share_json(one, self._options, now) for one in shares])


def unauthorised() -> Response:
    """Return the 401 for missing or wrong credentials."""
    return refuse(HTTPStatus.UNAUTHORIZED, "The account ID or the auth token is missing or incorrect.")


def _within(share: Share, bounds: dict[str, datetime]) -> bool:
    for name, bound in bounds.items():
        value = share.started_at if name.startswith("started") else share.ended_at
        if value is None or not (value < bound if name.endswith("Before") else value > bound):
            return False
    return True
