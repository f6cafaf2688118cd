"""A partner of the shared contract with its doors open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.errors import Unsupported
from airflow_provider.live_sessions.core.launching import create_or_find
from airflow_provider.live_sessions.core.polling import Conclusion, Goal, conclude
from airflow_provider.live_sessions.core.status import Seen, SessionStatus, State
from tests.platforms.kit import watch

if TYPE_CHECKING:
    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.launching import Memory
    from airflow_provider.live_sessions.core.models import Launched, SessionRef
    from tests.platforms.partners import Partner

STEP = 110.0
"""Seconds between two polls of a wait here: Screenleap wants one every two minutes."""


class Stand:
    """A partner with its doors open, and one wait that remembers what it saw."""

    def __init__(self, partner: Partner, kit: Any) -> None:
        self.partner = partner
        self.kit = kit
        self.plan = partner.plan()
        self.key = partner.key_of(self.plan)
        self.seen: dict[str, Seen] = {}

    @property
    def platform(self) -> Any:
        return self.kit.platform

    @property
    def standing(self) -> int:
        return self.partner.standing(self.kit)

    def launch(self, memory: Memory | None = None, platform: SessionPlatform | None = None) -> Launched:
        early = self.plan.start - timedelta(hours=1)
        return create_or_find(platform or self.platform, self.plan, self.key, now=early, memory=memory)

    def poll(self, ref: SessionRef, platform: SessionPlatform | None = None) -> SessionStatus:
        """Ask once how a session stands, as one wait that goes on."""
        the_watch = watch(ref, settle=self.kit.settle)
        the_watch = replace(the_watch, seen=self.seen.get(ref.session_id, the_watch.seen))
        (status,) = (platform or self.platform).statuses([the_watch], self.kit.sandbox.clock.now())
        assert isinstance(status, SessionStatus)
        self.seen[ref.session_id] = the_watch.seen.after(status)
        return status

    def wait_out(self, ref: SessionRef) -> SessionStatus:
        """Poll until the session is over."""
        for _ in range(200):
            status = self.poll(ref)
            if status.state.over:
                return self.partner.told(self.kit, ref, status)
            self.kit.wait(STEP)
        raise AssertionError("a wait ends by its deadline")

    def concluded(self, goal: Goal, ref: SessionRef, status: SessionStatus) -> Conclusion | None:
        outcome = conclude(goal, status, self.seen[ref.session_id])
        return None if outcome is None else outcome.conclusion

    @property
    def after_cancel(self) -> State:
        """How a wait sees what was cancelled before anybody came."""
        return State.SCHEDULED if self.partner.no_trace_of_a_cancel else State.CANCELLED

    def advice_of_a_cancel(self, ref: SessionRef) -> str:
        """Return what a cancel says can be done, where it ended nothing."""
        try:
            outcome = self.platform.cancel(ref)
        except Unsupported as refused:
            return refused.advice
        assert (outcome.state_before, outcome.confirmed) == (State.LIVE, False)
        assert outcome.not_done
        return str(outcome.next)

    def fail(self, kind: str, request: dict[str, str], **how: Any) -> None:
        self.kit.sandbox.faults.add(kind, **request, **how)

    def heal(self) -> None:
        self.kit.sandbox.faults.clear()
