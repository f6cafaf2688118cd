"""Coviu's operators for sessions: launch, hand over, cancel, update, and bring home who was there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.artifacts.attendance import LATE_AFTER_SECONDS
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.times import format_time, moment, seconds_of
from airflow_provider.live_sessions.hooks.coviu import HOOK, CoviuHook
from airflow_provider.live_sessions.links.coviu import CoviuRoomLink
from airflow_provider.live_sessions.operators.cancel import CancelSessionOperator
from airflow_provider.live_sessions.operators.coviu_participants import (
    CoviuAddParticipantOperator,
    CoviuCancelParticipantOperator,
    CoviuUpdateParticipantOperator,
)
from airflow_provider.live_sessions.operators.export_sessions import SessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.hand_over import HandOverLinksOperator
from airflow_provider.live_sessions.operators.launch import LaunchSessionOperator
from airflow_provider.live_sessions.operators.retrieve import RetrieveOperator, zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.platforms.coviu.models import Session
    from airflow_provider.live_sessions.platforms.coviu.platform import CoviuPlatform

__all__ = [
    "CoviuAddParticipantOperator",
    "CoviuCancelParticipantOperator",
    "CoviuCancelSessionOperator",
    "CoviuHandOverLinksOperator",
    "CoviuLaunchSessionOperator",
    "CoviuRetrieveAttendanceOperator",
    "CoviuRetrieveRecordingOperator",
    "CoviuSessionsToObjectStorageOperator",
    "CoviuUpdateParticipantOperator",
    "CoviuUpdateSessionOperator",
]


class CoviuLaunchSessionOperator(LaunchSessionOperator):
    """Launch a session on Coviu: one link a participant, at least one participant, 12 hours at most.

    A leader becomes a host, anybody else a guest, unless a participant's ``options`` name a ``role``. All
    arguments of :class:`LaunchSessionOperator` apply, and:

    Args:
        conn_id: The Airflow connection, ``coviu_default`` by default.
        picture: URL of the room's picture.
        feature_flags: E.g. ``["session;enforce-participant-uniqueness"]``, a link that works once.
        lead: Seconds before the start from when a wait looks whether the session was moved or cancelled.
        grace: Seconds after the end when a session counts as over without a word from Coviu.
        moves_within: Seconds after the planned end until when a wait follows a session that is moved.
        options: The same by name. A participant's own ``options`` take ``state`` (your own text on them, unique
            within the session; the ``id`` by default), ``role``, ``picture`` and ``phone``.
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = (
        *LaunchSessionOperator.template_fields,
        "picture",
        "feature_flags",
        "lead",
        "grace",
        "moves_within",
    )
    operator_extra_links = (*LaunchSessionOperator.operator_extra_links, CoviuRoomLink())

    def __init__(
        self,
        *,
        conn_id: str = CoviuHook.default_conn_name,
        picture: str | None = None,
        feature_flags: Sequence[str] | None = None,
        lead: float | str = 3600.0,
        grace: float | str = 300.0,
        moves_within: float | str = 86_400.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
        self.picture = picture
        self.feature_flags = feature_flags
        self.lead = lead
        self.grace = grace
        self.moves_within = moves_within

    def platform_options(self, space: str = "") -> dict[str, Any]:
        """Return the launch settings: this operator's arguments, then ``options``."""
        own = {
            "picture": self.picture,
            "feature_flags": self.feature_flags,
            "lead": self.lead,
            "grace": self.grace,
            "moves_within": self.moves_within,
        }
        given = {name: value for name, value in own.items() if value is not None}
        return {**given, **super().platform_options(space)}


class CoviuCancelSessionOperator(CancelSessionOperator):
    """Cancel a session on Coviu before its start; its links then let nobody in.

    A session that has started cannot be cancelled and no call ends one. The task then fails (``if_live="fail"``)
    or reports it (``if_live="report"``). ``force=True`` tries what comes near: its end is set a few seconds ahead
    and its participants are removed. Nobody can come in after that; whether it puts people out of a running call
    is not known. All arguments of :class:`CancelSessionOperator` apply.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, conn_id: str = CoviuHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id=conn_id, **kwargs)


class CoviuHandOverLinksOperator(HandOverLinksOperator):
    """Hand each participant of a Coviu session their own link; see :class:`HandOverLinksOperator`."""

    hook_class: ClassVar[str] = HOOK


class CoviuUpdateSessionOperator(BaseOperator):
    """Change a session's name, times or picture. A wait for it follows by itself.

    Coviu changes nothing of a session that has finished, and of one that has started only the end is moved here.

    Args:
        session: A launch operator's result.
        title: The new name.
        start: The new start, an aware datetime or ISO 8601 with an offset; in the future.
        end: The new end, likewise; at most 12 hours after the start.
        picture: URL of another picture.

    Returns:
        The session's record with what Coviu now says; hand it to the tasks behind.
    """

    template_fields: Sequence[str] = ("session", "title", "start", "end", "picture")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#e7f0e0"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        title: str = "",
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        picture: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.title = title
        self.start = start
        self.end = end
        self.picture = picture

    def execute(self, context: Context) -> dict[str, Any]:
        """Update the session and return its record."""
        del context
        with airflow_errors():
            from airflow_provider.live_sessions.platforms.coviu.models import SessionUpdate

            record = SessionRecord.from_json(self.session)
            given: dict[str, Any] = {
                "session_name": self.title or None,
                "start_time": moment(self.start, "start") if self.start else None,
                "end_time": moment(self.end, "end") if self.end else None,
                "picture": self.picture or None,
            }
            changes = {name: value for name, value in given.items() if value is not None}
            if not changes:
                raise ConfigurationError(
                    "Nothing is to be changed.", advice="Give a title, start, end or picture."
                )
            platform = CoviuHook(record.ref.conn_id).platform()
            try:
                session = platform.update(record.ref, SessionUpdate(**changes))
            finally:
                platform.close()
            self.log.info("%s: updated %s.", record.title, ", ".join(sorted(changes)))
            return _updated(record, session).to_json()


class CoviuRetrieveAttendanceOperator(RetrieveOperator):
    """Bring home who was in a session, from when and until when: ``attendance.csv`` and ``attendance.json``.

    Coviu's summary tells first entry and latest exit, so time away in between counts.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage.
        timezone: The zone in which the folder and the table tell times.
        late_after: Seconds after the planned start up to which a person is in time.
        exit_wait: Seconds for which people without an exit are asked for again; then they are marked.
        settle: Seconds for which a recorded end before the planned one must stand: what the end sensor was given.
            The connection's by default.

    Returns:
        The manifest. A row for each expected person, also who never came, and one for each other person;
        ``none`` with a reason for a session that was cancelled or has no summary.
    """

    hook_class: ClassVar[str] = HOOK
    kind: ClassVar[str] = "attendance"
    template_fields: Sequence[str] = (*RetrieveOperator.template_fields, "settle")

    def __init__(
        self,
        *,
        late_after: float = LATE_AFTER_SECONDS,
        exit_wait: float = 60.0,
        settle: float | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.late_after = late_after
        self.exit_wait = exit_wait
        self.settle = settle

    def bring_home(
        self,
        platform: CoviuPlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Read the summary and write the table."""
        from airflow_provider.live_sessions.platforms.coviu.bringing_home import bring_attendance

        manifest = bring_attendance(
            platform,
            record,
            writer,
            late_after=float(self.late_after),
            zone=zone_of(self.timezone),
            exit_wait=float(self.exit_wait),
            settle=None if self.settle is None else seconds_of(self.settle, "settle"),
        )
        return manifest, {}


class CoviuRetrieveRecordingOperator(RetrieveOperator):
    """Bring home a session's recordings out of the team's collections: ``recording-01.webm`` and so on.

    Coviu records only where an app of the account does and people consent, and nothing tells beforehand whether
    there will be one. Files are streamed, go on where they were cut, and are held against the length and digest
    that Coviu tells. What is home and unchanged is not fetched again. The calls are those of Coviu's newest
    description and were not tried on the real service.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage.
        timezone: The zone in which the folder names its day and time.
        quality: ``480p`` for smaller videos.
        wait_for: Seconds after the end for which a session without a recording fails this try, so that a retry
            looks again; after that the manifest says ``none``.

    Returns:
        The manifest: ``complete`` with ``files``, or ``none``; ``extra.verified`` says of each file what could be
        verified.

    Raises:
        Unavailable: A recording is not there yet, or not whole; the retry fetches it.
    """

    hook_class: ClassVar[str] = HOOK
    kind: ClassVar[str] = "recording"
    template_fields: Sequence[str] = (*RetrieveOperator.template_fields, "quality", "wait_for")

    def __init__(self, *, quality: str = "", wait_for: float | str = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.quality = quality
        self.wait_for = wait_for

    def bring_home(
        self,
        platform: CoviuPlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Find the recordings and stream them home."""
        from airflow_provider.live_sessions.platforms.coviu.recordings import bring_recordings

        if self.quality not in ("", "480p"):
            raise ConfigurationError(f"There is no quality {self.quality!r}.", advice="Known is 480p.")
        waited = 0.0 if str(self.wait_for) in ("0", "0.0") else seconds_of(self.wait_for, "wait_for")
        manifest = bring_recordings(platform, record, writer, quality=self.quality, wait_for=waited)
        return manifest, {}


def _updated(record: SessionRecord, session: Session) -> SessionRecord:
    """Return the record with the times and the name that Coviu now tells; its windows move along."""
    start, end = session.start_time, session.end_time
    shifts = {"window_start": start - record.start, "window_end": end - record.end}
    windows = {name: format_time(moment(record.ref.detail(name), name) + shift) for name, shift in shifts.items()}
    ref = record.ref.with_details(planned_start=format_time(start), planned_end=format_time(end), **windows)
    links = record.links and tuple(replace(one, not_before=start, not_after=end) for one in record.links)
    title = session.session_name or record.title
    hand_over_at = record.hand_over_at and record.hand_over_at + (start - record.start)
    return replace(record, ref=ref, title=title, start=start, end=end, links=links, hand_over_at=hand_over_at)


class CoviuSessionsToObjectStorageOperator(SessionsToObjectStorageOperator):
    """Bring home every session of the team whose time ended within a time, as JSON Lines or Parquet.

    Coviu shows cancelled sessions no more, so they are not in the files. With ``attendance`` each session costs a
    request of its own.

    Args and returns: see
    :class:`~airflow_provider.live_sessions.operators.export_sessions.SessionsToObjectStorageOperator`.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, conn_id: str = CoviuHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
