"""What an app of the account collects: submissions that name their session, with files that come in ranges.

Newest description of the API only (dossier 2.3); what it leaves open is decided here.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.clock import iso
from airflow_provider.live_sessions.sandbox.coviu.state import new_id
from airflow_provider.live_sessions.sandbox.coviu.wire import Problem, moment, whole
from airflow_provider.live_sessions.sandbox.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.coviu.options import Options
    from airflow_provider.live_sessions.sandbox.wire import Request

LIMIT = 20
"""Submissions a page where nobody says; the documented default."""
VIDEO, AUDIO = "video/webm", "audio/webm"


@dataclass(slots=True)
class StoredFile:
    """A file of a submission.

    Args:
        id: Its id.
        body: Its content.
        media_type: What it is.
        told: The length that the submission tells; the true one unless a test lies.
        metadata: Whatever the app wrote.
    """

    id: str
    body: bytes
    media_type: str
    told: int
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Submission:
    """Something collected in a session."""

    id: str
    collection_id: str
    session_id: str
    created: datetime
    files: list[StoredFile] = field(default_factory=list)
    audio: bytes | None = None


class Collections:
    """All collections of one team.

    Args:
        options: How this Coviu behaves.
        team_id: The team.
    """

    def __init__(self, options: Options, team_id: str) -> None:
        self._options = options
        self._team_id = team_id
        self.names: dict[str, str] = {}
        self.submissions: list[Submission] = []

    def routes(self) -> dict[str, Callable[[Request, tuple[str, ...]], Response]]:
        """Return the endpoints by their path below the API's root, all of them read with GET."""
        team = "/collections/([^/]+)"
        one = f"{team}/collection/([^/]+)"
        return {
            team: self._list,
            one: self._page,
            f"{one}/submission/([^/]+)": self._read,
            f"{one}/submission/([^/]+)/file/([^/]+)": self._file,
            f"{one}/recording/([^/]+)": self._audio,
        }

    def record(
        self,
        session_id: str,
        at: datetime,
        body: bytes,
        *,
        collection: str = "Recordings",
        media_type: str = VIDEO,
        audio: bool = False,
    ) -> Submission:
        """Keep a recording of a session, as an app would; ``audio`` keeps it as the submission's audio."""
        collection_id = next((key for key, name in self.names.items() if name == collection), "")
        if not collection_id:
            collection_id = new_id()
            self.names[collection_id] = collection
        kept = Submission(new_id(), collection_id, session_id, at, audio=body if audio else None)
        if not audio:
            kept.files.append(StoredFile(new_id(), body, media_type, len(body)))
        self.submissions.append(kept)
        return kept

    def _list(self, _: Request, args: tuple[str, ...]) -> Response:
        self._check(args)
        shown = [
            {
                "id": key,
                "team_id": self._team_id,
                "collection_id": key,
                "collection_reference": name.casefold(),
                "name": name,
                "read_setting": "team",
                "delete_setting": "restricted",
                "created_at": "2026-01-01T00:00:00.000Z",
            }
            for key, name in self.names.items()
        ]
        return Response.json(HTTPStatus.OK, shown)

    def _page(self, request: Request, args: tuple[str, ...]) -> Response:
        self._check(args)
        limit, offset = whole(request, "limit", LIMIT, least=1), whole(request, "offset", 0, least=0)
        edges = {name: moment(text, name) for name in ("from", "until") if (text := request.param(name))}
        rows = [
            one
            for one in self.submissions
            if one.collection_id == args[1]
            and one.created >= edges.get("from", one.created)
            and ("until" not in edges or one.created < edges["until"])
        ]
        rows.sort(key=lambda one: one.created, reverse=request.param("order", "asc") == "desc")
        page = rows[offset : offset + min(limit, self._options.max_submissions)]
        return Response.json(HTTPStatus.OK, {"items": [_shown(one) for one in page], "total": len(rows)})

    def _read(self, _: Request, args: tuple[str, ...]) -> Response:
        one = self._find(args)
        files = [
            {"id": file.id, "metadata": file.metadata, "size": file.told, "created_at": iso(one.created)}
            for file in one.files
        ]
        return Response.json(HTTPStatus.OK, {**_shown(one), "files": files})

    def _file(self, request: Request, args: tuple[str, ...]) -> Response:
        for file in self._find(args).files:
            if file.id == args[3]:
                small = request.param("quality") == "480p"
                return self._ranged(
                    request, file.body[: len(file.body) // 4] if small else file.body, file.media_type
                )
        raise Problem(HTTPStatus.NOT_FOUND, "Not found")

    def _audio(self, request: Request, args: tuple[str, ...]) -> Response:
        one = self._find(args)
        if one.audio is None:
            raise Problem(HTTPStatus.NOT_FOUND, "Not found")
        return self._ranged(request, one.audio, AUDIO)

    def _ranged(self, request: Request, body: bytes, media_type: str) -> Response:
        """Answer with a file, or with the part of it that is asked for."""
        digest = hashlib.sha256(body).digest()
        etag = f'"{digest.hex()[:16]}"'
        headers = [("ETag", etag), ("Accept-Ranges", "bytes")]
        if self._options.file_digest:
            headers.append(("Repr-Digest", f"sha-256=:{base64.b64encode(digest).decode()}:"))
        wanted = re.fullmatch(r"bytes=(\d+)-", request.header("range"))
        current = request.header("if-range") in ("", etag)
        if wanted is None or not current or not self._options.file_ranges:
            return Response(HTTPStatus.OK, body, media_type, tuple(headers))
        start = int(wanted[1])
        if start >= len(body):
            raise Problem(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "Range not satisfiable")
        headers.append(("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}"))
        return Response(HTTPStatus.PARTIAL_CONTENT, body[start:], media_type, tuple(headers))

    def _check(self, args: tuple[str, ...]) -> None:
        if args[0] != self._team_id or (len(args) > 1 and args[1] not in self.names):
            raise Problem(HTTPStatus.NOT_FOUND, "Not found")

    def _find(self, args: tuple[str, ...]) -> Submission:
        self._check(args)
        for one in self.submissions:
            if (one.collection_id, one.id) == args[1:3]:
                return one
        raise Problem(HTTPStatus.NOT_FOUND, "Not found")


def _shown(one: Submission) -> dict[str, Any]:
    return {
        "secure_collection_id": one.collection_id,
        "item_submission_id": one.id,
        "session_id": one.session_id,
        "created_at": iso(one.created),
        "updated_at": iso(one.created),
        "locked_at": iso(one.created),
        "action_status": True,
    }
