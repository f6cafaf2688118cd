"""What an export brought home, loaded into a database."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_place, of_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from airflow_provider.live_sessions.artifacts.export_sql import Tables
    from airflow_provider.live_sessions.core.storage import Storage
    from airflow_provider.live_sessions.operators.lineage import Data


class SessionsToSqlOperator(TellsLineage, BaseOperator):
    """Load the rows of exports into two tables, as an upsert in one transaction.

    A session is written over by its key (``platform``, ``conn_id``, ``session_id``) and its participants are
    replaced, so loading again changes nothing, and a load that is killed leaves what was there. Attendance logs
    stay in the files. SQLite and PostgreSQL.

    Args:
        export: An export operator's result, or a list of them (several exports, or a mapped one).
        sql_conn_id: A connection of any provider of ``common.sql`` for SQLite or PostgreSQL.
        sessions_table: The table of sessions, with its schema where wanted.
        participants_table: The table of people.
        create_tables: Make the tables where there are none.

    Returns:
        ``sessions``, ``participants`` and ``files``: how many were loaded.
    """

    template_fields: Sequence[str] = (
        "export",
        "sql_conn_id",
        "sessions_table",
        "participants_table",
        "create_tables",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"export": "json"}
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        export: Mapping[str, Any] | Sequence[Mapping[str, Any]] | XComArg,
        sql_conn_id: str,
        sessions_table: str = "sessions",
        participants_table: str = "participants",
        create_tables: bool | str = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.export = export
        self.sql_conn_id = sql_conn_id
        self.sessions_table = sessions_table
        self.participants_table = participants_table
        self.create_tables = create_tables

    def execute(self, context: Context) -> dict[str, int]:
        """Verify the files, load them, commit once."""
        del context
        with airflow_errors():
            files = list(self._files())
            hook: DbApiHook = BaseHook.get_hook(self.sql_conn_id)
            tables = self._tables(hook)
            with closing(hook.get_conn()) as connection:
                try:
                    with closing(connection.cursor()) as cursor:
                        if is_true(self.create_tables):
                            tables.create(cursor)
                        sessions, people = tables.load(cursor, _rows(files))
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
            self.log.info("Loaded %d sessions with %d participants of %d files.", sessions, people, len(files))
            self.lineage = partial(self._lineage, hook, sessions, people)
            return {"sessions": sessions, "participants": people, "files": len(files)}

    def _lineage(self, hook: DbApiHook, sessions: int, people: int) -> Lineage:
        from airflow_provider.live_sessions.artifacts.export_sql import PERSON_COLUMNS, SESSION_COLUMNS

        connection, dialect = hook.get_connection(self.sql_conn_id), hook.dialect_name
        tables = (
            (self.sessions_table, sessions, SESSION_COLUMNS),
            (self.participants_table, people, PERSON_COLUMNS),
        )
        written = (
            of_table(dialect, connection, name, rows=rows, columns=tuple(columns.items()))
            for name, rows, columns in tables
        )
        return Lineage(folders_read(self.export), tuple(written))

    def _tables(self, hook: DbApiHook) -> Tables:
        from airflow_provider.live_sessions.artifacts.export_sql import Tables

        return Tables(hook.dialect_name, hook.placeholder, self.sessions_table, self.participants_table)

    def _files(self) -> Iterator[tuple[Storage, str]]:
        """Yield each file that the exports describe, held against its manifest."""
        from airflow_provider.live_sessions.artifacts.manifest import Manifest

        for destination, name in dict.fromkeys(_manifests(self.export)):
            storage = open_storage(shared_destination(destination))
            try:
                manifest = Manifest.from_bytes(storage.get(name))
            except FileNotFoundError:
                raise ConfigurationError(f"There is no {name}.", advice="Export it again.") from None
            problems = manifest.verify(storage)
            if problems:
                raise ConfigurationError(" ".join(problems), advice="Export it again: it is then written anew.")
            if manifest.why:
                self.log.warning("%s is partial and loaded as it is: %s", name, manifest.why)
            for entry in manifest.files:
                yield storage, entry.name


def _manifests(exports: Any) -> Iterator[tuple[str, str]]:
    listed = [exports] if hasattr(exports, "keys") else exports
    try:
        for one in listed:
            for name in one["manifests"]:
                yield str(one["destination"]), str(name)
    except (KeyError, TypeError):
        raise ConfigurationError(
            "`export` is not the result of an export.", advice="Pass an export operator's output."
        ) from None


def folders_read(exports: Any) -> tuple[Data, ...]:
    """Return the datasets that exports were written to, each once."""
    folders = dict.fromkeys((place, name.partition("/date=")[0]) for place, name in _manifests(exports))
    return tuple(of_place(open_storage(shared_destination(place)).url(folder)) for place, folder in folders)


def _rows(files: Sequence[tuple[Storage, str]]) -> Iterator[dict[str, Any]]:
    from airflow_provider.live_sessions.artifacts.export_files import FileFormat, decode

    for storage, name in files:
        yield from decode(storage.read(name), FileFormat.of(name.rpartition(".")[2]))
