"""Who was in a class, from the logs of its sessions. Pure.

Only the list of a space's sessions carries logs (PLATFORM-RULES, "Attendance"). A join and a leave belong
together by ``user_socket_id``; a missing leave is the session's end; two tabs of one person are one presence.
``billable_seconds`` is not used: it counts two tabs of one person.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_provider.live_sessions.artifacts.attendance import Presence, Stay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider.live_sessions.platforms.lessonspace.listed import LogEntry, Session

JOINED = "user-joined"
LEFT = "user-left"


def presences(sessions: Iterable[Session], participants: Mapping[str, str]) -> list[Presence]:
    """Return one presence for each person of the class, over all its sessions.

    Args:
        sessions: The class's sessions with their logs.
        participants: The caller's participant id for each Lessonspace user id, as the launch told them.
    """
    stays: dict[str, list[Stay]] = defaultdict(list)
    names: dict[str, tuple[str, str]] = {}
    for session in sessions:
        for person, name_and_role in named(session).items():
            names.setdefault(person, name_and_role)
            stays[person].extend(())
        for person, stay in _stays(session):
            stays[person].append(stay)
    return [
        Presence(
            platform_user_id=person,
            stays=tuple(sorted(there, key=lambda stay: stay.joined)),
            participant_id=participants.get(person, ""),
            name=names.get(person, ("", ""))[0],
            role=names.get(person, ("", ""))[1],
        )
        for person, there in sorted(stays.items())
    ]


def named(session: Session) -> dict[str, tuple[str, str]]:
    """Return the name and role of everybody whom a session's own list of people shows."""
    found: dict[str, tuple[str, str]] = {}
    for profile in session.profiles:
        found.setdefault(profile.key, (profile.name or "", profile.role or ""))
    for guest in session.guests:
        found.setdefault(f"guest:{guest.uuid}", ("", ""))
    return found


def _stays(session: Session) -> list[tuple[str, Stay]]:
    # A socket is one connection; older rows may lack it, then the person stands in for it.
    inside: dict[tuple[str, str], LogEntry] = {}
    found: list[tuple[str, Stay]] = []
    for entry in sorted(session.logs, key=lambda one: (one.date, one.id or 0)):
        person = person_of(entry)
        if person is None or entry.log_type not in (JOINED, LEFT):
            continue
        connection = (person, entry.user_socket_id or "")
        joined = inside.pop(connection, None)
        if joined is not None:
            found.append((person, Stay(joined.date, entry.date)))
        if entry.log_type == JOINED:
            inside[connection] = entry
        elif joined is None and session.start_time is not None:
            # A leave whose join is missing: they were in since some time after the start.
            found.append((person, Stay(session.start_time, entry.date)))
    found.extend((person, Stay(entry.date, session.end_time)) for (person, _), entry in inside.items())
    return found


def person_of(entry: LogEntry) -> str | None:
    """Return whom a line of the log is about; None for nobody."""
    if entry.profile:
        return entry.profile
    return f"guest:{entry.guest_uuid}" if entry.guest_uuid else None
