"""Lessonspace's operators."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.artifacts.attendance import LATE_AFTER_SECONDS
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, ArtifactRules
from airflow_provider.live_sessions.core.errors import ConfigurationError, NotFound, Refused
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.hooks.lessonspace import HOOK, LessonspaceHook
from airflow_provider.live_sessions.hooks.sealing import seal
from airflow_provider.live_sessions.links.lessonspace import LessonspaceRecordingLink, LessonspaceRoomLink
from airflow_provider.live_sessions.operators.cancel import CancelSessionOperator
from airflow_provider.live_sessions.operators.hand_over import HandOverLinksOperator
from airflow_provider.live_sessions.operators.launch import LaunchSessionOperator
from airflow_provider.live_sessions.operators.retrieve import RetrieveOperator, zone_of
from airflow_provider.live_sessions.webhooks.urls import is_auto

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.core.models import Plan
    from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform
    from airflow_provider.live_sessions.schedules.model import Occurrence


class LessonspaceLaunchSessionOperator(LaunchSessionOperator):
    """Launch a class on Lessonspace: one space, one personal join link a participant.

    Every occurrence gets a space of its own unless ``space`` (or the timetable) says otherwise. All arguments of
    :class:`LaunchSessionOperator` apply, and:

    Args:
        conn_id: The Airflow connection, ``lessonspace_default`` by default.
        space: ``occurrence`` (default) or ``persistent``: one room over weeks, named by ``space_id``; the launch
            then waits until the class's window opens.
        space_id: The persistent room's ``id``, at most 64 characters.
        allow_guests: Let in who has only the room's id, without a login. False by default.
        record_av: Record audio and video; None leaves the organisation's default.
        record_content: Record the board; None leaves the organisation's default.
        transcribe: Make a transcript (turns ``record_av`` on).
        hard_stop: Seconds after the planned end when everybody is put out; None never does. It bounds the class,
            it does not make it cancellable: an issued link keeps its expiry.
        lead: Seconds before the start from when links work and presence counts.
        grace: Seconds after the end until when presence counts.
        server: The region; without it, and without ``client_ip`` in ``options``, it is the worker's.
        webhooks: ``auto`` registers this Airflow's own receiver for start, end and transcript, ``off`` (default)
            registers nothing; or the complete set of webhook URLs, which replaces what was there.
        options: Any other documented launch field by its API name: ``features``, ``theme``, ``locale``,
            ``video_layout_mode``, ``invite_url``, ``resource_url``, ``holodeck_parameters``, ``auth_external``,
            ``session_tags``, ``space_tags``, ``summarise``, ``client_ip``, ``share_emails``. A participant's own
            ``options`` take ``single_use``, ``session_limit``, ``ghost``, ``record``, ``profile_picture``,
            ``camera_background_url``, ``custom_jwt_parameters`` and all that applies to a link.
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = (
        *LaunchSessionOperator.template_fields,
        "space_id",
        "allow_guests",
        "record_av",
        "record_content",
        "transcribe",
        "hard_stop",
        "lead",
        "grace",
        "server",
        "webhooks",
    )
    operator_extra_links = (
        *LaunchSessionOperator.operator_extra_links,
        LessonspaceRoomLink(),
        LessonspaceRecordingLink(),
    )

    def __init__(
        self,
        *,
        conn_id: str = LessonspaceHook.default_conn_name,
        space: str = "occurrence",
        space_id: str = "",
        allow_guests: bool | str = False,
        record_av: bool | str | None = None,
        record_content: bool | str | None = None,
        transcribe: bool | str = False,
        hard_stop: float | str | None = None,
        lead: float | str = 1800.0,
        grace: float | str = 3600.0,
        server: str | None = None,
        webhooks: Mapping[str, Any] | str | None = "off",
        **kwargs: Any,
    ) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
        self.space = space
        self.space_id = space_id
        self.allow_guests = allow_guests
        self.record_av = record_av
        self.record_content = record_content
        self.transcribe = transcribe
        self.hard_stop = hard_stop
        self.lead = lead
        self.grace = grace
        self.server = server
        self.webhooks = webhooks

    def earliest_launch(self, plan: Plan) -> datetime | None:
        """Wait for a lasting room until the class's own window opens: by then the class before has given it back.

        A launch while another class has the room would take over that class's session and settings.
        """
        earliest = super().earliest_launch(plan)
        if plan.options.get("space") != "persistent":
            return earliest
        opens = plan.start - timedelta(seconds=float(plan.options.get("lead", self.lead)))
        return opens if earliest is None else max(opens, earliest)

    def platform_options(self, space: str = "") -> dict[str, Any]:
        """Return the launch settings: this operator's arguments, then ``options``."""
        own = {
            "allow_guests": self.allow_guests,
            "record_av": self.record_av,
            "record_content": self.record_content,
            "transcribe": self.transcribe,
            "hard_stop": self.hard_stop,
            "lead": self.lead,
            "grace": self.grace,
            "server": self.server,
            "webhooks": None if isinstance(self.webhooks, str) else self.webhooks,
        }
        given = {name: value for name, value in own.items() if value is not None}
        return {**given, **_room(space or self.space_id, self.space), **dict(self.options or {})}

    @property
    def webhooks_auto(self) -> bool:
        """Whether this launch registers webhooks by itself."""
        return is_auto(self.webhooks)

    def webhook_options(self, url: str) -> dict[str, Any]:
        """Return the webhooks that tell one URL of start, end and transcript."""
        from airflow_provider.live_sessions.platforms.lessonspace.deliveries import webhooks_for

        return {"webhooks": webhooks_for(url)}


