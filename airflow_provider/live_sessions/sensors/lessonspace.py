"""Lessonspace's sensors."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    conf,
)

from airflow_provider.live_sessions.assets.addresses import Happening
from airflow_provider.live_sessions.assets.telling import check_outlets, tell
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import deferral_hold, prefer
from airflow_provider.live_sessions.core.contract import DEFAULT_RULES, Ability, ArtifactRules, Readiness, Verdict
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.polling import ARTIFACT_DELAYS, artifact_delay
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.times import seconds_of
from airflow_provider.live_sessions.hooks.lessonspace import HOOK, LessonspaceHook
from airflow_provider.live_sessions.sensors.session import REACTIONS, SessionEndSensor, SessionStartSensor
from airflow_provider.live_sessions.triggers.artifact import ArtifactTrigger
from airflow_provider.live_sessions.triggers.events import read_event

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.core.contract import ArtifactWait
    from airflow_provider.live_sessions.platforms.lessonspace.platform import LessonspacePlatform


class LessonspaceSessionStartSensor(SessionStartSensor):
    """Wait until people have come to a Lessonspace class, and tell who never came."""

    hook_class: ClassVar[str] = HOOK


class LessonspaceSessionEndSensor(SessionEndSensor):
    """Wait until a Lessonspace class has ended; tell ended, cancelled and never held apart.

    A class is everything that happened in its space within its window: a teacher's early test does not end it,
    nor does a break shorter than ``settle``. Never held means ``nobody`` came, or one person stayed ``alone``.
    """

    hook_class: ClassVar[str] = HOOK


class LessonspaceTranscriptSensor(BaseSensorOperator):
    """Wait until the transcript of every session of a class is there, or will never be.

    No list shows that one is ready, and a missing one looks the same whether it is late or will never come. So
    the session is checked for eligibility first, the questions come further and further apart (14 a session at
    most), and a deadline bounds them.

    Args:
        session: A launch operator's result.
        deferrable: Wait without a worker slot; Airflow's ``[operators] default_deferrable`` by default.
        check_delays: Seconds between two questions; the last one repeats.
        rules: From when on a session has a transcript and how long one is waited for.
        on_none: ``succeed`` (default), ``skip`` or ``fail`` when no session of the class will ever have one.

    Returns:
        ``{"verdicts": {session id: {"readiness", "why"}}, "ready": number, "title", "key"}``.

    Raises:
        AirflowFailException: A transcript that should be there is not, after its deadline.
    """

    hook_class: ClassVar[str] = HOOK
    ability: ClassVar[Ability] = Ability.TRANSCRIPT
    happening: ClassVar[Happening] = Happening.TRANSCRIPT
    template_fields: Sequence[str] = ("session", "check_delays", "rules", "on_none")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#e3ebf7"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        check_delays: Sequence[float] | str = ARTIFACT_DELAYS,
        rules: ArtifactRules | Mapping[str, float] | str = DEFAULT_RULES,
        on_none: str = "succeed",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.deferrable = deferrable
        self.check_delays = check_delays
        self.rules = rules
        self.on_none = on_none

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask once, then wait in the triggerer, or here."""
        with airflow_errors():
            delays = self._delays()
            record = SessionRecord.from_json(self.session)
            check_outlets(self.outlets, record.ref, self.happening)
            platform = LessonspaceHook(record.ref.conn_id).platform()
            try:
                status = platform.current(record.ref)
                wait = ArtifactRules.of(self.rules).after(status.ended_at or record.end)
                verdicts = {one: {"readiness": "pending", "why": ""} for one in status.session_ids}
                asked = self._ask(platform, record, wait, verdicts, asked=0)
                while _pending(verdicts) and not self.deferrable:
                    delay = artifact_delay(asked, delays, until_deadline=seconds_left(wait))
                    if delay is None:
                        break
                    time.sleep(delay)
                    asked = self._ask(platform, record, wait, verdicts, asked=asked)
            finally:
                platform.close()
            if _pending(verdicts) and self.deferrable:
                self.defer(
                    trigger=ArtifactTrigger(
                        hook_class=self.hook_class,
                        ref=record.ref.to_json(),
                        ability=self.ability.name,
                        session_ids=list(verdicts),
                        asked=asked,
                        delays=list(delays),
                        wait=wait.to_json(),
                        not_before=time.time() + deferral_hold(),
                    ),
                    method_name="execute_complete",
                )
            return self._finish(context, record, verdicts)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return from the triggerer."""
        with airflow_errors():
            record = SessionRecord.from_json(self.session)
            return self._finish(context, record, dict(read_event(event, "artifact").get("verdicts", {})))

    def _delays(self) -> tuple[float, ...]:
        if self.on_none not in REACTIONS:
            raise ConfigurationError(f"on_none is one of {', '.join(REACTIONS)}, not {self.on_none!r}.")
        if isinstance(self.check_delays, str) or not self.check_delays:
            raise ConfigurationError("check_delays is a list of seconds.")
        return tuple(seconds_of(delay, "check_delays") for delay in self.check_delays)

    def _ask(
        self,
        platform: LessonspacePlatform,
        record: SessionRecord,
        wait: ArtifactWait,
        verdicts: dict[str, dict[str, str]],
        *,
        asked: int,
    ) -> int:
        for session_id in _pending(verdicts):
            try:
                verdict = platform.readiness(self.ability, record.ref, session_id, wait)
            except Transient as error:
                verdict = Verdict(Readiness.PENDING, error.what)
            verdicts[session_id] = {"readiness": verdict.readiness.value, "why": verdict.why}
            self.log.info("Session %s: %s, %s.", session_id, verdict.readiness, verdict.why)
        return asked + 1

    def _finish(
        self, context: Context, record: SessionRecord, verdicts: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any]:
        missing = [
            f"{session_id}: {one['why']}"
            for session_id, one in verdicts.items()
            if one["readiness"] in (Readiness.FAILED, Readiness.PENDING)
        ]
        if missing:
            what = self.ability.value.capitalize()
            raise AirflowFailException(f"{what} of {record.title!r} are missing: {'; '.join(missing)}")
        ready = sum(one["readiness"] == Readiness.READY for one in verdicts.values())
        if not ready:
            reasons = "; ".join(dict.fromkeys(one["why"] for one in verdicts.values())) or "it had no session"
            message = f"{record.title!r} has no {self.ability.value}: {reasons}."
            if self.on_none == "skip":
                raise AirflowSkipException(message)
            if self.on_none == "fail":
                raise AirflowFailException(message)
            self.log.info("%s", message)
        tell(context, self.outlets, record.ref, self.happening, ready=ready, sessions=len(verdicts))
        return {
            "title": record.title,
            "key": record.ref.key,
            "ready": ready,
            "verdicts": {session_id: dict(one) for session_id, one in verdicts.items()},
        }


class LessonspaceRecordingSensor(LessonspaceTranscriptSensor):
    """Wait until the recording of every session of a class can be opened, or will never be.

    No webhook tells it and no list shows it, so it is waited for as a transcript is, with the same arguments and
    result: see :class:`LessonspaceTranscriptSensor`.
    """

    ability: ClassVar[Ability] = Ability.RECORDING
    happening: ClassVar[Happening] = Happening.RECORDING


def seconds_left(wait: ArtifactWait) -> float:
    """Return the seconds until an artifact is not waited for any more."""
    return (wait.deadline - datetime.now(UTC)).total_seconds()


def _pending(verdicts: Mapping[str, Mapping[str, str]]) -> list[str]:
    return [session_id for session_id, one in verdicts.items() if one["readiness"] == Readiness.PENDING]
