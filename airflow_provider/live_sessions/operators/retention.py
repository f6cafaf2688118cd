"""Deleting what was brought home, after a period or for one person, on any platform and any storage."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from airflow_provider.live_sessions.artifacts.person import Person
from airflow_provider.live_sessions.artifacts.retention import OnePerson, Period
from airflow_provider.live_sessions.artifacts.retention_record import retire
from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.keys import LaunchKey
from airflow_provider.live_sessions.core.times import seconds_of
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_place
from airflow_provider.live_sessions.operators.sql_tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from airflow_provider.live_sessions.artifacts.retention import Scope

SHORTEST = 86_400.0
"""Seconds: what is younger than a day may still be written to by a task that is tried again."""


class RetireArtifactsOperator(TellsLineage, BaseOperator):
    """Delete what was brought home of sessions: after a period, or all that concerns one person.

    After a period everything goes that ended before it: each artifact with its manifest, files that a crash left,
    who was served, and claims. For one person, rows go out of tables and exports, and transcripts in which they
    speak or are named go whole; with ``sql_conn_id`` also in a database. Give ``older_than`` or ``person``, not
    both. Try it with ``report_only=True`` first.

    What Airflow itself keeps (XCom, logs, the run's own conf) is not touched: see ``docs/retention.md``.

    Args:
        older_than: The period (timedelta or seconds), at least a day; counts back from the run's ``run_after``.
        person: Every text that stands for the person: participant id, the platform's ids, name, address.
        kinds: Only files of these: ``transcript``, ``attendance``, ``recording``, ``usage``, ``handed-over``,
            ``claims`` or any other kind of manifest; all by default.
        destination: A folder, or any URL of Airflow's object storage; ``[live_sessions] destination`` by default.
        report_only: A dry run: delete nothing, write down and count what would go. (Airflow's operators have a
            method ``dry_run`` already.)
        sql_conn_id: A connection to the SQLite or PostgreSQL database into which ``SessionsToSqlOperator`` loaded
            exports. Rows go in one transaction, after the files: those counted before the period (of exports
            among the ``kinds``), or the person's. A table that is not there is told in ``left``.
        sessions_table: The table of sessions, with its schema where wanted.
        participants_table: The table of people in sessions.
        segments_table: The table of what was said.
        classes_table: The table of classes.
        class_people_table: The table of people in classes.

    Returns:
        ``report_only``; ``counts`` (``deleted``, ``rewritten`` and ``left`` files, ``rows`` taken out, ``bytes``
        deleted); ``tables``, how many rows of each table were deleted or changed; ``record``, where it is written
        what went, without names of people or content; ``left``, why files or tables were left, each reason once.

    Raises:
        AirflowFailException: Both or neither of ``older_than`` and ``person``, a period below a day, or none of
            the tables is in the database.
    """

    template_fields: Sequence[str] = (
        "older_than",
        "person",
        "kinds",
        "destination",
        "report_only",
        "sql_conn_id",
        "sessions_table",
        "participants_table",
        "segments_table",
        "classes_table",
        "class_people_table",
    )
    ui_color = "#fbe4dd"

    def __init__(
        self,
        *,
        older_than: timedelta | float | str | None = None,
        person: Sequence[str] | str | None = None,
        kinds: Sequence[str] | str = (),
        destination: str = "",
        report_only: bool | str = False,
        sql_conn_id: str = "",
        sessions_table: str = "sessions",
        participants_table: str = "participants",
        segments_table: str = "segments",
        classes_table: str = "classes",
        class_people_table: str = "class_people",
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.older_than = older_than
        self.person = person
        self.kinds = kinds
        self.destination = destination
        self.report_only = report_only
        self.sql_conn_id = sql_conn_id
        self.sessions_table = sessions_table
        self.participants_table = participants_table
        self.segments_table = segments_table
        self.classes_table = classes_table
        self.class_people_table = class_people_table

    def execute(self, context: Context) -> dict[str, Any]:
        """Find what has to go, write it down, delete it."""
        ti = context["ti"]
        with airflow_errors():
            scope = self._scope(context["dag_run"].run_after)
            report_only = is_true(self.report_only)
            absent: list[str] = []
            tables = self._tables(scope, absent)
            storage = open_storage(self.destination)
            # A retry goes on with the record of the try before it.
            key = LaunchKey.for_task(
                conn_id="",
                dag_id=ti.dag_id,
                run_id=ti.run_id,
                task_id=ti.task_id,
                map_index=-1 if ti.map_index is None else ti.map_index,
            )
            done = retire(
                storage,
                scope,
                key=key.digest,
                kinds=frozenset(_listed(self.kinds)),
                report_only=report_only,
                tables=tables,
            )
        self.log.info("%s %s", "Would go:" if report_only else "Gone:", {**done.counts, **done.tables})
        left = [*done.reasons, *absent]
        for reason in left:
            self.log.warning("Something was left. %s", reason)
        record = storage.url(done.name)
        self.lineage = partial(_lineage, record.removesuffix(done.name), report_only=report_only)
        return {
            "report_only": report_only,
            "counts": dict(done.counts),
            "tables": dict(done.tables),
            "record": record,
            "left": left,
        }

    def _tables(self, scope: Scope, absent: list[str]) -> Callable[[bool], dict[str, int]] | None:
        """Return what cleans the tables, or only counts; None where no database is given.

        Args:
            scope: What has to go.
            absent: Takes a sentence for each table that was to be cleaned and is not there.
        """
        if not self.sql_conn_id:
            return None
        from airflow_provider.live_sessions.artifacts.sql_erasure import erase, not_there
        from airflow_provider.live_sessions.artifacts.sql_retention import delete_before

        kinds = frozenset(_listed(self.kinds))
        hook: DbApiHook = BaseHook.get_hook(self.sql_conn_id)
        tables = tables_of(self, hook)

        def forget(report_only: bool) -> dict[str, int]:
            with closing(hook.get_conn()) as connection:
                try:
                    with closing(connection.cursor()) as cursor:
                        if isinstance(scope, Period):
                            done = delete_before(cursor, tables, scope.before, kinds, report_only=report_only)
                        else:
                            done = erase(cursor, tables, scope.person, report_only=report_only)
                        absent[:] = not_there(tables, done, kinds if isinstance(scope, Period) else ())
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
            return done

        return forget

    def _scope(self, run_after: datetime) -> Scope:
        people = _listed(self.person)
        if bool(people) is (self.older_than not in (None, "")):
            raise ConfigurationError("Give either a period (`older_than`) or a `person`.")
        if people:
            return OnePerson(Person(people), datetime.now(UTC))
        period = self.older_than
        seconds = seconds_of(period.total_seconds() if isinstance(period, timedelta) else period, "older_than")
        if seconds < SHORTEST:
            raise ConfigurationError(
                f"older_than is {seconds:g} seconds; less than a day deletes what tasks may still be writing."
            )
        try:
            return Period(run_after.astimezone(UTC) - timedelta(seconds=seconds))
        except OverflowError:
            raise ConfigurationError("older_than reaches back before the calendar begins.") from None


def _lineage(root: str, *, report_only: bool) -> Lineage:
    return Lineage(read=(of_place(root),)) if report_only else Lineage(written=(of_place(root, change="ALTER"),))


def _listed(value: object) -> tuple[str, ...]:
    """Return an argument that is one text, a list of them, or nothing."""
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(one) for one in value)  # type: ignore[attr-defined]  # a sequence by its annotation
