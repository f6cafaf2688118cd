"""The sessions of a time as files, on any platform: what the platforms' own export operators share."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider.live_sessions.artifacts.export_chunks import Period, before, cut, floor
from airflow_provider.live_sessions.artifacts.export_lacks import PATIENCE
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.contract import ExportPlatform, unsupported
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.times import CLOCKS, aware, format_time, moment, seconds_of
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_account, of_place
from airflow_provider.live_sessions.operators.retrieve import zone_of
from airflow_provider.live_sessions.triggers.pausing import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider.live_sessions.artifacts.export_chunks import Chunk
    from airflow_provider.live_sessions.artifacts.export_run import ExportPlan, ExportResult
    from airflow_provider.live_sessions.artifacts.export_sources import Source
    from airflow_provider.live_sessions.core.storage import Storage
    from airflow_provider.live_sessions.operators.lineage import Data

MAX_CHUNKS = 10_000
"""More files are not named in one XCom."""


class SessionsToObjectStorageOperator(TellsLineage, BaseOperator):
    """What the export operators share; use a platform's own.

    A session belongs to the day or hour in which it ended, so one that is over never gains a session later. Each
    day or hour is a file of its own with a manifest; one that is home and unharmed is not asked for again, so a
    retry goes on where the try before stopped, and the same time again is the same bytes.

    The rows hold names of people and what they did when. They hold no link, code or token.

    Args:
        since: The begin, included: an aware datetime, or ISO 8601 with an offset. Without it, the run's data
            interval, both its ends moved back to the begin of their ``period``; where a run has none, or one
            within a period, the last whole ``period`` before the run.
        until: The end, not included.
        conn_id: The Airflow connection.
        destination: A folder, or any URL of Airflow's object storage; ``[live_sessions] destination`` by default.
        prefix: The folder below it; then ``platform=.../conn_id=.../date=YYYY-MM-DD``, and ``hour=HH`` for hours.
        file_format: ``jsonl``, or ``parquet`` with the extra of that name.
        period: ``day`` or ``hour``: what one file holds. ``since`` and ``until`` lie on its edges.
        timezone: The zone whose days are meant; hours are told in UTC.
        look_back: The longest session there is, timedelta or seconds; the platform's own bound by default. What
            is older and has no end is counted in the manifest as ``unended``.
        attendance: Also who was there when, where that costs requests of its own.
        overwrite: Ask again for what is home already; each try of the task does, also for what the one before
            brought home.
        recheck: Read the platform's list once more for what is home already, and ask again for each day or hour
            of which it now tells other sessions: an end that was written down late, a session that was deleted.
        retry_partial: Fail for a retry, files and all, where something is lacking that may still come. What is
            whole stays home; the retry asks for the rest.
        patience: How long after its time a file may lack what the platform does not tell yet, timedelta or
            seconds, a day by default; what is not there then counts as lost, and nothing is held up by it.
        wait: Wait until the platform's lists have caught up with ``until``; False exports at once, and the
            manifest then says that it may be incomplete.
        deferrable: Wait without a worker slot.

    Returns:
        ``platform``, ``conn_id``, ``since``, ``until``, ``destination``, ``file_format``, ``status`` (complete or
        partial), ``why`` (a sentence for each partial file), ``manifests`` (their names), ``kept`` (how many were
        home already) and ``counts``.
    """

    hook_class: ClassVar[str]
    why_not: ClassVar[tuple[str, str]] = ("Its past sessions cannot be read back.", "Export another platform's.")
    """Why there is no export, and what works instead; for a platform that is no ``ExportPlatform``."""
    template_fields: Sequence[str] = (
        "since",
        "until",
        "conn_id",
        "destination",
        "prefix",
        "file_format",
        "period",
        "timezone",
        "look_back",
        "attendance",
        "overwrite",
        "recheck",
        "retry_partial",
        "patience",
        "wait",
    )
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        conn_id: str,
        since: datetime | str = "",
        until: datetime | str = "",
        destination: str = "",
        prefix: str = "sessions",
        file_format: str = "jsonl",
        period: str = "day",
        timezone: str = "UTC",
        look_back: timedelta | float | str | None = None,
        attendance: bool | str = True,
        overwrite: bool | str = False,
        recheck: bool | str = False,
        retry_partial: bool | str = False,
        patience: timedelta | float | str = PATIENCE,
        wait: bool | str = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.conn_id = conn_id
        self.since = since
        self.until = until
        self.destination = destination
        self.prefix = prefix
        self.file_format = file_format
        self.period = period
        self.timezone = timezone
        self.look_back = look_back
        self.attendance = attendance
        self.overwrite = overwrite
        self.recheck = recheck
        self.retry_partial = retry_partial
        self.patience = patience
        self.wait = wait
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait until the time is told whole, then export it."""
        with airflow_errors():
            chunks = self._chunks(context)
            self._plan()  # what does not fit is said before the wait
            look_back_of(self.look_back)
            span_of(self.patience, "patience")
            if is_true(self.wait):
                caught_up = chunks[-1].until + self._caught_up_after() + CLOCKS
                wait_until(self, caught_up, method_name="execute_export", deferrable=self.deferrable)
        return self.execute_export(context)

    def execute_export(self, context: Context, event: object = None) -> dict[str, Any]:
        """Export now; the way back from waiting."""
        del event
        from airflow_provider.live_sessions.artifacts.export_run import export_from

        with airflow_errors():
            chunks = self._chunks(context)
            platform = self._open()
            try:
                result = export_from(self._source(platform), self._plan(), chunks, say=self.log.info)
            finally:
                platform.close()
            self.lineage = partial(self._lineage, platform.name, result)
            if result.passing and is_true(self.retry_partial):
                raise Transient(
                    f"{len(result.passing)} files lack what may still come, the first: {result.passing[0]}",
                    platform=platform.name,
                    conn_id=self.conn_id,
                    advice="A retry asks for these again.",
                )
            return told(result, chunks, platform.name, self.conn_id, self.destination, self.file_format)

    def _lineage(self, platform: str, result: ExportResult) -> Lineage:
        home = written(result, open_storage(self.destination))
        return Lineage((of_account(platform, self.conn_id, result.shape),), (home,))

    def _open(self) -> ExportPlatform:
        platform = hook_class_of(self.hook_class)(self.conn_id).platform()
        if isinstance(platform, ExportPlatform):
            return platform
        platform.close()
        unsupported(platform.name.capitalize(), self.conn_id, *self.why_not)
        return None

    def _caught_up_after(self) -> timedelta:
        """Return how long after the time the platform may still not tell all of it."""
        platform = self._open()
        platform.close()
        return platform.export_rules.catch_up

    def _source(self, platform: Any) -> Source:
        """Return where the rows come from."""
        from airflow_provider.live_sessions.artifacts.export_sources import SessionSource

        patience = span_of(self.patience, "patience")
        return SessionSource(platform, look_back_of(self.look_back), is_true(self.attendance), patience)

    def _plan(self) -> ExportPlan:
        from airflow_provider.live_sessions.artifacts.export_files import FileFormat
        from airflow_provider.live_sessions.artifacts.export_run import ExportPlan

        return ExportPlan(
            storage=open_storage(self.destination),
            conn_id=self.conn_id,
            prefix=self.prefix,
            file_format=FileFormat.of(self.file_format),
            overwrite=is_true(self.overwrite),
            recheck=is_true(self.recheck),
        )

    def _chunks(self, context: Context) -> list[Chunk]:
        since, until = self._interval(context)
        chunks = list(cut(since, until, Period.of(self.period), zone_of(self.timezone)))
        if len(chunks) > MAX_CHUNKS:
            raise ConfigurationError(f"These are {len(chunks)} files; one task writes {MAX_CHUNKS} at most.")
        return chunks

    def _interval(self, context: Context) -> tuple[datetime, datetime]:
        if bool(self.since) != bool(self.until):
            raise ConfigurationError("Give both `since` and `until`, or none.")
        if self.since:
            return moment(self.since, "since"), moment(self.until, "until")
        run = context["dag_run"]
        begin, end = getattr(run, "data_interval_start", None), getattr(run, "data_interval_end", None)
        period, zone = Period.of(self.period), zone_of(self.timezone)
        if begin is not None and end is not None:
            # A schedule at twenty past has intervals from twenty past; moved alike, they still join each other.
            whole = floor(aware(begin), period, zone), floor(aware(end), period, zone)
            if whole[0] < whole[1]:
                return whole
        # Cron timetables of Airflow 3 give runs no interval: the run's own time decides, in each try the same.
        return before(aware(run.run_after), period, zone)


