"""Screenleap's operators for a whole account: the shares of a time, and the reaper of those left open."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError, Unavailable
from airflow_provider.live_sessions.core.times import moment, seconds_of
from airflow_provider.live_sessions.hooks.screenleap import HOOK, ScreenleapHook
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.export_sessions import SessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import TellsLineage, of_manifest
from airflow_provider.live_sessions.operators.retrieve import zone_of
from airflow_provider.live_sessions.platforms.screenleap.judging import BLIND
from airflow_provider.live_sessions.triggers.pausing import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider.live_sessions.platforms.screenleap.reaping import Reaped


class ScreenleapExportUsageOperator(TellsLineage, BaseOperator):
    """Bring home the usage of every watched share of the account that ended within a time.

    Windows that join each other count no share twice and miss none. Shares that nobody watched are in no list
    afterwards, so they are not in the tables.

    Args:
        since: The window's begin, included: an aware datetime, or ISO 8601 with an offset.
        until: The window's end, not included. What just ended may be in no list yet, so the operator waits until
            15 minutes after it.
        conn_id: The Airflow connection.
        destination: A folder, or any URL of Airflow's object storage; ``[live_sessions] destination`` by default.
        timezone: The zone in which the CSV tells times.
        wait: False exports at once; the manifest then says that it may be incomplete.
        deferrable: Wait without a worker slot.

    Returns:
        The manifest: ``status``, ``why``, ``files``; ``extra.totals`` has ``shares``, ``viewers``,
        ``user_minutes`` and ``cost_in_cents``. The tables are ``usage`` and ``participants``, as CSV and JSON.
    """

    template_fields: Sequence[str] = ("since", "until", "conn_id", "destination", "timezone", "wait")
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        since: datetime | str,
        until: datetime | str,
        conn_id: str = ScreenleapHook.default_conn_name,
        destination: str = "",
        timezone: str = "UTC",
        wait: bool | str = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.since = since
        self.until = until
        self.conn_id = conn_id
        self.destination = destination
        self.timezone = timezone
        self.wait = wait
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait until the window is told whole, then export it."""
        with airflow_errors():
            _, until = self._window()
            if is_true(self.wait):
                wait_until(self, until + BLIND, method_name="execute_export", deferrable=self.deferrable)
            return self.execute_export(context)

    def execute_export(self, context: Context, event: object = None) -> dict[str, Any]:
        """Export now; the way back from waiting."""
        del context, event
        from airflow_provider.live_sessions.artifacts.export_run import window_key
        from airflow_provider.live_sessions.platforms.screenleap.bringing_home import USAGE, export_usage

        with airflow_errors():
            since, until = self._window()
            zone = zone_of(self.timezone)
            folder = f"usage/{since:%Y-%m-%dT%H%M%SZ}-{until:%Y-%m-%dT%H%M%SZ}"
            writer = Writer(
                open_storage(self.destination),
                folder,
                kind=USAGE,
                session_key=window_key(self.conn_id, since, until),
            )
            with ScreenleapHook(self.conn_id).get_conn() as client:
                manifest = export_usage(client, writer, since, until, conn_id=self.conn_id, zone=zone)
            self.log.info("Usage of %s to %s: %s. %s", since, until, manifest.extra["totals"], manifest.why)
            told = manifest.to_json()
            self.lineage = partial(of_manifest, told)
            return told

    def _window(self) -> tuple[datetime, datetime]:
        since, until = moment(self.since, "since"), moment(self.until, "until")
        if since >= until:
            raise ConfigurationError("`since` has to lie before `until`.")
        return since, until


class ScreenleapSessionsToObjectStorageOperator(SessionsToObjectStorageOperator):
    """Bring home every watched share of the account that ended within a time, as JSON Lines or Parquet.

    The same shares as :class:`ScreenleapExportUsageOperator` tabulates, in the shape that all platforms share.
    Shares that nobody watched are in no list afterwards, so they are not in the files.

    Args and returns: see
    :class:`~airflow_provider.live_sessions.operators.export_sessions.SessionsToObjectStorageOperator`.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, conn_id: str = ScreenleapHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id=conn_id, **kwargs)


class ScreenleapReapSessionsOperator(BaseOperator):
    """Stop the shares of the account that have been running longer than a limit.

    People leave shares open, and each goes on costing. Whoever is still in one of them is put out: choose the
    limit above your longest session, and look at ``report_only`` first. Shares that nobody started cost nothing.

    Args:
        older_than: How long a share may run (timedelta or seconds).
        conn_id: The Airflow connection.
        report_only: A dry run: stop nothing, say what would be stopped. (Airflow's operators have a method
            ``dry_run`` already.)
        external_id_prefix: Only shares whose external id begins with this.
        timeout: Seconds to wait for the ends of all together.

    Returns:
        ``dry_run`` and ``shares``: for each, ``share`` (a digest of its code), ``external_id``, ``launch_key``,
        ``title``, ``started_at``, ``open_seconds``, ``viewers``, ``action`` (``would_stop``, ``stopped``,
        ``asked``: its end was not seen yet, ``ended``: by itself, ``refused``: not made through the API) and
        ``why``.

    Raises:
        Unavailable: Some could not be stopped; the retry stops those.
    """

    template_fields: Sequence[str] = ("older_than", "conn_id", "report_only", "external_id_prefix", "timeout")
    ui_color = "#fbe4dd"

    def __init__(
        self,
        *,
        older_than: timedelta | float | str,
        conn_id: str = ScreenleapHook.default_conn_name,
        report_only: bool | str = False,
        external_id_prefix: str = "",
        timeout: float | str = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.older_than = older_than
        self.conn_id = conn_id
        self.report_only = report_only
        self.external_id_prefix = external_id_prefix
        self.timeout = timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Find them, stop them, tell of each."""
        del context
        from airflow_provider.live_sessions.platforms.screenleap.cancelling import STEP, Pace
        from airflow_provider.live_sessions.platforms.screenleap.reaping import Action, reap

        with airflow_errors():
            limit = self.older_than
            seconds = limit.total_seconds() if isinstance(limit, timedelta) else limit
            dry_run = is_true(self.report_only)
            with ScreenleapHook(self.conn_id).get_conn() as client:
                found = reap(
                    client,
                    older_than=seconds_of(seconds, "older_than"),
                    prefix=self.external_id_prefix,
                    dry_run=dry_run,
                    pace=Pace(seconds_of(self.timeout, "timeout"), STEP, time.sleep),
                )
            self._tell(found)
            failed = [one for one in found if one.action is Action.FAILED]
            if failed:
                raise Unavailable(
                    f"{len(failed)} of {len(found)} shares could not be stopped: {failed[0].why}",
                    platform="Screenleap",
                    conn_id=self.conn_id,
                    advice="The retry stops those.",
                )
            return {"dry_run": dry_run, "shares": [one.to_json() for one in found]}

    def _tell(self, found: Sequence[Reaped]) -> None:
        self.log.info("%d shares have been running longer than the limit.", len(found))
        for one in found:
            self.log.info(
                "%s %s %r: open for %d s, %s. %s",
                one.share,
                one.external_id,
                one.title,
                one.open_seconds,
                one.action,
                one.why,
            )
