"""Pasts for the sandbox's Screenleap and Coviu, made up with the truth of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider.live_sessions.sandbox.coviu.state import Participant, Session, Visit, new_id

if TYPE_CHECKING:
    from airflow_provider.live_sessions.sandbox import Sandbox

Truth = dict[str, dict[str, Any]]


def fill_screenleap(sandbox: Sandbox, begin: datetime, end: datetime, shares: int, *, seed: int = 5) -> Truth:
    """Let shares have been watched between two moments; return for each external id what its row has to say."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    store = sandbox.screenleap._store
    truth: Truth = {}
    for number in range(shares):
        start = begin + timedelta(seconds=round(chance.uniform(0, (end - begin).total_seconds())))
        key = f"|als1:{number:032x}" if number % 2 else ""
        share = store.create(
            start - timedelta(minutes=5), external_id=f"case-{number}{key}", title=f"Demo {number}"
        )
        store.present(share, start)
        viewers = [f"v-{number}-{seat}" for seat in range(chance.randrange(4))]
        for one in viewers:
            store.view(share, one, start + timedelta(seconds=chance.randrange(60)))
        over = start + timedelta(seconds=chance.choice([300, 3600, 30 * 3600]))
        store.end(share, over)
        if viewers:
            truth[f"case-{number}"] = {
                "launch_key": f"{number:032x}" if number % 2 else "",
                "title": f"Demo {number}",
                "started_at": start.isoformat(),
                "ended_at": over.isoformat(),
                "counted_at": over.isoformat(),
                "held": "yes",
                "people": sorted(["", *viewers]),
            }
    return truth


def of_share(row: dict[str, Any]) -> dict[str, Any]:
    """Return a share's row in the form of the truth."""
    kept = ("launch_key", "title", "started_at", "ended_at", "counted_at", "held")
    return {
        **{name: row[name] for name in kept},
        "people": sorted(one["participant_id"] for one in row["participants"]),
    }


def fill_coviu(sandbox: Sandbox, begin: datetime, end: datetime, sessions: int, *, seed: int = 3) -> Truth:
    """Let appointments have been planned between two moments; return for each id what its row has to say."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    store = sandbox.coviu._store
    truth: Truth = {}
    for number in range(sessions):
        start = begin + timedelta(seconds=round(chance.uniform(0, (end - begin).total_seconds())))
        planned_end = start + timedelta(minutes=chance.choice([15, 60, 720]))
        session = Session(new_id(), f"Consultation {number}", start, planned_end, start - timedelta(days=1))
        store.add_session(session)
        came = []
        people: dict[str, tuple[str | None, str | None]] = {}
        for seat in range(chance.randrange(1, 4)):
            state = f"p-{number}-{seat}" + (f"|als1:{number:032x}" if seat == 0 else "")
            role = "GUEST" if seat else "HOST"
            person = Participant(new_id(), session.id, role, display_name=f"Person {seat}", state=state)
            store.add_participant(session, person)
            people[f"p-{number}-{seat}"] = (None, None)
            if chance.random() < 0.7:
                entered = start + timedelta(seconds=chance.randrange(300))
                left = start + timedelta(seconds=chance.randrange(400, 900))
                person.visits.append(Visit(entered, left))
                came.append((entered, left))
                people[f"p-{number}-{seat}"] = (entered.isoformat(), left.isoformat())
            if chance.random() < 0.1:
                person.deleted_at = planned_end
        session.actual_end = max((left for _, left in came), default=None)
        if number % 10 == 9:
            session.canceled = start - timedelta(hours=1)
            continue
        truth[session.id] = {
            "session_id": session.id,
            "launch_key": f"{number:032x}",
            "title": session.name,
            "planned_start": start.isoformat(),
            "planned_end": planned_end.isoformat(),
            "counted_at": planned_end.isoformat(),
            "started_at": min(came)[0].isoformat() if came else None,
            "ended_at": session.actual_end.isoformat() if session.actual_end else None,
            "held": {0: "no", 1: "unknown"}.get(len(came), "yes"),
            "people": people,
        }
    return truth


def of_appointment(row: dict[str, Any]) -> dict[str, Any]:
    """Return an appointment's row in the form of the truth."""
    kept = ("launch_key", "title", "planned_start", "planned_end", "counted_at", "started_at", "ended_at", "held")
    return {
        "session_id": row["session_id"],
        **{name: row[name] for name in kept},
        "people": {one["participant_id"]: (one["joined_at"], one["left_at"]) for one in row["participants"]},
    }
