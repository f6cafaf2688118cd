"""Educates' operators."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused, Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.times import CLOCKS, parse_time, seconds_of
from airflow_provider.live_sessions.hooks.educates import HOOK, EducatesHook
from airflow_provider.live_sessions.operators.cancel import CancelSessionOperator
from airflow_provider.live_sessions.operators.export_sessions import SessionsToObjectStorageOperator
from airflow_provider.live_sessions.operators.hand_over import HandOverLinksOperator
from airflow_provider.live_sessions.operators.identity import Meant, find_meant
from airflow_provider.live_sessions.operators.launch import LaunchSessionOperator
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_account
from airflow_provider.live_sessions.webhooks.urls import is_auto

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.core.keys import LaunchKey
    from airflow_provider.live_sessions.core.models import CancelOutcome, Plan


class EducatesLaunchSessionOperator(LaunchSessionOperator):
    """Launch a workshop class on Educates: one session, and one activation link, for each learner.

    A link lets its bearer in as the learner, without a login, for the session's whole life. Opening it starts the
    workshop's clock; nothing here ever opens one. A learner has to come within ``activate_within`` seconds of the
    planned start. All arguments of :class:`LaunchSessionOperator` apply, and:

    Args:
        conn_id: The Airflow connection, ``educates_default`` by default.
        workshop: The Workshop resource's name. The environment that runs it is looked up at each launch.
        index_url: Where a browser goes after the workshop; the connection's own by default.
        provision_before: Seconds before the planned start from when the sessions are made; the launch waits until
            then. None makes them at once.
        activate_within: Seconds after the planned start, or a later launch, in which the link has to be opened.
        users: ``launch`` (default) gives each learner a portal user for this launch alone, so that a retry finds
            its own session; it goes round the portal's caps for each user. ``learner`` keeps one user a learner:
            the caps count, and a session that the learner has already is shared (and ended only with ``force``).
        parameters: Values for the workshop, the same for everybody; seal secret ones
            (``hooks.sealing.seal``). A participant's own go into their ``options``.
        analytics_url: Where the sessions' events go (``{key}`` and ``{user}`` are filled in); seal it.
        webhooks: ``auto`` sends them to this Airflow's own receiver instead; ``off`` (default) does not.
        allow_partial: When the portal is full, go on with the learners who have a session; otherwise the task
            fails and its retry asks for the others.
        options: ``timeout`` (the portal's own activation window, from the launch), ``share_emails`` and ``grace``
            (seconds after the last possible end until when a wait goes on). A participant's own ``options`` take
            ``parameters``, ``email``, ``first_name`` and ``last_name``.
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = (
        *LaunchSessionOperator.template_fields,
        "workshop",
        "index_url",
        "provision_before",
        "activate_within",
        "users",
        "parameters",
        "analytics_url",
        "webhooks",
        "allow_partial",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **LaunchSessionOperator.template_fields_renderers,
        "parameters": "json",
    }

    def __init__(
        self,
        *,
        workshop: str = "",
        conn_id: str = EducatesHook.default_conn_name,
        index_url: str = "",
        provision_before: float | str | None = None,
        activate_within: float | str = 900.0,
        users: str = "launch",
        parameters: Mapping[str, str] | None = None,
        analytics_url: str | None = None,
        webhooks: str = "off",
        allow_partial: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
        self.workshop = workshop
        self.index_url = index_url
        self.provision_before = provision_before
        self.activate_within = activate_within
        self.users = users
        self.parameters = parameters
        self.analytics_url = analytics_url
        self.webhooks = webhooks
        self.allow_partial = allow_partial

    def plan_and_key(self, context: Context) -> tuple[Plan, LaunchKey]:
        """As for every launch; refuses to replace what other launches may share."""
        plan, key = super().plan_and_key(context)
        if plan.options.get("users") == "learner" and self.on_existing == "replace":
            raise ConfigurationError(
                "on_existing='replace' does not go with users='learner': it would end another launch's session.",
                advice="End the session on purpose first, with EducatesTerminateSessionOperator and force=True.",
            )
        return plan, key

    def earliest_launch(self, plan: Plan) -> datetime | None:
        """Wait until the sessions are needed: each takes a place in the portal from the moment it is made."""
        earliest = super().earliest_launch(plan)
        if self.provision_before in (None, ""):
            return earliest
        due = plan.start - timedelta(seconds=seconds_of(self.provision_before, "provision_before"))
        return due if earliest is None else max(due, earliest)

    def platform_options(self, space: str = "") -> dict[str, Any]:
        """Return the launch settings: this operator's arguments, then ``options``."""
        own = {
            "workshop": self.workshop,
            "index_url": self.index_url,
            "activate_within": self.activate_within,
            "users": self.users,
            "parameters": self.parameters,
            "analytics_url": self.analytics_url,
            "allow_partial": self.allow_partial,
        }
        given = {name: value for name, value in own.items() if value not in (None, "")}
        return {**given, **super().platform_options(space)}

    @property
    def webhooks_auto(self) -> bool:
        """Whether this launch registers webhooks by itself."""
        return is_auto(self.webhooks)

    def webhook_options(self, url: str) -> dict[str, Any]:
        """Return the address that the sessions' events go to.

        Raises:
            ConfigurationError: Another one was given as well.
        """
        if self.analytics_url:
            raise ConfigurationError("Give either analytics_url or webhooks='auto': a session has one address.")
        return {"analytics_url": url}


class EducatesTerminateSessionOperator(CancelSessionOperator):
    """End a class's sessions, all of them or some learners', and see them gone.

    A session that is over already is as good as ended; a repeat does no harm. What cannot be seen gone is not
    called ended. Links die with their sessions: a cancel is complete here, whether they were handed over or not.

    Args:
        session: A launch operator's result, or a class of a timetable: then it is looked up by its identity, and
            ``options`` must name the ``workshop`` (and ``users``) as at the launch.
        learners: Only these participants' sessions, by their ids.
        if_live: What to do with sessions that somebody has opened: ``fail`` (default) leaves them alone and fails
            the task, ``report`` leaves them alone, ``end`` ends them: for a clean-up at the end of the day.
        end_live_from: The moment from which ``if_live="end"`` holds, ISO 8601; always by default. Before it, what
            somebody has opened is left alone as with ``report``: a teardown also runs when the task that waited
            for this moment was broken off, e.g. because its run was marked as failed.
        force: Also end sessions that other launches may share (``users='learner'``).
        conn_id: For a class of a timetable.
        timetable: Likewise.

    Returns:
        The outcome; see :class:`CancelSessionOperator`.

    Raises:
        AirflowFailException: Somebody is inside and ``if_live`` is ``fail``; or the sessions are shared.
        Unavailable: With ``if_live="end"``: not everything is gone yet. The retry goes on.
    """

    hook_class: ClassVar[str] = HOOK
    if_live_values: ClassVar[tuple[str, ...]] = ("fail", "report", "end")
    template_fields: Sequence[str] = (*CancelSessionOperator.template_fields, "learners", "end_live_from")

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        conn_id: str = EducatesHook.default_conn_name,
        learners: Iterable[str] | None = None,
        end_live_from: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(session=session, conn_id=conn_id, **kwargs)
        self.learners = learners
        self.end_live_from = end_live_from

    def execute(self, context: Context) -> dict[str, Any]:
        """End the sessions, tell it in the log, and return the outcome."""
        with airflow_errors():
            self.check_if_live()
            self.check_hands()
            ends_live = self._ends_live()
            platform = EducatesHook(self._conn_id()).platform()
            try:
                meant = find_meant(
                    self.session,
                    platform=platform,
                    conn_id=self.conn_id,
                    timetable=self.timetable,
                    hand_over_before=self.hand_over_before,
                    options_of=self.launch_options,
                )
                if not isinstance(meant, Meant):
                    return self._tell_nothing_found(meant)
                outcome = platform.end(
                    meant.ref,
                    learners=_learners(self.learners),
                    live=ends_live,
                    force=self.force,
                )
            finally:
                platform.close()
            self._tell(meant.title, outcome)
            self._tell_why(meant, outcome, context)
            if ends_live:
                self._insist(meant, outcome)
            return {**outcome.to_json(), "at": datetime.now(UTC).isoformat(timespec="seconds")}

    def _ends_live(self) -> bool:
        if self.if_live != "end":
            return False
        if not self.end_live_from or datetime.now(UTC) >= parse_time(self.end_live_from) - CLOCKS:
            return True
        self.log.warning("It is before %s: what somebody has opened is left alone.", self.end_live_from)
        return False

    def _insist(self, meant: Meant, outcome: CancelOutcome) -> None:
        if outcome.confirmed:
            return
        told = f"{meant.title!r} is not all ended: {' '.join(outcome.not_done)}"
        if meant.ref.detail("shared") and not self.force:
            raise Refused(told, platform="Educates", conn_id=meant.ref.conn_id, advice=outcome.next)
        raise Unavailable(told, platform="Educates", conn_id=meant.ref.conn_id, advice=outcome.next)


class EducatesHandOverLinksOperator(HandOverLinksOperator):
    """Hand each learner their own activation link; see :class:`HandOverLinksOperator`."""

    hook_class: ClassVar[str] = HOOK


class EducatesExtendSessionOperator(BaseOperator):
    """Extend a class's sessions that are about to end.

    The portal decides: it extends a session only shortly before its end, and never beyond the workshop's deadline,
    which is that very end unless the portal sets a later one.

    Args:
        session: A launch operator's result.
        learners: Only these participants' sessions, by their ids.
        on_refused: ``report`` (default) or ``fail`` when no session was extended.

    Returns:
        ``extended``: how many were; ``sessions``: ``learner``, ``session``, ``extended``, ``expires`` and ``why``
        of each.

    Raises:
        AirflowFailException: None was extended, and ``on_refused`` is ``fail``.
        OutcomeUnknown: An answer was lost and the end has not moved; the retry asks again.
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = ("session", "learners", "on_refused")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#dff3e4"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        learners: Iterable[str] | None = None,
        on_refused: str = "report",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.learners = learners
        self.on_refused = on_refused

    def execute(self, context: Context) -> dict[str, Any]:
        """Extend, and return what became of each session."""
        del context
        with airflow_errors():
            if self.on_refused not in ("report", "fail"):
                raise ConfigurationError(f"on_refused is report or fail, not {self.on_refused!r}.")
            record = SessionRecord.from_json(self.session)
            platform = EducatesHook(record.ref.conn_id).platform()
            try:
                found = platform.extend(record.ref, learners=_learners(self.learners))
            finally:
                platform.close()
            for one in found:
                self.log.info("%s: %s", one.learner, one.why)
            extended = sum(one.extended for one in found)
            if not extended and self.on_refused == "fail":
                raise Refused(
                    f"No session of {record.title!r} was extended.",
                    platform="Educates",
                    conn_id=record.ref.conn_id,
                    advice=" ".join(dict.fromkeys(one.why for one in found)),
                )
            return {"extended": extended, "sessions": [one.to_json() for one in found]}


class EducatesListWorkshopsOperator(TellsLineage, BaseOperator):
    """List what a portal offers, and how much room there is.

    Args:
        conn_id: The Airflow connection.
        names: Only these workshops, by their resources' names.
        labels: Only workshops with all of these labels.
        seats: Fail unless each workshop listed, and each one named, has room for so many more sessions.

    Returns:
        ``workshops``: ``workshop``, ``title``, ``environment``, ``capacity``, ``allocated``, ``free``,
        ``duration`` and ``labels`` of each; ``portal``: its ``name``, ``uid``, ``maximum`` and ``allocated``.

    Raises:
        Unavailable: There is not enough room; a retry may find more.
    """

    hook_class: ClassVar[str] = HOOK
    template_fields: Sequence[str] = ("conn_id", "names", "labels", "seats")
    ui_color = "#e9e9e9"

    def __init__(
        self,
        *,
        conn_id: str = EducatesHook.default_conn_name,
        names: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        seats: int | str = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.conn_id = conn_id
        self.names = names
        self.labels = labels
        self.seats = seats

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the catalogue and check the room."""
        del context
        with airflow_errors():
            names = list(self.names)
            with EducatesHook(self.conn_id).get_conn() as client:
                catalogue = client.environments(names=names, labels=self.labels)
            portal = catalogue.portal
            # However much room a workshop has, the whole portal may be at its maximum; 0 is none.
            left = portal.sessions.maximum - portal.sessions.allocated if portal.sessions.maximum else math.inf
            listed = [
                {
                    "workshop": one.workshop.own_name,
                    "title": one.workshop.title,
                    "environment": one.name,
                    "capacity": one.capacity,
                    "allocated": one.allocated,
                    "free": max(0, min(one.capacity - one.allocated, left)),
                    "duration": one.duration,
                    "labels": dict(one.workshop.labels),
                }
                for one in catalogue.environments
            ]
            for one in listed:
                self.log.info("%(workshop)s: %(allocated)d of %(capacity)d sessions in use", one)
            self.lineage = lambda: Lineage((of_account("educates", self.conn_id, "workshops"),))
            self._check_room({str(one["workshop"]): int(str(one["free"])) for one in listed}, names)
            return {
                "workshops": listed,
                "portal": {
                    "name": portal.name,
                    "uid": portal.uid,
                    "maximum": portal.sessions.maximum,
                    "allocated": portal.sessions.allocated,
                },
            }

    def _check_room(self, free: Mapping[str, int], names: Sequence[str]) -> None:
        try:
            seats = int(self.seats)
        except ValueError:
            raise ConfigurationError(f"seats is a number, not {self.seats!r}.") from None
        if seats <= 0:
            return
        short = [name for name in dict.fromkeys([*names, *free]) if free.get(name, 0) < seats]
        if short:
            told = ", ".join(f"{name} has {free.get(name, 0)}" for name in short)
            raise Unavailable(f"{seats} seats are needed; {told}.", platform="Educates", conn_id=self.conn_id)


def _learners(given: Any) -> list[str] | None:
    if given is None or given == "":
        return None
    if isinstance(given, str):
        raise ConfigurationError("`learners` is a list of participant ids.")
    return [str(one) for one in given]


class EducatesSessionsToObjectStorageOperator(SessionsToObjectStorageOperator):
    """Refuse, with the reason: a training portal forgets a session when it ends, so no time can be read back.

    It is here so that a DAG over all platforms fails with a sentence and not with a missing name.

    Raises:
        AirflowFailException: Always; it names what works instead.
    """

    hook_class: ClassVar[str] = HOOK
    why_not: ClassVar[tuple[str, str]] = (
        "A training portal keeps no history: a session that ended shows no end, no reason and no row.",
        "Take what is there now (EducatesListWorkshopsOperator), or events (analytics_url at the launch).",
    )

    def __init__(self, *, conn_id: str = EducatesHook.default_conn_name, **kwargs: Any) -> None:
        super().__init__(conn_id=conn_id, **kwargs)
