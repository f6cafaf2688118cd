"""Cancelling a session, on any platform: asked for, checked, and told truthfully."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.contract import Absent
from airflow_provider.live_sessions.core.errors import ConfigurationError, Unsupported
from airflow_provider.live_sessions.core.pages import LONGEST_REASON, reason_key
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.operators.claims import refuse_if_taken, skip_if_taken
from airflow_provider.live_sessions.operators.hand_over_ledger import may_be_out
from airflow_provider.live_sessions.operators.identity import Meant, claim_of, find_meant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.core.contract import Unprovable
    from airflow_provider.live_sessions.core.models import CancelOutcome
    from airflow_provider.live_sessions.schedules.model import Occurrence


IF_UNDONE = ("report", "fail")


class CancelSessionOperator(BaseOperator):
    """Cancel a session as far as its platform can, and say what it could not do.

    Args:
        session: A launch operator's result, or a class of a timetable: then it is looked up by its identity.
        conn_id: The Airflow connection; needed for a class, a launch result names its own.
        timetable: The timetable's name, as given at the launch; for a class.
        options: The platform's launch settings, as given at the launch; for a class.
        hand_over_before: As given at the launch; for a class. Before that moment no link has left Airflow, so
            the cancel is complete.
        if_live: ``fail`` (default) or ``report``, when people are inside and the platform cannot end it.
        if_undone: ``report`` (default) or ``fail``, when the platform changed nothing, or another run has the
            class by now (which else skips the task): for a cancel whose run a person watches.
        force: Also try what is documented but of uncertain effect.
        destination: Where the hand-over wrote down who was served: whoever was, before the class was moved or from
            another launch of it, has a link, whatever ``hand_over_before`` says now. By default where a lane's run
            keeps its claims.
        reason: Why, in a few words: the page "Live sessions" shows it to who may read this DAG.

    Returns:
        The outcome: ``state_before``, ``done``, ``not_done``, ``confirmed``, ``links_valid_until``,
        ``people_inside``, ``next``; ``state_before`` is ``absent`` for a class that was never launched, and
        ``unknown`` (never confirmed) where the platform shows none but cannot prove it.

    Raises:
        AirflowFailException: People are inside and ``if_live`` is ``fail``; nothing was done and ``if_undone`` is
            ``fail``; or the arguments are wrong.
    """

    hook_class: ClassVar[str]
    if_live_values: ClassVar[tuple[str, ...]] = ("fail", "report")
    """What ``if_live`` may be; a platform that can end a live session knows ``end`` too."""
    template_fields: Sequence[str] = (
        "session",
        "conn_id",
        "timetable",
        "options",
        "hand_over_before",
        "if_live",
        "destination",
        "reason",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json", "options": "json"}
    ui_color = "#fbe4dd"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        conn_id: str = "",
        timetable: str = "",
        options: Mapping[str, Any] | None = None,
        hand_over_before: timedelta | float | str | None = None,
        if_live: str = "fail",
        if_undone: str = "report",
        force: bool = False,
        destination: str = "",
        reason: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        if if_live not in self.if_live_values and "{{" not in if_live:
            raise ValueError(f"if_live is one of {', '.join(self.if_live_values)}, not {if_live!r}")
        if if_undone not in IF_UNDONE:
            raise ValueError(f"if_undone is one of {', '.join(IF_UNDONE)}, not {if_undone!r}")
        self.session = session
        self.conn_id = conn_id
        self.timetable = timetable
        self.options = options
        self.hand_over_before = hand_over_before
        self.if_live = if_live
        self.if_undone = if_undone
        self.force = force
        self.destination = destination
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Cancel, tell it in the log, and return the outcome."""
        with airflow_errors():
            self.check_if_live()
            self.check_hands()
            platform = hook_class_of(self.hook_class)(self._conn_id()).platform()
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
                handed_over = meant.handed_over(datetime.now(UTC)) or may_be_out(
                    meant.ref.key, claim=claim_of(self.session), destination=self.destination
                )
                outcome = platform.cancel(meant.ref, force=self.force, handed_over=handed_over)
            finally:
                platform.close()
            self._tell(meant.title, outcome)
            self._tell_why(meant, outcome, context)
            return outcome.to_json()

    def launch_options(self, occurrence: Occurrence) -> dict[str, Any]:
        """Return the launch settings of a class; subclasses add what its room needs."""
        del occurrence
        return dict(self.options or {})

    def check_if_live(self) -> None:
        """Look at what a template gave before anything is ended.

        Raises:
            ConfigurationError: It is no such word.
        """
        if self.if_live not in self.if_live_values:
            raise ConfigurationError(f"if_live is one of {', '.join(self.if_live_values)}, not {self.if_live!r}.")

    def check_hands(self) -> None:
        """Let go of a class that another run has by now.

        Raises:
            AirflowSkipException: Another run has it.
            TooLate: The same, and ``if_undone`` is ``fail``.
        """
        claim = claim_of(self.session)
        if self.if_undone == "fail":
            refuse_if_taken(claim)
        skip_if_taken(claim)

    def _conn_id(self) -> str:
        ref = self.session.get("ref") if isinstance(self.session, dict) else None
        conn_id = str(ref.get("conn_id", "")) if isinstance(ref, dict) else self.conn_id
        if not conn_id:
            raise ConfigurationError("Cancelling a class of a timetable needs the `conn_id` it was launched with.")
        return conn_id

    def _tell_nothing_found(self, found: Absent | Unprovable) -> dict[str, Any]:
        if isinstance(found, Absent):
            self.log.info("The class was never launched, so there is nothing to cancel.")
            return {"state_before": "absent", "confirmed": True, "done": [], "not_done": []}
        if self.if_undone == "fail":
            raise Unsupported(f"No launch of the class is found, so nothing was cancelled: {found.why}.")
        self.log.warning("No launch of the class is found, so nothing was cancelled: %s.", found.why)
        return {"state_before": "unknown", "confirmed": False, "done": [], "not_done": [f"{found.why}."]}

    def _tell_why(self, meant: Meant, outcome: CancelOutcome, context: Context) -> None:
        """Leave the reason where whoever shows the session finds it; none as well, or an earlier one stands."""
        reason = " ".join(str(self.reason or "").split())[:LONGEST_REASON]
        # Who has no reason and finds it over already (a lane that cleans up) keeps the words of who called it off.
        if reason or not outcome.state_before.over:
            context["ti"].xcom_push(key=reason_key(meant.ref.key), value=reason)

    def _tell(self, title: str, outcome: CancelOutcome) -> None:
        self.log.info("%s was %s when the cancel began.", title, outcome.state_before)
        for sentence in outcome.done:
            self.log.info("Done: %s", sentence)
        for sentence in outcome.not_done:
            self.log.warning("Not done: %s", sentence)
        if outcome.next:
            self.log.info("Next: %s", outcome.next)
        if outcome.state_before is State.LIVE and not outcome.confirmed and self.if_live == "fail":
            raise Unsupported(
                f"{title!r} is live and was not ended: {' '.join(outcome.not_done)}", advice=outcome.next
            )
        if self.if_undone == "fail" and not (outcome.done or outcome.confirmed):
            raise Unsupported(f"{title!r} was not cancelled: {' '.join(outcome.not_done)}", advice=outcome.next)
