"""A day of classes: what a run takes from the timetable, and what became of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseOperator, conf

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.times import aware, format_time
from airflow_provider.live_sessions.hooks.base import hook_class_of
from airflow_provider.live_sessions.hooks.storage import open_storage, read_file, shared_destination
from airflow_provider.live_sessions.operators.identity import is_true, occurrence_key
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_place, of_timetable
from airflow_provider.live_sessions.schedules.claims import Claim, ClaimBook, Ticket, day_of
from airflow_provider.live_sessions.schedules.model import Problem, digest
from airflow_provider.live_sessions.schedules.selection import Choice, OnMissed, choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider.live_sessions.schedules.model import Occurrence, Timetable

LONGEST_CLASS = timedelta(hours=24)

MAX_TIMETABLE_BYTES = 10 * 1024 * 1024

FAILED = frozenset({"failed", "upstream_failed", "removed"})
"""Lane states that let another run take the class over."""


class SelectClassesOperator(TellsLineage, BaseOperator):
    """Choose the classes of a timetable that start within a horizon and that no other run has in hand.

    The horizon begins at the run's ``run_after``, so it works for runs without a logical date as well. A class
    that another run launched is taken again only when it changed in the timetable or its lane there failed.

    Args:
        timetable: Path or URL of the CSV or iCalendar file; any URL that Airflow's object storage knows.
        timezone: IANA zone of times in the file that name none.
        conn_id: The connection the classes will be launched with: part of their identity.
        horizon: How far ahead classes are taken (timedelta, or hours).
        on_missed: ``skip`` (default, said in the log), ``launch`` (late, while the planned end lies ahead) or
            ``fail``, for classes that began before anybody launched them.
        launch_despite_errors: Go on with the sound rows of a timetable that has others.
        name: What the timetable is called in the classes' identity; its address by default, so give a name
            where the address may change.
        destination: Where the claims are kept: the same for all runs.
        lane_tasks: The lane's tasks that have to succeed before another run leaves its class alone: the launch
            first, then those without which the launch is of no use to anybody.
        cancel_task: The cancelling task, likewise.
        hook_class: Import path of the platform's hook; with it every class's launch settings are looked at before
            anything is launched.
        lead: Seconds before a start from when a lasting room is taken; for finding overlaps.
        grace: Seconds after an end until when it is.

    Returns:
        ``launch`` and ``cancel``: lists of classes; ``left``: ``title``, ``start`` and ``why`` of each class left
        alone; ``vanished``: classes launched before that are no longer in the timetable.
        A scheduled run without a timetable is skipped.

    Raises:
        AirflowFailException: The timetable has problems (all are listed with file and line), there are more
            classes than can be mapped, or classes were missed and ``on_missed`` is ``fail``.
    """

    template_fields: Sequence[str] = (
        "timetable",
        "timezone",
        "conn_id",
        "horizon",
        "on_missed",
        "launch_despite_errors",
        "name",
        "destination",
        "lead",
        "grace",
    )
    ui_color = "#e9e9e9"

    def __init__(
        self,
        *,
        timetable: str,
        timezone: str,
        conn_id: str,
        horizon: timedelta | float | str = 24.0,
        on_missed: str = "skip",
        launch_despite_errors: bool | str = False,
        name: str = "",
        destination: str = "",
        lane_tasks: Sequence[str] = ("class.launch", "class.hand_over"),
        cancel_task: str = "cancel",
        hook_class: str = "",
        lead: float | str = 1800.0,
        grace: float | str = 3600.0,
        **kwargs: Any,
    ) -> None:
        # Two runs that choose at the same time could take the same class.
        super().__init__(**prefer(kwargs, max_active_tis_per_dag=1, retries=2))
        self.timetable = timetable
        self.timezone = timezone
        self.conn_id = conn_id
        self.horizon = horizon
        self.on_missed = on_missed
        self.launch_despite_errors = launch_despite_errors
        self.name = name
        self.destination = destination
        self.lane_tasks = tuple(lane_tasks)
        self.cancel_task = cancel_task
        self.hook_class = hook_class
        self.lead = lead
        self.grace = grace

    def execute(self, context: Context) -> dict[str, Any]:
        """Read, choose, claim, and return the choice."""
        with airflow_errors():
            if not self.timetable:
                self._without_timetable(str(context["dag_run"].run_type))
            begin = aware(context["dag_run"].run_after)
            window = (begin, begin + self._horizon())
            # A class lasts a day at most: what began before the horizon may still go on.
            reach = (begin - LONGEST_CLASS, window[1])
            occurrences = self._read(reach).select(*reach)
            ti = context["ti"]
            destination = shared_destination(self.destination)
            book = ClaimBook(open_storage(destination), self._folder())
            claims = book.read(_days(window) | {day_of(one.key_start) for one in occurrences})
            chosen = choose(
                occurrences,
                claims,
                key_of=self._key,
                in_hand=lambda claim: self._in_hand(ti, claim),
                run_id=str(ti.run_id),
                now=datetime.now(UTC),
                window=window,
                on_missed=self._on_missed(),
            )
            self._tell(chosen, window)
            self._refuse_too_many(chosen)
            result: dict[str, Any] = {"launch": [], "cancel": []}
            for action, classes in (("launch", chosen.launch), ("cancel", chosen.cancel)):
                for map_index, one in enumerate(classes):
                    before = claims.get(self._key(one))
                    claim = Claim(
                        key=self._key(one),
                        digest=digest(one),
                        action=action,
                        dag_id=ti.dag_id,
                        run_id=str(ti.run_id),
                        map_index=map_index,
                        title=one.title,
                        start=one.start,
                        day=day_of(one.key_start),
                        revive=action == "launch"
                        and before is not None
                        and (before.revive if before.run_id == ti.run_id else before.action == "cancel"),
                    )
                    book.write(claim)
                    ticket = Ticket(destination, self._folder(), claim)
                    result[action].append({**one.to_json(), "claim": ticket.to_json()})
            self.lineage = partial(
                self._lineage, book.url, found=bool(claims), taken=sum(map(len, result.values()))
            )
            return {
                **result,
                "left": [
                    {"title": one.occurrence.title, "start": format_time(one.occurrence.start), "why": one.why}
                    for one in chosen.left
                ],
                "vanished": [{"title": one.title, "start": format_time(one.start)} for one in chosen.vanished],
            }

    def _lineage(self, claims: str, *, found: bool, taken: int) -> Lineage:
        read = (of_timetable(self.timetable, self.name), *([of_place(claims)] if found else []))
        return Lineage(read, (of_place(claims, files=taken),) if taken else ())

    def _without_timetable(self, run_type: str) -> NoReturn:
        if run_type.rpartition(".")[2].casefold() == "scheduled":
            raise AirflowSkipException("No timetable is set, so there is nothing to do.")
        raise ConfigurationError(
            "No timetable is given.", advice="Name the path or URL of a CSV or iCalendar file."
        )

    def _horizon(self) -> timedelta:
        if isinstance(self.horizon, timedelta):
            return self.horizon
        try:
            hours = float(self.horizon)
        except (TypeError, ValueError):
            hours = 0.0
        if not 0 < hours <= 24 * 31:
            raise ConfigurationError(f"The horizon is a number of hours up to a month, not {self.horizon!r}.")
        return timedelta(hours=hours)

    def _on_missed(self) -> OnMissed:
        try:
            return OnMissed(self.on_missed)
        except ValueError:
            raise ConfigurationError(
                f"on_missed is one of {', '.join(OnMissed)}, not {self.on_missed!r}."
            ) from None

    def _read(self, reach: tuple[datetime, datetime]) -> Timetable:
        from airflow_provider.live_sessions.schedules.timetable import read_timetable

        data = read_file(self.timetable, max_bytes=MAX_TIMETABLE_BYTES)
        timetable = read_timetable(data, name=self.timetable, default_zone=self.timezone, window=reach)
        timetable = timetable.checked(
            lead=timedelta(seconds=float(self.lead)), grace=timedelta(seconds=float(self.grace))
        )
        if self.hook_class:
            timetable = self._check_settings(timetable)
        for note in timetable.notes:
            self.log.info("Timetable: %s", note)
        if is_true(self.launch_despite_errors):
            for problem in timetable.problems:
                self.log.warning("Timetable: %s", problem)
        else:
            timetable.raise_if_problems()
        return timetable

    def _check_settings(self, timetable: Timetable) -> Timetable:
        """Look at every class's launch settings; what does not fit is a problem of its line."""
        hook = hook_class_of(self.hook_class)
        sound, problems = [], list(timetable.problems)
        for one in timetable.occurrences:
            try:
                hook.check_plan(one.plan(), self.conn_id)
            except ConfigurationError as error:
                problems.append(Problem.at(one.source, error.what))
            else:
                sound.append(one)
        # A weekly row is wrong every week: it is told once.
        return replace(timetable, occurrences=tuple(sound), problems=tuple(dict.fromkeys(problems)))

    def _folder(self) -> str:
        identity = f"{self.conn_id}\n{self._name()}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]

    def _name(self) -> str:
        return self.name or self.timetable

    def _key(self, one: Occurrence) -> str:
        return occurrence_key(one, conn_id=self.conn_id, timetable=self._name()).digest

    def _in_hand(self, ti: Any, claim: Claim) -> bool:
        tasks = list(self.lane_tasks) if claim.action == "launch" else [self.cancel_task]
        states = ti.get_task_states(dag_id=claim.dag_id, task_ids=tasks, run_ids=[claim.run_id])
        lanes = states.get(claim.run_id)
        if not lanes:
            return False  # the run is gone
        # Before its select task succeeds a run has no lanes yet: the unmapped task stands for them.
        found = [str(lanes.get(f"{one}_{claim.map_index}", lanes.get(one, "removed"))) for one in tasks]
        # A launch is skipped only when somebody ended its run; links are withheld from what is off.
        return found[0] != "skipped" and not FAILED.intersection(found)

    def _tell(self, chosen: Choice, window: tuple[datetime, datetime]) -> None:
        self.log.info(
            "Classes that start from %s to %s: %d to launch, %d to cancel, %d left alone.",
            *map(format_time, window),
            len(chosen.launch),
            len(chosen.cancel),
            len(chosen.left),
        )
        for one in chosen.left:
            log = self.log.warning if one.missed else self.log.info
            log("Left alone: %s, %s. %s", one.occurrence.title, format_time(one.occurrence.start), one.why)
        for claim in chosen.vanished:
            self.log.warning(
                "%s at %s was launched and is no longer in the timetable; it is not cancelled. To cancel a class, "
                "keep its row with status cancelled.",
                claim.title,
                format_time(claim.start),
            )
        if chosen.missed and self._on_missed() is OnMissed.FAIL:
            missed = ", ".join(f"{one.occurrence.title} ({one.occurrence.source})" for one in chosen.missed)
            raise AirflowFailException(f"{len(chosen.missed)} classes were missed: {missed}")

    def _refuse_too_many(self, chosen: Choice) -> None:
        limit = conf.getint("core", "max_map_length", fallback=1024)
        most = max(len(chosen.launch), len(chosen.cancel))
        if most > limit:
            raise ConfigurationError(
                f"{most} classes start within the horizon; Airflow maps at most {limit}. Nothing was launched.",
                advice="Shorten the horizon, split the timetable, or raise [core] max_map_length.",
            )


