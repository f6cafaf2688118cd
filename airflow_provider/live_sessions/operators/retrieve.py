"""Bringing home what a session left, on any platform: files first, their manifest last, the manifest to XCom."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.artifacts.layout import session_folder
from airflow_provider.live_sessions.artifacts.manifest import Completeness
from airflow_provider.live_sessions.artifacts.writer import Writer
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.lineage import TellsLineage, of_manifest
from airflow_provider.live_sessions.schedules.zones import find_zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.core.contract import SessionPlatform


class RetrieveOperator(TellsLineage, BaseOperator):
    """What the retrieving operators share; use a platform's own.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage; ``[live_sessions] destination`` by default.
        timezone: The zone in which the folder names its day and time.

    Returns:
        The manifest: ``status`` (complete, partial, none), ``why``, ``files`` with ``url``, ``bytes``, ``sha256``
        and ``counts``; never the content. A repeat writes the same bytes to the same place.
    """

    hook_class: ClassVar[str]
    kind: ClassVar[str]
    kept_there: ClassVar[str] = ""
    """What stays on the platform, where nothing of this kind ever is a file; a sentence's end."""
    template_fields: Sequence[str] = ("session", "destination", "timezone")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#f4efdc"

    def __init__(
        self, *, session: Mapping[str, Any] | XComArg, destination: str = "", timezone: str = "UTC", **kwargs: Any
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.destination = destination
        self.timezone = timezone

    def execute(self, context: Context) -> dict[str, Any]:
        """Retrieve, write, and return the manifest."""
        del context
        with airflow_errors():
            record = SessionRecord.from_json(self.session)
            folder = folder_of(record, self.timezone)
            writer = Writer(open_storage(self.destination), folder, kind=self.kind, session_key=record.ref.key)
            platform = hook_class_of(self.hook_class)(record.ref.conn_id).platform()
            try:
                manifest, extra = self.bring_home(platform, record, writer)
            finally:
                platform.close()
            self.log.info("%s", self._summary(record.title, manifest))
            told = manifest.to_json()
            self.lineage = partial(of_manifest, told)
            return {**told, **extra}

    def _summary(self, title: str, manifest: Manifest) -> str:
        count = len(manifest.files)
        home = "1 file" if count == 1 else f"{count or 'no'} files"
        if manifest.status is Completeness.COMPLETE and not count and self.kept_there:
            home = self.kept_there
        why = f" {manifest.why[0].upper()}{manifest.why[1:]}" if manifest.why else ""
        return f"{self.kind.capitalize()} of {title}: {manifest.status}, {home}.{why}"

    def bring_home(
        self, platform: SessionPlatform, record: SessionRecord, writer: Writer
    ) -> tuple[Manifest, dict[str, Any]]:
        """Retrieve and write; return the finished manifest and what else goes to XCom."""
        raise NotImplementedError


def folder_of(record: SessionRecord, timezone: str) -> str:
    """Return the session's folder.

    Raises:
        ConfigurationError: There is no such time zone.
    """
    return session_folder(
        title=record.title, key=record.ref.key, planned_start=record.start, zone=zone_of(timezone)
    )


def zone_of(timezone: str) -> ZoneInfo:
    """Return a time zone by its IANA name, written as timetables and forms may write it.

    Raises:
        ConfigurationError: There is none of that name.
    """
    return find_zone(timezone)
