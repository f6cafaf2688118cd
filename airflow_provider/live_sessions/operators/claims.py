"""Whether a class is still in a lane's hands, looked at just before something is done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider.live_sessions.core.errors import TooLate
from airflow_provider.live_sessions.hooks.storage import open_storage
from airflow_provider.live_sessions.schedules.claims import ClaimBook, Ticket

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.live_sessions.schedules.claims import Claim


def taken_by(claim: Mapping[str, Any]) -> Claim | None:
    """Return the claim of the run that has a lane's class now; None while the lane has it, or there is no claim.

    Args:
        claim: The lane's ticket as ``SelectClassesOperator`` gave it; empty where there was no timetable.
    """
    if not claim:
        return None
    ticket = Ticket.from_json(claim)
    return ticket.taken_by(open_storage(ticket.destination))


def skip_if_taken(claim: Mapping[str, Any]) -> None:
    """Stop a lane whose class another run has taken over, changed or cancelled.

    Args:
        claim: The lane's ticket as ``SelectClassesOperator`` gave it; empty where there was no timetable.

    Raises:
        AirflowSkipException: It is in other hands now; the message says in whose.
    """
    taken = taken_by(claim)
    if taken is not None:
        doing = "cancelled" if taken.action == "cancel" else "taken over"
        title = Ticket.from_json(claim).claim.title
        raise AirflowSkipException(f"{title!r} was {doing} by run {taken.run_id!r}; this lane lets go.")


def refuse_if_taken(claim: Mapping[str, Any]) -> None:
    """Refuse to act on a class that another run has taken over, changed or cancelled.

    Args:
        claim: The lane's ticket as ``SelectClassesOperator`` gave it; empty where there was no timetable.

    Raises:
        TooLate: It is in other hands now; the message says in whose.
    """
    taken = taken_by(claim)
    if taken is not None:
        doing = "cancelled it" if taken.action == "cancel" else "has it now"
        title = Ticket.from_json(claim).claim.title
        raise TooLate(f"{title!r} is no longer this run's: run {taken.run_id!r} {doing}.", advice="Name that run.")


def claims_url(claim: Mapping[str, Any]) -> str:
    """Return where a lane's claim lies, with the others of its timetable."""
    ticket = Ticket.from_json(claim)
    return ClaimBook(open_storage(ticket.destination), ticket.folder).url
