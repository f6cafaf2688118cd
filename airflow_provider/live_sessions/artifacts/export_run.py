"""An export: each day or hour of a time looked up, spooled, written whole, and described by its manifest.

A day that is home, closed and unharmed is not asked for again: so a run that was stopped goes on where it stood,
and the same time again is the same bytes. Nor is one of which the platform will never tell more, nor one that
somebody was taken out of.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_erasure import TAKEN_OUT
from airflow_provider.live_sessions.artifacts.export_files import FileFormat, encode
from airflow_provider.live_sessions.artifacts.export_home import AtHome
from airflow_provider.live_sessions.artifacts.export_lacks import Lacks, may_heal
from airflow_provider.live_sessions.artifacts.export_sources import SessionSource
from airflow_provider.live_sessions.artifacts.export_spool import Spool
from airflow_provider.live_sessions.artifacts.manifest import OF, Completeness, Manifest
from airflow_provider.live_sessions.artifacts.writer import Writer, read_manifest
from airflow_provider.live_sessions.core.session_rows import Tally
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
    from airflow_provider.live_sessions.artifacts.export_sources import Source
    from airflow_provider.live_sessions.artifacts.row_shapes import Shape
    from airflow_provider.live_sessions.core.contract import ExportPlatform
    from airflow_provider.live_sessions.core.storage import Storage

PROGRESS_SECONDS = 30.0

BACK = "somebody was taken out of it, and whom the platform still knows is in it again: take them out again."
"""Said where a file is asked for again from which a person was taken out."""


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
        attendance: Also who was there and when, for sessions.
        overwrite: Ask again for what is home already, also for what somebody was taken out of.
        recheck: Hold what is home against the platform's list, and ask again where it tells of other sessions.
    """

    storage: Storage
    conn_id: str
    prefix: str = "sessions"
    file_format: FileFormat = FileFormat.JSONL
    look_back: timedelta | None = None
    attendance: bool = True
    overwrite: bool = False
    recheck: bool = False


@dataclass(slots=True)
class ExportResult:
    """What an export did.

    Args:
        shape: What its rows are: the name of their count.
        manifests: One a day or hour, by name, oldest first.
        kept: How many were home already.
        partial: Sentences on what is not whole, one a day or hour concerned.
        passing: Those of them on what may still come.
        counts: The figures of all manifests together.
    """

    shape: str
    manifests: list[str] = field(default_factory=list)
    kept: int = 0
    partial: list[str] = field(default_factory=list)
    passing: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, manifest: Manifest, *, kept: bool) -> None:
        """Add one day or hour."""
        self.manifests.append(manifest.name)
        self.kept += kept
        if manifest.status is not Completeness.COMPLETE:
            self.partial.append(f"{manifest.name}: {manifest.why}")
            self.passing += self.partial[-1:] if may_heal(manifest) else []
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
        self.say = say
        self._clock = clock
        self._next = clock() + PROGRESS_SECONDS
        self.rows = 0

    def row(self, chunk: Chunk, tally: Tally) -> None:
        """Count one row."""
        self.rows += 1
        self.tick(chunk, tally)

    def tick(self, chunk: Chunk, tally: Tally) -> None:
        """Say how far it is, where it is time to."""
        if self._clock() >= self._next:
            self._next = self._clock() + PROGRESS_SECONDS
            told = "" if tally.told is None else f" of {tally.told}"
            self.say(f"{chunk.partition}: {tally.listed}{told} sessions, {tally.pages} pages; {self.rows} rows.")


def export(
    platform: ExportPlatform, plan: ExportPlan, chunks: Iterable[Chunk], *, say: Callable[[str], None]
) -> ExportResult:
    """Export the sessions of each day or hour, oldest first.

    Args:
        platform: The open account.
        plan: What goes where.
        chunks: The days or hours.
        say: Takes sentences for the log.

    Raises:
        LiveSessionError: What the platform raised; the days and hours before are home.
    """
    return export_from(SessionSource(platform, plan.look_back, plan.attendance), plan, chunks, say=say)


