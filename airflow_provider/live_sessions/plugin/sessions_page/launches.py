"""What Airflow's database knows of launched sessions. The one place that reads it, and it only reads.

A launch is known by its link "Live session" in XCom: that key is indexed, every launch operator writes it, and so
do subclasses of other names. Airflow writes it only once the task is done, so one that waits for its session's end
in its slot is known by the moment until which its session can matter. From there on by its task: also where a try
was killed before it wrote anything.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import and_, or_, select, tuple_

from airflow_provider.live_sessions.core.pages import UNTIL, LaunchPlace, until_key
from airflow_provider.live_sessions.core.status import SessionStatus
from airflow_provider.live_sessions.plugin.sessions_page.records import Read, Records, value_of
from airflow_provider.live_sessions.plugin.sessions_page.rows import AFTER_WINDOW

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.orm import Session

    from airflow_provider.live_sessions.core.record import SessionRecord

log = logging.getLogger(__name__)

LINK_KEY = "_link_LiveSessionLink"
"""Where Airflow keeps the link of that class."""

LAST = timedelta(days=14)
"""How far back runs are looked at; a link to one session finds it however old it is."""

MOST = 500
"""Sessions of the latest runs on the page at most, and beside them as many that are not over, of any run."""

MOST_AHEAD = 5000
"""Sessions that are not over, of everybody's DAGs, among which those that somebody may see are looked for."""

LAUNCHING = ("queued", "running", "deferred", "up_for_retry", "up_for_reschedule", "restarting")
"""States of a launch that is still to come."""

TASKS_KNOWN = 60.0
"""Seconds for which it is remembered which tasks launch sessions, and what is behind them."""

NO_TRY = ("removed", "skipped", "upstream_failed", "scheduled")
"""States of a launch that says nothing of a session yet, or never will; so does one without a state."""

_Tasks = dict[str, dict[int, Any]]
"""Something of each task instance of a run, by task and index."""

RUN_OVER = frozenset({"success", "failed"})


@dataclass(frozen=True, slots=True)
class Behind:
    """A task that comes after a launch, and belongs to the same session.

    Args:
        task_id: The task.
        state: Its state; None before it is scheduled.
    """

    task_id: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Launch:
    """A task instance that launches a session, with what came of it.

    Args:
        place: Which one.
        state: The task's state.
        run_over: Whether nothing more will happen in its run.
        run_after: When its run was due.
        label: What the UI calls it among mapped ones; may be empty.
        record: The session's record; None where it launched none (yet).
        unreadable: Why there is none although the task wrote one.
        behind: The tasks behind it.
        outcomes: How those who waited saw the session, where they are done.
        operator: The name of the launching task's class.
    """

    place: LaunchPlace
    state: str | None
    run_over: bool
    run_after: datetime
    label: str = ""
    record: SessionRecord | None = None
    unreadable: str = ""
    behind: tuple[Behind, ...] = ()
    outcomes: tuple[SessionStatus, ...] = ()
    operator: str = ""


