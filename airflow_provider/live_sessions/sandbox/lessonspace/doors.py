"""What is not the API: the pages behind join links, the replay's page, and the files in storage."""

from __future__ import annotations

import hmac
import html
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.sandbox.lessonspace.links import (
    FILES,
    GO,
    INVITE,
    PLAY,
    file_seal,
    link_of,
    read,
)
from airflow_provider.live_sessions.sandbox.lessonspace.presence import NotAdmitted, admit
from airflow_provider.live_sessions.sandbox.lessonspace.state import Link
from airflow_provider.live_sessions.sandbox.wire import JSON, Response

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox.lessonspace.artifacts import Artifacts
    from airflow_provider.live_sessions.sandbox.lessonspace.presence import Presence
    from airflow_provider.live_sessions.sandbox.lessonspace.state import Space, Store
    from airflow_provider.live_sessions.sandbox.wire import Request

# Opening the page in a browser joins, closing it leaves; fetching it with a program does neither.
ROOM = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1><p>{name}, you are <b id="state">coming in</b>.</p><button id="leave">Leave</button>
<script>
const browser = localStorage.browser ??= crypto.randomUUID();
let connection = "";
const call = (what) => location.href + "&do=" + what + "&browser=" + browser + "&connection=" + connection;
const show = (text) => document.getElementById("state").textContent = text;
const leave = () => {{ if (connection) navigator.sendBeacon(call("leave")); connection = ""; show("outside"); }};
fetch(call("join"), {{method: "POST"}}).then(answer => answer.json()).then(told => {{
  connection = told.connection ?? ""; show(connection ? "in" : "outside: " + told.detail.replace(/[.]$/, ""));
}});
document.getElementById("leave").onclick = leave;
addEventListener("pagehide", leave);
</script>
"""
PAGE = '<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p>\n'


class Doors:
    """Answers whoever holds a link.

    Args:
        store: What exists.
        presence: Lets people in.
        artifacts: Holds the files.
    """

    def __init__(self, store: Store, presence: Presence, artifacts: Artifacts) -> None:
        self._store = store
        self._presence = presence
        self._artifacts = artifacts

    def answer(self, request: Request, now: datetime) -> Response:
        """Answer a request outside the API."""
        path = request.path
        if path.startswith(FILES) and request.method == "GET":
            return self._file(request, now)
        if path == PLAY and request.method == "GET":
            return self._play(request, now)
        if request.method in ("GET", "POST"):
            if path == GO:
                return self._go(request, now)
            if path.startswith(INVITE):
                return self._invite(request, now)
        return _page(HTTPStatus.NOT_FOUND, "Not Found", "Nobody lives here.")

    def _go(self, request: Request, now: datetime) -> Response:
        space = self._store.spaces.get(request.param("room"))
        claims = read(request.param("user"), space.secret) if space else None
        if space is None or claims is None:
            return _page(HTTPStatus.FORBIDDEN, "No entry", "This link is not valid.")
        return self._room(request, space, link_of(space, claims, self._store), now)

    def _invite(self, request: Request, now: datetime) -> Response:
        space = self._store.spaces.get(request.path.removeprefix(INVITE).strip("/"))
        if space is None or not space.allow_guests:
            return _page(HTTPStatus.FORBIDDEN, "No entry", "Please sign in.")
        return self._room(request, space, invite(space), now)

    def _room(self, request: Request, space: Space, link: Link, now: datetime) -> Response:
        browser = request.param("browser")
        if request.method == "GET":
            try:
                admit(link, link.browser, now)
            except NotAdmitted as why:
                return _page(HTTPStatus.FORBIDDEN, "No entry", str(why))
            title, name = html.escape(space.name or "Space"), html.escape(link.name)
            return Response.html(HTTPStatus.OK, ROOM.format(title=title, name=name))
        if request.param("do", "join") == "leave":
            return self._leave(space, request.param("connection"), now)
        try:
            who = self._presence.join(space, link, browser, now)
        except NotAdmitted as why:
            return Response.json(HTTPStatus.FORBIDDEN, {"detail": str(why)})
        session = space.live.uuid if space.live else ""
        return Response.json(HTTPStatus.OK, {"connection": who.socket_id, "session": session})

    def _leave(self, space: Space, socket_id: str, now: datetime) -> Response:
        inside = space.live.inside if space.live else []
        for one in inside:
            if space.live is not None and one.socket_id == socket_id:
                self._presence.leave(space.live, one, now)
        return Response(HTTPStatus.NO_CONTENT)

    def _play(self, request: Request, now: datetime) -> Response:
        space = self._store.spaces.get(request.param("room"))
        claims = read(request.param("user"), space.secret) if space else None
        if claims is None or not claims.get("playbackOnly") or now.timestamp() >= claims.get("exp", 0):
            return _page(HTTPStatus.FORBIDDEN, "No entry", "This recording link is no longer valid.")
        session = self._store.by_uuid.get(claims.get("session", ""))
        if session is None or not self._artifacts.recording_ready(session, now):
            return _page(HTTPStatus.NOT_FOUND, "Not Found", "There is no recording.")
        return _page(
            HTTPStatus.OK, session.name or "Recording", "The sandbox has no replay; on Lessonspace it plays here."
        )

    def _file(self, request: Request, now: datetime) -> Response:
        """Answer as S3 does for a pre-signed URL."""
        if request.header("authorization"):
            why = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
            return _xml(HTTPStatus.BAD_REQUEST, "InvalidArgument", f"{why}string parameter or the Authorization "
                        "header should be specified")  # fmt: skip
        query = dict(request.pairs())
        session = self._store.by_uuid.get(request.path.rpartition("/")[2].removesuffix(".json"))
        if session is None:
            return _xml(HTTPStatus.FORBIDDEN, "AccessDenied", "Access Denied")
        seal = file_seal(request.path, query, session.space.secret)
        if not hmac.compare_digest(query.get("X-Amz-Signature", "").encode(), seal.encode()):
            why = "The request signature we calculated does not match the signature you provided."
            return _xml(HTTPStatus.FORBIDDEN, "SignatureDoesNotMatch", why)
        # The signature is good, so these were written here and can be read.
        signed = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if now > signed + timedelta(seconds=int(query["X-Amz-Expires"])):
            return _xml(HTTPStatus.FORBIDDEN, "AccessDenied", "Request has expired")
        if not self._artifacts.transcript_ready(session, now):
            return _xml(HTTPStatus.NOT_FOUND, "NoSuchKey", "The specified key does not exist.")
        return Response(HTTPStatus.OK, self._artifacts.transcript(session), JSON)


def invite(space: Space) -> Link:
    """Return what a guest who has a space's invite URL comes with."""
    return Link(jti=f"invite/{space.id}", person=None, name="Guest")


def _page(status: int, title: str, text: str) -> Response:
    return Response.html(status, PAGE.format(title=html.escape(title), text=html.escape(text)))


def _xml(status: int, code: str, message: str) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    )
    return Response(status, text.encode(), "application/xml")
