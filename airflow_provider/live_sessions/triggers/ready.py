"""The trigger behind a watched asset: what the sessions of a connection leave, told when it is there.

No list shows that a transcript is ready. The list of what has ended tells whom to ask for; those are asked for one
by one, within the budget that all waits for artifacts of a connection share (``Account.ask_for_artifact``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider.live_sessions.core.contract import Ability, ArtifactPlatform, ArtifactRules, Readiness
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient, Unsupported
from airflow_provider.live_sessions.core.polling import ARTIFACT_DELAYS
from airflow_provider.live_sessions.core.ready import Awaited, Awaiting
from airflow_provider.live_sessions.core.times import format_time, seconds_of
from airflow_provider.live_sessions.triggers.artifact import ask_readiness, readiness_of
from airflow_provider.live_sessions.triggers.watching import AT_ONCE, Look, WatchTrigger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import ArtifactWait, SessionPlatform, Verdict
    from airflow_provider.live_sessions.triggers.account import Account
    from airflow_provider.live_sessions.triggers.ends import Listed

HAPPENINGS = {Ability.TRANSCRIPT: "transcript-ready", Ability.RECORDING: "recording-ready"}
"""What is told of each artifact that can be watched."""


class ArtifactsReadyTrigger(WatchTrigger[Awaiting]):
    """Tells when what a session leaves is there, for every session that ends; see :class:`WatchTrigger`.

    Args:
        ability: What is waited for, the name of an :class:`Ability`: ``TRANSCRIPT`` or ``RECORDING``.
        delays: Seconds between two questions for one session, and before the first; the last one repeats.
        rules: From when on a session has it and how long one is waited for, as :class:`ArtifactRules` takes it.
    """

    store_key: ClassVar[str] = "live_sessions_ready"
    subject: ClassVar[str] = "artifacts of ended sessions"

    async def _look(self, account: Account, memory: Awaiting | None) -> Look[Awaiting]:
        ability, delays, rules = self._asked_for()
        started = time.monotonic()
        await account.call(lambda platform: _check(platform, ability))
        listed = await account.ends.listed(self, None if memory is None else memory.ends, young=self._young)
        known, now = _take_in(listed, memory, ability, delays), listed.platform_time
        events: list[dict[str, Any]] = []

        while (one := known.next_due(now())) is not None:
            wait = rules.after(one.ended_at)
            verdict = await self._verdict(account, ability, one, wait, now)
            known = known.answered(one, verdict, now(), wait, delays)
            self._note(one, verdict, over=one.session_id not in known.sessions)
            if verdict.readiness is Readiness.READY:
                events.append(self._event(ability, one))
            if len(events) >= AT_ONCE or time.monotonic() - started >= self._interval:
                break  # what is told waits for nobody, and the list is asked for at its own pace
        return Look(known, listed.began, events, more=listed.part or known.next_due(now()) is not None)

    async def _verdict(
        self, account: Account, ability: Ability, one: Awaited, wait: ArtifactWait, now: Callable[[], datetime]
    ) -> Verdict:
        return await ask_readiness(
            account,
            lambda platform: readiness_of(platform, ability, None, one.session_id, wait),
            # After a stop of days the first question comes behind the deadline: one that was not answered decides
            # nothing.
            over=lambda error: now() >= wait.deadline and not isinstance(error, Transient),
        )

    def _read(self, data: object) -> Awaiting | None:
        return Awaiting.from_json(data)

    def _asked_for(self) -> tuple[Ability, tuple[float, ...], ArtifactRules]:
        try:
            ability = Ability[str(self._kwargs.get("ability"))]
            HAPPENINGS[ability]
        except KeyError:
            raise ConfigurationError("The trigger names nothing that can be watched.") from None
        delays = self._kwargs.get("delays") or ARTIFACT_DELAYS
        if not isinstance(delays, list | tuple):
            raise ConfigurationError("The trigger's delays are no list of seconds.")
        return (
            ability,
            tuple(seconds_of(one, "delays") for one in delays),
            ArtifactRules.of(self._kwargs.get("rules") or {}),
        )

    def _note(self, one: Awaited, verdict: Verdict, *, over: bool) -> None:
        if over and verdict.readiness in (Readiness.FAILED, Readiness.PENDING):
            self.log.warning("Nothing is told of session %s: %s.", one.session_id, verdict.why)

    def _event(self, ability: Ability, one: Awaited) -> dict[str, Any]:
        happening = HAPPENINGS[ability]
        return {
            "version": 1,
            "happening": happening,
            "id": one.event_id(happening),
            "conn_id": self._conn_id,
            "session": one.key,
            "session_id": one.session_id,
            "ended_at": format_time(one.ended_at),
        }


def _check(platform: SessionPlatform, ability: Ability) -> None:
    """Refuse a platform whose sessions leave no such thing.

    Raises:
        Unsupported: They never will.
    """
    if not isinstance(platform, ArtifactPlatform) or ability not in platform.abilities:
        raise Unsupported(
            f"It has no {ability.value} that could be watched for.",
            platform=platform.name,
            advice="Watch what has ended instead.",
        )


def _take_in(listed: Listed, memory: Awaiting | None, ability: Ability, delays: Sequence[float]) -> Awaiting:
    """Return the memory with what ended taken in."""
    ends, fresh, _ = listed.backlog.take(listed.cursor(None if memory is None else memory.ends), None)
    known = Awaiting(ends) if memory is None else memory
    return known.with_ended(fresh, ends, ability, delays)
