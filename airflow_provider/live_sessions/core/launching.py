"""Create or find: the one way a session comes into being, on every platform.

The order is the point (DESIGN, "Launch"): what the platform shows under the key, what this task recorded where
the platform shows nothing, and only then a create, with the intent recorded before it and the ref after it. A
lost answer leaves here as ``OutcomeUnknown``; the next try's look-up settles it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider.live_sessions.core.contract import Absent, Found, Lookup, Unprovable, Watch
from airflow_provider.live_sessions.core.errors import ConfigurationError, Refused, Unavailable
from airflow_provider.live_sessions.core.keys import KeyKind, LaunchKey, fingerprint
from airflow_provider.live_sessions.core.models import Launched, SessionRef
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.core.times import format_time

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.core.contract import SessionPlatform
    from airflow_provider.live_sessions.core.models import Plan

log = logging.getLogger(__name__)


class OnExisting(StrEnum):
    """What a launch does when its key was launched before."""

    ADOPT = "adopt"
    REPLACE = "replace"
    FAIL = "fail"


class Memory(Protocol):
    """What outlives the try of a task: Airflow's task state store, or nothing below Airflow 3.3."""

    def recall(self) -> dict[str, Any]:
        """Return what was recorded, or an empty mapping."""

    def record(self, value: dict[str, Any]) -> None:
        """Record, in place of what was there."""


