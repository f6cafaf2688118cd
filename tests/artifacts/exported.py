"""Exports of rows that a test chose, written as any export is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
from airflow_provider.live_sessions.artifacts.export_files import FileFormat
from airflow_provider.live_sessions.artifacts.export_lacks import Lacks
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export_from
from airflow_provider.live_sessions.artifacts.row_shapes import CLASSES, SEGMENTS, SESSIONS
from airflow_provider.live_sessions.core.class_rows import ClassPersonRow, ClassRow
from airflow_provider.live_sessions.core.segment_rows import SegmentRow
from airflow_provider.live_sessions.core.session_rows import LogRow, PersonRow, SessionRow
from airflow_provider.live_sessions.core.status import Held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.row_shapes import Row, Shape
    from airflow_provider.live_sessions.core.session_rows import Tally
    from airflow_provider.live_sessions.core.storage import Storage

AT = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
HOUR = Chunk(AT.replace(minute=0), AT.replace(minute=0) + timedelta(hours=1), "date=2026-09-01/hour=08")
ACCOUNT = ("lessonspace", "school")

BO, CEM = ("4711", "Bo"), ("4712", "Cem Demir")


@dataclass
class Rows:
    """A source of rows that are known.

    Args:
        shape: What they are.
        given: The rows.
        lacks: What is not whole.
        times: How often it was asked.
        changed: Whether a list tells of others than are home.
    """

    shape: Shape
    given: Sequence[Row]
    lacks: Sequence[str] = ()
    times: int = 0
    changed: bool = False
    platform: str = ACCOUNT[0]
    title: str = "Rows"

    def asked(self, chunk: Chunk) -> Mapping[str, Any]:
        return {"everything": True}

    def rows(self, chunk: Chunk, tally: Tally) -> Iterator[Row]:
        self.times += 1
        tally.listed += len(self.given)
        tally.figures.update({"transcripts": len(self.given)} if self.shape is SEGMENTS else {})
        yield from self.given

    def agrees(self, storage: Storage, manifest: Manifest, chunk: Chunk) -> bool:
        return not self.changed

    def lacking(self, chunk: Chunk, tally: Tally, seconds: float) -> Lacks:
        return Lacks(passing=tuple(self.lacks))


def session(number: int, *people: tuple[str, str], title: str = "Algebra", **extras: Any) -> SessionRow:
    """A session of people by id and name, each with two lines in its log."""
    return SessionRow(
        *ACCOUNT,
        f"s-{number:04d}",
        AT,
        title=title,
        started_at=AT - timedelta(hours=1),
        ended_at=AT,
        held=Held.YES,
        participants=tuple(PersonRow(who, name=name, role="student", joined_at=AT) for who, name in people),
        attendance_known=True,
        logs=tuple(LogRow(AT, kind, who) for kind in ("user-joined", "user-left") for who, _ in people),
        extras=extras,
    )


def segment(session_number: int, number: int, who: tuple[str, str], text: str) -> SegmentRow:
    """Something somebody said in a session."""
    ident, name = who
    return SegmentRow(
        *ACCOUNT,
        f"s-{session_number:04d}",
        number,
        AT,
        speaker_id=ident,
        speaker=name,
        text=text,
        words=len(text.split()),
    )


def school_class(number: int, *people: tuple[str, str], title: str = "Algebra") -> ClassRow:
    """A class at which everybody was expected and spoke as many words as their place says."""
    return ClassRow(
        *ACCOUNT,
        f"c-{number:04d}",
        AT,
        title=title,
        session_ids=(f"s-{number:04d}",),
        words=sum(range(len(people))),
        people=tuple(
            ClassPersonRow(who, name=name, expected=True, status="late" if place else "present", words=place)
            for place, (who, name) in enumerate(people)
        ),
    )


def sources(*shapes: Shape) -> list[Rows]:
    """Two sessions with Bo and Cem, one with Cem alone: what was there, what was said, what it came to."""
    given: dict[str, list[Row]] = {
        "sessions": [session(1, BO, CEM), session(2, CEM), session(3, CEM, BO, title="Bo", tutor="4711 ")],
        "segments": [
            segment(1, 0, CEM, "what is x"),
            segment(1, 1, BO, "x is three"),
            segment(2, 0, CEM, "nobody answers me"),
            segment(3, 0, CEM, "good morning"),
        ],
        "classes": [school_class(1, CEM, BO), school_class(2, CEM), school_class(3, BO, CEM, title="Bo")],
    }
    return [Rows(shape, given[shape.name]) for shape in shapes or (SESSIONS, SEGMENTS, CLASSES)]


def bring(
    storage: Storage,
    source: Rows,
    file_format: FileFormat = FileFormat.JSONL,
    *,
    overwrite: bool = False,
    recheck: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> ExportResult:
    """Run the export of an hour."""
    plan = ExportPlan(storage, ACCOUNT[1], source.shape.name, file_format, overwrite=overwrite, recheck=recheck)
    return export_from(source, plan, [HOUR], say=say)
