"""The names of the tables that exports are loaded into, as fields of a form and as what operators are given.

A table that was renamed in one form has to be named alike in the others, so all of them ask in the same words.
"""

from __future__ import annotations

from airflow.sdk import Param

from airflow_provider.live_sessions.forms.fields import TECHNICAL

_HOLDS = {
    "sessions": "sessions",
    "participants": "participants",
    "segments": "what was said",
    "classes": "classes",
    "class_people": "people in classes",
}

ARGUMENTS = {f"{name}_table": f"{{{{ params.{name}_table }}}}" for name in _HOLDS}
"""The arguments of operators that work on tables, out of the fields."""


def names() -> dict[str, Param]:
    """Return a field for each table's name."""
    return {
        f"{name}_table": Param(name, type="string", minLength=1, title=f"Table of {holds}", section=TECHNICAL)
        for name, holds in _HOLDS.items()
    }
