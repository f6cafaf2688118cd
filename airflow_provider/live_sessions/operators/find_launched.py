"""Finding again what another run launched: for a form that cancels, or that retrieves once more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.contract import Watch
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.record import SessionRecord
from airflow_provider.live_sessions.core.status import Seen, State
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context

WHERE_IDS_ARE = "Copy the id from the page Live sessions, where each session names the run that launched it."

OVER = {State.ENDED: "over", State.CANCELLED: "cancelled already", State.NEVER_HELD: "over; it was not held"}
"""How a message says that nothing more will come of a session."""

SHOWN = 20
"""How many sessions a message names at most."""


class FindLaunchedOperator(TellsLineage, BaseOperator):
    """Find the session that a run launched, and look how it stands now.

    Args:
        dag_id: The DAG.
        run_id: Its run.
        hook_class: Import path of the platform's hook.
        launch_task: The launching task's id, with its group's.
        title: Which one, where the run launched several: its title, or its start and title as the message that
            asks for it says them.
        cannot_end_live: For a cancel on a platform that cannot end what people are in: what to say then, e.g. who
            else can end it. A session that is live, or over, is then refused here, before anybody is asked.

    Returns:
        The launch operator's result, for all operators that take a ``session``. Its XCom ``now`` says how it
        stands: ``state`` (``unknown`` where the platform does not say), ``people`` (how many were seen, None where
        that is not told), ``handed_over`` (whether a link may have left Airflow), ``why``, ``when`` (its planned
        time, in words).

    Raises:
        AirflowFailException: There is no such run, it launched none, or several fit; or it cannot be cancelled.
    """

    template_fields: Sequence[str] = ("dag_id_of_launch", "run_id_of_launch", "launch_task", "title")
    ui_color = "#e9e9e9"
    _UNKNOWN: ClassVar[dict[str, Any]] = {"state": "unknown", "people": None, "why": ""}

    def __init__(
        self,
        *,
        dag_id: str,
        run_id: str,
        hook_class: str,
        launch_task: str = "class.launch",
        title: str = "",
        cannot_end_live: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        # A task has a dag_id of its own.
        self.dag_id_of_launch = dag_id
        self.run_id_of_launch = run_id
        self.hook_class = hook_class
        self.launch_task = launch_task
        self.title = title
        self.cannot_end_live = cannot_end_live

    def execute(self, context: Context) -> dict[str, Any]:
        """Find it, look at it, and return its record."""
        ti = context["ti"]
        with airflow_errors():
            found = self._find(ti)
            record = SessionRecord.from_json(found)
            handed_over = record.handed_over(datetime.now(UTC))
            now = {**self._look(record), "handed_over": handed_over, "when": _when(record)}
            self.log.info("%s: %s. %s", _label(record), now["state"], now["why"])
            if self.cannot_end_live:
                self._refuse_what_no_cancel_changes(record, now)
            ti.xcom_push(key="now", value=now)
            self.lineage = lambda: Lineage((of_account(record.ref.platform, record.ref.conn_id),))
            return found

    def _refuse_what_no_cancel_changes(self, record: SessionRecord, now: dict[str, Any]) -> None:
        if now["state"] == State.LIVE:
            inside = f" ({now['people']} seen)" if now["people"] else ""
            raise ConfigurationError(
                f"{record.title!r} cannot be cancelled: people are in it{inside}.", advice=self.cannot_end_live
            )
        if now["state"] in OVER:
            raise ConfigurationError(f"{record.title!r} is {OVER[now['state']]}: there is nothing to cancel.")

    def _find(self, ti: Any) -> dict[str, Any]:
        if not str(self.run_id_of_launch or "").strip():
            raise ConfigurationError("The run id is empty.", advice=WHERE_IDS_ARE)
        pulled = ti.xcom_pull(
            dag_id=self.dag_id_of_launch, run_id=self.run_id_of_launch, task_ids=self.launch_task
        )
        # One value of a task of its own, a list of those of a mapped one.
        launched = [one for one in (pulled if isinstance(pulled, list) else [pulled]) if one is not None]
        run = f"The run {self.run_id_of_launch!r} of {self.dag_id_of_launch!r}"
        if not launched:
            self._tell_why_nothing(ti, run)
        records = [SessionRecord.from_json(one) for one in launched]
        wanted = " ".join(str(self.title).split())
        fit = [
            one
            for one, record in zip(launched, records, strict=True)
            if not wanted or wanted in (record.title, _label(record))
        ]
        if len(fit) != 1:
            names = [_label(one) for one in records]
            shown = "; ".join(sorted(names)[:SHOWN]) + ("; ..." if len(names) > SHOWN else "")
            raise ConfigurationError(
                f"{run} launched {len(records)} sessions, and {len(fit)} of them fit.",
                advice=f"Give one of these as the title: {shown}",
            )
        return dict(fit[0])

    def _tell_why_nothing(self, ti: Any, run: str) -> NoReturn:
        states = ti.get_task_states(dag_id=self.dag_id_of_launch, run_ids=[self.run_id_of_launch])
        if not states.get(self.run_id_of_launch):
            raise ConfigurationError(
                f"There is no run {self.run_id_of_launch!r} of {self.dag_id_of_launch!r}.", advice=WHERE_IDS_ARE
            )
        raise ConfigurationError(
            f"{run} launched nothing.", advice=f"Look what became of its task {self.launch_task}."
        )

    def _look(self, record: SessionRecord) -> dict[str, Any]:
        platform = hook_class_of(self.hook_class)(record.ref.conn_id).platform()
        try:
            seen = Seen(planned_start=record.start, planned_end=record.end, deadline=record.end)
            (status,) = platform.statuses([Watch(record.ref, seen)], datetime.now(UTC))
        finally:
            platform.close()
        if status is None:
            return dict(self._UNKNOWN)
        return {"state": status.state.value, "people": status.people, "why": status.why}


def _when(record: SessionRecord) -> str:
    start, end = record.start.astimezone(UTC), record.end.astimezone(UTC)
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%A %d %B %Y, %H:%M}"
    return f"{start:%A %d %B %Y, %H:%M} to {last} UTC"


def _label(record: SessionRecord) -> str:
    return f"{format_time(record.start)} {' '.join(record.title.split())}"
