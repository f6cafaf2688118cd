"""One wait for a session's start or end, as operators and sensors share it: look once, defer, or block."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider.live_sessions.compat.features import deferral_hold
from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.errors import Refused, Transient, Unavailable
from airflow_provider.live_sessions.core.polling import (
    POLL_INTERVAL,
    Conclusion,
    Goal,
    GoalKind,
    Outcome,
    conclude,
    conclude_unreachable,
)
from airflow_provider.live_sessions.core.status import Seen
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.triggers.events import read_milestone, read_outcome
from airflow_provider.live_sessions.triggers.session import LaunchTrigger, SessionTrigger

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.record import SessionRecord

SETTLE = 600.0
"""Seconds with nobody in the room that end a session before its planned end."""


@dataclass(frozen=True, slots=True)
class SessionWait:
    """A wait, ready to be made in any way.

    Args:
        hook_class: Import path of the platform's hook.
        goal: What is waited for.
        poll_interval: Seconds between polls.
        settle: Seconds with nobody in the room that end a session before its planned end.
        deadline: When the wait gives up; None for the end of the session's window.
        tolerant: A session that is still going on at the deadline is an answer, no error.
    """

    hook_class: str
    goal: Goal
    poll_interval: float = POLL_INTERVAL
    settle: float = SETTLE
    deadline: datetime | None = None
    tolerant: bool = False

    def seen(self, record: SessionRecord) -> Seen:
        """Return what the wait remembers at its beginning: the same for every try, so a retry gains no time."""
        return Seen(
            planned_start=record.start,
            planned_end=record.end,
            deadline=self.deadline or parse_time(record.ref.detail("window_end")),
            settle=self.settle,
        )

    def look_once(self, operator: BaseOperator, record: SessionRecord) -> Outcome | None:
        """Ask once with a platform of its own, before anything is deferred; a look that fails ends nothing."""
        if datetime.now(UTC) < self._due(record):
            return None
        platform = self._platform(record)
        seen = self.seen(record)
        try:
            return self._look(platform, record, seen)[0]
        except (Transient, Refused) as error:
            operator.log.warning("The platform could not be asked, the wait goes on: %s", error)
            return conclude_unreachable(seen, datetime.now(UTC), str(error))
        finally:
            platform.close()

    def defer(
        self,
        operator: BaseOperator,
        record: SessionRecord,
        *,
        seen: Seen | None = None,
        cancel_on_kill: str = "",
        handed_over: bool = True,
    ) -> NoReturn:
        """Give the worker slot back; the shared poll of the triggerer goes on waiting.

        Args:
            operator: The task's operator; it comes back through its ``execute_complete``.
            record: The session.
            seen: What the wait remembers already; None at its beginning.
            cancel_on_kill: What a launch that waits does when a person fails its task; empty for a sensor.
            handed_over: Whether join links have left Airflow.
        """
        arguments: dict[str, Any] = {
            "hook_class": self.hook_class,
            "ref": record.ref.to_json(),
            "seen": (seen or self.seen(record)).to_json(),
            "goal": self.goal.to_json(),
            "due": self._due(record).timestamp(),
            "poll_interval": float(self.poll_interval),
            "not_before": time.time() + deferral_hold(),
        }
        trigger: SessionTrigger
        if cancel_on_kill:
            trigger = LaunchTrigger(**arguments, cancel_on_kill=cancel_on_kill, handed_over=handed_over)
        else:
            trigger = SessionTrigger(**arguments)
        operator.defer(trigger=trigger, method_name="execute_complete")
        raise AssertionError("defer raises")

    def block(self, operator: BaseOperator, record: SessionRecord) -> Outcome:
        """Wait in this worker slot.

        Raises:
            Unavailable: The deadline passed.
        """
        platform = self._platform(record)
        seen = self.seen(record)
        told = ""
        try:
            while True:
                outcome: Outcome | None = None
                try:
                    if datetime.now(UTC) >= self._due(record):
                        outcome, seen = self._look(platform, record, seen)
                except (Transient, Refused) as error:
                    if str(error) != told:
                        told = str(error)
                        operator.log.warning("The platform could not be asked, the wait goes on: %s", told)
                    if isinstance(error, Refused):  # the connection may have been edited meanwhile
                        platform.close()
                        platform = self._platform(record)
                    outcome = conclude_unreachable(seen, datetime.now(UTC), told)
                if outcome is not None:
                    return self.accept(operator, outcome)
                time.sleep(self.poll_interval)
        finally:
            platform.close()

    def resume(self, operator: BaseOperator, record: SessionRecord, event: object, **deferral: Any) -> Outcome:
        """Read the trigger's event; after a milestone, defer again with what must not be forgotten.

        Args:
            operator: The task's operator.
            record: The session.
            event: What Airflow handed over.
            deferral: What :meth:`defer` was given.

        Raises:
            LiveSessionError: The trigger reported an error, or the deadline passed.
        """
        seen = read_milestone(event)
        if seen is not None:
            self.defer(operator, record, seen=seen, **deferral)
        return self.accept(operator, read_outcome(event))

    def _look(self, platform: SessionPlatform, record: SessionRecord, seen: Seen) -> tuple[Outcome | None, Seen]:
        (status,) = platform.statuses([Watch(record.ref, seen)], datetime.now(UTC))
        if status is None:
            return None, seen
        return conclude(self.goal, status, seen), seen.after(status)

    def accept(self, operator: BaseOperator, outcome: Outcome) -> Outcome:
        """Log an outcome and return it.

        Raises:
            Unavailable: The deadline passed; Airflow's retry looks once more.
        """
        operator.log.info("%s", outcome.why)
        answered = outcome.status is not None and (self.goal.kind is GoalKind.START or self.tolerant)
        if outcome.conclusion is Conclusion.DEADLINE and not answered:
            raise Unavailable(
                outcome.why, advice="A longer `grace` at launch, or a `deadline` here, waits longer."
            )
        return outcome

    def _due(self, record: SessionRecord) -> datetime:
        start = record.ref.detail("window_start")
        return parse_time(start) if start else record.start - timedelta(minutes=30)

    def _platform(self, record: SessionRecord) -> SessionPlatform:
        hook = hook_class_of(self.hook_class)
        hook.check_ref(record.ref)
        return hook(record.ref.conn_id).platform()