class Launches:
    """Reads launches; remembers what does not change."""

    def __init__(self) -> None:
        self._records = Records()
        self._tasks: tuple[float, frozenset[tuple[str, str]]] = (float("-inf"), frozenset())
        self._behind: dict[Any, tuple[float, Mapping[str, frozenset[str]]]] = {}

    def dag_ids(self, session: Session) -> set[str]:
        """Return the DAGs that launch sessions."""
        return {dag_id for dag_id, _ in self._launching(session)}

    def read(
        self, session: Session, dag_ids: Collection[str], *, now: datetime, only: LaunchPlace | None = None
    ) -> tuple[list[Launch], bool]:
        """Return the launches of DAGs, and whether there are more than the page shows.

        First those that are not over, however old their runs and however many came later; then the latest runs.

        Args:
            session: Of Airflow's database.
            dag_ids: Those that whoever asks may read.
            now: The time.
            only: This launch alone, however old.
        """
        tasks = {one for one in self._launching(session) if one[0] in dag_ids}
        if only is not None:
            tasks &= {(only.dag_id, only.task_id)}
        if not tasks:
            return [], False
        rows, truncated = _instances(session, tasks, now, only)
        runs = {row.run: row for row in rows}
        states = self._states(session, runs)
        outcomes = _outcomes(session, runs)
        records = self._records.read(session, rows)
        launches = [
            self._launch(session, row, states[row.run], outcomes[row.run], records.get(_key(row), (None, "")))
            for row in rows
        ]
        return launches, truncated

    # ---- inside

    def _launching(self, session: Session) -> frozenset[tuple[str, str]]:
        until, known = self._tasks
        if time.monotonic() >= until:
            tasks = select(XComModel.dag_id, XComModel.task_id).distinct()
            now = datetime.now(UTC)
            found = (
                session.execute(tasks.where(of_them)).all()  # one key a question: so each goes by its index
                for of_them in (XComModel.key == LINK_KEY, _matters(now))
            )
            known = frozenset((row.dag_id, row.task_id) for rows in found for row in rows)
            # Nothing yet is asked again: the first launch of all is to be seen at once.
            self._tasks = (time.monotonic() + TASKS_KNOWN if known else float("-inf"), known)
        return known

    def _states(self, session: Session, runs: Iterable[int]) -> dict[int, _Tasks]:
        """Return the states of all tasks of runs, by task and index: a run may have thousands of them."""
        found: dict[int, _Tasks] = defaultdict(lambda: defaultdict(dict))
        rows = session.execute(
            select(DagRun.id.label("run"), TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state)
            .join(DagRun, and_(DagRun.dag_id == TaskInstance.dag_id, DagRun.run_id == TaskInstance.run_id))
            .where(DagRun.id.in_(list(runs)))
        )
        for row in rows:
            found[row.run][row.task_id][row.map_index] = _word(row.state)
        return found

    def _launch(
        self,
        session: Session,
        row: Any,
        states: _Tasks,
        outcomes: _Tasks,
        record: Read,
    ) -> Launch:
        behind = self._behind_of(session, row)

        def mine(known: _Tasks) -> Iterator[tuple[str, Any]]:
            for task_id in sorted(behind & known.keys()):
                by_index = known[task_id]
                if row.map_index < 0:
                    yield from ((task_id, one) for one in by_index.values())
                elif row.map_index in by_index:
                    yield task_id, by_index[row.map_index]

        return Launch(
            place=LaunchPlace(row.dag_id, row.run_id, row.task_id, row.map_index),
            state=_word(row.state),
            run_over=_word(row.run_state) in RUN_OVER,
            run_after=row.run_after,
            label=row.label or "",
            record=record[0],
            unreadable=record[1],
            behind=tuple(Behind(task_id, state) for task_id, state in mine(states)),
            outcomes=tuple(one for _, stored in mine(outcomes) if (one := _status(stored))),
            operator=row.operator or "",
        )

    def _behind_of(self, session: Session, row: Any) -> frozenset[str]:
        """Return the ids of the tasks behind a launch, as the run's version of the DAG has them."""
        until, known = self._behind.get(row.version, (float("-inf"), {}))
        if time.monotonic() >= until:
            known = _behind(session, row)
            kept = {version: one for version, one in self._behind.items() if one[0] > time.monotonic()}
            self._behind = {**kept, row.version: (time.monotonic() + TASKS_KNOWN, known)}
        return known.get(row.task_id, frozenset())


def _instances(
    session: Session, tasks: Iterable[tuple[str, str]], now: datetime, only: LaunchPlace | None
) -> tuple[list[Any], bool]:
    """Return the task instances that the page shows, each once, and whether there are more.

    Three questions, each with an index and a limit of its own, so that later runs crowd nothing out that matters.
    """
    tasks = frozenset(tasks)
    of_them = _tried().where(_any_of(tasks))
    if only is not None:
        mine = of_them.where(TaskInstance.run_id == only.run_id, TaskInstance.map_index == only.map_index)
        return list(session.execute(mine)), False
    launching = of_them.where(TaskInstance.state.in_(LAUNCHING)).order_by(DagRun.run_after)
    latest = of_them.where(DagRun.run_after >= now - LAST).order_by(
        DagRun.run_after.desc(), TaskInstance.task_id, TaskInstance.map_index
    )
    queries = [launching, latest]
    ahead, cut_off = _ahead(session, tasks, now)
    if ahead:
        place = tuple_(TaskInstance.dag_id, TaskInstance.task_id, TaskInstance.run_id, TaskInstance.map_index)
        # In any state: one that was cleared, and waits to run again, has its session still.
        queries.insert(0, _every().where(place.in_(ahead[:MOST])))
    found: dict[tuple[Any, ...], Any] = {}
    truncated = cut_off or len(ahead) > MOST
    for query in queries:
        rows = list(session.execute(query.limit(MOST + 1)))
        truncated = truncated or len(rows) > MOST
        found.update((_key(row), row) for row in rows[:MOST])
    return list(found.values()), truncated


