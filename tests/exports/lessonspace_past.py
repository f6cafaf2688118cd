"""A past for the sandbox's Lessonspace, made up with the truth of it: what an export has to find."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.lessonspace.state import Connection, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.live_sessions.sandbox import Sandbox

Truth = dict[str, dict[str, Any]]
"""By id, what a session's row has to say: every column but ``conn_id``."""


def fill(
    sandbox: Sandbox, begin: datetime, end: datetime, sessions: int, *, seed: int = 7, rooms: int | None = None
) -> Truth:
    """Let sessions have been held between two moments; return for each id what its row has to say."""
    held = hold(sandbox, begin, end, sessions, seed=seed, rooms=rooms)
    return {row["session_id"]: row for row in held}


def hold(
    sandbox: Sandbox, begin: datetime, end: datetime, sessions: int, *, seed: int = 7, rooms: int | None = None
) -> Iterator[dict[str, Any]]:
    """Let sessions be held one after the other; yield what the row of each has to say."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    store = sandbox.lessonspace._store
    span = (end - begin).total_seconds()
    starts = sorted(chance.uniform(0, span) for _ in range(sessions))
    for number, offset in enumerate(starts):
        start = begin + timedelta(seconds=round(offset))
        launch_id = f"room-{number if rooms is None else number % rooms}"
        space = store.by_launch_id.get(launch_id) or store.new_space(launch_id, "eu", start)
        space.name = f"Raum {launch_id}" if len(launch_id) % 2 else None
        session = store.start_session(space, str(uuid.UUID(int=chance.getrandbits(128), version=4)), start)
        session.name = f"Klasse {number} - ä\u2028{chance.choice(['', '=1+1', 'Ω'])}"
        session.tags = {"als_key": f"{number:032x}", "group": "b"} if number % 3 else {}
        session.ended_at = start + timedelta(seconds=chance.choice([40, 1800, 3600, 7200, 20 * 3600]))
        store.live.pop(session.number, None)
        space.live = None
        people = [
            _stay(store, session, f"p-{chance.randrange(500)}-{seat}", chance)
            for seat in range(chance.randrange(1, 5))
        ]
        session.logs.sort(key=lambda line: (line.at, line.number))
        yield {
            "platform": "lessonspace",
            "session_id": session.uuid,
            "counted_at": session.ended_at.isoformat(),
            "launch_key": f"{number:032x}" if number % 3 else "",
            "room": space.id,
            "title": session.name,
            "planned_start": None,
            "planned_end": None,
            "started_at": start.isoformat(),
            "ended_at": session.ended_at.isoformat(),
            "held": "yes" if len(people) > 1 else "no",
            "minutes": round((session.ended_at - start).total_seconds() / 60, 3),
            "participants": sorted(people, key=lambda one: (one["joined_at"], one["person_id"])),
            "attendance_known": True,
            "logs": [
                {
                    "at": line.at.isoformat(),
                    "kind": line.kind,
                    "person_id": str(line.person.number) if line.person else "",
                    "connection": line.socket_id,
                }
                for line in session.logs
            ],
            "usage_minutes": None,
            "cost_in_cents": None,
            "extras": {
                "billable_seconds": session.billable_seconds(session.ended_at),
                "room_name": space.name or "",
                "tags": {"group": "b"} if number % 3 else {},
            },
        }


def _stay(store: Any, session: Session, who: str, chance: random.Random) -> dict[str, Any]:
    """Let a person be in, sometimes with two devices, sometimes without a leave in the log."""
    assert session.ended_at is not None
    person = store.person(who, f"Name of {who}")
    length = (session.ended_at - session.started_at).total_seconds()
    joined = session.started_at + timedelta(seconds=int(chance.uniform(0, length / 2)))
    left = session.started_at + timedelta(seconds=int(chance.uniform(length / 2 + 1, length)))
    session.people[person.number] = person
    _visit(store, session, person, joined, left)
    if chance.random() < 0.3:
        _visit(store, session, person, joined + timedelta(seconds=1), left)
    if chance.random() < 0.1:
        session.logs.pop()  # the last leave is not in the log: then it is the end of the session
        left = session.ended_at
    return {
        "person_id": str(person.number),
        "participant_id": "",
        "name": person.name,
        "role": person.role,
        "joined_at": joined.isoformat(),
        "left_at": left.isoformat(),
        "minutes": round((left - joined).total_seconds() / 60, 3),
    }


def _visit(store: Any, session: Session, person: Any, joined: datetime, left: datetime) -> None:
    socket = f"socket-{len(session.connections)}"
    tab = Connection(socket, person, "", person.name, False, socket, {}, joined, left)
    session.connections.append(tab)
    store.note(session, "user-joined", joined, tab)
    store.note(session, "user-left", left, tab)


def without_attendance(truth: dict[str, Any]) -> dict[str, Any]:
    """Return what a session's row has to say where no room was asked for its logs."""
    unknown = {"joined_at": None, "left_at": None, "minutes": None}
    people = sorted(truth["participants"], key=lambda one: str(one["person_id"]))
    nothing: dict[str, Any] = {"attendance_known": False, "logs": []}
    return {**truth, **nothing, "participants": [{**one, **unknown} for one in people]}


def of_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the form of the truth."""
    return {name: value for name, value in row.items() if name != "conn_id"}


def ended(truth: Truth, since: datetime, until: datetime) -> Truth:
    """Return what ended within a time."""
    return {key: one for key, one in truth.items() if since <= datetime.fromisoformat(one["counted_at"]) < until}
