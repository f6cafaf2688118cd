"""Coviu's sensors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.errors import Refused, Unavailable
from airflow_provider.live_sessions.core.polling import Conclusion, Outcome
from airflow_provider.live_sessions.core.status import State
from airflow_provider.live_sessions.core.times import parse_time
from airflow_provider.live_sessions.hooks.coviu import HOOK, CoviuHook
from airflow_provider.live_sessions.sensors.session import SessionEndSensor, SessionStartSensor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider.live_sessions.core.record import SessionRecord
    from airflow_provider.live_sessions.triggers.waiting import SessionWait

SETTLE = 300.0
"""Seconds for which a recorded end before the planned one must stand."""


class CoviuSessionStartSensor(SessionStartSensor):
    """Wait until a Coviu session is open; a reschedule moves the wait, a cancel ends it.

    Open is all that Coviu tells while a session goes on: who came is known from the attendance, afterwards. So
    ``expect`` can only be ``anyone`` and ``no_show_after`` has no meaning here.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if self.expect != "anyone":
            raise ValueError(
                f"expect={self.expect!r}: Coviu does not tell who is inside while a session is open; read the "
                "attendance after its end"
            )

    def session_wait(self, record: SessionRecord) -> SessionWait:
        """Wait for the opening, as long as a moved session is followed."""
        return replace(super().session_wait(record), deadline=parse_time(record.ref.detail("window_end")))

    def result(self, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        """As for every sensor; who is missing cannot be told yet."""
        if outcome.conclusion is Conclusion.DEADLINE:
            raise Unavailable(outcome.why, advice="A longer `moves_within` at the launch follows it further.")
        return {**super(SessionStartSensor, self).result(record, outcome), "missing": None}


class CoviuSessionEndSensor(SessionEndSensor):
    """Wait until a Coviu session has ended; tell ended, cancelled and never held apart.

    The end is the recorded one (``actual_end_time``), once it has stood for ``settle`` seconds, else the clock:
    ``end_time`` and the ``grace`` of the launch. A reschedule moves the wait, within ``moves_within`` of the
    launch; a cancel ends it. Then the summary is read, once: no entry at all is a no-show. One entry alone stays
    ``held: unknown``, for two people may share a link; ``present`` and ``missing`` name who came and who did not.
    """

    hook_class: ClassVar[str] = HOOK

    def __init__(self, *, settle: float | str = SETTLE, **kwargs: Any) -> None:
        super().__init__(settle=settle, **kwargs)

    def result(self, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        """As for every sensor; nobody is called missing without a summary."""
        found = super().result(record, outcome)
        told = outcome.status is not None and outcome.status.people is not None
        return found if told else {**found, "missing": None}

    def _finish(self, context: Context, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        if outcome.conclusion is Conclusion.REACHED and outcome.status is not None:
            outcome = self._with_summary(record, outcome)
        return super()._finish(context, record, outcome)

    def _with_summary(self, record: SessionRecord, outcome: Outcome) -> Outcome:
        if outcome.status is None:
            raise AssertionError("a wait that reached its goal has a status")
        platform = CoviuHook(record.ref.conn_id).platform()
        try:
            status = platform.attended(record.ref, {}, outcome.status).status
        except Refused as error:
            self.log.warning("The summary cannot be read, so who came is not known: %s", error)
            return outcome
        finally:
            platform.close()
        never = status.state is State.NEVER_HELD
        return Outcome(Conclusion.NEVER_HELD if never else outcome.conclusion, status.why, status)
