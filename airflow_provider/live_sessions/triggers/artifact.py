"""The trigger behind a deferred wait for what a session leaves.

No list shows that a transcript is ready, so each session costs questions of its own: few, further and further
apart, and never more than one request a second for a connection.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core.contract import (
    Ability,
    ArtifactPlatform,
    ArtifactWait,
    Readiness,
    Verdict,
)
from airflow_provider.live_sessions.core.errors import (
    AuthenticationFailed,
    ConfigurationError,
    LiveSessionError,
    Unsupported,
)
from airflow_provider.live_sessions.core.models import SessionRef
from airflow_provider.live_sessions.core.polling import ARTIFACT_DELAYS, artifact_delay
from airflow_provider.live_sessions.triggers.base import LiveSessionTrigger
from airflow_provider.live_sessions.triggers.events import artifact_event
from airflow_provider.live_sessions.triggers.poller import account_and_poller

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.triggers.account import Account


class ArtifactTrigger(LiveSessionTrigger):
    """Waits until one kind of artifact of every session named is there, or will never be.

    Args:
        hook_class: Import path of the platform's hook.
        ref: The class, as :meth:`SessionRef.to_json` wrote it.
        ability: Which artifact, the name of an :class:`Ability`.
        session_ids: The sessions whose artifact is waited for.
        asked: How often each was asked for already.
        delays: Seconds between two questions; the last one repeats.
        wait: What bounds the wait, as :meth:`ArtifactWait.to_json` wrote it.
        not_before: Unix time before which no event fires.
    """

    async def _wait(self) -> dict[str, Any]:
        ref = SessionRef.from_json(self._mapping("ref"))
        wait = ArtifactWait.from_json(self._mapping("wait"))
        try:
            ability = Ability[str(self._kwargs.get("ability"))]
        except KeyError:
            raise ConfigurationError("The trigger names no artifact that is known.") from None
        account, _ = account_and_poller(self._hook_class(), ref.conn_id)
        await account.check(ref)
        account.enter()
        try:
            question = _Question(account, ability, ref, wait)
            verdicts = {one: Verdict(Readiness.PENDING, "") for one in self._texts("session_ids")}
            async for session_id, verdict in self._ask_all(question, list(verdicts)):
                if verdicts[session_id] != verdict:
                    self.log.info(
                        "%s of session %s: %s, %s", ability.name, session_id, verdict.readiness, verdict.why
                    )
                verdicts[session_id] = verdict
        finally:
            account.leave()
        return artifact_event(
            {one: {"readiness": it.readiness.value, "why": it.why} for one, it in verdicts.items()}
        )

    async def _ask_all(
        self, question: _Question, session_ids: Sequence[str]
    ) -> AsyncIterator[tuple[str, Verdict]]:
        asked = int(self._number("asked", 0.0))
        delays = tuple(self._numbers("delays")) or ARTIFACT_DELAYS
        pending = list(session_ids)
        while pending:
            delay = artifact_delay(asked, delays, until_deadline=question.until_deadline())
            if delay is None:
                for session_id in pending:
                    yield session_id, Verdict(Readiness.FAILED, f"it was asked for {asked} times in vain")
                return
            await asyncio.sleep(delay)
            asked += 1
            for session_id in list(pending):
                verdict = await question.ask(session_id)
                if verdict.readiness is not Readiness.PENDING:
                    pending.remove(session_id)
                yield session_id, verdict


class _Question:
    """What is asked again and again, of one session after the other."""

    def __init__(self, account: Account, ability: Ability, ref: SessionRef, wait: ArtifactWait) -> None:
        self._account = account
        self._ability = ability
        self._ref = ref
        self._wait = wait

    def until_deadline(self) -> float:
        """Return the seconds until nothing is waited for any more."""
        return (self._wait.deadline - datetime.now(UTC)).total_seconds()

    async def ask(self, session_id: str) -> Verdict:
        """Ask once; what fails is pending until the deadline."""
        return await ask_readiness(
            self._account,
            lambda platform: readiness_of(platform, self._ability, self._ref, session_id, self._wait),
            over=lambda _: datetime.now(UTC) >= self._wait.deadline,
        )


async def ask_readiness(
    account: Account, question: Callable[[SessionPlatform], Verdict], *, over: Callable[[Exception], bool]
) -> Verdict:
    """Ask for an artifact when the connection's turn for it has come; whatever fails is pending.

    Args:
        account: The connection.
        question: Asks the open platform, on the connection's thread.
        over: Whether what failed like this has failed for good, because the deadline has passed.
    """
    try:
        return await account.ask_for_artifact(question)
    except Exception as error:  # noqa: BLE001 - whatever a question raises, the wait goes on
        if isinstance(error, AuthenticationFailed):
            account.doubt()
        known = isinstance(error, LiveSessionError)
        reason = str(error) if known else f"an unexpected {type(error).__name__}"
        failed = isinstance(error, Unsupported) or over(error)
        return Verdict(Readiness.FAILED if failed else Readiness.PENDING, reason)


def readiness_of(
    platform: SessionPlatform, ability: Ability, ref: SessionRef | None, session_id: str, wait: ArtifactWait
) -> Verdict:
    """Ask an open platform for the artifact of one session.

    Raises:
        ConfigurationError: It leaves nothing that could be waited for.
    """
    if not isinstance(platform, ArtifactPlatform):
        raise ConfigurationError(f"{platform.name} has no artifacts to wait for.")
    return platform.readiness(ability, ref, session_id, wait)
