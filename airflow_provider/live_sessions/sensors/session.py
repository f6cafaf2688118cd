"""Waiting for a session's start and end, on any platform."""

from __future__ import annotations

from datetime import datetime, timedelta
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
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.polling import POLL_INTERVAL, Conclusion, Goal, GoalKind, Outcome
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.times import format_optional_time, moment, seconds_of
from airflow_provider.live_sessions.triggers.waiting import SETTLE, SessionWait

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

REACTIONS = ("skip", "fail", "succeed")


class SessionSensor(BaseSensorOperator):
    """What the sensors for start and end share; use one of those.

    Args:
        session: A launch operator's result.
        deferrable: Wait without a worker slot; Airflow's ``[operators] default_deferrable`` by default. Not
            deferred, the sensor blocks its slot.
        poll_interval: Seconds between polls; one poll serves all who wait on the connection.
        on_no_show: ``skip`` (default), ``fail`` or ``succeed`` when it was never held.
        on_cancelled: ``skip`` (default), ``fail`` or ``succeed`` when it was cancelled.
    """

    hook_class: ClassVar[str]
    happening: ClassVar[Happening]
    """What the events of its outlets tell, see ``docs/events.md``."""

    template_fields: Sequence[str] = ("session", "poll_interval", "on_no_show", "on_cancelled")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#e3ebf7"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str = POLL_INTERVAL,
        on_no_show: str = "skip",
        on_cancelled: str = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.session = session
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.on_no_show = on_no_show
        self.on_cancelled = on_cancelled

    def execute(self, context: Context) -> dict[str, Any]:
        """Look once, then wait in the triggerer, or here."""
        with airflow_errors():
            self._check()
            record = SessionRecord.from_json(self.session)
            wait = self.session_wait(record)
            check_outlets(self.outlets, record.ref, self.happening)
            outcome = wait.look_once(self, record)
            if outcome is None and self.deferrable:
                wait.defer(self, record)
            outcome = wait.block(self, record) if outcome is None else wait.accept(self, outcome)
            return self._finish(context, record, outcome)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Return from the triggerer."""
        with airflow_errors():
            record = SessionRecord.from_json(self.session)
            return self._finish(context, record, self.session_wait(record).resume(self, record, event))

    def _check(self) -> None:
        for name in ("on_no_show", "on_cancelled"):
            if getattr(self, name) not in REACTIONS:
                raise ConfigurationError(f"{name} is one of {', '.join(REACTIONS)}, not {getattr(self, name)!r}.")
        seconds_of(self.poll_interval, "poll_interval")

    def session_wait(self, record: SessionRecord) -> SessionWait:
        """Return the wait of this sensor."""
        raise NotImplementedError

    def known(self, record: SessionRecord) -> dict[str, str]:
        """Return who is who: the participant's id for each of the platform's user ids."""
        return record.participants_by_user_id()

    def result(self, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        """Return what the sensor gives: how it stands, and who of those expected was seen."""
        status = outcome.status
        present = status.present if status is not None else frozenset()
        known = self.known(record)
        came = {known[user_id] for user_id in present if user_id in known}
        return {
            "title": record.title,
            "key": record.ref.key,
            "conclusion": outcome.conclusion.value,
            "why": outcome.why,
            "status": None if status is None else status.to_json(),
            "present": sorted(came),
            # Who is missing can only be told where the launch told who is who.
            "missing": sorted(set(known.values()) - came) if known else None,
        }

    def _finish(self, context: Context, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        result = self.result(record, outcome)
        # A skipped task has no result, but whoever reports on the class wants to know why.
        context["ti"].xcom_push(key="outcome", value=result)
        if outcome.conclusion is Conclusion.CANCELLED:
            self._react(self.on_cancelled, f"{record.title!r} was cancelled. {outcome.why}")
        if outcome.conclusion is Conclusion.NEVER_HELD:
            absence = outcome.status.absence if outcome.status is not None else None
            self._react(self.on_no_show, f"{record.title!r} was never held ({absence}). {outcome.why}")
        tell(context, self.outlets, record.ref, self.happening, **_for_events(outcome))
        return result

    def _react(self, reaction: str, message: str) -> None:
        if reaction == "skip":
            raise AirflowSkipException(message)
        if reaction == "fail":
            raise AirflowFailException(message)
        self.log.info("%s", message)


def _for_events(outcome: Outcome) -> dict[str, Any]:
    """Return what may leave the DAG with an event."""
    status = outcome.status
    return {
        "conclusion": outcome.conclusion.value,
        "held": None if status is None else status.held.value,
        "started_at": None if status is None else format_optional_time(status.started_at),
        "ended_at": None if status is None else format_optional_time(status.ended_at),
    }


class SessionEndSensor(SessionSensor):
    """Wait until a session has ended; tell ended, cancelled and never held apart.

    Args:
        settle: Seconds with nobody in the room that end a session before its planned end.
        deadline: When to give up, ISO 8601 or datetime; the end of the session's window by default.
        on_deadline: ``fail`` (default), or ``succeed`` when it is still live then: for a time limit, with a task
            behind it that ends the session. Where the platform could not be asked, it fails in any case.

    Returns:
        ``conclusion`` (``reached``, ``cancelled``, ``never_held``, ``deadline``), ``why``, ``status`` (state,
        held, times, every session id), ``present`` and ``missing`` participant ids, ``title`` and ``key``.

    Raises:
        AirflowSkipException: It was never held or cancelled, and the sensor skips then.
        AirflowFailException: The same, and the sensor fails then.
        Unavailable: The deadline passed while it was live or could not be asked for.
    """

    template_fields: Sequence[str] = (*SessionSensor.template_fields, "deadline", "settle")
    happening: ClassVar[Happening] = Happening.ENDED
    ON_DEADLINE = ("fail", "succeed")

    def __init__(
        self,
        *,
        settle: float | str = SETTLE,
        deadline: datetime | str | None = None,
        on_deadline: str = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_deadline not in self.ON_DEADLINE:
            raise ValueError(f"on_deadline is one of {', '.join(self.ON_DEADLINE)}, not {on_deadline!r}")
        self.settle = settle
        self.deadline = deadline
        self.on_deadline = on_deadline

    def session_wait(self, record: SessionRecord) -> SessionWait:
        """Wait for the end."""
        del record
        deadline = moment(self.deadline, "deadline") if self.deadline else None
        return SessionWait(
            hook_class=self.hook_class,
            goal=Goal(GoalKind.END),
            poll_interval=seconds_of(self.poll_interval, "poll_interval"),
            settle=seconds_of(self.settle, "settle"),
            deadline=deadline,
            tolerant=self.on_deadline == "succeed",
        )


class SessionStartSensor(SessionSensor):
    """Wait until people have come, and tell who never came.

    Args:
        expect: ``anyone`` (default), ``company`` (two people) or ``everyone`` (all participants).
        no_show_after: Seconds after the planned start when the waiting ends.

    Returns:
        As the end sensor; ``missing`` names who had not come. When some came and others did not, the sensor
        succeeds at its deadline: ``missing`` is the answer.
    """

    template_fields: Sequence[str] = (*SessionSensor.template_fields, "no_show_after")
    happening: ClassVar[Happening] = Happening.STARTED
    EXPECT = ("anyone", "company", "everyone")

    def __init__(self, *, expect: str = "anyone", no_show_after: float | str = 900.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if expect not in self.EXPECT:
            raise ValueError(f"expect is one of {', '.join(self.EXPECT)}, not {expect!r}")
        self.expect = expect
        self.no_show_after = no_show_after

    def session_wait(self, record: SessionRecord) -> SessionWait:
        """Wait for the start."""
        everyone = frozenset(self.known(record)) if self.expect == "everyone" else frozenset()
        return SessionWait(
            hook_class=self.hook_class,
            goal=Goal(GoalKind.START, min_people=1 if self.expect == "anyone" else 2, expected=everyone),
            poll_interval=seconds_of(self.poll_interval, "poll_interval"),
            deadline=record.start + timedelta(seconds=seconds_of(self.no_show_after, "no_show_after")),
        )

    def result(self, record: SessionRecord, outcome: Outcome) -> dict[str, Any]:
        """As for every sensor; warns about who is missing."""
        found = super().result(record, outcome)
        if found["missing"]:
            self.log.warning("Had not come: %s", ", ".join(found["missing"]))
        return found
