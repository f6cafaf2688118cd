"""A form's fields are those its DAG names: what else a run was given would be ignored without a word."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.compat.border import airflow_errors
from airflow_provider.live_sessions.core.errors import ConfigurationError
from airflow_provider.live_sessions.core.reading import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


AIRFLOW_S_OWN = "airflow/"
"""How Airflow's own settings of a run begin, such as ``airflow/task_span_detail_level``: they are in no form."""


def refuse_unknown_fields(context: Mapping[str, Any]) -> None:
    """Refuse a run whose conf has a field that its DAG's form has not: a typing error, or a name of before.

    Airflow checks the fields that a DAG names and takes any other. :func:`session_of_form` looks by itself; where
    there is none, give this to a DAG's first task: ``pre_execute=refuse_unknown_fields``.

    Args:
        context: The task's context.

    Raises:
        AirflowFailException: There is such a field; the message names the one that was probably meant.
    """
    fields = list(context["dag"].params)
    with airflow_errors():
        check_names((one for one in context["dag_run"].conf or {} if not one.startswith(AIRFLOW_S_OWN)), fields)


def check_names(given: Iterable[str], fields: Iterable[str]) -> None:
    """Refuse names that are not a form's.

    Args:
        given: The names that came.
        fields: Those of the form.

    Raises:
        ConfigurationError: A name is not among them.
    """
    known = sorted(fields)
    unknown = sorted(set(given) - set(known))
    if unknown:
        told = "; ".join(f"{shown(one)}{_meant(one, known)}" for one in unknown)
        raise ConfigurationError(
            f"The form has no such field: {told}.",
            advice=f"Its fields are {', '.join(known)}. Trigger it again with one of them; nothing was done.",
        )


def _meant(name: str, known: list[str]) -> str:
    stem, _, unit = name.rpartition("_")
    renamed = f"{stem}_minutes" if unit == "seconds" else ""
    if renamed in known:
        return f" (it is {renamed} now, in minutes)"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f" (is {near[0]} meant?)" if near else ""
