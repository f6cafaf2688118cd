"""Telling people as a task: a message that could not be sent is tried again, and is seen in the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.notifications.notifier import tell_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.notifications.notifier import SessionNotifier


class NotifyOperator(BaseOperator):
    """Say what notifiers have to say of another task's outcome, in a task of its own.

    A callback's errors only stand in a log. Here a carrier that is down silences no other, then fails the task,
    and its retry tries again; a carrier that worked then carries the message twice.

    Args:
        about: The task whose outcome it is, of the same lane.
        notifiers: Those to run; each stays quiet where its case has not come.
        session: The session: a launch operator's result, or a class of a timetable. For the times in the message.

    Returns:
        How many had something to say.
    """

    template_fields: Sequence[str] = ("session", "about")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#efe3f5"

    def __init__(
        self,
        *,
        about: str,
        notifiers: Iterable[SessionNotifier],
        session: Mapping[str, Any] | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        # What it is about may have failed or been skipped: that is the news.
        super().__init__(**prefer(kwargs, trigger_rule="all_done", retries=2))
        self.about = about
        self.notifiers = list(notifiers)
        self.session = session

    def execute(self, context: Context) -> int:
        """Run the notifiers."""
        with airflow_errors():
            return tell_all(self.notifiers, context, self.about)
