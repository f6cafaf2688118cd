"""The tables that an operator was told of, in the database behind its hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from airflow_provider.live_sessions.artifacts.export_sql import Tables

ARGUMENTS = {
    "sessions_table": "sessions",
    "participants_table": "participants",
    "segments_table": "segments",
    "classes_table": "classes",
    "class_people_table": "people",
}
"""Which of the tables each argument of an operator names."""


def tables_of(operator: BaseOperator, hook: DbApiHook) -> Tables:
    """Return the tables that an operator's arguments name; those it has no argument for have their usual names.

    Args:
        operator: Its arguments are read when it runs, for they are templates.
        hook: Of the database that they are in.

    Raises:
        ConfigurationError: The database is of a kind that is not known, or a name is none.
    """
    from airflow_provider.live_sessions.artifacts.export_sql import Tables

    names = {table: str(getattr(operator, name)) for name, table in ARGUMENTS.items() if hasattr(operator, name)}
    return Tables(hook.dialect_name, hook.placeholder, **names)
