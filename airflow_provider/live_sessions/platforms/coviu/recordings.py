"""A session's recordings, out of the team's collections: found by session, streamed, verified, described.

Coviu has no call for "the recordings of a session". What an app of the account records lies in collections, each
a list of submissions that name their session (``apis/coviu.md`` sections 2.3 and 5; newest description only, not
tried on the real service). Whether there will be one is told nowhere: it depends on the app and on consent.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.core.errors import NotFound, Unavailable
from airflow_provider.live_sessions.core.resuming import Transfer
from airflow_provider.live_sessions.core.times import format_optional_time, later
from airflow_provider.live_sessions.platforms.coviu.filters import SubmissionFilters
from airflow_provider.live_sessions.platforms.coviu.launching import LABEL

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.platforms.coviu.client import CoviuClient
    from airflow_provider.live_sessions.platforms.coviu.models import SubmissionFile
    from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform

COLLECTION = "GET /collections/{team}/collection/{collection}"
SOURCE = (COLLECTION, f"{COLLECTION}/submission/{{submission}}")
FILE = f"{COLLECTION}/submission/{{submission}}/file/{{file}}"
AUDIO = f"{COLLECTION}/recording/{{submission}}"

EARLY = timedelta(hours=1)
"""How long before its planned start a session's first recording may have been made."""

MEDIA = ("video/", "audio/")
"""Collections hold forms and documents too."""
SUFFIXES = {"video/webm": ".webm", "audio/webm": ".webm", "video/mp4": ".mp4", "audio/mpeg": ".mp3"}


@dataclass(frozen=True, slots=True)
class Recording:
    """One file that may be a recording.

    Args:
        team_id: The team.
        collection_id: The collection.
        submission_id: The submission.
        made: When it was made, ISO 8601; empty where it is not told.
        file: The file; None for the submission's audio recording.
    """

    team_id: str
    collection_id: str
    submission_id: str
    made: str
    file: SubmissionFile | None

    def fetch(self, client: CoviuClient, transfer: Transfer, quality: str | None) -> Generator[bytes]:
        """Yield its content."""
        where = (self.team_id, self.collection_id, self.submission_id)
        if self.file is None:
            return client.audio_recording(*where, transfer=transfer)
        return client.submission_file(*where, self.file.id, quality=quality, transfer=transfer)

    def to_json(self) -> dict[str, Any]:
        """Write what tells it from others, for the manifest."""
        file = self.file
        return {
            "collection_id": self.collection_id,
            "submission_id": self.submission_id,
            "file_id": "" if file is None else file.id,
            "made": self.made,
            "told_bytes": None if file is None else file.size,
            "updated": "" if file is None else format_optional_time(file.updated_at) or "",
        }


def bring_recordings(
    platform: CoviuPlatform,
    record: SessionRecord,
    writer: Writer,
    *,
    quality: str = "",
    wait_for: float = 0.0,
) -> Manifest:
    """Write every recording of a session as ``recording-01.webm`` and so on, and their manifest.

    What is home, unharmed, and told unchanged by Coviu is not fetched again.

    Args:
        platform: The open team.
        record: The session.
        writer: Writes the files.
        quality: ``480p`` for smaller videos; then Coviu's length and digest are not those of what comes.
        wait_for: Seconds after the end for which a session without a recording is asked again by a retry.

    Raises:
        NotFound: A file that a submission lists is not there.
        Unavailable: There is no recording yet, or one could not be fetched to its end.
    """
    client = platform.client
    status = platform.current(record.ref)
    found = sorted(recordings_of(client, record), key=lambda one: (one.made, one.submission_id))
    told = {"quality": quality, "looked_at": [one.to_json() for one in found]}
    previous = writer.previous
    if previous is not None and previous.status is Completeness.COMPLETE:
        same = {name: previous.extra.get(name) for name in told} == told
        if same and writer.unharmed():
            return previous
    numbers = itertools.count(1)
    verified = dict(filter(None, (_write(client, one, writer, numbers, quality) for one in found)))
    if not verified and wait_for and client.now() < later(status.ended_at or record.end, wait_for):
        raise Unavailable(
            "There is no recording yet.",
            platform=LABEL,
            conn_id=client.conn_id,
            advice="The retry looks again until `wait_for` has passed.",
        )
    return writer.finish(
        Manifest(
            kind="recording",
            platform=record.ref.platform,
            conn_id=record.ref.conn_id,
            session_key=record.ref.key,
            status=Completeness.COMPLETE if verified else Completeness.NONE,
            session_ids=status.session_ids,
            title=record.title,
            planned_start=record.start,
            planned_end=record.end,
            actual_start=status.started_at,
            actual_end=status.ended_at,
            why="" if verified else "No recording of it is in the team's collections.",
            source=(*SOURCE, FILE, AUDIO),
            extra={**told, "verified": verified},
        )
    )


def recordings_of(client: CoviuClient, record: SessionRecord) -> Iterator[Recording]:
    """Yield every file of every submission that names the session, and the audio of one without files."""
    session_id = record.ref.session_id
    team_id = client.session(session_id).team_id or client.team().team_id
    filters = SubmissionFilters(since=record.start - EARLY)
    for collection in client.collections(team_id):
        for row in client.submissions(team_id, collection.collection_id, filters):
            if row.session_id != session_id:
                continue
            detail = client.submission(team_id, collection.collection_id, row.item_submission_id)
            made = format_optional_time(row.created_at) or ""
            files: list[SubmissionFile | None] = [*sorted(detail.files, key=lambda one: one.id)]
            for file in files or [None]:
                yield Recording(team_id, collection.collection_id, row.item_submission_id, made, file)


def _write(
    client: CoviuClient, one: Recording, writer: Writer, numbers: Iterator[int], quality: str
) -> tuple[str, list[str]] | None:
    """Write one recording; return its name and what was verified of it, None where it is no recording."""
    transfer = Transfer()
    chunks = one.fetch(client, transfer, quality or None)
    try:
        first = next(chunks, b"")
    except NotFound:
        if one.file is not None:
            raise  # it is listed: without it what comes home would not be all there is
        return None  # a submission without files need not be an audio recording either
    if not transfer.part.content_type.startswith(MEDIA):
        chunks.close()
        return None
    name = f"recording-{next(numbers):02d}{SUFFIXES.get(transfer.part.content_type, '.bin')}"
    told = None if quality else one.file
    content = _verified(client, itertools.chain([first], chunks), transfer, told)
    writer.add(name, content, media_type=transfer.part.content_type, hashed=transfer)
    told_length = transfer.part.length is not None or (told is not None and told.size is not None)
    told_digest = bool(transfer.part.sha256 or (told is not None and told.sha256))
    return name, ["length"] * told_length + ["sha256"] * told_digest


def _verified(
    client: CoviuClient, chunks: Iterable[bytes], transfer: Transfer, told: SubmissionFile | None
) -> Iterator[bytes]:
    """Pass a file on; at its end, before the storage shows it, hold it against what the submission tells of it."""
    yield from chunks
    if told is not None and told.size is not None and told.size != transfer.received:
        wrong = f"{transfer.received} bytes came and {told.size} are told"
    elif told is not None and told.sha256 and told.sha256 != transfer.digest:
        wrong = "its sha256 is not the one that is told"
    else:
        return
    raise Unavailable(
        f"fetch a recording: {wrong}.",
        platform=LABEL,
        conn_id=client.conn_id,
        advice="It may still be written: the retry fetches it anew.",
    )
