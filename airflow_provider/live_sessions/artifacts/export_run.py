"""An export: each day or hour of a time looked up, spooled, written whole, and described by its manifest.

A day that is home, closed and unharmed is not asked for again: so a run that was stopped goes on where it stood,
and the same time again is the same bytes.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_files import FileFormat, encode
from airflow_provider.live_sessions.artifacts.export_spool import Spool
from airflow_provider.live_sessions.artifacts.manifest import Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer, read_manifest
from airflow_provider.live_sessions.core.session_rows import ExportAsk, Tally
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
    from airflow_provider.live_sessions.core.contract import ExportPlatform
    from airflow_provider.live_sessions.core.storage import Storage

SCHEMA = 1
"""Raised when a row gains or loses a column: what was written before is then written anew."""

PROGRESS_SECONDS = 30.0


def kind_of(file_format: FileFormat) -> str:
    """Return the kind of manifest: a folder may hold both formats, each with a manifest of its own."""
    return f"sessions-{file_format}"


def window_key(conn_id: str, since: datetime, until: datetime) -> str:
    """Return what tells the exports of two times apart."""
    text = f"{conn_id}\n{format_time(since)}\n{format_time(until)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What is exported where to.

    Args:
        storage: Where to.
        conn_id: The Airflow connection, for the path and the rows.
        prefix: The folder above ``platform=.../conn_id=.../date=...``.
        file_format: How rows are written.
        look_back: How long a session may have lasted.
        attendance: Also who was there and when.
        overwrite: Ask again for what is home already.
    """

    storage: Storage
    conn_id: str
    prefix: str = "sessions"
    file_format: FileFormat = FileFormat.JSONL
    look_back: timedelta | None = None
    attendance: bool = True
    overwrite: bool = False


@dataclass(slots=True)
class ExportResult:
    """What an export did.

    Args:
        manifests: One a day or hour, by name, oldest first.
        kept: How many were home already.
        partial: Sentences on what is not whole, one a day or hour concerned.
        counts: The figures of all manifests together.
    """

    manifests: list[str] = field(default_factory=list)
    kept: int = 0
    partial: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, manifest: Manifest, *, kept: bool) -> None:
        """Add one day or hour."""
        self.manifests.append(manifest.name)
        self.kept += kept
        if manifest.status is not Completeness.COMPLETE:
            self.partial.append(f"{manifest.name}: {manifest.why}")
        for name, figure in manifest.extra["counts"].items():
            # Sessions that are still open are the same ones on each day.
            so_far = self.counts.get(name, 0)
            self.counts[name] = max(so_far, figure) if name == "unended" else so_far + figure


class Progress:
    """Says every half minute how far a long export is.

    Args:
        say: Takes a sentence.
        clock: Seconds that only grow.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._next = clock() + PROGRESS_SECONDS
        self.rows = 0

    def row(self, chunk: Chunk, tally: Tally) -> None:
        """Count one row."""
        self.rows += 1
        if self._clock() >= self._next:
            self._next = self._clock() + PROGRESS_SECONDS
            told = "" if tally.told is None else f" of {tally.told}"
            self._say(f"{chunk.partition}: {tally.listed}{told} sessions, {tally.pages} pages; {self.rows} rows.")


def export(
    platform: ExportPlatform, plan: ExportPlan, chunks: Iterable[Chunk], *, say: Callable[[str], None]
) -> ExportResult:
    """Export each day or hour, oldest first.

    Args:
        platform: The open account.
        plan: What goes where.
        chunks: The days or hours.
        say: Takes sentences for the log.

    Raises:
        LiveSessionError: What the platform raised; the days and hours before are home.
    """
    result = ExportResult()
    progress = Progress(say)
    for chunk in chunks:
        home = None if plan.overwrite else _home(platform, plan, chunk)
        manifest = home or _export_chunk(platform, plan, chunk, progress)
        result.take(manifest, kept=home is not None)
        counts = manifest.extra["counts"]
        did = "home already" if home else f"partial: {manifest.why}" if manifest.why else "home"
        say(f"{chunk.partition}: {counts['sessions']} sessions, {counts['participants']} participants, {did}")
    return result


def _ask(platform: ExportPlatform, plan: ExportPlan, chunk: Chunk) -> ExportAsk:
    look_back = platform.export_rules.look_back if plan.look_back is None else plan.look_back
    return ExportAsk(chunk.since, chunk.until, look_back, plan.attendance)


def _asked(ask: ExportAsk) -> Mapping[str, Any]:
    return {"attendance": ask.attendance, "look_back_seconds": round(ask.look_back.total_seconds())}


def _home(platform: ExportPlatform, plan: ExportPlan, chunk: Chunk) -> Manifest | None:
    """Return the manifest of what is home, where nothing would come of asking again."""
    folder = chunk.folder(plan.prefix, platform.name, plan.conn_id)
    found = read_manifest(plan.storage, folder, kind_of(plan.file_format))
    good = (
        found is not None
        and found.status is Completeness.COMPLETE
        and found.session_key == window_key(plan.conn_id, chunk.since, chunk.until)
        and found.extra.get("schema") == SCHEMA
        and found.extra.get("asked") == _asked(_ask(platform, plan, chunk))
        and not found.verify(plan.storage)
    )
    return found if good else None


def _export_chunk(platform: ExportPlatform, plan: ExportPlan, chunk: Chunk, progress: Progress) -> Manifest:
    ask = _ask(platform, plan, chunk)
    key = window_key(plan.conn_id, chunk.since, chunk.until)
    kind = kind_of(plan.file_format)
    folder = chunk.folder(plan.prefix, platform.name, plan.conn_id)
    writer = Writer(plan.storage, folder, kind=kind, session_key=key)
    tally = Tally()
    began = time.monotonic()
    with Spool() as spool:
        for row in platform.ended_sessions(ask, tally):
            spool.add(row)
            progress.row(chunk, tally)
        counts = {**tally.counts(), **spool.counts()}
        writer.add(
            f"sessions.{plan.file_format}",
            encode(spool.lines(), plan.file_format),
            media_type=plan.file_format.media_type,
            counts={name: counts[name] for name in ("sessions", "participants", "log_lines")},
        )
    lacking = list(tally.lacking)
    # Asked afterwards and reckoned back: only an answer tells the platform's time.
    if platform.now() - timedelta(seconds=time.monotonic() - began) < chunk.until + platform.export_rules.catch_up:
        lacking.insert(0, "It was read before the platform's lists had caught up: sessions may be missing.")
    return writer.finish(
        Manifest(
            kind=kind,
            platform=platform.name,
            conn_id=plan.conn_id,
            session_key=key,
            status=Completeness.PARTIAL if lacking else Completeness.COMPLETE,
            title="Sessions of the account",
            planned_start=chunk.since,
            planned_end=chunk.until,
            why=" ".join(lacking),
            extra={"schema": SCHEMA, "asked": dict(_asked(ask)), "counts": counts},
        )
    )
