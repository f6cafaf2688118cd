"""What an export brought home, loaded into a database."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseHook, BaseOperator

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.compat.features import prefer
from airflow_provider.live_sessions.core.errors import ConfigurationError, Transient
from airflow_provider.live_sessions.core.times import format_time
from airflow_provider.live_sessions.hooks.storage import open_storage, shared_destination
from airflow_provider.live_sessions.operators.identity import is_true
from airflow_provider.live_sessions.operators.lineage import Lineage, TellsLineage, of_place, of_table
from airflow_provider.live_sessions.operators.sql_tables import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context, XComArg
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from airflow_provider.live_sessions.artifacts.export_sql import Tables
    from airflow_provider.live_sessions.artifacts.manifest import Manifest
    from airflow_provider.live_sessions.artifacts.row_shapes import Shape
    from airflow_provider.live_sessions.core.storage import Storage
    from airflow_provider.live_sessions.operators.lineage import Data


class SessionsToSqlOperator(TellsLineage, BaseOperator):
    """Load the rows of exports into tables, as upserts in one transaction.

    A session is written over by its key (``platform``, ``conn_id``, ``session_id``) and its participants are
    replaced; so are a session's segments, and a class (``class_key``) with its people. What the tables hold of a
    file's account and time and the file does not is deleted. So loading again changes nothing, and a load that is
    killed leaves what was there. Attendance logs stay in the files. SQLite and PostgreSQL.

    Args:
        export: An export operator's result, or a list of them (several exports, or a mapped one): of sessions, of
            what was said, of classes, or of all of them.
        sql_conn_id: A connection of any provider of ``common.sql`` for SQLite or PostgreSQL.
        sessions_table: The table of sessions, with its schema where wanted.
        participants_table: The table of people in sessions.
        segments_table: The table of what was said.
        classes_table: The table of classes.
        class_people_table: The table of people in classes.
        create_tables: Make the tables that are needed where there are none.

    Returns:
        ``sessions``, ``participants``, ``segments``, ``classes``, ``people`` (those that were in the exports) and
        ``files``: how many were loaded.

    Raises:
        AirflowFailException: The export, the database or a table's name is none. A retry heals none of it.
        Transient: A file is not as its manifest says, or has none just now; nothing was changed.
    """

    template_fields: Sequence[str] = (
        "export",
        "sql_conn_id",
        "sessions_table",
        "participants_table",
        "segments_table",
        "classes_table",
        "class_people_table",
        "create_tables",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"export": "json"}
    ui_color = "#f4efdc"

    def __init__(
        self,
        *,
        export: Mapping[str, Any] | Sequence[Mapping[str, Any] | XComArg] | XComArg,
        sql_conn_id: str,
        sessions_table: str = "sessions",
        participants_table: str = "participants",
        segments_table: str = "segments",
        classes_table: str = "classes",
        class_people_table: str = "class_people",
        create_tables: bool | str = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**prefer(kwargs, retries=2))
        self.export = export
        self.sql_conn_id = sql_conn_id
        self.sessions_table = sessions_table
        self.participants_table = participants_table
        self.segments_table = segments_table
        self.classes_table = classes_table
        self.class_people_table = class_people_table
        self.create_tables = create_tables

    def execute(self, context: Context) -> dict[str, int]:
        """Verify the files, load them, commit once."""
        del context
        from airflow_provider.live_sessions.artifacts.export_files import rows_of

        with airflow_errors():
            exports = list(self._exports())
            hook: DbApiHook = BaseHook.get_hook(self.sql_conn_id)
            tables = tables_of(self, hook)
            loaded: dict[str, int] = {}
            with closing(hook.get_conn()) as connection:
                try:
                    with closing(connection.cursor()) as cursor:
                        for shape, manifests in _by_shape(exports):
                            if is_true(self.create_tables):
                                tables.create(cursor, shape)
                            for time in _times(manifests):
                                tables.forget(cursor, *time, shape)
                            rows = (row for storage, one in manifests for row in rows_of(storage, one))
                            loaded[shape.name], parts = tables.load(cursor, rows, shape)
                            if shape.part:
                                loaded[shape.part] = parts
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
            loaded["files"] = sum(len(manifest.files) for _, manifest in exports)
            self.log.info("Loaded %s.", ", ".join(f"{number} {what}" for what, number in loaded.items()))
            self.lineage = partial(self._lineage, hook, tables, dict(loaded))
            return loaded

    def _lineage(self, hook: DbApiHook, tables: Tables, loaded: Mapping[str, int]) -> Lineage:
        from airflow_provider.live_sessions.artifacts.row_shapes import SHAPES

        connection, dialect = hook.get_connection(self.sql_conn_id), hook.dialect_name
        written = []
        for shape in SHAPES.values():
            if shape.name not in loaded:
                continue
            counts = (loaded[name] for name in (shape.name, shape.part) if name)
            for (name, columns), rows in zip(tables.of(shape).items(), counts, strict=True):
                written.append(of_table(dialect, connection, name, rows=rows, columns=tuple(columns.items())))
        return Lineage(folders_read(self.export), tuple(written))

    def _exports(self) -> Iterator[tuple[Storage, Manifest]]:
        """Yield the manifests of the exports, their files held against them."""
        from airflow_provider.live_sessions.artifacts.export_checks import read

        for destination, name in dict.fromkeys(_manifests(self.export)):
            storage = open_storage(shared_destination(destination))
            manifest = read(storage, name)
            problems = manifest.verify(storage)
            if problems:
                raise Transient(
                    " ".join(problems),
                    advice="An export may be writing it just now, and the retry reads what is there then; "
                    "a file that stays as it is was harmed: export it again.",
                )
            if manifest.why:
                self.log.warning("%s is partial and loaded as it is: %s", name, manifest.why)
            yield storage, manifest


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


def _times(manifests: Sequence[tuple[Storage, Manifest]]) -> Iterator[tuple[str, str, str, str]]:
    """Yield the account and the time of each file that has one: all of its rows are counted in it."""
    for _, one in manifests:
        if one.planned_start is not None and one.planned_end is not None:
            yield one.platform, one.conn_id, format_time(one.planned_start), format_time(one.planned_end)


def folders_read(exports: Any) -> tuple[Data, ...]:
    """Return the datasets that exports were written to, each once."""
    folders = dict.fromkeys((place, name.partition("/date=")[0]) for place, name in _manifests(exports))
    return tuple(of_place(open_storage(shared_destination(place)).url(folder)) for place, folder in folders)


def _by_shape(
    exports: Sequence[tuple[Storage, Manifest]],
) -> list[tuple[Shape, list[tuple[Storage, Manifest]]]]:
    """Return the manifests by what their rows are, sessions first."""
    from airflow_provider.live_sessions.artifacts.row_shapes import SHAPES, shape_of

    known = [(shape_of(manifest.kind), storage, manifest) for storage, manifest in exports]
    for shape, _, manifest in known:
        if shape is None:
            raise ConfigurationError(
                f"{manifest.name} describes no export.", advice="Pass an export operator's output."
            )
    sorted_out = [
        (shape, [(storage, manifest) for one, storage, manifest in known if one is shape])
        for shape in SHAPES.values()
    ]
    return [(shape, manifests) for shape, manifests in sorted_out if manifests]