def export_from(
    source: Source, plan: ExportPlan, chunks: Iterable[Chunk], *, say: Callable[[str], None]
) -> ExportResult:
    """Export each day or hour of a source, oldest first.

    Args:
        source: Where the rows come from.
        plan: What goes where.
        chunks: The days or hours.
        say: Takes sentences for the log.

    Raises:
        LiveSessionError: What the source raised; the days and hours before are home.
    """
    result = ExportResult(source.shape.name)
    progress = Progress(say)
    for chunk in chunks:
        asked = dict(source.asked(chunk))
        home = None if plan.overwrite else _home(source, plan, chunk, asked)
        if home is not None and plan.recheck and not source.agrees(plan.storage, home, chunk):
            others = f"{chunk.partition}: the platform's list tells of other sessions than the file;"
            if TAKEN_OUT in home.extra:  # who was taken out stays out
                say(f"{others} it is kept all the same, for somebody was taken out of it.")
            else:
                say(f"{others} it is read anew.")
                home = None
        manifest = home or _export_chunk(source, plan, chunk, asked, progress)
        result.take(manifest, kept=home is not None)
        counts = manifest.extra["counts"]
        did = _did(manifest, kept=home is not None)
        told = ", ".join(f"{counts[name]} {name}" for name in (source.shape.name, *list(source.shape.sums)[:1]))
        say(f"{chunk.partition}: {told}, {did}")
    return result


def _did(manifest: Manifest, *, kept: bool) -> str:
    if kept and TAKEN_OUT in manifest.extra:
        return "kept as it is: somebody was taken out of it, and only overwrite asks for it again"
    return "home already" if kept else f"partial: {manifest.why}" if manifest.why else "home"


def _home(source: Source, plan: ExportPlan, chunk: Chunk, asked: Mapping[str, Any]) -> Manifest | None:
    """Return the manifest of what is home, where nothing would come of asking again."""
    folder = chunk.folder(plan.prefix, source.platform, plan.conn_id)
    found = read_manifest(plan.storage, folder, source.shape.kind(plan.file_format))
    good = (
        found is not None
        and (TAKEN_OUT in found.extra or _nothing_to_ask(found, asked))
        and found.session_key == window_key(plan.conn_id, chunk.since, chunk.until)
        and found.extra.get("schema") == source.shape.version
        and not found.verify(plan.storage)
    )
    return found if good else None


def _nothing_to_ask(found: Manifest, asked: Mapping[str, Any]) -> bool:
    return not may_heal(found) and found.extra.get("asked") == asked


def _to_keep(found: Manifest | None, shape: Shape, asked: Mapping[str, Any]) -> Manifest | None:
    """Return what is home, where its rows may stand in place of new ones that know less."""
    if found is None or found.extra.get("schema") != shape.version:
        return None
    before = found.extra.get("asked", {})
    # Who no longer asks who was there does not want it kept.
    return found if before.get("attendance") == asked.get("attendance") else None


def _with_kept(lacks: Lacks, kept: int) -> Lacks:
    """Return what is lacking, and where it is not as much as it sounds."""
    if not (kept and lacks.sentences):
        return lacks
    return replace(lacks, lost=(*lacks.lost, f"Of {kept} sessions more was home already, and it stays."))


def _export_chunk(
    source: Source, plan: ExportPlan, chunk: Chunk, asked: Mapping[str, Any], progress: Progress
) -> Manifest:
    shape = source.shape
    key = window_key(plan.conn_id, chunk.since, chunk.until)
    kind = shape.kind(plan.file_format)
    folder = chunk.folder(plan.prefix, source.platform, plan.conn_id)
    writer = Writer(plan.storage, folder, kind=kind, session_key=key)
    if writer.previous is not None and TAKEN_OUT in writer.previous.extra:
        progress.say(f"{chunk.partition}: {BACK}")
    tally = Tally()
    tally.alive = lambda: progress.tick(chunk, tally)
    began = time.monotonic()
    before = _to_keep(writer.previous, shape, asked)
    with AtHome(plan.storage, shape, before) as at_home, Spool(shape) as spool:
        for row in at_home.joined(source.rows(chunk, tally), tally):
            spool.add(row)
            progress.row(chunk, tally)
        counts = {**tally.counts(), **spool.counts()}
        writer.add(
            f"{shape.name}.{plan.file_format}",
            encode(spool.lines(), plan.file_format, shape),
            media_type=plan.file_format.media_type,
            counts={name: counts[name] for name in (shape.name, *shape.sums)},
        )
    lacks = _with_kept(source.lacking(chunk, tally, time.monotonic() - began), at_home.kept)
    more: dict[str, Any] = {OF: tally.of} if tally.of else {}
    if lacks.sentences:
        more["for_good"] = not lacks.passing
    return writer.finish(
        Manifest(
            kind=kind,
            platform=source.platform,
            conn_id=plan.conn_id,
            session_key=key,
            status=Completeness.PARTIAL if lacks.sentences else Completeness.COMPLETE,
            title=source.title,
            planned_start=chunk.since,
            planned_end=chunk.until,
            why=" ".join(lacks.sentences),
            extra={"schema": shape.version, "asked": dict(asked), "counts": counts, **more},
        ),
        shared=True,
    )
