"""Looking, shortly before a session begins, whether it was launched.

A launch that is queued, stuck in retries or behind a task that failed raises no alarm of its own in time. This
task depends on nothing but the timetable, so it looks whatever became of the launch. Airflow's deadline alerts do
not serve: they are about a run, and a run of a day of classes ends long after its first class began.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseOperator, conf

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.times import aware, seconds_of
from airflow_provider.live_sessions.notifications.not_launched import NOT_LAUNCHED
from airflow_provider.live_sessions.notifications.notifier import tell_all
from airflow_provider.live_sessions.operators.identity import occurrence_of
from airflow_provider.live_sessions.triggers.pausing import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.notifications.notifier import SessionNotifier

DONE = frozenset({"success", "skipped"})
"""States of a launch that has nothing more to do; it is skipped where another run has the class in hand."""

ON_LATE = ("fail", "succeed")


class LaunchedInTimeOperator(BaseOperator):
    """Look at a launch some time before its session begins, and say so when it has not succeeded.

    Args:
        session: A class of a timetable, as the launch was given it.
        launch_task: The launching task's id, with its group's; of the same lane where it is mapped.
        before: Seconds before the planned start when it is looked at.
        patience: Seconds after the run began that a launch is given in any case: a session asked for at the last
            minute is not late by that.
        notifiers: Those to tell, e.g. a ``NotLaunchedNotifier``. Each is asked. Unlike in a callback, a message
            that could not be sent then fails the task, and its retry tries again.
        on_late: ``fail`` (default) or ``succeed`` when the session is not launched.
        deferrable: Wait without a worker slot; Airflow's ``[operators] default_deferrable`` by default.

    Returns:
        ``conclusion`` (``launched`` or ``not_launched``), ``launch`` and ``launch_state``.

    Raises:
        AirflowFailException: It is not launched, and ``on_late`` is ``fail``.
    """

    template_fields: Sequence[str] = ("session", "before", "patience")
    template_fields_renderers: ClassVar[dict[str, str]] = {"session": "json"}
    ui_color = "#fbe4dd"

    def __init__(
        self,
        *,
        session: Mapping[str, Any] | XComArg,
        launch_task: str,
        before: float | str = 900.0,
        patience: float | str = 300.0,
        notifiers: Iterable[SessionNotifier] = (),
        on_late: str = "fail",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        if on_late not in ON_LATE:
            raise ValueError(f"on_late is one of {', '.join(ON_LATE)}, not {on_late!r}")
        self.session = session
        self.launch_task = launch_task
        self.before = before
        self.patience = patience
        self.notifiers = list(notifiers)
        self.on_late = on_late
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Wait for the moment, then look."""
        with airflow_errors():
            moment = self._moment(aware(context["dag_run"].run_after))
            wait_until(self, moment, method_name="execute_look", deferrable=self.deferrable)
            return self.execute_look(context)

    def execute_look(self, context: Context, event: object = None) -> dict[str, Any]:
        """Look now; the way back from waiting for the moment."""
        del event
        ti = context["ti"]
        with airflow_errors():
            state = self._launch_state(ti)
            launched = state in DONE or self._has_record(ti)
            outcome = {
                "conclusion": "launched" if launched else NOT_LAUNCHED,
                "launch": self.launch_task,
                "launch_state": state or "not begun",
            }
            if launched:
                return outcome
            ti.xcom_push(
                key="outcome", value=outcome
            )  # a task that fails has no result, but its callbacks read this
            tell_all(self.notifiers, context, ti.task_id)
            session = occurrence_of(self.session)
            state = outcome["launch_state"]
            told = f"{session.title!r} begins at {session.start} and is not launched: its launch is {state}."
            if self.on_late == "fail":
                raise AirflowFailException(told)
            self.log.warning("%s", told)
            return outcome

    def _moment(self, began: datetime) -> datetime:
        session = occurrence_of(self.session)
        if session.cancelled:
            raise AirflowSkipException(f"{session.title!r} is cancelled: nothing is to be launched.")
        due = session.start - timedelta(seconds=seconds_of(self.before, "before"))
        return max(due, began + timedelta(seconds=seconds_of(self.patience, "patience")))

    def _launch_state(self, ti: Any) -> str:
        lanes = ti.get_task_states(dag_id=ti.dag_id, task_ids=[self.launch_task], run_ids=[ti.run_id])
        states = lanes.get(ti.run_id, {})
        # Before a mapped task has its lanes, the unmapped one stands for them.
        state = states.get(f"{self.launch_task}_{ti.map_index}", states.get(self.launch_task))
        return "" if state is None else str(state)

    def _has_record(self, ti: Any) -> bool:
        # A launch that also waits for the end has pushed its record long before it succeeds.
        record = ti.xcom_pull(task_ids=self.launch_task, map_indexes=ti.map_index, key="return_value")
        return isinstance(record, dict) and "ref" in record
