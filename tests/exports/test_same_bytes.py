"""The same interval again is the same bytes: every platform that exports, every format, manifests included."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.live_sessions.artifacts.export_chunks import Period, cut
from airflow_provider.live_sessions.artifacts.export_files import FileFormat
from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult, export_from
from airflow_provider.live_sessions.artifacts.export_sources import SegmentSource, SessionSource, Source
from tests.artifacts.memory import MemoryStorage
from tests.exports.lessonspace_past import fill
from tests.exports.other_pasts import fill_coviu, fill_screenleap
from tests.exports.reading import rows
from tests.exports.spoken_past import speak
from tests.platforms.coviu.clinic import Clinic
from tests.platforms.lessonspace.academy import Academy
from tests.platforms.screenleap.studio import Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.platforms.kit import Kit

BEGIN = datetime(2026, 8, 27, tzinfo=UTC)
END = BEGIN + timedelta(days=2)
FILES = 2
"""One a day."""


@contextmanager
def lessonspace() -> Iterator[tuple[Kit, Source]]:
    with Academy.open() as academy:
        fill(academy.sandbox, BEGIN, END, 40)
        yield academy, SessionSource(academy.platform)


@contextmanager
def what_was_said() -> Iterator[tuple[Kit, Source]]:
    with Academy.open() as academy:
        fill(academy.sandbox, BEGIN, END, 40)
        speak(academy.sandbox)
        yield academy, SegmentSource(academy.platform)


@contextmanager
def coviu() -> Iterator[tuple[Kit, Source]]:
    with Clinic.open() as clinic:
        fill_coviu(clinic.sandbox, BEGIN, END, 40)
        yield clinic, SessionSource(clinic.platform)


@contextmanager
def screenleap() -> Iterator[tuple[Kit, Source]]:
    with Studio.open() as studio:
        fill_screenleap(studio.sandbox, BEGIN, END, 40)
        yield studio, SessionSource(studio.platform)


@pytest.mark.parametrize("file_format", FileFormat)
@pytest.mark.parametrize("account", [lessonspace, what_was_said, coviu, screenleap])
def test_the_same_interval_again_asks_nothing_and_asked_again_gives_the_same_bytes(
    account: Callable[[], AbstractContextManager[tuple[Kit, Source]]], file_format: FileFormat
) -> None:
    if file_format is FileFormat.PARQUET:
        pytest.importorskip("pyarrow")

    def run(source: Source, storage: MemoryStorage, **more: Any) -> ExportResult:
        plan = ExportPlan(storage, "account", file_format=file_format, **more)
        return export_from(source, plan, cut(BEGIN, END, Period.DAY), say=lambda _: None)

    with account() as (kit, source):
        here, elsewhere = MemoryStorage(), MemoryStorage()
        once = run(source, here)
        assert (once.kept, once.partial, len(once.manifests)) == (0, [], FILES)
        assert len(rows(here, once.manifests)) > 10
        files, asked = dict(here.files), kit.mark()
        assert len(files) == 2 * FILES
        assert run(source, here).kept == FILES
        assert (here.files, kit.mark()) == (files, asked)
        kit.wait(86_400)  # when it is asked is no part of the bytes
        assert run(source, here, overwrite=True).kept == 0
        assert here.files == files
        assert kit.mark() > asked
        assert run(source, elsewhere).kept == 0
        assert elsewhere.files == files
