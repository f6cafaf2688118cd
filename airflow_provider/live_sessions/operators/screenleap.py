"""Screenleap's operators for one share: launch, stop, usage, attendance.

Those for the whole account (usage of a time, the reaper) are in ``screenleap_account``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider.live_sessions.artifacts.attendance import LATE_AFTER_SECONDS
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.errors import ConfigurationError, NotFound, Unavailable
from airflow_provider.live_sessions.core.models import CancelOutcome, People
from airflow_provider.live_sessions.core.polling import POLL_INTERVAL, Goal, GoalKind, Outcome
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.sealing import unseal
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import format_time, parse_time, seconds_of
from airflow_provider.live_sessions.hooks.screenleap import HOOK, ScreenleapHook
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.links.screenleap import ScreenleapViewerLink
from airflow_provider.live_sessions.operators.cancel import CancelSessionOperator
from airflow_provider.live_sessions.operators.hand_over_ledger import may_be_out, share_key
from airflow_provider.live_sessions.operators.identity import Meant, claim_of, find_meant, is_true
from airflow_provider.live_sessions.operators.launch import LaunchSessionOperator
from airflow_provider.live_sessions.operators.retrieve import RetrieveOperator, zone_of
from airflow_provider.live_sessions.platforms.screenleap.judging import LONGEST_INTERVAL, SETTLE
from airflow_provider.live_sessions.triggers.waiting import SessionWait

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.writer import Writer
    from airflow_provider.live_sessions.core.contract import Absent, Unprovable
    from airflow_provider.live_sessions.platforms.screenleap.platform import ScreenleapPlatform


class ScreenleapLaunchSessionOperator(LaunchSessionOperator):
    """Reserve a screen share and obtain what its presenter and its viewers need. Nothing runs yet.

    A share starts when a person's browser takes the launch data: open the presenter's link with
    ``hooks.screenleap.reveal_launch_data`` in a Python task and hand it to the page that calls
    ``screenleap.startSharing``. The participant marked as ``leader`` presents; the others get a link to watch.

    Screenleap gives the launch data once. A retry that finds its share running adopts it with ``links=None``; one
    that finds it not started makes another and stops the first. All arguments of :class:`LaunchSessionOperator`
    apply, and:

    Args:
        conn_id: The Airflow connection, ``screenleap_default`` by default.
        external_id: Your own id of the share, at most 150 characters; the launch key is put behind it
            (``<yours>|als1:<key>``), so your own exact filter on Screenleap no longer finds it.
        external_id_unique: Send ``external_id`` verbatim: you promise that no other share has it.
        presenter_country_code: Two letters: where the *presenter* is, to choose the servers. The worker's own
            address is never sent.
        lead: Seconds before the start from when a wait looks at the share.
        grace: Seconds after the end until when it does.
        options: Any other parameter by its API name (``screenSharingMode``, ``videoMode``, ``title``,
            ``presenterIpAddress``, ...), ``viewer`` for those of the viewer page, ``parameters`` for what the
            documents name in several ways (recording).
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = (
        *LaunchSessionOperator.template_fields,
        "external_id",
        "external_id_unique",
        "presenter_country_code",
        "lead",
        "grace",
    )
    operator_extra_links = (*LaunchSessionOperator.operator_extra_links, ScreenleapViewerLink())

    def __init__(
        self,
        *,
        conn_id: str = ScreenleapHook.default_conn_name,
        external_id: str = "",
        external_id_unique: bool | str = False,
        presenter_country_code: str = "",
        lead: float | str = 1800.0,
        grace: float | str = 3600.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
        self.external_id = external_id
        self.external_id_unique = external_id_unique
        self.presenter_country_code = presenter_country_code
        self.lead = lead
        self.grace = grace

    def platform_options(self, space: str = "") -> dict[str, Any]:
        """Return the launch settings: this operator's arguments, then ``options``."""
        own = {
            "externalId": self.external_id,
            "external_id_unique": is_true(self.external_id_unique),
            "presenterCountryCode": self.presenter_country_code or None,
            "lead": self.lead,
            "grace": self.grace,
        }
        return {**own, **super().platform_options(space)}

    def _session_wait(self) -> SessionWait:
        wait = super()._session_wait()
        return replace(wait, settle=SETTLE, poll_interval=min(wait.poll_interval, LONGEST_INTERVAL))


class ScreenleapStopSessionOperator(CancelSessionOperator):
    """Stop a share: ask the presenter's app to end it, then wait for the end when told to.

    A 404 of the platform means "no such code" as well as "ended already": it counts as stopped only for a code
    that this run knows, from a launch or because Screenleap shows the share.

    Args:
        session: A launch operator's result, or a class of a timetable. Or:
        code: The code of a share that was made elsewhere, sealed with ``hooks.sealing.seal``.
        conn_id: The Airflow connection; a launch result names its own.
        if_live: What to do with a share that somebody has begun: ``end`` (default) stops it, ``fail`` leaves it
            alone and fails the task, ``report`` leaves it alone.
        wait_for_end: Wait until the end is seen, ``timeout`` at most.
        timeout: Seconds to wait for the end.
        enforce: For a share that nobody has started: whether its launch data still works after a stop is not
            documented, so wait until it is started and stop it then, or until its window has passed.
        deferrable: With ``enforce``: wait without a worker slot.
        poll_interval: With ``enforce``: seconds between polls, 120 at most.
        timetable, options, hand_over_before: For a class of a timetable, as given at the launch.
        destination: Where the hand-over wrote down who got what, see :class:`CancelSessionOperator`.

    Returns:
        The outcome: ``state_before``, ``done``, ``not_done``, ``confirmed``, ``people_inside``, ``next``.

    Raises:
        Unavailable: The end was not seen in time; the retry asks again, which does no harm.
        AirflowFailException: The share was not made through the API (403), or nobody knows the code; or somebody
            has begun it and ``if_live`` is ``fail``.
    """

    hook_class: ClassVar[str] = HOOK
    if_live_values: ClassVar[tuple[str, ...]] = ("fail", "report", "end")
    template_fields: Sequence[str] = (
        *CancelSessionOperator.template_fields,
        "code",
        "wait_for_end",
        "timeout",
        "enforce",
        "poll_interval",
    )

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg | None = None,
        code: str = "",
        conn_id: str = ScreenleapHook.default_conn_name,
        if_live: str = "end",
        wait_for_end: bool | str = True,
        timeout: float | str = 120.0,
        enforce: bool | str = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str = POLL_INTERVAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(session=session or {}, conn_id=conn_id, if_live=if_live, **kwargs)
        self.code = code
        self.wait_for_end = wait_for_end
        self.timeout = timeout
        self.enforce = enforce
        self.deferrable = deferrable
        self.poll_interval = poll_interval

    def execute(self, context: Context) -> dict[str, Any]:
        """Stop, tell it in the log, and return the outcome."""
        with airflow_errors():
            self.check_if_live()
            if bool(self.session) == bool(self.code):
                raise ConfigurationError("Give either `session` or `code`.")
            self.check_hands()
            platform = self._open()
            try:
                if self.code:
                    outcome = self._stop_code(platform)
                    self._settle_for("the share", outcome)
                    return outcome.to_json()
                meant = self._meant(platform)
                if not isinstance(meant, Meant):
                    return self._tell_nothing_found(meant)
                outcome = self._stop(platform, meant)
            finally:
                platform.close()
            self._settle_for(meant.title, outcome)
            self._tell_why(meant, outcome, context)
            unstarted = outcome.state_before in (State.SCHEDULED, State.NEVER_HELD) and not outcome.confirmed
            if unstarted and is_true(self.enforce):
                return self._enforce(meant)
            return outcome.to_json()

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return from the wait for the start."""
        del context
        with airflow_errors():
            platform = self._open()
            try:
                meant = self._meant(platform)
            finally:
                platform.close()
            if not isinstance(meant, Meant):
                return self._tell_nothing_found(meant)
            record = _record_of(meant)
            return self._enforced(meant, self._start_wait().resume(self, record, event))

    def _open(self) -> ScreenleapPlatform:
        return ScreenleapHook(self._conn_id()).platform()

    def _meant(self, platform: ScreenleapPlatform) -> Meant | Absent | Unprovable:
        return find_meant(
            self.session,
            platform=platform,
            conn_id=self.conn_id,
            timetable=self.timetable,
            hand_over_before=self.hand_over_before,
            options_of=self.launch_options,
        )

    def _patience(self) -> float:
        return seconds_of(self.timeout, "timeout") if is_true(self.wait_for_end) else 0.0

    def _stop(self, platform: ScreenleapPlatform, meant: Meant) -> CancelOutcome:
        handed_over = meant.handed_over(datetime.now(UTC)) or may_be_out(
            share_key(meant.ref), claim=claim_of(self.session), destination=self.destination
        )
        return platform.stop(
            platform.code_of(meant.ref),
            handed_over=handed_over,
            patience=self._patience(),
            live=self.if_live == "end",
        )

    def _stop_code(self, platform: ScreenleapPlatform) -> CancelOutcome:
        from airflow_provider.live_sessions.platforms.screenleap.cancelling import look

        code = unseal(self.code, AirflowCipher())
        share, _ = look(platform.client, code)
        if share is None:  # then a 404 proves nothing: it may be a typing error
            raise NotFound(
                "No share of this account has the code.",
                platform="Screenleap",
                conn_id=self.conn_id,
                advice="Check the code; a share that ended some time ago may no longer be shown.",
            )
        return platform.stop(code, patience=self._patience(), live=self.if_live == "end")

    def _settle_for(self, title: str, outcome: CancelOutcome) -> None:
        self._tell(title, outcome)
        if (
            outcome.state_before is not State.LIVE
            and outcome.people_inside is People.YES
            and self.if_live != "report"
        ):
            raise Unavailable(
                f"{title!r} was started while it was being stopped.",
                platform="Screenleap",
                conn_id=self.conn_id,
                advice="The retry looks again.",
            )
        if self.if_live != "end":
            return
        if outcome.state_before is State.LIVE and not outcome.confirmed and is_true(self.wait_for_end):
            raise Unavailable(
                f"{title!r} was told to stop, but its end was not seen within {self._patience():.0f} s.",
                platform="Screenleap",
                conn_id=self.conn_id,
                advice="The retry asks again, which does no harm.",
            )

    def _enforce(self, meant: Meant) -> dict[str, Any]:
        self.log.info("It is watched, and stopped as soon as somebody starts it.")
        record = _record_of(meant)
        if self.deferrable:
            self._start_wait().defer(self, record)
        return self._enforced(meant, self._start_wait().block(self, record))

    def _enforced(self, meant: Meant, start: Outcome) -> dict[str, Any]:
        if start.status is None or start.status.state is not State.LIVE:
            outcome = CancelOutcome(
                State.SCHEDULED,
                done=(f"Nobody started it while it was watched: {start.why}",),
                confirmed=True,
                people_inside=People.NO,
            )
        else:
            platform = self._open()
            try:
                outcome = self._stop(platform, meant)
            finally:
                platform.close()
        self._settle_for(meant.title, outcome)
        return outcome.to_json()

    def _start_wait(self) -> SessionWait:
        return SessionWait(
            hook_class=self.hook_class,
            goal=Goal(GoalKind.START),
            poll_interval=min(seconds_of(self.poll_interval, "poll_interval"), LONGEST_INTERVAL),
            settle=SETTLE,
        )


class ScreenleapRetrieveUsageOperator(RetrieveOperator):
    """Bring home what one share cost and who watched: ``usage`` and ``participants``, as CSV and JSON.

    Cost is told after the end only, and only for a share that somebody watched: put a
    :class:`ScreenleapSessionEndSensor` before.

    Args:
        session: A launch operator's result.
        destination: A folder, or any URL of Airflow's object storage.
        timezone: The zone in which the folder and the CSV tell times.

    Returns:
        The manifest; ``extra.totals`` has ``shares``, ``viewers``, ``user_minutes`` and ``cost_in_cents``.
        ``none`` where nobody started the share, ``partial`` while it goes on or its cost is not told.
    """

    hook_class: ClassVar[str] = HOOK
    kind: ClassVar[str] = "usage"

    def bring_home(
        self,
        platform: ScreenleapPlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Read the share and write its tables."""
        from airflow_provider.live_sessions.platforms.screenleap.bringing_home import bring_usage

        return bring_usage(platform, record, writer, zone=zone_of(self.timezone)), {}


class ScreenleapRetrieveAttendanceOperator(RetrieveOperator):
    """Bring home who was in a share: ``attendance.csv`` and ``attendance.json``.

    From first join to last leave: breaks are not told. Viewers are known by the links that their launch made.

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
        platform: ScreenleapPlatform,  # type: ignore[override]  # this operator's hook opens no other
        record: SessionRecord,
        writer: Writer,
    ) -> tuple[Manifest, dict[str, Any]]:
        """Read the share's participants and write the table."""
        from airflow_provider.live_sessions.platforms.screenleap.bringing_home import bring_attendance

        late_after, zone = float(self.late_after), zone_of(self.timezone)
        return bring_attendance(platform, record, writer, late_after=late_after, zone=zone), {}


def _record_of(meant: Meant) -> SessionRecord:
    """Return what a wait needs of a share; it is looked at from now on, not only from its window."""
    return SessionRecord(
        ref=meant.ref.with_details(window_start=format_time(datetime.now(UTC))),
        title=meant.title,
        start=parse_time(meant.ref.detail("planned_start")),
        end=parse_time(meant.ref.detail("planned_end")),
        participants=(),
        links=None,
        created=False,
        state=State.SCHEDULED,
    )