class ReportClassesOperator(BaseOperator):
    """Tell what became of a run's classes, in one table, and fail the run when something went wrong.

    Put it last with ``trigger_rule="all_done"``: a failed class stops no other, and without this task the run
    would be green.

    Args:
        selection: The result of :class:`SelectClassesOperator`.
        group: The id of the lanes' task group.
        select_task: The id of the selecting task.
        cancel_task: The id of the cancelling task.
        fail_on_no_show: Also fail when a class was never held.

    Returns:
        ``{"classes": [{"title", "start", "outcome", "states"}], "failed": number}``

    Raises:
        AirflowFailException: At least one class came to grief; the message is the table.
    """

    template_fields: Sequence[str] = ("selection", "fail_on_no_show")
    template_fields_renderers: ClassVar[dict[str, str]] = {"selection": "json"}
    ui_color = "#e9e9e9"

    def __init__(
        self,
        *,
        selection: Mapping[str, Any] | XComArg,
        group: str = "class",
        select_task: str = "select",
        cancel_task: str = "cancel",
        fail_on_no_show: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, trigger_rule="all_done"))
        self.selection = selection
        self.group = group
        self.select_task = select_task
        self.cancel_task = cancel_task
        self.fail_on_no_show = fail_on_no_show

    def execute(self, context: Context) -> dict[str, Any]:
        """Gather the states, log the table, and fail where something failed."""
        ti = context["ti"]
        states: dict[str, str] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
        if not isinstance(self.selection, dict):
            if str(states.get(self.select_task)) == "skipped":
                raise AirflowSkipException("There was nothing to do.")
            raise AirflowFailException("The classes of this run were never selected; see the task before.")
        rows = [
            self._row(one, _lane(states, f"{self.group}.", index), self._held(ti, index))
            for index, one in enumerate(self.selection.get("launch", ()))
        ]
        rows += [
            self._row(one, _lane(states, self.cancel_task, index), self._cancelled(ti, index))
            for index, one in enumerate(self.selection.get("cancel", ()))
        ]
        table = _table(rows)
        self.log.info("\n%s", table)
        no_shows = is_true(self.fail_on_no_show)
        bad = [row for row in rows if row["failed"] or (no_shows and row["outcome"] == "never_held")]
        if bad:
            raise AirflowFailException(f"{len(bad)} of {len(rows)} classes went wrong:\n{_table(bad)}")
        return {"classes": rows, "failed": 0}

    def _held(self, ti: Any, index: int) -> str:
        # Where the start is waited for as well, the end of what nobody began is not.
        for task in ("wait_for_end", "wait_for_start"):
            outcome = ti.xcom_pull(task_ids=f"{self.group}.{task}", map_indexes=index, key="outcome")
            if isinstance(outcome, dict):
                break
        else:
            return ""
        if outcome.get("conclusion") == "reached":
            # A platform that cannot tell whether it took place is not made to say so.
            unknown = (outcome.get("status") or {}).get("held") == "unknown"
            return "ended, held unknown" if unknown else "held"
        return str(outcome.get("conclusion", ""))

    def _cancelled(self, ti: Any, index: int) -> str:
        outcome = ti.xcom_pull(task_ids=self.cancel_task, map_indexes=index, key="return_value")
        if not isinstance(outcome, dict):
            return ""
        if outcome.get("confirmed"):
            before = outcome.get("state_before")
            return "cancelled" if before in ("scheduled", "cancelled", "absent") else str(before)
        until = outcome.get("links_valid_until")
        return f"cancelled, but links work until {until}" if until else "cancelled, not confirmed"

    def _row(self, one: Mapping[str, Any], states: dict[str, str], held: str) -> dict[str, Any]:
        failed = sorted(task for task, state in states.items() if state in FAILED)
        outcome = f"failed: {', '.join(failed)}" if failed else held or "unfinished"
        return {
            "title": one.get("title", ""),
            "start": one.get("start", ""),
            "outcome": outcome,
            "states": states,
            "failed": bool(failed),
        }


def _lane(states: Mapping[str, str], prefix: str, index: int) -> dict[str, str]:
    suffix = f"_{index}"
    return {
        name.removesuffix(suffix).rpartition(".")[2]: str(state)
        for name, state in states.items()
        if name.startswith(prefix) and name.endswith(suffix)
    }


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    lines = [("class", "start", "outcome")]
    lines += [(str(row["title"]), str(row["start"]), str(row["outcome"])) for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _days(window: tuple[datetime, datetime]) -> set[str]:
    length = (window[1] - window[0]).days + 2
    return {day_of(window[0] + timedelta(days=number)) for number in range(length)}