def _ahead(
    session: Session, tasks: Collection[tuple[str, str]], now: datetime
) -> tuple[list[tuple[str, str, str, int]], bool]:
    """Return which launches say that their sessions are not over, and whether there may be more of them.

    Those come first that end first; there are more where everybody's are too many to be looked through.

    Asked by the key alone, and sorted out here: a database that joined would begin with every launch there is.
    """
    query = (
        select(XComModel.dag_id, XComModel.task_id, XComModel.run_id, XComModel.map_index)
        .where(_matters(now))
        .order_by(XComModel.key)
        .limit(MOST_AHEAD)
    )
    found = session.execute(query).all()
    mine = dict.fromkeys((*one,) for one in found if (one.dag_id, one.task_id) in tasks)
    return list(mine), len(found) >= MOST_AHEAD


def _matters(now: datetime) -> ColumnElement[bool]:
    return and_(XComModel.key >= until_key(now - AFTER_WINDOW), XComModel.key < f"{UNTIL}9999")


def _any_of(tasks: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    by_dag = defaultdict(list)
    for dag_id, task_id in tasks:
        by_dag[dag_id].append(task_id)
    return or_(
        *(
            and_(TaskInstance.dag_id == dag_id, TaskInstance.task_id.in_(task_ids))
            for dag_id, task_ids in sorted(by_dag.items())
        )
    )


def _tried() -> Select[Any]:
    """Return the question for task instances that were tried."""
    return _every().where(TaskInstance.state.is_not(None), TaskInstance.state.not_in(NO_TRY))


def _every() -> Select[Any]:
    """Return the question for task instances, tried or not."""
    return select(
        TaskInstance.dag_id,
        TaskInstance.run_id,
        TaskInstance.task_id,
        TaskInstance.map_index,
        TaskInstance.state,
        TaskInstance.operator,
        TaskInstance._rendered_map_index.label("label"),  # noqa: SLF001 - the property may be computed
        TaskInstance.dag_version_id.label("version"),
        DagRun.id.label("run"),
        DagRun.state.label("run_state"),
        DagRun.run_after,
    ).join(DagRun, and_(DagRun.dag_id == TaskInstance.dag_id, DagRun.run_id == TaskInstance.run_id))


def _behind(session: Session, row: Any) -> Mapping[str, frozenset[str]]:
    try:
        run = session.get(DagRun, row.run)
        # A bag of its own: the DAG is large and let go, what is behind its tasks is small and kept.
        dag = None if run is None else DBDagBag(load_op_links=False).get_dag_for_run(run, session)
        if dag is None:
            return {}
        return {
            task_id: frozenset(task.get_flat_relative_ids(upstream=False))
            for task_id, task in dag.task_dict.items()
        }
    except Exception:  # a DAG that cannot be read costs its rows what is behind them, and no more
        log.warning("The DAG %s of the page of live sessions cannot be read.", row.dag_id, exc_info=True)
        return {}


def _key(row: Any) -> tuple[Any, ...]:
    return (row.run, row.task_id, row.map_index)


def _outcomes(session: Session, runs: Iterable[int]) -> dict[int, _Tasks]:
    """Return what the tasks that waited in runs saw, as it is stored, by task and index."""
    found: dict[int, _Tasks] = defaultdict(lambda: defaultdict(dict))
    rows = session.execute(
        select(XComModel.dag_run_id.label("run"), XComModel.task_id, XComModel.map_index, XComModel.value).where(
            XComModel.key == "outcome", XComModel.dag_run_id.in_(list(runs))
        )
    )
    for row in rows:
        found[row.run][row.task_id][row.map_index] = row.value
    return found


def _status(stored: Any) -> SessionStatus | None:
    try:
        told = value_of(stored)["status"]
        return None if told is None else SessionStatus.from_json(told)
    except Exception:  # noqa: BLE001 - any task may write a key of this name
        return None


def _word(state: Any) -> str | None:
    return None if state is None else str(getattr(state, "value", state))