class Forgetful:
    """The memory of a task that has none: the platform alone is asked."""

    def recall(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def record(self, value: dict[str, Any]) -> None:
        """Record nothing."""


@dataclass(frozen=True, slots=True)
class LaunchPolicy:
    """What a launch may do.

    Args:
        on_existing: What to do when the key was launched before.
        create_in_past: Also create when the planned start has passed, as long as the planned end has not. A
            backfill makes no classes by default; a late retry still finds its own.
        revive: Launch a cancelled session again; otherwise it is adopted as cancelled.
        generation: What tells a deliberate relaunch from a retry, for ``replace``.
    """

    on_existing: OnExisting = OnExisting.ADOPT
    create_in_past: bool = False
    revive: bool = False
    generation: int = 0


def create_or_find(
    platform: SessionPlatform,
    plan: Plan,
    key: LaunchKey,
    *,
    now: datetime,
    memory: Memory | None = None,
    policy: LaunchPolicy | None = None,
) -> Launched:
    """Make sure that exactly one session exists under the key, and return it.

    Args:
        platform: The open platform.
        plan: The session as it is meant to be.
        key: The launch's identity.
        now: The local time.
        memory: What outlives the try.
        policy: What the launch may do.

    Returns:
        The session; ``links`` is None when it is over or cancelled, or cannot give them again.

    Raises:
        ConfigurationError: The start has passed, or another session was launched by this task before.
        Refused: The key was launched before and ``on_existing`` is ``fail``, or a session with people in it
            was to be replaced.
        OutcomeUnknown: The create was sent and its answer lost.
        Transient: The look-up failed; nothing was created.
    """
    memory = memory or Forgetful()
    policy = policy or LaunchPolicy()
    original, key = key, _current_key(key, memory)
    lookup = _look_up(platform, plan, key, now, memory)
    successor = original.successor(policy.generation)
    # What this very generation made is not replaced by its own retry.
    made = memory.recall().get("made") == _made(key, policy)
    if policy.on_existing is OnExisting.REPLACE and key != successor and not made:
        later = _look_up(platform, plan, successor, now, memory)
        if isinstance(lookup, Found) and not isinstance(later, Found):
            _refuse_if_live(platform, lookup)
            _refuse_if_late(platform, later, plan, successor, now, memory, policy)
            memory.record({**memory.recall(), "intent": _intent(plan, successor)})
            _make_way(platform, lookup)
            memory.record({**memory.recall(), "replaces": original.digest, "replaced_by": successor.digest})
        if isinstance(lookup, Found) or isinstance(later, Found):
            # Also where the first session is gone without a trace: a cancelled one may leave none.
            key, lookup = successor, later
    if isinstance(lookup, Found):
        launched = _take_over(platform, lookup, plan, key, policy)
    else:
        _refuse_if_late(platform, lookup, plan, key, now, memory, policy)
        memory.record({**memory.recall(), "intent": _intent(plan, key), "made": _made(key, policy)})
        launched = platform.launch(plan, key)
    memory.record({**memory.recall(), "ref": launched.ref.to_json(), "fingerprint": fingerprint(plan)})
    if launched.afterwards is not None:
        launched.afterwards()
    return launched


def _current_key(key: LaunchKey, memory: Memory) -> LaunchKey:
    """Return the key of the last replacement that an earlier try began, or the key itself."""
    recorded = memory.recall()
    if recorded.get("replaces") != key.digest:
        return key
    return LaunchKey(str(recorded["replaced_by"]), key.kind)


def _look_up(platform: SessionPlatform, plan: Plan, key: LaunchKey, now: datetime, memory: Memory) -> Lookup:
    lookup = platform.find(key, plan)
    recorded = memory.recall().get("ref")
    if not isinstance(recorded, dict):
        return lookup
    ref = SessionRef.from_json(recorded)
    if ref.key != key.digest:
        return lookup
    if isinstance(lookup, Found):
        return replace(lookup, recorded=ref)
    # A platform whose look-up cannot see this key still knows the session that this task itself recorded.
    seen = Seen(planned_start=plan.start, planned_end=plan.end, deadline=plan.end)
    (status,) = platform.statuses([Watch(ref, seen)], now)
    if status is None:
        raise Unavailable(
            f"{plan.title!r} was launched before, but how it stands cannot be told yet.",
            platform=platform.name,
            conn_id=ref.conn_id,
            advice="Nothing was created; the retry asks again.",
        )
    return Found(ref, status, str(memory.recall().get("fingerprint", "")))


def _intent(plan: Plan, key: LaunchKey) -> str:
    return f"{key.digest}:{fingerprint(plan)}"


def _made(key: LaunchKey, policy: LaunchPolicy) -> str:
    return f"{key.digest}:{policy.generation}"


def _take_over(
    platform: SessionPlatform, found: Found, plan: Plan, key: LaunchKey, policy: LaunchPolicy
) -> Launched:
    same = found.fingerprint in ("", fingerprint(plan))
    if key.kind is KeyKind.TASK and not same:
        # A map index is a position: after the list changed it may stand for another class.
        raise ConfigurationError(
            f"This task launched another session before than {plan.title!r} at {format_time(plan.start)}.",
            platform=platform.name,
            advice="Give a class of a timetable as `session`, which keeps its identity through edits, or clear "
            "with on_existing='replace' to launch anew on purpose.",
        )
    if policy.on_existing is OnExisting.FAIL:
        raise Refused(
            f"{plan.title!r} was launched before and is {found.status.state}.",
            platform=platform.name,
            advice="on_existing='adopt' takes it over.",
        )
    if found.status.state is State.CANCELLED and not policy.revive:
        log.warning("%s was cancelled (%s); it stays cancelled.", plan.title, found.status.why)
        return Launched(ref=found.ref, links=None, created=False, status=found.status)
    if found.status.state.over and found.status.state is not State.CANCELLED:
        log.info("%s was launched before and is over: %s", plan.title, found.status.why)
        return Launched(ref=found.ref, links=None, created=False, status=found.status)
    log.info("%s was launched before and is %s; it is adopted.", plan.title, found.status.state)
    return platform.adopt(found, plan, key)


def _refuse_if_live(platform: SessionPlatform, found: Found) -> None:
    if found.status.state is State.LIVE:
        raise Refused(
            f"The session to be replaced has people in it: {found.status.why}",
            platform=platform.name,
            advice="Wait for its end, or let its leader end it; on_existing='adopt' joins it.",
        )


def _make_way(platform: SessionPlatform, found: Found) -> None:
    if not found.status.state.over:
        outcome = platform.cancel(found.ref)
        for sentence in (*outcome.done, *outcome.not_done):
            log.info("Replacing: %s", sentence)


def _refuse_if_late(
    platform: SessionPlatform,
    lookup: Absent | Unprovable,
    plan: Plan,
    key: LaunchKey,
    now: datetime,
    memory: Memory,
    policy: LaunchPolicy,
) -> None:
    if now < plan.start:
        return
    if now >= plan.end:
        raise ConfigurationError(
            f"{plan.title!r} was to end at {format_time(plan.end)}: nothing is created for what is over.",
            platform=platform.name,
            advice="Give a start that lies ahead; a run for a time that has passed launches nothing.",
        )
    begun_in_time = memory.recall().get("intent") == _intent(plan, key)
    if begun_in_time or policy.create_in_past:
        if isinstance(lookup, Unprovable):
            log.warning(
                "An earlier launch cannot be ruled out: %s. Where this is the first launch, that is normal.",
                lookup.why,
            )
        return
    raise ConfigurationError(
        f"{plan.title!r} was to start at {format_time(plan.start)}, which has passed; no earlier launch is found.",
        platform=platform.name,
        advice="create_in_past=True launches late, as long as the planned end lies ahead.",
    )