class LessonspaceCancelSessionOperator(CancelSessionOperator):
    """Cancel a class on Lessonspace, as far as that can be done there.

    Lessonspace has no call that ends a session, puts people out or revokes a link. A class that nobody entered
    is marked as cancelled, which tasks that wait for it see, and people do not; links that were handed over keep
    working until they run out, and the outcome says until when. The cancel is complete as long as no link has
    left Airflow (``hand_over_before`` at the launch). A class with people in it fails the task, naming the bound.

    All arguments of :class:`CancelSessionOperator` apply. For a class of a timetable, pass ``options`` as at the
    launch (with ``lead``, ``grace``, ``hard_stop`` and ``transcribe`` among them): the mark repeats them.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, conn_id: str = LessonspaceHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id=conn_id, **kwargs)

    def launch_options(self, occurrence: Occurrence) -> dict[str, Any]:
        """Return the launch settings of a class."""
        return {**_room(occurrence.space, ""), **dict(self.options or {})}


class LessonspaceHandOverLinksOperator(HandOverLinksOperator):
    """Hand each participant of a Lessonspace class their own link; see :class:`HandOverLinksOperator`."""

    hook_class: ClassVar[str] = HOOK


class LessonspaceRetrieveTranscriptOperator(RetrieveOperator):
    """Bring home a class's transcripts: the raw JSON, WebVTT and plain text of each of its sessions.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage.
        timezone: The zone in which the folder names its day and time.
        rules: From when on a session has a transcript and how long one is waited for: ``min_seconds``,
            ``sure_seconds``, ``give_up_after`` and ``give_up_after_short``.

    Returns:
        The manifest. ``extra.sessions`` says of each session whether it has a transcript and why not. ``none``
        with a reason when no session has one: that is no error.

    Raises:
        Unavailable: A transcript is not ready yet; put a ``LessonspaceTranscriptSensor`` before.
        AirflowFailException: A transcript that should be there is not, after its deadline. What could be had was
            written before that.
    """

    hook_class: ClassVar[str] = HOOK
    kind: ClassVar[str] = "transcript"
    template_fields: Sequence[str] = (*RetrieveOperator.template_fields, "rules")

    def __init__(self, *, rules: ArtifactRules | Mapping[str, float] | str = DEFAULT_RULES, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rules = rules

    def bring_home(
        self,
        platform: LessonspacePlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Fetch every session's transcript and write those that are there."""
        from airflow_provider.live_sessions.platforms.lessonspace.bringing_home import bring_transcripts

        home = bring_transcripts(platform, record, writer, ArtifactRules.of(self.rules))
        _refuse_missing(record, self.kind, home.missing)
        return home.manifest, {}


