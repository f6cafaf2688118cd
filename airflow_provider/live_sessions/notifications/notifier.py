"""What the notifiers share: the outcome of a task in, a message out, through whatever carries messages.

Airflow's own notifiers carry it (mail, Slack, Teams, a queue): their templates see the message as ``notice``. What
is said is decided here alone, so that no carrier can say more than it should.
"""

from __future__ import annotations

import copy
import importlib.util
from abc import abstractmethod
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseNotifier

from airflow_provider.live_sessions.core.errors import ConfigurationError, LiveSessionError, Unavailable
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.schedules.model import Occurrence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider.live_sessions.notifications.notice import Announcement


class Spot(StrEnum):
    """Where in a session's lane a notifier listens."""

    HELD = "held"
    LAUNCHED = "launched"
    RECORDING = "recording"
    TRANSCRIPT = "transcript"


class SessionNotifier(BaseNotifier):
    """Says one thing about a session, when it is so; otherwise it stays quiet. Use one of its subclasses.

    As a callback of the task it is about (``on_success_callback``, ``on_skipped_callback``,
    ``on_failure_callback``), where Airflow only logs what goes wrong with it; or in a ``NotifyOperator``, whose
    retry tries again.

    Args:
        to: Mail addresses, sent through Airflow's SMTP. Templated.
        through: Other notifiers that carry the message, of any provider: their templates see
            ``{{ notice.subject }}``, ``{{ notice.text }}`` and ``{{ notice.html }}``.
        smtp_conn_id: The SMTP connection for ``to``.
        from_email: The sender; the connection's own by default.
        with_title: Name the session's title. False by default: a title may hold a person's name, and the message
            leaves Airflow.
        about: The task whose outcome it is; by default the one that it is a callback of.

    Raises:
        ValueError: Neither ``to`` nor ``through`` was given, or the SMTP provider is missing.
    """

    spot: ClassVar[Spot]

    def __init__(
        self,
        *,
        to: str | Sequence[str] = (),
        through: BaseNotifier | Iterable[BaseNotifier] = (),
        smtp_conn_id: str = "smtp_default",
        from_email: str | None = None,
        with_title: bool = False,
        about: str = "",
    ) -> None:
        super().__init__()
        self.to = to
        self.through = [through] if isinstance(through, BaseNotifier) else list(through)
        self.smtp_conn_id = smtp_conn_id
        self.from_email = from_email
        self.with_title = with_title
        self.about = about
        if not (self.to or self.through):
            raise ValueError("a notifier needs addresses (`to`) or other notifiers (`through`)")
        # Found out now: what a callback raises is only logged.
        if self.to and importlib.util.find_spec("airflow.providers.smtp") is None:
            raise ValueError("mail needs the SMTP provider: install airflow-provider-live-sessions[smtp]")

    @abstractmethod
    def notice(self, context: Context, outcome: Mapping[str, Any]) -> Announcement | None:
        """Return what is to be said of an outcome, or None when there is nothing to say."""

    def notify(self, context: Context) -> None:
        """Send the message through every carrier, if there is something to say; see :meth:`tell`."""
        self.tell(context)

    def tell(self, context: Context, *, about: str = "") -> bool:
        """Send the message through every carrier, if there is something to say.

        Args:
            context: The context of the task it is a callback of, or that runs it.
            about: The task whose outcome it is, where the notifier was not given one.

        Returns:
            Whether something was said.

        Raises:
            Unavailable: A carrier failed; the others were tried all the same.
        """
        outcome = self._outcome(context, self.about or about)
        said = None if outcome is None else self.notice(context, outcome)
        if said is None:
            return False
        failed = []
        for carrier in self._carriers():
            try:
                # A notifier fills in its templates in place, so each message goes through a copy of its own.
                copy.copy(carrier)({**context, "notice": said.to_json()})
            except Exception as error:  # noqa: BLE001 - one carrier that is down silences no other
                failed.append(f"{type(carrier).__name__} ({type(error).__name__})")
        if failed:
            raise Unavailable(f"The message was not carried by {', '.join(failed)}.")
        self.log.info("Said: %s", said.subject)
        return True

    def _carriers(self) -> list[Any]:
        if not self.to:
            return self.through
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        mail = SmtpNotifier(
            to=self.to,
            from_email=self.from_email,
            subject="{{ notice.subject }}",
            html_content="{{ notice.html }}",
            smtp_conn_id=self.smtp_conn_id,
        )
        return [*self.through, mail]

    def _outcome(self, context: Context, about: str) -> Mapping[str, Any] | None:
        ti = context["ti"]
        task_id = about or ti.task_id
        for key in ("outcome", "return_value"):  # a skipped or failed task has no result, but says how it ended
            found = ti.xcom_pull(task_ids=task_id, map_indexes=ti.map_index, key=key)
            if isinstance(found, dict):
                return found
        return None


def tell_all(notifiers: Iterable[SessionNotifier], context: Context, about: str) -> int:
    """Have each notifier say what it has to say, also when one before it could not.

    Args:
        notifiers: Those to ask.
        context: The context of the task that runs them.
        about: The task whose outcome it is, for those that were not given one.

    Returns:
        How many had something to say.

    Raises:
        Unavailable: One or more failed, with the reason of each; the others were asked all the same.
    """
    said, reasons = 0, []
    for one in notifiers:
        try:
            said += one.tell(context, about=about)
        except Exception as error:  # noqa: BLE001 - one notifier that is down silences no other
            why = error.what if isinstance(error, LiveSessionError) else f"({type(error).__name__})"
            reasons.append(f"{type(one).__name__}: {why}")
    if reasons:
        raise Unavailable(" ".join(reasons))
    return said


def session_of(context: Context) -> SessionRecord | Occurrence | None:
    """Return the session that the context's task was given: a launch's record, or a class of a timetable."""
    given = getattr(context.get("task"), "session", None)
    try:
        if isinstance(given, dict) and "ref" in given:
            return SessionRecord.from_json(given)
        if isinstance(given, dict):
            return Occurrence.from_json({name: value for name, value in given.items() if name != "claim"})
    except ConfigurationError:
        pass  # a message without times is better than none
    return None
