"""How the portal writes what it has: the catalogue, environments, sessions, schedules."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider.live_sessions.sandbox.educates.pages import broken, stamp

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider.live_sessions.sandbox.educates.options import Options
    from airflow_provider.live_sessions.sandbox.educates.state import Environment, Session, State, Store

_SUB_KEY = re.compile(r"(\w+)\[(\w+)\]")


def portal(store: Store, options: Options, url: str) -> dict[str, Any]:
    """Write what the catalogue says about the portal itself."""
    return {
        "name": options.portal,
        "labels": dict(store.labels),
        "uid": store.uid,
        "generation": store.generation,
        "url": url,
        "sessions": {
            "maximum": options.maximum,
            "registered": 0,
            "anonymous": options.anonymous,
            "allocated": len(store.allocated()),
        },
    }


def workshop(environment: Environment, *, resource: bool = True) -> dict[str, Any]:
    """Write the workshop of an environment.

    Args:
        environment: The environment.
        resource: With the resource's own name, and the alias as the name: the status has neither.
    """
    one = environment.workshop
    names = {"name": one.alias, "resource": one.resource} if resource else {"name": one.resource}
    return {
        **names,
        "title": one.resource.title(),
        "description": "",
        "vendor": "",
        "authors": [],
        "difficulty": "",
        "duration": "",
        "tags": [],
        "labels": dict(one.labels),
        "logo": "",
        "url": "",
    }


def numbers(environment: Environment) -> dict[str, int]:
    """Write an environment's numbers; a session without end has the duration 0."""
    return {
        "duration": int(environment.workshop.duration),
        "capacity": environment.capacity,
        "reserved": environment.workshop.reserved if environment.capacity else 0,
        "allocated": len(environment.allocated()),
        "available": len(environment.available()),
    }


def environment_sessions(environment: Environment, now: datetime) -> list[dict[str, Any]]:
    """Write the sessions of an environment that somebody owns."""
    return [
        {
            "name": one.name,
            "state": one.state.value,
            "namespace": one.name,
            "user": one.owner,
            "started": stamp(one.started),
            **_ending(one, now),
        }
        for one in environment.allocated()
    ]


def user_session(session: Session, now: datetime) -> dict[str, Any]:
    """Write a session of a user; it has no state."""
    return {
        "name": session.name,
        "namespace": session.name,
        "workshop": session.environment.workshop.resource,
        "environment": session.environment.name,
        "started": stamp(session.started),
        **_ending(session, now),
    }


def schedule(session: Session, now: datetime, *, extended: bool | None = None) -> dict[str, Any]:
    """Write a session's schedule, or the answer to an extension."""
    left = session.left(now)
    written: dict[str, Any] = {
        "status": session.state.value,
        "started": stamp(session.started),
        "expires": stamp(session.expires),
    }
    if extended is not None:
        written["extended"] = extended
    written["expiring"] = left is not None and int(left) < session.threshold
    if left is not None:
        written |= {"countdown": int(left), "extendable": session.extendable(now)}
    return written


def chosen(store: Store, query: str, states: set[State]) -> list[Environment]:
    """Return the environments that a catalogue query means, read as the portal reads it.

    Its parser splits each pair at every ``=`` (so a raw one in a value is a 500), takes only word characters in
    a label's key (a dash in it leaves the filter out), and does not read ``+`` as a space.
    """
    names: list[str] = []
    labels: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        parts = (pair if "=" in pair else f"{pair}=").split("=")
        if len(parts) != 2:
            raise broken()
        key, value = unquote(parts[0]), unquote(parts[1])
        sub = _SUB_KEY.match(key)
        if sub is not None and sub[1] == "labels":
            labels[sub[2]] = value
        elif key == "name":
            names.append(value)
    found = [one for one in store.environments if one.state in states]
    if any(not one.attached for one in found):
        raise broken()
    return [
        one
        for one in found
        if (not names or one.workshop.resource in names)
        and all({**store.labels, **one.workshop.labels}.get(key) == value for key, value in labels.items())
    ]


def _ending(session: Session, now: datetime) -> dict[str, Any]:
    left = session.left(now)
    if left is None:
        return {}
    return {
        "expires": stamp(session.expires),
        "countdown": int(left),
        "extendable": session.extendable(now),
    }