def told(
    result: ExportResult,
    chunks: Sequence[Chunk],
    platform: str,
    conn_id: str,
    destination: str,
    file_format: str,
) -> dict[str, Any]:
    """Return what goes to XCom: where the rows are and how many, never the rows."""
    return {
        "platform": platform,
        "conn_id": conn_id,
        "since": format_time(chunks[0].since),
        "until": format_time(chunks[-1].until),
        "destination": destination,
        "file_format": file_format,
        "status": "partial" if result.partial else "complete",
        "why": result.partial,
        "manifests": result.manifests,
        "kept": result.kept,
        "counts": result.counts,
    }


def written(result: ExportResult, storage: Storage) -> Data:
    """Return the dataset that an export wrote."""
    folder = result.manifests[0].partition("/date=")[0]
    files = len(result.manifests) - result.kept
    return of_place(storage.url(folder), rows=result.counts[result.shape], files=files)


def look_back_of(value: timedelta | float | str | None) -> timedelta | None:
    """Read the argument ``look_back``: a timedelta or seconds; None, also as text, for the platform's own bound.

    Raises:
        ConfigurationError: It is no number above 0.
    """
    if value is None or value in ("", "None"):
        return None
    return value if isinstance(value, timedelta) else timedelta(seconds=seconds_of(value, "look_back"))


def span_of(value: timedelta | float | str, name: str) -> timedelta:
    """Read an argument that is a length of time: a timedelta or seconds, 0 among them.

    Raises:
        ConfigurationError: It is no number, or below 0.
    """
    if isinstance(value, timedelta):
        return value
    return timedelta() if str(value) in ("0", "0.0") else timedelta(seconds=seconds_of(value, name))
