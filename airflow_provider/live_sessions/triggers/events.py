"""The one shape of what a trigger tells its task, written and checked here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.core import errors
from airflow_provider.live_sessions.core.errors import ConfigurationError, LiveSessionError, Unavailable
from airflow_provider.live_sessions.core.polling import Milestone, Outcome
from airflow_provider.live_sessions.core.redact import shorten
from airflow_provider.live_sessions.core.status import Seen

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1

LONGEST_TEXT = 600
"""Characters of a part of an error's message."""

_SAID = ("what", "platform", "conn_id", "advice")
"""What an error is made of; an event of an older release has the whole message only."""


_LOOK_ANEW = "The retry looks anew and waits on."


def outcome_event(outcome: Outcome) -> dict[str, Any]:
    """Return the event that ends a wait for a session."""
    return {"version": VERSION, "kind": "outcome", "outcome": outcome.to_json()}


def milestone_event(milestone: Milestone) -> dict[str, Any]:
    """Return the event after which the task defers again, with what must not be forgotten."""
    return {"version": VERSION, "kind": "milestone", "seen": milestone.seen.to_json()}


def artifact_event(verdicts: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """Return the event that ends a wait for artifacts.

    Args:
        verdicts: ``{session id: {"readiness": ..., "why": ...}}``.
    """
    verdict_of = {session_id: dict(one) for session_id, one in verdicts.items()}
    return {"version": VERSION, "kind": "artifact", "verdicts": verdict_of}


def error_event(error: LiveSessionError) -> dict[str, Any]:
    """Return the event of a wait that cannot even begin."""
    said = {name: getattr(error, name) for name in _SAID}
    return {"version": VERSION, "kind": "error", "error": type(error).__name__, "message": str(error), **said}


def read_event(event: object, kind: str) -> dict[str, Any]:
    """Check an event on its arrival and return it.

    Args:
        event: What Airflow handed over.
        kind: ``outcome`` or ``artifact``: what the task waited for.

    Raises:
        Unavailable: The trigger could make nothing of its row, or the event has another shape: Airflow's retry
            looks anew and waits on. It was this package that wrote the row, so no user has anything to put right;
            what is wrong with the task itself is found by the retry's own look.
        LiveSessionError: The trigger reported another error; it is raised again here, in its own class.
    """
    if isinstance(event, dict) and event.get("kind") == "error":
        known = getattr(errors, str(event.get("error")), LiveSessionError)
        if not (isinstance(known, type) and issubclass(known, LiveSessionError)):
            known = LiveSessionError
        message = _text(event.get("message")) or "The wait could not begin."
        said = {name: _text(event.get(name)) for name in _SAID}
        said["what"] = said["what"] or message
        if issubclass(known, ConfigurationError):
            what = f"The wait could not go on in the triggerer: {said['what'].rstrip('.')}."
            raise Unavailable(**{**said, "what": what, "advice": _LOOK_ANEW})
        raise known(**said)
    if not isinstance(event, dict) or event.get("kind") != kind or kind not in ("outcome", "artifact"):
        raise Unavailable(
            f"The trigger sent an event of another shape than {kind!r}.",
            advice=f"{_LOOK_ANEW} Worker and triggerer should run the same release of this package.",
        )
    return event


def _text(value: object) -> str:
    return shorten(value, LONGEST_TEXT) if isinstance(value, str) else ""


def read_milestone(event: object) -> Seen | None:
    """Return what a milestone wants remembered; None for any other event."""
    if not isinstance(event, dict) or event.get("kind") != "milestone":
        return None
    seen = event.get("seen")
    return Seen.from_json(seen if isinstance(seen, dict) else {})


def read_outcome(event: object) -> Outcome:
    """Return the outcome in an event; see :func:`read_event`."""
    data = read_event(event, "outcome").get("outcome")
    return Outcome.from_json(data if isinstance(data, dict) else {})
