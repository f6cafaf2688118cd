"""Launching a session, on any platform: create or find, seal the links, hand the record on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import memory_of, prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.launching import LaunchPolicy, OnExisting, create_or_find
from airflow_provider.live_sessions.core.models import Participant, Plan
from airflow_provider.live_sessions.core.pages import until_key
from airflow_provider.live_sessions.core.polling import POLL_INTERVAL, Goal, GoalKind
from airflow_provider.live_sessions.core.proof import prove
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.sealing import seal
from airflow_provider.live_sessions.core.times import format_time, moment
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.sealing import AirflowCipher
from airflow_provider.live_sessions.links.page import LiveSessionLink, place_of
from airflow_provider.live_sessions.operators.claims import skip_if_taken
from airflow_provider.live_sessions.operators.identity import (
    claim_of,
    hand_over_moment,
    is_true,
    occurrence_key,
    occurrence_of,
    plan_of,
)
from airflow_provider.live_sessions.schedules.claims import Ticket
from airflow_provider.live_sessions.triggers.pausing import wait_until
from airflow_provider.live_sessions.triggers.waiting import SessionWait
from airflow_provider.live_sessions.webhooks.urls import SEALED, url_of_launch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import BaseOperatorLink, Context, XComArg

    from airflow_provider.live_sessions.hooks.base import LiveSessionHook

CANCEL_ON_KILL = ("never", "before_start", "always")


class LaunchSessionOperator(BaseOperator):
    """Launch a session, or find the one that an earlier try launched; a retry never makes a second one.

    Give the session either as ``session``, one class of a timetable, or by ``title``, ``start``, ``end`` and
    ``participants``.

    Args:
        conn_id: The Airflow connection.
        session: A class of a timetable, as ``read_timetable`` and ``Occurrence.to_json`` give it. Its identity is
            the occurrence (uid and original start), so every run that meets it means the same session.
        timetable: A name that stays the same as long as it is the same timetable; part of the identity.
        title: What people call the session.
        start: Planned start: an aware datetime, or ISO 8601 with an offset.
        end: Planned end, likewise.
        participants: Who is expected: ``{"id", "name", "email", "role", "leader", "options"}`` each; only one of
            id, email and name is required.
        options: The platform's own launch settings by their API names.
        on_existing: ``adopt`` takes over what was launched under the same identity and brings it up to date;
            ``fail`` refuses; ``replace`` cancels it, unless somebody is in it, and launches anew.
        create_in_past: Also create when the start has passed, as long as the end has not.
        revive: Launch a session again that was cancelled; else it stays cancelled. A class that its timetable
            confirms again is revived in any case.
        hand_over_before: Links leave Airflow only this long before the start (timedelta or seconds); until then
            a cancel is complete. None hands over at once.
        launch_not_before: Wait until then before launching (for a room that another class still has).
        wait_for_completion: Also wait for the session's end.
        deferrable: Wait without a worker slot; Airflow's ``[operators] default_deferrable`` by default.
        poll_interval: Seconds between polls while waiting.
        cancel_on_kill: With ``wait_for_completion``: cancel the session when a person marks this task failed
            while it is deferred: ``never``, ``before_start`` (default: only while nobody has entered) or
            ``always``. Nothing else ever cancels: no clear, no deploy, no triggerer that comes or goes.

    Returns:
        The session's record: ``ref``, ``title``, ``start``, ``end``, ``participants``, ``links`` (sealed, one a
        participant; None when it is over or cancelled), ``created``, ``state``, ``hand_over_at``, ``warnings``.

    Raises:
        AirflowFailException: The arguments or the connection are wrong, the start has passed, or the platform
            refused.
        OutcomeUnknown: The answer was lost; the retry looks before it creates.
    """

    hook_class: ClassVar[str]
    """Import path of the platform's hook; each platform's subclass names it."""

    template_fields: Sequence[str] = (
        "conn_id",
        "session",
        "timetable",
        "title",
        "start",
        "end",
        "participants",
        "options",
        "on_existing",
        "create_in_past",
        "revive",
        "hand_over_before",
        "launch_not_before",
        "poll_interval",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "session": "json",
        "participants": "json",
        "options": "json",
    }
    operator_extra_links: tuple[BaseOperatorLink, ...] = (LiveSessionLink(),)
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        conn_id: str,
        session: Mapping[str, Any] | XComArg | None = None,
        timetable: str = "",
        title: str = "",
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        participants: Iterable[Mapping[str, Any]] = (),
        options: Mapping[str, Any] | None = None,
        on_existing: str = "adopt",
        create_in_past: bool | str = False,
        revive: bool | str = False,
        hand_over_before: timedelta | float | str | None = None,
        launch_not_before: datetime | str | None = None,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str = POLL_INTERVAL,
        cancel_on_kill: str = "before_start",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        if cancel_on_kill not in CANCEL_ON_KILL:
            raise ValueError(f"cancel_on_kill is one of {', '.join(CANCEL_ON_KILL)}, not {cancel_on_kill!r}")
        self.conn_id = conn_id
        self.session = session
        self.timetable = timetable
        self.title = title
        self.start = start
        self.end = end
        self.participants = participants
        self.options = options
        self.on_existing = on_existing
        self.create_in_past = create_in_past
        self.revive = revive
        self.hand_over_before = hand_over_before
        self.launch_not_before = launch_not_before
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.cancel_on_kill = cancel_on_kill

    def execute(self, context: Context) -> dict[str, Any]:
        """Launch or find the session and return its record; see the class."""
        with airflow_errors():
            plan, _ = self.plan_and_key(context)
            earliest = self.earliest_launch(plan)
            if earliest is not None:
                wait_until(self, earliest, method_name="execute_launch", deferrable=self.deferrable)
            return self.execute_launch(context)

    def execute_launch(self, context: Context, event: object = None) -> dict[str, Any]:
        """Launch now; the way back from waiting for a room."""
        del event
        with airflow_errors():
            cipher = AirflowCipher()  # before anything is launched: without a key the links could go nowhere
            claim = claim_of(self.session)
            skip_if_taken(claim)
            plan, key = self.plan_and_key(context)
            plan = self.with_webhooks(plan, context)
            memory = memory_of(context)
            hand_over_at = hand_over_moment(plan, self.hand_over_before)
            platform = self.hook().platform()
            try:
                launched = create_or_find(
                    platform,
                    plan,
                    key,
                    now=datetime.now(UTC),
                    memory=memory,
                    policy=LaunchPolicy(
                        on_existing=self._on_existing(),
                        create_in_past=is_true(self.create_in_past),
                        revive=is_true(self.revive) or (bool(claim) and Ticket.from_json(claim).claim.revive),
                        generation=int(getattr(context["ti"], "max_tries", 0) or 0),
                    ),
                )
            finally:
                platform.close()
            if self.webhooks_auto and launched.secret is not None and launched.secret.get_secret_value():
                memory.record({**memory.recall(), SEALED: seal(launched.secret, cipher)})
            record = SessionRecord.of(launched, plan, cipher, hand_over_at=hand_over_at)
            record = prove(replace(record, claim=claim), place_of(context["ti"]), cipher)
            self._tell(record)
            # How the page of sessions finds what is not over, among however many launches.
            context["ti"].xcom_push(key=until_key(record.window_end), value=format_time(record.window_end))
            result = record.to_json()
            if self.wait_for_completion and not record.state.over:
                context["ti"].xcom_push(key="return_value", value=result)
                self._wait(record)
            return result

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return from the wait for the end: the record stays the result."""
        with airflow_errors():
            ti = context["ti"]
            result = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index, key="return_value")
            record = SessionRecord.from_json(result)
            self._session_wait().resume(self, record, event, **self._deferral(record))
            return dict(result)

    def plan_and_key(self, context: Context) -> tuple[Plan, LaunchKey]:
        """Return the session as it is meant to be, and its identity.

        Raises:
            ConfigurationError: Neither a class nor a title with times was given, or both.
        """
        if self.session:
            if self.title or self.start or self.end:
                raise ConfigurationError("Give either `session` or `title`, `start` and `end`, not both.")
            occurrence = occurrence_of(self.session)
            key = occurrence_key(occurrence, conn_id=self.conn_id, timetable=self.timetable)
            return plan_of(occurrence, self.platform_options(occurrence.space)), key
        if not (self.title and self.start and self.end):
            raise ConfigurationError(
                "The session is not described.",
                advice="Give `title`, `start` and `end`, or `session` from a timetable.",
            )
        ti = context["ti"]
        plan = Plan(
            title=self.title,
            start=moment(self.start, "start"),
            end=moment(self.end, "end"),
            participants=tuple(Participant.from_json(one) for one in self.participants),
            options=self.platform_options(),
        )
        key = LaunchKey.for_task(
            conn_id=self.conn_id,
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=-1 if ti.map_index is None else ti.map_index,
        )
        return plan, key

    def earliest_launch(self, plan: Plan) -> datetime | None:
        """Return the moment to wait for before launching; None launches at once."""
        del plan
        return moment(self.launch_not_before, "launch_not_before") if self.launch_not_before else None

    def platform_options(self, space: str = "") -> dict[str, Any]:
        """Return the platform's launch settings; subclasses add those that are arguments of theirs.

        Args:
            space: The lasting room that the timetable asks for; empty for a room of its own.
        """
        if space:
            raise ConfigurationError(f"This platform has no lasting rooms, but the class asks for {space!r}.")
        return dict(self.options or {})

    @property
    def webhooks_auto(self) -> bool:
        """Whether this launch registers webhooks by itself; False where its platform's launches cannot."""
        return False

    def with_webhooks(self, plan: Plan, context: Context) -> Plan:
        """Return the plan with the webhooks that this launch registers by itself.

        Raises:
            ConfigurationError: They are asked for and not set up.
        """
        if not self.webhooks_auto:
            return plan
        platform = hook_class_of(self.hook_class).conn_type
        url = url_of_launch(platform, self.conn_id, plan, context["ti"])
        return replace(plan, options={**plan.options, **self.webhook_options(url)})

    def webhook_options(self, url: str) -> dict[str, Any]:
        """Return the platform's launch settings that send its deliveries to a URL."""
        raise NotImplementedError

    def hook(self) -> LiveSessionHook:
        """Return the platform's hook."""
        return hook_class_of(self.hook_class)(self.conn_id)

    def _on_existing(self) -> OnExisting:
        try:
            return OnExisting(self.on_existing)
        except ValueError:
            raise ConfigurationError(
                f"on_existing is one of {', '.join(OnExisting)}, not {self.on_existing!r}."
            ) from None

    def _tell(self, record: SessionRecord) -> None:
        links = "no links" if record.links is None else f"{len(record.links)} sealed links"
        self.log.info(
            "%s: %s, %s, %s", record.title, "created" if record.created else "found", record.state, links
        )
        for warning in record.warnings:
            self.log.warning("%s", warning)

    def _session_wait(self) -> SessionWait:
        return SessionWait(
            hook_class=self.hook_class, goal=Goal(GoalKind.END), poll_interval=float(self.poll_interval)
        )

    def _deferral(self, record: SessionRecord) -> dict[str, Any]:
        return {"cancel_on_kill": self.cancel_on_kill, "handed_over": record.handed_over(datetime.now(UTC))}

    def _wait(self, record: SessionRecord) -> None:
        wait = self._session_wait()
        if self.deferrable:
            wait.defer(self, record, **self._deferral(record))
        wait.block(self, record)