class LessonspaceRetrieveAttendanceOperator(RetrieveOperator):
    """Bring home who was in a class, from when and how long: ``attendance.csv`` and ``attendance.json``.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage.
        timezone: The zone in which the folder and the table tell times.
        late_after: Seconds after the planned start up to which a person is in time.

    Returns:
        The manifest. A row for each expected person, also who never came, and one for each other person.
    """

    hook_class: ClassVar[str] = HOOK
    kind: ClassVar[str] = "attendance"

    def __init__(self, *, late_after: float = LATE_AFTER_SECONDS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.late_after = late_after

    def bring_home(
        self,
        platform: LessonspacePlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Read the logs of the class's sessions and write the table."""
        from airflow_provider.live_sessions.platforms.lessonspace.bringing_home import bring_attendance

        zone = zone_of(self.timezone)
        home = bring_attendance(platform, record, writer, late_after=float(self.late_after), zone=zone)
        return home.manifest, {}


class LessonspaceRetrieveRecordingOperator(RetrieveOperator):
    """Bring home what is known of a class's recordings: a manifest, for a recording there is no file.

    A Lessonspace recording is an interactive replay. The manifest names each session's availability, access
    policy and API address; a link that opens the replay is made on request, sealed, and good for at most 3 hours.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage.
        timezone: The zone in which the folder names its day and time.
        fresh_links: Also return ``links``: the sealed link of each session; it is never written to a file.
        rules: How long a recording is waited for.

    Returns:
        The manifest; ``extra.sessions`` has ``session_id``, ``readiness``, ``why``, ``playback_url``, ``seconds``
        and ``recording_access_policy``; with ``fresh_links`` also ``links``.

    Raises:
        Unavailable: A recording is still being prepared; the retry asks again.
        AirflowFailException: A recording that should be there is not, after its deadline.
    """

    hook_class: ClassVar[str] = HOOK
    kind: ClassVar[str] = "recording"
    kept_there: ClassVar[str] = "the replay stays on Lessonspace"
    template_fields: Sequence[str] = (*RetrieveOperator.template_fields, "rules")

    def __init__(
        self,
        *,
        fresh_links: bool = False,
        rules: ArtifactRules | Mapping[str, float] | str = DEFAULT_RULES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fresh_links = fresh_links
        self.rules = rules

    def bring_home(
        self,
        platform: LessonspacePlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Ask for every session's recording."""
        from airflow_provider.live_sessions.platforms.lessonspace.bringing_home import bring_recordings

        home = bring_recordings(platform, record, writer, ArtifactRules.of(self.rules))
        _refuse_missing(record, self.kind, home.missing)
        if not self.fresh_links:
            return home.manifest, {}
        return home.manifest, {"links": {one: seal(link) for one, link in home.links.items()}}


class LessonspaceUpdateSessionOperator(BaseOperator):
    """Rename the sessions of a class and say who may see their recordings.

    Args:
        session: A launch operator's result: all sessions of the class are updated. Or:
        session_id: One session's uuid, with ``conn_id``.
        conn_id: The Airflow connection, for ``session_id``.
        name: The new name; the class's title by default. Lessonspace wants one even when only the policy changes.
        recording_access_policy: Of participant, admin, teacher, student, public; an empty list for the
            organisation's own policy; None leaves it.

    Returns:
        A list of ``{"session_id", "name", "recording_access_policy"}``; empty when the class had no session.
    """

    template_fields: Sequence[str] = ("session", "session_id", "conn_id", "name", "recording_access_policy")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#e7f0e0"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg | None = None,
        session_id: str = "",
        conn_id: str = LessonspaceHook.default_conn_name,
        name: str = "",
        recording_access_policy: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.session = session
        self.session_id = session_id
        self.conn_id = conn_id
        self.name = name
        self.recording_access_policy = recording_access_policy

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Update each session."""
        del context
        with airflow_errors():
            if bool(self.session) == bool(self.session_id):
                raise ConfigurationError("Give either `session` or `session_id`.")
            record = SessionRecord.from_json(self.session) if self.session else None
            name = self.name or (record.title if record else "")
            if not name:
                raise ConfigurationError("A session needs a `name`: Lessonspace demands it on every update.")
            platform = LessonspaceHook(record.ref.conn_id if record else self.conn_id).platform()
            try:
                ids = platform.session_ids(record.ref) if record else (self.session_id,)
                updated = [
                    (
                        session_id,
                        platform.client.update_session(
                            session_id, name=name, recording_access_policy=self.recording_access_policy
                        ),
                    )
                    for session_id in ids
                ]
            finally:
                platform.close()
            if not updated:
                self.log.info("The class had no session, so there was nothing to update.")
            return [
                {
                    "session_id": session_id,
                    "name": answer.name,
                    "recording_access_policy": list(answer.recording_access_policy or ()),
                }
                for session_id, answer in updated
            ]


class LessonspaceRemoveUserOperator(BaseOperator):
    """Remove a person from the organisation, by Lessonspace's own id or by yours.

    Args:
        user_id: Lessonspace's integer id. Or:
        external_id: The participant ``id`` they were launched with; matched without regard to case.
        conn_id: The Airflow connection.

    Returns:
        ``{"user_id": ..., "removed": true}``; ``removed`` is false when the organisation had no such person,
        which is what a repeat finds.
    """

    template_fields: Sequence[str] = ("user_id", "external_id", "conn_id")
    ui_color = "#f7dada"

    def __init__(
        self,
        *,
        user_id: int | str | None = None,
        external_id: str = "",
        conn_id: str = LessonspaceHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.user_id = user_id
        self.external_id = external_id
        self.conn_id = conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Remove the person."""
        del context
        with airflow_errors(), LessonspaceHook(self.conn_id).get_conn() as client:
            user_id = self._user_id(client)
            if user_id is None:
                return {"user_id": None, "removed": False}
            try:
                client.remove_user(user_id)
            except NotFound:
                self.log.info("The organisation has no user %d.", user_id)
                return {"user_id": user_id, "removed": False}
            self.log.info("Removed user %d.", user_id)
            return {"user_id": user_id, "removed": True}

    def _user_id(self, client: Any) -> int | None:
        from airflow_provider.live_sessions.platforms.lessonspace.filters import UserFilters

        if (self.user_id in (None, "")) == (not self.external_id):
            raise ConfigurationError("Give either `user_id` or `external_id`.")
        if not self.external_id:
            try:
                return int(str(self.user_id))
            except ValueError:
                raise ConfigurationError(f"user_id is Lessonspace's integer id, not {self.user_id!r}.") from None
        wanted = self.external_id.casefold()
        found = [
            row.user.id for row in client.users(UserFilters()) if (row.external_id or "").casefold() == wanted
        ]
        if len(found) > 1:
            raise ConfigurationError(
                f"{len(found)} people have the external id {self.external_id!r}; use user_id."
            )
        return found[0] if found else None


def _room(space_id: str, space: str) -> dict[str, Any]:
    if space == "persistent" or space_id:
        return {"space": "persistent", "space_id": space_id}
    return {}


def _refuse_missing(record: SessionRecord, kind: str, missing: str) -> None:
    if missing:
        raise Refused(
            f"A {kind} is missing: {missing}",
            platform="Lessonspace",
            conn_id=record.ref.conn_id,
            advice="What could be had was written; look for the rest in Lessonspace's dashboard.",
        )
